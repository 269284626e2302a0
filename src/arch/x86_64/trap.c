#include "arch/x86_64/trap.h"
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/lapic_host.h"
#include "arch/x86_64/panic_frame.h"
#include "arch/x86_64/percpu.h"
#include "lib/bits.h"
#include "lib/panic.h"
#include <stddef.h>

#define RFLAGS_RF BIT(16)
enum { GATE_INTERRUPT = 0x8e, STUB_SIZE = 16, EXCEPTIONS = 32 };

struct gate { /* Intel SDM vol. 3, "64-Bit Mode IDT" */
    uint16_t offset_low, selector;
    uint8_t ist, type;
    uint16_t offset_mid;
    uint32_t offset_high, reserved;
};
_Static_assert(sizeof(struct gate) == 16, "the architecture's");

struct fixup {
    uint64_t fault, resume;
};

extern const char isr_stubs[];
extern const struct fixup fixup_table[], fixup_table_end[];

static struct gate idt[256];
static struct {
    void (*fn)(void *ctx);
    void *ctx;
} irq[256];

static uint8_t ist_of(unsigned vector)
{
    switch (vector) {
    case VEC_HOST_DF:
        return IST_DF;
    case VEC_HOST_NMI:
        return IST_NMI;
    case VEC_HOST_MC:
        return IST_MC;
    default:
        return 0;
    }
}

void trap_load_idt(void)
{
    struct cpu_table_ptr ptr = { .limit = sizeof idt - 1, .base = (uintptr_t)idt };

    for (unsigned v = 0; v < 256; v++) {
        uint64_t at = (uintptr_t)isr_stubs + (uint64_t)v * STUB_SIZE;

        idt[v] = (struct gate){ .offset_low = (uint16_t)at,
                                .selector = SEL_CODE,
                                .ist = ist_of(v),
                                .type = GATE_INTERRUPT,
                                .offset_mid = (uint16_t)(at >> 16),
                                .offset_high = hi32(at) };
    }
    cpu_lidt(&ptr);
}

uint64_t trap_idt_base(void)
{
    return (uintptr_t)idt;
}

void trap_set_irq(uint8_t vector, void (*fn)(void *ctx), void *ctx)
{
    ASSERT(vector >= VEC_FIRST_IRQ && vector != VEC_SPURIOUS);
    irq[vector].fn = fn;
    irq[vector].ctx = ctx;
}

static bool fix_up(struct trap_frame *f)
{
    for (const struct fixup *x = fixup_table; x < fixup_table_end; x++) {
        if (x->fault == f->rip) {
            f->rip = x->resume;
            return true;
        }
    }
    return false;
}

static void handle_irq(unsigned vector)
{
    if (vector == VEC_SPURIOUS || !irq[vector].fn) {
        this_cpu()->spurious_count++;
    } else {
        this_cpu()->irq_count++;
        irq[vector].fn(irq[vector].ctx);
    }
    if (vector != VEC_SPURIOUS) {
        lapic_host_eoi();
    }
}

void trap_handle(struct trap_frame *f)
{
    if (f->vector == VEC_HOST_DB) {
        /* The host sets neither TF nor DR7: it is a leftover of a guest. Bochs 2.7 delivers one at
         * a #VMEXIT, where GS is still the guest's: nothing may be counted. RF, lest a breakpoint
         * on an instruction comes again for ever. */
        f->rflags |= RFLAGS_RF;
    } else if (f->vector >= EXCEPTIONS) {
        handle_irq((unsigned)f->vector & 0xff);
    } else if (f->vector == VEC_HOST_NMI) {
        this_cpu()->nmi_count++;
    } else if (!fix_up(f)) {
        panic_frame(f);
    }
}
