/* Finds out that a guest waits by polling, as DOS does at its prompt: it then sleeps instead. Part
 * of a vCPU: no lock. */
#pragma once
#include <stdint.h>

struct vcpu;

struct idle_watch {
    uint64_t since;    /* host TSC tick at which the polling began, or may begin to count */
    uint64_t ran;      /* ticks that the guest had run at its last PAUSE */
    uint64_t accesses; /* to devices that it had made by then */
    uint64_t state;    /* a digest of its registers and stack then */
};

/* The guest did something that shows, such as changing its screen: it is not idle before this tick.
 */
void idle_hold(struct vcpu *v, uint64_t until);
