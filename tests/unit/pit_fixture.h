/* A timer chip with a clock that the tests move by hand; shared by the test_pit programs. */
#pragma once
#include "devices/pit.h"
#include "unit.h"

#define HZ UINT64_C(1000000000)
static uint64_t now;
static struct timer_queue queue;
static struct pit pit;
static bool wire;
static unsigned edges;

static inline uint64_t read_clock(void *ctx)
{
    (void)ctx;
    return now;
}

static struct clock clk = { .now = read_clock, .hz = HZ };

static inline void set_wire(void *ctl, unsigned pin, bool level)
{
    (void)ctl;
    assert_int_equal(pin, 7);
    edges += level && !wire;
    wire = level;
}

static inline int setup(void **state)
{
    (void)state;
    now = 12345678;
    wire = false;
    edges = 0;
    clk.hz = HZ;
    timer_queue_init(&queue);
    pit_init(&pit, (struct irq_line){ .set = set_wire, .pin = 7 }, &clk, &queue);
    return 0;
}

static inline void out8(unsigned port, unsigned value)
{
    struct io_access a = { .offset = port, .size = 1, .write = true, .value = value };

    pit_io(&pit, &a);
}

static inline unsigned in8(unsigned port)
{
    struct io_access a = { .offset = port, .size = 1 };

    pit_io(&pit, &a);
    return a.value & 0xff;
}

static inline void out61(unsigned value)
{
    struct io_access a = { .offset = 0, .size = 1, .write = true, .value = value };

    pit_port61_io(&pit, &a);
}

static inline unsigned in61(void)
{
    struct io_access a = { .offset = 0, .size = 1 };

    pit_port61_io(&pit, &a);
    return a.value & 0xff;
}

static inline bool out2(void)
{
    return in61() & 0x20;
}

static inline void program(unsigned channel, unsigned mode, unsigned count)
{
    out8(3, channel << 6 | 0x30 | mode << 1);
    out8(channel, count & 0xff);
    out8(channel, count >> 8);
}

/* The first tick at which n PIT clocks are over. */
static inline uint64_t ticks(uint64_t n)
{
    return (n * clk.hz + PIT_HZ - 1) / PIT_HZ;
}

static inline unsigned counter(unsigned channel)
{
    unsigned low;

    out8(3, channel << 6);
    low = in8(channel);
    return low | in8(channel) << 8;
}

static inline void run_to(uint64_t at)
{
    while (queue.next <= at) {
        now = queue.next > now ? queue.next : now;
        timer_run(&queue, now);
    }
    now = at;
}
