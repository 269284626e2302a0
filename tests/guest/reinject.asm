; An exception whose delivery an exit interrupted is delivered again, once. The test plants it with Bochs'
; debugger in the information about the exit of the second CPUID.
        %include "guest.inc"

start:  begin64
        hook    UD_VECTOR, nothing
        xor     eax, eax
        cpuid
        xor     eax, eax
        cpuid
        check_eq "delivered once", [trap_count], 1
        check_eq "its vector", [last_vector], UD_VECTOR
        finish

nothing:
        ret
