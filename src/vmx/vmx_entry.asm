; Into the guest and back. To C it is a function that returns when the guest has left: 0 after a VM exit,
; 1 for VMfailInvalid, 2 for VMfailValid (Intel SDM vol. 3, "VM Instruction Reference"). RSP of the guest is in its
; VMCS.

%include "hv/entry.inc"

global vmx_enter, vmx_leave
section .text

VMCS_HOST_RSP equ 0x6c14
HOST_RSP      equ 0                     ; struct vmx_vcpu
LAUNCHED      equ 8

; int vmx_enter(struct vcpu_regs *regs, struct vmx_vcpu *h)
align 16
vmx_enter:
    PUSH_SAVED
    push rdi                            ; SAVE_GUEST finds it on top of the stack
    cmp rsp, [rsi + HOST_RSP]           ; the depth of the stack hardly ever changes
    je .same_rsp
    mov [rsi + HOST_RSP], rsp
    mov eax, VMCS_HOST_RSP
    vmwrite rax, rsp
.same_rsp:
    cmp byte [rsi + LAUNCHED], 0        ; nothing below changes the flags
    mov byte [rsi + LAUNCHED], 1
    mov rax, [rdi]
    LOAD_GUEST
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
    SAVE_GUEST
    mov [rdi], rax
    xor eax, eax
restore:
    POP_SAVED
    ret
section .note.GNU-stack noalloc noexec nowrite progbits
