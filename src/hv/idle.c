#include "hv/idle.h"
#include "hv/exit_table.h"
#include "hv/guest_mem.h"
#include "hv/vm.h"
#include "lib/bits.h"

/* A turn of a polling loop takes less: some thousand instructions, in an emulator too. Whoever
 * works between two PAUSEs needs more, or touches a device, or comes back with other registers. */
enum { TURN_TICKS = 100000, TURNS_HZ = 10000 };
/* Handling a timer interrupt takes one access, the end of interrupt. */
enum { TURN_ACCESSES = 1 };
enum { POLLS_BEFORE_NAP_HZ = 1000, LONGEST_NAP_HZ = 50 };
enum { STACK_BYTES = 128 }; /* what a BIOS call has saved of its caller is among them */
#define FNV_OFFSET UINT64_C(0xcbf29ce484222325)
#define FNV_PRIME  UINT64_C(0x100000001b3)

/* FNV-1a over the general registers and the top of the stack. */
static uint64_t digest(struct vcpu *v, const struct guest_view *view)
{
    uint8_t stack[STACK_BYTES];
    unsigned len;
    uint64_t hash = FNV_OFFSET;

    v->vm->ops->load_regs(v);
    len = guest_peek(v, view, guest_linear(view, SEG_SS, v->regs.gpr[RSP]), stack, sizeof stack);
    for (unsigned i = 0; i < GPR_COUNT; i++) {
        hash = (hash ^ v->regs.gpr[i]) * FNV_PRIME;
    }
    for (unsigned i = 0; i < len; i++) {
        hash = (hash ^ stack[i]) * FNV_PRIME;
    }
    return hash;
}

static void watch(struct vcpu *v, bool on)
{
    if (v->idle.on != on) {
        v->idle.on = on;
        v->vm->ops->want_pause(v, on);
    }
}

void idle_hold(struct vcpu *v, uint64_t until)
{
    v->idle.since = MAX(v->idle.since, until);
    watch(v, false);
}

void idle_look(struct vcpu *v, uint64_t now)
{
    watch(v, v->idle.on || now >= v->idle.since);
}

/* A guest that has polled for a while sleeps for as long again. So whatever it waits for that is no
 * interrupt, such as a time that it reads from a clock, comes at most twice as late, or by one
 * longest nap. An interrupt ends a nap at once. */
enum exit_action on_pause(struct vcpu *v, struct vm_exit *x)
{
    const struct exit_stats *s = &v->stats;
    uint64_t hz = v->vm->clock->hz;
    struct idle_watch before = v->idle;
    struct idle_watch *w = &v->idle;
    struct guest_view view;
    uint64_t polled;

    (void)x;
    w->ran = s->ticks_in_guest - s->ticks_halted;
    w->accesses = s->count[EXIT_IO] + s->count[EXIT_MMIO];
    guest_view_load(v, &view);
    w->state = digest(v, &view);
    if (w->ran - before.ran > MAX(TURN_TICKS, hz / TURNS_HZ) ||
        w->accesses - before.accesses > TURN_ACCESSES || w->state != before.state) {
        w->since = MAX(w->since, v->now);
    }
    /* HLT is for privilege level 0, and so is a CPU asleep in it (Intel SDM vol. 3, "Checks on
     * Guest Non-Register State"). */
    if ((view.segs.seg[SEG_SS].attr & SEG_ATTR_DPL) || v->now < w->since ||
        v->now - w->since < hz / POLLS_BEFORE_NAP_HZ) {
        return ACT_ADVANCE;
    }
    polled = v->now - w->since;
    v->nap_end = v->now + MIN(polled, hz / LONGEST_NAP_HZ);
    return ACT_NAP;
}
