/* How fast the time-stamp counter runs, and the clock made of it. Set once while starting up: no
 * lock. */
#pragma once
#include <stdint.h>

/* Ticks a second: what CPUID or a hypervisor above us says, unless a short measurement against the
 * PIT comes out at less than half or more than double of it, else what was measured; 0 if there is
 * neither. Takes three milliseconds. */
uint64_t tsc_hz_find(void);
