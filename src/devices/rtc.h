/* The PC's real-time clock and CMOS memory (MC146818), with IRQ 8 for alarm, update and periodic
 * interrupts. One VM owns it; no lock yet, since one vCPU runs. MC146818 data sheet. */
#pragma once
#include "devices/clock.h"
#include "devices/io_bus.h"
#include "devices/irq.h"
#include "devices/timer.h"
#include <stdbool.h>
#include <stdint.h>

struct rtc {
    uint8_t index;
    uint8_t cmos[128];  /* alarm, status and plain memory; the time too, but only while it is set */
    uint64_t base_tick; /* a tick of the clock at which a second began */
    uint64_t base_seconds; /* what the calendar showed then: seconds since the year 0 */
    uint64_t seen;         /* tick up to which events have been turned into flags of status C */
    struct irq_line irq8;
    struct timer timer; /* the next event that raises an interrupt */
    const struct clock *clock;
};

/* epoch: seconds since 1970-01-01 00:00 UTC that the clock shows now. */
void rtc_init(struct rtc *r, uint64_t epoch, struct irq_line irq8, const struct clock *clock,
              struct timer_queue *timers);

/* A byte of CMOS memory that firmware would set (memory size and so on). index 0Eh-7Fh; others, and
 * the century at 32h, do nothing. */
void rtc_set_cmos(struct rtc *r, uint8_t index, uint8_t value);

io_fn rtc_io; /* ports 70h-71h; dev is the struct rtc */
