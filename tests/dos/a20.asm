; The A20 gate, by port 92h, by the keyboard controller's output port and by INT 15h: with it off, FFFF:0010
; is 0000:0000. The state is left as it was found. DOS may live in the HMA, so nothing is written up there,
; and interrupts are off as long as A20 may be.
%define PROGRAM "a20"
        %include "dos.inc"

PORT_92         equ 0x92
GATE_92         equ 0x02
KBC_DATA        equ 0x60
KBC             equ 0x64
KBC_FULL        equ 0x02        ; its input buffer
WRITE_OUTPUT    equ 0xd1
OUTPUT_ON       equ 0xdf
OUTPUT_OFF      equ 0xdd
PULSE_NOTHING   equ 0xff

start:  cli
        xor     ax, ax
        mov     es, ax
        dec     ax
        mov     gs, ax                  ; FFFF
        call    wraps
        mov     [found], al
        in      al, PORT_92
        mov     [found_92], al

; On a PC the two gates are ORed, elsewhere the last one written counts; both first go off.
        mov     bp, results
        call    kbc_off
        call    port_92_off
        call    note
        mov     dword [es:0x0510], 0
        cmp     byte [results], 1       ; written through the alias only where it is one
        jne     .no_alias
        mov     dword [gs:0x0520], 0x12345678
.no_alias:
        mov     eax, [es:0x0510]
        mov     [alias], eax
        call    port_92_on
        call    note
        call    port_92_off
        call    note
        call    kbc_on
        call    note
        call    kbc_off
        call    note
        mov     ax, 0x2401
        call    bios
        call    note
        mov     ax, 0x2402
        call    bios
        mov     [status_on], al
        mov     ax, 0x2400
        call    bios
        call    note
        mov     ax, 0x2402
        call    bios
        mov     [status_off], al
        mov     ax, 0x2403
        call    bios
        mov     [support], bx

        mov     al, [found_92]
        out     PORT_92, al
        cmp     byte [found], 0
        jne     .was_off
        call    kbc_on
.was_off:
        call    wraps
        mov     [at_end], al
        sti

        check_eq "port 92h and 64h/D1h off: FFFF:0010 is 0000:0000", [results], 1
        check_eq "a write to FFFF:0520 came to 0000:0510", [alias], 0x12345678
        check_eq "port 92h on: FFFF:0010 is not 0000:0000", [results + 4], 0
        check_eq "port 92h off: it is", [results + 8], 1
        check_eq "64h/D1h on: it is not", [results + 12], 0
        check_eq "64h/D1h off: it is", [results + 16], 1
        check_eq "INT 15h AX=2401h: it is not", [results + 20], 0
        check_eq "AX=2402h says on", [status_on], 1
        check_eq "INT 15h AX=2400h: it is", [results + 24], 1
        check_eq "AX=2402h says off", [status_off], 0
        check_eq "AX=2403h: by the keyboard controller and by port 92h", [support], 3
        check_eq "INT 15h: errors", [errors], 0
        check_eq "A20 is left as it was found", [at_end], [found]
        finish

wraps:                                  ; AL: 1 if a change of 0000:0000 shows at FFFF:0010; changes EAX, ECX
        mov     ecx, [es:0]
        mov     eax, [gs:0x10]
        not     dword [es:0]
        xor     eax, [gs:0x10]          ; all ones if that changed too
        mov     [es:0], ecx
        inc     eax
        setz    al
        ret

note:   call    wraps
        mov     [bp], al
        add     bp, 4
        ret

bios:   int     0x15
        jnc     .end
        inc     dword [errors]
.end:   cli
        ret

port_92_on:
        in      al, PORT_92
        or      al, GATE_92
        jmp     put_92
port_92_off:
        in      al, PORT_92
        and     al, ~GATE_92
put_92: and     al, ~1                  ; bit 0 resets
        out     PORT_92, al
        ret

kbc_on: mov     ah, OUTPUT_ON
        jmp     put_kbc
kbc_off:
        mov     ah, OUTPUT_OFF
put_kbc:
        call    kbc_wait
        mov     al, WRITE_OUTPUT
        out     KBC, al
        call    kbc_wait
        mov     al, ah
        out     KBC_DATA, al
        call    kbc_wait
        mov     al, PULSE_NOTHING       ; some need it to let the gate move
        out     KBC, al
kbc_wait:
        in      al, KBC
        test    al, KBC_FULL
        jnz     kbc_wait
        ret

        [section .bss]
results:    resd 7
alias:      resd 1
status_on:  resd 1
status_off: resd 1
support:    resd 1
errors:     resd 1
found:      resd 1
found_92:   resd 1
at_end:     resd 1
