/* The VT-x backend: its operations for hv/, and what its own files share. Each vCPU's state belongs
 * to the CPU that runs it; what is per machine is set by probe() and then read-only: no lock. */
#pragma once
#include "hv/virt_ops.h"
#include "lib/addr.h"
#include "vmx/vmx_check.h"
#include "vmx/vmx_ctl.h"
#include <stddef.h>

extern const struct virt_ops vmx_ops;

/* What this machine's CPUs can do and how pxHV uses it. */
struct vmx_machine {
    struct vmx_limits limits;
    struct vmx_ctls ctls;
    uint32_t revision;    /* of VMCS regions */
    unsigned timer_shift; /* the preemption timer counts TSC ticks >> this */
    struct npt_format npt;
    bool unrestricted, vpid;
    hpa_t msr_bitmap, io_bitmap_a, io_bitmap_b; /* shared by all guests */
};
extern struct vmx_machine vmx_machine;

struct vmx_vcpu {
    uint64_t host_rsp; /* as it stands in the VMCS; these two are known to vmx_entry.asm */
    bool launched;
    hpa_t vmcs;
    bool flat; /* no unrestricted guest, and the guest has paging off: it runs on identity tables */
    uint32_t proc;    /* control word, as it stands in the VMCS */
    hpa_t flat_table; /* of the identity tables; 0 if there are none */
    uint64_t cr0_shadow, cr4_shadow, cr0_mask, cr4_mask;
    uint64_t efer;
    uint64_t cr3; /* the guest's, while `flat` */
};

_Static_assert(offsetof(struct vmx_vcpu, host_rsp) == 0 && offsetof(struct vmx_vcpu, launched) == 8,
               "known to vmx_entry.asm");

static inline struct vmx_vcpu *vmx_of(struct vcpu *v)
{
    _Static_assert(sizeof(struct vmx_vcpu) <= VIRT_HW_SIZE, "v->hw holds it");
    return (struct vmx_vcpu *)v->hw;
}

/* vmx_entry.asm; 0: the guest left, 1: VMfailInvalid, 2: VMfailValid. */
int vmx_enter(struct vcpu_regs *regs, struct vmx_vcpu *h);
void vmx_leave(void);

/* vmx_state.c */
void vmx_init_vmcs(struct vcpu *v);
void vmx_flush_npt(struct vcpu *v);
void vmx_reset(struct vcpu *v);
void vmx_want_pause(struct vcpu *v, bool on);
/* Writes the primary processor-based controls if they differ from those in the VMCS. */
void vmx_set_proc(struct vmx_vcpu *h, uint32_t proc);
void vmx_get_crs(struct vcpu *v, struct vcpu_crs *crs);
void vmx_set_crs(struct vcpu *v, const struct vcpu_crs *crs);
void vmx_set_cr2(struct vcpu *v, uint64_t at);
void vmx_get_segs(struct vcpu *v, struct vcpu_segs *segs);
void vmx_set_segs(struct vcpu *v, const struct vcpu_segs *segs);

/* vmx_run.c */
enum err vmx_run(struct vcpu *v, uint64_t deadline);
void vmx_load_regs(struct vcpu *v);
void vmx_set_rip(struct vcpu *v);
void vmx_advance(struct vcpu *v, unsigned insn_len);
bool vmx_can_inject(struct vcpu *v, enum event_type type);
void vmx_inject(struct vcpu *v, const struct vm_event *event);
void vmx_want_window(struct vcpu *v, bool irq, bool nmi);
void vmx_set_halted(struct vcpu *v, bool halted);

/* vmx_report.c: says in words why an entry was refused. */
void vmx_report_refusal(int how);
void vmx_report_entry_failure(uint32_t reason, uint64_t qualification);

/* Guest-physical home of the identity page tables for `flat` guests, out of the way of RAM and
 * devices. */
#define VMX_FLAT_TABLE_GPA UINT64_C(0xfefff000)
