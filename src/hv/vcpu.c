#include "hv/vcpu.h"
#include "hv/exit_table.h"
#include "hv/inject.h"
#include "hv/vm.h"
#include "lib/bits.h"

/* Timers of the guest and console work of the host that are due. */
static void service(struct vcpu *v, uint64_t now)
{
    struct vm *vm = v->vm;

    timer_run(&v->timers, now);
    if (now >= vm->host_next) {
        vm->host_next = vm->host_poll(vm->host_ctx, now);
    }
}

static void act(struct vcpu *v, const struct vm_exit *x, enum exit_action action)
{
    switch (action) {
    case ACT_ADVANCE:
        v->vm->ops->advance(v, x->insn_len);
        break;
    case ACT_IDLE:
        v->vm->ops->advance(v, x->insn_len);
        v->halted = true;
        v->look = true; /* what is pending already wakes it at once */
        break;
    case ACT_RESUME:
    case ACT_STOP:
        break;
    }
}

void vcpu_run(struct vcpu *v)
{
    struct vm *vm = v->vm;
    const struct virt_ops *ops = vm->ops;
    uint64_t now = clock_now(vm->clock);
    struct vm_exit x;

    v->stats.launched = now;
    while (vm->stop == VM_RUNNING) {
        if (now >= v->timers.next || now >= vm->host_next) {
            service(v, now);
        }
        if (v->look) {
            inject_pending(v);
        }
        if (v->halted) {
            ops->set_halted(v); /* at each entry: an exit may have left the guest active */
        }
        if (ops->run(v, MIN(v->timers.next, vm->host_next), &x, &now) != ERR_NONE) {
            vm_kill(vm, "the CPU refused to enter the guest");
            break;
        }
        v->stats.count[x.kind]++;
        act(v, &x, exit_table[x.kind](v, &x));
    }
    v->stats.stopped = clock_now(vm->clock);
}
