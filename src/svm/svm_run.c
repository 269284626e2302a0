#include "arch/x86_64/cpu.h"
#include "arch/x86_64/host_timer.h"
#include "arch/x86_64/percpu.h"
#include "hv/guest_mem.h"
#include "hv/vm.h"
#include "lib/log.h"
#include "svm/svm.h"
#include "svm/svm_exit.h"

/* VMEXIT_INVALID and its like are negative; an emulator may write only 32 bits of one. */
#define CODE_REFUSED UINT32_C(0xfffffff0)
enum { NEAR_TICKS = 2000 }; /* about what an exit and an entry take */

/* Lets the host's interrupts in. True if one of them was not just the timer. */
static bool take_interrupts(struct svm_vcpu *h)
{
    const struct percpu *cpu = this_cpu();
    uint64_t before = h->device_irqs;

    cpu_interrupt_window();
    h->device_irqs = cpu->irq_count - cpu->timer_irqs;
    return h->device_irqs != before;
}

/* A one-shot timer comes a little before its tick: another entry for the rest would cost more than
 * the rest. */
static void wait_until(struct vcpu *v, uint64_t deadline)
{
    while (deadline - v->now < NEAR_TICKS) {
        cpu_pause();
        v->now = cpu_rdtsc();
    }
}

static void set_interrupt_exit(struct vcpu *v, uint64_t deadline)
{
    struct svm_vcpu *h = svm_of(v);

    v->exit.kind = take_interrupts(h) ? EXIT_EXTINT : EXIT_TIMER;
    if (v->exit.kind == EXIT_TIMER) {
        wait_until(v, deadline);
    }
    if (h->leave_soon) {
        h->leave_soon = false;
        v->look = true;
    }
}

/* The word in a register or in memory that LMSW loads. False if a fault was queued. */
static bool read_lmsw_source(struct vcpu *v, const struct guest_view *view, const struct insn *in,
                             uint16_t *word)
{
    const uint64_t *gpr = v->regs.gpr;
    uint64_t offset;

    if (!in->has_mem) {
        *word = (uint16_t)gpr[in->rm];
        return true;
    }
    offset = insn_effective_address(in, gpr, v->regs.rip + in->len);
    return guest_read(v, view, guest_linear(view, in->mem.seg, offset), word, sizeof *word);
}

/* What the CPU does not tell of an exit, the instruction does. */
static NOINLINE bool fetch(struct vcpu *v, const struct svm_exit_row *row, struct insn *in,
                           struct svm_exit_raw *raw)
{
    struct guest_view view;
    bool ok;

    guest_view_load(v, &view);
    ok = guest_fetch_insn(v, &view, in);
    if (ok && row->needs == SVM_NEEDS_CR && svm_is_lmsw(in)) {
        ok = read_lmsw_source(v, &view, in, &raw->lmsw_source);
    }
    if (!ok) {
        v->exit.kind = EXIT_FETCH;
        return false;
    }
    raw->insn = in;
    v->exit.insn_len = in->len;
    return true;
}

/* Exits in which the backend itself has something to do. */
static NOINLINE void on_own_exit(struct vcpu *v, uint64_t code, uint64_t deadline)
{
    switch (v->exit.kind) {
    case EXIT_EXTINT:
        set_interrupt_exit(v, deadline);
        break;
    case EXIT_WINDOW:
        if (code == SVM_EXIT_IRET) {
            svm_on_iret(v);
        }
        break;
    case EXIT_EXCEPTION:
        cpu_raise_machine_check(); /* ends in a panic */
        break;
    case EXIT_UNKNOWN:
        log_error("svm: exit with code %#llx", (unsigned long long)code);
        break;
    default: /* an NMI, which the host has had by now, and a shutdown */
        break;
    }
}

static void decode(struct vcpu *v, const struct vmcb *c, uint64_t deadline)
{
    struct vm_exit *x = &v->exit;
    struct svm_exit_raw raw = { .code = c->exit_code,
                                .info1 = c->exit_info1,
                                .info2 = c->exit_info2 };
    const struct svm_exit_row *row = svm_exit_row(raw.code);
    uint64_t next = svm_machine.next_rip ? c->next_rip : 0;
    struct insn in;

    x->kind = row->kind;
    x->hw_reason = (uint32_t)raw.code;
    x->hw_info = raw.info1;
    if (row->needs == SVM_NEEDS_NOTHING) {
        if (!row->decode) {
            on_own_exit(v, raw.code, deadline);
        }
    } else if (svm_wants_insn(row, raw.info1, next, svm_machine.decode_assists)) {
        if (!fetch(v, row, &in, &raw)) {
            return;
        }
    } else {
        x->insn_len = (uint8_t)((row->needs == SVM_NEEDS_IO ? raw.info2 : next) - v->regs.rip);
    }
    if (row->decode) {
        row->decode(&raw, x);
    }
}

/* The guest waits in HLT: so does this CPU. */
static NOINLINE void sleep(struct vcpu *v, uint64_t start, uint64_t deadline)
{
    svm_of(v)->halted = false;
    cpu_wait_for_interrupt();
    v->now = cpu_rdtsc();
    v->stats.ticks_in_guest += v->now - start;
    set_interrupt_exit(v, deadline);
}

enum err svm_run(struct vcpu *v, uint64_t deadline)
{
    struct svm_vcpu *h = svm_of(v);
    struct vmcb *c = h->vmcb;
    uint64_t start = cpu_rdtsc();

    host_timer_arm(deadline);
    if (UNLIKELY(h->leave_soon)) {
        host_timer_fire();
    }
    if (UNLIKELY(h->halted)) {
        sleep(v, start, deadline);
        return ERR_NONE;
    }
    c->rax = v->regs.gpr[RAX];
    c->rsp = v->regs.gpr[RSP];
    c->rip = v->regs.rip;
    c->rflags = v->regs.rflags;
    c->vintr = h->vintr; /* a CPU, and more so an emulator, may have changed it */
    svm_enter(&v->regs, h->vmcb_at.v, h->host_at.v);
    v->now = cpu_rdtsc();
    v->stats.ticks_in_guest += v->now - start;
    if (UNLIKELY(lo32(c->exit_code) >= CODE_REFUSED)) {
        svm_report_refusal(c);
        return ERR_HW;
    }
    v->regs.gpr[RAX] = c->rax;
    v->regs.gpr[RSP] = c->rsp;
    v->regs.rip = c->rip;
    v->regs.rflags = c->rflags;
    c->event = 0;
    c->tlb_control = VMCB_TLB_KEEP;
    c->clean = svm_machine.clean;
    v->look |= (h->vintr & VMCB_V_IRQ) != 0; /* this exit may be as good as the one waited for */
    if (UNLIKELY(c->exit_int_info & VMCB_EVENT_VALID)) {
        svm_take_back_event(v, c->exit_int_info);
    }
    if (UNLIKELY(h->watch) && svm_watch(v)) {
        v->exit.kind = EXIT_WINDOW;
        return ERR_NONE;
    }
    decode(v, c, deadline);
    return ERR_NONE;
}

/* Outside 64-bit code RIP has 32 bits and wraps. */
static uint64_t next_rip(const struct vmcb *c, uint64_t rip, unsigned insn_len)
{
    bool code64 = (c->efer & EFER_LMA) && (c->cs.attr & VMCB_SEG_L);

    return code64 ? rip + insn_len : lo32(rip + insn_len);
}

void svm_advance(struct vcpu *v, unsigned insn_len)
{
    struct vmcb *c = svm_of(v)->vmcb;

    v->regs.rip = next_rip(c, v->regs.rip, insn_len);
    c->shadow = 0;
    if (UNLIKELY(v->regs.rflags & (RFLAGS_TF | RFLAGS_RF))) {
        svm_finish_insn(v);
    }
}

void svm_set_halted(struct vcpu *v, bool halted)
{
    svm_of(v)->halted = halted;
}

/* Lasts until the next exit. */
void svm_flush_npt(struct vcpu *v)
{
    svm_of(v)->vmcb->tlb_control = svm_machine.flush;
}
