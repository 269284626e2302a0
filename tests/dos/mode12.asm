; Mode 12h, 640x480 in 16 colours: the four planes by each way in. Leaves this picture until a key is
; pressed. Colours are the mode's default ones (the usual 16), x/40 = c (0 to 15) is the column, all that is
; not named is black (0):
;
;   y 0-15      colour c, by the map mask
;   y 16-31     colour 15 - c, by set/reset
;   y 32-47     x & 7 < 4: colour c, by write mode 2 with the bit mask f0
;   y 48-63     even x: colour c, by write mode 3 with the data aa
;   y 64-79     colour c, copied from y 0-15 by write mode 1
;   y 80-95     colour 15 ^ c, by the function XOR on 15
;   y 96-111    colour 9 & c, by the function AND on 9
;   y 112-127   colour 9 | c, by the function OR on 9
;   y 128-143   x & 7 in 0, 1, 2, 7: colour c, by the data 0f rotated right by 3
;   y 144-159   x - 40c = y - 144: colour 15, single pixels by the bit mask and OR to memory
;   y 160-175   colour c, by words and dwords of STOS, each plane on its own
;   y 479       colour 15
%define PROGRAM "mode12"
        %include "dos.inc"

GRAPHICS        equ 0xa000
SEQUENCER       equ 0x3c4
MAP_MASK        equ 2
CONTROLLER      equ 0x3ce
SET_RESET       equ 0
ENABLE_SET      equ 1
COLOUR_COMPARE  equ 2
FUNCTION        equ 3           ; bits 0-2 rotate, bits 3-4 function
READ_MAP        equ 4
MODE            equ 5           ; bits 0-1 write mode, bit 3 read mode
DONT_CARE       equ 7
BIT_MASK        equ 8
BY_AND          equ 1 << 3
BY_OR           equ 2 << 3
BY_XOR          equ 3 << 3
COMPARING       equ 1 << 3

STRIDE          equ 80          ; bytes of a line
COLUMN          equ 5           ; bytes of a column
BAND            equ 16          ; lines

; set PORT, REGISTER, VALUE (not AL): changes AX, DX
%macro set 3
        mov     dx, %1
        mov     ah, %3
        mov     al, %2
        out     dx, ax
%endmacro
%macro graphics 2
        set     CONTROLLER, %1, %2
%endmacro
%macro sequencer 2
        set     SEQUENCER, %1, %2
%endmacro

; fill_band N, ROUTINE: for each column BL = c of band N the routine, once for each of its lines, with ES:DI
; at the column's first byte and CX its bytes
%macro fill_band 2
        mov     si, %1 * BAND * STRIDE
        mov     bp, %2
        call    each_column
%endmacro

start:  mov     ax, 0x0012
        int     0x10
        push    word GRAPHICS
        pop     es
        cld
        call    paint
        call    read_planes
        call    compare_colours
        call    wait_key
        mov     ax, 0x0003
        int     0x10

        check_eq "read map: the planes of colours 0 to 15, wrong ones", [wrong_planes], 0
        check_eq "colour compare with all planes, wrong ones", [wrong_colours], 0
        check_eq "colour compare with plane 0 only", [odd_colours], 0xaaaa
        check_eq "latches are kept over a write", [kept], 0x0f
        check_eq "XCHG with the memory", [exchanged], 0x3cff
        finish

paint:  fill_band 0, by_map_mask
        sequencer MAP_MASK, 15

        graphics ENABLE_SET, 15
        fill_band 1, by_set_reset
        graphics ENABLE_SET, 0

        graphics MODE, 2
        graphics BIT_MASK, 0xf0
        fill_band 2, by_mode_2
        graphics BIT_MASK, 0xff

        graphics MODE, 3
        fill_band 3, by_mode_3

        graphics MODE, 1
        push    ds
        push    es
        pop     ds
        xor     si, si
        mov     di, 4 * BAND * STRIDE
        mov     cx, BAND * STRIDE
        rep     movsb
        pop     ds
        graphics MODE, 0

        mov     di, 5 * BAND * STRIDE
        mov     bh, 15
        call    fill
        graphics FUNCTION, BY_XOR
        fill_band 5, by_function
        mov     di, 6 * BAND * STRIDE
        mov     bh, 9
        call    fill
        graphics FUNCTION, BY_AND
        fill_band 6, by_function
        mov     di, 7 * BAND * STRIDE
        mov     bh, 9
        call    fill
        graphics FUNCTION, BY_OR
        fill_band 7, by_function

        graphics FUNCTION, 3
        fill_band 8, by_rotation
        graphics FUNCTION, 0
        sequencer MAP_MASK, 15

        call    diagonals
        call    by_words

        mov     di, 479 * STRIDE
        mov     al, 0xff
        mov     cx, STRIDE
        rep     stosb
        ret

fill:                                   ; fills the band at DI with the colour BH; changes AX, CX, DX, DI
        graphics FUNCTION, 0
        graphics SET_RESET, bh
        graphics ENABLE_SET, 15
        mov     cx, BAND * STRIDE
        rep     stosb
        graphics ENABLE_SET, 0
        ret

each_column:                            ; the band at SI, the routine BP; changes AX, BX, CX, DX, DI
        xor     bl, bl
.column:
        mov     al, bl
        mov     ah, COLUMN
        mul     ah
        mov     di, ax
        add     di, si
        mov     bh, BAND
.line:  mov     cx, COLUMN
        push    di
        call    bp
        pop     di
        add     di, STRIDE
        dec     bh
        jnz     .line
        inc     bl
        cmp     bl, 16
        jb      .column
        ret

by_map_mask:
        sequencer MAP_MASK, bl
        mov     al, 0xff
        rep     stosb
        ret

by_set_reset:
        mov     al, 15
        sub     al, bl
        mov     ah, al
        graphics SET_RESET, ah
        mov     al, 0x55                ; does not matter
        rep     stosb
        ret

by_mode_2:                              ; the latches hold the black that is there
.next:  mov     al, [es:di]
        mov     al, bl
        stosb
        loop    .next
        ret

by_mode_3:
        graphics SET_RESET, bl
.next:  mov     al, [es:di]
        mov     al, 0xaa
        stosb
        loop    .next
        ret

by_function:                            ; in write mode 0 with set/reset
        graphics ENABLE_SET, 15
        graphics SET_RESET, bl
.next:  mov     al, [es:di]
        stosb
        loop    .next
        graphics ENABLE_SET, 0
        ret

by_rotation:                            ; 0f becomes e1
        sequencer MAP_MASK, bl
        mov     al, 0x0f
        rep     stosb
        ret

diagonals:
        mov     si, 9 * BAND * STRIDE   ; the line
        xor     bx, bx                  ; its number
.line:  mov     cl, bl
        and     cl, 7
        mov     al, 0x80
        shr     al, cl
        mov     ah, al
        graphics BIT_MASK, ah
        mov     di, bx
        shr     di, 3
        add     di, si
        mov     cx, 16
.column:
        or      byte [es:di], 0xff
        add     di, COLUMN
        loop    .column
        add     si, STRIDE
        inc     bx
        cmp     bx, BAND
        jb      .line
        graphics BIT_MASK, 0xff
        ret

; A plane's bytes are the same in each line: ff where c has its bit. 80 bytes: four times a word, a dword,
; the next columns' bytes, from a line in memory.
by_words:
        mov     bh, 1                   ; the plane's bit
.plane: push    es
        push    ds
        pop     es
        mov     di, line
        xor     bl, bl
.make:  mov     al, bl
        and     al, bh
        neg     al                      ; carry if the bit is set
        sbb     al, al
        mov     cx, COLUMN
        rep     stosb
        inc     bl
        cmp     bl, 16
        jb      .make
        pop     es

        sequencer MAP_MASK, bh
        mov     di, 10 * BAND * STRIDE
        mov     dx, BAND
.line:  mov     si, line
        mov     cx, 4
.next:  lodsw
        stosw
        lodsd
        stosd
        movsd
        movsw
        push    cx
        mov     cx, 8
        rep     movsb
        pop     cx
        loop    .next
        dec     dx
        jnz     .line
        shl     bh, 1
        cmp     bh, 16
        jb      .plane
        sequencer MAP_MASK, 15
        ret

read_planes:                            ; band 0
        xor     bl, bl
.plane: graphics READ_MAP, bl
        xor     si, si
        xor     bh, bh
.column:
        mov     cl, bl
        mov     ah, bh
        shr     ah, cl
        and     ah, 1
        neg     ah                      ; 0 or ff
        mov     al, [es:si]
        cmp     al, ah
        je      .good
        inc     dword [wrong_planes]
.good:  add     si, COLUMN
        inc     bh
        cmp     bh, 16
        jb      .column
        inc     bl
        cmp     bl, 4
        jb      .plane

; Off the screen: the latches of a read byte stay there for later writes with the bit mask 0.
        graphics READ_MAP, 0
        mov     byte [es:480 * STRIDE], 0x0f
        mov     al, [es:480 * STRIDE]
        graphics BIT_MASK, 0
        mov     byte [es:480 * STRIDE + 1], 0xff
        mov     byte [es:480 * STRIDE + 2], 0xff
        graphics BIT_MASK, 0xff
        mov     al, [es:480 * STRIDE + 2]
        mov     [kept], al
        mov     byte [es:480 * STRIDE], 0x3c
        mov     al, 0xff
        xchg    al, [es:480 * STRIDE]
        mov     ah, al
        mov     al, [es:480 * STRIDE]
        mov     [exchanged], ax
        ret

compare_colours:
        graphics MODE, COMPARING
        graphics DONT_CARE, 15
        xor     bl, bl
.colour:
        graphics COLOUR_COMPARE, bl
        xor     si, si
        xor     bh, bh
.column:
        cmp     bl, bh
        sete    ah
        neg     ah
        mov     al, [es:si]
        cmp     al, ah
        je      .good
        inc     dword [wrong_colours]
.good:  add     si, COLUMN
        inc     bh
        cmp     bh, 16
        jb      .column
        inc     bl
        cmp     bl, 16
        jb      .colour

        graphics COLOUR_COMPARE, 1
        graphics DONT_CARE, 1
        mov     si, 15 * COLUMN
        mov     cx, 16
.odd:   shl     word [odd_colours], 1
        cmp     byte [es:si], 0xff
        jne     .even
        inc     word [odd_colours]
.even:  sub     si, COLUMN
        loop    .odd
        graphics DONT_CARE, 15
        graphics MODE, 0
        ret

        [section .bss]
line:          resb STRIDE
wrong_planes:  resd 1
wrong_colours: resd 1
odd_colours:   resd 1
kept:          resd 1
exchanged:     resd 1
