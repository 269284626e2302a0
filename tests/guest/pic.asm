; Interrupts of the PIT through the PIC, as a PC starts: LINT0 of the local APIC lets them in.
        %include "guest.inc"

PIC1            equ 0x20
PIC2            equ 0xa0
BASE            equ 0x20
PIT_DIVISOR     equ 1193        ; 1 ms

%macro put 2
        mov     al, %2
        out     %1, al
%endmacro

start:  begin64
        put     PIC1, 0x11
        put     PIC1 + 1, BASE
        put     PIC1 + 1, 4
        put     PIC1 + 1, 1
        put     PIC2, 0x11
        put     PIC2 + 1, BASE + 8
        put     PIC2 + 1, 2
        put     PIC2 + 1, 1
        put     PIC1 + 1, 0xff
        put     PIC2 + 1, 0xff
        put     0x43, 0x34
        put     0x40, PIT_DIVISOR & 0xff
        put     0x40, PIT_DIVISOR >> 8
        hook    BASE, tick

        put     PIC1 + 1, 0xfe
        mov     ebx, 3
.ticks: sti
        hlt
        cli
        dec     ebx
        jnz     .ticks
        check_eq "three ticks, each from HLT", [trap_count], 3
        check_eq "they came as IRQ 0", [last_vector], BASE

; No exit but the timer's: the guest spins. Ticks that came while text was written are made up for,
; so that a third one may come before CLI.
        mov     qword [trap_count], 0
        sti
.spin:  cmp     qword [trap_count], 2
        jb      .spin
        cli
        cmp     qword [trap_count], 2
        setae   al
        movzx   eax, al
        check_eq "ticks break in on a loop", rax, 1

; A masked one stays away; what came in the meantime waits in the IRR.
        put     PIC1 + 1, 0xff
        mov     qword [trap_count], 0
        sti
        call    wait_1ms
        call    wait_1ms
        cli
        check_eq "masked", [trap_count], 0
        mov     eax, 0
        put     PIC1, 0x0a
        in      al, PIC1
        check_eq "masked: the IRR has it", rax, 1
        put     PIC1 + 1, 0xfe
        sti
        nop
        cli
        cmp     dword [trap_count], 0
        setne   al
        movzx   eax, al
        check_eq "unmasked: it comes", rax, 1

; Without an EOI nothing of the same level follows.
        hook    BASE, tick_no_eoi
        mov     qword [trap_count], 0
        sti
        call    wait_1ms
        call    wait_1ms
        call    wait_1ms
        cli
        check_eq "no EOI: one only", [trap_count], 1
        mov     eax, 0
        put     PIC1, 0x0b
        in      al, PIC1
        check_eq "no EOI: it is in service", rax, 1
        put     PIC1, 0x20
        in      al, PIC1
        check_eq "EOI: it is not", rax, 0

; The clock that CPUID tells against the PIT: 20 ms
        put     PIC1 + 1, 0xff
        mov     ebx, 20
        call    wait_1ms
        rdtsc
        shl     rdx, 32
        or      rax, rdx
        mov     rbp, rax
.more:  call    wait_1ms
        dec     ebx
        jnz     .more
        rdtsc
        shl     rdx, 32
        or      rax, rdx
        sub     rax, rbp
        imul    rbp, rax, 50            ; in a second
        mov     eax, 0x15
        mov     ecx, 0
        cpuid
        mov     edi, eax
        mov     eax, ecx
        mul     ebx
        div     edi                     ; as CPUID says
        mov     ecx, 50
        mov     ebx, eax
        xor     edx, edx
        div     ecx
        sub     rbp, rbx
        mov     rbx, rbp
        neg     rbx
        cmovs   rbx, rbp                ; the difference
        cmp     rbx, rax
        setbe   al
        movzx   eax, al
        check_eq "CPUID's clock agrees with the PIT within 2 %", rax, 1
        finish

tick:   put     PIC1, 0x20
        ret
tick_no_eoi:
        ret

; Waits for the PIT's counter to wrap.
wait_1ms:
        push    rbx
        call    count
.down:  mov     ebx, eax
        call    count
        cmp     eax, ebx
        jbe     .down
        pop     rbx
        ret
count:  put     0x43, 0
        xor     eax, eax
        in      al, 0x40
        mov     ecx, eax
        in      al, 0x40
        shl     eax, 8
        or      eax, ecx
        ret
