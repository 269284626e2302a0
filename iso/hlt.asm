; The self-test guest, /boot/hlt.bin on the ISO: one HLT with interrupts off, so it never goes on.
; It runs wherever it is loaded. Any CPU mode takes these two instructions.
        bits    64
        hlt
        jmp     $
