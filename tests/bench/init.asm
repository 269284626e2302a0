; A Linux program that ends the machine it runs in, as ELF file without a linker. It needs to be root.
; On a bare machine it sends the time-stamp counter before.
; With LOGIN it first prints what getty would, and waits until the serial port has sent it all.
        %include "end.inc"
        bits    64
SYS_WRITE       equ 1
SYS_IOCTL       equ 16
SYS_PAUSE       equ 34
SYS_IOPL        equ 172
TCSBRK          equ 0x5409      ; with argument 1: drain
PM1_CONTROL     equ 0x604       ; the guest's. A bare Bochs has nothing there,
SLEEP_S5        equ 0x3400      ; and to a bare QEMU this means nothing

        org     0x400000
elf:    db      0x7f, "ELF", 2, 1, 1
        times 9 db 0
        dw      2, 62           ; executable, x86-64
        dd      1
        dq      start, program - elf, 0
        dd      0
        dw      64, 56, 1, 0, 0, 0
program:
        dd      1, 5            ; loaded, readable and executable
        dq      0, elf, elf, end - elf, end - elf, 0x1000

start:
%ifdef LOGIN
        mov     eax, SYS_WRITE
        mov     edi, 1
        mov     esi, login
        mov     edx, end - login
        syscall
        mov     eax, SYS_IOCTL
        mov     edi, 1
        mov     esi, TCSBRK
        mov     edx, 1
        syscall
%endif
        mov     eax, SYS_IOPL
        mov     edi, 3
        syscall
        mov     dx, PM1_CONTROL
        mov     ax, SLEEP_S5
        out     dx, ax
        end_with_ticks
.stay:  mov     eax, SYS_PAUSE
        syscall
        jmp     .stay

login:  db      10, "pxHV guest pxhv-guest ttyS0", 10, 10, "pxhv-guest login: "
end:
