; MSRs that the guest has and MSRs that it is refused.
        %include "guest.inc"

EFER            equ 0xc0000080
STAR            equ 0xc0000081
LSTAR           equ 0xc0000082
FS_BASE         equ 0xc0000100
GS_BASE         equ 0xc0000101
KERNEL_GS_BASE  equ 0xc0000102
PAT             equ 0x277
SYSENTER_CS     equ 0x174
FEATURE_CONTROL equ 0x3a
VMX_BASIC       equ 0x480

; keeps "name", number, value: what is written is read again
%macro keeps 3
        write_msr %2, %3
        cpuid
        read_msr %2
        check_eq %1, rax, %3
%endmacro

; no_read "name", number
%macro no_read 2
        mov     ecx, %2
        mov     rax, 0x1111111111111111
        mov     rdx, 0x2222222222222222
        faults  %1, GP_VECTOR, 0, rdmsr
        check_eq "... and RAX stays", rax, 0x1111111111111111
%endmacro

; no_write "name", number, value
%macro no_write 3
        set_msr %2, %3
        faults  %1, GP_VECTOR, 0, wrmsr
%endmacro

start:  begin64
        mov     rax, -1
        mov     rdx, -1
        mov     rcx, 0xdeadbeef00000000 | EFER
        rdmsr
        check_eq "EFER: LME and LMA", rax, 0x500
        check_eq "RDMSR clears the upper half of RDX", rdx, 0
        keeps   "EFER.SCE can be set", EFER, 0x501
        keeps   "EFER.NXE can be set", EFER, 0xd01
        no_write "EFER, a reserved bit", EFER, 0x502
        no_write "EFER.SVME", EFER, 0x1500
        no_write "EFER.LME off with paging on", EFER, 0x400
        read_msr EFER
        check_eq "EFER as before", rax, 0xd01

        keeps   "STAR", STAR, 0x0023001000000000
        keeps   "LSTAR", LSTAR, 0xffff800000123456
        no_write "LSTAR, not canonical", LSTAR, 0x8000000000000000
        keeps   "KERNEL_GS_BASE", KERNEL_GS_BASE, 0xffff800000abcdef
        keeps   "SYSENTER_CS", SYSENTER_CS, 0x10
        keeps   "PAT", PAT, 0x0007040600070401
        no_write "PAT, a reserved type", PAT, 0x0007040600070402
        keeps   "GS_BASE", GS_BASE, 0x12345000
        keeps   "FS_BASE", FS_BASE, number
        mov     rax, [fs:0]
        check_eq "FS_BASE works", rax, 0x123456789abcdef0
        no_write "FS_BASE, not canonical", FS_BASE, 0x8000000000000000

        read_msr MSR_APIC_BASE
        check_eq "APIC_BASE: on, boot CPU", rax, 0xfee00900
        no_write "APIC_BASE, a reserved bit", MSR_APIC_BASE, 0xfee00901
        no_write "APIC_BASE, x2APIC but off", MSR_APIC_BASE, 0xfee00500
        no_read "x2APIC registers in xAPIC mode", X2_TPR
        keeps   "APIC_BASE, x2APIC mode", MSR_APIC_BASE, APIC_X2
        keeps   "x2APIC TPR", X2_TPR, 0x50
        no_write "x2APIC TPR, a reserved bit", X2_TPR, 0x150
        no_write "x2APIC version", 0x803, 0
        no_read "x2APIC EOI", X2_EOI
        no_read "x2APIC, no such register", 0x8ff
        read_msr MSR_DEADLINE
        check_eq "TSC_DEADLINE is off", rax, 0

        read_msr FEATURE_CONTROL
        check_eq "FEATURE_CONTROL: locked, nothing on", rax, 1
        no_write "FEATURE_CONTROL", FEATURE_CONTROL, 5
        no_read "VMX_BASIC", 0x480
        no_read "VMX_PROCBASED_CTLS2", 0x48b
        no_read "VMX_EPT_VPID_CAP", 0x48c
        no_read "VMX_VMFUNC", 0x491
        no_write "VMX_BASIC", 0x480, 0
        no_read "MTRR_CAP", 0xfe
        no_read "SVM's VM_CR", 0xc0010114
        no_read "an MSR that no CPU has", 0x12345678
        no_write "an MSR that no CPU has", 0x12345678, 0
        no_read "the last MSR of all", 0xffffffff
        no_read "beyond the first range of the bitmap", 0x2000
        mov     rcx, 0xdeadbeef00000000 | VMX_BASIC
        faults  "the upper half of RCX does not count", GP_VECTOR, 0, rdmsr
        finish

        section .data
        align   8
number:         dq 0x123456789abcdef0
