; XSETBV and what it enables.
        %include "guest.inc"

; refuses "what", low half, high half of XCR0
%macro refuses 2-3 0
        mov     ecx, 0
        mov     eax, %2
        mov     edx, %3
        faults  %1, GP_VECTOR, 0, xsetbv
%endmacro

start:  begin64
        mov     ecx, 0
        mov     eax, 1
        mov     edx, 0
        faults  "XSETBV without CR4.OSXSAVE", UD_VECTOR, 0, xsetbv
        mov     rax, cr4
        or      rax, 1 << 18 | 1 << 9
        mov     cr4, rax
        mov     ecx, 0
        xgetbv
        check_eq "XCR0 at the start", rax, 1
        mov     eax, 7
        works   "x87, SSE and AVX", xsetbv
        mov     rax, -1
        mov     rdx, -1
        xgetbv
        check_eq "XGETBV shows it", rax, 7
        check_eq "XGETBV shows it: RDX", rdx, 0
        refuses "XCR0 = 0", 0
        refuses "AVX without SSE", 5
        refuses "a bit that no CPU has", 7, 1 << 30
        refuses "part of AVX-512", 0x27
        mov     ecx, 1
        mov     eax, 7
        mov     edx, 0
        faults  "XCR1", GP_VECTOR, 0, xsetbv
        mov     ecx, 0
        xgetbv
        check_eq "XCR0 as before", rax, 7

        vmovdqu ymm7, [pattern]
        mov     eax, 0
        cpuid
        in      al, 0xf1
        mov     ecx, 0x480
        faults  "a refused MSR between", GP_VECTOR, 0, rdmsr
        vmovdqu [copy], ymm7
        check_eq "a YMM register lives through exits, low", [copy], [pattern]
        check_eq "a YMM register lives through exits, high", [copy + 24], [pattern + 24]
        finish

        section .data
        align   32
pattern:        dq 0x1122334455667788, 0x99aabbccddeeff00, 0x0123456789abcdef, 0xfedcba9876543210

        section .bss
        alignb  32
copy:           resb 32
