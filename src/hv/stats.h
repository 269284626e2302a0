/* What a guest has cost: counted on every exit with no lock, read when it stopped. */
#pragma once
#include "hv/exit.h"
#include <stdint.h>

struct exit_stats {
    uint64_t count[EXIT_KIND_COUNT];
    uint64_t uart;           /* port exits that went to the 16550 */
    uint64_t npt_ram;        /* exits for guest RAM that was not mapped: should stay 0 */
    uint64_t launched;       /* host TSC at the first entry */
    uint64_t stopped;        /* host TSC at the end */
    uint64_t ticks_in_guest; /* host TSC ticks between entry and exit */
    uint64_t ticks_halted;   /* ... of them with the guest asleep */
};
