#include "hv/inject.h"
#include "hv/pv_eoi.h"
#include "hv/vm.h"

/* Intel SDM vol. 3, "Interrupt and Exception Behaviour": classes that make a double fault. */
static bool is_contributory(uint8_t vector)
{
    return vector == VEC_DE || (vector >= VEC_TS && vector <= VEC_GP);
}

static bool makes_double_fault(uint8_t first, uint8_t second)
{
    return (is_contributory(first) && is_contributory(second)) ||
           (first == VEC_PF && (second == VEC_PF || is_contributory(second)));
}

/* In real mode no exception has an error code. */
static bool has_error_codes(struct vcpu *v)
{
    struct vcpu_crs crs;

    v->vm->ops->get_crs(v, &crs);
    return crs.cr0 & CR0_PE;
}

static void queue_fault(struct vcpu *v, uint8_t vector, bool has_code, uint32_t code)
{
    struct vm_event *e = &v->event;

    v->look = true;
    if (e->type == EVENT_FAULT && e->vector == VEC_DF) {
        vm_stop(v->vm, VM_TRIPLE_FAULT, "triple fault: a fault while delivering a double fault");
        return;
    }
    if (e->type == EVENT_FAULT && makes_double_fault(e->vector, vector)) {
        vector = VEC_DF;
        has_code = has_error_codes(v);
        code = 0;
    } else if (e->type != EVENT_NONE && e->type != EVENT_FAULT) {
        vm_kill(v->vm, "exception %u while delivering interrupt %u through memory that is not RAM",
                vector, e->vector);
        return;
    }
    *e = (struct vm_event){
        .type = EVENT_FAULT, .vector = vector, .has_code = has_code, .code = code
    };
}

void vcpu_fault(struct vcpu *v, uint8_t vector)
{
    queue_fault(v, vector, false, 0);
}

void vcpu_fault_code(struct vcpu *v, uint8_t vector, uint32_t code)
{
    bool has_code = has_error_codes(v);

    queue_fault(v, vector, has_code, has_code ? code : 0);
}

void vcpu_page_fault(struct vcpu *v, uint64_t at, uint32_t code)
{
    v->vm->ops->set_cr2(v, at);
    queue_fault(v, VEC_PF, true, code);
}

static bool extint_waits(const struct vcpu *v)
{
    return v->extint.pending && lapic_extint_enabled(&v->lapic) && v->extint.pending(v->extint.ctx);
}

static void deliver(struct vcpu *v, enum event_type type, uint8_t vector)
{
    v->vm->ops->inject(v, &(struct vm_event){ .type = type, .vector = vector });
    v->halted = false;
}

void inject_pending(struct vcpu *v)
{
    const struct virt_ops *ops = v->vm->ops;
    bool busy = v->event.type != EVENT_NONE;
    bool want_nmi = false;
    bool want_irq = false;
    bool extint;
    int vector;

    v->look = false;
    pv_eoi_collect(v);
    if (busy) {
        ops->inject(v, &v->event);
        v->event.type = EVENT_NONE;
        v->halted = false;
    }
    if (v->nmi_pending) {
        want_nmi = busy || !ops->can_inject(v, EVENT_NMI);
        if (!want_nmi) {
            v->nmi_pending = false;
            deliver(v, EVENT_NMI, VEC_NMI);
            busy = true;
        }
    }
    extint = extint_waits(v);
    vector = extint ? -1 : lapic_pending(&v->lapic);
    if (extint || vector >= 0) {
        want_irq = busy || !ops->can_inject(v, EVENT_IRQ);
        if (!want_irq && extint) {
            deliver(v, EVENT_IRQ, v->extint.ack(v->extint.ctx));
            /* The APIC does not know of it and holds nothing back. */
            want_irq = extint_waits(v) || lapic_pending(&v->lapic) >= 0;
        } else if (!want_irq) {
            lapic_accept(&v->lapic, (uint8_t)vector);
            deliver(v, EVENT_IRQ, (uint8_t)vector);
            pv_eoi_offer(v, (uint8_t)vector);
        }
    }
    ops->want_window(v, want_irq, want_nmi);
}
