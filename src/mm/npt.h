/* Nested page tables: one walker for EPT and NPT, which differ only in a table of entry bits. The
 * VM that owns the tables builds them before it runs: no lock. */
#pragma once
#include "lib/addr.h"
#include "lib/err.h"
#include <stdbool.h>
#include <stdint.h>

enum { NPT_R = 1, NPT_W = 2, NPT_X = 4, NPT_RWX = 7 };

struct npt_format {
    uint64_t table_bits;   /* set in an entry that points to a lower table */
    uint64_t leaf_bits;    /* set in every leaf: memory type for EPT, P|U for NPT */
    uint64_t large_bit;    /* marks a 2 MiB or 1 GiB leaf */
    uint64_t present_mask; /* any of these set = present */
    uint64_t prot[8];      /* NPT_R | NPT_W | NPT_X combination to bits */
    unsigned max_level;    /* largest leaf: 0 = 4 KiB, 1 = 2 MiB, 2 = 1 GiB */
};

/* Where tables come from and how the core sees them. */
struct npt_frames {
    bool (*alloc)(void *ctx, hpa_t *frame); /* one zeroed frame; false = none left */
    void (*free)(void *ctx, hpa_t frame);
    uint64_t *(*table)(void *ctx, hpa_t frame);
    void *ctx;
};

struct npt {
    const struct npt_format *fmt;
    const struct npt_frames *frames;
    hpa_t root;
    unsigned tables; /* frames held */
};

enum err npt_init(struct npt *t, const struct npt_format *fmt,
                  const struct npt_frames *frames) MUST_CHECK;
void npt_free(struct npt *t);

/* Maps whole pages with the largest leaves that alignment and format allow. ERR_RANGE: not whole
 * pages, wraps, or beyond 48 bits; ERR_OVERLAP: something is mapped there; ERR_NOMEM: out of frames
 * (what was mapped stays). */
enum err npt_map(struct npt *t, gpa_t to, hpa_t from, uint64_t len, unsigned prot) MUST_CHECK;

/* Points whole 4 KiB pages that npt_map() once mapped as such to other memory (its own offset
 * within `from`), or with prot 0 to nothing. ERR_RANGE: not whole pages, or no table or a large
 * page is there; what came before is changed. The CPU's copies of the old entries are the caller's
 * to flush. */
enum err npt_change(struct npt *t, gpa_t at, hpa_t from, uint64_t len, unsigned prot) MUST_CHECK;

/* True, with the host address and protection of that byte, if it is mapped. */
bool npt_lookup(const struct npt *t, gpa_t at, hpa_t *out, unsigned *prot);
