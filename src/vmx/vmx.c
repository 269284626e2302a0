#include "vmx/vmx.h"
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/msr.h"
#include "arch/x86_64/percpu.h"
#include "hv/msr.h"
#include "hv/vm.h"
#include "lib/bits.h"
#include "lib/log.h"
#include "lib/mem.h"
#include "mm/frame.h"
#include "mm/paging.h"
#include "vmx/ept.h"
#include "vmx/vmcs_access.h"
#include "vmx/vmcs_dump.h"
#include "vmx/vmx_bits.h"
#include "vmx/vmx_insn.h"

#define CPUID1_ECX_VMX     BIT32(5)
#define VMX_BASIC_TRUE     BIT(55)
#define VMX_MISC_HLT       BIT(6)
#define VMX_BASIC_INS_OUTS BIT(54) /* the exit tells which segment and address size they use */
#define CAP_INVVPID        (BIT(32) | BIT(42)) /* IA32_VMX_EPT_VPID_CAP: INVVPID, of all contexts */
#define CR4_VMXE_BIT       BIT(13)
enum { BITMAP_FRAMES = 3, VMX_BASIC_WB = 6 };

struct vmx_machine vmx_machine;

/* A capability MSR that this CPU may not have reads as 0: nothing offered. */
static uint64_t cap(uint32_t msr)
{
    uint64_t v;

    return msr_read_safe(msr, &v) ? v : 0;
}

/* IA32_FEATURE_CONTROL. Where there is none, VMXON itself decides. */
static uint64_t read_lock(void)
{
    uint64_t v;

    return msr_read_safe(MSR_FEATURE_CONTROL, &v)
               ? v
               : FEATURE_CONTROL_LOCK | FEATURE_CONTROL_VMX_OUTSIDE;
}

static void read_limits(struct vmx_limits *l)
{
    bool true_msrs = cap(MSR_VMX_BASIC) & VMX_BASIC_TRUE;
    struct cpuid_regs sizes = cpu_cpuid(0x80000008, 0);

    *l = (struct vmx_limits){
        .pin_ctls = cap(true_msrs ? MSR_VMX_TRUE_PIN_CTLS : MSR_VMX_PIN_CTLS),
        .proc_ctls = cap(true_msrs ? MSR_VMX_TRUE_PROC_CTLS : MSR_VMX_PROC_CTLS),
        .proc2_ctls = cap(MSR_VMX_PROC2_CTLS),
        .exit_ctls = cap(true_msrs ? MSR_VMX_TRUE_EXIT_CTLS : MSR_VMX_EXIT_CTLS),
        .entry_ctls = cap(true_msrs ? MSR_VMX_TRUE_ENTRY_CTLS : MSR_VMX_ENTRY_CTLS),
        .misc = cap(MSR_VMX_MISC),
        .ept_vpid = cap(MSR_VMX_EPT_VPID_CAP),
        .cr0_fixed0 = cap(MSR_VMX_CR0_FIXED0),
        .cr0_fixed1 = cap(MSR_VMX_CR0_FIXED1),
        .cr4_fixed0 = cap(MSR_VMX_CR4_FIXED0),
        .cr4_fixed1 = cap(MSR_VMX_CR4_FIXED1),
        .phys_bits = (uint8_t)sizes.eax,
        .linear_bits = 48,
    };
}

static void probe(struct preflight *report)
{
    struct vmx_machine *m = &vmx_machine;
    uint64_t lock;

    report->present = cpu_cpuid(1, 0).ecx & CPUID1_ECX_VMX;
    if (!report->present) {
        return;
    }
    lock = read_lock();
    preflight_add(report, "VT-x allowed by firmware", vmx_feature_control(lock) != VMX_LOCK_OFF,
                  true,
                  "the CPU has VT-x but firmware locked it off: look for 'Intel Virtualization "
                  "Technology' in the firmware set-up and turn it on");
    read_limits(&m->limits);
    (void)vmx_ctl_negotiate(&m->limits, &m->ctls, report); /* its verdict is in the report */
    preflight_add(report, "EPT with four levels, write-back, INVEPT",
                  ept_usable(m->limits.ept_vpid), true, NULL);
    preflight_add(report, "HLT as a guest activity state", m->limits.misc & VMX_MISC_HLT, true,
                  NULL);
    preflight_add(report, "write-back VMCS memory",
                  bits(cap(MSR_VMX_BASIC), 53, 50) == VMX_BASIC_WB, true, NULL);
    preflight_add(report, "information about INS and OUTS exits",
                  cap(MSR_VMX_BASIC) & VMX_BASIC_INS_OUTS, true, NULL);
    m->revision = (uint32_t)bits(cap(MSR_VMX_BASIC), 30, 0);
    m->timer_shift = (unsigned)bits(m->limits.misc, 4, 0);
    m->npt = ept_format(m->limits.ept_vpid);
    m->unrestricted = m->ctls.proc2 & VMX_PROC2_UNRESTRICTED;
    m->vpid = (m->ctls.proc2 & VMX_PROC2_VPID) && (m->limits.ept_vpid & CAP_INVVPID) == CAP_INVVPID;
    if (!m->vpid) {
        m->ctls.proc2 &= ~VMX_PROC2_VPID; /* what cannot be flushed is not used */
    }
}

/* Intel SDM vol. 3, "MSR-Bitmap Address". */
static void bitmap_allow(uint8_t *bitmap, uint32_t msr, bool write)
{
    uint32_t bit = (msr & 0x1fff) + (msr >= 0xc0000000 ? 1024 * 8 : 0);

    bitmap[bit / 8] &= (uint8_t)~BIT32(bit % 8);
    if (write) {
        bitmap[2048 + bit / 8] &= (uint8_t)~BIT32(bit % 8);
    }
}

/* Made once for the machine: every port and every other MSR exits. */
static enum err make_bitmaps(struct vmx_machine *m)
{
    hpa_t *where[BITMAP_FRAMES] = { &m->msr_bitmap, &m->io_bitmap_a, &m->io_bitmap_b };

    if (m->msr_bitmap.v) {
        return ERR_NONE;
    }
    for (unsigned i = 0; i < BITMAP_FRAMES; i++) {
        if (!frame_alloc(where[i])) {
            return ERR_NOMEM;
        }
        memset(hpa_ptr(*where[i]), 0xff, PAGE_SIZE);
    }
    for (unsigned i = 0; i < msr_direct_count; i++) {
        bitmap_allow(hpa_ptr(m->msr_bitmap), msr_direct[i].msr, msr_direct[i].write);
    }
    return ERR_NONE;
}

static enum err make_region(hpa_t *out)
{
    if (!frame_alloc(out)) {
        return ERR_NOMEM;
    }
    *(uint32_t *)hpa_ptr(*out) = vmx_machine.revision;
    return ERR_NONE;
}

/* Intel SDM vol. 3, "Enabling and Entering VMX Operation". */
static enum err cpu_on(void)
{
    uint64_t lock = read_lock();
    static hpa_t region[HOST_CPUS]; /* one for each CPU, kept for when it is turned on again */
    hpa_t *mine = &region[this_cpu()->id];

    if (make_bitmaps(&vmx_machine) != ERR_NONE || (!mine->v && make_region(mine) != ERR_NONE)) {
        return ERR_NOMEM;
    }
    if (vmx_feature_control(lock) == VMX_LOCK_OPEN) {
        if (!msr_write_safe(MSR_FEATURE_CONTROL,
                            lock | FEATURE_CONTROL_LOCK | FEATURE_CONTROL_VMX_OUTSIDE)) {
            log_error("vmx: IA32_FEATURE_CONTROL is open, but the CPU does not let pxHV lock it");
            return ERR_HW;
        }
        log_info("vmx: firmware left IA32_FEATURE_CONTROL open; locked with VT-x on");
    }
    cpu_write_cr0(cpu_read_cr0() | vmx_machine.limits.cr0_fixed0);
    cpu_write_cr4(cpu_read_cr4() | CR4_VMXE_BIT);
    if (!insn_vmxon(mine->v)) {
        log_error("vmx: VMXON failed although the CPU offers VT-x");
        return ERR_HW;
    }
    log_info("VMXON executed successfully!");
    return ERR_NONE;
}

static void cpu_off(void)
{
    insn_vmxoff();
    cpu_write_cr4(cpu_read_cr4() & ~CR4_VMXE_BIT);
}

static void limit_cpuid(struct cpuid_table *table)
{
    if (!(vmx_machine.ctls.proc2 & VMX_PROC2_RDTSCP)) {
        cpuid_hide_rdtscp(table);
    }
    if (!(vmx_machine.ctls.proc2 & VMX_PROC2_INVPCID)) {
        cpuid_hide_invpcid(table);
    }
}

static const struct npt_format *npt_format(void)
{
    return &vmx_machine.npt;
}

static bool real_mode(void)
{
    return vmx_machine.unrestricted;
}

/* Page tables for a guest without paging on a CPU without unrestricted guest: 32-bit paging, 4 MiB
 * pages, accessed and dirty already, so that the CPU never writes to them. */
static enum err make_flat_tables(struct vm *vm, hpa_t *frame)
{
    enum { PDE_FLAGS = 0xe7 }; /* present, writable, user, accessed, dirty, 4 MiB */
    uint32_t *pde;

    if (vmx_machine.unrestricted) {
        return ERR_NONE;
    }
    if (!frame_alloc(frame)) {
        return ERR_NOMEM;
    }
    pde = hpa_ptr(*frame);
    for (uint32_t i = 0; i < 1024; i++) {
        pde[i] = i << 22 | PDE_FLAGS;
    }
    return npt_map(&vm->npt, GPA(VMX_FLAT_TABLE_GPA), *frame, PAGE_SIZE, NPT_R);
}

static enum err vcpu_init(struct vcpu *v)
{
    struct vmx_vcpu *h = vmx_of(v);
    enum err e = v->id == 0 ? make_flat_tables(v->vm, &h->flat_table) : ERR_NONE;

    if (e == ERR_NONE) {
        e = make_region(&h->vmcs);
    }
    if (e != ERR_NONE) {
        return e;
    }
    if (!insn_vmclear(h->vmcs.v) || !insn_vmptrld(h->vmcs.v)) {
        log_error("vmx: VMCLEAR or VMPTRLD refused a fresh VMCS");
        return ERR_HW;
    }
    h->host_rsp = 0;
    vmx_init_vmcs(v);
    return ERR_NONE;
}

static void vcpu_free(struct vcpu *v)
{
    struct vmx_vcpu *h = vmx_of(v);

    if (h->vmcs.v) {
        (void)insn_vmclear(h->vmcs.v); /* it was loaded here; nothing is left to go wrong */
        frame_free(h->vmcs);
    }
    if (h->flat_table.v) {
        frame_free(h->flat_table);
    }
}

static void dump(struct vcpu *v)
{
    (void)v;
    vmcs_dump();
}

const struct virt_ops vmx_ops = {
    .id = "vmx",
    .name = "Intel VT-x",
    .probe = probe,
    .cpu_on = cpu_on,
    .cpu_off = cpu_off,
    .limit_cpuid = limit_cpuid,
    .npt_format = npt_format,
    .real_mode = real_mode,
    .vcpu_init = vcpu_init,
    .vcpu_free = vcpu_free,
    .get_crs = vmx_get_crs,
    .set_crs = vmx_set_crs,
    .set_cr2 = vmx_set_cr2,
    .get_segs = vmx_get_segs,
    .set_segs = vmx_set_segs,
    .load_regs = vmx_load_regs,
    .run = vmx_run,
    .set_rip = vmx_set_rip,
    .advance = vmx_advance,
    .can_inject = vmx_can_inject,
    .inject = vmx_inject,
    .want_window = vmx_want_window,
    .set_halted = vmx_set_halted,
    .flush_npt = vmx_flush_npt,
    .reset = vmx_reset,
    .want_pause = vmx_want_pause,
    .dump = dump,
};
