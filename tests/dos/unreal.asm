; The CPU's modes from DOS and back, INT 21h and the timer's interrupt working after each: unreal mode (FS
; and ES with 4 GiB limits, at 2 MiB), 32-bit protected mode without paging, 16-bit protected mode, each
; with exceptions through an IDT of its own, and long mode if the CPU has it.
%define PROGRAM "unreal"
        %include "dos.inc"
        default rel                     ; in 64-bit code

UD_VECTOR       equ 6
GP_VECTOR       equ 13
SOFT_VECTOR     equ 0x30
VECTORS         equ 0x31

; Selectors. Bases are the program's segment but for FLAT, CODE64 and DATA64.
CODE32          equ 0x08
CODE16          equ 0x10
DATA16          equ 0x18
FLAT            equ 0x20
CODE64          equ 0x28
BEHIND          equ 0x30        ; no such selector

GATE16          equ 0x86        ; interrupt gates
GATE32          equ 0x8e        ; and of 64 bits

HIGH_PLACE      equ 0x200000
PATTERN         equ 0x5aa51234
BYTES           equ 64

CR0_PE          equ 1 << 0
CR0_PG          equ 1 << 31
CR4_PAE         equ 1 << 5
EFER            equ 0xc0000080
EFER_LME        equ 1 << 8
EFER_LMA        equ 1 << 10
PAGE            equ 4096
PAGE_LARGE      equ 0x83        ; present, writable, 2 MiB
PAGE_TABLE      equ 0x03

; to_protected SELECTOR, LABEL, BITS: goes there from real mode, with the IDT that is set up; changes EAX,
; DS, ES, FS, SS
%macro to_protected 3
        cli
        lgdt    [gdt_pointer]
        lidt    [idt_pointer]
        movzx   esp, sp                 ; 32-bit code looks at all of it
%if %3 == 16
        smsw    ax                      ; as a 286 does it
        or      al, CR0_PE
        lmsw    ax
%else
        mov     eax, cr0
        or      al, CR0_PE
        mov     cr0, eax
%endif
        jmp     %1:%2
        bits    %3
%2:     mov     ax, DATA16
        mov     ds, ax
        mov     es, ax
        mov     fs, ax
        mov     ss, ax
%endmacro

; From a protected mode of either width; interrupts go on. ES and FS keep their limits. Changes EAX, DS, ES,
; FS, SS.
%macro to_real 0
        jmp     CODE16:%%code16
        bits    16
%%code16:
        mov     ax, DATA16
        mov     ds, ax
        mov     ss, ax
        mov     eax, cr0
        and     al, ~CR0_PE
        mov     cr0, eax
        push    word [own_segment]
        push    %%real
        retf
%%real: lidt    [cs:real_idt]
        mov     ax, cs
        mov     ds, ax
        mov     es, ax
        mov     fs, ax
        mov     ss, ax
%endmacro

; faults WHERE, INSTRUCTION (not with EAX): notes the vector | the error code << 8 in the dword WHERE, -1 if
; there was no fault
%macro faults 2+
        mov     dword [vector], -1
%if __?BITS?__ == 64
        lea     rax, [%%after]
        mov     [resume_at], rax
%else
        mov     dword [resume_at], %%after
%endif
        %2
%%after:
        mov     eax, [vector]
        mov     [%1], eax
%endmacro

; gates TYPE, SELECTOR, BYTES, WIDTH, BASE: an IDT with gates of that type and size to the handlers of that
; width, base added to their offsets; changes EAX, BX, CX, EDX, DI, SI, BP
%macro gates 5
        mov     byte [gate_type], %1
        mov     cx, %2
        mov     bp, %3
        mov     bx, COLUMN%4
        mov     edx, %5
        call    set_gates
%endmacro

; check_faults "mode", NAME: what the faults were that a mode took, in NAME
%macro check_faults 2
%strcat where %1, ": #UD"
        check_eq where, [%2], UD_VECTOR
%strcat where %1, ": #GP for a selector behind the GDT"
        check_eq where, [%2 + 4], GP_VECTOR | BEHIND << 8
%strcat where %1, ": INT"
        check_eq where, [%2 + 8], SOFT_VECTOR
%endmacro

start:  smsw    ax
        and     eax, CR0_PE
        check_eq "CR0: the CPU is in real mode, not below a DOS extender", eax, 0
        test    eax, eax
        jnz     .end
        call    prepare
        mov     ah, 0x30
        int     0x21
        mov     [dos_version], ax

        call    unreal
        call    alive
        call    protected32
        call    alive
        call    protected16
        call    alive
        mov     eax, 0x80000000
        cpuid
        cmp     eax, 0x80000001
        jb      .no_long
        mov     eax, 0x80000001
        cpuid
        bt      edx, 29
        jnc     .no_long
        call    long_mode
        call    alive
        jmp     .end
.no_long:
        print_line "no long mode here"
.end:   finish

prepare:                                ; what depends on where the program lies
        mov     [own_segment], cs
        xor     eax, eax
        mov     ax, cs
        shl     eax, 4
        mov     [linear], eax
        mov     si, gdt + 8
        mov     cx, 3
.base:  mov     [si + 2], ax
        ror     eax, 16
        mov     [si + 4], al
        ror     eax, 16
        add     si, 8
        loop    .base
        add     eax, gdt
        mov     [gdt_pointer + 2], eax
        mov     eax, [linear]
        add     eax, idt
        mov     [idt_pointer + 2], eax
        ret

alive:  mov     ah, 0x30
        int     0x21
        movzx   eax, ax
        check_eq "INT 21h still works", eax, [dos_version]
        push    es
        push    word BDA
        pop     es
        mov     eax, [es:BDA_TICKS]
        mov     cx, 100                 ; interrupts of any kind
.wait:  hlt
        cmp     eax, [es:BDA_TICKS]
        loope   .wait
        setne   [ticked]
        pop     es
        check_eq "and so does the timer", [ticked], 1
        ret

; ---- unreal mode

unreal: gates   GATE16, CODE16, 8, 16, 0
        to_protected CODE16, .load, 16
        mov     ax, FLAT
        mov     fs, ax
        mov     es, ax
        to_real
        xor     ax, ax
        mov     fs, ax
        mov     es, ax

; The firmware may keep something there, so it is put back.
        mov     ecx, BYTES
.save:  mov     al, [fs:ecx + HIGH_PLACE - 1]
        mov     [saved + ecx - 1], al
        loop    .save, ecx
        mov     dword [fs:dword HIGH_PLACE + 4], PATTERN
        mov     eax, [fs:dword HIGH_PLACE + 4]
        mov     [by_fs], eax
        mov     edi, HIGH_PLACE + 16
        mov     eax, PATTERN + 1
        mov     ecx, 4
        a32     rep stosd
        mov     esi, HIGH_PLACE + 16
        mov     ecx, 4
        a32     fs rep movsd
        mov     eax, [fs:dword HIGH_PLACE + 44]
        mov     [by_string], eax
        mov     ecx, BYTES
.put:   mov     al, [saved + ecx - 1]
        mov     [fs:ecx + HIGH_PLACE - 1], al
        loop    .put, ecx
        push    ds
        pop     es
        push    ds
        pop     fs
        sti
        check_eq "unreal mode: FS at 2 MiB", [by_fs], PATTERN
        check_eq "unreal mode: string instructions at 2 MiB", [by_string], PATTERN + 1
        ret

; ---- protected modes

protected32:
        gates   GATE32, CODE32, 8, 32, 0
        to_protected CODE32, .there, 32
        faults  faults32, ud2
        mov     cx, BEHIND
        faults  faults32 + 4, mov gs, cx
        faults  faults32 + 8, int SOFT_VECTOR
        mov     ax, FLAT
        mov     fs, ax
        mov     ebx, [fs:HIGH_PLACE]
        mov     dword [fs:HIGH_PLACE], PATTERN
        mov     eax, [fs:HIGH_PLACE]
        mov     [by_fs], eax
        mov     [fs:HIGH_PLACE], ebx
        mov     ax, DATA16
        mov     fs, ax
        to_real
        sti
        check_faults "32-bit protected mode", faults32
        check_eq "32-bit protected mode: FS at 2 MiB", [by_fs], PATTERN
        ret

protected16:
        gates   GATE16, CODE16, 8, 16, 0
        to_protected CODE16, .there, 16
        faults  faults16, ud2
        mov     cx, BEHIND
        faults  faults16 + 4, mov gs, cx
        faults  faults16 + 8, int SOFT_VECTOR
        to_real
        sti
        check_faults "16-bit protected mode", faults16
        ret

; ---- long mode

long_mode:
        gates   GATE32, CODE64, 16, 64, [linear]
        call    make_tables
        to_protected CODE32, .there, 32
        mov     eax, cr4
        mov     [old_cr4], eax
        or      eax, CR4_PAE
        mov     cr4, eax
        mov     eax, cr3
        mov     [old_cr3], eax
        mov     eax, [top_table]
        mov     cr3, eax
        mov     ecx, EFER
        rdmsr
        or      eax, EFER_LME
        wrmsr
        mov     eax, cr0
        or      eax, CR0_PG
        mov     cr0, eax
        mov     [old_esp], esp
        mov     eax, [linear]
        add     eax, .wide
        push    CODE64
        push    eax
        retf

        bits    64
.wide:  mov     eax, [linear]
        mov     ebx, esp
        lea     rsp, [rax + rbx]
        mov     rax, 0x123456789abcdef0
        mov     r15, rax
        rol     r15, 20
        mov     [rotated], r15
        mov     ecx, BEHIND
        faults  faults64, ud2
        faults  faults64 + 4, mov gs, cx
        faults  faults64 + 8, int SOFT_VECTOR
        mov     ebx, [abs HIGH_PLACE]
        mov     dword [abs HIGH_PLACE], PATTERN
        mov     eax, [abs HIGH_PLACE]
        mov     [by_paging], eax
        mov     [abs HIGH_PLACE], ebx
        mov     ecx, EFER
        rdmsr
        mov     [efer], eax
        push    CODE32
        push    .narrow
        retfq

        bits    32
.narrow:
        mov     ax, DATA16
        mov     ds, ax
        mov     es, ax
        mov     ss, ax
        mov     esp, [old_esp]
        mov     eax, cr0
        and     eax, ~CR0_PG
        mov     cr0, eax
        mov     ecx, EFER
        rdmsr
        and     eax, ~EFER_LME
        wrmsr
        mov     eax, [old_cr4]
        mov     cr4, eax
        mov     eax, [old_cr3]
        mov     cr3, eax
        to_real
        sti
        and     dword [efer], EFER_LME | EFER_LMA
        check_eq "long mode: EFER says so", [efer], EFER_LME | EFER_LMA
        check_eq "long mode: R15, lower half", [rotated], 0xef012345
        check_eq "long mode: R15, upper half", [rotated + 4], 0x6789abcd
        check_faults "long mode", faults64
        check_eq "long mode: paging at 2 MiB", [by_paging], PATTERN
        ret

; The first 4 MiB where they are.
make_tables:
        mov     eax, [linear]
        add     eax, table_space + PAGE - 1
        and     eax, ~(PAGE - 1)
        mov     [top_table], eax
        mov     di, ax
        sub     di, [linear]            ; the top table's offset: the program's segment is a multiple of 16 bytes
        add     eax, PAGE | PAGE_TABLE
        mov     [di], eax
        add     eax, PAGE
        mov     [di + PAGE], eax
        mov     dword [di + 2 * PAGE], PAGE_LARGE
        mov     dword [di + 2 * PAGE + 8], HIGH_PLACE | PAGE_LARGE
        ret

; ---- gates and handlers

set_gates:                              ; for the macro `gates`
        push    cx
        mov     di, idt
        mov     cx, VECTORS * 16
        xor     al, al
        rep     stosb
        pop     cx
        mov     si, handlers
.next:  mov     di, [si]
        imul    di, bp
        add     di, idt
        movzx   eax, word [si + bx]
        add     eax, edx
        mov     [di], ax
        mov     [di + 2], cx
        mov     [di + 4], eax           ; bits 16-31 of it stay
        mov     al, [gate_type]
        mov     [di + 5], al
        mov     byte [di + 4], 0
        add     si, ROW
        cmp     si, handlers_end
        jb      .next
        ret

; handler BITS, VECTOR, has an error code
%macro handler 3
        bits    %1
on_%2_%1:
%if %3 == 0
        push    0
%endif
        push    %2
        jmp     trap%1
%endmacro

; handlers_of VECTOR, has an error code: the three, and their row in the table
%macro handlers_of 2
        handler 16, %1, %2
        handler 32, %1, %2
        handler 64, %1, %2
        [section .data]
        dw      %1, on_%1_16, on_%1_32, on_%1_64
        __?SECT?__
%endmacro

ROW             equ 8
COLUMN16        equ 2
COLUMN32        equ 4
COLUMN64        equ 6

        [section .data]
handlers:
        __?SECT?__
        handlers_of UD_VECTOR, 0
        handlers_of GP_VECTOR, 1
        handlers_of SOFT_VECTOR, 0
        [section .data]
handlers_end:
        __?SECT?__

; trap BITS, bytes of a stack slot, the registers' prefix, the widest AX, the way back. The stack holds the
; vector, the error code, IP, CS and the flags.
%macro trap 5
        bits    %1
trap%1: push    %{3}bp
        mov     %{3}bp, %{3}sp
        push    %4
        movzx   eax, word [%{3}bp + 2 * %2]
        shl     eax, 8
        mov     al, [%{3}bp + %2]
        mov     [vector], eax
        mov     %{3}ax, [resume_at]
        mov     [%{3}bp + 3 * %2], %{3}ax
        pop     %4
        pop     %{3}bp
        add     %{3}sp, 2 * %2
        %5
%endmacro
        trap    16, 2, , eax, iret
        trap    32, 4, e, eax, iretd
        trap    64, 8, r, rax, iretq

        [section .data]
        align   8
gdt:    dq      0
        dq      0x00409a000000ffff      ; CODE32
        dq      0x00009a000000ffff      ; CODE16
        dq      0x000092000000ffff      ; DATA16
        dq      0x00cf92000000ffff      ; FLAT
        dq      0x00af9a000000ffff      ; CODE64
gdt_pointer:
        dw      gdt_pointer - gdt - 1
        dd      0
idt_pointer:
        dw      VECTORS * 16 - 1
        dd      0
real_idt:
        dw      0x3ff
        dd      0

        [section .bss]
        alignb  8
idt:         resb VECTORS * 16
resume_at:   resq 1
rotated:     resq 1
vector:      resd 1
linear:      resd 1
own_segment: resd 1
dos_version: resd 1
ticked:      resd 1
by_fs:       resd 1
by_string:   resd 1
by_paging:   resd 1
faults16:    resd 3
faults32:    resd 3
faults64:    resd 3
efer:        resd 1
old_cr3:     resd 1
old_cr4:     resd 1
old_esp:     resd 1
top_table:   resd 1
gate_type:   resb 1
saved:       resb BYTES
table_space: resb 4 * PAGE
