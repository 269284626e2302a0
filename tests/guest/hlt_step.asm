; HLT while single-stepping: the #DB behind it ends it, and its handler runs to its end.
        %include "guest.inc"

start:  begin64
        hook    DB_VECTOR, on_step
        sti
        nop
        pushf
        or      qword [rsp], 0x100
        popf
        hlt
after:  nop
        cli
        check_eq "the step ends behind HLT", [step_rip], after
        check_eq "one step", [trap_count], 1
        finish

on_step:
        and     qword [rax + FRAME_FLAGS], ~0x100
        mov     rcx, [rax]
        mov     [step_rip], rcx
        push    rbx
        xor     eax, eax
        cpuid
        pop     rbx
        ret

        [section .bss]
step_rip:       resq 1
