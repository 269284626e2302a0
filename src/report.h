/* What is said when a guest has stopped: the reason, registers and code if it was a fault, where
 * its time went, and one line of JSON for scripts. Called by the boot CPU: no lock. */
#pragma once
#include "guest/machine.h"
#include <stdint.h>

/* Figures that only main.c knows. */
struct report_figures {
    uint64_t resident_kib;
    uint64_t ticks_to_guest; /* host TSC, from the core's entry to the guest's first instruction,
                                without the module copies */
};

void report_stop(struct machine *m, const struct report_figures *f);

/* The PXHV-STATS line where no guest ran: `stop` is "not-started". */
void report_not_started(const char *backend);
