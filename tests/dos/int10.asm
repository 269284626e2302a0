; INT 10h output and direct writes to B8000. Leaves this picture until a key is pressed; columns and rows
; count from 0, attributes are written as VGA bytes (blink or background << 4 | foreground), all other cells
; are 07 blanks:
;
;   row 0       column 0    "INT 10h teletype" 07 by AH=0Eh
;   row 1       column 0    "string" 1e by AH=13h AL=1, then "attributes" 9 to f, then 9 again ... by AL=3
;   row 2       column 0    ten "#" 2f by AH=09h, then "9A" 4e by AH=09h and AH=0Ah (which keeps the attribute)
;   rows 4-19   column 0    "foreground N" in the attribute N, N = 0 to f: direct, as all below
;   rows 4-11   column 20   "background N" in N << 4 | f, N = 0 to 7
;   rows 12-19  column 20   "blinking N" in 80 | N << 4 | 7, N = 0 to 7
;   rows 4-8    column 40   a double box of 20 columns in 1f, row 6 of it with "box" in the middle (column 48)
;   rows 10-14  column 40   a single box of 20 columns in 70
;   row 16      column 40   the shades b0, b1, b2, db, dc, dd, de, df, each twice, in 0a
;   rows 20-23  column 0    all 256 characters in turn, 64 a row, in 07
;   row 24      column 0    "Press a key" 07; column 79 "*" 0c
;
; The cursor is at row 24, column 12. After the key the checks are printed on a cleared screen.
%define PROGRAM "int10"
        %include "dos.inc"

COLUMNS         equ 80
TEXT_SEGMENT    equ 0xb800
CURSOR_ROW      equ 24
CURSOR_COLUMN   equ 12

; cell ROW, COLUMN: DI at that cell
%macro cell 2
        mov     di, (COLUMNS * %1 + %2) * 2
%endmacro

; direct ROW, COLUMN, ATTRIBUTE, "...": written to the memory
%macro direct 4
        text    %%text, %4
        cell    %1, %2
        mov     ah, %3
        mov     si, %%text
        call    put_direct
%endmacro

start:  mov     ax, 0x0003
        int     0x10
        push    word TEXT_SEGMENT
        pop     es
        call    by_bios
        call    colours
        call    boxes
        call    characters
        direct  24, 0, 0x07, "Press a key"
        direct  24, 79, 0x0c, "*"
        mov     dx, CURSOR_ROW << 8 | CURSOR_COLUMN
        call    move_cursor

        call    look
        call    wait_key
        mov     ax, 0x0003
        int     0x10

        check_eq "AH=03h: the cursor's place", [cursor], CURSOR_ROW << 8 | CURSOR_COLUMN
        check_eq "AH=08h: what AH=09h wrote", [read_back], 0x2f23
        check_eq "AH=08h: what was written directly", [read_back + 4], 0x0c2a
        check_eq "AH=0Fh: mode 3 of 80 columns", [mode], 0x5003
        check_eq "AH=0Eh wrote", [at_b8000], 0x074e0749
        check_eq "AH=13h wrote", [at_b8000 + 4], 0x1e741e73
        check_eq "AH=0Ah kept the attribute", [at_b8000 + 8], 0x4e414e39
        finish

by_bios:
        text    text_teletype, "INT 10h teletype"
        mov     si, text_teletype
.next:  lodsb
        test    al, al
        jz      .strings
        mov     ah, 0x0e
        mov     bx, 0x0007
        int     0x10
        jmp     .next

.strings:
        push    es
        push    ds
        pop     es
        mov     ax, 0x1301              ; the cursor moves on
        mov     bx, 0x001e
        mov     cx, text_string_end - text_string
        mov     dx, 1 << 8
        mov     bp, text_string
        int     0x10
        mov     ax, 0x1303              ; with attributes
        mov     cx, (text_attributes_end - text_attributes) / 2
        mov     dx, 1 << 8 | (text_string_end - text_string)
        mov     bp, text_attributes
        int     0x10
        pop     es

        mov     dx, 2 << 8
        call    move_cursor
        mov     ax, 0x0923
        mov     bx, 0x002f
        mov     cx, 10
        int     0x10
        mov     dx, 2 << 8 | 10
        call    move_cursor
        mov     ax, 0x0939
        mov     bx, 0x004e
        mov     cx, 2
        int     0x10
        mov     dx, 2 << 8 | 11
        call    move_cursor
        mov     ax, 0x0a41
        mov     bx, 0x0007
        mov     cx, 1
        int     0x10
        ret

        [section .data]
text_string: db "string"
text_string_end:
text_attributes:
%assign colour 9
%define letters "attributes"
%strlen count letters
%assign n 1
%rep count
%substr letter letters n
        db      letter, colour
%assign n n + 1
%assign colour colour + 1
%if colour == 16
%assign colour 9
%endif
%endrep
text_attributes_end:
        __?SECT?__

colours:
        text    text_foreground, "foreground "
        text    text_background, "background "
        text    text_blinking, "blinking "
        cell    4, 0
        xor     bl, bl
.foreground:
        mov     ah, bl
        mov     si, text_foreground
        call    put_numbered
        inc     bl
        cmp     bl, 16
        jb      .foreground

        cell    4, 20
        xor     bl, bl
.background:
        mov     ah, bl
        shl     ah, 4
        or      ah, 0x0f
        mov     si, text_background
        call    put_numbered
        inc     bl
        cmp     bl, 8
        jb      .background

        xor     bl, bl
.blinking:
        mov     ah, bl
        shl     ah, 4
        or      ah, 0x87
        mov     si, text_blinking
        call    put_numbered
        inc     bl
        cmp     bl, 8
        jb      .blinking
        ret

; The text at SI and the digit BL, in AH, at DI, which moves to the next row. Changes AL, SI.
put_numbered:
        push    di
        call    put_direct
        push    bx
        xor     bh, bh
        mov     al, [digits + bx]
        pop     bx
        stosw
        pop     di
        add     di, 2 * COLUMNS
        ret

put_direct:                             ; the text at SI in AH at DI; changes AL, SI, DI
        lodsb
        test    al, al
        jz      .end
        stosw
        jmp     put_direct
.end:   ret

; A box's characters: top left, top, top right, side, bottom left, bottom, bottom right
double: db      0xc9, 0xcd, 0xbb, 0xba, 0xc8, 0xcd, 0xbc
single: db      0xda, 0xc4, 0xbf, 0xb3, 0xc0, 0xc4, 0xd9
shades: db      0xb0, 0xb1, 0xb2, 0xdb, 0xdc, 0xdd, 0xde, 0xdf

boxes:  cell    4, 40
        mov     ah, 0x1f
        mov     bx, double
        call    box
        direct  6, 48, 0x1f, "box"
        cell    10, 40
        mov     ah, 0x70
        mov     bx, single
        call    box
        cell    16, 40
        mov     ah, 0x0a
        mov     si, shades
        mov     cx, 8
.next:  lodsb
        stosw
        stosw
        loop    .next
        ret

; A box of 20 x 5 cells at DI in AH with the characters at BX. Changes AL, CX, DI.
box:    mov     al, [bx + 1]
        mov     dx, [bx]
        mov     dh, [bx + 2]
        call    .row
        mov     al, ' '
        mov     dl, [bx + 3]
        mov     dh, dl
        call    .row
        call    .row
        call    .row
        mov     al, [bx + 5]
        mov     dl, [bx + 4]
        mov     dh, [bx + 6]
.row:   push    ax                      ; DL, 18 times AL, DH
        push    di
        xchg    al, dl
        stosw
        mov     al, dl
        mov     cx, 18
        rep     stosw
        mov     al, dh
        stosw
        pop     di
        add     di, 2 * COLUMNS
        pop     ax
        mov     dl, dh
        ret

characters:
        mov     ax, 0x0700
        cell    20, 0
.row:   mov     cx, 64
.next:  stosw
        inc     al
        loop    .next
        add     di, 2 * (COLUMNS - 64)
        test    al, al
        jnz     .row
        ret

move_cursor:                            ; to row DH, column DL
        push    ax
        push    bx
        mov     ah, 0x02
        xor     bh, bh
        int     0x10
        pop     bx
        pop     ax
        ret

look:   mov     ah, 0x03
        xor     bh, bh
        int     0x10
        mov     [cursor], dx
        mov     dx, 2 << 8
        call    .read
        mov     [read_back], ax
        mov     dx, 24 << 8 | 79
        call    .read
        mov     [read_back + 4], ax
        mov     dx, CURSOR_ROW << 8 | CURSOR_COLUMN
        call    move_cursor
        mov     ah, 0x0f
        int     0x10
        mov     [mode], ax
        mov     eax, [es:0]
        mov     [at_b8000], eax
        mov     eax, [es:2 * COLUMNS]
        mov     [at_b8000 + 4], eax
        mov     eax, [es:2 * (2 * COLUMNS + 10)]
        mov     [at_b8000 + 8], eax
        ret
.read:  call    move_cursor
        mov     ah, 0x08
        xor     bh, bh
        int     0x10
        ret

        [section .bss]
cursor:    resd 1
read_back: resd 2
mode:      resd 1
at_b8000:  resd 3
