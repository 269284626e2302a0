/* The guest's local APIC, by MMIO (xAPIC) and by MSR (x2APIC), with one-shot, periodic and
 * TSC-deadline timer. Owned by the vCPU that it belongs to; an IPI from another vCPU will need its
 * lock, which does not exist yet. Intel SDM vol. 3, "Advanced Programmable Interrupt Controller".
 */
#pragma once
#include "devices/clock.h"
#include "devices/io_bus.h"
#include "devices/timer.h"
#include <stdbool.h>
#include <stdint.h>

#define LAPIC_BASE_GPA UINT64_C(0xfee00000)

struct lapic;
/* What the APIC tells the rest of the machine. */
struct lapic_ops {
    /* Something may have become deliverable (or an NMI / INIT / SIPI message came in): look again.
     */
    void (*kick)(void *ctx);
    void (*nmi)(void *ctx);
    /* A level-triggered vector was acknowledged: the I/O APIC looks at its pins again. */
    void (*eoi)(void *ctx, uint8_t vector);
    /* An IPI that others may be meant by. A fixed one, a lowest-priority one or an NMI has reached
     * this APIC already if that is meant too; an INIT has not. */
    void (*ipi)(void *ctx, uint64_t icr);
};

/* One bit for each of 256 vectors, and which words have any: the highest is found without a loop.
 */
struct lapic_vectors {
    uint32_t word[8];
    uint32_t used; /* bit i: word[i] is not 0 */
};

struct lapic {
    uint32_t id;   /* the x2APIC ID, and the xAPIC ID in its low 8 bits */
    uint64_t base; /* IA32_APIC_BASE */
    uint32_t tpr, ldr, dfr, svr, esr, esr_pending;
    uint32_t lvt[6]; /* timer, thermal, perf, LINT0, LINT1, error: see lapic_priv.h */
    uint64_t icr;
    struct lapic_vectors irr, isr, tmr;
    uint32_t divide, initial; /* of the timer; in TSC-deadline mode: unused */
    uint64_t start;           /* tick at which the running period began */
    uint64_t deadline;        /* IA32_TSC_DEADLINE; 0 = not armed */
    struct timer timer;
    const struct clock *clock; /* the timer counts at the clock's own rate */
    const struct lapic_ops *ops;
    void *ctx;
};

/* Power-on state; is_bsp sets the BSP bit of IA32_APIC_BASE. */
void lapic_init(struct lapic *l, uint32_t id, bool is_bsp, const struct clock *clock,
                struct timer_queue *timers, const struct lapic_ops *ops, void *ctx);

/* The vector that the CPU should take now (above the processor priority), or -1. */
int lapic_pending(const struct lapic *l);

/* The CPU takes that vector: IRR -> ISR. */
void lapic_accept(struct lapic *l, uint8_t vector);

/* A message for this APIC from an I/O APIC, MSI or IPI. Vectors below 16 set ESR. */
void lapic_deliver(struct lapic *l, uint8_t vector, bool level);

/* End of interrupt, as by a write to the EOI register. */
void lapic_eoi(struct lapic *l);

/* A rising edge on LINT0 (pin 0) or LINT1 (pin 1): what its LVT entry says, a kick if that is
 * ExtINT. While the APIC is globally disabled the pins are INTR and NMI. */
void lapic_lint(struct lapic *l, unsigned pin);

/* True if an edge on LINT0 in ExtINT mode (a PIC in virtual-wire mode) reaches the CPU. True also
 * while the APIC is globally disabled by IA32_APIC_BASE. */
bool lapic_extint_enabled(const struct lapic *l);

/* True if this APIC is meant by a message with this destination (8 bits in xAPIC mode). */
bool lapic_matches(const struct lapic *l, uint32_t dest, bool logical);

/* RDMSR / WRMSR of IA32_APIC_BASE, IA32_TSC_DEADLINE and 0x800-0x8ff; false: the CPU raises #GP. */
bool lapic_msr_read(struct lapic *l, uint32_t msr, uint64_t *value);
bool lapic_msr_write(struct lapic *l, uint32_t msr, uint64_t value);

/* The xAPIC page; dev is the struct lapic. Accesses that are not 4 bytes at a 16-byte boundary read
 * 0 and write nothing, as does the page in x2APIC mode. */
io_fn lapic_mmio;

/* CR8 is bits 7:4 of the task priority. */
uint64_t lapic_get_cr8(const struct lapic *l);
void lapic_set_cr8(struct lapic *l, uint64_t value);
