/* Bit helpers: hardware registers are read with masks, never with C bit-fields.
 * Pure functions: no lock. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define BIT(n)           (UINT64_C(1) << (n))
#define BIT32(n)         (UINT32_C(1) << (n))
#define ARRAY_SIZE(a)    (sizeof(a) / sizeof((a)[0]))
#define ALIGN_DOWN(x, a) ((x) & ~((uint64_t)(a)-1))
#define MIN(a, b)        ((a) < (b) ? (a) : (b))
#define MAX(a, b)        ((a) > (b) ? (a) : (b))

/* For the exit path: which way a branch nearly always goes, and what is off the common way. */
#define LIKELY(x)   __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)
#define NOINLINE    __attribute__((noinline))

/* Field [hi:lo] of a 64-bit register, moved down to bit 0. */
static inline uint64_t bits(uint64_t v, unsigned hi, unsigned lo)
{
    return (v >> lo) & (~UINT64_C(0) >> (63 - (hi - lo)));
}

static inline uint32_t lo32(uint64_t v)
{
    return (uint32_t)v;
}

static inline uint32_t hi32(uint64_t v)
{
    return (uint32_t)(v >> 32);
}

static inline uint64_t make64(uint32_t hi, uint32_t lo)
{
    return (uint64_t)hi << 32 | lo;
}

/* All ones in the low `size` bytes; size is 1, 2, 4 or 8. */
static inline uint64_t size_mask(unsigned size)
{
    return ~UINT64_C(0) >> (64 - 8 * size);
}
