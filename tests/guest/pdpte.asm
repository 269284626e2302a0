; PAE's four top entries: when a CPU reads them, and that it refuses reserved bits.
%define START_BITS 32
        %include "guest.inc"
CR0_START       equ 0x11
CR0_PG          equ 1 << 31
start:  begin32
        mov     dword [pdpt], pd + 1
        mov     dword [pd], 0x83
        mov     eax, pdpt
        mov     cr3, eax
        mov     eax, 0x20
        mov     cr4, eax
        mov     eax, CR0_START | CR0_PG
        mov     cr0, eax
        mov     dword [pdpt+8], 0x1e7   ; reserved bits, not loaded yet
        mov     eax, CR0_START | CR0_PG | 0x20  ; NE: a CPU does not load them
        works   "NE on leaves the PDPTEs alone", {mov cr0, eax}
        mov     eax, CR0_START | CR0_PG | 0x20 | 1<<30
        faults  "CD on loads them", GP_VECTOR, 0, {mov cr0, eax}
        finish
        section .bss
        alignb  4096
pdpt:           resb 4096
pd:             resb 4096
