; INT 13h on drive 0: reads all of the floppy, track by track, and prints `crc XXXXXXXX`, the CRC-32 of its
; sectors in order; then saves the last sector, writes to it, reads and verifies it, and puts it back. What
; lies outside the floppy is refused.
%define PROGRAM "disk"
        %include "dos.inc"
        %include "crc.inc"

SECTOR          equ 512
TRACK           equ 36 * SECTOR         ; the most that a floppy has

start:  call    buffer_for_dma
        call    make_crc_table
        mov     ah, 0x08
        xor     dl, dl
        xor     di, di
        push    es
        int     0x13
        pop     es
        setc    [error]
        check_eq "AH=08h: carry", [error], 0
        mov     al, cl
        and     al, 63
        mov     [sectors], al
        mov     al, cl
        shr     al, 6
        mov     [cylinders + 1], al
        mov     [cylinders], ch
        inc     word [cylinders]
        inc     dh
        mov     [heads], dh
        print   "cylinders "
        print_decimal [cylinders]
        print   " heads "
        print_decimal [heads]
        print   " sectors "
        print_decimal [sectors]
        print_line

        call    whole_crc
        print   "crc "
        print_hex 8, edx
        print_line
        check_eq "reading: errors", [errors], 0
        mov     [crc], edx
        call    try_last_sector
        call    whole_crc
        check_eq "the CRC is the same as before", edx, [crc]
        call    outside
        finish

; The FDC's DMA cannot cross a 64 KiB border: of two tracks' space one is free of it.
buffer_for_dma:
        mov     ax, ds
        shl     ax, 4
        add     ax, space               ; bits 0-15 of the linear address
        mov     word [buffer], space
        add     ax, TRACK
        jnc     .end
        mov     word [buffer], space + TRACK
.end:   ret

whole_crc:                              ; EDX
        mov     edx, -1
        mov     word [cylinder], 0
.cylinder:
        mov     byte [head], 0
.head:  push    edx
        mov     al, [sectors]
        mov     cl, 1
        mov     ah, 0x02
        call    transfer
        pop     edx
        mov     cx, [sectors]
        imul    cx, SECTOR
        mov     si, [buffer]
        call    crc_add
        inc     byte [head]
        mov     al, [head]
        cmp     al, [heads]
        jb      .head
        inc     word [cylinder]
        mov     ax, [cylinder]
        cmp     ax, [cylinders]
        jb      .cylinder
        not     edx
        ret

; Function AH on AL sectors from CL on, of [cylinder] and [head], with [buffer]; three tries, as the motor
; may have to start first. Sets [status] to AX; changes AX, BX, CX, DX.
transfer:
        mov     byte [tries], 3
.again: push    ax
        push    cx
        mov     bx, [buffer]
        mov     ch, [cylinder]
        mov     dh, [head]
        xor     dl, dl
        int     0x13
        mov     [status], ax
        pop     cx
        pop     ax
        jnc     .end
        push    ax
        xor     ax, ax
        xor     dl, dl
        int     0x13
        pop     ax
        dec     byte [tries]
        jnz     .again
        inc     dword [errors]
.end:   ret

; last FUNCTION: of the last sector
%macro last 1
        mov     ax, %1 << 8 | 1
        mov     cl, [sectors]
        call    transfer
%endmacro

try_last_sector:
        mov     ax, [cylinders]
        dec     ax
        mov     [cylinder], ax
        mov     al, [heads]
        dec     al
        mov     [head], al

        last    0x02
        mov     si, [buffer]
        mov     di, saved
        mov     cx, SECTOR
        rep     movsb
        mov     di, [buffer]
        call    fill
        last    0x03
        check_eq "AH=03h: the sectors written", [status], 1
        mov     di, [buffer]
        mov     cx, SECTOR
        xor     al, al
        rep     stosb
        last    0x02
        mov     di, pattern
        call    fill
        mov     si, [buffer]
        mov     di, pattern
        mov     cx, SECTOR
        repe    cmpsb
        setne   [error]
        check_eq "the last sector holds what was written", [error], 0
        last    0x04
        check_eq "AH=04h: errors", [errors], 0

        mov     si, saved
        mov     di, [buffer]
        mov     cx, SECTOR
        rep     movsb
        last    0x03
        ret

fill:                                   ; the sector at DI; changes AX, CX, DI
        mov     cx, SECTOR
.next:  mov     ax, cx
        imul    ax, 167
        xor     al, ah
        stosb
        loop    .next
        ret

outside:
        xor     eax, eax
        mov     [cylinder], ax
        mov     [head], al
        mov     ax, 0x0201
        mov     cl, [sectors]
        inc     cl
        call    transfer
        check_eq "reading a sector behind the track: errors", [errors], 1
        mov     ax, [cylinders]
        mov     [cylinder], ax
        mov     ax, 0x0201
        mov     cl, 1
        call    transfer
        check_eq "reading a track behind the disk: errors", [errors], 2
        xor     ax, ax
        xor     dl, dl
        int     0x13
        setc    [error]
        check_eq "AH=00h: carry", [error], 0
        ret

        [section .bss]
buffer:    resd 1
sectors:   resd 1
heads:     resd 1
cylinders: resd 1
cylinder:  resd 1
head:      resd 1
crc:       resd 1
status:    resd 1
error:     resd 1
errors:    resd 1
tries:     resd 1
saved:     resb SECTOR
pattern:   resb SECTOR
space:     resb 2 * TRACK
