; CPUID: what is hidden, what is offered, what follows the guest's own state.
        %include "guest.inc"

%macro leaf 1-2 0
        mov     rax, 0xdeadbeef00000000 | %1
        mov     rcx, 0xdeadbeef00000000 | %2
        mov     rbx, -1
        mov     rdx, -1
        cpuid
%endmacro

start:  begin64
        leaf    0
        mov     [max], eax
        cmp     ebx, 'Auth'
        sete    al
        cmp     ebx, 'Genu'
        sete    bl
        or      al, bl
        movzx   eax, al
        check_eq "vendor is Intel or AMD", rax, 1
        cmp     dword [max], 0x16
        setae   al
        movzx   eax, al
        check_eq "leaf 0 reaches 16h", rax, 1

        leaf    1
        check_bits "VMX is hidden", rcx, 1 << 5, 0
        check_bits "SMX is hidden", rcx, 1 << 6, 0
        check_bits "MONITOR is hidden", rcx, 1 << 3, 0
        check_bits "PDCM is hidden", rcx, 1 << 15, 0
        check_bits "x2APIC is offered", rcx, 1 << 21, 1 << 21
        check_bits "TSC deadline is offered", rcx, 1 << 24, 1 << 24
        check_bits "a hypervisor is announced", rcx, 0x80000000, 0x80000000
        check_bits "MTRR is hidden", rdx, 1 << 12, 0
        check_bits "an APIC is offered", rdx, 1 << 9, 1 << 9
        check_bits "the upper halves are cleared, RCX", rcx, 0xffffffff00000000, 0
        check_bits "the upper halves are cleared, RDX", rdx, 0xffffffff00000000, 0
        shr     rbx, 16
        check_eq "one logical CPU with APIC ID 0", rbx, 1

        leaf    7
        check_bits "SGX and PT are hidden", rbx, 1 << 2 | 1 << 25, 0
        check_bits "CET, LA57, WAITPKG, SGX_LC are hidden", rcx, 1 << 7 | 1 << 16 | 1 << 5 | 1 << 30, 0
        check_bits "IBT is hidden", rdx, 1 << 20, 0
        leaf    0x80000001
        check_bits "SVM is hidden", rcx, 1 << 2, 0
        check_bits "long mode is offered", rdx, 1 << 29, 1 << 29

        leaf    0x40000000
        check_eq "the first signature: pxHV", rbx, 'pxHV'
        check_eq "the first signature:  pxH", rcx, ' pxH'
        check_eq "the first signature: V px", rdx, 'V px'
        leaf    0x40000100
        check_eq "the second signature: KVMK", rbx, 'KVMK'
        check_eq "the second signature: VMKV", rcx, 'VMKV'
        check_eq "the second signature: M", rdx, 'M'
        leaf    0x40000101
        check_eq "KVM's features: PV EOI and the clock", rax, 1 << 3 | 1 << 6 | 1 << 24

        leaf    0x15
        mul     ebx
        test    eax, eax
        setnz   al
        test    ecx, ecx
        setnz   ah
        movzx   eax, ax
        check_eq "leaf 15h has numbers", rax, 0x0101
        leaf    0x16
        test    eax, eax
        setnz   al
        movzx   eax, al
        check_eq "leaf 16h has a number", rax, 1
        leaf    0x8fffffff
        check_eq "a leaf that is not there is 0", rax, 0

; OSXSAVE follows CR4, leaf 0Dh follows XCR0, as far as this CPU has them.
        leaf    1
        mov     [features], ecx
        check_bits "OSXSAVE is clear at first", rcx, 1 << 27, 0
        test    ecx, 1 << 26
        jz      .no_xsave
        mov     rax, cr4
        or      eax, 1 << 18
        mov     cr4, rax
        mov     dword [osxsave], 1 << 27
        mov     dword [size], 576
        mov     dword [size_avx], 576
.no_xsave:
        leaf    1
        check_bits "OSXSAVE follows CR4", rcx, 1 << 27, [osxsave]
        leaf    0xd
        check_eq "leaf 0Dh with only x87", rbx, [size]
        test    dword [features], 1 << 28
        jz      .no_avx
        xor     ecx, ecx
        xor     edx, edx
        mov     eax, 7
        xsetbv
        mov     dword [size_avx], 832
.no_avx:
        leaf    0xd
        check_eq "leaf 0Dh with x87, SSE, AVX", rbx, [size_avx]
        finish

        section .data
max:            dq 0
features:       dq 0
osxsave:        dq 0
size:           dq 0
size_avx:       dq 0
