; Access to devices in memory, by every form of instruction that pxHV decodes. The register that keeps 32
; bits is the initial count of the xAPIC's timer; a hole reads all ones.
        %include "guest.inc"

APIC            equ 0xfee00000
REG_AT          equ APIC + 0x380
HOLE_AT         equ 0xf0000000
%define REG     r8 + 0x380
%define HOLE    r9
%define IOAPIC  r11
NUMBER          equ 0x12345678

%macro reg_is 2
        mov     r15d, [REG]
        check_eq %1, r15, %2
%endmacro

; alu "what", register before, CF before, register after, flags after, instruction
FLAGS           equ 0x8c1
%macro alu 6+
        mov     dword [REG], %2
        push    %3
        popf
        %6
        pushf
        pop     r14
        and     r14, FLAGS
        reg_is  %1, %4
        check_eq {%1, ": flags"}, r14, %5
%endmacro
%define CF 1
%define ZF 0x40
%define SF 0x80
%define OF 0x800

start:  begin64
        mov     r8d, APIC
        mov     r9d, HOLE_AT
        mov     r11d, 0xfec00000
        mov     rax, 0xdeadbeef00000000 | NUMBER
        mov     [REG], eax
        mov     rbx, -1
        mov     ebx, [REG]
        check_eq "MOV, 32 bits, both ways", rbx, NUMBER
        mov     dword [REG], 0x87654321
        reg_is  "MOV of a constant", 0x87654321
        mov     rdi, -1
        movsxd  rdi, dword [REG]
        check_eq "MOVSXD", rdi, 0xffffffff87654321
        mov     rax, -1
        mov     eax, [qword REG_AT]
        check_eq "MOV from an absolute address", rax, 0x87654321
        mov     eax, 0x1234
        mov     [qword REG_AT], eax
        reg_is  "MOV to an absolute address", 0x1234
        mov     r12d, APIC
        mov     r13d, 0xe0
        mov     dword [r12 + r13 * 4], 0x55
        reg_is  "scaled index", 0x55
        mov     r10d, [r12 + 0x380]
        check_eq "displacement, R10", r10, 0x55
        mov     rbp, REG_AT - 0x10
        mov     dword [rbp + 0x10], 0x66
        reg_is  "RBP and a short displacement", 0x66
        write_msr 0xc0000100, APIC
        mov     dword [fs:0x380], 0x88
        reg_is  "FS with a base", 0x88
        mov     rcx, 0xffffffff00000000 | REG_AT
        mov     dword [ecx], 0x99
        reg_is  "32-bit addresses", 0x99

; The ALU, with memory on the left.
        alu     "ADD", 0xffffffff, 0, 1, CF, add dword [REG], 2
        alu     "ADC", 0x7ffffffe, 1, 0x80000000, SF | OF, adc dword [REG], 1
        alu     "SUB", 1, 0, 0xffffffff, CF | SF, sub dword [REG], 2
        alu     "SBB", 5, 1, 2, 0, sbb dword [REG], 2
        alu     "OR", 0xf0, 1, 0xff, 0, or dword [REG], 0x0f
        alu     "AND", 0xff, 1, 0, ZF, and dword [REG], 0x100
        alu     "XOR", 0x80000001, 1, 0x7ffffffe, 0, xor dword [REG], -1
        alu     "CMP", 4, 1, 4, ZF, cmp dword [REG], 4
        alu     "TEST", 0x80000000, 1, 0x80000000, SF, test dword [REG], 0xf0000000
        alu     "INC keeps CF", 0x7fffffff, 1, 0x80000000, CF | SF | OF, inc dword [REG]
        alu     "DEC keeps CF", 1, 1, 0, CF | ZF, dec dword [REG]
        alu     "NOT keeps flags", 0xf0f0f0f0, ZF | CF, 0x0f0f0f0f, ZF | CF, not dword [REG]
        alu     "NEG", 1, 0, 0xffffffff, CF | SF, neg dword [REG]
        mov     eax, 3
        alu     "ADD of a register", 4, 0, 7, 0, add [REG], eax
        alu     "BTS", 0, 1, 0x10, 0, bts dword [REG], 4
        mov     eax, 4
        mov     dword [REG], 0x10
        btr     [REG], eax
        setc    al
        movzx   eax, al
        check_eq "BTR by a register: the old bit", rax, 1
        reg_is  "BTR by a register", 0
        mov     dword [REG], 0x100
        bt      dword [REG], 8
        setc    al
        movzx   eax, al
        check_eq "BT", rax, 1

; Memory on the right.
        mov     dword [REG], 10
        mov     rax, 0xdeadbeef00000005
        add     eax, [REG]
        check_eq "ADD to a register", rax, 15
        sub     eax, [REG]
        check_eq "SUB from a register", rax, 5
        cmp     eax, [REG]
        setb    al
        movzx   eax, al
        check_eq "CMP with a register", rax, 1

        mov     eax, 0x1111
        xchg    eax, [REG]
        check_eq "XCHG: the register", rax, 10
        reg_is  "XCHG: memory", 0x1111

; Strings
        cld
        mov     edi, REG_AT
        mov     eax, 0xabcd
        stosd
        check_eq "STOSD: RDI", rdi, REG_AT + 4
        reg_is  "STOSD", 0xabcd
        mov     esi, REG_AT
        mov     rax, -1
        lodsd
        check_eq "LODSD", rax, 0xabcd
        check_eq "LODSD: RSI", rsi, REG_AT + 4
        std
        mov     esi, buffer
        mov     edi, REG_AT
        mov     dword [buffer], 0x5678
        movsd
        cld
        reg_is  "MOVSD down", 0x5678
        check_eq "MOVSD down: RSI", rsi, buffer - 4
        check_eq "MOVSD down: RDI", rdi, REG_AT - 4
        mov     esi, HOLE_AT
        mov     edi, buffer + 8
        mov     ecx, 600
        rep     movsd
        check_eq "REP MOVSD from a hole: RDI", rdi, buffer + 8 + 2400
        check_eq "REP MOVSD from a hole: RCX", rcx, 0
        check_eq "REP MOVSD from a hole: the end", [buffer + 2400], -1
        check_eq "REP MOVSD from a hole: no more", [buffer + 2408], 0
        mov     edi, HOLE_AT
        mov     ecx, 5
        rep     stosq
        check_eq "REP STOSQ to a hole: RDI", rdi, HOLE_AT + 40

; Sizes, at a hole
        mov     rax, 0x1111111111111100
        mov     al, [HOLE]
        check_eq "hole: MOV, 8 bits", rax, 0x11111111111111ff
        mov     rax, 0x1111111111110011
        mov     ebx, HOLE_AT
        mov     ah, [rbx]
        check_eq "hole: MOV to AH", rax, 0x111111111111ff11
        mov     rax, 0x1111111111110000
        mov     ax, [HOLE]
        check_eq "hole: MOV, 16 bits", rax, 0x111111111111ffff
        mov     eax, [HOLE]
        check_eq "hole: MOV, 32 bits", rax, 0xffffffff
        mov     eax, 0
        mov     rax, [HOLE]
        check_eq "hole: MOV, 64 bits", rax, -1
        movzx   eax, byte [HOLE]
        check_eq "hole: MOVZX, 8 bits", rax, 0xff
        movzx   eax, word [HOLE]
        check_eq "hole: MOVZX, 16 bits", rax, 0xffff
        mov     rax, 0
        movsx   ax, byte [HOLE]
        check_eq "hole: MOVSX, 8 to 16 bits", rax, 0xffff
        movsx   eax, byte [HOLE]
        check_eq "hole: MOVSX, 8 to 32 bits", rax, 0xffffffff
        movsx   rax, word [HOLE]
        check_eq "hole: MOVSX, 16 to 64 bits", rax, -1
        mov     qword [HOLE], 0
        mov     byte [HOLE], 0
        mov     rax, [HOLE]
        check_eq "hole: nothing is kept", rax, -1

        mov     dword [IOAPIC], 1
        mov     eax, [IOAPIC + 0x10]
        shr     eax, 16
        check_eq "I/O APIC: 16 pins", rax, 15
        finish

        section .bss
        alignb  8
buffer:         resb 4096
