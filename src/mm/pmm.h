/* Physical frames: a sorted list of free ranges, filled from the firmware's memory map minus all
 * that is in use. Pure data, so it is tested on the host. One CPU allocates: no lock. */
#pragma once
#include "lib/addr.h"
#include "lib/err.h"
#include <stdbool.h>
#include <stdint.h>

enum { PMM_RANGES = 256 };

struct pmm_range {
    uint64_t base, len; /* host-physical, bytes, whole frames */
};

struct pmm {
    struct pmm_range range[PMM_RANGES]; /* sorted, neither touching nor overlapping */
    unsigned count;
    uint64_t free; /* bytes */
};

/* Makes a range free; it is cut to whole frames inside it. ERR_RANGE: it wraps. ERR_OVERLAP: part
 * of it is free already. ERR_NOMEM: the list is full (the range is lost, nothing else). */
enum err pmm_add(struct pmm *p, uint64_t base, uint64_t len) MUST_CHECK;

/* Takes whatever of the range is free out of the list; widened to whole frames. ERR_NOMEM: the list
 * is full, and the range above the hole is lost. */
enum err pmm_reserve(struct pmm *p, uint64_t base, uint64_t len) MUST_CHECK;

/* Takes `len` bytes (whole frames) at a multiple of align (a power of two, at least a frame) out of
 * the lowest range that has them at or above `min`. False if there is none. */
bool pmm_alloc(struct pmm *p, uint64_t len, uint64_t align, uint64_t min, hpa_t *out);

/* The largest piece that pmm_alloc could give out at this alignment, in bytes. */
uint64_t pmm_largest(const struct pmm *p, uint64_t align, uint64_t min);
