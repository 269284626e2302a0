#include "devices/lapic_priv.h"

/* The timer of the local APIC: Intel SDM vol. 3, "APIC Timer". It counts at the rate of the guest's
 * time-stamp counter. The count is not kept but derived from the tick at which it began. */

/* No periodic timer runs faster than this: a guest that asks for a period of one tick would
 * otherwise leave its host no time but for firing it. */
enum { PERIODS_PER_SECOND = 50000 };

enum { MODE_ONE_SHOT, MODE_PERIODIC, MODE_DEADLINE };

static uint64_t mode_of(uint32_t lvt)
{
    return bits(lvt, 18, 17);
}

static bool counts(const struct lapic *l)
{
    return mode_of(l->lvt[LVT_TIMER]) <= MODE_PERIODIC;
}

/* Intel SDM vol. 3, "Divide Configuration Register": 0 is a division by 2, 7 is one by 1. */
static unsigned divide_shift(const struct lapic *l)
{
    return ((l->divide >> 1 & 4) + (l->divide & 3) + 1) & 7;
}

/* Of a full count. At most 2^39, and not 0 while the timer is armed. */
static uint64_t period(const struct lapic *l)
{
    uint64_t asked = (uint64_t)l->initial << divide_shift(l);

    return mode_of(l->lvt[LVT_TIMER]) == MODE_PERIODIC
               ? MAX(asked, l->clock->hz / PERIODS_PER_SECOND)
               : asked;
}

/* Ticks until the running period ends; in periodic mode never 0. */
static uint64_t remaining(const struct lapic *l, uint64_t now)
{
    uint64_t all = period(l);
    uint64_t gone = now - l->start;

    if (mode_of(l->lvt[LVT_TIMER]) == MODE_PERIODIC) {
        return all - gone % all;
    }
    return gone < all ? all - gone : 0;
}

/* A guest may have set its clock so far ahead that the end lies behind 2^64: that never comes. */
static void arm_in(struct lapic *l, uint64_t now, uint64_t ticks)
{
    timer_arm(&l->timer, ticks < TIMER_OFF - now ? now + ticks : TIMER_OFF);
}

/* After a long pause there is one interrupt, not one for each period that was missed. */
static void on_timer(void *ctx, uint64_t now)
{
    struct lapic *l = ctx;

    l->deadline = 0;
    if (mode_of(l->lvt[LVT_TIMER]) == MODE_PERIODIC) {
        l->start = now - (now - l->start) % period(l);
        arm_in(l, now, remaining(l, now));
    }
    lapic_lvt_fire(l, LVT_TIMER);
}

void lapic_timer_bind(struct lapic *l, struct timer_queue *timers)
{
    timer_init(&l->timer, timers, on_timer, l);
}

void lapic_timer_stop(struct lapic *l)
{
    l->initial = 0;
    l->deadline = 0;
    timer_arm(&l->timer, TIMER_OFF);
}

/* Between one-shot and periodic a count goes on; into and out of TSC-deadline mode (and the
 * reserved one) the timer is disarmed. */
void lapic_timer_mode_changed(struct lapic *l, uint32_t old_lvt)
{
    uint64_t was = mode_of(old_lvt);
    uint64_t is = mode_of(l->lvt[LVT_TIMER]);

    if (was != is && (was | is) > MODE_PERIODIC) {
        lapic_timer_stop(l);
    }
}

void lapic_timer_set_initial(struct lapic *l, uint32_t count)
{
    if (!counts(l)) {
        return;
    }
    l->initial = count;
    l->start = clock_now(l->clock);
    if (count == 0) {
        timer_arm(&l->timer, TIMER_OFF);
    } else {
        arm_in(l, l->start, period(l));
    }
}

/* In TSC-deadline mode the initial count is 0, and so is this. */
uint32_t lapic_timer_current(const struct lapic *l)
{
    uint64_t left;

    if (l->timer.deadline == TIMER_OFF) {
        return 0;
    }
    left = remaining(l, clock_now(l->clock));
    left = (left + BIT(divide_shift(l)) - 1) >> divide_shift(l);
    return (uint32_t)MIN(left, l->initial); /* a stretched period begins with a pause */
}

/* The rest of the count goes on at the new rate. */
void lapic_timer_set_divide(struct lapic *l, uint32_t divide)
{
    uint64_t now = clock_now(l->clock);
    uint32_t count = lapic_timer_current(l);

    l->divide = divide;
    if (counts(l) && l->timer.deadline != TIMER_OFF) {
        l->start = now - ((uint64_t)(l->initial - count) << divide_shift(l));
        arm_in(l, now, remaining(l, now));
    }
}

uint64_t lapic_timer_get_deadline(const struct lapic *l)
{
    return l->deadline > clock_now(l->clock) ? l->deadline : 0;
}

/* Intel SDM vol. 3, "TSC-Deadline Mode": in other modes the write is ignored. */
void lapic_timer_set_deadline(struct lapic *l, uint64_t deadline)
{
    if (mode_of(l->lvt[LVT_TIMER]) != MODE_DEADLINE) {
        return;
    }
    if (deadline != 0 && deadline <= clock_now(l->clock)) {
        /* The queue would fire it only at the next exit. */
        l->deadline = 0;
        timer_arm(&l->timer, TIMER_OFF);
        lapic_lvt_fire(l, LVT_TIMER);
        return;
    }
    l->deadline = deadline;
    timer_arm(&l->timer, deadline != 0 ? deadline : TIMER_OFF);
}
