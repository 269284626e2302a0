; INS and OUTS: both directions, each size, across pages, with a fault in the middle, count 0.
        %include "guest.inc"

NOWHERE         equ 0x5678
SCRATCH         equ COM1 + 7
PM1_ENABLE      equ 0x602
PCI_ADDRESS     equ 0xcf8
WINDOW          equ 0x40000000  ; two pages that lie the other way round in memory, and a missing one

%macro put 3    ; port, register, value
        mov     dx, %1
        mov     %2, %3
        out     dx, %2
%endmacro

start:  begin64
        mov     rax, cr3
        mov     rax, [rax]
        and     eax, 0xfffff000
        mov     rax, [rax + 8]          ; the directory of the second GiB
        and     eax, 0xfffff000
        mov     qword [rax], table + 3
        mov     qword [table], page2 + 3
        mov     qword [table + 8], page1 + 3
        mov     rax, cr3
        mov     cr3, rax

; To the console itself; with the FIFO on it takes 16 bytes at once.
        put     COM1 + 2, al, 7
        mov     dx, COM1
        mov     esi, line
        mov     ecx, line_end - line
        cld
        rep     outsb
        check_eq "REP OUTSB: RCX", rcx, 0
        check_eq "REP OUTSB: RSI", rsi, line_end
        mov     ecx, 12345
        mov     esi, line
        mov     dx, SCRATCH
        outsb
        check_eq "OUTSB: RCX stays", rcx, 12345
        check_eq "OUTSB: RSI", rsi, line + 1
        mov     eax, 0
        in      al, dx
        check_eq "OUTSB: the byte", rax, 'P'

; Up and down, each size; the last element is what stays in the register.
        mov     esi, numbers
        mov     ecx, 4
        mov     dx, SCRATCH
        rep     outsb
        mov     eax, 0
        in      al, dx
        check_eq "bytes up: the last", rax, 0x04
        check_eq "bytes up: RSI", rsi, numbers + 4
        std
        mov     esi, numbers + 3
        mov     ecx, 4
        rep     outsb
        cld
        in      al, dx
        check_eq "bytes down: the last", rax, 0x01
        check_eq "bytes down: RSI", rsi, numbers - 1
        std
        mov     dx, PM1_ENABLE
        mov     esi, words + 2
        mov     ecx, 2
        rep     outsw
        cld
        in      ax, dx
        check_eq "words down: the last", rax, 0x0120
        check_eq "words down: RSI", rsi, words - 2
        mov     dx, PCI_ADDRESS
        mov     esi, dwords
        mov     ecx, 2
        rep     outsd
        in      eax, dx
        check_eq "dwords up: the last", rax, 0x80000200
        check_eq "dwords up: RSI", rsi, dwords + 8

        mov     edi, page1
        mov     ecx, 3
        rep     insd
        check_eq "INSD up: RDI", rdi, page1 + 12
        check_eq "INSD up: RCX", rcx, 0
        mov     eax, [page1 + 8]
        check_eq "INSD up: the last", rax, 0x80000200
        check_eq "INSD up: no more", [page1 + 12], 0
        put     SCRATCH, al, 0xa5
        std
        mov     edi, page1 + 63
        mov     ecx, 2
        rep     insb
        cld
        check_eq "INSB down: RDI", rdi, page1 + 61
        check_eq "INSB down: the bytes", [page1 + 56], 0xa5a5000000000000
        mov     dx, PM1_ENABLE
        mov     edi, page1 + 32
        insw
        check_eq "INSW: the word", [page1 + 32], 0x0120

; Across a page, in the middle of an element.
        put     PCI_ADDRESS, eax, 0x80001234
        mov     edi, WINDOW + 4096 - 6
        mov     ecx, 3
        rep     insd
        check_eq "across pages: RDI", rdi, WINDOW + 4096 + 6
        mov     eax, [page2 + 4096 - 4]
        check_eq "across pages: before", rax, 0x12348000
        mov     rax, [page1]
        shl     rax, 16
        check_eq "across pages: behind", rax, 0x8000123480000000
        mov     esi, WINDOW + 4096 - 6
        mov     ecx, 3
        rep     outsd
        in      eax, dx
        check_eq "across pages, OUTSD", rax, 0x80001234

        put     SCRATCH, al, 0x77
        mov     edi, page2
        mov     ecx, 1000
        rep     insb
        check_eq "a long one: RDI", rdi, page2 + 1000
        check_eq "a long one: the end", [page2 + 992], 0x7777777777777777

        mov     edi, WINDOW + 2 * 4096 - 3
        mov     ecx, 8
        faults  "into a missing page", PF_VECTOR, 2, rep insb
        check_eq "into a missing page: RCX", rcx, 5
        check_eq "into a missing page: RDI", rdi, WINDOW + 2 * 4096
        mov     rax, cr2
        check_eq "into a missing page: CR2", rax, WINDOW + 2 * 4096
        mov     esi, WINDOW + 2 * 4096
        mov     ecx, 8
        faults  "from a missing page", PF_VECTOR, 0, rep outsb
        mov     rsi, 0x8000000000000000
        faults  "from an address that is not canonical", GP_VECTOR, 0, outsb

        mov     ecx, 0
        mov     edi, page2
        mov     byte [rdi], 1
        rep     insb
        check_eq "count 0: RDI", rdi, page2
        check_bits "count 0: memory", [page2], 0xff, 1

        mov     rsi, 0x1122334400000000 + numbers
        mov     rcx, 0x1122334400000000 + 2
        a32     rep outsb
        check_eq "32-bit addresses: RSI", rsi, numbers + 2
        check_eq "32-bit addresses: RCX", rcx, 0

        write_msr 0xc0000100, numbers - 0x100
        mov     esi, 0x102
        mov     dx, SCRATCH
        fs      outsb
        mov     eax, 0
        in      al, dx
        check_eq "OUTSB from FS", rax, 3
        finish

        section .data
line:           db "PASS rep outsb", 10
line_end:
        align   8
numbers:        db 1, 2, 3, 4
words:          dw 0x0120, 0x0401
dwords:         dd 0x80000100, 0x80000200

        section .bss
        alignb  4096
table:          resb 4096
page1:          resb 4096
page2:          resb 4096
