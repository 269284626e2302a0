; What boot.asm needs before there is any C: page tables, GDT, stacks. Used until paging_init()
; has made the real ones, except for the stacks.

IMAGE_VMA     equ 0xffffffff80000000
PRESENT_WRITE equ 0x03
LARGE         equ 0x80
STACK_SIZE    equ 4 * 4096
GUARD_SIZE    equ 4096

global boot_pml4, boot_make_tables, boot_gdt_ptr
global boot_stack_top, stack_main, stack_df, stack_nmi, stack_mc

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

; Every entry that holds an address of the image: where it is, and what it is before the move.
%macro ENTRY 2
    dd %1 - IMAGE_VMA, %2 - IMAGE_VMA + PRESENT_WRITE
%endmacro
align 4
entries:
    dd boot_gdt_base, boot_gdt
    ENTRY boot_pml4, pdpt_low
    ENTRY boot_pml4 + 511 * 8, pdpt_high
    ENTRY pdpt_low, pd_low
    ENTRY pdpt_low + 8, pd_low + 4096
    ENTRY pdpt_low + 16, pd_low + 2 * 4096
    ENTRY pdpt_low + 24, pd_low + 3 * 4096
    ENTRY pdpt_high + 510 * 8, pd_high
    ENTRY pd_high, IMAGE_VMA + LARGE
    ENTRY pd_high + 8, IMAGE_VMA + 0x200000 + LARGE
entries_end:

; Fills the zeroed tables. EBP = how far the image was moved; changes EAX, ECX, ESI, EDI.
bits 32
boot_make_tables:
    lea esi, [ebp + entries]
    mov ecx, (entries_end - entries) / 8
.entry:
    lodsd
    mov edi, eax
    lodsd
    add eax, ebp
    mov [edi + ebp], eax
    loop .entry
    lea edi, [ebp + pd_low - IMAGE_VMA]
    mov eax, PRESENT_WRITE + LARGE
    mov ecx, 4 * 512
.large:
    mov [edi], eax
    add edi, 8
    add eax, 0x200000
    loop .large
    ret

section .bss
alignb 4096
boot_pml4:
    resb 4096
pdpt_low:                               ; the first 4 GiB, one to one: where the loader's data may be
    resb 4096
pdpt_high:                              ; 2 GiB below the top: the image
    resb 4096
pd_high:
    resb 4096
pd_low:
    resb 4 * 4096

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
