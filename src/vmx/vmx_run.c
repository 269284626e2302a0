#include "arch/x86_64/cpu.h"
#include "hv/vm.h"
#include "lib/bits.h"
#include "lib/log.h"
#include "vmx/vmcs_access.h"
#include "vmx/vmx.h"
#include "vmx/vmx_bits.h"
#include "vmx/vmx_err.h"
#include "vmx/vmx_exit.h"

#define EXIT_ENTRY_FAILED BIT32(31)
#define PENDING_DEBUG_BS  BIT(14)

/* The preemption timer is loaded anew at each entry. Rounded up: if it runs out before the
 * deadline, then by less than one of its own periods, and one more entry makes up for it. */
static void set_timer(uint64_t deadline, uint64_t now)
{
    uint64_t count = ((deadline - now) >> vmx_machine.timer_shift) + 1;

    if (UNLIKELY(count > UINT32_MAX)) { /* far away, or in the past */
        count = deadline > now ? UINT32_MAX : 0;
    }
    vmcs_write32(VMCS_PREEMPTION_TIMER, (uint32_t)count);
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
static NOINLINE void take_back_event(struct vcpu *v, uint32_t info)
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

/* The host's own handler runs, and its IRET lets NMIs in again; a machine check ends in a panic. */
static void hand_to_host(const struct vm_exit *x)
{
    if (x->kind == EXIT_NMI) {
        cpu_raise_nmi();
    } else if (x->kind == EXIT_EXCEPTION && (x->hw_info & 0xff) == VEC_MC) {
        cpu_raise_machine_check();
    }
}

/* The fields that this reason needs, each read once, and what they mean. */
static NOINLINE void decode(const struct vmx_exit_row *row, struct vm_exit *x)
{
    struct vmx_exit_raw raw = {
        .qual = row->needs & VMX_RAW_QUAL ? vmcs_readn(VMCS_EXIT_QUAL) : 0,
        .guest_phys = row->needs & VMX_RAW_PHYS ? vmcs_read64(VMCS_GUEST_PHYS) : 0,
        .intr_info = row->needs & VMX_RAW_INTR ? vmcs_read32(VMCS_EXIT_INTR_INFO) : 0,
    };

    if ((row->needs & VMX_RAW_INFO) && (raw.qual & BIT(4))) { /* only INS and OUTS define it */
        raw.insn_info = vmcs_read32(VMCS_EXIT_INSN_INFO);
    }
    x->hw_info = raw.qual;
    row->decode(&raw, x);
    hand_to_host(x);
}

/* A reason without a row: the entry failed, or the exit is one that nobody asked for. */
static NOINLINE enum err odd_exit(struct vcpu *v, uint32_t reason)
{
    if (reason & EXIT_ENTRY_FAILED) {
        vmx_report_entry_failure(reason, vmcs_readn(VMCS_EXIT_QUAL));
        return ERR_HW;
    }
    log_error("vmx: exit: %s", vmx_exit_reason_name(reason));
    v->exit = (struct vm_exit){ .kind = EXIT_UNKNOWN,
                                .hw_reason = reason,
                                .hw_info = vmcs_readn(VMCS_EXIT_QUAL) };
    return ERR_NONE;
}

enum err vmx_run(struct vcpu *v, uint64_t deadline)
{
    struct vm_exit *x = &v->exit;
    const struct vmx_exit_row *row;
    uint64_t start = cpu_rdtsc();
    uint32_t reason;
    uint32_t vectoring;
    int refused;

    set_timer(deadline, start);
    store_regs(v);
    refused = vmx_enter(&v->regs, vmx_of(v));
    v->now = cpu_rdtsc();
    v->stats.ticks_in_guest += v->now - start;
    if (UNLIKELY(refused)) {
        vmx_report_refusal(refused);
        return ERR_HW;
    }
    reason = vmcs_read32(VMCS_EXIT_REASON);
    v->regs.rip = vmcs_readn(VMCS_GUEST_RIP);
    if (UNLIKELY(reason >= VMX_EXIT_ROWS)) {
        return odd_exit(v, reason);
    }
    row = &vmx_exit_rows[reason];
    x->kind = row->kind;
    if (LIKELY(row->needs & VMX_RAW_LEN)) {
        x->insn_len = (uint8_t)vmcs_read32(VMCS_EXIT_INSN_LEN);
    } else if (row->kind == EXIT_UNKNOWN) {
        return odd_exit(v, reason);
    }
    vectoring = vmcs_read32(VMCS_IDT_VEC_INFO);
    if (UNLIKELY(vectoring & VMX_INTR_VALID)) {
        take_back_event(v, vectoring);
    }
    if (row->decode) {
        decode(row, x);
    }
    return ERR_NONE;
}

/* Outside 64-bit code RIP has 32 bits and wraps. */
static uint64_t next_rip(uint64_t rip, unsigned insn_len)
{
    uint64_t next = rip + insn_len;

    if (UNLIKELY(hi32(next ^ rip)) && !((vmcs_read64(VMCS_GUEST_EFER) & EFER_LMA) &&
                                        (vmcs_read32(VMCS_GUEST_CS_AR) & SEG_ATTR_L))) {
        next = lo32(next);
    }
    return next;
}

/* An instruction that is done clears RF, and with TF it is a step that was made. */
static NOINLINE void finish_step(struct vcpu *v, uint64_t rflags)
{
    if (rflags & RFLAGS_TF) {
        vmcs_writen(VMCS_GUEST_PENDING_DEBUG, PENDING_DEBUG_BS);
    }
    if (v->regs_loaded) {
        v->regs.rflags &= ~RFLAGS_RF;
    } else {
        vmcs_writen(VMCS_GUEST_RFLAGS, rflags & ~RFLAGS_RF);
    }
}

void vmx_advance(struct vcpu *v, unsigned insn_len)
{
    uint32_t block = vmcs_read32(VMCS_GUEST_INTERRUPTIBILITY);
    uint64_t rflags;

    v->regs.rip = next_rip(v->regs.rip, insn_len);
    vmcs_writen(VMCS_GUEST_RIP, v->regs.rip);
    if (block & (VMX_BLOCK_STI | VMX_BLOCK_MOV_SS)) {
        vmcs_write32(VMCS_GUEST_INTERRUPTIBILITY, block & ~(VMX_BLOCK_STI | VMX_BLOCK_MOV_SS));
    }
    rflags = vmcs_readn(VMCS_GUEST_RFLAGS);
    if (UNLIKELY(rflags & (RFLAGS_TF | RFLAGS_RF))) {
        finish_step(v, rflags);
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

    /* A CPU may open the NMI window in the shadow of STI, where an NMI cannot be injected yet; the
     * interrupt window opens right behind it. */
    if (nmi && (vmcs_read32(VMCS_GUEST_INTERRUPTIBILITY) & VMX_BLOCK_STI)) {
        irq = true;
        nmi = false;
    }
    proc |= (irq ? VMX_PROC_INTR_WINDOW : 0) | (nmi ? VMX_PROC_NMI_WINDOW : 0);
    vmx_set_proc(h, proc);
}

void vmx_set_halted(struct vcpu *v, bool halted)
{
    (void)v;
    vmcs_write32(VMCS_GUEST_ACTIVITY, halted ? VMX_HLT : VMX_ACTIVE);
}
