; The one-instruction shadow of STI and of MOV SS, over instructions that exit.
        %include "guest.inc"

VECTOR          equ 0x50

; A waiting interrupt, then STI and this instruction: it is taken right behind that.
%macro sti_shadow 2+
        send
        sti
        %2
%%next: nop
        cli
        check_eq {"STI, then ", %1}, [last_rip], %%next
%endmacro

%macro send 0
        write_msr X2_SELF_IPI, VECTOR
%endmacro

%macro tf_on 0
        pushf
        or      qword [rsp], 0x100
        popf
%endmacro

start:  begin64
        begin_x2apic
        hook    VECTOR, end_irq

        sti_shadow "NOP", nop
        mov     eax, 0
        sti_shadow "CPUID", cpuid
        mov     dx, 0xf1
        sti_shadow "IN", {in al, dx}
        sti_shadow "hypercall", hypercall
        mov     rbx, cr0
        sti_shadow "MOV to CR0", {mov cr0, rbx}
        mov     ebx, 0xf0000000
        sti_shadow "MOV from a hole", {mov eax, [rbx]}
        sti_shadow "HLT", hlt

        mov     qword [trap_count], 0
        send
        sti
        cli
        check_eq "STI, then CLI: nothing comes", [trap_count], 0
        sti
        nop
        cli
        check_eq "until there is room for it", [trap_count], 1

        set_msr X2_SELF_IPI, VECTOR
        sti
        wrmsr
after_wrmsr:
        cli
        check_eq "STI, then the WRMSR that sends it", [last_rip], after_wrmsr

        send
        pushf
        or      qword [rsp], 0x200
        popf
after_popf:
        cli
        check_eq "POPF has no shadow", [last_rip], after_popf

        set_msr X2_SELF_IPI, VECTOR
        mov     ebx, ss
        sti
        nop
        mov     ss, ebx
        wrmsr
after_ss:
        nop
        cli
        check_eq "MOV SS, then the WRMSR that sends it", [last_rip], after_ss

        hook    DB_VECTOR, end_steps
        mov     qword [trap_count], 0
        mov     eax, 0
        mov     ebx, ss
        tf_on
        mov     ss, ebx         ; no single step behind this one
        cpuid
after_cpuid:
        nop
        check_eq "single step: MOV SS and CPUID are one", [last_rip], after_cpuid
        check_eq "single step: once", [trap_count], 1

; A fault on an instruction in the shadow, with an interrupt waiting behind it
        hook    GP_VECTOR, skip_rdmsr
        mov     qword [trap_count], 0
        mov     qword [trap_log], 0
        send
        mov     ecx, 0x480
        sti
        rdmsr
        nop
        cli
        check_eq "STI, then a fault: the fault first", [trap_log], VECTOR << 8 | GP_VECTOR
        finish

skip_rdmsr:
        add     qword [rax + FRAME_RIP], 2
        ret

end_steps:
        and     qword [rax + FRAME_FLAGS], ~0x100
        ret
