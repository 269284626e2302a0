/* From the hardware's words about a VM exit to a struct vm_exit. Pure: no lock. */
#pragma once
#include "hv/exit.h"
#include <stdint.h>

/* Which fields a reason needs: they are read from the VMCS once, and the others not at all. */
enum { VMX_RAW_QUAL = 1, VMX_RAW_PHYS = 2, VMX_RAW_LEN = 4, VMX_RAW_INTR = 8, VMX_RAW_INFO = 16 };

struct vmx_exit_raw {
    uint32_t reason;
    uint64_t qual, guest_phys;
    uint32_t insn_len, intr_info, insn_info;
};

/* Bits VMX_RAW_* for this VMCS_EXIT_REASON; 0 for one that is not known. */
unsigned vmx_exit_needs(uint32_t reason);
void vmx_exit_decode(const struct vmx_exit_raw *raw, struct vm_exit *out);
