/* Bits of the VMX control fields that pxHV uses or checks (Intel SDM vol. 3, "VM-Execution Control
 * Fields", "VM-Exit Control Fields", "VM-Entry Control Fields"). Numbers only: no lock. */
#pragma once
#include "lib/bits.h"

#define VMX_PIN_EXTINT       BIT32(0)
#define VMX_PIN_NMI          BIT32(3)
#define VMX_PIN_VIRTUAL_NMIS BIT32(5)
#define VMX_PIN_TIMER        BIT32(6)
#define VMX_PIN_POSTED_INTR  BIT32(7)

#define VMX_PROC_INTR_WINDOW BIT32(2)
#define VMX_PROC_TSC_OFFSET  BIT32(3)
#define VMX_PROC_HLT         BIT32(7)
#define VMX_PROC_INVLPG      BIT32(9)
#define VMX_PROC_MWAIT       BIT32(10)
#define VMX_PROC_RDPMC       BIT32(11)
#define VMX_PROC_RDTSC       BIT32(12)
#define VMX_PROC_CR3_LOAD    BIT32(15)
#define VMX_PROC_CR3_STORE   BIT32(16)
#define VMX_PROC_CR8_LOAD    BIT32(19)
#define VMX_PROC_CR8_STORE   BIT32(20)
#define VMX_PROC_TPR_SHADOW  BIT32(21)
#define VMX_PROC_NMI_WINDOW  BIT32(22)
#define VMX_PROC_MOV_DR      BIT32(23)
#define VMX_PROC_ALL_IO      BIT32(24)
#define VMX_PROC_IO_BITMAPS  BIT32(25)
#define VMX_PROC_TRAP_FLAG   BIT32(27)
#define VMX_PROC_MSR_BITMAPS BIT32(28)
#define VMX_PROC_MONITOR     BIT32(29)
#define VMX_PROC_PAUSE       BIT32(30)
#define VMX_PROC_PROC2       BIT32(31)

#define VMX_PROC2_APIC_ACCESS   BIT32(0)
#define VMX_PROC2_EPT           BIT32(1)
#define VMX_PROC2_DESC_TABLE    BIT32(2)
#define VMX_PROC2_RDTSCP        BIT32(3)
#define VMX_PROC2_X2APIC        BIT32(4)
#define VMX_PROC2_VPID          BIT32(5)
#define VMX_PROC2_WBINVD        BIT32(6)
#define VMX_PROC2_UNRESTRICTED  BIT32(7)
#define VMX_PROC2_APIC_REGS     BIT32(8)
#define VMX_PROC2_INTR_DELIVERY BIT32(9)
#define VMX_PROC2_PAUSE_LOOP    BIT32(10)
#define VMX_PROC2_RDRAND        BIT32(11)
#define VMX_PROC2_INVPCID       BIT32(12)
#define VMX_PROC2_VMFUNC        BIT32(13)
#define VMX_PROC2_ENCLS         BIT32(15)
#define VMX_PROC2_RDSEED        BIT32(16)
#define VMX_PROC2_PML           BIT32(17)
#define VMX_PROC2_PT_CONCEAL    BIT32(19)
#define VMX_PROC2_XSAVES        BIT32(20)
#define VMX_PROC2_MODE_EXECUTE  BIT32(22)
#define VMX_PROC2_SUB_PAGE      BIT32(23)
#define VMX_PROC2_TSC_SCALING   BIT32(25)
#define VMX_PROC2_USER_WAIT     BIT32(26)

#define VMX_EXIT_SAVE_DEBUG BIT32(2)
#define VMX_EXIT_HOST_64BIT BIT32(9)
#define VMX_EXIT_LOAD_PERF  BIT32(12)
#define VMX_EXIT_ACK_INTR   BIT32(15)
#define VMX_EXIT_SAVE_PAT   BIT32(18)
#define VMX_EXIT_LOAD_PAT   BIT32(19)
#define VMX_EXIT_SAVE_EFER  BIT32(20)
#define VMX_EXIT_LOAD_EFER  BIT32(21)
#define VMX_EXIT_SAVE_TIMER BIT32(22)

#define VMX_ENTRY_LOAD_DEBUG   BIT32(2)
#define VMX_ENTRY_GUEST_64BIT  BIT32(9)
#define VMX_ENTRY_TO_SMM       BIT32(10)
#define VMX_ENTRY_END_DUAL     BIT32(11)
#define VMX_ENTRY_LOAD_PERF    BIT32(13)
#define VMX_ENTRY_LOAD_PAT     BIT32(14)
#define VMX_ENTRY_LOAD_EFER    BIT32(15)
#define VMX_ENTRY_LOAD_BNDCFGS BIT32(16)

/* VMCS_ENTRY_INTR_INFO, VMCS_EXIT_INTR_INFO and VMCS_IDT_VEC_INFO: vector 7:0, type 10:8, error
 * code 11, valid 31 ("Event Injection", "Information for VM Exits Due to Vectored Events"). */
#define VMX_INTR_VALID    BIT32(31)
#define VMX_INTR_HAS_CODE BIT32(11)
enum vmx_intr_type {
    VMX_INTR_EXTERNAL = 0,
    VMX_INTR_NMI = 2,
    VMX_INTR_HW_EXCEPTION = 3,
    VMX_INTR_SOFTWARE = 4,
    VMX_INTR_PRIV_SW_EXCEPTION = 5,
    VMX_INTR_SW_EXCEPTION = 6,
    VMX_INTR_OTHER = 7,
};

/* VMCS_GUEST_INTERRUPTIBILITY and VMCS_GUEST_ACTIVITY ("Guest Non-Register State"). */
#define VMX_BLOCK_STI     BIT32(0)
#define VMX_BLOCK_MOV_SS  BIT32(1)
#define VMX_BLOCK_SMI     BIT32(2)
#define VMX_BLOCK_NMI     BIT32(3)
#define VMX_BLOCK_ENCLAVE BIT32(4)
enum vmx_activity { VMX_ACTIVE, VMX_HLT, VMX_SHUTDOWN, VMX_WAIT_SIPI };
