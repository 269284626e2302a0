#include "hv/vm.h"
#include "svm/svm.h"
#include "svm/svm_exit.h"

#define INTERCEPT_VINTR BIT32(SVM_EXIT_VINTR % 32) /* both in the first word */
#define INTERCEPT_PAUSE BIT32(SVM_EXIT_PAUSE % 32)
#define INTERCEPT_IRET  BIT32(SVM_EXIT_IRET % 32)
#define DR6_BS          BIT(14)
#define DR6_HITS        UINT64_C(15) /* B0 to B3: the guest's own breakpoints */

/* While an instruction is stepped over, its faults must not get to the guest with our TF in the
 * RFLAGS that they save: all of them exit. What PUSHF, INT n or SYSCALL would save of it is not
 * hidden, and what POPF would load is lost: they would have to stand between STI or MOV SS and an
 * NMI. */
#define STEP_EXCEPTIONS (BIT32(20) - 1 - BIT32(VEC_NMI) - BIT32(VEC_BP) - BIT32(VEC_OF))
#define HAVE_CODE                                                                                  \
    (BIT32(VEC_DF) | BIT32(VEC_TS) | BIT32(VEC_NP) | BIT32(VEC_SS) | BIT32(VEC_GP) |               \
     BIT32(VEC_PF) | BIT32(VEC_AC))

static void intercept(struct vmcb *c, uint32_t which, bool on)
{
    uint32_t word = on ? c->intercepts[0] | which : c->intercepts[0] & ~which;

    if (word != c->intercepts[0]) {
        c->intercepts[0] = word;
        c->clean &= ~VMCB_CLEAN_INTERCEPTS;
    }
}

void svm_want_pause(struct vcpu *v, bool on)
{
    intercept(svm_of(v)->vmcb, INTERCEPT_PAUSE, on);
}

static void set_exceptions(struct vmcb *c, uint32_t vectors)
{
    c->exceptions = vectors;
    c->clean &= ~VMCB_CLEAN_INTERCEPTS;
}

bool svm_can_inject(struct vcpu *v, enum event_type type)
{
    struct svm_vcpu *h = svm_of(v);
    bool shadow = h->vmcb->shadow & VMCB_SHADOW;

    if (type == EVENT_NMI) {
        return h->nmi == SVM_NMI_OPEN && !shadow;
    }
    return (v->regs.rflags & RFLAGS_IF) && !shadow;
}

void svm_inject(struct vcpu *v, const struct vm_event *e)
{
    static const uint8_t type[] = {
        /* the software ones are executed again instead */
        [EVENT_IRQ] = VMCB_EVENT_INTR,
        [EVENT_NMI] = VMCB_EVENT_NMI,
        [EVENT_FAULT] = VMCB_EVENT_EXCEPTION,
    };
    struct svm_vcpu *h = svm_of(v);

    h->vmcb->event = VMCB_EVENT_VALID | (uint64_t)type[e->type] << 8 | e->vector |
                     (e->has_code ? VMCB_EVENT_HAS_CODE | (uint64_t)e->code << 32 : 0);
    if (svm_machine.injects_twice && e->type == EVENT_IRQ) {
        h->leave_soon = true;
    }
    if (e->type == EVENT_NMI || h->nmi == SVM_NMI_IRET) { /* that IRET is put off */
        h->nmi = SVM_NMI_BLOCKED;
        intercept(h->vmcb, INTERCEPT_IRET, true);
    }
}

/* AMD APM vol. 2, "Event Injection" and "EXITINTINFO". RIP still stands at an INT n, INT3 or INTO
 * whose delivery was interrupted: it is executed again. */
void svm_take_back_event(struct vcpu *v, uint64_t info)
{
    uint8_t vector = (uint8_t)info;
    struct vm_event e = { .vector = vector };

    switch (bits(info, 10, 8)) {
    case VMCB_EVENT_INTR:
        e.type = EVENT_IRQ;
        break;
    case VMCB_EVENT_NMI:
        e.type = EVENT_NMI;
        break;
    case VMCB_EVENT_EXCEPTION:
        if (vector == VEC_BP || vector == VEC_OF) {
            return;
        }
        e.type = EVENT_FAULT;
        e.has_code = info & VMCB_EVENT_HAS_CODE;
        e.code = e.has_code ? hi32(info) : 0;
        break;
    default:
        return;
    }
    v->event = e;
    v->look = true;
}

static void set_dr6(struct vmcb *c, uint64_t dr6)
{
    c->dr6 = dr6;
    c->clean &= ~VMCB_CLEAN_DR;
}

static void start_step(struct vcpu *v)
{
    struct svm_vcpu *h = svm_of(v);

    h->stepping = h->watch = true;
    h->step_tf = v->regs.rflags & RFLAGS_TF;
    v->regs.rflags |= RFLAGS_TF;
    h->step_rip = v->regs.rip;
    h->step_exceptions = h->vmcb->exceptions;
    h->step_dr6 = lo32(h->vmcb->dr6);
    set_dr6(h->vmcb, h->step_dr6 & ~(DR6_BS | DR6_HITS)); /* what is set then, the step has set */
    set_exceptions(h->vmcb, STEP_EXCEPTIONS);
}

/* A fault of the stepped instruction, which the guest gets after all. */
static void pass_on(struct vcpu *v, uint8_t vector)
{
    struct vmcb *c = svm_of(v)->vmcb;
    bool has_code = (HAVE_CODE >> vector & 1) && (c->cr0 & CR0_PE);

    if (vector == VEC_PF) {
        svm_set_cr2(v, c->exit_info2);
    }
    v->event = (struct vm_event){ .type = EVENT_FAULT,
                                  .vector = vector,
                                  .has_code = has_code,
                                  .code = has_code ? lo32(c->exit_info1) : 0 };
}

static void queue_step_trap(struct vcpu *v)
{
    struct vmcb *c = svm_of(v)->vmcb;

    set_dr6(c, c->dr6 | DR6_BS);
    vcpu_fault(v, VEC_DB);
}

/* A #DB during a step. `own`: the step is done. The guest gets one too if it steps itself, if its
 * breakpoints hit as well, or if this one came before the instruction and is none of ours. */
static void take_debug_trap(struct vcpu *v, uint64_t raised, bool own)
{
    struct svm_vcpu *h = svm_of(v);

    if (own && h->nmi == SVM_NMI_IRET) {
        h->nmi = SVM_NMI_OPEN;
    }
    if (own && h->step_tf) {
        queue_step_trap(v);
    } else if (!own || (raised & DR6_HITS)) {
        vcpu_fault(v, VEC_DB);
    }
}

/* Whatever exit ended it. True if the exit was only that. */
static bool end_step(struct vcpu *v)
{
    struct svm_vcpu *h = svm_of(v);
    struct vmcb *c = h->vmcb;
    uint64_t code = c->exit_code;
    uint64_t raised = c->dr6;
    bool moved = v->regs.rip != h->step_rip; /* Bochs 2.7 does not tell by DR6 */
    bool own = code == SVM_EXIT_EXCP_DB && (moved || (raised & DR6_BS));

    h->stepping = false;
    set_exceptions(c, h->step_exceptions);
    set_dr6(c, (raised & ~DR6_BS) | (h->step_dr6 & (DR6_BS | DR6_HITS)));
    v->look = true;
    if (!own || h->nmi != SVM_NMI_IRET) { /* IRET has loaded what the guest wants it to be */
        v->regs.rflags = (v->regs.rflags & ~RFLAGS_TF) | (h->step_tf ? RFLAGS_TF : 0);
    }
    if (code == SVM_EXIT_EXCP_DB) {
        take_debug_trap(v, raised, own);
        return true;
    }
    if (code < SVM_EXIT_EXCP_FIRST || code > SVM_EXIT_EXCP_LAST ||
        code == SVM_EXIT_EXCP_FIRST + VEC_MC) {
        return false;
    }
    pass_on(v, (uint8_t)(code - SVM_EXIT_EXCP_FIRST));
    return true;
}

bool svm_watch(struct vcpu *v)
{
    struct svm_vcpu *h = svm_of(v);
    bool only_step = h->stepping && end_step(v);

    if (h->nmi == SVM_NMI_IRET && v->regs.rip != h->iret_rip) {
        h->nmi = SVM_NMI_OPEN; /* the IRET is done */
    }
    h->watch = h->nmi == SVM_NMI_IRET;
    return only_step;
}

void svm_finish_insn(struct vcpu *v)
{
    v->regs.rflags &= ~RFLAGS_RF;
    if (v->regs.rflags & RFLAGS_TF) {
        queue_step_trap(v);
    }
}

void svm_on_iret(struct vcpu *v)
{
    struct svm_vcpu *h = svm_of(v);

    intercept(h->vmcb, INTERCEPT_IRET, false);
    h->nmi = SVM_NMI_IRET;
    h->iret_rip = v->regs.rip;
    h->watch = true;
}

static void irq_window(struct svm_vcpu *h, bool on)
{
    uint64_t vintr = VMCB_V_INTR_MASKING;

    if (on) { /* a virtual interrupt that is never taken: it exits as soon as it could be */
        vintr |= VMCB_V_IRQ | VMCB_V_IGN_TPR | VMCB_V_PRIO_MAX;
    }
    if (h->vintr != vintr) {
        h->vintr = vintr;
        h->vmcb->clean &= ~VMCB_CLEAN_TPR;
        intercept(h->vmcb, INTERCEPT_VINTR, on);
    }
}

void svm_want_window(struct vcpu *v, bool irq, bool nmi)
{
    struct svm_vcpu *h = svm_of(v);

    irq_window(h, irq);
    if (!nmi || h->nmi == SVM_NMI_BLOCKED) {
        return; /* a blocked one hears of the IRET */
    }
    if (h->vmcb->event & VMCB_EVENT_VALID) {
        h->leave_soon = true; /* behind what is being injected; TF would get into its stack frame */
    } else {
        start_step(v);
    }
}

void svm_reset(struct vcpu *v)
{
    struct svm_vcpu *h = svm_of(v);
    struct vmcb *c = h->vmcb;

    if (h->stepping) {
        set_exceptions(c, h->step_exceptions);
    }
    intercept(c, INTERCEPT_IRET, false);
    h->stepping = h->watch = h->leave_soon = h->halted = false;
    h->nmi = SVM_NMI_OPEN;
    c->event = 0;
    c->shadow = 0;
    c->dr6 = DR6_RESET;
    c->dr7 = DR7_RESET;
    c->clean = 0;
}
