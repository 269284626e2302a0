/* Overflow-safe arithmetic on address ranges [base, base + len). Every length that a guest, a
 * module or firmware chose goes through these. Pure functions: no lock. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* True, and *end is the first address behind the range, if that does not wrap. */
static inline bool range_end(uint64_t base, uint64_t len, uint64_t *end)
{
    return !__builtin_add_overflow(base, len, end);
}

/* True if [base, base + len) lies wholly inside [0, size); an empty range does up to and with size.
 */
static inline bool range_fits(uint64_t base, uint64_t len, uint64_t size)
{
    return base <= size && len <= size - base;
}

/* True if [base, base + len) lies wholly inside [obase, obase + olen). */
static inline bool range_within(uint64_t base, uint64_t len, uint64_t obase, uint64_t olen)
{
    return base >= obase && range_fits(base - obase, len, olen);
}

/* True if the two ranges share an address. A range that wraps is taken to reach to the top. */
static inline bool range_overlaps(uint64_t a, uint64_t alen, uint64_t b, uint64_t blen)
{
    return alen && blen && (a < b ? b - a < alen : a - b < blen);
}

/* v rounded up to a multiple of align (a power of two); false if that wraps. */
static inline bool range_align_up(uint64_t v, uint64_t align, uint64_t *out)
{
    if (__builtin_add_overflow(v, align - 1, out)) {
        return false;
    }
    *out &= ~(align - 1);
    return true;
}
