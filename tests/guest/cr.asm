; Control registers: what reads back, what is refused, CLTS and LMSW, CR8, debug registers.
        %include "guest.inc"

CR0_TS          equ 1 << 3
CR0_NE          equ 1 << 5
CR0_WP          equ 1 << 16
CR0_AM          equ 1 << 18
CR0_NW          equ 1 << 29
CR0_CD          equ 1 << 30
CR0_PG          equ 1 << 31
CR0_START       equ 0x80000011
CR4_START       equ 0x20

%macro keeps_cr0 2
        mov     rax, %2
        mov     cr0, rax
        mov     rbx, cr0
        check_eq %1, rbx, %2
%endmacro

; refuses "what", register, value
%macro refuses 3
        mov     rax, %3
        faults  %1, GP_VECTOR, 0, {mov %2, rax}
%endmacro

start:  begin64
        mov     rax, cr0
        check_eq "CR0 at the start", rax, CR0_START
        keeps_cr0 "CR0.WP, AM, MP", CR0_START | CR0_WP | CR0_AM | 2
        keeps_cr0 "CR0.NE can be set", CR0_START | CR0_NE
        keeps_cr0 "CR0.NE can be cleared", CR0_START
        keeps_cr0 "CR0.CD reads back", CR0_START | CR0_CD
        keeps_cr0 "CR0.CD and NW read back", CR0_START | CR0_CD | CR0_NW
        keeps_cr0 "CR0.CD and NW are off again", CR0_START
        mov     rax, CR0_START & ~0x10
        mov     cr0, rax
        mov     rbx, cr0
        check_eq "CR0.ET is always 1", rbx, CR0_START
        refuses "CR0.NW without CD", cr0, CR0_START | CR0_NW
        refuses "CR0.PG without PE", cr0, CR0_START & ~1
        refuses "CR0.PG off in 64-bit mode", cr0, CR0_START & ~CR0_PG
        refuses "CR0, the upper half", cr0, CR0_START | 1 << 32
        mov     rax, cr0
        check_eq "CR0 as before", rax, CR0_START

        keeps_cr0 "CR0.TS is set", CR0_START | CR0_TS
        clts
        mov     rax, cr0
        check_eq "CLTS", rax, CR0_START
        mov     eax, 0xfff8             ; sets TS, cannot clear PE
        lmsw    ax
        mov     rax, cr0
        check_eq "LMSW sets TS, cannot clear PE", rax, CR0_START | CR0_TS
        mov     word [scratch], 0x0006
        lmsw    [scratch]
        smsw    rax
        check_eq "LMSW from memory, SMSW", rax, CR0_START | 6
        mov     eax, 0
        lmsw    ax

        mov     rax, cr4
        check_eq "CR4 at the start", rax, CR4_START
        mov     rax, CR4_START | 1 << 7 | 1 << 2 | 1 << 9
        mov     cr4, rax
        mov     rbx, cr4
        check_eq "CR4.PGE, DE, OSFXSR", rbx, rax
        mov     rax, CR4_START | 1 << 6
        mov     cr4, rax
        mov     rbx, cr4
        check_eq "CR4.MCE can be set", rbx, rax
        mov     rax, CR4_START
        mov     cr4, rax
        mov     rbx, cr4
        check_eq "CR4.MCE can be cleared", rbx, rax
        refuses "CR4.VMXE", cr4, CR4_START | 1 << 13
        refuses "CR4.SMXE", cr4, CR4_START | 1 << 14
        refuses "CR4.LA57", cr4, CR4_START | 1 << 12
        refuses "CR4.CET", cr4, CR4_START | 1 << 23
        refuses "CR4, a reserved bit", cr4, CR4_START | 1 << 15
        refuses "CR4, the upper half", cr4, CR4_START | 1 << 40
        refuses "CR4.PAE off in 64-bit mode", cr4, 0
        mov     rax, cr4
        check_eq "CR4 as before", rax, CR4_START

        mov     rax, cr3
        mov     rbx, rax
        or      rax, 0x18
        mov     cr3, rax
        mov     rcx, cr3
        check_eq "CR3 with PWT and PCD", rcx, rax
        mov     cr3, rbx

        mov     eax, 15
.next:  mov     cr8, rax
        mov     rbx, cr8
        cmp     rax, rbx
        jne     .odd
        dec     eax
        jns     .next
        mov     ebx, -1
        mov     eax, -1
.odd:   check_eq "CR8 takes 0 to 15", rbx, rax
        mov     r9d, 9
        mov     cr8, r9
        mov     r15, cr8
        check_eq "CR8 with R9 and R15", r15, 9
        mov     ebx, 0xfee00080
        mov     eax, [rbx]
        check_eq "CR8 is the TPR's upper half", rax, 0x90
        refuses "CR8 over 15", cr8, 16
        refuses "CR8, the upper half", cr8, 1 << 32
        mov     rax, cr8
        check_eq "CR8 as before", rax, 9
        mov     eax, 0
        mov     cr8, rax

; RSP is no general register in the hardware's exit information.
        mov     rbp, rsp
        mov     rsp, 5
        mov     cr8, rsp
        mov     rsp, rbp
        mov     rax, cr8
        check_eq "MOV to CR8 from RSP", rax, 5
        mov     rsp, cr8
        mov     rax, rsp
        mov     rsp, rbp
        check_eq "MOV from CR8 to RSP", rax, 5
        mov     rsp, CR0_START | CR0_CD
        mov     cr0, rsp
        mov     rsp, cr0
        mov     rax, rsp
        mov     rsp, rbp
        check_eq "MOV to and from CR0 with RSP", rax, CR0_START | CR0_CD
        mov     eax, CR0_START
        mov     cr0, rax

        mov     rax, 0xffff800012345678
        mov     cr2, rax
        mov     rbx, 0x1122334455667788
        mov     dr0, rbx
        mov     dr3, rbx
        in      al, 0xf1
        mov     ecx, 0x480
        faults  "a refused MSR between", GP_VECTOR, 0, rdmsr
        mov     rax, cr2
        check_eq "CR2 lives through exits", rax, 0xffff800012345678
        mov     rax, dr0
        check_eq "DR0 lives through exits", rax, rbx
        mov     rax, dr3
        check_eq "DR3 lives through exits", rax, rbx
        mov     rax, dr7
        check_eq "DR7 at the start", rax, 0x400
        finish

        section .bss
scratch:        resq 1
