; TICKS S: waits S seconds of the RTC and prints `ticks N rtc HH:MM:SS` before and after. The BIOS ticks
; must have been 18.2065 in a second, to within 1 in all. It is idle (HLT) as it waits.
%define PROGRAM "ticks"
        %include "dos.inc"
        %include "args.inc"

DAY_SECONDS     equ 86400
DAY_TICKS       equ 0x1800b0

start:  mov     si, PSP_ARGS
        call    next_number
        mov     [wanted], eax
        call    next_second
        mov     [first_second], eax
        mov     [first_tick], ecx
        call    show
.wait:  call    next_second
        mov     edx, eax
        sub     edx, [first_second]
        jns     .today
        add     edx, DAY_SECONDS
.today: cmp     edx, [wanted]
        jb      .wait
        call    show

        sub     ecx, [first_tick]
        jns     .same_day
        add     ecx, DAY_TICKS
.same_day:
        mov     eax, edx
        mov     ebx, 182065
        mul     ebx
        mov     ebx, 10000
        div     ebx
        lea     edx, [eax + 1]
        test    eax, eax
        jz      .least
        dec     eax
.least: check_range "ticks", ecx, eax, edx
        finish

; Waits until the RTC shows another second. EAX: the second of the day, ECX: the ticks then, [rtc]: CH, CL,
; DH of INT 1Ah AH=02h: hour, minute, second as BCD.
next_second:
        push    ebx
        push    edx
        call    read_rtc
        mov     bl, dh
.poll:  hlt                             ; 55 ms at most
        call    read_rtc
        cmp     bl, dh
        je      .poll
        mov     [rtc], ch
        mov     [rtc + 1], cl
        mov     [rtc + 2], dh
        mov     al, ch
        call    from_bcd
        imul    ebx, eax, 3600
        mov     al, cl
        call    from_bcd
        imul    eax, eax, 60
        add     ebx, eax
        mov     al, dh
        call    from_bcd
        add     ebx, eax
        xor     ah, ah
        int     0x1a                    ; CX:DX
        movzx   eax, cx
        shl     eax, 16
        mov     ax, dx
        mov     ecx, eax
        mov     eax, ebx
        pop     edx
        pop     ebx
        ret

read_rtc:
        mov     ah, 0x02
        int     0x1a
        ret

from_bcd:                               ; EAX: the number in AL
        mov     ah, al
        shr     ah, 4
        and     al, 15
        aad
        movzx   eax, al
        ret

show:   print   "ticks "
        print_decimal ecx
        print   " rtc "
        movzx   ebx, byte [rtc]
        print_hex 2, ebx
        print   ":"
        movzx   ebx, byte [rtc + 1]
        print_hex 2, ebx
        print   ":"
        movzx   ebx, byte [rtc + 2]
        print_hex 2, ebx
        print_line
        ret

        [section .bss]
wanted:       resd 1
first_second: resd 1
first_tick:   resd 1
rtc:          resb 3
