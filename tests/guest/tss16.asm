; Long mode is not entered with a 16-bit TSS, whether or not the write of CR0 exits.
%define START_BITS 32
        %include "guest.inc"
EFER            equ 0xc0000080
CR0_START       equ 0x11
CR0_PG          equ 1 << 31
start:  begin32
        lgdt    [gdtr]
        mov     ax, 0x28
        ltr     ax
        mov     dword [pml4], pdpt + 3
        mov     dword [pdpt], pd + 3
        mov     dword [pd], 0x83
        mov     eax, pml4
        mov     cr3, eax
        mov     ecx, EFER
        mov     eax, 0x100
        mov     edx, 0
        wrmsr
        mov     eax, 0x20
        mov     cr4, eax
        mov     eax, CR0_START | CR0_PG
        faults  "with no exit", GP_VECTOR, 0, {mov cr0, eax}
        mov     eax, CR0_START | CR0_PG | 0x20
        faults  "with NE, which exits", GP_VECTOR, 0, {mov cr0, eax}
        finish
        section .data
        align 8
gdt:    dq 0,0,0x00af9b000000ffff,0x00cf93000000ffff,0x00cf9b000000ffff
        dw 0x67, 0
        db 3, 0x81, 0, 0
gdtr:   dw 47
        dd gdt
        section .bss
        alignb  4096
pml4:           resb 4096
pdpt:           resb 4096
pd:             resb 4096
tss:            resb 128
