#include "arch/x86_64/cpu.h"
#include "hv/exit_table.h"
#include "hv/vcpu.h"
#include "hv/vm.h"

static enum exit_action on_nothing(struct vcpu *v, struct vm_exit *x)
{
    (void)v;
    (void)x;
    return ACT_RESUME;
}

static enum exit_action on_hlt(struct vcpu *v, struct vm_exit *x)
{
    (void)x;
    v->vm->ops->load_regs(v);
    if (!(v->regs.rflags & RFLAGS_IF)) {
        vm_stop(v->vm, VM_HALTED, "the guest executed HLT with interrupts off");
        return ACT_STOP;
    }
    return ACT_IDLE;
}

/* Hypercalls: none is offered yet; KVM's interface answers -KVM_ENOSYS. */
static enum exit_action on_hypercall(struct vcpu *v, struct vm_exit *x)
{
    (void)x;
    v->regs.gpr[RAX] = (uint64_t)-1000;
    return ACT_ADVANCE;
}

static enum exit_action on_window(struct vcpu *v, struct vm_exit *x)
{
    (void)x;
    v->look = true;
    return ACT_RESUME;
}

/* A host interrupt waits. Its handler runs here, and what it brought in is passed on at once. */
static enum exit_action on_extint(struct vcpu *v, struct vm_exit *x)
{
    (void)x;
    cpu_interrupt_window();
    v->vm->host_next = 0;
    return ACT_RESUME;
}

static enum exit_action on_refused(struct vcpu *v, struct vm_exit *x)
{
    if (x->refused.vector == VEC_GP) {
        vcpu_fault_code(v, VEC_GP, 0);
    } else {
        vcpu_fault(v, x->refused.vector);
    }
    return ACT_RESUME;
}

static enum exit_action on_ignored(struct vcpu *v, struct vm_exit *x)
{
    (void)v;
    (void)x;
    return ACT_ADVANCE;
}

static enum exit_action on_shutdown(struct vcpu *v, struct vm_exit *x)
{
    (void)x;
    vm_stop(v->vm, VM_TRIPLE_FAULT, "triple fault");
    return ACT_STOP;
}

static enum exit_action on_unknown(struct vcpu *v, struct vm_exit *x)
{
    vm_kill(v->vm, "an exit that pxHV does not handle: reason %#x, information %#llx", x->hw_reason,
            (unsigned long long)x->hw_info);
    return ACT_STOP;
}

exit_fn *const exit_table[EXIT_KIND_COUNT] = {
    [EXIT_UNKNOWN] = on_unknown,
    [EXIT_IO] = on_io,
    [EXIT_MMIO] = on_mmio,
    [EXIT_CPUID] = on_cpuid,
    [EXIT_MSR_READ] = on_msr_read,
    [EXIT_MSR_WRITE] = on_msr_write,
    [EXIT_CR] = on_cr,
    [EXIT_HLT] = on_hlt,
    [EXIT_PAUSE] = on_pause,
    [EXIT_HYPERCALL] = on_hypercall,
    [EXIT_XSETBV] = on_xsetbv,
    [EXIT_WINDOW] = on_window,
    [EXIT_EXTINT] = on_extint,
    [EXIT_NMI] = on_nothing,   /* the backend has handed it to the host's handler */
    [EXIT_TIMER] = on_nothing, /* the run loop looks at the timers anyway */
    [EXIT_EXCEPTION] = on_unknown,
    [EXIT_REFUSED] = on_refused,
    [EXIT_IGNORED] = on_ignored,
    [EXIT_FETCH] = on_nothing,
    [EXIT_SHUTDOWN] = on_shutdown,
};
