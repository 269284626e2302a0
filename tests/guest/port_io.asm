; IN and OUT of each size, at a device and where nothing is.
        %include "guest.inc"

NOWHERE         equ 0x5678
SCRATCH         equ COM1 + 7
PCI_ADDRESS     equ 0xcf8
PATTERN         equ 0x1122334455667788

start:  begin64
        mov     dx, NOWHERE
        mov     rax, PATTERN
        in      al, dx
        check_eq "floating, 8 bits: the rest of RAX stays", rax, 0x11223344556677ff
        mov     rax, PATTERN
        in      ax, dx
        check_eq "floating, 16 bits: the rest of RAX stays", rax, 0x112233445566ffff
        mov     rax, PATTERN
        in      eax, dx
        check_eq "floating, 32 bits: the upper half is cleared", rax, 0xffffffff
        mov     rax, PATTERN
        out     dx, al
        out     dx, ax
        out     dx, eax
        check_eq "OUT to nowhere changes nothing", rax, PATTERN

        mov     dx, SCRATCH
        mov     al, 0x5a
        out     dx, al
        mov     rax, PATTERN
        in      al, dx
        check_eq "device, 8 bits", rax, 0x112233445566775a
        mov     dx, PM1_CONTROL
        mov     rax, PATTERN
        in      ax, dx
        check_eq "device, 16 bits", rax, 0x1122334455660001
        mov     dx, PCI_ADDRESS
        mov     rax, PATTERN | 0x80000000
        and     eax, 0x80fffffc
        mov     ebx, eax
        out     dx, eax
        mov     rax, PATTERN
        in      eax, dx
        check_eq "device, 32 bits", rax, rbx
        mov     dx, PCI_ADDRESS + 4
        mov     rax, PATTERN
        in      eax, dx
        check_eq "no PCI device there", rax, 0xffffffff

        mov     rax, PATTERN
        in      al, 0xf1
        check_eq "immediate port, 8 bits", rax, 0x11223344556677ff
        mov     rax, PATTERN
        in      eax, 0xf1
        check_eq "immediate port, 32 bits", rax, 0xffffffff
        mov     al, 0x01
        out     0xa1, al
        mov     rax, PATTERN
        in      al, 0xa1
        check_eq "immediate port, a device's", rax, 0x1122334455667701

        mov     dx, 0xffff
        mov     rax, PATTERN
        in      eax, dx
        check_eq "an access past the last port", rax, 0xffffffff
        finish
