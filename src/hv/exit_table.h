/* The one table of exit handlers. Constant: no lock. */
#pragma once
#include "hv/exit.h"

extern exit_fn *const exit_table[EXIT_KIND_COUNT];

/* Handlers that have a file of their own. */
exit_fn on_io;                     /* io.c */
exit_fn on_mmio;                   /* mmio.c */
exit_fn on_pause;                  /* idle.c */
exit_fn on_cpuid;                  /* cpuid.c */
exit_fn on_msr_read, on_msr_write; /* msr.c */
exit_fn on_cr, on_xsetbv;          /* cr.c */
