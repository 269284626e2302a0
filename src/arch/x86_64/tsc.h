/* How fast the time-stamp counter runs, and the clock made of it. Set once while starting up: no
 * lock. */
#pragma once
#include <stdint.h>

/* Ticks a second: what CPUID or a hypervisor above us says if a short measurement against the PIT
 * agrees within one in 64, else what was measured; 0 if there is neither. Takes a millisecond. */
uint64_t tsc_hz_find(void);
