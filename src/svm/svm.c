#include "svm/svm.h"
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/host_timer.h"
#include "arch/x86_64/lapic_host.h"
#include "arch/x86_64/msr.h"
#include "arch/x86_64/percpu.h"
#include "hv/vm.h"
#include "lib/log.h"
#include "mm/frame.h"
#include "mm/paging.h"
#include "svm/svm_insn.h"
#include "svm/svm_npt.h"
#include "svm/vmcb_dump.h"

#define EXT1_ECX_SVM          BIT32(2)
#define EXT1_EDX_HUGE         BIT32(26)
#define CPUID1_ECX_HYPERVISOR BIT32(31)
#define SVM_LEAF              0x8000000au
#define SVM_EDX_NPT           BIT32(0)
#define SVM_EDX_NEXT_RIP      BIT32(3)
#define SVM_EDX_CLEAN         BIT32(5)
#define SVM_EDX_FLUSH_ASID    BIT32(6)
#define SVM_EDX_DECODE        BIT32(7)
#define VM_CR_LOCK            BIT(3)
#define VM_CR_SVMDIS          BIT(4)

struct svm_machine svm_machine;

static uint64_t read_vm_cr(void)
{
    uint64_t v;

    return msr_read_safe(MSR_VM_CR, &v) ? v : 0;
}

static bool present(void)
{
    return cpu_cpuid(0x80000000, 0).eax >= SVM_LEAF &&
           (cpu_cpuid(0x80000001, 0).ecx & EXT1_ECX_SVM);
}

/* QEMU without KVM signs leaf 40000000h so. */
static bool is_tcg(void)
{
    struct cpuid_regs r;

    if (!(cpu_cpuid(1, 0).ecx & CPUID1_ECX_HYPERVISOR)) {
        return false;
    }
    r = cpu_cpuid(0x40000000, 0);
    return r.ebx == 0x54474354 && r.ecx == 0x43544743 && r.edx == 0x47435447; /* TCGTCGTCGTCG */
}

static void probe(struct preflight *report)
{
    struct svm_machine *m = &svm_machine;
    uint64_t off = VM_CR_SVMDIS | VM_CR_LOCK;
    struct cpuid_regs svm;

    report->present = present();
    if (!report->present) {
        return;
    }
    svm = cpu_cpuid(SVM_LEAF, 0);
    preflight_add(report, "AMD-V allowed by firmware", (read_vm_cr() & off) != off, true,
                  "the CPU has AMD-V but firmware locked it off: look for 'SVM Mode' or "
                  "'Virtualization' in the firmware set-up and turn it on");
    preflight_add(report, "nested paging (NPT)", svm.edx & SVM_EDX_NPT, true, NULL);
    preflight_add(report, "an address-space identifier for the guest", svm.ebx > 1, true, NULL);
    preflight_add(report, "a local APIC, whose timer ends a guest's turn", lapic_host_ready(), true,
                  NULL);
    m->npt = svm_npt_format(cpu_cpuid(0x80000001, 0).edx & EXT1_EDX_HUGE);
    m->next_rip = svm.edx & SVM_EDX_NEXT_RIP;
    m->decode_assists = svm.edx & SVM_EDX_DECODE;
    m->flush = svm.edx & SVM_EDX_FLUSH_ASID ? VMCB_TLB_FLUSH_GUEST : VMCB_TLB_FLUSH_ALL;
    m->clean = svm.edx & SVM_EDX_CLEAN ? VMCB_CLEAN_ALL : 0;
    m->injects_twice = is_tcg();
}

/* What each CPU keeps for when it is turned on again. */
static struct cpu_pages {
    hpa_t save; /* where VMRUN puts the host's state */
    hpa_t host; /* a VMCB for VMSAVE and VMLOAD of the host's segments */
} pages[HOST_CPUS];

static enum err make_pages(struct cpu_pages *p)
{
    if ((!p->save.v && !frame_alloc(&p->save)) || (!p->host.v && !frame_alloc(&p->host))) {
        return ERR_NOMEM;
    }
    return svm_make_maps(&svm_machine);
}

/* In C1E, which HLT enters if these bits say so, a CPU before family 12h does not wake up for its
 * APIC timer (AMD's revision guide for family 10h, erratum 400). */
static void keep_timer_awake(void)
{
    uint32_t version = cpu_cpuid(1, 0).eax;
    uint64_t family = bits(version, 11, 8) + bits(version, 27, 20);
    uint64_t c1e = BIT(28) | BIT(27);
    uint64_t v;

    if (family < 0x12 && msr_read_safe(MSR_INT_PENDING, &v) && (v & c1e)) {
        (void)msr_write_safe(MSR_INT_PENDING, v & ~c1e); /* what cannot be written is not there */
    }
}

/* AMD APM vol. 2, "Enabling SVM". */
static enum err cpu_on(void)
{
    struct cpu_pages *p = &pages[this_cpu()->id];
    uint64_t vm_cr = read_vm_cr();

    if (make_pages(p) != ERR_NONE) {
        return ERR_NOMEM;
    }
    if (vm_cr & VM_CR_SVMDIS) {
        log_info("svm: firmware left AMD-V off but open; turned on");
        msr_write(MSR_VM_CR, vm_cr & ~VM_CR_SVMDIS);
    }
    if (!msr_write_safe(MSR_EFER, msr_read(MSR_EFER) | EFER_SVME)) {
        log_error("svm: the CPU refuses EFER.SVME although it offers AMD-V");
        return ERR_HW;
    }
    msr_write(MSR_VM_HSAVE_PA, p->save.v);
    insn_vmsave(p->host.v);
    keep_timer_awake();
    if (!host_timer_init()) {
        log_error("svm: the local APIC's timer does not count");
        return ERR_HW;
    }
    log_info("AMD-V turned on successfully! (next RIP: %s, decode assists: %s, clean bits: %s, "
             "flush by ASID: %s)",
             svm_machine.next_rip ? "yes" : "no", svm_machine.decode_assists ? "yes" : "no",
             svm_machine.clean ? "yes" : "no",
             svm_machine.flush == VMCB_TLB_FLUSH_GUEST ? "yes" : "no");
    return ERR_NONE;
}

static void cpu_off(void)
{
    host_timer_arm(UINT64_MAX);
    msr_write(MSR_EFER, msr_read(MSR_EFER) & ~EFER_SVME);
}

/* A guest can have whatever instruction the CPU has. */
static void limit_cpuid(struct cpuid_table *table)
{
    (void)table;
}

static const struct npt_format *npt_format(void)
{
    return &svm_machine.npt;
}

static bool real_mode(void)
{
    return true;
}

static enum err vcpu_init(struct vcpu *v)
{
    struct svm_vcpu *h = svm_of(v);

    if (!frame_alloc(&h->vmcb_at)) {
        return ERR_NOMEM;
    }
    h->vmcb = hpa_ptr(h->vmcb_at);
    h->host_at = pages[this_cpu()->id].host;
    svm_init_vmcb(v);
    return ERR_NONE;
}

static void vcpu_free(struct vcpu *v)
{
    struct svm_vcpu *h = svm_of(v);

    if (h->vmcb) {
        frame_free(h->vmcb_at);
    }
}

/* RSP, RFLAGS and RIP are copied at each entry and exit: they are always valid. */
static void nothing(struct vcpu *v)
{
    (void)v;
}

static void dump(struct vcpu *v)
{
    vmcb_dump(svm_of(v)->vmcb);
}

const struct virt_ops svm_ops = {
    .id = "svm",
    .name = "AMD-V",
    .probe = probe,
    .cpu_on = cpu_on,
    .cpu_off = cpu_off,
    .limit_cpuid = limit_cpuid,
    .npt_format = npt_format,
    .real_mode = real_mode,
    .vcpu_init = vcpu_init,
    .vcpu_free = vcpu_free,
    .get_crs = svm_get_crs,
    .set_crs = svm_set_crs,
    .set_cr2 = svm_set_cr2,
    .get_segs = svm_get_segs,
    .set_segs = svm_set_segs,
    .load_regs = nothing,
    .run = svm_run,
    .set_rip = nothing,
    .advance = svm_advance,
    .can_inject = svm_can_inject,
    .inject = svm_inject,
    .want_window = svm_want_window,
    .set_halted = svm_set_halted,
    .flush_npt = svm_flush_npt,
    .reset = svm_reset,
    .want_pause = svm_want_pause,
    .dump = dump,
};
