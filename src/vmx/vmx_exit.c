#include "vmx/vmx_exit.h"
#include "hv/vcpu.h"
#include "lib/bits.h"
#include <stddef.h>

/* Intel SDM vol. 3, "Exit Qualification for I/O Instructions", and for INS and OUTS the VM-exit
 * instruction information. */
static void decode_io(const struct vmx_exit_raw *raw, struct vm_exit *x)
{
    x->io = (struct exit_io){
        .size = (uint8_t)(bits(raw->qual, 2, 0) + 1),
        .in = raw->qual & BIT(3),
        .string = raw->qual & BIT(4),
        .rep = raw->qual & BIT(5),
        .port = (uint16_t)bits(raw->qual, 31, 16),
        .addr_size = (uint8_t)(2u << bits(raw->insn_info, 9, 7)),
        .seg = (uint8_t)bits(raw->insn_info, 17, 15),
    };
}

/* "Exit Qualification for EPT Violations". */
static void decode_ept(const struct vmx_exit_raw *raw, struct vm_exit *x)
{
    x->mmio = (struct exit_mmio){
        .gpa = GPA(raw->guest_phys),
        .read = raw->qual & BIT(0),
        .write = raw->qual & BIT(1),
        .fetch = raw->qual & BIT(2),
        .tables = (raw->qual & BIT(7)) && !(raw->qual & BIT(8)),
    };
}

/* "Exit Qualification for Control-Register Accesses". */
static void decode_cr(const struct vmx_exit_raw *raw, struct vm_exit *x)
{
    x->cr = (struct exit_cr){
        .cr = (uint8_t)bits(raw->qual, 3, 0),
        .access = (enum cr_access)bits(raw->qual, 5, 4),
        .gpr = (uint8_t)bits(raw->qual, 11, 8),
        .lmsw_source = (uint16_t)bits(raw->qual, 31, 16),
    };
}

static void decode_ud(const struct vmx_exit_raw *raw, struct vm_exit *x)
{
    (void)raw;
    x->refused.vector = VEC_UD;
}

static void decode_gp(const struct vmx_exit_raw *raw, struct vm_exit *x)
{
    (void)raw;
    x->refused.vector = VEC_GP;
}

/* An NMI of the host, or an exception that was asked for ("Information for VM Exits Due to Vectored
 * Events"). */
static void decode_exception(const struct vmx_exit_raw *raw, struct vm_exit *x)
{
    x->kind = bits(raw->intr_info, 10, 8) == 2 ? EXIT_NMI : EXIT_EXCEPTION;
    x->hw_info = raw->intr_info;
}

enum { L = VMX_RAW_LEN, Q = VMX_RAW_QUAL };

/* Intel SDM vol. 3, appendix "VMX Basic Exit Reasons". */
const struct vmx_exit_row vmx_exit_rows[VMX_EXIT_ROWS] = {
    [0] = {EXIT_EXCEPTION,  VMX_RAW_INTR,         decode_exception},
    [1] = { EXIT_EXTINT,    0,                    NULL            },
    [2] = { EXIT_SHUTDOWN,  0,                    NULL            },
    [7] = { EXIT_WINDOW,    0,                    NULL            },
    [8] = { EXIT_WINDOW,    0,                    NULL            },
    [10] = { EXIT_CPUID,     L,                    NULL            },
    [11] = { EXIT_REFUSED,   L,                    decode_ud       }, /* GETSEC */
    [12] = { EXIT_HLT,       L,                    NULL            },
    [13] = { EXIT_IGNORED,   L,                    NULL            }, /* INVD */
    [15] = { EXIT_REFUSED,   L,                    decode_gp       }, /* RDPMC */
    [18] = { EXIT_HYPERCALL, L,                    NULL            },
    [19] = { EXIT_REFUSED,   L,                    decode_ud       }, /* VMCLEAR and the other VMX instructions */
    [20] = { EXIT_REFUSED,   L,                    decode_ud       },
    [21] = { EXIT_REFUSED,   L,                    decode_ud       },
    [22] = { EXIT_REFUSED,   L,                    decode_ud       },
    [23] = { EXIT_REFUSED,   L,                    decode_ud       },
    [24] = { EXIT_REFUSED,   L,                    decode_ud       },
    [25] = { EXIT_REFUSED,   L,                    decode_ud       },
    [26] = { EXIT_REFUSED,   L,                    decode_ud       },
    [27] = { EXIT_REFUSED,   L,                    decode_ud       },
    [28] = { EXIT_CR,        L | Q,                decode_cr       },
    [30] = { EXIT_IO,        L | Q | VMX_RAW_INFO, decode_io       },
    [31] = { EXIT_MSR_READ,  L,                    NULL            },
    [32] = { EXIT_MSR_WRITE, L,                    NULL            },
    [36] = { EXIT_REFUSED,   L,                    decode_ud       }, /* MWAIT */
    [39] = { EXIT_REFUSED,   L,                    decode_ud       }, /* MONITOR */
    [40] = { EXIT_PAUSE,     L,                    NULL            },
    [48] = { EXIT_MMIO,      Q | VMX_RAW_PHYS,     decode_ept      },
    [50] = { EXIT_REFUSED,   L,                    decode_ud       }, /* INVEPT */
    [52] = { EXIT_TIMER,     0,                    NULL            },
    [53] = { EXIT_REFUSED,   L,                    decode_ud       }, /* INVVPID */
    [54] = { EXIT_IGNORED,   L,                    NULL            }, /* WBINVD */
    [55] = { EXIT_XSETBV,    L,                    NULL            },
};
