#include "devices/lapic_priv.h"
#include <stddef.h>

/* The guest's view: one table of registers, indexed by their offset in the xAPIC page / 16, which
 * is their MSR - 0x800 in x2APIC mode. Intel SDM vol. 3, "The Local APIC Block Diagram" and "x2APIC
 * Register Address Space". */
enum { MSR_APIC_BASE = 0x1b, MSR_TSC_DEADLINE = 0x6e0, MSR_X2APIC = 0x800 };
enum { REG_ISR = 0x10, REG_TMR = 0x18, REG_IRR = 0x20, REG_LVT = 0x32, REG_COUNT = 0x40 };

#define VERSION        0x50014             /* an integrated APIC whose last LVT entry is number 5 */
#define LVT_STATUS     (BIT(12) | BIT(14)) /* delivery status and remote IRR: read-only */
#define LVT_VECTOR     (UINT64_C(0xff) | BIT(12) | BIT(16))
#define LVT_MODE       (UINT64_C(7) << 8)
#define LVT_PIN        (LVT_VECTOR | LVT_MODE | BIT(13) | BIT(14) | BIT(15))
#define LVT_TIMER_MODE (BIT(17) | BIT(18))
/* Bit 12 is not advertised; bit 9, of an older age, is still set by some. */
#define SVR_VALID 0x3ff
/* All but 31:20, 17:16 and 13; bit 12, gone in x2APIC mode, is taken and dropped. */
#define ICR_VALID UINT64_C(0xffffffff000cdfff)

/* Where a register may be read and written: in the xAPIC page, by MSR. */
enum { XR = 1, XW = 2, MR = 4, MW = 8, RO = XR | MR, WO = XW | MW, RW = RO | WO };

struct reg {
    uint8_t access;
    uint64_t valid; /* bits that may be set: others raise #GP by MSR, are dropped in the page */
    uint64_t (*read)(const struct lapic *l, unsigned index);
    void (*write)(struct lapic *l, unsigned index, uint64_t value);
};

static uint64_t read_id(const struct lapic *l, unsigned index)
{
    (void)index;
    return lapic_is_x2(l) ? l->id : l->id << 24;
}

static uint64_t read_version(const struct lapic *l, unsigned index)
{
    (void)l;
    (void)index;
    return VERSION;
}

static uint64_t read_tpr(const struct lapic *l, unsigned index)
{
    (void)index;
    return l->tpr;
}

static void write_tpr(struct lapic *l, unsigned index, uint64_t value)
{
    (void)index;
    l->tpr = (uint32_t)value;
    lapic_recheck(l);
}

static uint64_t read_ppr(const struct lapic *l, unsigned index)
{
    (void)index;
    return lapic_ppr(l);
}

static void write_eoi(struct lapic *l, unsigned index, uint64_t value)
{
    (void)index;
    (void)value;
    lapic_eoi(l);
}

static uint64_t read_ldr(const struct lapic *l, unsigned index)
{
    (void)index;
    return lapic_is_x2(l) ? lapic_x2_ldr(l) : l->ldr;
}

static void write_ldr(struct lapic *l, unsigned index, uint64_t value)
{
    (void)index;
    l->ldr = (uint32_t)value;
}

static uint64_t read_dfr(const struct lapic *l, unsigned index)
{
    (void)index;
    return l->dfr;
}

static void write_dfr(struct lapic *l, unsigned index, uint64_t value)
{
    (void)index;
    l->dfr = (uint32_t)value | 0x0fffffff;
}

static uint64_t read_svr(const struct lapic *l, unsigned index)
{
    (void)index;
    return l->svr;
}

/* Intel SDM vol. 3, "Local APIC State After It Has Been Software Disabled". */
static void write_svr(struct lapic *l, unsigned index, uint64_t value)
{
    (void)index;
    l->svr = (uint32_t)value;
    if (!(l->svr & APIC_SVR_ENABLE)) {
        for (unsigned i = 0; i < LVT_COUNT; i++) {
            l->lvt[i] |= APIC_LVT_MASKED;
        }
    }
}

static uint64_t read_isr(const struct lapic *l, unsigned index)
{
    return l->isr.word[index - REG_ISR];
}

static uint64_t read_tmr(const struct lapic *l, unsigned index)
{
    return l->tmr.word[index - REG_TMR];
}

static uint64_t read_irr(const struct lapic *l, unsigned index)
{
    return l->irr.word[index - REG_IRR];
}

static uint64_t read_esr(const struct lapic *l, unsigned index)
{
    (void)index;
    return l->esr;
}

/* A write latches what was noted since the last one. */
static void write_esr(struct lapic *l, unsigned index, uint64_t value)
{
    (void)index;
    (void)value;
    l->esr = l->esr_pending;
    l->esr_pending = 0;
}

static uint64_t read_icr(const struct lapic *l, unsigned index)
{
    (void)index;
    return l->icr;
}

static void write_icr(struct lapic *l, unsigned index, uint64_t value)
{
    (void)index;
    value &= ~APIC_ICR_BUSY;
    l->icr = lapic_is_x2(l) ? value : make64(hi32(l->icr), lo32(value));
    lapic_send(l, l->icr);
}

static uint64_t read_icr_high(const struct lapic *l, unsigned index)
{
    (void)index;
    return hi32(l->icr);
}

static void write_icr_high(struct lapic *l, unsigned index, uint64_t value)
{
    (void)index;
    l->icr = make64(lo32(value), lo32(l->icr));
}

static uint64_t read_lvt(const struct lapic *l, unsigned index)
{
    return l->lvt[index - REG_LVT];
}

static void write_lvt(struct lapic *l, unsigned index, uint64_t value)
{
    unsigned lvt = index - REG_LVT;
    uint32_t old = l->lvt[lvt];

    l->lvt[lvt] = lo32(value & ~LVT_STATUS);
    if (!(l->svr & APIC_SVR_ENABLE)) {
        l->lvt[lvt] |= APIC_LVT_MASKED;
    }
    if (lvt == LVT_TIMER) {
        lapic_timer_mode_changed(l, old);
    }
    l->ops->kick(l->ctx); /* LINT0 may let a waiting PIC through now */
}

static uint64_t read_initial(const struct lapic *l, unsigned index)
{
    (void)index;
    return l->initial;
}

static void write_initial(struct lapic *l, unsigned index, uint64_t value)
{
    (void)index;
    lapic_timer_set_initial(l, lo32(value));
}

static uint64_t read_current(const struct lapic *l, unsigned index)
{
    (void)index;
    return lapic_timer_current(l);
}

static uint64_t read_divide(const struct lapic *l, unsigned index)
{
    (void)index;
    return l->divide;
}

static void write_divide(struct lapic *l, unsigned index, uint64_t value)
{
    (void)index;
    lapic_timer_set_divide(l, lo32(value));
}

static void write_self_ipi(struct lapic *l, unsigned index, uint64_t value)
{
    (void)index;
    lapic_send(l, value | BIT(18)); /* fixed, shorthand self */
}

/* The formatter does not align rows that stand for a range. */
/* clang-format off */
static const struct reg regs[REG_COUNT] = {
    [0x02]          = { RO,           0,                           read_id,       NULL },
    [0x03]          = { RO,           0,                           read_version,  NULL },
    [0x08]          = { RW,           0xff,                        read_tpr,      write_tpr },
    [0x0a]          = { RO,           0,                           read_ppr,      NULL },
    [0x0b]          = { WO,           0,                           NULL,          write_eoi },
    [0x0d]          = { XR | XW | MR, 0xff000000,                  read_ldr,      write_ldr },
    [0x0e]          = { XR | XW,      0xf0000000,                  read_dfr,      write_dfr },
    [0x0f]          = { RW,           SVR_VALID,                   read_svr,      write_svr },
    [0x10 ... 0x17] = { RO,           0,                           read_isr,      NULL },
    [0x18 ... 0x1f] = { RO,           0,                           read_tmr,      NULL },
    [0x20 ... 0x27] = { RO,           0,                           read_irr,      NULL },
    [0x28]          = { RW,           0,                           read_esr,      write_esr },
    [0x30]          = { RW,           ICR_VALID,                   read_icr,      write_icr },
    [0x31]          = { XR | XW,      0xff000000,                  read_icr_high, write_icr_high },
    [0x32]          = { RW,           LVT_VECTOR | LVT_TIMER_MODE, read_lvt,      write_lvt },
    [0x33 ... 0x34] = { RW,           LVT_VECTOR | LVT_MODE,       read_lvt,      write_lvt },
    [0x35 ... 0x36] = { RW,           LVT_PIN,                     read_lvt,      write_lvt },
    [0x37]          = { RW,           LVT_VECTOR,                  read_lvt,      write_lvt },
    [0x38]          = { RW,           UINT32_MAX,                  read_initial,  write_initial },
    [0x39]          = { RO,           0,                           read_current,  NULL },
    [0x3e]          = { RW,           0xb,                         read_divide,   write_divide },
    [0x3f]          = { MW,           0xff,                        NULL,          write_self_ipi },
};
/* clang-format on */

static const struct reg *reg_at(uint64_t index)
{
    return index < REG_COUNT && regs[index].access ? &regs[index] : NULL;
}

void lapic_mmio(void *dev, struct io_access *a)
{
    struct lapic *l = dev;
    unsigned index = (unsigned)bits(a->offset, 11, 4);
    const struct reg *r = reg_at(index);
    uint64_t written = a->value;

    if (!a->write) {
        a->value = 0;
    }
    if (!lapic_is_on(l) || lapic_is_x2(l) || a->size != 4 || (a->offset & 15) != 0) {
        return;
    }
    if (!r || !(r->access & (XR | XW))) {
        lapic_error(l, APIC_ERR_REGISTER);
    } else if (a->write && (r->access & XW)) {
        r->write(l, index, lo32(written & r->valid));
    } else if (!a->write && (r->access & XR)) {
        a->value = lo32(r->read(l, index));
    }
}

/* Intel SDM vol. 3, "x2APIC State Transitions". The page stays where it is: the host has no mapping
 * elsewhere, no system moves it, and a #GP is what a CPU raises for an address it does not have. */
static bool write_base(struct lapic *l, uint64_t value)
{
    const uint64_t mode = APIC_BASE_EN | APIC_BASE_EXTD;
    uint64_t was = l->base & mode;
    uint64_t is = value & mode;

    if ((value & ~(mode | APIC_BASE_BSP)) != LAPIC_BASE_GPA) {
        return false;
    }
    if (is == APIC_BASE_EXTD || (was == 0 && is == mode) || (was == mode && is == APIC_BASE_EN)) {
        return false;
    }
    l->base = value;
    if (was != 0 && is == 0) {
        lapic_reset(l);
    }
    l->ops->kick(l->ctx); /* with no APIC the PIC is wired to the CPU */
    return true;
}

bool lapic_msr_read(struct lapic *l, uint32_t msr, uint64_t *value)
{
    const struct reg *r;

    if (msr == MSR_APIC_BASE) {
        *value = l->base;
        return true;
    }
    if (msr == MSR_TSC_DEADLINE) {
        *value = lapic_timer_get_deadline(l);
        return true;
    }
    if (msr < MSR_X2APIC || !lapic_is_x2(l)) {
        return false;
    }
    r = reg_at(msr - MSR_X2APIC);
    if (!r || !(r->access & MR)) {
        return false;
    }
    *value = r->read(l, msr - MSR_X2APIC);
    return true;
}

bool lapic_msr_write(struct lapic *l, uint32_t msr, uint64_t value)
{
    const struct reg *r;

    if (msr == MSR_TSC_DEADLINE) {
        lapic_timer_set_deadline(l, value);
        return true;
    }
    if (msr == MSR_APIC_BASE) {
        return write_base(l, value);
    }
    if (msr < MSR_X2APIC || !lapic_is_x2(l)) {
        return false;
    }
    r = reg_at(msr - MSR_X2APIC);
    if (!r || !(r->access & MW) || (value & ~r->valid)) {
        return false;
    }
    r->write(l, msr - MSR_X2APIC, value);
    return true;
}
