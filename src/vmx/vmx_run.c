#include "arch/x86_64/cpu.h"
#include "hv/vm.h"
#include "lib/bits.h"
#include "vmx/vmcs_access.h"
#include "vmx/vmx.h"
#include "vmx/vmx_bits.h"
#include "vmx/vmx_exit.h"

#define EXIT_ENTRY_FAILED BIT32(31)
#define PENDING_DEBUG_BS  BIT(14)

/* The preemption timer is loaded anew at each entry; rounded up, so that the deadline has passed
 * when it runs out. */
static void set_timer(uint64_t deadline, uint64_t now)
{
    uint64_t count = deadline > now ? ((deadline - now) >> vmx_machine.timer_shift) + 1 : 0;

    vmcs_write32(VMCS_PREEMPTION_TIMER, (uint32_t)MIN(count, UINT32_MAX));
}

static void store_regs(struct vcpu *v)
{
    if (v->regs_loaded) {
        vmcs_writen(VMCS_GUEST_RSP, v->regs.gpr[RSP]);
        vmcs_writen(VMCS_GUEST_RFLAGS, v->regs.rflags);
        v->regs_loaded = false;
    }
}

void vmx_load_regs(struct vcpu *v)
{
    if (!v->regs_loaded) {
        v->regs.gpr[RSP] = vmcs_readn(VMCS_GUEST_RSP);
        v->regs.rflags = vmcs_readn(VMCS_GUEST_RFLAGS);
        v->regs_loaded = true;
    }
}

/* What an exit interrupted in the middle of its delivery is delivered again (Intel SDM vol. 3,
 * "Information for VM Exits That Occur During Event Delivery"). */
static void take_back_event(struct vcpu *v, uint32_t info)
{
    static const enum event_type type[8] = {
        [VMX_INTR_EXTERNAL] = EVENT_IRQ,
        [VMX_INTR_NMI] = EVENT_NMI,
        [VMX_INTR_HW_EXCEPTION] = EVENT_FAULT,
        [VMX_INTR_SOFTWARE] = EVENT_SOFT_INT,
        [VMX_INTR_PRIV_SW_EXCEPTION] = EVENT_PRIV_SOFT,
        [VMX_INTR_SW_EXCEPTION] = EVENT_SOFT_FAULT,
    };

    v->event = (struct vm_event){
        .type = type[bits(info, 10, 8)],
        .vector = (uint8_t)info,
        .has_code = info & VMX_INTR_HAS_CODE,
        .code = info & VMX_INTR_HAS_CODE ? vmcs_read32(VMCS_IDT_VEC_CODE) : 0,
        .insn_len = (uint8_t)vmcs_read32(VMCS_EXIT_INSN_LEN),
    };
    v->look = true;
}

static void read_raw(struct vmx_exit_raw *raw)
{
    unsigned needs = vmx_exit_needs(raw->reason);

    raw->insn_len = needs & VMX_RAW_LEN ? vmcs_read32(VMCS_EXIT_INSN_LEN) : 0;
    raw->qual = needs & VMX_RAW_QUAL ? vmcs_readn(VMCS_EXIT_QUAL) : 0;
    raw->guest_phys = needs & VMX_RAW_PHYS ? vmcs_read64(VMCS_GUEST_PHYS) : 0;
    raw->intr_info = needs & VMX_RAW_INTR ? vmcs_read32(VMCS_EXIT_INTR_INFO) : 0;
    /* Only INS and OUTS define it: bit 4 of the qualification. */
    raw->insn_info =
        (needs & VMX_RAW_INFO) && (raw->qual & BIT(4)) ? vmcs_read32(VMCS_EXIT_INSN_INFO) : 0;
}

/* The host's own handler runs, and its IRET lets NMIs in again; a machine check ends in a panic. */
static void hand_to_host(const struct vmx_exit_raw *raw)
{
    if (bits(raw->intr_info, 10, 8) == VMX_INTR_NMI) {
        __asm__ volatile("int $2");
    } else if ((raw->intr_info & 0xff) == 18) {
        __asm__ volatile("int $18");
    }
}

enum err vmx_run(struct vcpu *v, uint64_t deadline, struct vm_exit *x, uint64_t *now)
{
    struct vmx_vcpu *h = vmx_of(v);
    struct vmx_exit_raw raw;
    uint64_t start = cpu_rdtsc();
    uint32_t vectoring;
    int refused;

    set_timer(deadline, start);
    store_regs(v);
    refused = vmx_enter(&v->regs, h->launched, &h->host_rsp);
    *now = cpu_rdtsc();
    if (refused) {
        vmx_report_refusal(refused);
        return ERR_HW;
    }
    h->launched = true;
    v->stats.ticks_in_guest += *now - start;
    raw.reason = vmcs_read32(VMCS_EXIT_REASON);
    if (raw.reason & EXIT_ENTRY_FAILED) {
        vmx_report_entry_failure(raw.reason, vmcs_readn(VMCS_EXIT_QUAL));
        return ERR_HW;
    }
    read_raw(&raw);
    v->regs.rip = vmcs_readn(VMCS_GUEST_RIP);
    vectoring = vmcs_read32(VMCS_IDT_VEC_INFO);
    if (vectoring & VMX_INTR_VALID) {
        take_back_event(v, vectoring);
    }
    vmx_exit_decode(&raw, x);
    if (x->kind == EXIT_NMI || x->kind == EXIT_EXCEPTION) {
        hand_to_host(&raw);
    }
    return ERR_NONE;
}

/* Outside 64-bit code RIP has 32 bits and wraps. */
static uint64_t next_rip(uint64_t rip, unsigned insn_len)
{
    uint64_t next = rip + insn_len;

    if (hi32(next) != hi32(rip) && !(vmcs_read32(VMCS_GUEST_CS_AR) & SEG_ATTR_L)) {
        next = lo32(next);
    }
    return next;
}

void vmx_advance(struct vcpu *v, unsigned insn_len)
{
    uint32_t block = vmcs_read32(VMCS_GUEST_INTERRUPTIBILITY);

    v->regs.rip = next_rip(v->regs.rip, insn_len);
    vmcs_writen(VMCS_GUEST_RIP, v->regs.rip);
    if (block & (VMX_BLOCK_STI | VMX_BLOCK_MOV_SS)) {
        vmcs_write32(VMCS_GUEST_INTERRUPTIBILITY, block & ~(VMX_BLOCK_STI | VMX_BLOCK_MOV_SS));
    }
    if (vmcs_readn(VMCS_GUEST_RFLAGS) & RFLAGS_TF) {
        vmcs_writen(VMCS_GUEST_PENDING_DEBUG, PENDING_DEBUG_BS); /* a step was done */
    }
}

void vmx_set_rip(struct vcpu *v)
{
    vmcs_writen(VMCS_GUEST_RIP, v->regs.rip);
}

bool vmx_can_inject(struct vcpu *v, enum event_type type)
{
    uint32_t block = vmcs_read32(VMCS_GUEST_INTERRUPTIBILITY);

    if (type == EVENT_NMI) {
        return !(block & (VMX_BLOCK_NMI | VMX_BLOCK_MOV_SS | VMX_BLOCK_STI));
    }
    vmx_load_regs(v);
    return (v->regs.rflags & RFLAGS_IF) && !(block & (VMX_BLOCK_STI | VMX_BLOCK_MOV_SS));
}

void vmx_inject(struct vcpu *v, const struct vm_event *e)
{
    static const uint32_t type[] = {
        [EVENT_IRQ] = VMX_INTR_EXTERNAL,
        [EVENT_NMI] = VMX_INTR_NMI,
        [EVENT_FAULT] = VMX_INTR_HW_EXCEPTION,
        [EVENT_SOFT_INT] = VMX_INTR_SOFTWARE,
        [EVENT_PRIV_SOFT] = VMX_INTR_PRIV_SW_EXCEPTION,
        [EVENT_SOFT_FAULT] = VMX_INTR_SW_EXCEPTION,
    };
    uint32_t info = VMX_INTR_VALID | type[e->type] << 8 | e->vector;

    if (e->has_code) {
        info |= VMX_INTR_HAS_CODE;
        vmcs_write32(VMCS_ENTRY_EXC_CODE, e->code);
    }
    if (e->type >= EVENT_SOFT_INT) {
        vmcs_write32(VMCS_ENTRY_INSN_LEN, e->insn_len);
    }
    if (e->type == EVENT_NMI) { /* one that is delivered again may have set the block already */
        vmcs_write32(VMCS_GUEST_INTERRUPTIBILITY,
                     vmcs_read32(VMCS_GUEST_INTERRUPTIBILITY) & ~VMX_BLOCK_NMI);
    }
    if (v->halted) {
        vmcs_write32(VMCS_GUEST_ACTIVITY, VMX_ACTIVE);
    }
    vmcs_write32(VMCS_ENTRY_INTR_INFO, info);
}

void vmx_want_window(struct vcpu *v, bool irq, bool nmi)
{
    struct vmx_vcpu *h = vmx_of(v);
    uint32_t proc = h->proc & ~(VMX_PROC_INTR_WINDOW | VMX_PROC_NMI_WINDOW);

    proc |= (irq ? VMX_PROC_INTR_WINDOW : 0) | (nmi ? VMX_PROC_NMI_WINDOW : 0);
    if (proc != h->proc) {
        h->proc = proc;
        vmcs_write32(VMCS_PROC_CTLS, proc);
    }
}

void vmx_set_halted(struct vcpu *v)
{
    (void)v;
    vmcs_write32(VMCS_GUEST_ACTIVITY, VMX_HLT);
}
