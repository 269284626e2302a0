; Stays in memory and powers the PC off after TICKS of its timer's ticks. What waits for them is DOS at its
; prompt.
        bits    16
        org     0x100
PM1_CONTROL     equ 0x604
SLEEP_S5        equ 0x3400

        jmp     stay

tick:   dec     word [cs:left]
        jnz     .on
        mov     dx, PM1_CONTROL
        mov     ax, SLEEP_S5
        out     dx, ax
.on:    jmp     far [cs:next]
left:   dw      TICKS
next:   dd      0

stay:   mov     ax, 0x351c      ; ES:BX is whom INT 1Ch calls now
        int     0x21
        mov     [next], bx
        mov     [next + 2], es
        mov     dx, tick
        mov     ax, 0x251c
        int     0x21
        mov     dx, stay        ; the end of what stays
        int     0x27
