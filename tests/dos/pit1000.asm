; IRQ 0 at 1,000 Hz: the PIT's channel 0 with the divisor 1193 (1000.15 Hz) for four seconds of the RTC,
; every interrupt counted and the BIOS's handler called for each 65,536 of its clocks; then 18.2 Hz again
; for two seconds. Prints `irq0 N ticks M` for both.
%define PROGRAM "pit1000"
        %include "dos.inc"

PIT_0           equ 0x40
PIT_CONTROL     equ 0x43
RATE            equ 0x34        ; channel 0, two bytes, mode 2
SQUARE          equ 0x36        ; mode 3, the BIOS's own
PIC             equ 0x20
EOI             equ 0x20
DIVISOR         equ 1193
FAST_SECONDS    equ 4
SLOW_SECONDS    equ 2
CMOS            equ 0x70
CMOS_DATA       equ 0x71

; For interrupts that an emulator on a busy machine loses
FAST_WANTED     equ FAST_SECONDS * 1000
FAST_SLACK      equ FAST_WANTED / 50

start:  hook    8, old_irq0, on_irq0
        cli
        mov     al, RATE
        mov     cx, DIVISOR
        call    set_pit
        sti
        mov     cx, FAST_SECONDS
        call    measure
        push    dword [irqs]
        push    dword [ticks]
        cli
        mov     word [step], 0          ; each interrupt goes to the BIOS
        mov     al, SQUARE
        xor     cx, cx
        call    set_pit
        sti
        mov     cx, SLOW_SECONDS
        call    measure
        mov     eax, [irqs]
        mov     [slow_irqs], eax
        mov     eax, [ticks]
        mov     [slow_ticks], eax
        pop     dword [ticks]
        pop     dword [irqs]
        unhook  8, old_irq0

        print   "irq0 "
        print_decimal [irqs]
        print   " ticks "
        print_decimal [ticks]
        print_line
        print   "irq0 "
        print_decimal [slow_irqs]
        print   " ticks "
        print_decimal [slow_ticks]
        print_line
        check_range "IRQ 0 in four seconds at 1000 Hz", [irqs], FAST_WANTED - FAST_SLACK, FAST_WANTED + FAST_SLACK
        check_range "BIOS ticks meanwhile", [ticks], 71, 74
        check_range "IRQ 0 in two seconds at 18.2 Hz", [slow_irqs], 35, 38
        check_eq "BIOS ticks meanwhile, too", [slow_ticks], [slow_irqs]
        finish

set_pit:                                ; the control word AL, the divisor CX; changes AL
        out     PIT_CONTROL, al
        mov     al, cl
        out     PIT_0, al
        mov     al, ch
        out     PIT_0, al
        ret

; CX seconds from an edge of the RTC's seconds on: [irqs] and [ticks]. Changes EAX, BX, CX.
measure:
        push    es
        push    word BDA
        pop     es
        call    next_second
        cli
        xor     eax, eax
        mov     [irqs], eax
        mov     eax, [es:BDA_TICKS]
        neg     eax
        mov     [ticks], eax
        sti
.next:  call    next_second
        loop    .next
        mov     eax, [es:BDA_TICKS]
        add     [ticks], eax
        pop     es
        ret

next_second:                            ; looks once for each interrupt; changes AL, BX
        call    .read
        mov     bl, al
.poll:  hlt
        call    .read
        cmp     al, bl
        je      .poll
        ret
.read:  cli
        xor     al, al
        out     CMOS, al
        in      al, CMOS_DATA
        sti
        ret

on_irq0:
        inc     dword [cs:irqs]
        push    ax
        mov     ax, [cs:step]
        test    ax, ax
        jz      .chain
        add     [cs:clocks], ax
        jc      .chain
        mov     al, EOI
        out     PIC, al
        pop     ax
        iret
.chain: pop     ax
        jmp     far [cs:old_irq0]

        [section .data]
step:   dw      DIVISOR

        [section .bss]
old_irq0:   resd 1
clocks:     resw 1
irqs:       resd 1
ticks:      resd 1
slow_irqs:  resd 1
slow_ticks: resd 1
