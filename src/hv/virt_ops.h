/* What hv/ needs from Intel VMX or AMD SVM: two tables exist, vmx_ops and svm_ops. Each call is
 * made on the host CPU that runs the vCPU: no lock. */
#pragma once
#include "hv/cpuid.h"
#include "hv/preflight.h"
#include "hv/vcpu.h"
#include "lib/err.h"
#include "mm/npt.h"
#include <stdbool.h>

struct virt_ops {
    const char *id;   /* "vmx", "svm": in the log, in the statistics, in backend= */
    const char *name; /* "Intel VT-x", "AMD-V" */

    /* Looks and changes nothing; every missing item goes into the report. */
    void (*probe)(struct preflight *report);
    /* Turns the extension on for this host CPU; logs and returns ERR_HW if the CPU refuses. */
    enum err (*cpu_on)(void) MUST_CHECK;
    void (*cpu_off)(void);

    /* Takes out of a guest's CPUID what this CPU cannot let a guest do. Valid after probe. */
    void (*limit_cpuid)(struct cpuid_table *table);

    /* The entry bits and the page sizes of nested tables on this CPU. Valid after probe. */
    const struct npt_format *(*npt_format)(void);

    enum err (*vcpu_init)(struct vcpu *) MUST_CHECK;
    void (*vcpu_free)(struct vcpu *);

    void (*get_crs)(struct vcpu *, struct vcpu_crs *);
    /* The caller has checked that a CPU would take these values. */
    void (*set_crs)(struct vcpu *, const struct vcpu_crs *);
    void (*set_cr2)(struct vcpu *, uint64_t at);
    void (*get_segs)(struct vcpu *, struct vcpu_segs *);
    void (*set_segs)(struct vcpu *, const struct vcpu_segs *);
    /* Makes regs.gpr[RSP] and regs.rflags valid; both are written back at the next entry. */
    void (*load_regs)(struct vcpu *);

    /* Until one exit that hv/ must see. deadline is in host TSC ticks: the guest is left by then
     * (EXIT_TIMER), or not at all before another exit if it is TIMER_OFF. Fills v->exit and v->now.
     * ERR_HW: the entry was refused; it has been logged. */
    enum err (*run)(struct vcpu *, uint64_t deadline) MUST_CHECK;

    /* regs.rip was set from outside the run loop: a start state. */
    void (*set_rip)(struct vcpu *);
    /* Steps over the instruction that exited and ends the STI / MOV-SS shadow. */
    void (*advance)(struct vcpu *, unsigned insn_len);
    /* True if an event of this type can be delivered at the next entry. */
    bool (*can_inject)(struct vcpu *, enum event_type type);
    void (*inject)(struct vcpu *, const struct vm_event *);
    /* Ask for EXIT_WINDOW as soon as the guest could take an interrupt / an NMI. */
    void (*want_window)(struct vcpu *, bool irq, bool nmi);
    /* Enter the guest asleep, as after HLT, or awake again; an injected event wakes it, too. */
    void (*set_halted)(struct vcpu *, bool halted);
    /* What the CPU's reset does beside the registers that set_crs and set_segs set: it is awake,
     * nothing is pending or blocked, no breakpoints. */
    void (*reset)(struct vcpu *);
    /* EXIT_PAUSE at each PAUSE from here on, or none: so it is at first. Without effect on a CPU
     * that cannot. */
    void (*want_pause)(struct vcpu *, bool on);
    /* Nested tables were changed: forget what the CPU remembers of them before the next entry. */
    void (*flush_npt)(struct vcpu *);

    /* True if a guest can run in real mode, without protection and paging. Valid after probe. */
    bool (*real_mode)(void);
    void (*dump)(struct vcpu *); /* every VMCS/VMCB field, for the post-mortem */
};
