; What must live through exits: the general registers, the arithmetic flags, an XMM register, RSP.
        %include "guest.inc"

PATTERN         equ 0x1111111111111111
FLAGS           equ 0x8d5               ; CF, PF, AF, ZF, SF, OF

; pattern number, register
%macro pattern 2
        mov     %2, PATTERN + %1
%endmacro

; keeps "what", instruction: it leaves all registers but RAX alone
%macro keeps 2+
        movdqu  xmm15, [numbers]
        push    FLAGS
        popf
        mov     [stack], rsp
        pattern 0, rbx
        pattern 1, rcx
        pattern 2, rdx
        pattern 3, rsi
        pattern 4, rdi
        pattern 5, rbp
        pattern 6, r8
        pattern 7, r9
        pattern 8, r10
        pattern 9, r11
        pattern 10, r12
        pattern 11, r13
        pattern 12, r14
        pattern 13, r15
        %2
        call    compare
        check_eq {%1, ": registers"}, rax, 0
        check_eq {%1, ": flags"}, [flags], FLAGS
        check_eq {%1, ": RSP"}, rbx, [stack]
        check_eq {%1, ": XMM15"}, rcx, [numbers + 8]
%endmacro

start:  begin64
        mov     rax, cr4
        or      eax, 1 << 9
        mov     cr4, rax
        keeps   "IN", {in al, 0xf1}
        keeps   "OUT", {out 0xf1, al}
        keeps   "hypercall", hypercall
        keeps   "WBINVD", wbinvd
        keeps   "MOV from CR8", {mov rax, cr8}
        keeps   "a store to a hole", {mov [qword 0xf0000000], eax}
        keeps   "a load from a hole", {mov eax, [qword 0xf0000000]}
        hook    UD_VECTOR, skip_vmxoff
        keeps   "a #UD by pxHV", vmxoff
        keeps   "time passes", {call wait_ticks}
        finish

skip_vmxoff:
        add     qword [rax + FRAME_RIP], 3
        ret

; Long enough for exits of the host's own
wait_ticks:
        pushf
        push    rdx
        push    rcx
        rdtsc
        mov     ecx, eax
.more:  rdtsc
        sub     eax, ecx
        cmp     eax, 300000
        jb      .more
        pop     rcx
        pop     rdx
        popf
        ret

; RAX: 0, or else the number of the first wrong register + 1. RBX: RSP of the caller. RCX: half of XMM15.
compare:
        pushf
        pop     qword [flags]
        and     qword [flags], FLAGS
        push    r15
        push    r14
        push    r13
        push    r12
        push    r11
        push    r10
        push    r9
        push    r8
        push    rbp
        push    rdi
        push    rsi
        push    rdx
        push    rcx
        push    rbx
        mov     eax, 0
.next:  mov     rbx, PATTERN
        add     rbx, rax
        inc     eax
        cmp     [rsp + rax * 8 - 8], rbx
        jne     .end
        cmp     eax, 14
        jb      .next
        xor     eax, eax
.end:   add     rsp, 14 * 8
        lea     rbx, [rsp + 8]
        movhlps xmm15, xmm15
        movq    rcx, xmm15
        ret

        section .data
        align   16
numbers:        dq 0x0123456789abcdef, 0xfedcba9876543210

        section .bss
        alignb  8
stack:          resq 1
flags:          resq 1
