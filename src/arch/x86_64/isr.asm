; Interrupt and exception entry: 256 stubs that push the vector (and a zero where the CPU pushes no error
; code), one common part that saves the registers as struct trap_frame and calls trap_handle().
; Also the instructions that may fault, with their fix-up table.

global isr_stubs, fixup_table, fixup_table_end
global msr_read_safe, msr_write_safe, xsetbv_safe, cpu_load_cs
extern trap_handle

section .text
align 16
isr_stubs:                              ; 16 bytes each
    %assign v 0
    %rep 256
    align 16
    %if v = 8 || (v >= 10 && v <= 14) || v = 17 || v = 21 || v = 29 || v = 30
    %else
    push 0
    %endif
    push v
    jmp isr_common
    %assign v v + 1
    %endrep

isr_common:
    push r15
    push r14
    push r13
    push r12
    push r11
    push r10
    push r9
    push r8
    push rdi
    push rsi
    push rbp
    push rbx
    push rdx
    push rcx
    push rax
    cld
    mov rdi, rsp
    mov rbx, rsp
    and rsp, -16
    call trap_handle
    mov rsp, rbx
    pop rax
    pop rcx
    pop rdx
    pop rbx
    pop rbp
    pop rsi
    pop rdi
    pop r8
    pop r9
    pop r10
    pop r11
    pop r12
    pop r13
    pop r14
    pop r15
    add rsp, 16
    iretq

; void cpu_load_cs(uint16_t code)
cpu_load_cs:
    pop rax
    movzx edi, di
    push rdi
    push rax
    retfq

; bool msr_read_safe(uint32_t msr, uint64_t *value)
msr_read_safe:
    mov ecx, edi
.fault:
    rdmsr
    mov [rsi], eax
    mov [rsi + 4], edx
    mov eax, 1
    ret

; bool msr_write_safe(uint32_t msr, uint64_t value)
msr_write_safe:
    mov ecx, edi
    mov eax, esi
    mov rdx, rsi
    shr rdx, 32
.fault:
    wrmsr
    mov eax, 1
    ret

; bool xsetbv_safe(uint32_t index, uint64_t value)
xsetbv_safe:
    mov ecx, edi
    mov eax, esi
    mov rdx, rsi
    shr rdx, 32
.fault:
    xsetbv
    mov eax, 1
    ret

fixup_false:
    xor eax, eax
    ret

section .rodata
align 8
fixup_table:                            ; where it faulted, where to go on
    dq msr_read_safe.fault, fixup_false
    dq msr_write_safe.fault, fixup_false
    dq xsetbv_safe.fault, fixup_false
fixup_table_end:
section .note.GNU-stack noalloc noexec nowrite progbits
