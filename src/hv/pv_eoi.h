/* KVM's paravirtual end of interrupt: the guest clears a bit in its memory instead of writing the
 * EOI register, which spares one exit for each interrupt. One vCPU's: no lock. Linux kernel
 * documentation, "KVM-specific MSRs", MSR_KVM_PV_EOI_EN. */
#pragma once
#include "hv/vcpu.h"
#include <stdbool.h>

#define MSR_KVM_PV_EOI_EN 0x4b564d04u

/* False if the CPU would raise #GP: reserved bits, or an address that is not guest RAM. */
bool pv_eoi_enable(struct vcpu *v, uint64_t value);

/* The interrupt just delivered may be ended without an exit, if nothing else waits for its end. */
void pv_eoi_offer(struct vcpu *v, uint8_t vector);

/* Carries out an end of interrupt that the guest has noted in its memory. Called before the APIC's
 * state is looked at or changed. */
void pv_eoi_collect(struct vcpu *v);
