; Laid over the first instructions of a kernel's 32-bit entry.
        %include "end.inc"
        bits    32
        end_with_ticks
        hlt
