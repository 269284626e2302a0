/* A local APIC with ID 0x25 and a clock of 100 MHz that the tests move by hand. Registers are named
 * by their xAPIC offset / 16. Shared by the tests of the local APIC; one program has one of it. */
#pragma once
#include "devices/lapic.h"
#include "unit.h"

enum { ID = 2, VERSION = 3, TPR = 8, PPR = 0xa, EOI = 0xb, LDR = 0xd, DFR = 0xe, SVR = 0xf };
enum { ISR = 0x10, TMR = 0x18, IRR = 0x20, ESR = 0x28, ICR = 0x30, ICR2 = 0x31, SELF_IPI = 0x3f };
enum { LVTT = 0x32, LINT0 = 0x35, LINT1 = 0x36, LVTERR = 0x37 };
enum { INITIAL = 0x38, CURRENT = 0x39, DIVIDE = 0x3e };
enum { MSR_BASE = 0x1b, MSR_DEADLINE = 0x6e0, MASKED = 1 << 16, PERIODIC = 1 << 17 };
enum { DEADLINE = 2 << 17, BY_1 = 0xb };

#define BASE LAPIC_BASE_GPA
#define OFF  (BASE | 0x100)
#define XON  (BASE | 0x900)
#define X2ON (BASE | 0xd00)

static struct lapic apic;
static struct timer_queue queue;
static uint64_t now;
static unsigned kicks, nmis, eois, ipis;
static uint8_t last_eoi;
static uint64_t last_ipi;

static inline uint64_t read_clock(void *ctx)
{
    (void)ctx;
    return now;
}

static inline void on_kick(void *ctx)
{
    (void)ctx;
    kicks++;
}

static inline void on_nmi(void *ctx)
{
    (void)ctx;
    nmis++;
}

static inline void on_eoi(void *ctx, uint8_t vector)
{
    (void)ctx;
    eois++;
    last_eoi = vector;
}

static inline void on_ipi(void *ctx, uint64_t icr)
{
    (void)ctx;
    ipis++;
    last_ipi = icr;
}

static const struct clock hand_clock = { .now = read_clock, .hz = 100000000 };
static const struct lapic_ops ops = { on_kick, on_nmi, on_eoi, on_ipi };

static inline uint32_t rd(unsigned reg)
{
    struct io_access a = { .offset = reg * 16, .size = 4, .value = ~UINT64_C(0) };

    lapic_mmio(&apic, &a);
    return (uint32_t)a.value;
}

static inline void wr(unsigned reg, uint32_t value)
{
    struct io_access a = { .offset = reg * 16, .size = 4, .write = true, .value = value };

    lapic_mmio(&apic, &a);
}

static inline bool wrmsr(uint32_t msr, uint64_t value)
{
    return lapic_msr_write(&apic, msr, value);
}

static inline bool wr2(unsigned reg, uint64_t value)
{
    return wrmsr(0x800 + reg, value);
}

static inline uint64_t rdmsr(uint32_t msr)
{
    uint64_t value;

    assert_true(lapic_msr_read(&apic, msr, &value));
    return value;
}

static inline bool readable(unsigned reg)
{
    uint64_t value;

    return lapic_msr_read(&apic, 0x800 + reg, &value);
}

static inline void run_at(uint64_t tick)
{
    now = tick;
    timer_run(&queue, now);
}

/* Takes the pending vector as the CPU would; -1 if there is none. */
static inline int take(void)
{
    int vector = lapic_pending(&apic);

    if (vector >= 0) {
        lapic_accept(&apic, (uint8_t)vector);
    }
    return vector;
}

static inline void power_on(void)
{
    now = 1000;
    kicks = nmis = eois = ipis = 0;
    timer_queue_init(&queue);
    lapic_init(&apic, 0x25, true, &hand_clock, &queue, &ops, NULL);
}

static inline int setup(void **state)
{
    (void)state;
    power_on();
    wr(SVR, 0x1ff);
    return 0;
}

static inline int setup_x2(void **state)
{
    setup(state);
    assert_true(wrmsr(MSR_BASE, X2ON));
    kicks = 0;
    return 0;
}
