/* What each host CPU has of its own, behind GS: descriptor tables, stacks, counters. Only its own
 * CPU touches it: no lock. */
#pragma once
#include "arch/x86_64/cpu.h"
#include <stdint.h>

enum { SEL_CODE = 0x08, SEL_DATA = 0x10, SEL_TSS = 0x18, GDT_ENTRIES = 5 };
enum { IST_DF = 1, IST_NMI = 2, IST_MC = 3 };

/* Intel SDM vol. 3, "Task Management in 64-bit Mode". */
struct tss {
    uint32_t reserved0;
    uint64_t rsp[3];
    uint64_t reserved1;
    uint64_t ist[7];
    uint64_t reserved2;
    uint16_t reserved3, io_map_base;
} __attribute__((packed));
_Static_assert(sizeof(struct tss) == 104, "the architecture's");

enum { HOST_CPUS = 8 }; /* percpu.id is below it */

struct percpu {
    struct percpu *self; /* first: read through GS */
    unsigned id;
    uint64_t gdt[GDT_ENTRIES];
    struct tss tss;
    uint64_t nmi_count, spurious_count;
    uint64_t irq_count;      /* every interrupt that has a handler, the timer's too */
    uint64_t timer_irqs;     /* those of host_timer.c */
    uint64_t timer_deadline; /* host_timer.c: what is armed, in TSC ticks; UINT64_MAX: nothing */
};

static inline struct percpu *this_cpu(void)
{
    return cpu_gs_word();
}

/* GDT, TSS with its IST stacks, IDT and GS of this CPU. After it, an exception ends in a report
 * instead of a reset. */
void cpu_tables_load(struct percpu *p, unsigned id);

/* Turns on what protects the core from itself where the CPU has it: SMEP, SMAP, UMIP, and XSAVE for
 * the guest's sake. */
void cpu_features_enable(void);

/* Clears what no exit saves and the host does not use, so that a new guest finds nothing of the
 * last one: CR2, debug registers, TSC_AUX, and all state that XSAVE knows, with XCR0 = 1. */
void cpu_forget_guest(void);
