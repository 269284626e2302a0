/* A vCPU's registers. The general ones are always valid between exits; the rest is moved in bulk by
 * the backend. Owned by the vCPU: no lock. */
#pragma once
#include "lib/bits.h"
#include <stdbool.h>
#include <stdint.h>

/* Order = hardware encoding of the register number (ModRM, CR and string-I/O exits). */
enum gpr {
    RAX,
    RCX,
    RDX,
    RBX,
    RSP,
    RBP,
    RSI,
    RDI,
    R8,
    R9,
    R10,
    R11,
    R12,
    R13,
    R14,
    R15,
    GPR_COUNT
};

struct vcpu_regs { /* layout known to the entry stubs */
    uint64_t gpr[GPR_COUNT];
    uint64_t rip, rflags;
};
_Static_assert(sizeof(struct vcpu_regs) == 144, "known to the entry stubs");

#define RFLAGS_FIXED BIT(1)
#define RFLAGS_CF    BIT(0)
#define RFLAGS_TF    BIT(8)
#define RFLAGS_IF    BIT(9)
#define RFLAGS_DF    BIT(10)
#define RFLAGS_RF    BIT(16)
#define RFLAGS_VM    BIT(17)

/* After a reset (Intel SDM vol. 3, "Processor State After Reset"). */
#define DR6_RESET UINT64_C(0xffff0ff0)
#define DR7_RESET UINT64_C(0x400)
#define PAT_RESET UINT64_C(0x0007040600070406)

#define CR0_PE BIT(0)
#define CR0_MP BIT(1)
#define CR0_EM BIT(2)
#define CR0_TS BIT(3)
#define CR0_ET BIT(4)
#define CR0_NE BIT(5)
#define CR0_WP BIT(16)
#define CR0_AM BIT(18)
#define CR0_NW BIT(29)
#define CR0_CD BIT(30)
#define CR0_PG BIT(31)

#define CR4_VME        BIT(0)
#define CR4_PVI        BIT(1)
#define CR4_TSD        BIT(2)
#define CR4_DE         BIT(3)
#define CR4_PSE        BIT(4)
#define CR4_PAE        BIT(5)
#define CR4_MCE        BIT(6)
#define CR4_PGE        BIT(7)
#define CR4_PCE        BIT(8)
#define CR4_OSFXSR     BIT(9)
#define CR4_OSXMMEXCPT BIT(10)
#define CR4_UMIP       BIT(11)
#define CR4_LA57       BIT(12)
#define CR4_VMXE       BIT(13)
#define CR4_SMXE       BIT(14)
#define CR4_FSGSBASE   BIT(16)
#define CR4_PCIDE      BIT(17)
#define CR4_OSXSAVE    BIT(18)
#define CR4_SMEP       BIT(20)
#define CR4_SMAP       BIT(21)
#define CR4_PKE        BIT(22)
#define CR4_CET        BIT(23)
#define CR4_PKS        BIT(24)

#define EFER_SCE  BIT(0)
#define EFER_LME  BIT(8)
#define EFER_LMA  BIT(10)
#define EFER_NXE  BIT(11)
#define EFER_SVME BIT(12)

enum seg { SEG_ES, SEG_CS, SEG_SS, SEG_DS, SEG_FS, SEG_GS, SEG_LDTR, SEG_TR, SEG_COUNT };

/* attr is laid out as VMX's access rights: type 3:0, S 4, DPL 6:5, P 7, AVL 12, L 13, D/B 14, G 15,
 * unusable 16 (Intel SDM vol. 3, "Guest Register State"). */
struct segment {
    uint16_t sel;
    uint32_t limit; /* bytes, expanded by G */
    uint64_t base;
    uint32_t attr;
};
#define SEG_ATTR_DPL      (BIT32(5) | BIT32(6))
#define SEG_ATTR_L        BIT32(13)
#define SEG_ATTR_DB       BIT32(14)
#define SEG_ATTR_UNUSABLE BIT32(16)

/* Control registers as the guest sees them. */
struct vcpu_crs {
    uint64_t cr0, cr3, cr4, efer;
};

/* Segment state, moved in one piece instead of through forty getters. */
struct vcpu_segs {
    struct segment seg[SEG_COUNT];
    struct segment gdtr, idtr; /* base and limit only */
};
