; The guest's DSDT as iasl compiled it from dsdt.asl.
global guest_dsdt, guest_dsdt_end
section .rodata
align 16
guest_dsdt:
    incbin "dsdt.aml"
guest_dsdt_end:
section .note.GNU-stack noalloc noexec nowrite progbits
