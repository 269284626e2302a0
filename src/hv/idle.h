/* Finds out that a guest waits by polling, as DOS does at its prompt: it then sleeps instead. Part
 * of a vCPU: no lock. */
#pragma once
#include <stdint.h>

struct idle_watch {
    uint64_t since;    /* host TSC tick at which the polling began */
    uint64_t ran;      /* ticks that the guest had run at its last PAUSE */
    uint64_t accesses; /* to devices that it had made by then */
};
