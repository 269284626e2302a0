; Real mode: INT and exceptions through the IVT, a PC's timer interrupt, string I/O with segments, into
; protected mode and back, 4 GiB segments.
%define START_BITS 16
        %include "guest.inc"

SEL32           equ 0x08
SEL_DATA32      equ 0x10
SEL16           equ 0x18
SEL_DATA16      equ 0x20
SCRATCH         equ COM1 + 7

; vector, routine
%macro ivt 2
        mov     word [4 * %1], %2
        mov     word [4 * %1 + 2], 0
%endmacro

%macro put 2
        mov     al, %2
        out     %1, al
%endmacro

start:  mov     sp, 0x7c00
        xor     eax, eax
        mov     eax, cr0
        check_eq "CR0 at the start", eax, 0x10
        mov     eax, 0x40000000
        cpuid
        check_eq "CPUID", ebx, 'pxHV'

        ivt     0x40, on_int
        mov     dword [number], 0
        int     0x40
        check_eq "INT through the IVT", [number], 1
        check_eq "its frame has 6 bytes", [frame], 6
        ivt     UD_VECTOR, on_fault
        mov     dword [resume_at], .after_ud
        ud2
.after_ud:
        check_eq "#UD through the IVT", [number], 2
        ivt     GP_VECTOR, on_fault
        mov     dword [resume_at], .after_gp
        mov     ecx, 0x480
        rdmsr
.after_gp:
        check_eq "#GP by pxHV, with no error code in real mode", [number], 3
        check_eq "#GP: the frame has 6 bytes", [frame], 6
        mov     dword [resume_at], .after_db
        ivt     DB_VECTOR, on_fault
        mov     eax, 0
        pushf
        pop     bx
        or      bx, 0x100
        push    bx
        popf
        cpuid
.after_step:
        nop
.after_db:
        movzx   eax, word [fault_ip]
        check_eq "single step behind CPUID", eax, .after_step

; The PC's timer
        put     0x20, 0x11
        put     0x21, 8
        put     0x21, 4
        put     0x21, 1
        put     0x21, 0xfe
        put     0x43, 0x34
        put     0x40, 1193 & 0xff
        put     0x40, 1193 >> 8
        ivt     8, on_tick
        mov     dword [number], 0
.ticks: sti
        hlt
        cli
        cmp     dword [number], 3
        jb      .ticks
        check_eq "three ticks", [number], 3
        put     0x21, 0xff

; String I/O: ES:DI and DS:SI with bases; DI wraps at 64 KiB.
        mov     ax, 0x2000
        mov     es, ax
        mov     dx, SCRATCH
        mov     al, 0xa5
        out     dx, al
        mov     di, 0xfffe
        mov     cx, 4
        cld
        rep     insb
        mov     eax, [es:0]
        check_bits "INSB wraps at 64 KiB", eax, 0xffff, 0xa5a5
        movzx   eax, word [es:0xfffe]
        check_eq "INSB to ES", eax, 0xa5a5
        movzx   eax, di
        check_eq "INSB: DI", eax, 2
        mov     byte [es:0x10], 0x77
        mov     si, 0x10
        mov     cx, 1
        rep     es outsb
        in      al, dx
        movzx   eax, al
        check_eq "OUTSB from ES", eax, 0x77
        xor     ax, ax
        mov     es, ax

; Into protected mode and back
        lgdt    [gdt_pointer]
        mov     eax, cr0
        or      al, 1
        mov     cr0, eax
        jmp     SEL32:protected
        use_bits 32
protected:
        mov     ax, SEL_DATA32
        mov     ds, ax
        mov     ss, ax
        mov     fs, ax
        mov     dword [0x200000], 0x12345678
        check_eq "protected mode: memory above 1 MiB", [0x200000], 0x12345678
        mov     eax, 0x40000000
        cpuid
        check_eq "protected mode: CPUID", ebx, 'pxHV'
        jmp     SEL16:back
        use_bits 16
back:   mov     ax, SEL_DATA16
        mov     ds, ax
        mov     ss, ax
        mov     eax, cr0
        and     al, 0xfe
        mov     cr0, eax
        jmp     0:real_again
real_again:
        xor     ax, ax
        mov     ds, ax
        mov     ss, ax
        mov     eax, cr0
        check_eq "back in real mode", eax, 0x10
        mov     dword [number], 0
        int     0x40
        check_eq "INT in real mode again", [number], 1
        mov     ebx, 0x200000
        check_eq "FS has kept its 4 GiB", [fs:ebx], 0x12345678
        mov     ebx, 0xfee00030
        check_eq "and reaches a device", [fs:ebx], 0x50014
        call    0:far_away
        check_eq "a far call", [number], 0x1234
        finish

far_away:
        mov     dword [number], 0x1234
        retf

on_int: inc     dword [number]
note_frame:
        push    eax
        mov     eax, 0x7c00 - 4
        sub     ax, sp
        mov     [frame], eax
        pop     eax
        iret

; Goes on at [resume_at], with TF off.
on_fault:
        inc     dword [number]
        push    bp
        mov     bp, sp
        push    eax
        mov     ax, [bp + 2]
        mov     [fault_ip], ax
        mov     ax, [resume_at]
        mov     [bp + 2], ax
        and     word [bp + 6], ~0x100
        pop     eax
        pop     bp
        jmp     note_frame

on_tick:
        push    ax
        inc     dword [number]
        put     0x20, 0x20
        pop     ax
        iret

        section .data
        align   8
gdt:            dq 0
                dq 0x00cf9b000000ffff
                dq 0x00cf93000000ffff
                dq 0x00009b000000ffff
                dq 0x000093000000ffff
gdt_pointer:    dw $ - gdt - 1
                dd gdt
number:         dd 0
frame:          dd 0
fault_ip:       dd 0
