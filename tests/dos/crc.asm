; CRC FILE: prints `crc XXXXXXXX size N`, the CRC-32 of the file.
%define PROGRAM "crc"
        %include "dos.inc"
        %include "args.inc"
        %include "crc.inc"

SIZE            equ 16384

start:  mov     si, PSP_ARGS
        call    next_word
        mov     dx, si
.name:  lodsb
        cmp     al, ' '
        ja      .name
        mov     byte [si - 1], 0
        mov     ax, 0x3d00
        int     0x21
        jc      .fault
        mov     bx, ax
        call    make_crc_table
        mov     edx, -1
.read:  push    edx
        mov     ah, 0x3f
        mov     cx, SIZE
        mov     dx, buffer
        int     0x21
        pop     edx
        jc      .fault
        movzx   eax, ax
        add     [size], eax
        mov     cx, ax
        mov     si, buffer
        call    crc_add
        test    ax, ax
        jnz     .read
        mov     ah, 0x3e
        int     0x21
        not     edx
        print   "crc "
        print_hex 8, edx
        print   " size "
        print_decimal [size]
        print_line
        finish

.fault: movzx   eax, ax
        check_eq "DOS's error", eax, 0
        finish

        [section .bss]
size:   resd    1
buffer: resb    SIZE
