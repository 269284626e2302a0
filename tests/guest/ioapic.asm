; The I/O APIC: the PIT's interrupt edge-triggered on pin 2, the UART's on pin 4, both ways.
        %include "guest.inc"

IOAPIC          equ 0xfec00000
PIT_VECTOR      equ 0x70
UART_VECTOR     equ 0x71
LEVEL           equ 1 << 15
MASKED          equ 1 << 16

; pin number, low half of its entry
%macro pin 2
        mov     r8d, IOAPIC
        mov     dword [r8], 0x10 + 2 * %1 + 1
        mov     dword [r8 + 0x10], 0
        mov     dword [r8], 0x10 + 2 * %1
        mov     dword [r8 + 0x10], %2
%endmacro

%macro put 2
        mov     dx, %1
        mov     al, %2
        out     dx, al
%endmacro

start:  begin64
        begin_x2apic
        hook    PIT_VECTOR, end_irq
        hook    UART_VECTOR, on_uart
        put     COM1 + 4, 0xb            ; OUT2 opens the way of its interrupt
        put     0x21, 0xff
        put     0xa1, 0xff
        put     0x43, 0x34
        put     0x40, 1193 & 0xff
        put     0x40, 1193 >> 8
        pin     2, PIT_VECTOR
        mov     ebx, 3
.ticks: sti
        hlt
        cli
        dec     ebx
        jnz     .ticks
        check_eq "three ticks of the PIT", [trap_count], 3
        check_eq "they came by pin 2", [last_vector], PIT_VECTOR
        pin     2, MASKED | PIT_VECTOR
        mov     eax, [r8 + 0x10]
        check_eq "an entry reads back", rax, MASKED | PIT_VECTOR

; The empty transmitter is a level: the handler ends it by reading the IIR. No report while it is on, for
; that uses the transmitter too.
%macro transmitter_irq 0
        mov     qword [trap_count], 0
        sti
        put     COM1 + 1, 2
        nop
        nop
        cli
        mov     ebx, [r8 + 0x10]
        put     COM1 + 1, 0
%endmacro

        sti                             ; one more of the PIT may be on its way
        nop
        cli
        pin     4, LEVEL | UART_VECTOR
        transmitter_irq
        check_eq "UART, level: it comes", [trap_count], 1
        check_eq "UART: by pin 4", [last_vector], UART_VECTOR
        check_eq "UART: the transmitter is empty", [cause], 2
        check_eq "UART, level: the remote IRR is clear after EOI", rbx, LEVEL | UART_VECTOR

        hook    UART_VECTOR, on_uart_second
        transmitter_irq
        check_eq "UART, level: again until its cause is gone", [trap_count], 2

        pin     4, UART_VECTOR
        hook    UART_VECTOR, on_uart
        transmitter_irq
        check_eq "UART, edge", [trap_count], 1
        finish

; The first time it does nothing about the cause.
on_uart_second:
        cmp     qword [trap_count], 1
        je      end_irq
on_uart:
        mov     dx, COM1 + 2
        in      al, dx
        and     eax, 0xf
        mov     [cause], rax
        jmp     end_irq

        section .bss
cause:          resq 1
