/* What the three files of the local APIC share: lapic.c (interrupts), lapic_timer.c, lapic_regs.c
 * (the guest's view). Nobody else includes it. No lock: see lapic.h. */
#pragma once
#include "devices/lapic.h"
#include "lib/bits.h"

/* IA32_APIC_BASE */
#define APIC_BASE_BSP  BIT(8)
#define APIC_BASE_EXTD BIT(10) /* x2APIC mode */
#define APIC_BASE_EN   BIT(11)

#define APIC_SVR_ENABLE BIT32(8)
#define APIC_LVT_MASKED BIT32(16)
#define APIC_ICR_BUSY   BIT(12) /* delivery status: a message is gone as soon as it is written */

/* struct lapic.lvt, in the order of their registers. */
enum { LVT_TIMER, LVT_THERMAL, LVT_PERF, LVT_LINT0, LVT_LINT1, LVT_ERROR, LVT_COUNT };

/* Delivery modes of LVT entries and of the ICR. */
enum {
    APIC_FIXED = 0,
    APIC_LOWEST = 1,
    APIC_NMI = 4,
    APIC_INIT = 5,
    APIC_SIPI = 6,
    APIC_EXTINT = 7
};

/* Bits of the error status register. */
enum {
    APIC_ERR_SEND_VECTOR = BIT32(5),
    APIC_ERR_RECEIVE_VECTOR = BIT32(6),
    APIC_ERR_REGISTER = BIT32(7)
};

static inline bool lapic_is_on(const struct lapic *l)
{
    return (l->base & APIC_BASE_EN) != 0;
}

static inline bool lapic_is_x2(const struct lapic *l)
{
    return (l->base & APIC_BASE_EXTD) != 0;
}

/* The logical ID of x2APIC mode, which follows from the ID. */
static inline uint32_t lapic_x2_ldr(const struct lapic *l)
{
    return l->id >> 4 << 16 | BIT32(l->id & 15);
}

/* lapic.c */
void lapic_reset(struct lapic *l);         /* all but the ID and IA32_APIC_BASE */
uint32_t lapic_ppr(const struct lapic *l); /* the processor priority */
void lapic_recheck(struct lapic *l);       /* kicks if a vector has become deliverable */
void lapic_error(struct lapic *l, uint32_t esr_bit);
void lapic_lvt_fire(struct lapic *l, unsigned lvt);
void lapic_send(struct lapic *l, uint64_t icr); /* an IPI; keeps nothing of the ICR */

/* lapic_timer.c: all times are ticks of l->clock */
void lapic_timer_bind(struct lapic *l, struct timer_queue *timers);
void lapic_timer_stop(struct lapic *l);
void lapic_timer_mode_changed(struct lapic *l, uint32_t old_lvt);
void lapic_timer_set_initial(struct lapic *l, uint32_t count);
void lapic_timer_set_divide(struct lapic *l, uint32_t divide);
uint32_t lapic_timer_current(const struct lapic *l);
uint64_t lapic_timer_get_deadline(const struct lapic *l);
void lapic_timer_set_deadline(struct lapic *l, uint64_t deadline);
