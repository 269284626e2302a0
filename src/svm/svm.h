/* The AMD-V backend: its operations for hv/, and what its own files share. Each vCPU's state
 * belongs to the CPU that runs it; what is per machine is set by probe() and then read-only: no
 * lock. */
#pragma once
#include "hv/virt_ops.h"
#include "lib/addr.h"
#include "svm/vmcb.h"

extern const struct virt_ops svm_ops;

/* What this machine's CPUs can do and how pxHV uses it. */
struct svm_machine {
    struct npt_format npt;
    bool next_rip;       /* an exit tells where the next instruction is */
    bool decode_assists; /* ... and the register of a MOV CR */
    uint8_t flush;       /* the TLB command that forgets one guest */
    uint64_t clean;      /* VMCB_CLEAN_ALL, or 0 where the CPU knows no clean bits */
    /* QEMU's emulation (TCG, 7.2) keeps the vector of an interrupt that it injected, and may
     * deliver it once more, as an exception and so with interrupts off, too, until the guest leaves
     * or takes another one. So the guest leaves at once, behind the delivery. */
    bool injects_twice;
    hpa_t iopm, msrpm; /* shared by all guests */
};
extern struct svm_machine svm_machine;

/* Whether the guest may get an NMI. The VMCB does not say so: it is followed by intercepting IRET.
 */
enum svm_nmi {
    SVM_NMI_OPEN,
    SVM_NMI_BLOCKED, /* in its handler; the next IRET exits */
    SVM_NMI_IRET,    /* that IRET is the next instruction, at iret_rip */
};

struct svm_vcpu {
    struct vmcb *vmcb;
    hpa_t vmcb_at, host_at; /* the guest's VMCB; the page with the host's side of VMLOAD */
    uint64_t cr4, efer;     /* as the guest sees them */
    uint64_t vintr;         /* of the VMCB; an exit may change it there */
    uint64_t iret_rip;
    enum svm_nmi nmi;
    bool watch;    /* svm_watch() has something to follow: a step, or an IRET */
    bool stepping; /* one instruction with TF, until an NMI can come in */
    bool step_tf;  /* TF as the guest had it */
    uint32_t step_exceptions, step_dr6; /* what the step replaces in the VMCB */
    uint64_t step_rip;
    bool halted;
    bool leave_soon;      /* by an interrupt of the host's timer that is due already */
    uint64_t device_irqs; /* that this CPU had got at the last look */
};

static inline struct svm_vcpu *svm_of(struct vcpu *v)
{
    _Static_assert(sizeof(struct svm_vcpu) <= VIRT_HW_SIZE, "v->hw holds it");
    return (struct svm_vcpu *)v->hw;
}

/* svm_entry.asm */
void svm_enter(struct vcpu_regs *regs, uint64_t guest_vmcb, uint64_t host_vmcb);

/* svm_maps.c: the permission maps, made once for the machine. */
enum err svm_make_maps(struct svm_machine *m) MUST_CHECK;

/* What follows does what virt_ops.h says of the call of the same name, where there is one. */

/* svm_state.c */
void svm_init_vmcb(struct vcpu *v);
void svm_get_crs(struct vcpu *v, struct vcpu_crs *crs);
void svm_set_crs(struct vcpu *v, const struct vcpu_crs *crs);
void svm_set_cr2(struct vcpu *v, uint64_t at);
void svm_get_segs(struct vcpu *v, struct vcpu_segs *segs);
void svm_set_segs(struct vcpu *v, const struct vcpu_segs *segs);

/* svm_run.c */
enum err svm_run(struct vcpu *v, uint64_t deadline);
void svm_advance(struct vcpu *v, unsigned insn_len);
void svm_set_halted(struct vcpu *v, bool halted);
void svm_flush_npt(struct vcpu *v);

/* svm_inject.c */
bool svm_can_inject(struct vcpu *v, enum event_type type);
void svm_inject(struct vcpu *v, const struct vm_event *event);
void svm_want_window(struct vcpu *v, bool irq, bool nmi);
void svm_want_pause(struct vcpu *v, bool on);
void svm_reset(struct vcpu *v);
/* What an exit interrupted in the middle of its delivery is delivered again. */
void svm_take_back_event(struct vcpu *v, uint64_t info);
/* Looks, right after an exit, whether a step or the IRET of an NMI handler is done; true if the
 * exit was nothing but the end of a step. */
bool svm_watch(struct vcpu *v);
/* The exit of the IRET that ends an NMI handler, before it executes. */
void svm_on_iret(struct vcpu *v);
/* An instruction that was emulated is done: RF ends, and with TF it was a step. */
void svm_finish_insn(struct vcpu *v);

/* svm_report.c: says in words why VMRUN refused this VMCB. */
void svm_report_refusal(const struct vmcb *vmcb);
