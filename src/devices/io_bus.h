/* A flat address space (port I/O or MMIO) with devices on it. Filled while the VM is being built
 * and read-only after: no lock. */
#pragma once
#include "lib/err.h"
#include <stdbool.h>
#include <stdint.h>

struct io_access {
    uint64_t offset; /* bytes from the start of the device's range, never absolute */
    uint8_t size;    /* 1, 2, 4 or 8 bytes */
    bool write;
    uint64_t value; /* in: value written; out: value read (a device may leave high bits set) */
};
typedef void io_fn(void *dev, struct io_access *a);

struct io_range {
    uint64_t base; /* first port, or guest-physical address */
    uint64_t len;  /* ports or bytes */
    io_fn *fn;
    void *dev;
    const char *name;
};

enum { IO_BUS_MAX = 32 };
struct io_bus {
    struct io_range range[IO_BUS_MAX]; /* sorted by base */
    unsigned count;
};

/* Adds a device; refuses an empty or wrapping range (ERR_RANGE), overlap (ERR_OVERLAP) and one more
 * than fits (ERR_NOMEM). */
enum err io_bus_add(struct io_bus *bus, const struct io_range *r) MUST_CHECK;

/* The device that claims all of the access, or NULL: the caller then floats the bus (all ones). A
 * binary search: five steps at the most. */
const struct io_range *io_bus_find(const struct io_bus *bus, uint64_t addr, unsigned size);

/* What a device of byte ports answers: only the addressed port drives a wider access, the rest of
 * the bus floats. */
static inline uint64_t io_byte_reply(uint8_t value)
{
    return ~UINT64_C(0xff) | value;
}
