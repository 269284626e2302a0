; The RTC's three interrupts: the alarm (INT 1Ah AH=06h, INT 4Ah), the periodic one by INT 15h AH=83h and
; AH=86h and by registers A and B at 1024 Hz, and the one at each update. Prints `alarm after N ticks` and
; `periodic N in a second`.
%define PROGRAM "rtcalarm"
        %include "dos.inc"

CMOS            equ 0x70
CMOS_DATA       equ 0x71
REG_SECONDS     equ 0x00
REG_A           equ 0x0a
REG_B           equ 0x0b
REG_C           equ 0x0c
RATE_1024       equ 0x26        ; the clock's divider, and 1024 Hz
PERIODIC        equ 0x40
UPDATE          equ 0x10
PIC_1           equ 0x20
PIC_2           equ 0xa0
EOI             equ 0x20
IRQ2            equ 0x04
IRQ8            equ 0x01

; bcd: the number in AL as BCD; changes AX
%macro bcd 0
        aam
        shl     ah, 4
        or      al, ah
%endmacro

start:  push    word BDA
        pop     gs
        call    alarm
        call    waits
        call    periodic
        finish

alarm:  hook    0x4a, old_alarm, on_alarm
        mov     ah, 0x07                ; one may be set
        int     0x1a
        call    next_second
        mov     ah, 0x02
        int     0x1a                    ; CH, CL, DH: hour, minute, second
        mov     al, dh
        call    from_bcd
        add     al, 2
        cmp     al, 60
        jb      .minute
        sub     al, 60
        mov     bl, al
        mov     al, cl
        call    add_one
        cmp     al, 0x60
        jb      .hour
        mov     al, ch
        call    add_one
        cmp     al, 0x24
        jb      .day
        xor     al, al
.day:   mov     ch, al
        xor     al, al
.hour:  mov     cl, al
        mov     al, bl
.minute:
        bcd
        mov     dh, al
        mov     ah, 0x06
        int     0x1a
        setc    [error]
        mov     ebx, [gs:BDA_TICKS]
.wait:  hlt
        mov     eax, [gs:BDA_TICKS]
        sub     eax, ebx
        cmp     eax, 5 * 18
        jae     .over
        cmp     dword [alarms], 0
        je      .wait
.over:  mov     ebx, eax
        mov     ah, 0x07
        int     0x1a
        unhook  0x4a, old_alarm
        print   "alarm after "
        print_decimal ebx
        print_line " ticks"
        check_eq "AH=06h: carry", [error], 0
        check_eq "alarms", [alarms], 1
        check_range "it came after two seconds", ebx, 34, 38
        ret

add_one:                                ; AL + 1 in BCD; changes AX
        add     al, 1
        daa
        ret

from_bcd:                               ; AL; changes AX
        mov     ah, al
        shr     ah, 4
        and     al, 15
        aad
        ret

on_alarm:
        inc     dword [cs:alarms]
        iret

waits:  mov     bx, flag
        mov     ax, 0x8300
        mov     cx, 500000 >> 16
        mov     dx, 500000 & 0xffff
        int     0x15
        setc    [error]
        check_eq "AH=83h: carry", [error], 0
        mov     ebx, [gs:BDA_TICKS]
.wait:  hlt
        mov     eax, [gs:BDA_TICKS]
        sub     eax, ebx
        cmp     eax, 2 * 18
        jae     .over
        test    byte [flag], 0x80
        jz      .wait
.over:  check_range "AH=83h: half a second, in ticks", eax, 7, 11

        mov     ebx, [gs:BDA_TICKS]
        mov     ah, 0x86
        mov     cx, 500000 >> 16
        mov     dx, 500000 & 0xffff
        int     0x15
        setc    [error]
        mov     eax, [gs:BDA_TICKS]
        sub     eax, ebx
        check_eq "AH=86h: carry", [error], 0
        check_range "AH=86h: half a second, in ticks", eax, 7, 11
        ret

periodic:
        hook    0x70, old_irq8, on_irq8
        cli
        in      al, PIC_2 + 1
        mov     [mask_2], al
        and     al, ~IRQ8
        out     PIC_2 + 1, al
        in      al, PIC_1 + 1
        mov     [mask_1], al
        and     al, ~IRQ2
        out     PIC_1 + 1, al
        mov     ah, REG_A
        mov     al, RATE_1024
        call    write_cmos
        mov     al, REG_B
        call    read_cmos
        mov     [reg_b], al
        or      al, PERIODIC | UPDATE
        mov     ah, REG_B
        call    write_cmos
        mov     al, REG_C
        call    read_cmos               ; what was pending is gone
        sti

        mov     ebx, [gs:BDA_TICKS]
        mov     eax, 1
        call    wait_updates
        mov     ecx, [periodics]
        mov     eax, 2
        call    wait_updates
        neg     ecx
        add     ecx, [periodics]

        cli
        mov     al, [reg_b]
        mov     ah, REG_B
        call    write_cmos
        mov     al, REG_C
        call    read_cmos
        mov     al, [mask_1]
        out     PIC_1 + 1, al
        mov     al, [mask_2]
        out     PIC_2 + 1, al
        sti
        unhook  0x70, old_irq8
        print   "periodic "
        print_decimal ecx
        print_line " in a second"
        check_eq "update interrupts", [updates], 2
        check_range "periodic interrupts from one to the next", ecx, 1004, 1044
        check_eq "interrupts for no reason", [others], 0
        ret

wait_updates:                           ; until there were EAX; gives up three seconds after EBX
        push    edx
.wait:  hlt
        mov     edx, [gs:BDA_TICKS]
        sub     edx, ebx
        cmp     edx, 3 * 18
        jae     .over
        cmp     [updates], eax
        jb      .wait
.over:  pop     edx
        ret

on_irq8:
        push    ax
        mov     al, REG_C
        out     CMOS, al
        in      al, CMOS_DATA
        test    al, PERIODIC
        jz      .update
        inc     dword [cs:periodics]
.update:
        test    al, UPDATE
        jz      .other
        inc     dword [cs:updates]
.other: test    al, PERIODIC | UPDATE
        jnz     .end
        inc     dword [cs:others]
.end:   mov     al, EOI
        out     PIC_2, al
        out     PIC_1, al
        pop     ax
        iret

next_second:                            ; changes AL, BL
        mov     al, REG_SECONDS
        call    read_cmos
        mov     bl, al
.poll:  hlt
        mov     al, REG_SECONDS
        call    read_cmos
        cmp     al, bl
        je      .poll
        ret

read_cmos:                              ; AL: register AL
        pushf
        cli
        out     CMOS, al
        in      al, CMOS_DATA
        popf
        ret

write_cmos:                             ; register AH: AL
        pushf
        cli
        xchg    al, ah
        out     CMOS, al
        xchg    al, ah
        out     CMOS_DATA, al
        popf
        ret

        [section .bss]
old_alarm: resd 1
old_irq8:  resd 1
alarms:    resd 1
periodics: resd 1
updates:   resd 1
others:    resd 1
error:     resd 1
flag:      resb 1
reg_b:     resb 1
mask_1:    resb 1
mask_2:    resb 1
