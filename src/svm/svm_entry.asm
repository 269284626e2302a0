; Into the guest and back. To C it is a function that returns when the guest has left, with the host's own
; segments back and the global interrupt flag set (AMD APM vol. 2, "VMRUN Instruction"). RAX and RSP of the guest
; are in its VMCB.

%include "hv/entry.inc"

global svm_enter
section .text

; void svm_enter(struct vcpu_regs *regs, uint64_t guest_vmcb, uint64_t host_vmcb): both host-physical
align 16
svm_enter:
    PUSH_SAVED
    push rdx
    push rdi                            ; SAVE_GUEST finds it on top of the stack
    mov rax, rsi
    clgi                                ; from here to STGI no interrupt and no NMI of the host comes in
    sti                                 ; with V_INTR_MASKING this IF says that they may end the guest
    vmload
    LOAD_GUEST
    vmrun
    vmsave                              ; #VMEXIT has restored RAX and RSP
    SAVE_GUEST
    pop rax
    vmload                              ; GS and TR before anything can come in that needs them
    cli
    stgi                                ; an NMI that ended the guest is delivered here
    POP_SAVED
    ret
section .note.GNU-stack noalloc noexec nowrite progbits
