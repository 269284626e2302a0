/* Finds out that a guest waits by polling, as DOS does at its prompt: it then sleeps instead. Part
 * of a vCPU: no lock. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct vcpu;

struct idle_watch {
    uint64_t since;    /* host TSC tick at which the polling began, or may begin to count */
    uint64_t ran;      /* ticks that the guest had run at its last PAUSE */
    uint64_t accesses; /* to devices that it had made by then */
    uint64_t state;    /* a digest of its registers and stack then */
    bool on;           /* PAUSE exits */
};

/* The guest did something that shows, such as changing its screen: it is not idle before this tick,
 * and its PAUSEs do not exit until idle_look(). */
void idle_hold(struct vcpu *v, uint64_t until);

/* Call it now and then: from the tick of idle_hold() on the guest's PAUSEs are looked at. */
void idle_look(struct vcpu *v, uint64_t now);
