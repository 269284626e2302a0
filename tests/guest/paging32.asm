; Protected mode: no paging, 32-bit paging with 4 MiB and 4 KiB pages, PAE paging, and back. pxHV walks the
; tables itself for device memory and for string I/O.
%define START_BITS 32
        %include "guest.inc"

CR0_START       equ 0x11
CR0_NE          equ 1 << 5
CR0_PG          equ 1 << 31
CR4_PSE         equ 1 << 4
CR4_PAE         equ 1 << 5
CR4_PGE         equ 1 << 7
APIC_VERSION    equ 0xfee00030
VERSION         equ 0x00050014
ALIAS           equ 0x40000000          ; where the first pages are once more
MISSING         equ 0x80000000
SCRATCH         equ COM1 + 7

; walks "kind": with these tables, aliases, devices and string I/O work
%macro walks 1
        mov     dword [number], 0x12345678
        check_eq {%1, ": an alias"}, [ALIAS + number], 0x12345678
        mov     ebx, APIC_VERSION
        check_eq {%1, ": a device"}, [ebx], VERSION
        mov     dx, SCRATCH
        mov     al, 0x5a
        out     dx, al
        mov     edi, ALIAS + number
        mov     ecx, 4
        rep     insb
        check_eq {%1, ": string input to an alias"}, [number], 0x5a5a5a5a
        mov     edi, MISSING
        mov     ecx, 1
        faults  {%1, ": string input to a missing page"}, PF_VECTOR, 2, {rep insb}
        mov     eax, cr2
        check_eq {%1, ": CR2"}, eax, MISSING
        mov     eax, CR0_START | CR0_PG | CR0_NE
        mov     cr0, eax
        mov     eax, cr0
        check_eq {%1, ": CR0 through an exit"}, eax, CR0_START | CR0_PG | CR0_NE
        check_eq {%1, ": an alias after it"}, [ALIAS + number], 0x5a5a5a5a
        mov     eax, CR0_START | CR0_PG
        mov     cr0, eax
%endmacro

%macro paging_on 2      ; CR3, CR4
        mov     eax, %1
        mov     cr3, eax
        mov     eax, %2
        mov     cr4, eax
        mov     eax, CR0_START | CR0_PG
        mov     cr0, eax
%endmacro

%macro paging_off 0
        mov     eax, CR0_START
        mov     cr0, eax
        mov     eax, cr0
        check_eq "paging is off", eax, CR0_START
%endmacro

start:  begin32
        mov     ebx, APIC_VERSION
        check_eq "no paging: a device", [ebx], VERSION
        mov     edi, number
        mov     ecx, 4
        mov     dx, 0x5678
        rep     insb
        check_eq "no paging: string input", [number], -1
        mov     eax, 0x40000000
        cpuid
        check_eq "no paging: CPUID", ebx, 'pxHV'

; 4 MiB pages
        mov     dword [directory], 0x83
        mov     dword [directory + (ALIAS >> 22) * 4], 0x83
        mov     dword [directory + (APIC_VERSION >> 22) * 4], 0xfec00083
        paging_on directory, CR4_PSE
        walks   "4 MiB pages"
        paging_off

; 4 KiB pages for the alias: the first 4 MiB
        xor     ecx, ecx
        mov     eax, 3
.small: mov     [table + ecx * 4], eax
        add     eax, 0x1000
        inc     ecx
        cmp     ecx, 1024
        jb      .small
        mov     dword [directory + (ALIAS >> 22) * 4], table + 3
        paging_on directory, CR4_PSE
        walks   "4 KiB pages"
        mov     eax, number
        shr     eax, 12
        mov     dword [table + eax * 4], 0
        invlpg  [ALIAS + number]
        faults  "INVLPG", PF_VECTOR, 0, {mov eax, [ALIAS + number]}
        paging_off

; PAE: a directory of 2 MiB pages for the first GiB, one for the last
        mov     dword [pdpt], directory1 + 1
        mov     dword [pdpt + 8], directory1 + 1
        mov     dword [pdpt + 24], directory2 + 1
        mov     dword [directory1], 0x83
        mov     dword [directory2 + (0xfee00000 - 0xc0000000 >> 21) * 8], 0xfee00083
        paging_on pdpt, CR4_PAE
        walks   "PAE"
        mov     eax, CR4_PAE | CR4_PGE
        mov     cr4, eax
        check_eq "PAE: CR4 written", [ALIAS + number], 0x5a5a5a5a
        mov     dword [pdpt + 8], 0
        xor     eax, eax
        cpuid
        cmp     ebx, 'Auth'             ; with nested paging AMD reads the entry each time (APM vol. 2,
        je      .each_time              ; "Legacy PAE Mode")
        check_eq "PAE: an entry counts when CR3 is loaded, not before", [ALIAS + number], 0x5a5a5a5a
        jmp     .loaded
.each_time:
        inc     dword [checked]
.loaded:
        mov     eax, pdpt
        mov     cr3, eax
        faults  "PAE: CR3 loads the entries", PF_VECTOR, 0, {mov eax, [ALIAS + number]}
        paging_off
        mov     eax, 0
        mov     cr4, eax

; And 32-bit paging again
        paging_on directory, CR4_PSE
        check_eq "4 MiB pages again", [number], 0x5a5a5a5a
        paging_off
        finish

        section .bss
        alignb  4096
directory:      resb 4096
table:          resb 4096
directory1:     resb 4096
directory2:     resb 4096
pdpt:           resb 32
number:         resd 1
