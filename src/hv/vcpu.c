#include "hv/vcpu.h"
#include "hv/exit_table.h"
#include "hv/inject.h"
#include "hv/vm.h"
#include "lib/bits.h"

/* The host TSC tick at which a timer of the guest or console work of the host is due, or a nap
 * ends.
 */
static uint64_t next_deadline(const struct vcpu *v)
{
    uint64_t next = MIN(v->timers.next, v->vm->host_next);

    return UNLIKELY(v->halted) ? MIN(next, v->nap_end) : next;
}

/* What an entry needs now and then: timers and console work that are due, something to inject,
 * sleep. */
static void prepare(struct vcpu *v)
{
    struct vm *vm = v->vm;

    if (v->now >= v->timers.next) {
        timer_run(&v->timers, v->now);
    }
    if (v->now >= vm->host_next) {
        vm->host_next = vm->host_poll(vm->host_ctx, v->now);
    }
    if (v->look) {
        inject_pending(v);
    }
    if (v->halted && v->now >= v->nap_end) {
        v->halted = false;
        vm->ops->set_halted(v, false);
    } else if (v->halted) {
        vm->ops->set_halted(v, true); /* at each entry: an exit may have left the guest active */
    }
}

static void act(struct vcpu *v, const struct virt_ops *ops, enum exit_action action)
{
    if (LIKELY(action == ACT_ADVANCE)) {
        ops->advance(v, v->exit.insn_len);
    } else if (action == ACT_IDLE || action == ACT_NAP) {
        ops->load_regs(v);
        ops->advance(v, v->exit.insn_len);
        /* A single step is a #DB behind HLT, which ends it at once. */
        v->halted = !(v->regs.rflags & RFLAGS_TF);
        v->look = true; /* what is pending already wakes it at once */
        if (action == ACT_IDLE) {
            v->nap_end = TIMER_OFF;
        }
    }
}

static NOINLINE enum err run_asleep(struct vcpu *v, const struct virt_ops *ops, uint64_t deadline)
{
    uint64_t before = v->stats.ticks_in_guest;
    enum err e = ops->run(v, deadline);

    v->stats.ticks_halted += v->stats.ticks_in_guest - before;
    return e;
}

void vcpu_run(struct vcpu *v)
{
    struct vm *vm = v->vm;
    const struct virt_ops *ops = vm->ops;

    v->now = clock_now(vm->clock);
    v->stats.launched = v->stats.launched ? v->stats.launched : v->now;
    while (vm->stop == VM_RUNNING) {
        uint64_t deadline = next_deadline(v);
        enum err e;

        if (v->now >= deadline || v->look || v->halted) {
            prepare(v);
            deadline = next_deadline(v);
        }
        e = UNLIKELY(v->halted) ? run_asleep(v, ops, deadline) : ops->run(v, deadline);
        if (e != ERR_NONE) {
            vm_kill(vm, "the CPU refused to enter the guest");
            break;
        }
        v->stats.count[v->exit.kind]++;
        act(v, ops, exit_table[v->exit.kind](v, &v->exit));
    }
    v->stats.stopped = clock_now(vm->clock);
}
