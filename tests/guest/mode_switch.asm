; Paging off and CD on in one write, after a mode switch that the CPU made with no exit.
%define START_BITS 32
        %include "guest.inc"
EFER            equ 0xc0000080
CR0_START       equ 0x11
CR0_CD          equ 1 << 30
CR0_PG          equ 1 << 31
start:  begin32
        mov     dword [pml4], pdpt + 3
        mov     dword [pdpt], 0x83
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
        mov     cr0, eax
        jmp     SEL_CODE32:compat
compat:
        check_eq "in compat", eax, CR0_START | CR0_PG
        mov     eax, CR0_START | CR0_CD
        mov     cr0, eax                ; PG off and CD on in one write
        mov     ecx, EFER
        rdmsr
        check_eq "LMA off", eax, 0x100
        finish
        section .bss
        alignb  4096
pml4:           resb 4096
pdpt:           resb 4096
pd:             resb 4096
