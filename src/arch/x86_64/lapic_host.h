/* The host's own local APIC and I/O APIC, as far as pxHV needs them: to be interrupted by a serial
 * port or keyboard, and to see no interrupt of anything else. The boot CPU sets them up: no lock.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* Masks both 8259A controllers and moves their vectors out of the exceptions' way. */
void pic_host_mask(void);

/* Takes the local APIC into service at its mapped registers (mmio
 * is NULL in x2APIC mode). */
void lapic_host_init(volatile uint32_t *mmio);
/* Does nothing before lapic_host_init(). */
void lapic_host_eoi(void);
uint32_t lapic_host_id(void);
/* Whether lapic_host_init() was called. The functions below need it. */
bool lapic_host_ready(void);

/* The local APIC's timer (Intel SDM vol. 3, "APIC Timer"; AMD APM vol. 2, "APIC Timer Interrupt").
 * It interrupts this CPU as `vector`, once for each lapic_host_timer_start() or, in TSC-deadline
 * mode, for each write of IA32_TSC_DEADLINE, which may follow at once. */
void lapic_host_timer_mode(uint8_t vector, bool tsc_deadline);
/* Counts down from `count` in ticks of the undivided APIC clock; 0 stops it. Before
 * lapic_host_timer_mode() it counts without interrupting. */
void lapic_host_timer_start(uint32_t count);
/* Makes this interrupt of this CPU pending at once. */
void lapic_host_self_ipi(uint8_t vector);
/* What is left of the count. */
uint32_t lapic_host_timer_left(void);

/* Masks all pins of the I/O APIC behind these registers, but for those that firmware has sent as
 * SMIs. */
void ioapic_host_init(volatile uint32_t *mmio);

/* Sends a pin's interrupt to the boot CPU as `vector`. */
void ioapic_host_route(unsigned pin, uint8_t vector, bool level, bool active_low);
