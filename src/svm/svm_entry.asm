; Into the guest and back. To C it is a function that returns when the guest has left, with the host's own
; segments back and the global interrupt flag set (AMD APM vol. 2, "VMRUN Instruction"). RAX and RSP of the guest
; are in its VMCB; the offset of each other register in struct vcpu_regs is its number in enum gpr times 8.

global svm_enter
section .text

; void svm_enter(struct vcpu_regs *regs, uint64_t guest_vmcb, uint64_t host_vmcb): both host-physical
align 16
svm_enter:
    push rbx
    push rbp
    push r12
    push r13
    push r14
    push r15
    push rdx
    push rdi
    mov rax, rsi
    clgi                                ; from here to STGI no interrupt and no NMI of the host comes in
    sti                                 ; with V_INTR_MASKING this IF says that they may end the guest
    vmload
    mov rcx, [rdi + 1 * 8]
    mov rdx, [rdi + 2 * 8]
    mov rbx, [rdi + 3 * 8]
    mov rbp, [rdi + 5 * 8]
    mov rsi, [rdi + 6 * 8]
    mov r8, [rdi + 8 * 8]
    mov r9, [rdi + 9 * 8]
    mov r10, [rdi + 10 * 8]
    mov r11, [rdi + 11 * 8]
    mov r12, [rdi + 12 * 8]
    mov r13, [rdi + 13 * 8]
    mov r14, [rdi + 14 * 8]
    mov r15, [rdi + 15 * 8]
    mov rdi, [rdi + 7 * 8]
    vmrun
    vmsave                              ; #VMEXIT has restored RAX and RSP
    xchg rdi, [rsp]
    mov [rdi + 1 * 8], rcx
    mov [rdi + 2 * 8], rdx
    mov [rdi + 3 * 8], rbx
    mov [rdi + 5 * 8], rbp
    mov [rdi + 6 * 8], rsi
    pop qword [rdi + 7 * 8]
    mov [rdi + 8 * 8], r8
    mov [rdi + 9 * 8], r9
    mov [rdi + 10 * 8], r10
    mov [rdi + 11 * 8], r11
    mov [rdi + 12 * 8], r12
    mov [rdi + 13 * 8], r13
    mov [rdi + 14 * 8], r14
    mov [rdi + 15 * 8], r15
    pop rax
    vmload                              ; GS and TR before anything can come in that needs them
    cli
    stgi                                ; an NMI that ended the guest is delivered here
    pop r15
    pop r14
    pop r13
    pop r12
    pop rbp
    pop rbx
    ret
section .note.GNU-stack noalloc noexec nowrite progbits
