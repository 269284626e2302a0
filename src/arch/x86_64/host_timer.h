/* One interrupt at a chosen tick of the time-stamp counter, from the local APIC: what ends a
 * guest's run in time on a CPU without a preemption timer. Each CPU calls it with interrupts off:
 * no lock.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* Takes this CPU's timer into service, off (Intel SDM vol. 3, "APIC Timer"; AMD APM vol. 2, "APIC
 * Timer Interrupt"): in TSC-deadline mode where the CPU has it, else as a one-shot counter, whose
 * rate is measured in two million TSC ticks. After lapic_host_init(); may be called again. False:
 * the local APIC is not in service, or its timer does not count. */
bool host_timer_init(void);

/* Interrupts this CPU at tick `deadline` of the host's TSC, or shortly before it: whoever is not
 * there yet arms again. A deadline in the past fires at once; UINT64_MAX turns the timer off. To
 * arm what is armed already costs one compare. Only after host_timer_init() said true. */
void host_timer_arm(uint64_t deadline);

/* Lets the timer's interrupt come at once, before the next instruction that takes interrupts. */
void host_timer_fire(void);
