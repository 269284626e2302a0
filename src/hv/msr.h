/* MSRs that a guest uses with no exit. Constants: no lock. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* Each backend keeps their values with the guest's state, or the host does not use them. */
struct msr_direct {
    uint32_t msr;
    bool write; /* reads are always direct */
};
extern const struct msr_direct msr_direct[];
extern const unsigned msr_direct_count;
