/* A vCPU without a CPU: virt_ops that note what they are told, 128 KiB of guest RAM in two pieces
 * that lie apart on the host, a real local APIC. Shared by the tests of hv/; one program has one
 * of it. */
#pragma once
#include "arch/x86_64/cpu.h"
#include "hv/cpuid.h"
#include "hv/vm.h"
#include "lib/log.h"
#include "unit.h"

#include <string.h>

enum { RAM_PIECE = 0x10000, RAM_END = 2 * RAM_PIECE, RIG_EVENTS = 8 };

static uint8_t ram_low[RAM_PIECE];
static uint8_t guard[64]; /* keeps the pieces apart */
static uint8_t ram_high[RAM_PIECE];

static struct cpuid_table cpuid;
static struct vm vm;
static struct vcpu vcpu;

static struct {
    struct vcpu_crs crs;
    struct vcpu_segs segs;
    uint64_t cr2;
    unsigned crs_written;
    bool irq_blocked, nmi_blocked, no_real_mode;
    struct vm_event event[RIG_EVENTS]; /* injected */
    unsigned events;
    bool window_irq, window_nmi;
    bool pause_exits;
    unsigned resets;
    uint64_t hidden_rsp, hidden_rflags; /* until load_regs */
    bool halted;
    unsigned flushes; /* of nested tables */
    unsigned rip_set;
} rig;

static inline void rig_set_cr2(struct vcpu *v, uint64_t at)
{
    (void)v;
    rig.cr2 = at;
}

void log_print(enum log_level level, const char *fmt, ...)
{
    (void)level;
    (void)fmt;
}

static inline void rig_get_crs(struct vcpu *v, struct vcpu_crs *out)
{
    (void)v;
    *out = rig.crs;
}

static inline void rig_set_crs(struct vcpu *v, const struct vcpu_crs *in)
{
    (void)v;
    rig.crs = *in;
    rig.crs_written++;
}

static inline void rig_get_segs(struct vcpu *v, struct vcpu_segs *out)
{
    (void)v;
    *out = rig.segs;
}

static inline void rig_set_segs(struct vcpu *v, const struct vcpu_segs *in)
{
    (void)v;
    rig.segs = *in;
}

static inline void rig_load_regs(struct vcpu *v)
{
    if (!v->regs_loaded) {
        v->regs.gpr[RSP] = rig.hidden_rsp;
        v->regs.rflags = rig.hidden_rflags;
        v->regs_loaded = true;
    }
}

static inline bool rig_can_inject(struct vcpu *v, enum event_type type)
{
    (void)v;
    return !(type == EVENT_NMI ? rig.nmi_blocked : rig.irq_blocked);
}

static inline void rig_inject(struct vcpu *v, const struct vm_event *e)
{
    (void)v;
    assert_true(rig.events < RIG_EVENTS);
    rig.event[rig.events++] = *e;
}

static inline void rig_want_window(struct vcpu *v, bool irq, bool nmi)
{
    (void)v;
    rig.window_irq = irq;
    rig.window_nmi = nmi;
}

static inline void rig_set_rip(struct vcpu *v)
{
    (void)v;
    rig.rip_set++;
}

static inline void rig_set_halted(struct vcpu *v, bool halted)
{
    (void)v;
    rig.halted = halted;
}

static inline void rig_want_pause(struct vcpu *v, bool on)
{
    (void)v;
    rig.pause_exits = on;
}

static inline void rig_cpu_reset(struct vcpu *v)
{
    (void)v;
    rig.resets++;
    rig.halted = false;
}

static inline void rig_flush_npt(struct vcpu *v)
{
    assert_non_null(v);
    rig.flushes++;
}

static inline bool rig_real_mode(void)
{
    return !rig.no_real_mode;
}

static const struct virt_ops rig_ops = {
    .id = "rig",
    .get_crs = rig_get_crs,
    .set_crs = rig_set_crs,
    .set_cr2 = rig_set_cr2,
    .get_segs = rig_get_segs,
    .set_segs = rig_set_segs,
    .load_regs = rig_load_regs,
    .can_inject = rig_can_inject,
    .inject = rig_inject,
    .want_window = rig_want_window,
    .set_rip = rig_set_rip,
    .set_halted = rig_set_halted,
    .flush_npt = rig_flush_npt,
    .reset = rig_cpu_reset,
    .want_pause = rig_want_pause,
    .real_mode = rig_real_mode,
};

static inline void rig_kick(void *ctx)
{
    ((struct vcpu *)ctx)->look = true;
}

static inline void rig_nmi(void *ctx)
{
    ((struct vcpu *)ctx)->nmi_pending = true;
    rig_kick(ctx);
}

static inline void rig_eoi(void *ctx, uint8_t vector)
{
    (void)ctx;
    (void)vector;
}

static inline void rig_ipi(void *ctx, uint64_t icr)
{
    (void)ctx;
    (void)icr;
}

static inline uint64_t rig_now(void *ctx)
{
    (void)ctx;
    return 1000;
}

static const struct clock rig_clock = { .now = rig_now, .hz = 1000000000 };
static const struct lapic_ops rig_lapic_ops = { rig_kick, rig_nmi, rig_eoi, rig_ipi };

static inline void rig_apic_write(unsigned offset, uint32_t value)
{
    struct io_access a = { .offset = offset, .size = 4, .write = true, .value = value };

    lapic_mmio(&vcpu.lapic, &a);
}

/* Protected mode, flat 32-bit segments, paging off; RAM at 0, zeroed; the APIC on. */
static inline void rig_reset(void)
{
    memset(ram_low, 0, sizeof ram_low);
    memset(guard, 0, sizeof guard);
    memset(ram_high, 0, sizeof ram_high);
    memset(&cpuid, 0, sizeof cpuid);
    memset(&vm, 0, sizeof vm);
    memset(&vcpu, 0, sizeof vcpu);
    memset(&rig, 0, sizeof rig);
    cpuid.ext[8].eax = 40;
    vm.ops = &rig_ops;
    vm.clock = &rig_clock;
    vm.cpuid = &cpuid;
    vm.ram[0] = (struct vm_ram){ GPA(0), RAM_PIECE, ram_low };
    vm.ram[1] = (struct vm_ram){ GPA(RAM_PIECE), RAM_PIECE, ram_high };
    vm.ram_count = 2;
    vcpu.vm = &vm;
    vcpu.regs_loaded = true;
    vcpu.regs.rflags = RFLAGS_FIXED;
    rig.crs.cr0 = CR0_PE | CR0_ET;
    for (unsigned i = 0; i < SEG_COUNT; i++) {
        rig.segs.seg[i] = (struct segment){ .limit = UINT32_MAX, .attr = 0xc093 };
    }
    rig.segs.seg[SEG_CS].attr = 0xc09b;
    timer_queue_init(&vcpu.timers);
    lapic_init(&vcpu.lapic, 0, true, &rig_clock, &vcpu.timers, &rig_lapic_ops, &vcpu);
    rig_apic_write(0xf0, 0x1ff);
    vcpu.look = false;
}

static inline int rig_setup(void **state)
{
    (void)state;
    rig_reset();
    return 0;
}

/* 64-bit code with an identity map of RAM in 4 KiB pages: tables at 0x1000 to 0x4fff. */
static inline int rig_setup_long(void **state)
{
    enum { PRESENT_WRITE_USER = 7 };
    uint64_t *table = (uint64_t *)(void *)ram_low;

    rig_setup(state);
    table[0x1000 / 8] = 0x2000 | PRESENT_WRITE_USER;
    table[0x2000 / 8] = 0x3000 | PRESENT_WRITE_USER;
    table[0x3000 / 8] = 0x4000 | PRESENT_WRITE_USER;
    for (uint64_t i = 0; i < RAM_END / PAGE_SIZE; i++) {
        table[0x4000 / 8 + i] = i * PAGE_SIZE | PRESENT_WRITE_USER;
    }
    rig.crs = (struct vcpu_crs){ .cr0 = CR0_PE | CR0_ET | CR0_PG | CR0_WP,
                                 .cr3 = 0x1000,
                                 .cr4 = CR4_PAE,
                                 .efer = EFER_LME | EFER_LMA | EFER_NXE };
    rig.segs.seg[SEG_CS].attr = 0xa09b;
    return 0;
}

/* Takes a page of the map of rig_setup_long away. */
static inline void rig_unmap(uint64_t at)
{
    memset(ram_low + 0x4000 + at / PAGE_SIZE * 8, 0, 8);
}

static inline void assert_queued(uint8_t vector, bool has_code, uint32_t code)
{
    assert_int_equal(vcpu.event.type, EVENT_FAULT);
    assert_int_equal(vcpu.event.vector, vector);
    assert_int_equal(vcpu.event.has_code, has_code);
    assert_int_equal(vcpu.event.code, code);
    assert_true(vcpu.look);
    assert_int_equal(vm.stop, VM_RUNNING);
}

static inline void assert_nothing_queued(void)
{
    assert_int_equal(vcpu.event.type, EVENT_NONE);
    assert_int_equal(vm.stop, VM_RUNNING);
}
