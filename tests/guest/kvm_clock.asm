; KVM's paravirtual clock: time from the TSC and a page that the hypervisor filled.
        %include "guest.inc"

KVM_FEATURES    equ 0x40000101
MSR_WALL        equ 0x4b564d00
MSR_TIME        equ 0x4b564d01
CLOCK           equ 1 << 3 | 1 << 24    ; the MSRs, and that the flag TSC_STABLE counts
VERSION         equ 0
TIMESTAMP       equ 8
SYSTEM_TIME     equ 16
FACTOR          equ 24
SHIFT           equ 28
FLAGS           equ 29
SEC             equ 4
NSEC            equ 8
MS              equ 1000000             ; nanoseconds
PIT_10_MS       equ 11932
VGA_HOLE        equ 0xa0000
RTC_INDEX       equ 0x70
RTC_DATA        equ 0x71

; within "what", low, high: is RAX?
%macro within 3
        mov     rbx, rax
        mov     rcx, %2
        cmp     rax, rcx
        setae   al
        mov     rcx, %3
        cmp     rbx, rcx
        setbe   ah
        movzx   eax, ax
        check_eq %1, rax, 0x0101
%endmacro

start:  begin64
        mov     eax, KVM_FEATURES
        cpuid
        check_bits "CPUID offers the clock", rax, CLOCK, CLOCK
        read_msr MSR_TIME
        check_eq "off at first", rax, 0

        write_msr MSR_TIME, time + 1
        read_msr MSR_TIME
        check_eq "the MSR reads back", rax, time + 1
        check_bits "the version is even", [time + VERSION], 1, 0
        check_bits "and another one than before, 7", [time + VERSION], 0xffffffff, 10
        check_bits "the flags: the TSC is stable", [time + FLAGS], 0xff, 1

        call    now
        mov     r12, rax
        within  "the time since the VM began", 1, 60000 * MS
        call    now
        sub     rax, r12
        within  "it does not go back", 0, 100 * MS
        call    now
        mov     r12, rax
        call    wait_10_ms
        call    now
        sub     rax, r12
        within  "10 ms of the PIT take 10 ms", 10 * MS - 1000, 15 * MS

        mov     eax, [time + VERSION]
        mov     [old], rax
        mov     dword [time + FACTOR], 0
        write_msr MSR_TIME, time + 1
        mov     eax, [time + VERSION]
        sub     eax, [old]
        check_eq "written again: the next even version", rax, 2
        call    now
        sub     rax, r12
        within  "and the same time", 10 * MS - 1000, 1000 * MS

        write_msr MSR_WALL, wall
        read_msr MSR_WALL
        check_eq "the wall clock's MSR reads back", rax, wall
        check_bits "its version is even", [wall + VERSION], 1, 0
        mov     eax, [wall + NSEC]
        within  "its nanoseconds are less than a second", 0, 1000 * MS - 1
        call    now
        mov     ecx, 1000 * MS
        xor     edx, edx
        div     rcx
        mov     ecx, [wall + SEC]
        add     rax, rcx
        mov     ecx, 60
        xor     edx, edx
        div     rcx
        mov     r13, rdx
        call    rtc_seconds
        add     rax, 61                 ; the two may see a second end one after the other
        sub     rax, r13
        xor     edx, edx
        mov     ecx, 60
        div     rcx
        mov     rax, rdx
        within  "wall clock and system time make the RTC's seconds", 0, 2

        mov     rax, [VGA_HOLE - 16]
        mov     [old], rax
        set_msr MSR_TIME, 0xf0000001
        faults  "an address that is no RAM", GP_VECTOR, 0, wrmsr
        set_msr MSR_TIME, VGA_HOLE - 16 + 1
        faults  "a structure that leaves RAM", GP_VECTOR, 0, wrmsr
        set_msr MSR_TIME, 0xfffffffffffffffd
        faults  "an address beyond all", GP_VECTOR, 0, wrmsr
        set_msr MSR_TIME, time + 3
        faults  "a reserved bit", GP_VECTOR, 0, wrmsr
        set_msr MSR_WALL, 0xf0000000
        faults  "wall clock: an address that is no RAM", GP_VECTOR, 0, wrmsr
        set_msr MSR_WALL, VGA_HOLE - 8
        faults  "wall clock: a structure that leaves RAM", GP_VECTOR, 0, wrmsr
        set_msr MSR_WALL, wall + 1
        faults  "wall clock: a reserved bit", GP_VECTOR, 0, wrmsr
        mov     rax, [VGA_HOLE - 16]
        check_eq "what was refused wrote nothing", rax, [old]
        read_msr MSR_TIME
        check_eq "... and the MSR stays", rax, time + 1
        mov     ecx, 0x11
        faults  "KVM's first wall clock is not there", GP_VECTOR, 0, rdmsr
        mov     ecx, 0x12
        faults  "KVM's first system time is not there", GP_VECTOR, 0, rdmsr

        mov     dword [time + VERSION], 6
        write_msr MSR_TIME, 0
        read_msr MSR_TIME
        check_eq "turned off", rax, 0
        mov     eax, [time + VERSION]
        check_eq "... and memory stays as it was", rax, 6
        finish

; RAX = nanoseconds since the VM began; changes RCX, RDX
now:    rdtsc
        shl     rdx, 32
        or      rax, rdx
        sub     rax, [time + TIMESTAMP]
        movsx   ecx, byte [time + SHIFT]
        test    ecx, ecx
        js      .right
        shl     rax, cl
        jmp     .scale
.right: neg     ecx
        shr     rax, cl
.scale: mov     ecx, [time + FACTOR]
        mul     rcx
        shrd    rax, rdx, 32
        add     rax, [time + SYSTEM_TIME]
        ret

; PIT channel 2, mode 0, watched in port 61h
wait_10_ms:
        mov     al, 1                   ; gate on, no sound
        out     0x61, al
        mov     al, 0xb0
        out     0x43, al
        mov     al, PIT_10_MS & 0xff
        out     0x42, al
        mov     al, PIT_10_MS >> 8
        out     0x42, al
.wait:  in      al, 0x61
        test    al, 0x20
        jz      .wait
        ret

; RAX = the RTC's seconds: BCD, as it starts
rtc_seconds:
        mov     al, 0
        out     RTC_INDEX, al
        in      al, RTC_DATA
        movzx   ecx, al
        shr     ecx, 4
        imul    ecx, ecx, 10
        and     eax, 15
        add     eax, ecx
        ret

        section .data
        align   32
time:   dd      7                       ; odd, as if it were being written
        times   7 dd 0xeeeeeeee
wall:   dd      7, 0xeeeeeeee, 0xeeeeeeee
        align   8
old:    dq      0
