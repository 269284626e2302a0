/* Zeroed frames and larger pieces for whoever needs them at run time, out of the one pmm of the
 * machine. One CPU allocates: no lock. */
#pragma once
#include "lib/addr.h"
#include "mm/npt.h"
#include "mm/pmm.h"
#include <stdbool.h>

/* The machine's free memory; it must be mapped (paging.h) and live for ever. */
void frame_init(struct pmm *pmm);

/* One zeroed frame; false if none is left. */
bool frame_alloc(hpa_t *out);
/* Gives a frame back, zeroed. */
void frame_free(hpa_t frame);

/* A piece of whole frames, not zeroed, at a multiple of align, above the first MiB. */
bool frame_alloc_piece(uint64_t len, uint64_t align, hpa_t *out);
void frame_free_piece(hpa_t at, uint64_t len);

/* Bytes that are free, and the largest piece at this alignment. */
uint64_t frame_bytes_free(void);
uint64_t frame_largest(uint64_t align);

/* Frames for nested page tables. */
extern const struct npt_frames frame_npt;
