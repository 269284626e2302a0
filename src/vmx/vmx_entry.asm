; Into the guest and back. To C it is a function that returns when the guest has left: 0 after a VM exit,
; 1 for VMfailInvalid, 2 for VMfailValid (Intel SDM vol. 3, "VM Instruction Reference"). The register numbers are
; those of enum gpr: the offset of a register in struct vcpu_regs is its number times 8.

global vmx_enter, vmx_leave
section .text

VMCS_HOST_RSP equ 0x6c14
HOST_RSP      equ 0                     ; struct vmx_vcpu
LAUNCHED      equ 8

; int vmx_enter(struct vcpu_regs *regs, struct vmx_vcpu *h)
align 16
vmx_enter:
    push rbx
    push rbp
    push r12
    push r13
    push r14
    push r15
    push rdi                            ; vmx_leave finds it on top of the stack
    cmp rsp, [rsi + HOST_RSP]           ; the depth of the stack hardly ever changes
    je .same_rsp
    mov [rsi + HOST_RSP], rsp
    mov eax, VMCS_HOST_RSP
    vmwrite rax, rsp
.same_rsp:
    cmp byte [rsi + LAUNCHED], 0        ; nothing below changes the flags
    mov byte [rsi + LAUNCHED], 1
    mov rax, [rdi + 0 * 8]
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
    jz .launch
    vmresume
    jmp .refused
.launch:
    vmlaunch
.refused:
    mov eax, 1                          ; CF: no current VMCS
    mov ecx, 2                          ; ZF: the VMCS says why
    cmovnc eax, ecx
    add rsp, 8
    jmp restore

; The CPU comes here on every VM exit (HOST_RIP), with the stack as vmx_enter left it.
align 16
vmx_leave:
    xchg rdi, [rsp]
    mov [rdi + 0 * 8], rax
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
    xor eax, eax
restore:
    pop r15
    pop r14
    pop r13
    pop r12
    pop rbp
    pop rbx
    ret
section .note.GNU-stack noalloc noexec nowrite progbits
