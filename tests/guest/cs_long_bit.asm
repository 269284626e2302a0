; CS.L means nothing outside long mode: an access to a device is decoded as 32-bit code.
%define START_BITS 32
        %include "guest.inc"
start:  begin32
        lgdt    [gdtr]
        jmp     0x28:next
next:   mov     ecx, 0x12345678
        mov     eax, 0
        mov     eax, [0xf0000000]
        inc     ecx
        check_eq "load", eax, 0xffffffff
        check_eq "inc executed", ecx, 0x12345679
        finish
        section .data
        align 8
gdt:    dq 0,0,0x00af9b000000ffff,0x00cf93000000ffff,0x00cf9b000000ffff,0x00ef9b000000ffff
gdtr:   dw 47
        dd gdt
