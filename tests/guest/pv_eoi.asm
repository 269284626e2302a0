; KVM's paravirtual EOI: a flag in memory takes the place of the write to the EOI register.
        %include "guest.inc"

MSR_PV_EOI      equ 0x4b564d04

start:  begin64
        begin_x2apic
        hook    0x50, by_flag
        hook    0x51, by_flag
        write_msr MSR_PV_EOI, flag + 1
        read_msr MSR_PV_EOI
        check_eq "the MSR reads back", rax, flag + 1
        set_msr MSR_PV_EOI, flag + 3
        faults  "its reserved bit", GP_VECTOR, 0, wrmsr
        set_msr MSR_PV_EOI, 0xf0000001
        faults  "an address that is no RAM", GP_VECTOR, 0, wrmsr

        mov     qword [trap_count], 0
        sti
        write_msr X2_SELF_IPI, 0x50
        nop
        check_eq "a single interrupt: the flag is set", [offered], 1
        write_msr X2_SELF_IPI, 0x50
        nop
        check_eq "its end by the flag counts: the next one comes", [trap_count], 2
        read_msr X2_ISR + 2
        check_eq "the ISR is empty", rax, 0

        cli
        mov     qword [trap_count], 0
        write_msr X2_SELF_IPI, 0x51
        write_msr X2_SELF_IPI, 0x50
        sti
        nop
        nop
        cli
        check_eq "two at once: the first needs an EOI, the second does not", [offered], 0b10
        check_eq "two at once: both came", [trap_count], 2

; One that arrives while the flag is set and its interrupt is still in service
        mov     qword [trap_count], 0
        hook    0x51, by_flag_late
        sti
        write_msr X2_SELF_IPI, 0x51
        nop
        nop
        cli
        check_eq "one more in the meantime: the flag is taken back", [offered], 0b10
        check_eq "one more in the meantime: both came", [trap_count], 2

        write_msr MSR_PV_EOI, 0
        mov     qword [offered], 0
        hook    0x51, by_flag
        sti
        write_msr X2_SELF_IPI, 0x51
        nop
        cli
        check_eq "turned off: the flag stays clear", [offered], 0
        finish

; As Linux does it. [offered] gets a bit for each interrupt: was the flag set?
by_flag_late:
        write_msr X2_SELF_IPI, 0x50
by_flag:
        mov     rdx, [offered]
        btr     dword [flag], 0
        jnc     .register
        mov     ecx, [trap_count]
        dec     ecx
        bts     rdx, rcx
        mov     [offered], rdx
        ret
.register:
        mov     ecx, [trap_count]
        dec     ecx
        btr     rdx, rcx
        mov     [offered], rdx
        jmp     end_irq

        section .bss
        alignb  8
flag:           resq 1
offered:        resq 1
