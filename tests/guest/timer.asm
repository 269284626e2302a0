; The local APIC's timer: one-shot, periodic, TSC deadline, with HLT and against a loop.
        %include "guest.inc"

VECTOR          equ 0x40
MODE_PERIODIC   equ 1 << 17
MODE_DEADLINE   equ 2 << 17
LVT_MASKED      equ 1 << 16
TICKS           equ 20000

; The TSC in RAX
%macro tsc 0
        rdtsc
        shl     rdx, 32
        or      rax, rdx
%endmacro

%macro wait_irq 0
        sti
        hlt
        cli
%endmacro

; between "what", low, high: RAX is in there
%macro between 3
        mov     rbx, rax
        cmp     rax, %2
        setae   al
        cmp     rbx, %3
        setbe   ah
        movzx   eax, ax
        check_eq %1, rax, 0x0101
%endmacro

start:  begin64
        begin_x2apic
        hook    VECTOR, end_irq
        write_msr X2_DIVIDE, 0xb        ; by 1

        write_msr X2_LVT_TIMER, VECTOR
        tsc
        mov     rbp, rax
        write_msr X2_INITIAL, TICKS
        wait_irq
        tsc
        sub     rax, rbp
        between "one-shot with HLT: not early, not late", TICKS, TICKS * 3 / 2
        check_eq "one-shot: one interrupt", [trap_count], 1
        read_msr X2_CURRENT
        check_eq "one-shot: the count has run out", rax, 0

        write_msr X2_INITIAL, TICKS
        sti
.spin:  cmp     qword [trap_count], 2
        jb      .spin
        cli
        check_eq "one-shot against a loop", [trap_count], 2

        write_msr X2_DIVIDE, 0          ; by 2
        tsc
        mov     rbp, rax
        write_msr X2_INITIAL, TICKS
        wait_irq
        tsc
        sub     rax, rbp
        between "divided by 2", TICKS * 2, TICKS * 3
        write_msr X2_DIVIDE, 0xb

        write_msr X2_INITIAL, 0xffffffff
        read_msr X2_CURRENT
        mov     rbp, rax
        read_msr X2_CURRENT
        sub     rbp, rax
        mov     rax, rbp
        between "the current count falls", 1, TICKS
        write_msr X2_INITIAL, 0
        read_msr X2_CURRENT
        check_eq "0 stops it", rax, 0

        mov     qword [trap_count], 0
        write_msr X2_LVT_TIMER, VECTOR | LVT_MASKED
        write_msr X2_INITIAL, 100
        tsc
        lea     rbp, [rax + TICKS]
        sti
.wait:  tsc
        cmp     rax, rbp
        jb      .wait
        cli
        check_eq "masked: nothing comes", [trap_count], 0

        write_msr X2_LVT_TIMER, VECTOR | MODE_PERIODIC
        tsc
        mov     rbp, rax
        write_msr X2_INITIAL, TICKS
        mov     r8d, 4
.ticks: wait_irq
        dec     r8d
        jnz     .ticks
        tsc
        sub     rax, rbp
        mov     rbp, rax
        write_msr X2_INITIAL, 0
        mov     rax, rbp
        between "periodic: four periods", TICKS * 4, TICKS * 5
        check_eq "periodic: four interrupts", [trap_count], 4

        mov     qword [trap_count], 0
        write_msr X2_LVT_TIMER, VECTOR | MODE_DEADLINE
        tsc
        add     rax, TICKS
        mov     rbp, rax
        write_msr MSR_DEADLINE, rbp
        read_msr MSR_DEADLINE
        mov     r8, rax
        wait_irq
        tsc
        check_eq "deadline: it reads back while it runs", r8, rbp
        sub     rax, rbp
        between "deadline with HLT: not early, not late", 0, TICKS / 2
        read_msr MSR_DEADLINE
        check_eq "deadline: 0 when it is over", rax, 0
        check_eq "deadline: one interrupt", [trap_count], 1

        tsc
        add     rax, TICKS
        write_msr MSR_DEADLINE, rax
        sti
.spin2: cmp     qword [trap_count], 2
        jb      .spin2
        cli
        check_eq "deadline against a loop", [trap_count], 2

        sti
        write_msr MSR_DEADLINE, 1
        nop
        cli
        check_eq "a deadline in the past: at once", [trap_count], 3

        tsc
        add     rax, TICKS
        mov     rbp, rax
        write_msr MSR_DEADLINE, rbp
        write_msr MSR_DEADLINE, 0
        sti
.wait2: tsc
        cmp     rax, rbp
        jb      .wait2
        in      al, 0xf1
        cli
        check_eq "a deadline of 0 disarms", [trap_count], 3
        write_msr X2_INITIAL, 100
        read_msr X2_CURRENT
        check_eq "no count in deadline mode", rax, 0
        finish
