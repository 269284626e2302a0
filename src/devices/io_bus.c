#include "devices/io_bus.h"
#include "lib/range.h"
#include <stddef.h>

/* Index of the first range that starts above addr. */
static unsigned upper_bound(const struct io_bus *bus, uint64_t addr)
{
    unsigned lo = 0;
    unsigned hi = bus->count;

    while (lo < hi) {
        unsigned mid = (lo + hi) / 2;

        if (bus->range[mid].base <= addr) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return lo;
}

enum err io_bus_add(struct io_bus *bus, const struct io_range *r)
{
    uint64_t last;
    unsigned at;

    if (r->len == 0 || !range_end(r->base, r->len - 1, &last)) {
        return ERR_RANGE;
    }
    for (unsigned i = 0; i < bus->count; i++) {
        if (range_overlaps(r->base, r->len, bus->range[i].base, bus->range[i].len)) {
            return ERR_OVERLAP;
        }
    }
    if (bus->count == IO_BUS_MAX) {
        return ERR_NOMEM;
    }
    at = upper_bound(bus, r->base);
    for (unsigned i = bus->count; i > at; i--) {
        bus->range[i] = bus->range[i - 1];
    }
    bus->range[at] = *r;
    bus->count++;
    return ERR_NONE;
}

const struct io_range *io_bus_find(const struct io_bus *bus, uint64_t addr, unsigned size)
{
    unsigned above = upper_bound(bus, addr);
    const struct io_range *r;

    if (above == 0) {
        return NULL;
    }
    r = &bus->range[above - 1];
    return range_within(addr, size, r->base, r->len) ? r : NULL;
}
