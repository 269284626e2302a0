; Mode X, 320x240 in 256 colours, four planes: mode 13h unchained, with 480 lines. Two pages; the second one
; is shown, by the CRTC's start address. Leaves this picture until a key is pressed; DAC values have 6 bits:
;
;   y 0-119     colour 9 + (x & 3) of the default palette (light blue, green, cyan, red), one plane after the other
;   y 120-238   colour 32 + y - 120 = 32 + i over the whole width, four planes at once:
;               red i/2, green 63 - i/2, blue 32 (i/2 rounded down)
;   y 239       colour 15, white
;   on top      x 160-191, y 140-155 is a copy of x 0-31, y 0-15, by the latches
;
; Page 0, not to be seen, is filled with colour 4.
%define PROGRAM "modex"
        %include "dos.inc"

GRAPHICS        equ 0xa000
STRIDE          equ 80
PAGE_1          equ STRIDE * 240
MISC_WRITE      equ 0x3c2
SEQUENCER       equ 0x3c4
DAC_WRITE       equ 0x3c8
DAC_DATA        equ 0x3c9
CONTROLLER      equ 0x3ce
CRTC            equ 0x3d4

; set PORT, REGISTER, VALUE: changes AX, DX
%macro set 3
        mov     dx, %1
        mov     ax, %2 | (%3) << 8
        out     dx, ax
%endmacro
%macro map_mask 1
        set     SEQUENCER, 2, %1
%endmacro

start:  call    set_mode
        call    set_palette
        push    word GRAPHICS
        pop     es
        cld
        call    paint
        set     CRTC, 0x0c, PAGE_1 >> 8
        set     CRTC, 0x0d, PAGE_1 & 0xff
        call    look
        call    wait_key
        mov     ax, 0x0003
        int     0x10

        check_eq "the planes of pixels (0, 0) to (3, 0)", [planes], 0x0c0b0a09
        check_eq "the planes of pixels (188, 155) to (191, 155)", [planes + 4], 0x0c0b0a09
        check_eq "page 0", [page_0], 0x04040404
        finish

set_mode:
        mov     ax, 0x0013
        int     0x10
        set     SEQUENCER, 4, 0x06      ; no chain 4
        set     SEQUENCER, 0, 0x01      ; stopped while the clock changes
        mov     dx, MISC_WRITE
        mov     al, 0xe3                ; 25 MHz, 480 lines
        out     dx, al
        set     SEQUENCER, 0, 0x03
        set     CRTC, 0x11, 0x2c        ; registers 0 to 7 can be written
        mov     dx, CRTC
        mov     si, registers
        mov     cx, (registers_end - registers) / 2
.next:  lodsw
        out     dx, ax
        loop    .next
        ret

registers:
        db      0x06, 0x0d              ; vertical total
        db      0x07, 0x3e              ; overflow
        db      0x09, 0x41              ; each line twice
        db      0x10, 0xea              ; retrace start
        db      0x11, 0xac              ; retrace end, and 0 to 7 protected
        db      0x12, 0xdf              ; the last line
        db      0x14, 0x00              ; no doubleword addresses
        db      0x15, 0xe7              ; blanking start
        db      0x16, 0x06              ; blanking end
        db      0x17, 0xe3              ; byte addresses
registers_end:

set_palette:
        mov     dx, DAC_WRITE
        mov     al, 32
        out     dx, al
        mov     dx, DAC_DATA
        xor     bl, bl
.next:  mov     al, bl
        shr     al, 1
        mov     ah, al
        out     dx, al
        mov     al, 63
        sub     al, ah
        out     dx, al
        mov     al, 32
        out     dx, al
        inc     bl
        cmp     bl, 120
        jb      .next
        ret

paint:  map_mask 15
        xor     di, di
        mov     ax, 0x0404
        mov     cx, PAGE_1 / 2
        rep     stosw

        mov     bx, 1 << 8 | 9          ; the plane's bit, the colour
.plane: mov     dx, SEQUENCER
        mov     al, 2
        mov     ah, bh
        out     dx, ax
        mov     di, PAGE_1
        mov     al, bl
        mov     cx, 120 * STRIDE
        rep     stosb
        inc     bl
        shl     bh, 1
        cmp     bh, 16
        jb      .plane

        map_mask 15
        mov     al, 32
        mov     dx, 119
.line:  mov     cx, STRIDE
        rep     stosb
        inc     al
        dec     dx
        jnz     .line
        mov     al, 15
        mov     cx, STRIDE
        rep     stosb

        set     CONTROLLER, 5, 0x41     ; write mode 1
        push    ds
        push    es
        pop     ds
        mov     si, PAGE_1
        mov     di, PAGE_1 + 140 * STRIDE + 160 / 4
        mov     dx, 16
.copy:  mov     cx, 32 / 4
        rep     movsb
        add     si, STRIDE - 32 / 4
        add     di, STRIDE - 32 / 4
        dec     dx
        jnz     .copy
        pop     ds
        set     CONTROLLER, 5, 0x40
        ret

look:   xor     bx, bx
.plane: mov     dx, CONTROLLER
        mov     al, 4                   ; read map
        mov     ah, bl
        out     dx, ax
        mov     al, [es:PAGE_1]
        mov     [planes + bx], al
        mov     al, [es:PAGE_1 + 155 * STRIDE + 188 / 4]
        mov     [planes + 4 + bx], al
        mov     al, [es:PAGE_1 - 1]
        mov     [page_0 + bx], al
        inc     bx
        cmp     bx, 4
        jb      .plane
        ret

        [section .bss]
planes: resd 2
page_0: resd 1
