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
    uint16_t reload; /* as written; 0 means 65,536, or 10,000 in BCD */
    uint8_t mode, access, write_latch;
    bool bcd, gate, null_count, write_high, read_high;
    bool count_latched, status_latched;
    uint16_t latch;
    uint8_t status;
    bool started;     /* the counter has been loaded since the control word */
    uint32_t count;   /* what it was loaded with, in PIT clocks */
    uint64_t start;   /* tick of the clock at which it was loaded */
    uint64_t held;    /* PIT clocks it had counted when the gate fell */
    uint64_t load_at; /* modes 2 and 3: tick at which a new reload takes over */
    uint64_t edge;    /* PIT clocks from start to the next interrupt; channel 0 only */
};

struct pit {
    struct pit_channel ch[3];
    uint8_t port61; /* bits 0 (gate 2) and 1 (speaker); 2 and 3 are kept and do nothing */
    struct irq_line irq0;
    struct timer timer; /* the next edge of channel 0 */
    struct timer late;  /* when the next of the owed edges is given */
    uint32_t untaken;   /* edges since the CPU last took IRQ 0 through the PIC; stops at a limit */
    uint32_t owed;      /* edges that fell together with one that was not taken yet */
    const struct clock *clock;
};

/* No channel runs until the guest programs it. */
void pit_init(struct pit *p, struct irq_line irq0, const struct clock *clock,
              struct timer_queue *timers);

/* The CPU has taken IRQ 0 through the PIC. A guest for which this is called loses no tick for
 * having been kept from running or having had its interrupts off for a while: it gets each later.
 * One that takes its ticks elsewhere (an I/O APIC) sees the edges as they come. */
void pit_acked(struct pit *p);

io_fn pit_io;        /* ports 40h-43h; dev is the struct pit */
io_fn pit_port61_io; /* port 61h */
