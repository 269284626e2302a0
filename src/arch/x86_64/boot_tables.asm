; Data that boot.asm needs before there is any C: page tables, GDT, stacks. Used until paging_init()
; has made the real ones, except for the stacks.

IMAGE_VMA     equ 0xffffffff80000000
PRESENT_WRITE equ 0x03
LARGE         equ 0x80
STACK_SIZE    equ 4 * 4096
GUARD_SIZE    equ 4096

global boot_pml4, boot_relocations, boot_relocations_end, boot_gdt, boot_gdt_ptr
global boot_stack_top, stack_main, stack_df, stack_nmi, stack_mc

; Where a 32-bit value holds an address of the image: boot.asm adds how far the image was moved.
%define RELOCATE(where) dd where

section .boot
align 8
boot_gdt:
    dq 0
    dq 0x00209a0000000000               ; 08h: 64-bit code
    dq 0x0000920000000000               ; 10h: data
boot_gdt_ptr:
    dw boot_gdt_ptr - boot_gdt - 1
boot_gdt_base:
    dq boot_gdt
align 4
boot_relocations:
    RELOCATE(boot_gdt_base)
    RELOCATE(boot_pml4 - IMAGE_VMA)
    RELOCATE(boot_pml4 - IMAGE_VMA + 511 * 8)
    RELOCATE(pdpt_low - IMAGE_VMA)
    RELOCATE(pdpt_low - IMAGE_VMA + 8)
    RELOCATE(pdpt_low - IMAGE_VMA + 16)
    RELOCATE(pdpt_low - IMAGE_VMA + 24)
    RELOCATE(pdpt_high - IMAGE_VMA + 510 * 8)
    RELOCATE(pd_high - IMAGE_VMA)
    RELOCATE(pd_high - IMAGE_VMA + 8)
boot_relocations_end:

section .data
align 4096
boot_pml4:
    dq pdpt_low - IMAGE_VMA + PRESENT_WRITE
    times 510 dq 0
    dq pdpt_high - IMAGE_VMA + PRESENT_WRITE
pdpt_low:                               ; the first 4 GiB, one to one: where the loader's data may be
    %assign i 0
    %rep 4
    dq pd_low + i * 4096 - IMAGE_VMA + PRESENT_WRITE
    %assign i i + 1
    %endrep
    times 508 dq 0
pdpt_high:                              ; 2 GiB below the top: the image
    times 510 dq 0
    dq pd_high - IMAGE_VMA + PRESENT_WRITE
    dq 0
pd_high:
    dq 0x000000 + PRESENT_WRITE + LARGE
    dq 0x200000 + PRESENT_WRITE + LARGE
    times 510 dq 0
pd_low:
    %assign i 0
    %rep 4 * 512
    dq i * 0x200000 + PRESENT_WRITE + LARGE
    %assign i i + 1
    %endrep

; The boot CPU's stacks. paging_init() leaves the guard page below each one unmapped.
section .stacks nobits alloc noexec write align=4096
    resb GUARD_SIZE
stack_main:
    resb STACK_SIZE
boot_stack_top:
    resb GUARD_SIZE
stack_df:
    resb STACK_SIZE
    resb GUARD_SIZE
stack_nmi:
    resb STACK_SIZE
    resb GUARD_SIZE
stack_mc:
    resb STACK_SIZE
section .note.GNU-stack noalloc noexec nowrite progbits
