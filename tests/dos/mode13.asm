; Mode 13h, 320x200 in 256 colours, with a palette of its own. Leaves this picture until a key is pressed;
; DAC values have 6 bits:
;
;   y 0-99      column x/20 = i (0 to 15) in colour 16 + i: red 4i, green 63 - 4i, blue 0, set by INT 10h AX=1012h
;   y 100-199   column x/20 = i in colour 32 + i: red 0, green 4i, blue 63 - 4i, set by the ports 3C8h and 3C9h
;   on top      x = y for 0 to 199 in colour 48: white, 63 63 63; the pixels (319, 0), (0, 199), (319, 199) in
;               colour 49: 63 0 63, both set by AX=1010h
%define PROGRAM "mode13"
        %include "dos.inc"

WIDTH           equ 320
HEIGHT          equ 200
GRAPHICS        equ 0xa000
BY_BIOS         equ 16
BY_PORTS        equ 32
WHITE           equ 48
MAGENTA         equ 49
DAC_READ        equ 0x3c7
DAC_WRITE       equ 0x3c8
DAC_DATA        equ 0x3c9

start:  mov     ax, 0x0013
        int     0x10
        call    set_palette
        call    paint
        call    look
        call    wait_key
        mov     ax, 0x0003
        int     0x10

        check_eq "pixels (0, 0) to (3, 0)", [pixels], 0x10101030
        check_eq "pixels (316, 199) to (319, 199)", [pixels + 4], 0x312f2f2f
        check_eq "colour 17, set by the BIOS, read by ports", [by_ports], 0x08003b04
        check_eq "colour 18, read next", [by_ports + 4], 0x00000037
        check_eq "colour 33, set by ports, read by the BIOS", [by_bios], 0x003b0400
        finish

set_palette:
        mov     cx, 16                  ; the table for the BIOS: 4i, 63 - 4i, 0
        mov     di, palette
        xor     al, al
.entry: mov     ah, 63
        sub     ah, al
        mov     [di], ax
        mov     byte [di + 2], 0
        add     di, 3
        add     al, 4
        loop    .entry
        mov     ax, 0x1012
        mov     bx, BY_BIOS
        mov     cx, 16
        mov     dx, palette
        int     0x10

        mov     dx, DAC_WRITE
        mov     al, BY_PORTS
        out     dx, al
        mov     dx, DAC_DATA
        xor     bl, bl
.colour:
        xor     al, al
        out     dx, al
        mov     al, bl
        out     dx, al
        mov     al, 63
        sub     al, bl
        out     dx, al
        add     bl, 4
        cmp     bl, 64
        jb      .colour

        mov     ax, 0x1010
        mov     bx, WHITE
        mov     dh, 63
        mov     cx, 63 << 8 | 63        ; green, blue
        int     0x10
        mov     ax, 0x1010
        mov     bx, MAGENTA
        mov     dh, 63
        mov     cx, 63
        int     0x10
        ret

paint:  push    word GRAPHICS
        pop     es
        xor     di, di
        mov     al, BY_BIOS
        call    .half
        mov     al, BY_PORTS
        call    .half
        xor     di, di
        mov     cx, HEIGHT
.diagonal:
        mov     byte [es:di], WHITE
        add     di, WIDTH + 1
        loop    .diagonal
        mov     byte [es:WIDTH - 1], MAGENTA
        mov     byte [es:(HEIGHT - 1) * WIDTH], MAGENTA
        mov     byte [es:HEIGHT * WIDTH - 1], MAGENTA
        ret
.half:  mov     bx, HEIGHT / 2          ; rows of 16 columns with the colours from AL on
.row:   push    ax
        mov     dx, 16
.column:
        mov     cx, WIDTH / 16
        rep     stosb
        inc     al
        dec     dx
        jnz     .column
        pop     ax
        dec     bx
        jnz     .row
        ret

look:   mov     eax, [es:0]
        mov     [pixels], eax
        mov     eax, [es:HEIGHT * WIDTH - 4]
        mov     [pixels + 4], eax
        mov     dx, DAC_READ
        mov     al, BY_BIOS + 1
        out     dx, al
        mov     dx, DAC_DATA
        mov     di, by_ports
        mov     cx, 6
.next:  in      al, dx
        mov     [di], al
        inc     di
        loop    .next
        mov     ax, 0x1015
        mov     bx, BY_PORTS + 1
        int     0x10                    ; DH, CH, CL: red, green, blue
        mov     [by_bios], dh
        mov     [by_bios + 1], ch
        mov     [by_bios + 2], cl
        ret

        [section .bss]
palette:   resb 3 * 16
pixels:    resd 2
by_ports:  resd 2
by_bios:   resd 1
