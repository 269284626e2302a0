/* The inside of vmx_check: tables of rules, and the words they are made of. For vmx_check*.c and
 * their test. Pure: no lock. */
#pragma once
#include "lib/bits.h"
#include "vmx/vmx_bits.h"
#include "vmx/vmx_check.h"
#include <stddef.h>

struct vmx_rule {
    const char *text; /* what must be so */
    bool (*holds)(const struct vmx_state *s);
};

/* A rule on one segment register. */
struct vmx_seg_rule {
    const char *text;
    enum seg seg;
    bool (*holds)(const struct vmx_state *s, const struct segment *r);
};

extern const struct vmx_rule vmx_control_rules[], vmx_host_rules[], vmx_guest_rules[];
extern const size_t vmx_control_rule_count, vmx_host_rule_count, vmx_guest_rule_count;
extern const struct vmx_seg_rule vmx_seg_rules[];
extern const size_t vmx_seg_rule_count;

/* a implies b: "if a, then b must hold". */
static inline bool vmx_implies(bool a, bool b)
{
    return !a || b;
}

static inline bool vmx_canonical(const struct vmx_state *s, uint64_t addr)
{
    uint64_t upper = addr >> (s->limits.linear_bits - 1);

    return upper == 0 || upper == ~UINT64_C(0) >> (s->limits.linear_bits - 1);
}

/* True if a host-physical address is aligned (to a power of two) and within the physical width. */
static inline bool vmx_phys_ok(const struct vmx_state *s, uint64_t addr, uint64_t align)
{
    return (addr & (align - 1)) == 0 && addr >> s->limits.phys_bits == 0;
}

/* Every bit of a control register has a value that VMX operation supports. */
static inline bool vmx_fixed_ok(uint64_t value, uint64_t fixed0, uint64_t fixed1)
{
    return (~value & fixed0) == 0 && (value & ~fixed1) == 0;
}

/* Eight memory types: 0, 1, 4, 5, 6 or 7 each. */
static inline bool vmx_pat_ok(uint64_t pat)
{
    for (unsigned i = 0; i < 64; i += 8) {
        uint64_t type = bits(pat, i + 7, i);

        if (type > 7 || type == 2 || type == 3) {
            return false;
        }
    }
    return true;
}

#define VMX_EFER_DEFINED (EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE)

static inline bool vmx_proc(const struct vmx_state *s, uint32_t control)
{
    return (s->ctl.proc & control) != 0;
}

static inline bool vmx_proc2(const struct vmx_state *s, uint32_t control)
{
    return (s->ctl.proc2 & control) != 0;
}

static inline bool vmx_unrestricted(const struct vmx_state *s)
{
    return vmx_proc2(s, VMX_PROC2_UNRESTRICTED);
}

static inline bool vmx_guest_64bit(const struct vmx_state *s)
{
    return (s->ctl.entry & VMX_ENTRY_GUEST_64BIT) != 0;
}

static inline bool vmx_guest_v8086(const struct vmx_state *s)
{
    return (s->guest.rflags & RFLAGS_VM) != 0;
}

/* True if the entry is to inject an event of this type. */
static inline bool vmx_injects(const struct vmx_state *s, enum vmx_intr_type type)
{
    return (s->ctl.intr_info & VMX_INTR_VALID) && bits(s->ctl.intr_info, 10, 8) == type;
}
