; NMIs, sent to itself by the local APIC: they come with IF = 0, wake a HLT, and wait for IRET.
        %include "guest.inc"

ICR_SELF_NMI    equ 0x40400

%macro send_nmi 0
        write_msr X2_ICR, ICR_SELF_NMI
%endmacro

start:  begin64
        begin_x2apic
        hook    NMI_VECTOR, nothing
        send_nmi
sent:   nop
        check_eq "an NMI with IF = 0", [trap_count], 1
        check_eq "its vector", [last_vector], NMI_VECTOR
        check_eq "right behind the WRMSR", [last_rip], sent

        hook    NMI_VECTOR, send_another
        send_nmi
        nop
        check_eq "one in the handler waits for IRET", [inside], 2
        check_eq "and comes after it", [trap_count], 3

        hook    NMI_VECTOR, nothing
        hook    0x50, end_irq
        mov     qword [trap_count], 0
        mov     qword [trap_log], 0
        write_msr X2_SELF_IPI, 0x50
        sti
        send_nmi                ; the interrupt comes first: nothing holds it back
        nop
        cli
        check_eq "with an interrupt", [trap_log], NMI_VECTOR << 8 | 0x50

        mov     qword [trap_log], 0
        mov     qword [trap_count], 0
        hook    NMI_VECTOR, send_irq
        sti
        send_nmi
        nop
        nop
        cli
        check_eq "an interrupt in its handler waits for IRET", [trap_log], 0x50 << 8 | NMI_VECTOR

        mov     qword [trap_count], 0
        hook    NMI_VECTOR, nothing
        mov     ebx, 0xfec00000         ; the PIT's pin of the I/O APIC sends an NMI
        mov     dword [rbx], 0x14
        mov     dword [rbx + 0x10], 0x400
        mov     al, 0x30                ; once
        out     0x43, al
        mov     al, 0xff
        out     0x40, al
        mov     al, 1
        out     0x40, al
        sti
        hlt
        cli
        check_eq "an NMI wakes HLT", [trap_count], 1
        finish

nothing:
        ret
send_another:
        cmp     qword [trap_count], 2
        jne     nothing
        send_nmi
        nop
        mov     rax, [trap_count]
        mov     [inside], rax
        ret
send_irq:
        write_msr X2_SELF_IPI, 0x50
        ret

        section .bss
inside:         resq 1
