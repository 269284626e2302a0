; Exceptions that pxHV injects, among the guest's own: error codes, inside handlers, a double fault, single
; steps over instructions that exit.
        %include "guest.inc"

REFUSED_MSR     equ 0x480
TF              equ 0x100

; steps "what", instruction: the debug exception comes right behind it, once
%macro steps 2+
        mov     qword [trap_count], 0
        pushf
        or      qword [rsp], TF
        popf
        %2
%%next: nop
        check_eq {"single step: ", %1}, [last_rip], %%next
        check_eq "single step: once", [trap_count], 1
        mov     rax, dr6
        check_bits "single step: DR6.BS", rax, 1 << 14, 1 << 14
        xor     eax, eax
        mov     dr6, rax
%endmacro

start:  begin64
        mov     ecx, REFUSED_MSR
        faults  "#GP by pxHV", GP_VECTOR, 0, rdmsr
        faults  "#UD by pxHV", UD_VECTOR, 0, vmxoff
        faults  "#UD by the CPU", UD_VECTOR, 0, ud2
        faults  "#GP by the CPU, with a code", GP_VECTOR, 0x78, {mov ds, [selector]}
        mov     rbx, 0x100000000
        faults  "#PF by the CPU", PF_VECTOR, 2, {mov [rbx], al}
        mov     rax, cr2
        check_eq "CR2", rax, rbx
        xor     ecx, ecx
        faults  "#DE by the CPU", 0, 0, {div ecx}

; pxHV refuses something inside handlers: of an INT, of an interrupt, of a fault.
        hook    0x60, refused_inside
        int     0x60
        check_eq "#GP inside INT 60h", [inside], 1
        begin_x2apic
        hook    0x61, refused_inside_irq
        sti
        write_msr X2_SELF_IPI, 0x61
        nop
        cli
        check_eq "#GP inside an interrupt", [inside], 2
        hook    UD_VECTOR, refused_inside_fault
        ud2
        mov     qword [hooks + 8 * UD_VECTOR], 0
        check_eq "#GP inside #UD", [inside], 3

; The gate of #GP is not present: the CPU finds #NP while it delivers pxHV's #GP.
        and     byte [idt + 16 * GP_VECTOR + 5], 0x7f
        mov     ecx, REFUSED_MSR
        faults  "a double fault on the way to #GP", DF_VECTOR, 0, rdmsr
        or      byte [idt + 16 * GP_VECTOR + 5], 0x80
        faults  "after it all is well", GP_VECTOR, 0, rdmsr

        hook    DB_VECTOR, end_steps
        mov     eax, 0
        steps   "CPUID", cpuid
        mov     dx, 0xf1
        steps   "IN", {in al, dx}
        mov     ecx, MSR_APIC_BASE
        steps   "RDMSR", rdmsr
        steps   "hypercall", hypercall
        steps   "WBINVD", wbinvd
        xor     edi, edi
        steps   "MOV to CR8", {mov cr8, rdi}
        mov     ebx, 0xf0000000
        steps   "MOV from a hole", {mov eax, [rbx]}
        steps   "an instruction of no interest", {inc eax}

        mov     qword [trap_count], 0
        hook    DB_VECTOR, end_steps
        pushf
        or      qword [rsp], TF
        popf
        mov     ecx, REFUSED_MSR        ; the step ends here
        mov     qword [trap_count], 0
        faults  "TF is off in the next one", GP_VECTOR, 0, rdmsr
        finish

; Turns TF off in the frame.
end_steps:
        and     qword [rax + FRAME_FLAGS], ~TF
        ret

refused_inside_irq:
        call    end_irq
refused_inside:
        mov     ecx, REFUSED_MSR
        mov     qword [resume_at], .after
        rdmsr
        ret
.after: mov     qword [resume_at], 0
        inc     qword [inside]
        ret

refused_inside_fault:
        add     qword [rax + FRAME_RIP], 2
        jmp     refused_inside

        section .data
        align   8
selector:       dq 0x78
inside:         dq 0
