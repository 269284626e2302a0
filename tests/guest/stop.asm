; Ends in the way that HOW names.
        %include "guest.inc"

start:  begin64
%ifidn HOW, triple
        lidt    [nothing]
        ud2
%elifidn HOW, cf9
        mov     dx, 0xcf9
        mov     al, 6
        out     dx, al
%elifidn HOW, i8042
        mov     al, 0xfe
        out     0x64, al
%elifidn HOW, port92
        mov     al, 1
        out     0x92, al
%elifidn HOW, acpi
        power_off
%elifidn HOW, halt
        hlt
%elifidn HOW, mul_hole         ; an instruction on device memory that pxHV does not emulate
        mov     ebx, 0xf0000000
        mul     qword [rbx]
%elifidn HOW, run_hole
        mov     ebx, 0xf0000000
        jmp     rbx
%elifidn HOW, stack_in_hole     ; no way to deliver the exception
        mov     esp, 0xf0000000
        ud2
%elifidn HOW, tables_in_hole    ; where CR3 points there is nothing
        mov     ebx, 0xf0000000
        mov     cr3, rbx
%elifidn HOW, write_rom_hole    ; between video memory and ROM, with no ill effect
        mov     byte [0xb8000], 'x'
        power_off
%else
%error unknown HOW
%endif
        mov     esi, text_survived
        call    puts64
        power_off

        text    text_survived, "FAIL it went on", 10
        section .data
nothing:        times 5 dw 0
