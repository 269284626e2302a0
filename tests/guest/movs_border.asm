; MOVS from a device to RAM, across the border of two pages that are not neighbours.
        %include "guest.inc"
start:  begin64
        mov     rax, cr3
        and     rax, ~0xfff
        mov     qword [rax + 100*8], pdpt + 3
        mov     qword [pdpt], pd + 3
        mov     qword [pd], pt + 3
        mov     qword [pt], pa + 3
        mov     qword [pt + 8], pc + 3
        mov     rax, cr3
        mov     cr3, rax
        mov     rdi, 100 << 39
        add     rdi, 0xffe
        mov     esi, 0xf0000000
        movsd
        movzx   eax, word [pb]
        check_eq "next physical page untouched", rax, 0
        movzx   eax, word [pc]
        check_eq "next virtual page written", rax, 0xffff
        finish
        section .bss
        alignb 4096
pdpt: resb 4096
pd: resb 4096
pt: resb 4096
pa: resb 4096
pb: resb 4096
pc: resb 4096
