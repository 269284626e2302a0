/* The virtual machine control block: where AMD-V keeps a guest's state and what leaves the guest.
 * Each belongs to one vCPU: no lock. AMD APM vol. 2, appendix "Layout of VMCB". */
#pragma once
#include "lib/bits.h"
#include <stddef.h>
#include <stdint.h>

struct vmcb_seg {
    uint16_t sel, attr; /* attr: bits 47:40 and 55:52 of a descriptor, in 12 bits */
    uint32_t limit;     /* bytes, expanded by G */
    uint64_t base;
};

struct vmcb {
    /* Control area. */
    uint16_t cr_reads, cr_writes; /* bit n: CRn */
    uint32_t dr_accesses;
    uint32_t exceptions; /* bit n: vector n */
    uint32_t intercepts[3];
    uint8_t reserved_018[0x24];
    uint16_t pause_threshold, pause_count;
    uint64_t iopm, msrpm; /* host-physical, of the permission maps */
    uint64_t tsc_offset;
    uint32_t asid;
    uint32_t tlb_control;
    uint64_t vintr;
    uint64_t shadow;
    uint64_t exit_code, exit_info1, exit_info2, exit_int_info;
    uint64_t nested_ctl;
    uint64_t avic_bar, ghcb;
    uint64_t event;
    uint64_t nested_cr3; /* host-physical, of the nested tables */
    uint64_t lbr_ctl;
    uint64_t clean;
    uint64_t next_rip;
    uint8_t insn_count, insn_bytes[15];
    uint8_t reserved_0e0[0x320];

    /* State save area, at 400h. */
    struct vmcb_seg es, cs, ss, ds, fs, gs, gdtr, ldtr, idtr, tr;
    uint8_t reserved_4a0[0x2b];
    uint8_t cpl;
    uint32_t reserved_4cc;
    uint64_t efer;
    uint8_t reserved_4d8[0x70];
    uint64_t cr4, cr3, cr0, dr7, dr6, rflags, rip;
    uint8_t reserved_580[0x58];
    uint64_t rsp;
    uint8_t reserved_5e0[0x18];
    uint64_t rax;
    uint64_t star, lstar, cstar, sfmask, kernel_gs_base;
    uint64_t sysenter_cs, sysenter_esp, sysenter_eip;
    uint64_t cr2;
    uint8_t reserved_648[0x20];
    uint64_t pat, debugctl, branch_from, branch_to, exception_from, exception_to;
    uint8_t reserved_698[0x968];
};

#define VMCB_AT(field, offset)                                                                     \
    _Static_assert(offsetof(struct vmcb, field) == (offset), "the layout of the VMCB")
VMCB_AT(cr_writes, 0x002);
VMCB_AT(exceptions, 0x008);
VMCB_AT(intercepts, 0x00c);
VMCB_AT(pause_threshold, 0x03c);
VMCB_AT(iopm, 0x040);
VMCB_AT(asid, 0x058);
VMCB_AT(tlb_control, 0x05c);
VMCB_AT(vintr, 0x060);
VMCB_AT(shadow, 0x068);
VMCB_AT(exit_code, 0x070);
VMCB_AT(exit_info2, 0x080);
VMCB_AT(exit_int_info, 0x088);
VMCB_AT(nested_ctl, 0x090);
VMCB_AT(event, 0x0a8);
VMCB_AT(nested_cr3, 0x0b0);
VMCB_AT(clean, 0x0c0);
VMCB_AT(next_rip, 0x0c8);
VMCB_AT(insn_count, 0x0d0);
VMCB_AT(es, 0x400);
VMCB_AT(gdtr, 0x460);
VMCB_AT(tr, 0x490);
VMCB_AT(cpl, 0x4cb);
VMCB_AT(efer, 0x4d0);
VMCB_AT(cr4, 0x548);
VMCB_AT(cr0, 0x558);
VMCB_AT(rip, 0x578);
VMCB_AT(rsp, 0x5d8);
VMCB_AT(rax, 0x5f8);
VMCB_AT(star, 0x600);
VMCB_AT(cr2, 0x640);
VMCB_AT(pat, 0x668);
VMCB_AT(exception_to, 0x690);
#undef VMCB_AT
_Static_assert(sizeof(struct vmcb_seg) == 16, "the layout of the VMCB");
_Static_assert(sizeof(struct vmcb) == 4096, "one page");

/* vintr ("Virtual Interrupts"). */
#define VMCB_V_IRQ          BIT(8)
#define VMCB_V_PRIO_MAX     (UINT64_C(15) << 16)
#define VMCB_V_IGN_TPR      BIT(20)
#define VMCB_V_INTR_MASKING BIT(24)

#define VMCB_SEG_L BIT32(9) /* vmcb_seg.attr */

#define VMCB_SHADOW BIT(0) /* shadow: of STI or MOV SS */
#define VMCB_NP     BIT(0) /* nested_ctl: nested paging */

/* event and exit_int_info ("Event Injection"): vector 7:0, type 10:8, code 63:32. */
#define VMCB_EVENT_HAS_CODE BIT(11)
#define VMCB_EVENT_VALID    BIT(31)
enum vmcb_event_type {
    VMCB_EVENT_INTR = 0,
    VMCB_EVENT_NMI = 2,
    VMCB_EVENT_EXCEPTION = 3,
    VMCB_EVENT_SOFT_INT = 4,
};

/* tlb_control ("TLB Control"). */
enum { VMCB_TLB_KEEP = 0, VMCB_TLB_FLUSH_ALL = 1, VMCB_TLB_FLUSH_GUEST = 3 };

/* clean ("VMCB Clean Field"): what the CPU may keep from the last VMRUN. */
#define VMCB_CLEAN_INTERCEPTS BIT(0)
#define VMCB_CLEAN_TPR        BIT(3)
#define VMCB_CLEAN_CR         BIT(5)
#define VMCB_CLEAN_DR         BIT(6)
#define VMCB_CLEAN_DT         BIT(7)
#define VMCB_CLEAN_SEG        BIT(8)
#define VMCB_CLEAN_CR2        BIT(9)
#define VMCB_CLEAN_ALL        UINT64_C(0x3ff) /* maps, ASID and nested paging too */

enum { SVM_IOPM_SIZE = 3 * 4096, SVM_MSRPM_SIZE = 2 * 4096 }; /* bytes: what iopm, msrpm point to */
