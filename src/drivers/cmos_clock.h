/* The time of day from the PC's real-time clock. Read once: no lock. MC146818 data sheet. */
#pragma once
#include <stdint.h>

/* Seconds since 1970-01-01 00:00, taking the clock for UTC; 0 if there is no clock that makes
 * sense. */
uint64_t cmos_clock_read(void);
