; The keyboard controller and the keyboard behind it, by ports: self-test, interface test, command byte,
; echo, id, LEDs, scanning off and on, reset. Then asks for a key, which must still arrive by INT 16h, and
; prints `key SSAA`.
%define PROGRAM "kbc"
        %include "dos.inc"

DATA            equ 0x60
KBC             equ 0x64
OUTPUT_FULL     equ 0x01
INPUT_FULL      equ 0x02
READ_COMMAND    equ 0x20
WRITE_COMMAND   equ 0x60
SELF_TEST       equ 0xaa
INTERFACE_TEST  equ 0xab
DISABLE         equ 0xad
ENABLE          equ 0xae
READ_OUTPUT     equ 0xd0
IRQ1_ON         equ 0x01
TRANSLATION     equ 0x40
TIMEOUT         equ 0x100       ; no answer
BDA_LEDS        equ 0x97

; ask "what", BYTE, WANTED: a byte for the keyboard and its answer
%macro ask 3
        mov     al, %2
        call    send
        call    receive
        check_eq %1, eax, %3
%endmacro

start:  cli
        call    drain
        mov     al, READ_COMMAND
        call    command
        call    receive
        mov     [command_byte], al
        mov     bl, al
        and     bl, ~IRQ1_ON
        call    set_command_byte        ; answers are polled for, DOS's checks may run with interrupts on
        sti

        movzx   eax, byte [command_byte]
        and     eax, IRQ1_ON | TRANSLATION
        check_eq "command byte: IRQ 1 and translation are on", eax, IRQ1_ON | TRANSLATION
        mov     al, READ_COMMAND
        call    command
        call    receive
        movzx   ebx, byte [command_byte]
        and     bl, ~IRQ1_ON
        check_eq "command byte: reads as written", eax, ebx

        mov     al, DISABLE
        call    command
        mov     al, SELF_TEST
        call    command
        call    receive
        check_eq "self-test", eax, 0x55
        mov     al, INTERFACE_TEST
        call    command
        call    receive
        check_eq "interface test", eax, 0
        mov     al, READ_OUTPUT
        call    command
        call    receive
        and     eax, 1
        check_eq "output port: the CPU is not in reset", eax, 1
        mov     bl, [command_byte]      ; the self-test may have changed it
        and     bl, ~IRQ1_ON
        call    set_command_byte
        mov     al, ENABLE
        call    command

        ask     "echo", 0xee, 0xee
        ask     "id: acknowledged", 0xf2, 0xfa
        call    receive
        check_eq "id: first byte", eax, 0xab
        call    receive
        cmp     al, 0x83
        jne     .translated
        mov     al, 0x41
.translated:
        check_eq "id: second byte, 83 or translated", eax, 0x41
        ask     "LEDs: acknowledged", 0xed, 0xfa
        ask     "LEDs: all three", 0x07, 0xfa
        ask     "LEDs: acknowledged again", 0xed, 0xfa
        push    es
        push    word BDA
        pop     es
        mov     al, [es:BDA_LEDS]
        pop     es
        and     al, 7
        call    send
        call    receive
        check_eq "LEDs: as they were", eax, 0xfa
        ask     "typematic rate", 0xf3, 0xfa
        ask     "typematic rate: value", 0x20, 0xfa
        ask     "scanning off", 0xf5, 0xfa
        ask     "scanning on", 0xf4, 0xfa
        ask     "an unknown command is asked for again", 0xe7, 0xfe
        ask     "reset: acknowledged", 0xff, 0xfa
        call    receive
        check_eq "reset: self-test passed", eax, 0xaa
        in      al, KBC
        and     eax, OUTPUT_FULL
        check_eq "nothing is left over", eax, 0

        mov     bl, [command_byte]
        call    set_command_byte
        print_line "Press a key"
        call    wait_key
        movzx   eax, ax
        print   "key "
        print_hex 4, eax
        print_line
        finish

command:                                ; AL to the controller
        push    ax
.wait:  in      al, KBC
        test    al, INPUT_FULL
        jnz     .wait
        pop     ax
        out     KBC, al
        ret

send:                                   ; AL to the data port
        push    ax
.wait:  in      al, KBC
        test    al, INPUT_FULL
        jnz     .wait
        pop     ax
        out     DATA, al
        ret

receive:                                ; EAX: a byte, or TIMEOUT after a second or more; changes ECX
        mov     ecx, 1000000            ; port reads take a microsecond or so
.wait:  in      al, KBC
        test    al, OUTPUT_FULL
        jnz     .full
        dec     ecx
        jnz     .wait
        mov     eax, TIMEOUT
        ret
.full:  in      al, DATA
        movzx   eax, al
        ret

drain:  in      al, KBC
        test    al, OUTPUT_FULL
        jz      .end
        in      al, DATA
        jmp     drain
.end:   ret

set_command_byte:                       ; BL
        mov     al, WRITE_COMMAND
        call    command
        mov     al, bl
        jmp     send

        [section .bss]
command_byte: resd 1
