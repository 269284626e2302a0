; From protected mode into 64-bit mode and out again, by the guest itself, twice.
%define START_BITS 32
        %include "guest.inc"

EFER            equ 0xc0000080
CR0_PG          equ 1 << 31
CR0_START       equ 0x11
CR4_PAE         equ 1 << 5

%macro efer_is 2
        mov     ecx, EFER
        rdmsr
        check_eq %1, A, %2
%endmacro

start:  begin32
        mov     eax, cr0
        check_eq "CR0 at the start", eax, CR0_START
        mov     eax, cs
        check_eq "CS at the start", eax, SEL_CODE32
        efer_is "EFER at the start", 0

; Everything to itself with 2 MiB pages, the first GiB; and 1 GiB higher once more.
        mov     dword [pml4], pdpt + 3
        mov     dword [pdpt], pd + 3
        mov     dword [pdpt + 8], pd + 3
        xor     ecx, ecx
        mov     eax, 0x83
.pages: mov     [pd + ecx * 8], eax
        add     eax, 0x200000
        inc     ecx
        cmp     ecx, 512
        jb      .pages
        mov     eax, pml4
        mov     cr3, eax

        mov     ecx, EFER
        mov     eax, 0x100
        mov     edx, 0
        wrmsr
        efer_is "LME alone is not yet long mode", 0x100
        mov     eax, CR0_START | CR0_PG
        faults  "paging with LME but without PAE", GP_VECTOR, 0, {mov cr0, eax}
        mov     eax, CR4_PAE
        mov     cr4, eax
        mov     dword [rounds], 2

again:  mov     eax, CR0_START | CR0_PG
        mov     cr0, eax
        efer_is "paging makes it long mode: LMA", 0x500
        jmp     SEL_CODE64:long_mode
        use_bits 64
long_mode:
        mov     rax, 0x1122334455667788
        mov     [number], rax
        mov     rbx, 0x40000000 + number
        check_eq "64-bit code and its page tables", [rbx], 0x1122334455667788
        mov     eax, 0
        cpuid
        efer_is "EFER in 64-bit mode", 0x500
        in      eax, 0xf1
        check_eq "IN in 64-bit mode", rax, 0xffffffff

        push    SEL_CODE32
        push    compatible
        retfq
        use_bits 32
compatible:
        mov     eax, cs
        check_eq "compatibility mode", eax, SEL_CODE32
        efer_is "EFER in compatibility mode", 0x500
        mov     eax, 0x40000000
        cpuid
        check_eq "CPUID in compatibility mode", ebx, 'pxHV'
        in      al, 0xf1
        mov     eax, CR0_START
        mov     cr0, eax
        efer_is "no paging: LMA is off", 0x100
        mov     eax, [number]
        check_eq "memory with no paging", eax, 0x55667788
        dec     dword [rounds]
        jnz     again

        mov     ecx, EFER
        mov     eax, 0
        mov     edx, 0
        wrmsr
        efer_is "LME off", 0
        finish

        section .bss
        alignb  4096
pml4:           resb 4096
pdpt:           resb 4096
pd:             resb 4096
number:         resq 1
rounds:         resd 1
