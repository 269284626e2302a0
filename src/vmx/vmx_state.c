#include "arch/x86_64/cpu.h"
#include "arch/x86_64/msr.h"
#include "arch/x86_64/percpu.h"
#include "arch/x86_64/trap.h"
#include "hv/cr.h"
#include "hv/vm.h"
#include "lib/bits.h"
#include "vmx/ept.h"
#include "vmx/vmcs_access.h"
#include "vmx/vmx.h"
#include "vmx/vmx_bits.h"
#include "vmx/vmx_insn.h"

enum { INVEPT_ALL = 2, INVVPID_ALL = 2 };

/* Bits of CR0 and CR4 that the guest reads and writes with no exit. */
#define CR0_GUEST_OWNED (CR0_MP | CR0_EM | CR0_TS | CR0_ET | CR0_WP | CR0_AM)
#define CR0_GUEST_MODE  (CR0_PE | CR0_PG) /* too, with unrestricted guest */
#define CR4_GUEST_OWNED                                                                            \
    (CR4_VME | CR4_PVI | CR4_TSD | CR4_DE | CR4_PSE | CR4_PAE | CR4_PGE | CR4_OSFXSR |             \
     CR4_OSXMMEXCPT | CR4_UMIP | CR4_FSGSBASE | CR4_PCIDE | CR4_SMEP | CR4_SMAP)

/* What must be off on the identity tables, whose pages are user pages. */
#define CR4_NOT_FLAT (CR4_PAE | CR4_PGE | CR4_PCIDE | CR4_SMEP | CR4_SMAP | CR4_PKE)

/* The segment fields lie at a fixed distance from each other, in the order of enum seg. */
static enum vmcs16 sel_of(unsigned i)
{
    return (enum vmcs16)(VMCS_GUEST_ES_SEL + 2 * i);
}

static enum vmcs32 limit_of(unsigned i)
{
    return (enum vmcs32)(VMCS_GUEST_ES_LIMIT + 2 * i);
}

static enum vmcs32 attr_of(unsigned i)
{
    return (enum vmcs32)(VMCS_GUEST_ES_AR + 2 * i);
}

static enum vmcsN base_of(unsigned i)
{
    return (enum vmcsN)(VMCS_GUEST_ES_BASE + 2 * i);
}

void vmx_get_segs(struct vcpu *v, struct vcpu_segs *s)
{
    (void)v;
    for (unsigned i = 0; i < SEG_COUNT; i++) {
        s->seg[i] = (struct segment){ .sel = vmcs_read16(sel_of(i)),
                                      .limit = vmcs_read32(limit_of(i)),
                                      .base = vmcs_readn(base_of(i)),
                                      .attr = vmcs_read32(attr_of(i)) };
    }
    s->gdtr = (struct segment){ .limit = vmcs_read32(VMCS_GUEST_GDTR_LIMIT),
                                .base = vmcs_readn(VMCS_GUEST_GDTR_BASE) };
    s->idtr = (struct segment){ .limit = vmcs_read32(VMCS_GUEST_IDTR_LIMIT),
                                .base = vmcs_readn(VMCS_GUEST_IDTR_BASE) };
}

void vmx_set_segs(struct vcpu *v, const struct vcpu_segs *s)
{
    (void)v;
    for (unsigned i = 0; i < SEG_COUNT; i++) {
        vmcs_write16(sel_of(i), s->seg[i].sel);
        vmcs_write32(limit_of(i), s->seg[i].limit);
        vmcs_writen(base_of(i), s->seg[i].base);
        vmcs_write32(attr_of(i), s->seg[i].attr);
    }
    vmcs_write32(VMCS_GUEST_GDTR_LIMIT, s->gdtr.limit);
    vmcs_writen(VMCS_GUEST_GDTR_BASE, s->gdtr.base);
    vmcs_write32(VMCS_GUEST_IDTR_LIMIT, s->idtr.limit);
    vmcs_writen(VMCS_GUEST_IDTR_BASE, s->idtr.base);
}

void vmx_get_crs(struct vcpu *v, struct vcpu_crs *c)
{
    const struct vmx_vcpu *h = vmx_of(v);

    c->cr0 = (vmcs_readn(VMCS_GUEST_CR0) & ~h->cr0_mask) | (h->cr0_shadow & h->cr0_mask);
    c->cr4 = (vmcs_readn(VMCS_GUEST_CR4) & ~h->cr4_mask) | (h->cr4_shadow & h->cr4_mask);
    c->cr3 = h->flat ? h->cr3 : vmcs_readn(VMCS_GUEST_CR3);
    c->efer = h->flat ? h->efer : vmcs_read64(VMCS_GUEST_EFER);
}

void vmx_set_proc(struct vmx_vcpu *h, uint32_t proc)
{
    if (proc != h->proc) {
        h->proc = proc;
        vmcs_write32(VMCS_PROC_CTLS, proc);
    }
}

/* Without unrestricted guest, CR0.PE and PG are always on in hardware. A guest that turns paging
 * off gets tables that map everything to itself instead, and its own CR3 and EFER are kept aside.
 */
static void enter_flat(struct vmx_vcpu *h, const struct vcpu_crs *c)
{
    h->flat = !vmx_machine.unrestricted && !(c->cr0 & CR0_PG);
    h->cr3 = c->cr3;
    h->efer = c->efer;
    h->cr0_mask = ~(CR0_GUEST_OWNED | (vmx_machine.unrestricted ? CR0_GUEST_MODE : 0));
    h->cr4_mask = ~CR4_GUEST_OWNED | (h->flat ? CR4_NOT_FLAT | CR4_PSE : 0);
    vmx_set_proc(h, h->flat ? h->proc | VMX_PROC_CR3_LOAD | VMX_PROC_CR3_STORE
                            : h->proc & ~(VMX_PROC_CR3_LOAD | VMX_PROC_CR3_STORE));
}

void vmx_want_pause(struct vcpu *v, bool on)
{
    struct vmx_vcpu *h = vmx_of(v);
    uint32_t bit = VMX_PROC_PAUSE & hi32(vmx_machine.limits.proc_ctls);

    vmx_set_proc(h, on ? h->proc | bit : h->proc & ~bit);
}

void vmx_flush_npt(struct vcpu *v)
{
    (void)v;
    (void)insn_invept(INVEPT_ALL, (struct insn_inv_desc){ 0 });
}

/* Intel SDM vol. 3, "Loading Page-Directory-Pointer-Table Entries": with EPT the CPU takes them
 * from the VMCS when it enters a guest with PAE paging. */
static void load_pdptes(struct vcpu *v, const struct vcpu_crs *old, const struct vcpu_crs *c)
{
    uint64_t pdpte[4] = { 0 };

    if (!cr_loads_pdptes(old, c)) {
        return;
    }
    if (vm_copy_in(v->vm, pdpte, GPA(c->cr3 & 0xffffffe0), sizeof pdpte) != ERR_NONE) {
        vm_kill(v->vm, "PAE paging with CR3 %#llx, which is not in RAM",
                (unsigned long long)c->cr3);
        return;
    }
    vmcs_write64(VMCS_GUEST_PDPTE0, pdpte[0]);
    vmcs_write64(VMCS_GUEST_PDPTE1, pdpte[1]);
    vmcs_write64(VMCS_GUEST_PDPTE2, pdpte[2]);
    vmcs_write64(VMCS_GUEST_PDPTE3, pdpte[3]);
}

void vmx_set_crs(struct vcpu *v, const struct vcpu_crs *c)
{
    const struct vmx_limits *l = &vmx_machine.limits;
    struct vmx_vcpu *h = vmx_of(v);
    uint64_t fixed0 = l->cr0_fixed0 & ~(vmx_machine.unrestricted ? CR0_GUEST_MODE : 0);
    uint32_t entry = vmx_machine.ctls.entry & ~VMX_ENTRY_GUEST_64BIT;
    struct vcpu_crs old;

    vmx_get_crs(v, &old);
    if (!vmx_machine.unrestricted && !(c->cr0 & CR0_PE)) {
        vm_kill(v->vm, "the guest goes to real mode, and this CPU has no unrestricted guest mode");
    }
    enter_flat(h, c);
    h->cr0_shadow = c->cr0;
    h->cr4_shadow = c->cr4;
    vmcs_writen(VMCS_GUEST_CR0, ((c->cr0 & ~(CR0_CD | CR0_NW)) | fixed0) & l->cr0_fixed1);
    vmcs_writen(VMCS_CR0_SHADOW, c->cr0);
    vmcs_writen(VMCS_CR0_MASK, h->cr0_mask);
    vmcs_writen(VMCS_GUEST_CR4, h->flat
                                    ? ((c->cr4 & ~CR4_NOT_FLAT) | CR4_PSE | CR4_MCE | l->cr4_fixed0)
                                    : c->cr4 | CR4_MCE | l->cr4_fixed0);
    vmcs_writen(VMCS_CR4_SHADOW, c->cr4);
    vmcs_writen(VMCS_CR4_MASK, h->cr4_mask);
    vmcs_writen(VMCS_GUEST_CR3, h->flat ? VMX_FLAT_TABLE_GPA : c->cr3);
    vmcs_write64(VMCS_GUEST_EFER, h->flat ? c->efer & ~EFER_LME : c->efer); /* LME = LMA with PG */
    entry |= c->efer & EFER_LMA ? VMX_ENTRY_GUEST_64BIT : 0;
    vmcs_write32(VMCS_ENTRY_CTLS,
                 entry); /* the CPU changes it too, when the guest switches modes */
    load_pdptes(v, &old, c);
    if (vmx_machine.vpid) {
        (void)insn_invvpid(INVVPID_ALL, (struct insn_inv_desc){ 0 }); /* as the MOV would have */
    }
}

/* The host has no page faults of its own: CR2 is the guest's throughout. */
void vmx_set_cr2(struct vcpu *v, uint64_t at)
{
    (void)v;
    cpu_write_cr2(at);
}

static void init_controls(struct vcpu *v)
{
    const struct vmx_machine *m = &vmx_machine;
    struct vmx_vcpu *h = vmx_of(v);

    h->proc = m->ctls.proc;
    vmcs_write32(VMCS_PIN_CTLS, m->ctls.pin);
    vmcs_write32(VMCS_PROC_CTLS, h->proc);
    vmcs_write32(VMCS_PROC2_CTLS, m->ctls.proc2);
    vmcs_write32(VMCS_EXIT_CTLS, m->ctls.exit);
    vmcs_write32(VMCS_ENTRY_CTLS, m->ctls.entry);
    vmcs_write32(VMCS_EXCEPTION_BITMAP, BIT32(VEC_MC));
    vmcs_write32(VMCS_PF_CODE_MASK, 0);
    vmcs_write32(VMCS_PF_CODE_MATCH, 0);
    vmcs_write32(VMCS_CR3_TARGET_COUNT, 0);
    vmcs_write32(VMCS_EXIT_MSR_STORE_COUNT, 0);
    vmcs_write32(VMCS_EXIT_MSR_LOAD_COUNT, 0);
    vmcs_write32(VMCS_ENTRY_MSR_LOAD_COUNT, 0);
    vmcs_write32(VMCS_ENTRY_INTR_INFO, 0);
    vmcs_write64(VMCS_MSR_BITMAP, m->msr_bitmap.v);
    vmcs_write64(VMCS_IO_BITMAP_A, m->io_bitmap_a.v);
    vmcs_write64(VMCS_IO_BITMAP_B, m->io_bitmap_b.v);
    vmcs_write64(VMCS_EPTP, ept_pointer(v->vm->npt.root));
    if (m->vpid) {
        vmcs_write16(VMCS_VPID, (uint16_t)(v->id + 1));
    }
}

/* The host side: this CPU as it is now. Descriptor tables, stacks and page tables never move. */
static void init_host(void)
{
    struct percpu *cpu = this_cpu();

    vmcs_writen(VMCS_HOST_CR0, cpu_read_cr0());
    vmcs_writen(VMCS_HOST_CR3, cpu_read_cr3());
    vmcs_writen(VMCS_HOST_CR4, cpu_read_cr4());
    vmcs_write64(VMCS_HOST_EFER, msr_read(MSR_EFER));
    vmcs_write64(VMCS_HOST_PAT, msr_read(MSR_PAT));
    vmcs_write16(VMCS_HOST_CS_SEL, SEL_CODE);
    vmcs_write16(VMCS_HOST_SS_SEL, SEL_DATA);
    vmcs_write16(VMCS_HOST_DS_SEL, SEL_DATA);
    vmcs_write16(VMCS_HOST_ES_SEL, SEL_DATA);
    vmcs_write16(VMCS_HOST_FS_SEL, 0);
    vmcs_write16(VMCS_HOST_GS_SEL, 0);
    vmcs_write16(VMCS_HOST_TR_SEL, SEL_TSS);
    vmcs_writen(VMCS_HOST_FS_BASE, 0);
    vmcs_writen(VMCS_HOST_GS_BASE, (uintptr_t)cpu);
    vmcs_writen(VMCS_HOST_TR_BASE, (uintptr_t)&cpu->tss);
    vmcs_writen(VMCS_HOST_GDTR_BASE, (uintptr_t)cpu->gdt);
    vmcs_writen(VMCS_HOST_IDTR_BASE, trap_idt_base());
    vmcs_write32(VMCS_HOST_SYSENTER_CS, 0);
    vmcs_writen(VMCS_HOST_SYSENTER_ESP, 0);
    vmcs_writen(VMCS_HOST_SYSENTER_EIP, 0);
    vmcs_writen(VMCS_HOST_RIP, (uintptr_t)vmx_leave);
}

/* The parts of the guest that no start state sets. */
static void init_guest(void)
{
    vmcs_write64(VMCS_LINK, UINT64_MAX);
    vmcs_write64(VMCS_GUEST_DEBUGCTL, 0);
    vmcs_write64(VMCS_GUEST_PAT, PAT_RESET);
    vmcs_writen(VMCS_GUEST_DR7, DR7_RESET);
    vmcs_writen(VMCS_GUEST_PENDING_DEBUG, 0);
    vmcs_write32(VMCS_GUEST_INTERRUPTIBILITY, 0);
    vmcs_write32(VMCS_GUEST_ACTIVITY, VMX_ACTIVE);
    vmcs_write32(VMCS_GUEST_SYSENTER_CS, 0);
    vmcs_writen(VMCS_GUEST_SYSENTER_ESP, 0);
    vmcs_writen(VMCS_GUEST_SYSENTER_EIP, 0);
}

void vmx_reset(struct vcpu *v)
{
    (void)v;
    init_guest();
    vmcs_write32(VMCS_ENTRY_INTR_INFO, 0);
}

/* What an earlier guest left in this CPU's translation caches and in registers that no exit saves.
 */
static void forget_last_guest(void)
{
    (void)insn_invept(INVEPT_ALL, (struct insn_inv_desc){ 0 });
    if (vmx_machine.vpid) {
        (void)insn_invvpid(INVVPID_ALL, (struct insn_inv_desc){ 0 });
    }
    msr_write(MSR_STAR, 0);
    msr_write(MSR_LSTAR, 0);
    msr_write(MSR_CSTAR, 0);
    msr_write(MSR_FMASK, 0);
    msr_write(MSR_KERNEL_GS_BASE, 0);
    cpu_forget_guest();
}

void vmx_init_vmcs(struct vcpu *v)
{
    forget_last_guest();
    init_controls(v);
    init_host();
    init_guest();
    v->regs_loaded = true; /* RSP, RFLAGS and RIP as the start state has them */
}
