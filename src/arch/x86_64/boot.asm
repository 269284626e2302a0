; From the boot loader's 32-bit protected mode to kmain() in long mode.
; Entry state: Multiboot2 specification, "Machine state": EAX = magic, EBX = boot information, paging off,
; no stack. The image may have been moved: EBP holds by how much (a multiple of 2 MiB).

IMAGE_VMA       equ 0xffffffff80000000
MB2_MAGIC       equ 0x36d76289

EFER_MSR        equ 0xc0000080
EFER_LME_NXE    equ (1 << 8) | (1 << 11)
CR4_PAE         equ 1 << 5
CR0_PG_WP_NE_PE equ (1 << 31) | (1 << 16) | (1 << 5) | 1

extern boot_pml4, boot_make_tables, boot_gdt_ptr
extern boot_stack_top, kmain, __stack_chk_guard
global boot_entry

section .boot.header
align 8
mb2_header:                             ; Multiboot2 specification, "The layout of Multiboot2 header"
    dd 0xe85250d6, 0, mb2_header_end - mb2_header
    dd 0x100000000 - (0xe85250d6 + (mb2_header_end - mb2_header))
align 8
    dw 10, 0                            ; relocatable: 2 MiB ... 4 GiB, 2 MiB aligned, as low as possible
    dd 24, 0x200000, 0xffffffff, 0x200000, 1
align 8
    dw 6, 0                             ; modules are page-aligned
    dd 8
align 8
    dw 0, 0
    dd 8
mb2_header_end:
align 4                                 ; so that "multiboot" instead of "multiboot2" gets a sentence
    dd 0x1badb002, 0, 0x100000000 - 0x1badb002

section .boot
bits 32
boot_entry:
    cli
    cld
    xor ebp, ebp                        ; not moved, as far as we know
    cmp eax, MB2_MAGIC
    mov esi, msg_not_mb2
    jne fail
    rdtsc                               ; the moment of entry, for the figures
    mov edi, eax
    mov ecx, edx
    lea esp, [ebx + 8]                  ; the reserved word of the boot information is our first stack
    call .here
.here:
    pop ebp
    sub ebp, .here
    lea esp, [ebp + boot_stack_top - IMAGE_VMA]
    push ecx                            ; kept for kmain
    push edi
    push ebx

    mov eax, 0x80000000
    cpuid
    cmp eax, 0x80000001
    mov esi, msg_not_64bit
    jb fail
    mov eax, 0x80000001
    cpuid
    and edx, (1 << 29) | (1 << 20)      ; long mode, no-execute
    cmp edx, (1 << 29) | (1 << 20)
    jne fail

    call boot_make_tables
    lea eax, [ebp + boot_pml4 - IMAGE_VMA]
    mov cr3, eax
    mov eax, CR4_PAE
    mov cr4, eax
    mov ecx, EFER_MSR
    rdmsr
    or eax, EFER_LME_NXE
    wrmsr
    mov eax, CR0_PG_WP_NE_PE
    mov cr0, eax
    lgdt [ebp + boot_gdt_ptr]
    pop ebx
    lea eax, [ebp + .long_mode]
    pop esi                             ; low and high half of the time of entry
    pop edi
    push 0x08
    push eax
    retf

bits 64
.long_mode:
    mov eax, 0x10
    mov ds, eax
    mov es, eax
    mov ss, eax
    xor eax, eax
    mov fs, eax
    mov gs, eax
    mov eax, esi                        ; kmain(boot information, how far moved, ticks at entry)
    shl rdi, 32
    or rax, rdi
    mov rdx, rax
    mov edi, ebx
    mov esi, ebp
    mov rsp, boot_stack_top
    mov rcx, 0x9e3779b97f4a7c15         ; the stack protector's value: new at every start
    imul rax, rcx
    rol rax, 29
    xor al, al                          ; a zero byte stops string overruns
    mov [abs qword __stack_chk_guard], rax
    xor ebp, ebp                        ; the backtrace ends here
    mov rax, kmain
    call rax
    ud2

; Says why on COM1 and on the VGA text screen, then halts. ESI = text (as linked); EBP = how far moved.
bits 32
fail:
    add esi, ebp
    mov edi, 0xb8000
.next:
    lodsb
    test al, al
    jz .halt
    mov ah, 0x4f
    stosw
    mov bl, al
    mov ecx, 0x10000                    ; a missing port must not hang us
    mov dx, 0x3fd
.wait:
    in al, dx
    test al, 0x20
    loopz .wait
    mov al, bl
    mov dx, 0x3f8
    out dx, al
    jmp .next
.halt:
    hlt
    jmp .halt

msg_not_mb2:
    db "pxHV: load me with GRUB's 'multiboot2' command; this was something else.", 13, 10, 0
msg_not_64bit:
    db "pxHV: this CPU has no 64-bit mode with no-execute pages.", 13, 10, 0
