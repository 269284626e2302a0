; Mode 4, CGA's 320x200 in 4 colours: even lines lie at B800:0000, odd ones at B800:2000. Leaves this
; picture until a key is pressed:
;
;   y 0-99      even lines: colour x/80 (0 to 3), odd lines: colour 3 - x/80
;   y 100-199   even lines: colour x & 3, odd lines: colour 3 - (x & 3)
;
; first with colour 0 black and palette 1 (1 cyan, 2 magenta, 3 white), after the first key with colour 0 blue
; and palette 0 (1 green, 2 red, 3 brown), set by INT 10h AH=0Bh; the second key ends it.
%define PROGRAM "cga4"
        %include "dos.inc"

BANK            equ 0x2000
STRIDE          equ 80

start:  mov     ax, 0x0004
        int     0x10
        push    word 0xb800
        pop     es
        cld
        mov     ax, 0x0b00
        mov     bx, 0x0101              ; palette 1
        int     0x10

        xor     di, di
        mov     si, bars
        mov     bp, 0x1b1b              ; 0, 1, 2, 3
        call    bank
        mov     di, BANK
        mov     si, bars_reversed
        mov     bp, 0xe4e4              ; 3, 2, 1, 0
        call    bank

        mov     eax, [es:STRIDE - 4]
        mov     [ends], eax
        mov     eax, [es:BANK + STRIDE - 4]
        mov     [ends + 4], eax
        mov     ah, 0x0d                ; the pixel (2, 199)
        xor     bh, bh
        mov     cx, 2
        mov     dx, 199
        int     0x10
        mov     [pixel], al
        mov     ax, 0x0c02              ; pixel (319, 1), which is 0: colour 2
        mov     cx, 319
        mov     dx, 1
        int     0x10
        mov     al, [es:BANK + STRIDE - 1]
        mov     [written], al
        mov     byte [es:BANK + STRIDE - 1], 0

        call    wait_key
        mov     ah, 0x0b
        mov     bx, 0x0001              ; the background: blue
        int     0x10
        mov     ah, 0x0b
        mov     bx, 0x0100              ; palette 0
        int     0x10
        call    wait_key
        mov     ax, 0x0003
        int     0x10

        check_eq "the end of line 0", [ends], 0xffffffff
        check_eq "the end of line 1", [ends + 4], 0
        check_eq "AH=0Dh: the pixel (2, 199)", [pixel], 1
        check_eq "AH=0Ch wrote the pixel (319, 1)", [written], 2
        finish

; The 100 lines at DI: 50 with the four bytes at SI in turn for a quarter of the line, 50 of BP.
bank:   mov     dx, 50
.bars:  push    si
        mov     bl, 4
.bar:   lodsb
        mov     cx, STRIDE / 4
        rep     stosb
        dec     bl
        jnz     .bar
        pop     si
        dec     dx
        jnz     .bars
        mov     ax, bp
        mov     cx, 50 * STRIDE / 2
        rep     stosw
        ret

bars:          db 0x00, 0x55, 0xaa, 0xff
bars_reversed: db 0xff, 0xaa, 0x55, 0x00

        [section .bss]
ends:    resd 2
pixel:   resd 1
written: resd 1
