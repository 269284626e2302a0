/* From the hardware's words about a VM exit to a struct vm_exit. Pure: no lock. */
#pragma once
#include "hv/exit.h"
#include <stdint.h>

/* Which fields a reason needs: they are read from the VMCS once, and the others not at all. */
enum { VMX_RAW_QUAL = 1, VMX_RAW_PHYS = 2, VMX_RAW_LEN = 4, VMX_RAW_INTR = 8, VMX_RAW_INFO = 16 };

struct vmx_exit_raw {
    uint64_t qual, guest_phys;
    uint32_t intr_info, insn_info;
};

typedef void vmx_decode_fn(const struct vmx_exit_raw *, struct vm_exit *);

/* What an exit reason means: its kind, the fields it needs, and who makes words of them (NULL: the
 * kind and the instruction length say it all, and no other field is read). */
struct vmx_exit_row {
    enum exit_kind kind;
    unsigned needs; /* VMX_RAW_* */
    vmx_decode_fn *decode;
};

/* By VMCS_EXIT_REASON; a reason that is not named has a row of zeros: EXIT_UNKNOWN. */
enum { VMX_EXIT_ROWS = 64 };
extern const struct vmx_exit_row vmx_exit_rows[VMX_EXIT_ROWS];
