#include "arch/x86_64/cpu.h"
#include "arch/x86_64/msr.h"
#include "arch/x86_64/percpu.h"
#include "hv/vm.h"
#include "svm/svm.h"
#include "svm/svm_exit.h"

#define SEG_PRESENT   BIT32(7)
#define SEG_TSS_BUSY  BIT32(1)
#define SEG_DPL_SHIFT 5

/* What is in the table of exits is intercepted, if not only now and then. */
static void set_intercepts(struct vmcb *c)
{
    for (unsigned code = 0; code < SVM_EXIT_ROWS; code++) {
        const struct svm_exit_row *row = &svm_exit_rows[code];
        bool wanted = row->kind != EXIT_UNKNOWN && !row->on_demand;

        if (!wanted) {
            continue;
        }
        if (code < 0x10) {
            c->cr_reads |= (uint16_t)BIT32(code);
        } else if (code < 0x20) {
            c->cr_writes |= (uint16_t)BIT32(code - 0x10);
        } else if (code <= SVM_EXIT_EXCP_LAST) {
            c->exceptions |= BIT32(code - SVM_EXIT_EXCP_FIRST);
        } else {
            c->intercepts[(code - SVM_EXIT_INTR) / 32] |= BIT32(code % 32);
        }
    }
}

void svm_init_vmcb(struct vcpu *v)
{
    struct vmcb *c = svm_of(v)->vmcb;

    cpu_forget_guest();
    msr_write(MSR_PAT, PAT_RESET); /* an emulator may let a guest's write through to it */
    set_intercepts(c);
    c->iopm = svm_machine.iopm.v;
    c->msrpm = svm_machine.msrpm.v;
    c->asid = v->id + 1; /* 0 is the host's; one VM at a time has vCPUs on a CPU */
    c->tlb_control = svm_machine.flush;
    svm_of(v)->vintr = VMCB_V_INTR_MASKING;
    c->nested_ctl = VMCB_NP;
    c->nested_cr3 = v->vm->npt.root.v;
    c->efer = EFER_SVME;
    c->dr6 = DR6_RESET;
    c->dr7 = DR7_RESET;
    c->pat = PAT_RESET;
    v->regs_loaded = true; /* always: RSP and RFLAGS are copied at each entry and exit */
}

static struct vmcb_seg *seg_of(struct vmcb *c, unsigned i)
{
    static const uint16_t at[SEG_COUNT] = {
        [SEG_ES] = offsetof(struct vmcb, es),     [SEG_CS] = offsetof(struct vmcb, cs),
        [SEG_SS] = offsetof(struct vmcb, ss),     [SEG_DS] = offsetof(struct vmcb, ds),
        [SEG_FS] = offsetof(struct vmcb, fs),     [SEG_GS] = offsetof(struct vmcb, gs),
        [SEG_LDTR] = offsetof(struct vmcb, ldtr), [SEG_TR] = offsetof(struct vmcb, tr),
    };

    return (struct vmcb_seg *)(void *)((uint8_t *)c + at[i]);
}

/* A segment that is not present cannot be used. */
static uint32_t attr_from(const struct vmcb_seg *s)
{
    uint32_t attr = (s->attr & 0xffu) | (s->attr & 0xf00u) << 4;

    return attr & SEG_PRESENT ? attr : attr | SEG_ATTR_UNUSABLE;
}

static uint16_t attr_to(uint32_t attr)
{
    return attr & SEG_ATTR_UNUSABLE ? 0 : (uint16_t)((attr & 0xff) | (attr >> 4 & 0xf00));
}

void svm_get_segs(struct vcpu *v, struct vcpu_segs *s)
{
    struct vmcb *c = svm_of(v)->vmcb;
    struct segment *ss = &s->seg[SEG_SS];

    for (unsigned i = 0; i < SEG_COUNT; i++) {
        const struct vmcb_seg *from = seg_of(c, i);

        s->seg[i] = (struct segment){
            .sel = from->sel, .limit = from->limit, .base = from->base, .attr = attr_from(from)
        };
    }
    /* These two are elsewhere, or may be lost ("Segment State in the VMCB"). */
    ss->attr = (ss->attr & ~(3u << SEG_DPL_SHIFT)) | (uint32_t)c->cpl << SEG_DPL_SHIFT;
    s->seg[SEG_TR].attr |= SEG_TSS_BUSY;
    s->gdtr = (struct segment){ .limit = c->gdtr.limit, .base = c->gdtr.base };
    s->idtr = (struct segment){ .limit = c->idtr.limit, .base = c->idtr.base };
}

void svm_set_segs(struct vcpu *v, const struct vcpu_segs *s)
{
    struct vmcb *c = svm_of(v)->vmcb;

    for (unsigned i = 0; i < SEG_COUNT; i++) {
        const struct segment *from = &s->seg[i];

        *seg_of(c, i) = (struct vmcb_seg){
            .sel = from->sel, .attr = attr_to(from->attr), .limit = from->limit, .base = from->base
        };
    }
    c->cpl = (uint8_t)bits(s->seg[SEG_SS].attr, 6, 5);
    c->gdtr = (struct vmcb_seg){ .limit = s->gdtr.limit, .base = s->gdtr.base };
    c->idtr = (struct vmcb_seg){ .limit = s->idtr.limit, .base = s->idtr.base };
    c->clean &= ~(VMCB_CLEAN_SEG | VMCB_CLEAN_DT);
}

void svm_get_crs(struct vcpu *v, struct vcpu_crs *crs)
{
    const struct svm_vcpu *h = svm_of(v);

    *crs = (struct vcpu_crs){
        .cr0 = h->vmcb->cr0,
        .cr3 = h->vmcb->cr3,
        .cr4 = h->cr4,
        .efer = h->efer,
    };
}

void svm_set_crs(struct vcpu *v, const struct vcpu_crs *crs)
{
    struct svm_vcpu *h = svm_of(v);
    struct vmcb *c = h->vmcb;
    uint64_t hidden = crs->cr0 & CR0_PG ? 0 : EFER_LME;

    h->cr4 = crs->cr4;
    h->efer = crs->efer;
    c->cr0 = crs->cr0;
    c->cr3 = crs->cr3;
    c->cr4 = crs->cr4 | CR4_MCE; /* without it a machine check of the host is a shutdown */
    /* LME means nothing without paging, and to turn paging on exits. QEMU 7.2 does not restore the
     * host's CR0 at a #VMEXIT if it finds LME without PAE. */
    c->efer = (crs->efer & ~hidden) | EFER_SVME;
    c->clean &= ~VMCB_CLEAN_CR;
    c->tlb_control = svm_machine.flush; /* as the MOV would have */
}

void svm_set_cr2(struct vcpu *v, uint64_t at)
{
    struct vmcb *c = svm_of(v)->vmcb;

    c->cr2 = at;
    cpu_write_cr2(at); /* Bochs 2.7 does not load it from the VMCB */
    c->clean &= ~VMCB_CLEAN_CR2;
}
