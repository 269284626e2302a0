; Interrupts by the x2APIC: self-IPI, priorities, TPR, EOI, nesting, errors.
        %include "guest.inc"

%macro send 1
        write_msr X2_SELF_IPI, %1
%endmacro

; Clears the list of the vectors that came.
%macro forget 0
        mov     qword [trap_count], 0
        mov     qword [trap_log], 0
%endmacro

; came "what", vectors in order, the first one in the lowest byte
%macro came 2
        check_eq %1, [trap_log], %2
%endmacro

start:  begin64
        begin_x2apic
        mov     ecx, 32
.hooks: mov     qword [hooks + rcx * 8], end_irq
        inc     ecx
        cmp     ecx, 256
        jb      .hooks

        send    0x50
        read_msr X2_IRR + 2
        check_eq "IF = 0: it waits in the IRR", rax, 1 << 16
        came    "IF = 0: it is not taken", 0
        sti
        nop
        cli
        came    "self-IPI", 0x50
        read_msr X2_IRR + 2
        check_eq "taken from the IRR", rax, 0
        read_msr X2_ISR + 2
        check_eq "ended in the ISR", rax, 0

        forget
        write_msr X2_ICR, 0x40051
        sti
        nop
        cli
        came    "ICR with shorthand self", 0x51
        forget
        write_msr X2_ICR, 0x52
        sti
        nop
        cli
        came    "ICR with destination 0", 0x52
        forget
        write_msr X2_ICR, 0x500000053
        sti
        nop
        cli
        came    "ICR with a destination that is not there", 0

        send    0x41
        send    0x61
        send    0x51
        sti
        nop
        nop
        nop
        cli
        came    "the highest priority first", 0x415161

        forget
        mov     eax, 6
        mov     cr8, rax
        send    0x6f
        send    0x70
        sti
        nop
        nop
        read_msr X2_PPR
        check_eq "PPR is the TPR", rax, 0x60
        came    "TPR 6 blocks 6Fh, not 70h", 0x70
        mov     eax, 0
        mov     cr8, rax
lowered:
        nop
        cli
        came    "and lets it in when it falls", 0x6f70
        check_eq "right behind the MOV", [last_rip], lowered
        forget
        write_msr X2_TPR, 0x80
        send    0x81
        sti
        nop
        came    "TPR 80h blocks 81h", 0
        write_msr X2_TPR, 0
lowered2:
        cli
        came    "until it falls", 0x81
        check_eq "right behind the WRMSR", [last_rip], lowered2

        forget
        hook    0x60, nest
        sti
        send    0x60
        nop
        cli
        came    "nesting: 70h breaks in on 60h, 50h waits for the end", 0x507060
        check_eq "nesting: the PPR", [ppr], 0x60
        check_eq "nesting: the ISR", [isr], 1
        check_eq "nesting: 70h was taken inside", [inside], 2

        read_msr X2_ESR
        check_eq "no error so far", rax, 0
        send    5
        write_msr X2_ESR, 0
        read_msr X2_ESR
        check_eq "an illegal vector is an error", rax, 0x20
        set_msr X2_EOI, 1
        faults  "EOI with a value", GP_VECTOR, 0, wrmsr
        set_msr X2_SELF_IPI, 0x150
        faults  "self-IPI with a reserved bit", GP_VECTOR, 0, wrmsr

        forget
        int     0x55
        came    "INT n needs no APIC", 0x55

        write_msr X2_SVR, 0xff
        forget
        send    0x50
        sti
        nop
        cli
        came    "an APIC that is off takes nothing", 0
        finish

nest:   push    qword [last_vector]
        read_msr X2_PPR
        mov     [ppr], rax
        read_msr X2_ISR + 3
        mov     [isr], rax
        send    0x50
        send    0x70
        sti
        nop
        cli
        mov     eax, [trap_count]
        mov     [inside], rax
        pop     qword [last_vector]
        jmp     end_irq

        section .bss
ppr:            resq 1
isr:            resq 1
inside:         resq 1
