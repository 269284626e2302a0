#include "hv/alu.h"
#include "hv/exit_table.h"
#include "hv/guest_mem.h"
#include "hv/pv_eoi.h"
#include "hv/vm.h"
#include "lib/bits.h"
#include "lib/log.h"

enum { STRING_BATCH = 256 }; /* elements of a repeated string instruction per exit */

/* The memory operand of the instruction at hand: RAM or a device. */
static uint64_t mem_access(struct vcpu *v, gpa_t gpa, unsigned size, bool write, uint64_t value)
{
    struct vm *vm = v->vm;
    struct io_access a = { .size = (uint8_t)size, .write = write, .value = value };
    const struct io_range *r;
    uint8_t *ram = vm_ram(vm, gpa, size);

    if (ram) { /* the other operand of a MOVS */
        enum err e =
            write ? vm_copy_out(vm, gpa, &value, size) : vm_copy_in(vm, &a.value, gpa, size);

        return e == ERR_NONE ? a.value & size_mask(size) : size_mask(size);
    }
    if (gpa.v - LAPIC_BASE_GPA < PAGE_SIZE) { /* each vCPU has its own there */
        pv_eoi_collect(v);
        a.offset = gpa.v - LAPIC_BASE_GPA;
        lapic_mmio(&v->lapic, &a);
        return a.value & size_mask(size);
    }
    r = io_bus_find(&vm->mmio, gpa.v, size);
    if (!r) {
        if (vm_seen_first(&vm->mmio_holes, (uint32_t)(gpa.v >> PAGE_SHIFT))) {
            log_debug("guest: %s %#llx, where nothing is", write ? "writes" : "reads",
                      (unsigned long long)gpa.v);
        }
        return size_mask(size);
    }
    a.offset = gpa.v - r->base;
    r->fn(r->dev, &a);
    return a.value & size_mask(size);
}

static int64_t sign_extend(uint64_t value, unsigned size)
{
    unsigned shift = 64 - 8 * size;

    return (int64_t)(value << shift) >> shift;
}

/* MOV, MOVZX and MOVSX in either direction. */
static void do_move(struct vcpu *v, const struct insn *in, gpa_t gpa)
{
    uint64_t *gpr = v->regs.gpr;
    uint64_t value;

    if (in->write) {
        value =
            in->form == INSN_RM_IMM ? in->imm : gpr_read(gpr, in->reg, in->mem_size, in->reg_high);
        mem_access(v, gpa, in->mem_size, true, value & size_mask(in->mem_size));
        return;
    }
    value = mem_access(v, gpa, in->mem_size, false, 0);
    if (in->op == INSN_MOVSX) {
        value = (uint64_t)sign_extend(value, in->mem_size);
    }
    gpr_write(gpr, in->reg, in->op_size, in->reg_high, value);
}

/* The operand of an arithmetic instruction that is not in memory. */
static uint64_t other_operand(const struct vcpu *v, const struct insn *in)
{
    const uint64_t *gpr = v->regs.gpr;

    switch (in->form) {
    case INSN_RM:
        return 0;
    case INSN_RM_IMM:
        return in->imm & size_mask(in->op_size);
    case INSN_RM_CL:
        return gpr_read(gpr, RCX, 1, false);
    default:
        return gpr_read(gpr, in->reg, in->op_size, in->reg_high);
    }
}

/* ADD to SAR: read, compute, write back; the flags. */
static void do_alu(struct vcpu *v, const struct insn *in, gpa_t gpa)
{
    uint64_t *gpr = v->regs.gpr;
    uint64_t mem = mem_access(v, gpa, in->mem_size, false, 0);
    uint64_t other = other_operand(v, in);
    bool to_reg = in->form == INSN_REG_RM;
    uint64_t result;

    (void)alu_compute(in->op, in->op_size, to_reg ? other : mem, to_reg ? mem : other,
                      &v->regs.rflags, &result);
    if (to_reg && in->op != INSN_CMP) {
        gpr_write(gpr, in->reg, in->op_size, in->reg_high, result);
    } else if (in->write) {
        mem_access(v, gpa, in->mem_size, true, result);
    }
}

static void do_xchg(struct vcpu *v, const struct insn *in, gpa_t gpa)
{
    uint64_t *gpr = v->regs.gpr;
    uint64_t old = mem_access(v, gpa, in->mem_size, false, 0);

    mem_access(v, gpa, in->mem_size, true, gpr_read(gpr, in->reg, in->op_size, in->reg_high));
    gpr_write(gpr, in->reg, in->op_size, in->reg_high, old);
}

/* XADD: the sum goes to memory, what was there to the register. */
static void do_xadd(struct vcpu *v, const struct insn *in, gpa_t gpa)
{
    uint64_t *gpr = v->regs.gpr;
    uint64_t old = mem_access(v, gpa, in->mem_size, false, 0);
    uint64_t sum;

    (void)alu_compute(INSN_ADD, in->op_size, old, gpr_read(gpr, in->reg, in->op_size, in->reg_high),
                      &v->regs.rflags, &sum);
    gpr_write(gpr, in->reg, in->op_size, in->reg_high, old);
    mem_access(v, gpa, in->mem_size, true, sum);
}

/* CMPXCHG: memory is written in any case, with what was there if it is not equal to rAX. */
static void do_cmpxchg(struct vcpu *v, const struct insn *in, gpa_t gpa)
{
    uint64_t *gpr = v->regs.gpr;
    uint64_t old = mem_access(v, gpa, in->mem_size, false, 0);
    uint64_t expected = gpr_read(gpr, RAX, in->op_size, false);
    uint64_t unused;

    (void)alu_compute(INSN_CMP, in->op_size, expected, old, &v->regs.rflags, &unused);
    if (expected == old) {
        old = gpr_read(gpr, in->reg, in->op_size, in->reg_high);
    } else {
        gpr_write(gpr, RAX, in->op_size, false, old);
    }
    mem_access(v, gpa, in->mem_size, true, old);
}

/* One side of a string instruction: RAM, maybe across the border of two pages, or a device. False
 * if a fault was queued. */
static bool linear_access(struct vcpu *v, const struct guest_view *view, uint64_t linear,
                          unsigned size, bool write, uint64_t *value)
{
    uint64_t left;
    gpa_t gpa;

    if (!guest_translate(v, view, linear, write, &gpa, &left)) {
        return false;
    }
    if (!vm_ram(v->vm, gpa, 1)) {
        *value = mem_access(v, gpa, size, write, *value);
        return true;
    }
    if (write) {
        return guest_write(v, view, linear, value, size);
    }
    *value = 0;
    return guest_read(v, view, linear, value, size);
}

static bool compares(const struct insn *in)
{
    return in->op == INSN_SCAS || in->op == INSN_CMPS;
}

/* One element of a string instruction: from DS:rSI, if it has that, and to or from ES:rDI, if it
 * has that; rAX stands for the one that it has not. False if a fault was queued. */
static bool string_element(struct vcpu *v, const struct guest_view *view, const struct insn *in)
{
    uint64_t *gpr = v->regs.gpr;
    unsigned size = in->mem_size;
    uint64_t step = v->regs.rflags & RFLAGS_DF ? (uint64_t) - (int64_t)size : size;
    uint64_t source = guest_linear(view, in->mem.seg, gpr_read(gpr, RSI, in->addr_size, false));
    uint64_t dest = guest_linear(view, SEG_ES, gpr_read(gpr, RDI, in->addr_size, false));
    uint64_t value = gpr_read(gpr, RAX, size, false);
    uint64_t other, left;
    gpa_t gpa;
    bool has_source = in->op != INSN_STOS && in->op != INSN_SCAS;
    bool has_dest = in->op != INSN_LODS;
    bool stores = in->op == INSN_MOVS || in->op == INSN_STOS;

    if (has_dest && !guest_translate(v, view, dest, stores, &gpa, &left)) {
        return false; /* before a device is read */
    }
    if (has_source && !linear_access(v, view, source, size, false, &value)) {
        return false;
    }
    other = value;
    if (has_dest && !linear_access(v, view, dest, size, stores, &other)) {
        return false;
    }
    if (compares(in)) {
        (void)alu_compute(INSN_CMP, size, value, other, &v->regs.rflags, &value);
    } else if (!has_dest) {
        gpr_write(gpr, RAX, size, false, value);
    }
    if (has_source) {
        gpr_write(gpr, RSI, in->addr_size, false, gpr[RSI] + step);
    }
    if (has_dest) {
        gpr_write(gpr, RDI, in->addr_size, false, gpr[RDI] + step);
    }
    return true;
}

/* REPE ends with the first element that differs, REPNE with the first that does not (Intel SDM
 * vol. 2, "REP/REPE/REPZ/REPNE/REPNZ"). */
static bool goes_on(const struct vcpu *v, const struct insn *in)
{
    return !compares(in) || !(v->regs.rflags & RFLAGS_ZF) == (in->rep == 0xF2);
}

static enum exit_action do_string(struct vcpu *v, const struct guest_view *view,
                                  const struct insn *in)
{
    if (!in->rep) {
        return string_element(v, view, in) ? ACT_ADVANCE : ACT_RESUME;
    }
    for (unsigned i = 0; i < STRING_BATCH; i++) {
        uint64_t count = gpr_read(v->regs.gpr, RCX, in->addr_size, false);

        if (count == 0) {
            return ACT_ADVANCE;
        }
        if (!string_element(v, view, in)) {
            return ACT_RESUME;
        }
        gpr_write(v->regs.gpr, RCX, in->addr_size, false, count - 1);
        if (!goes_on(v, in)) {
            return ACT_ADVANCE;
        }
    }
    return ACT_RESUME;
}

/* Bytes of the stack pointer that count. */
static unsigned stack_size(const struct guest_view *view)
{
    return view->mode == INSN_64 ? 8 : view->segs.seg[SEG_SS].attr & SEG_ATTR_DB ? 4 : 2;
}

/* PUSH from and POP to memory: a device is at one end, or at both. POP computes the address of its
 * operand with the new rSP (Intel SDM vol. 2, "POP"). */
static enum exit_action do_stack(struct vcpu *v, const struct guest_view *view,
                                 const struct insn *in)
{
    uint64_t *gpr = v->regs.gpr;
    unsigned size = stack_size(view);
    bool push = in->op == INSN_PUSH;
    uint64_t before = gpr[RSP];
    uint64_t moved = push ? before - in->mem_size : before + in->mem_size;
    uint64_t stack = guest_linear(view, SEG_SS, (push ? moved : before) & size_mask(size));
    uint64_t operand, left, value = 0;
    gpa_t gpa;

    if (!push) {
        gpr_write(gpr, RSP, size, false, moved);
    }
    operand =
        guest_linear(view, in->mem.seg, insn_effective_address(in, gpr, v->regs.rip + in->len));
    if (!guest_translate(v, view, push ? stack : operand, true, &gpa, &left) ||
        !linear_access(v, view, push ? operand : stack, in->mem_size, false, &value) ||
        !linear_access(v, view, push ? stack : operand, in->mem_size, true, &value)) {
        gpr[RSP] = before;
        return ACT_RESUME;
    }
    gpr_write(gpr, RSP, size, false, moved);
    return ACT_ADVANCE;
}

/* MOV of a selector: two bytes, whatever the operand size is. */
static enum exit_action do_store_selector(struct vcpu *v, const struct guest_view *view,
                                          const struct insn *in, gpa_t gpa)
{
    mem_access(v, gpa, in->mem_size, true, view->segs.seg[in->reg].sel);
    return ACT_ADVANCE;
}

static enum exit_action execute(struct vcpu *v, const struct guest_view *view,
                                const struct insn *in, gpa_t gpa)
{
    static void (*const plain[INSN_OP_COUNT])(struct vcpu *, const struct insn *, gpa_t) = {
        [INSN_MOV] = do_move,  [INSN_MOVZX] = do_move, [INSN_MOVSX] = do_move,
        [INSN_XCHG] = do_xchg, [INSN_XADD] = do_xadd,  [INSN_CMPXCHG] = do_cmpxchg,
    };

    if (in->op >= INSN_STOS && in->op <= INSN_CMPS) {
        return do_string(v, view, in);
    }
    if (in->has_mem && (in->op == INSN_PUSH || in->op == INSN_POP)) {
        return do_stack(v, view, in);
    }
    if (in->has_mem && in->op == INSN_MOV_SREG && in->reg <= SEG_GS) {
        return do_store_selector(v, view, in, gpa);
    }
    if (in->has_mem && plain[in->op]) {
        plain[in->op](v, in, gpa);
        return ACT_ADVANCE;
    }
    if (in->has_mem && in->op >= INSN_ADD && in->op <= INSN_SAR) {
        do_alu(v, in, gpa);
        return ACT_ADVANCE;
    }
    vm_kill(v->vm,
            "instruction with opcode %#x at %#llx touches a device; pxHV does not emulate it",
            in->opcode, (unsigned long long)v->regs.rip);
    return ACT_STOP;
}

enum exit_action on_mmio(struct vcpu *v, struct vm_exit *x)
{
    struct guest_view view;
    struct insn in;

    if (vm_ram(v->vm, x->mmio.gpa, 1)) {
        v->stats.npt_ram++;
        vm_kill(v->vm, "guest RAM at %#llx is not mapped", (unsigned long long)x->mmio.gpa.v);
        return ACT_STOP;
    }
    if (v->event.type != EVENT_NONE) { /* no instruction did this */
        vm_kill(v->vm,
                "vector %u cannot be delivered: its table or stack is at %#llx, where no RAM is",
                v->event.vector, (unsigned long long)x->mmio.gpa.v);
        return ACT_STOP;
    }
    if (x->mmio.tables) {
        vm_kill(v->vm, "the guest's page tables lie at %#llx, where no RAM is",
                (unsigned long long)x->mmio.gpa.v);
        return ACT_STOP;
    }
    if (x->mmio.fetch) {
        vm_kill(v->vm, "the guest executes at %#llx, where no RAM is",
                (unsigned long long)x->mmio.gpa.v);
        return ACT_STOP;
    }
    guest_view_load(v, &view);
    if (!guest_fetch_insn(v, &view, &in)) {
        return ACT_RESUME;
    }
    x->insn_len = in.len;
    return execute(v, &view, &in, x->mmio.gpa);
}
