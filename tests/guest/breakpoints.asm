; Breakpoints of the guest, on addresses where the core has its code and data: they are the guest's alone. CORE is
; where the core handles CPUID.
        %include "guest.inc"

DR7_ALL         equ 0x333004ff          ; the first is executed, the others are read or written

start:  begin64
        mov     rax, CORE
        mov     dr0, rax
        mov     rax, 0xffffffff80200000
        mov     dr1, rax
        mov     rax, 0xffffffff80202000
        mov     dr2, rax
        mov     rax, CORE
        mov     dr3, rax
        mov     eax, DR7_ALL
        mov     dr7, rax
        mov     esi, 100
again:  xor     eax, eax
        cpuid
        dec     esi
        jnz     again
        xor     eax, eax
        mov     dr7, rax
        check_eq "no trap for the guest", [trap_count], 0
        finish
