; POKE [SEED [STEPS]] [R]: pokes anything. Reads and writes back every byte of the first megabyte and, A20
; off and on, of the 64 KiB from FFFF:0000 on; reads all 65,536 ports; writes a pseudo-random byte to each;
; then STEPS (1,000) times reads or writes 1, 2 or 4 bytes at a random port, half of the time below 400h.
; Then it sets up again what a PC's BIOS does, and passes if DOS and the timer still answer. It may well not
; come that far: then it is the machine below that must live on.
;
; Left out are the ports that end a machine on purpose: 64h and 92h (reset), CF9h (reset), 604h (ACPI sleep
; in QEMU's PC), F4h and 501h (debug exit), 8900h (Bochs' shutdown). With R they are poked, too, and at last
; it resets the machine, by CF9h, 64h, 92h and a triple fault, whichever works first.
%define PROGRAM "poke"
        %include "dos.inc"
        %include "args.inc"

PORT_92         equ 0x92
GATE_92         equ 0x02
PIC_1           equ 0x20
PIC_2           equ 0xa0
PIT_0           equ 0x40
PIT_CONTROL     equ 0x43
SYSTEM_PORT     equ 0x61
KBC_DATA        equ 0x60
KBC             equ 0x64
KBC_FULL        equ 0x02
CMOS            equ 0x70
CMOS_DATA       equ 0x71
RESET_CONTROL   equ 0xcf9

%macro put 2
        mov     al, %2
        out     %1, al
%endmacro

start:  call    arguments
        print   "seed "
        print_decimal [seed]
        print   " steps "
        print_decimal [steps]
        print_line
        cli
        in      al, PIC_1 + 1
        mov     [mask_1], al
        in      al, PIC_2 + 1
        mov     [mask_2], al
        call    memory
        call    read_ports
        call    write_ports
        call    random_steps
        cmp     byte [resetting], 0
        jne     reset
        call    set_up
        sti
        mov     ax, 0x0003
        int     0x10
        xor     ax, ax                  ; the floppy's controller
        xor     dl, dl
        int     0x13

        mov     ah, 0x30
        int     0x21
        movzx   eax, al
        check_range "DOS answers", eax, 2, 255
        push    word BDA
        pop     es
        mov     eax, [es:BDA_TICKS]
        mov     cx, 100                 ; interrupts of any kind
.wait:  hlt
        cmp     eax, [es:BDA_TICKS]
        loope   .wait
        setne   [ticked]
        check_eq "the timer ticks", [ticked], 1
        finish

arguments:
        mov     si, PSP_ARGS
        call    next_number
        test    eax, eax
        jz      .steps
        mov     [seed], eax
.steps: call    next_word
        mov     bx, si
        call    next_number
        cmp     si, bx
        je      .reset
        mov     [steps], eax
.reset: call    next_word
        and     byte [si], ~0x20        ; capital
        cmp     byte [si], 'R'
        sete    [resetting]
        ret

; ---- memory

memory: xor     dx, dx
.next:  call    touch_64k
        add     dh, 0x10
        jnz     .next
        in      al, PORT_92
        mov     bl, al
        and     al, ~(GATE_92 | 1)
        out     PORT_92, al
        mov     dx, 0xffff
        call    touch_64k
        or      al, GATE_92
        out     PORT_92, al
        call    touch_64k
        mov     al, bl
        and     al, ~1
        out     PORT_92, al
        ret

touch_64k:                              ; of segment DX; changes AH, DI
        push    es
        mov     es, dx
        xor     di, di
.next:  mov     ah, [es:di]
        mov     [es:di], ah
        inc     di
        jnz     .next
        pop     es
        ret

; ---- ports

read_ports:
        xor     dx, dx
.next:  in      al, dx
        inc     dx
        jnz     .next
        ret

write_ports:
        xor     dx, dx
.next:  mov     cx, 1
        call    ends_it
        je      .skip
        call    random
        out     dx, al
.skip:  inc     dx
        jnz     .next
        ret

random_steps:
        cmp     dword [steps], 0
        je      .end
.next:  call    random
        mov     dx, ax
        test    eax, 1 << 16
        jz      .far
        and     dx, 0x3ff
.far:   shr     eax, 17
        mov     cl, al
        and     cl, 3
        cmp     cl, 3
        je      .next
        mov     bx, 1
        shl     bx, cl                  ; bytes
        mov     cx, bx
        call    ends_it
        je      .skip
        mov     bp, ax
        call    random
        test    bp, 4
        jnz     .write
        cmp     cl, 2
        jb      .in8
        je      .in16
        in      eax, dx
        jmp     .skip
.in16:  in      ax, dx
        jmp     .skip
.in8:   in      al, dx
        jmp     .skip
.write: cmp     cl, 2
        jb      .out8
        je      .out16
        out     dx, eax
        jmp     .skip
.out16: out     dx, ax
        jmp     .skip
.out8:  out     dx, al
.skip:  dec     dword [steps]
        jnz     .next
.end:   ret

; ZF: one of the CX ports from DX on ends the machine, and that is not asked for. Changes BX, SI.
ends_it:
        cmp     byte [resetting], 0
        jne     .fine
        mov     si, ends
.next:  mov     bx, [si]
        sub     bx, dx
        cmp     bx, cx
        jb      .ends
        add     si, 2
        cmp     si, ends_end
        jb      .next
.fine:  or      si, si                  ; not 0
        ret
.ends:  xor     bx, bx
        ret

ends:   dw      0x64, 0x92, 0xcf9, 0x604, 0x605, 0xf4, 0x501, 0x8900
ends_end:

random:                                 ; EAX; xorshift
        push    ecx
        mov     eax, [seed]
        mov     ecx, eax
        shl     ecx, 13
        xor     eax, ecx
        mov     ecx, eax
        shr     ecx, 17
        xor     eax, ecx
        mov     ecx, eax
        shl     ecx, 5
        xor     eax, ecx
        mov     [seed], eax
        pop     ecx
        ret

; ---- back to a PC

set_up: put     PIC_1, 0x11
        put     PIC_1 + 1, 0x08
        put     PIC_1 + 1, 0x04
        put     PIC_1 + 1, 0x01
        put     PIC_2, 0x11
        put     PIC_2 + 1, 0x70
        put     PIC_2 + 1, 0x02
        put     PIC_2 + 1, 0x01
        put     PIC_1 + 1, [mask_1]
        put     PIC_2 + 1, [mask_2]
        put     PIT_CONTROL, 0x36
        put     PIT_0, 0
        put     PIT_0, 0
        put     SYSTEM_PORT, 0
        put     CMOS, 0x0a
        put     CMOS_DATA, 0x26
        put     CMOS, 0x0b
        put     CMOS_DATA, 0x02
        put     CMOS, 0x0c
        in      al, CMOS_DATA
        put     CMOS, 0x0d              ; with it NMI is on
        in      al, CMOS_DATA
        call    keyboard
        mov     ax, 0x2401              ; A20
        int     0x15
        ret

keyboard:
        call    .wait
        put     KBC, 0x60
        call    .wait
        put     KBC_DATA, 0x65          ; translation, IRQ 1
        call    .wait
        put     KBC_DATA, 0xf4          ; scanning
        call    .wait
        mov     cx, 16
.drain: in      al, KBC_DATA
        loop    .drain
        ret
.wait:  xor     cx, cx
.full:  in      al, KBC
        test    al, KBC_FULL
        loopnz  .full
        ret

reset:  mov     dx, RESET_CONTROL
        put     dx, 0x02
        put     dx, 0x06
        call    .pause
        put     KBC, 0xfe
        call    .pause
        put     PORT_92, 0x03
        call    .pause
        lidt    [.no_idt]
        int3
.pause: xor     cx, cx
.wait:  in      al, SYSTEM_PORT
        loop    .wait
        ret
.no_idt:
        times 6 db 0

        [section .data]
seed:   dd      1
steps:  dd      1000

        [section .bss]
ticked:    resd 1
resetting: resb 1
mask_1:    resb 1
mask_2:    resb 1
