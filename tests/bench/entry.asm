; Laid over the first instructions of a kernel's 32-bit entry: Bochs ends there.
        bits    32
        mov     dx, 0x8a00
        mov     ax, 0x8a00      ; switches the debug port on
        out     dx, ax
        mov     ax, 0x8ae0      ; ends Bochs
        out     dx, ax
        hlt
