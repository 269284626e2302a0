; SNAKE: the arrows steer, Esc leaves. Writes directly to the screen's memory, halts between the BIOS's
; ticks and never takes more than a key a step. The food follows the same sequence in every game.
;
; The picture at the start, until an arrow is pressed; columns and rows count from 0:
;   row 0       " SNAKE", at column 32 "score 0", at column 66 "Esc leaves", all of it white on blue (1f)
;   rows 1-24   a yellow (0e) double box of 80 x 24 cells, blank (0e, too) but for
;   row 12      the snake, light green (0a): four db at columns 36 to 39, its head 02 at column 40
;   row 6       the food, light red (0c) 04 at column 60
; The cursor is hidden. The end of a game is told at row 13, columns 31 to 48, in white on red (4f).

        cpu     386
        bits    16
        org     0x100
        section .text
        section .data follows=.text align=2
        section .bss nobits follows=.data align=2
        section .text
        jmp     start

SCREEN          equ 0xb800
BDA             equ 0x40
BDA_TICKS       equ 0x6c
COLUMN          equ 2           ; bytes
ROW             equ 80 * COLUMN
%define cell(row, column) ((row) * ROW + (column) * COLUMN)

FIELD_TOP       equ 2
FIELD_LEFT      equ 1
FIELD_ROWS      equ 22
FIELD_COLUMNS   equ 78
CELLS           equ FIELD_ROWS * FIELD_COLUMNS
RING            equ 4096        ; bytes, a power of two above 2 * CELLS
TICKS_A_STEP    equ 2

BLANK           equ 0x0e20      ; as draw_frame leaves it
BODY            equ 0x0adb
HEAD            equ 0x0a02
FOOD            equ 0x0c04
BAR             equ 0x1f
FRAME           equ 0x0e
ALERT           equ 0x4f

KEY_ESC         equ 0x01        ; scan codes
KEY_UP          equ 0x48
KEY_LEFT        equ 0x4b
KEY_RIGHT       equ 0x4d
KEY_DOWN        equ 0x50

start:  cld
        mov     ax, 0x0003
        int     0x10
        mov     ah, 0x01
        mov     cx, 0x2000
        int     0x10
        push    word SCREEN
        pop     es
        call    draw_bar
        call    draw_frame
        call    put_snake
        mov     di, cell(6, 60)
        mov     word [es:di], FOOD

.first: mov     ah, 0x10
        int     0x16
        call    steer
        jc      leave_game
        cmp     word [step], 0
        je      .first

.next:  call    move
        jc      .over
        call    wait_step
        mov     ah, 0x11
        int     0x16
        jz      .next
        mov     ah, 0x10
        int     0x16
        call    steer
        jnc     .next
        jmp     leave_game

.over:  mov     di, cell(13, 31)
        mov     ah, ALERT
        mov     si, text_over
        call    put_text
.key:   mov     ah, 0x10
        int     0x16
        cmp     ah, KEY_ESC
        jne     .key

leave_game:
        mov     ax, 0x0003
        int     0x10
        mov     ax, 0x4c00
        int     0x21

; ---- the game

put_snake:
        mov     di, cell(12, 36)
        mov     cx, 5
        xor     bx, bx
.next:  mov     [ring + bx], di
        mov     ax, BODY
        stosw
        add     bx, 2
        loop    .next
        sub     bx, 2
        mov     [head], bx
        mov     word [es:di - COLUMN], HEAD
        ret

; The key AH; CF: leave. The snake does not turn into itself, so not back into its own neck.
steer:  cmp     ah, KEY_ESC
        stc
        je      .end
        mov     si, steps
.look:  cmp     ah, [si]
        je      .found
        add     si, 3
        cmp     si, steps_end
        jb      .look
        clc
        ret
.found: mov     ax, [si + 1]
        mov     bx, [head]
        mov     di, [ring + bx]
        add     di, ax
        cmp     word [es:di], BODY
        je      .back
        mov     [step], ax
.back:  clc
.end:   ret

; One step; CF: the game is over.
move:   mov     bx, [head]
        mov     si, [ring + bx]         ; the old head
        mov     di, si
        add     di, [step]
        cmp     word [es:di], FOOD
        je      .eat
        mov     bp, [tail]              ; the tail goes first, so that its cell is free
        push    di
        mov     di, [ring + bp]
        mov     word [es:di], BLANK
        pop     di
        add     bp, 2
        and     bp, RING - 1
        mov     [tail], bp
        cmp     byte [es:di], ' '
        jne     .over
        call    advance
        clc
        ret
.eat:   call    advance
        inc     word [score]
        call    draw_score
        cmp     word [score], CELLS - 5
        je      .over
        call    put_food
        clc
        ret
.over:  stc
        ret

advance:                                ; from SI to DI; changes BX
        mov     word [es:si], BODY
        mov     word [es:di], HEAD
        add     bx, 2
        and     bx, RING - 1
        mov     [head], bx
        mov     [ring + bx], di
        ret

put_food:                               ; on a free cell; changes AX, BX, DX, DI
        mov     ax, [seed]
        imul    ax, ax, 25173
        add     ax, 13849
        mov     [seed], ax
        xor     dx, dx
        mov     bx, CELLS
        div     bx
        mov     ax, dx
        mov     bl, FIELD_COLUMNS
        div     bl                      ; AL: the row, AH: the column
        movzx   dx, ah
        mov     ah, 0
        imul    di, ax, ROW
        shl     dx, 1
        add     di, dx
        add     di, cell(FIELD_TOP, FIELD_LEFT)
        cmp     byte [es:di], ' '
        jne     put_food
        mov     word [es:di], FOOD
        ret

wait_step:                              ; changes AX, CX
        push    ds
        push    word BDA
        pop     ds
        mov     cx, TICKS_A_STEP
.next:  mov     ax, [BDA_TICKS]
.same:  hlt
        cmp     ax, [BDA_TICKS]
        je      .same
        loop    .next
        pop     ds
        ret

; ---- the screen

draw_bar:
        xor     di, di
        mov     ax, BAR << 8 | ' '
        mov     cx, 80
        rep     stosw
        mov     di, cell(0, 1)
        mov     si, text_name
        call    put_text
        mov     di, cell(0, 32)
        mov     si, text_score
        call    put_text
        mov     di, cell(0, 66)
        mov     si, text_leave
        call    put_text
draw_score:                             ; changes AX, BX, CX, DX, DI
        mov     ax, [score]
        mov     bx, 10
        xor     cx, cx
.digit: xor     dx, dx
        div     bx
        push    dx
        inc     cx
        test    ax, ax
        jnz     .digit
        mov     di, cell(0, 38)
.put:   pop     ax
        add     al, '0'
        mov     ah, BAR
        stosw
        loop    .put
        ret

draw_frame:
        mov     di, cell(1, 0)
        mov     ah, FRAME
        mov     si, frame_top
        call    frame_row
        mov     bx, FIELD_ROWS
.row:   mov     si, frame_side
        call    frame_row
        dec     bx
        jnz     .row
        mov     si, frame_bottom
frame_row:                              ; left, middle and right at SI; DI goes to the next row; changes AL, CX
        lodsb
        stosw
        lodsb
        mov     cx, FIELD_COLUMNS
        rep     stosw
        lodsb
        stosw
        ret

put_text:                               ; the text at SI in AH at DI
        lodsb
        test    al, al
        jz      .end
        stosw
        jmp     put_text
.end:   ret

        section .data
text_name:  db  "SNAKE", 0
text_score: db  "score ", 0
text_leave: db  "Esc leaves", 0
text_over:  db  " Game over. (Esc) ", 0

frame_top:    db 0xc9, 0xcd, 0xbb
frame_side:   db 0xba, ' ', 0xba
frame_bottom: db 0xc8, 0xcd, 0xbc

steps:  db      KEY_UP                  ; scan code, step
        dw      -ROW
        db      KEY_DOWN
        dw      ROW
        db      KEY_LEFT
        dw      -COLUMN
        db      KEY_RIGHT
        dw      COLUMN
steps_end:

step:   dw      0
tail:   dw      0                       ; bytes in the ring
head:   dw      0
score:  dw      0
seed:   dw      1

        section .bss
ring:   resb    RING                    ; the cells of the snake, from its tail to its head
