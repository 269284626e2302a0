/* The PC's 8254 timer with the gate and output of channel 2 at port 61h. One VM owns it; no lock
 * yet, since one vCPU runs. Intel 8254 data sheet. */
#pragma once
#include "devices/clock.h"
#include "devices/io_bus.h"
#include "devices/irq.h"
#include "devices/timer.h"
#include <stdbool.h>
#include <stdint.h>

enum { PIT_HZ = 1193182 };

struct pit_channel {
    uint16_t reload; /* 0 means 65,536 */
    uint8_t mode, access, write_latch;
    bool bcd, gate, null_count, write_high, read_high;
    bool count_latched, status_latched, latch_high;
    uint16_t latch;
    uint8_t status;
    bool started;
    uint64_t start; /* tick of the clock at which the count was loaded */
};

struct pit {
    struct pit_channel ch[3];
    uint8_t port61; /* bits 0 (gate 2) and 1 (speaker) */
    struct irq_line irq0;
    struct timer timer; /* the next edge of channel 0 */
    const struct clock *clock;
    struct clock_scale to_pit, from_pit;
};

void pit_init(struct pit *p, struct irq_line irq0, const struct clock *clock,
              struct timer_queue *timers);
io_fn pit_io;        /* ports 40h-43h; dev is the struct pit */
io_fn pit_port61_io; /* port 61h */
