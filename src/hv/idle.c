#include "hv/idle.h"
#include "hv/exit_table.h"
#include "hv/vcpu.h"
#include "hv/vm.h"
#include "lib/bits.h"

/* A turn of a polling loop takes fewer ticks than this: some thousand instructions, in an emulator
 * too. Whoever works between two PAUSEs needs more, or touches a device. */
enum { TURN_TICKS = 100000 };
/* Handling a timer interrupt takes one access, the end of interrupt. */
enum { TURN_ACCESSES = 1 };
enum { POLLS_BEFORE_NAP_HZ = 1000, LONGEST_NAP_HZ = 50 };

/* A guest that has polled for a while sleeps for as long again. So whatever it waits for that is no
 * interrupt, such as a time that it reads from a clock, comes at most twice as late, or by one
 * longest nap. An interrupt ends a nap at once. */
enum exit_action on_pause(struct vcpu *v, struct vm_exit *x)
{
    const struct exit_stats *s = &v->stats;
    struct idle_watch *w = &v->idle;
    uint64_t hz = v->vm->clock->hz;
    uint64_t ran = s->ticks_in_guest - s->ticks_halted;
    uint64_t accesses = s->count[EXIT_IO] + s->count[EXIT_MMIO];
    uint64_t polled;

    (void)x;
    if (ran - w->ran > TURN_TICKS || accesses - w->accesses > TURN_ACCESSES) {
        w->since = v->now;
    }
    w->ran = ran;
    w->accesses = accesses;
    polled = v->now - w->since;
    if (polled < hz / POLLS_BEFORE_NAP_HZ) {
        return ACT_ADVANCE;
    }
    v->nap_end = v->now + MIN(polled, hz / LONGEST_NAP_HZ);
    return ACT_NAP;
}
