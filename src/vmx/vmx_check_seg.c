/* Intel SDM vol. 3, "Checks on Guest Segment Registers". */
#include "vmx/vmx_rules.h"

#define USABLE(r)        (((r)->attr & SEG_ATTR_UNUSABLE) == 0)
#define SEG_ATTR_S       BIT32(4)
#define SEG_ATTR_P       BIT32(7)
#define SEG_ATTR_G       BIT32(15)
#define SEL_TI           4u
#define V8086_ATTR       0xf3u
#define TYPE_ACCESSED    1u
#define TYPE_READ        2u
#define TYPE_CODE        8u
#define TYPE_LDT         2u
#define TYPE_BUSY_TSS_16 3u
#define TYPE_BUSY_TSS    11u
#define TYPE_DATA_RW     3u

static uint32_t type_of(const struct segment *r)
{
    return r->attr & 15;
}

static uint32_t dpl_of(const struct segment *r)
{
    return r->attr >> 5 & 3;
}

static uint32_t rpl_of(const struct segment *r)
{
    return r->sel & 3u;
}

/* Most rules on access rights are for a segment that is in use, outside virtual-8086 mode. CS
 * counts as in use whatever its unusable bit says. */
static bool is_checked(const struct vmx_state *s, const struct segment *r)
{
    bool system = r == &s->guest.segs.seg[SEG_TR] || r == &s->guest.segs.seg[SEG_LDTR];
    bool always = r == &s->guest.segs.seg[SEG_CS] || r == &s->guest.segs.seg[SEG_TR];

    return (always || USABLE(r)) && (system || !vmx_guest_v8086(s));
}

/* Selectors. */
static bool ti_is_clear(const struct vmx_state *s, const struct segment *r)
{
    return vmx_implies(is_checked(s, r), (r->sel & SEL_TI) == 0);
}

static bool ss_rpl_is_that_of_cs(const struct vmx_state *s, const struct segment *r)
{
    return vmx_guest_v8086(s) || vmx_unrestricted(s) ||
           rpl_of(r) == rpl_of(&s->guest.segs.seg[SEG_CS]);
}

/* Base addresses. */
static bool v8086_base_is_selector(const struct vmx_state *s, const struct segment *r)
{
    return vmx_implies(vmx_guest_v8086(s), r->base == (uint64_t)r->sel << 4);
}

static bool base_is_canonical(const struct vmx_state *s, const struct segment *r)
{
    return vmx_canonical(s, r->base);
}

static bool usable_base_is_canonical(const struct vmx_state *s, const struct segment *r)
{
    return vmx_implies(USABLE(r), vmx_canonical(s, r->base));
}

static bool base_is_32bit(const struct vmx_state *s, const struct segment *r)
{
    bool always = r == &s->guest.segs.seg[SEG_CS];

    return vmx_implies(always || USABLE(r), r->base >> 32 == 0);
}

/* Limits and access rights in virtual-8086 mode. */
static bool v8086_limit_is_64k(const struct vmx_state *s, const struct segment *r)
{
    return vmx_implies(vmx_guest_v8086(s), r->limit == 0xffff);
}

static bool v8086_attr_is_f3(const struct vmx_state *s, const struct segment *r)
{
    return vmx_implies(vmx_guest_v8086(s), r->attr == V8086_ATTR);
}

/* Types. */
static bool cs_type_is_code(const struct vmx_state *s, const struct segment *r)
{
    bool code = (type_of(r) & (TYPE_CODE | TYPE_ACCESSED)) == (TYPE_CODE | TYPE_ACCESSED);
    bool data_too = vmx_unrestricted(s) && type_of(r) == TYPE_DATA_RW;

    return vmx_implies(is_checked(s, r), code || data_too);
}

static bool ss_type_is_writable_data(const struct vmx_state *s, const struct segment *r)
{
    return vmx_implies(is_checked(s, r), type_of(r) == 3 || type_of(r) == 7);
}

static bool data_type_is_accessed(const struct vmx_state *s, const struct segment *r)
{
    return vmx_implies(is_checked(s, r), type_of(r) & TYPE_ACCESSED);
}

static bool data_type_is_readable(const struct vmx_state *s, const struct segment *r)
{
    bool code = type_of(r) & TYPE_CODE;

    return vmx_implies(is_checked(s, r) && code, type_of(r) & TYPE_READ);
}

static bool tr_type_is_busy_tss(const struct vmx_state *s, const struct segment *r)
{
    return type_of(r) == TYPE_BUSY_TSS || (!vmx_guest_64bit(s) && type_of(r) == TYPE_BUSY_TSS_16);
}

static bool ldtr_type_is_ldt(const struct vmx_state *s, const struct segment *r)
{
    return vmx_implies(is_checked(s, r), type_of(r) == TYPE_LDT);
}

static bool s_is_set(const struct vmx_state *s, const struct segment *r)
{
    return vmx_implies(is_checked(s, r), r->attr & SEG_ATTR_S);
}

static bool s_is_clear(const struct vmx_state *s, const struct segment *r)
{
    return vmx_implies(is_checked(s, r), !(r->attr & SEG_ATTR_S));
}

/* Privilege levels. */
static bool cs_data_dpl_is_0(const struct vmx_state *s, const struct segment *r)
{
    return vmx_implies(is_checked(s, r) && type_of(r) == TYPE_DATA_RW, dpl_of(r) == 0);
}

static bool cs_dpl_is_that_of_ss(const struct vmx_state *s, const struct segment *r)
{
    bool plain_code = type_of(r) == 9 || type_of(r) == 11;
    const struct segment *ss = &s->guest.segs.seg[SEG_SS];

    return vmx_implies(is_checked(s, r) && plain_code, dpl_of(r) == dpl_of(ss));
}

static bool cs_conforming_dpl_is_low(const struct vmx_state *s, const struct segment *r)
{
    bool conforming = type_of(r) == 13 || type_of(r) == 15;
    const struct segment *ss = &s->guest.segs.seg[SEG_SS];

    return vmx_implies(is_checked(s, r) && conforming, dpl_of(r) <= dpl_of(ss));
}

/* The DPL of SS is the CPL, so it counts even if SS is unusable. */
static bool ss_dpl_is_rpl(const struct vmx_state *s, const struct segment *r)
{
    return vmx_guest_v8086(s) || vmx_unrestricted(s) || dpl_of(r) == rpl_of(r);
}

static bool ss_dpl_is_0_in_real_mode(const struct vmx_state *s, const struct segment *r)
{
    bool real = !(s->guest.cr0 & CR0_PE);
    bool cs_is_data = type_of(&s->guest.segs.seg[SEG_CS]) == TYPE_DATA_RW;

    return vmx_implies(!vmx_guest_v8086(s) && (real || cs_is_data), dpl_of(r) == 0);
}

static bool data_dpl_is_high(const struct vmx_state *s, const struct segment *r)
{
    bool has_privilege = type_of(r) <= 11; /* not conforming code */

    return vmx_implies(is_checked(s, r) && !vmx_unrestricted(s) && has_privilege,
                       dpl_of(r) >= rpl_of(r));
}

/* The other access rights. */
static bool p_is_set(const struct vmx_state *s, const struct segment *r)
{
    return vmx_implies(is_checked(s, r), r->attr & SEG_ATTR_P);
}

static bool reserved_is_clear(const struct vmx_state *s, const struct segment *r)
{
    return vmx_implies(is_checked(s, r), bits(r->attr, 11, 8) == 0 && bits(r->attr, 31, 17) == 0);
}

static bool cs_64bit_has_no_db(const struct vmx_state *s, const struct segment *r)
{
    bool long_code = vmx_guest_64bit(s) && (r->attr & SEG_ATTR_L);

    return vmx_implies(is_checked(s, r) && long_code, !(r->attr & SEG_ATTR_DB));
}

static bool g_is_clear_for_odd_limit(const struct vmx_state *s, const struct segment *r)
{
    return vmx_implies(is_checked(s, r) && bits(r->limit, 11, 0) != 0xfff, !(r->attr & SEG_ATTR_G));
}

static bool g_is_set_for_large_limit(const struct vmx_state *s, const struct segment *r)
{
    return vmx_implies(is_checked(s, r) && bits(r->limit, 31, 20), r->attr & SEG_ATTR_G);
}

static bool tr_is_usable(const struct vmx_state *s, const struct segment *r)
{
    (void)s;
    return USABLE(r);
}

#define RULE(name, text, holds) { #name ": " text, SEG_##name, holds },
#define DATA_RULES(text, holds)                                                                    \
    RULE(DS, text, holds) RULE(ES, text, holds) RULE(FS, text, holds) RULE(GS, text, holds)
#define CODE_DATA_RULES(text, holds)                                                               \
    RULE(CS, text, holds) RULE(SS, text, holds) DATA_RULES(text, holds)
#define ALL_RULES(text, holds)                                                                     \
    CODE_DATA_RULES(text, holds) RULE(TR, text, holds) RULE(LDTR, text, holds)

/* clang-format off */
const struct vmx_seg_rule vmx_seg_rules[] = {
    RULE(TR, "the selector must point into the GDT", ti_is_clear)
    RULE(LDTR, "the selector must point into the GDT", ti_is_clear)
    RULE(SS, "the RPL must be that of CS", ss_rpl_is_that_of_cs)
    CODE_DATA_RULES("in virtual-8086 mode the base must be 16 times the selector",
                    v8086_base_is_selector)
    RULE(TR, "the base must be canonical", base_is_canonical)
    RULE(FS, "the base must be canonical", base_is_canonical)
    RULE(GS, "the base must be canonical", base_is_canonical)
    RULE(LDTR, "the base must be canonical", usable_base_is_canonical)
    RULE(CS, "the base must be below 4 GiB", base_is_32bit)
    RULE(SS, "the base must be below 4 GiB", base_is_32bit)
    RULE(DS, "the base must be below 4 GiB", base_is_32bit)
    RULE(ES, "the base must be below 4 GiB", base_is_32bit)
    CODE_DATA_RULES("in virtual-8086 mode the limit must be FFFF", v8086_limit_is_64k)
    CODE_DATA_RULES("in virtual-8086 mode the access rights must be F3", v8086_attr_is_f3)
    RULE(CS, "the type must be accessed code (or writable data if unrestricted)", cs_type_is_code)
    RULE(SS, "the type must be accessed writable data", ss_type_is_writable_data)
    DATA_RULES("the type must have the accessed bit", data_type_is_accessed)
    DATA_RULES("a code segment must be readable", data_type_is_readable)
    RULE(TR, "the type must be a busy TSS (in IA-32e mode not a 16-bit one)", tr_type_is_busy_tss)
    RULE(LDTR, "the type must be LDT", ldtr_type_is_ldt)
    CODE_DATA_RULES("S must be 1 (code or data)", s_is_set)
    RULE(TR, "S must be 0 (system segment)", s_is_clear)
    RULE(LDTR, "S must be 0 (system segment)", s_is_clear)
    RULE(CS, "the DPL of a data segment must be 0", cs_data_dpl_is_0)
    RULE(CS, "the DPL of non-conforming code must be that of SS", cs_dpl_is_that_of_ss)
    RULE(CS, "the DPL of conforming code must not be above that of SS", cs_conforming_dpl_is_low)
    RULE(SS, "the DPL must be the RPL", ss_dpl_is_rpl)
    RULE(SS, "the DPL must be 0 in real mode or if CS is a data segment", ss_dpl_is_0_in_real_mode)
    DATA_RULES("the DPL must not be below the RPL", data_dpl_is_high)
    ALL_RULES("P must be 1", p_is_set)
    ALL_RULES("reserved access-right bits (11:8 and 31:17) must be 0", reserved_is_clear)
    RULE(CS, "D/B must be 0 for 64-bit code", cs_64bit_has_no_db)
    ALL_RULES("G must be 0 if limit bits 11:0 are not all 1", g_is_clear_for_odd_limit)
    ALL_RULES("G must be 1 if limit bits 31:20 are not all 0", g_is_set_for_large_limit)
    RULE(TR, "must be usable", tr_is_usable)
};
/* clang-format on */

const size_t vmx_seg_rule_count = ARRAY_SIZE(vmx_seg_rules);
