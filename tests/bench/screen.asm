; Writes a screenful of characters at a quiet moment, in the way that it is assembled for: DIRECT into the
; memory, all of one colour; COLOURS likewise, eight of each of the 16; INT10, the BIOS's teletype; INT21, a
; character of DOS. For none of them it writes nothing, and the rest is the same. The PC is idle for two seconds
; before, and after, until the screen is on the serial line.
        bits    16
        org     0x100
TEXT_SEGMENT    equ 0xb800
CHARACTERS      equ 80 * 25     ; as in measure_dos.py
QUIET_TICKS     equ 36

%ifdef DIRECT
%macro put 0                    ; AL; changes AH, BX, DX, DI
        mov     ah, 0x07
        stosw
%endmacro
%elifdef COLOURS
%macro put 0
        mov     ah, cl
        shr     ah, 3
        and     ah, 15
        stosw
%endmacro
%elifdef INT10
%macro put 0
        mov     ah, 0x0e
        mov     bx, 0x0007
        int     0x10
%endmacro
%elifdef INT21
%macro put 0
        mov     ah, 0x02
        mov     dl, al
        int     0x21
%endmacro
%endif

start:  call    be_idle
%ifmacro put
        push    word TEXT_SEGMENT
        pop     es
        xor     di, di
        mov     cx, CHARACTERS
.first: mov     al, '!'
.next:  put
        inc     al
        cmp     al, '~'
        loopne  .next
        jcxz    be_idle
        jmp     .first
%endif

be_idle:                        ; the second time that ends the program
        mov     cx, QUIET_TICKS
.tick:  hlt
        loop    .tick
        ret
