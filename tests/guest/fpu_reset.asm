; A guest finds the FPU as after a reset.
        %include "guest.inc"
start:  begin64
        mov     rax, cr4
        or      eax, 1 << 9
        mov     cr4, rax
        stmxcsr [mx]
        mov     eax, [mx]
        check_eq "MXCSR at reset", rax, 0x1f80
        finish
        [section .bss]
mx: resq 1
