; A floppy's boot sector that says how large the floppy is, and halts. -DKIB=N: its size.
        cpu     8086
        bits    16
        org     0x7c00

%defstr SIZE KIB

        jmp     0:start
start:  xor     ax, ax
        mov     ds, ax
        mov     ss, ax
        mov     sp, 0x7c00
        cld
        mov     si, text
.next:  lodsb
        test    al, al
        jz      .halt
        mov     ah, 0x0e
        mov     bx, 0x0007
        int     0x10
        jmp     .next
.halt:  hlt
        jmp     .halt

text:   db      "boot sector of ", SIZE, " KiB", 13, 10, 0

        times   510 - ($ - $$) db 0
        dw      0xaa55
