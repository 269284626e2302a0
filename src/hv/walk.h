/* The guest's own page tables: from guest-virtual to guest-physical, with the checks of the CPU's
 * paging unit. Pure functions over a callback that reads guest memory: no lock. */
#pragma once
#include "lib/addr.h"
#include "lib/err.h"
#include <stdbool.h>
#include <stdint.h>

/* How the guest translates, and what access it makes. */
struct guest_paging {
    uint64_t cr0, cr3, cr4, efer;
    uint8_t phys_bits; /* MAXPHYADDR that the guest's CPUID shows: 32 to 52 */
    bool user; /* a user-mode access (CPL 3, and not the CPU's own access to the GDT, ...) */
    bool write, fetch;
    bool ac; /* RFLAGS.AC: lets a supervisor reach user pages in spite of SMAP; false for the CPU's
                own accesses */
};

enum walk_result {
    WALK_OK,
    WALK_FAULT,         /* a page fault, with its error code */
    WALK_NON_CANONICAL, /* #GP, or #SS for an address in the stack segment */
    WALK_NO_ENTRY,      /* the callback could not read a paging-structure entry */
};

/* Bits of a page fault's error code (Intel SDM vol. 3, "Page-Fault Exceptions"). */
enum {
    PF_PRESENT = 1, /* the access was refused; without it a page was not present */
    PF_WRITE = 2,
    PF_USER = 4,
    PF_RESERVED = 8,
    PF_FETCH = 16,
};

/* Reads a paging-structure entry of `size` bytes (4 or 8) at a guest-physical address that the
 * guest chose, zero-extended; false if it is not in RAM. */
typedef bool walk_read_fn(void *ctx, gpa_t at, unsigned size, uint64_t *entry);

/* Translates gva for this access. WALK_OK sets *out and *page_left, the bytes from there to the end
 * of the page (with paging off: to 4 GiB). WALK_FAULT sets *pf_code. Nothing else is set.
 *
 * Accessed and dirty bits are not set: for an access that made the CPU leave the guest, the CPU did
 * so when it translated the address. Protection keys are not checked. PAE's four top entries are
 * read from memory, not from the CPU's copy. 1 GiB pages and PSE-36 are taken to be there.
 * Source: Intel SDM vol. 3, "Paging". */
enum walk_result guest_walk(const struct guest_paging *p, walk_read_fn *read, void *ctx,
                            uint64_t gva, gpa_t *out, uint32_t *pf_code,
                            uint64_t *page_left) MUST_CHECK;
