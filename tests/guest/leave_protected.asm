; Turns protected mode off, for CPUs that can't do that in a guest.
%define START_BITS 32
        %include "guest.inc"

start:  begin32
        mov     eax, cr0
        and     al, 0xfe
        mov     cr0, eax
        mov     esi, text_survived
        call    puts32
        power_off

        text    text_survived, "FAIL it went on", 10
