#include "arch/x86_64/lapic_host.h"
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/msr.h"
#include "arch/x86_64/trap.h"
#include "lib/bits.h"
#include <stddef.h>

/* Register offsets of the local APIC page; x2APIC's MSR is 800h + offset / 16. */
enum {
    APIC_ID = 0x20,
    APIC_TPR = 0x80,
    APIC_EOI = 0xb0,
    APIC_SVR = 0xf0,
    APIC_ICR = 0x300,
    APIC_LVT_TIMER = 0x320,
    APIC_LVT_LINT0 = 0x350,
    APIC_LVT_LINT1 = 0x360,
    APIC_LVT_ERROR = 0x370,
    APIC_TIMER_INITIAL = 0x380,
    APIC_TIMER_CURRENT = 0x390,
    APIC_TIMER_DIVIDE = 0x3e0
};
enum { SVR_ENABLE = 0x100, LVT_MASKED = 0x10000, LVT_NMI = 0x400, DELIVER_SMI = 2 };
enum { ICR_SELF = 0x40000, ICR_ASSERT = 0x4000 };
enum { LVT_TSC_DEADLINE = 0x40000, DIVIDE_BY_1 = 0xb };

enum { IOREGSEL = 0, IOWIN = 4 /* 32-bit words */, IOAPIC_VERSION = 1, IOAPIC_REDIR = 0x10 };

static volatile uint32_t *lapic;
static bool enabled;
static volatile uint32_t *ioapic;
static unsigned ioapic_pins;

static void lapic_write(unsigned reg, uint32_t v)
{
    if (lapic) {
        lapic[reg / 4] = v;
    } else {
        msr_write(MSR_X2APIC_FIRST + reg / 16, v);
    }
}

static uint32_t lapic_read(unsigned reg)
{
    return lapic ? lapic[reg / 4] : lo32(msr_read(MSR_X2APIC_FIRST + reg / 16));
}

uint32_t lapic_host_id(void)
{
    return lapic ? lapic_read(APIC_ID) >> 24 : lapic_read(APIC_ID);
}

void lapic_host_init(volatile uint32_t *mmio)
{
    lapic = mmio;
    enabled = true;
    lapic_write(APIC_SVR, SVR_ENABLE | VEC_SPURIOUS);
    lapic_write(APIC_TPR, 0);
    lapic_write(APIC_LVT_TIMER, LVT_MASKED);
    lapic_write(APIC_TIMER_DIVIDE, DIVIDE_BY_1);
    lapic_write(APIC_LVT_LINT0, LVT_MASKED);
    lapic_write(APIC_LVT_LINT1, LVT_NMI);
    lapic_write(APIC_LVT_ERROR, LVT_MASKED);
}

void lapic_host_eoi(void)
{
    if (enabled) {
        lapic_write(APIC_EOI, 0);
    }
}

bool lapic_host_ready(void)
{
    return enabled;
}

/* Intel SDM vol. 3, "TSC-Deadline Mode": nothing but a fence orders a write to the APIC's page
 * before a WRMSR. */
void lapic_host_timer_mode(uint8_t vector, bool tsc_deadline)
{
    lapic_write(APIC_LVT_TIMER, vector | (tsc_deadline ? LVT_TSC_DEADLINE : 0u));
    if (tsc_deadline) {
        cpu_fence();
    }
}

void lapic_host_timer_start(uint32_t count)
{
    lapic_write(APIC_TIMER_INITIAL, count);
}

/* "Interrupt Command Register": shorthand self, level asserted. */
void lapic_host_self_ipi(uint8_t vector)
{
    lapic_write(APIC_ICR, ICR_SELF | ICR_ASSERT | vector);
}

uint32_t lapic_host_timer_left(void)
{
    return lapic_read(APIC_TIMER_CURRENT);
}

/* 8259A data sheet, "Programming the 8259A": vectors 20h to 2Fh, then every line masked. */
void pic_host_mask(void)
{
    static const struct {
        uint16_t port;
        uint8_t value;
    } write[] = {
        {0x20,  0x11             },
        { 0xa0, 0x11             },
        { 0x21, VEC_FIRST_IRQ    },
        { 0xa1, VEC_FIRST_IRQ + 8},
        { 0x21, 0x04             },
        { 0xa1, 0x02             },
        { 0x21, 0x01             },
        { 0xa1, 0x01             },
        { 0x21, 0xff             },
        { 0xa1, 0xff             }
    };

    for (unsigned i = 0; i < ARRAY_SIZE(write); i++) {
        io_out8(write[i].port, write[i].value);
    }
}

static void ioapic_write(unsigned reg, uint32_t v)
{
    ioapic[IOREGSEL] = reg;
    ioapic[IOWIN] = v;
}

void ioapic_host_init(volatile uint32_t *mmio)
{
    mmio[IOREGSEL] = IOAPIC_VERSION;
    if (mmio[IOWIN] == UINT32_MAX) {
        return; /* nobody answers */
    }
    ioapic = mmio;
    ioapic_pins = (unsigned)bits(ioapic[IOWIN], 23, 16) + 1;
    for (unsigned pin = 0; pin < ioapic_pins; pin++) {
        ioapic[IOREGSEL] = IOAPIC_REDIR + 2 * pin;
        if (bits(ioapic[IOWIN], 10, 8) != DELIVER_SMI) { /* those are firmware's */
            ioapic_write(IOAPIC_REDIR + 2 * pin, LVT_MASKED);
            ioapic_write(IOAPIC_REDIR + 2 * pin + 1, 0);
        }
    }
}

void ioapic_host_route(unsigned pin, uint8_t vector, bool level, bool active_low)
{
    if (!ioapic || pin >= ioapic_pins) {
        return;
    }
    ioapic_write(IOAPIC_REDIR + 2 * pin + 1, lapic_host_id() << 24);
    ioapic_write(IOAPIC_REDIR + 2 * pin,
                 vector | (active_low ? BIT32(13) : 0) | (level ? BIT32(15) : 0));
}
