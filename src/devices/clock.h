/* Time as a device sees it: ticks of the guest's time-stamp counter. Tests pass a clock that they
 * move by hand; nothing in devices/ or hv/ reads any other clock. No lock. */
#pragma once
#include <stdint.h>

struct clock {
    uint64_t (*now)(void *ctx); /* ticks; never goes back */
    void *ctx;
    uint64_t hz; /* ticks a second, at least 1,000,000 */
};

static inline uint64_t clock_now(const struct clock *c)
{
    return c->now(c->ctx);
}

/* A rate as a fixed-point factor, so that no 128-bit division is needed: out = (in * mult) >> 32.
 */
struct clock_scale {
    uint64_t mult;
};

/* The factor that turns counts at from_hz into counts at to_hz; to_hz is below 2^32. */
static inline struct clock_scale clock_scale(uint64_t from_hz, uint64_t to_hz)
{
    uint64_t whole = to_hz / from_hz;
    uint64_t rest = to_hz % from_hz;

    /* rest < from_hz: 32 more bits of quotient by long division, which cannot overflow. */
    for (unsigned i = 0; i < 32; i++) {
        whole <<= 1;
        rest <<= 1;
        if (rest >= from_hz) {
            rest -= from_hz;
            whole |= 1;
        }
    }
    return (struct clock_scale){ .mult = whole };
}

static inline uint64_t clock_convert(struct clock_scale s, uint64_t count)
{
    return (uint64_t)(((unsigned __int128)count * s.mult) >> 32);
}
