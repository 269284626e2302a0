; OFF: powers the PC off by ACPI, as the tables of pxHV's guests say: SLP_TYP 5 and SLP_EN at port 604h.
        bits    16
        org     0x100

        mov     dx, 0x604
        mov     ax, 0x3400
        out     dx, ax
        ret
