; Prints a line "CPUID n" for each round: the ticks of COUNT times CPUID, less those of COUNT times NOP.
        %include "../guest/guest.inc"

COUNT           equ 1000
ROUNDS          equ 15

%macro timed 1                          ; RDI: the ticks of COUNT such instructions
        mov     r8d, COUNT
        rdtsc
        shl     rdx, 32
        lea     rdi, [rax + rdx]
        align   16
%%next: xor     eax, eax
        %1
        dec     r8d
        jnz     %%next
        rdtsc
        shl     rdx, 32
        or      rax, rdx
        sub     rax, rdi
        mov     rdi, rax
%endmacro

        text    text_cpuid, "CPUID "

start:  begin64
        mov     r10d, ROUNDS
round:  timed   nop
        mov     r9, rdi
        timed   cpuid
        mov     esi, text_cpuid
        call    puts64
        mov     rax, rdi
        sub     rax, r9
        call    puthex64
        mov     esi, text_line_end
        call    puts64
        dec     r10d
        jnz     round
        finish
