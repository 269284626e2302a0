/* What is delivered to a guest and when: queued faults, NMIs, interrupts of PIC and local APIC.
 * Runs on the vCPU's own CPU: no lock. */
#pragma once
#include "hv/vcpu.h"

/* Injects the most urgent thing that can be delivered now and asks for a window for the rest. */
void inject_pending(struct vcpu *v);
