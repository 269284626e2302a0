#include "guest/e820.h"
#include "lib/bits.h"
#include "lib/range.h"

static void add(struct e820_map *map, uint64_t base, uint64_t end, enum e820_type type)
{
    if (base < end) {
        map->entry[map->count++] = (struct e820_entry){ GPA(base), end - base, type };
    }
}

uint64_t e820_low_end(uint64_t ram_bytes)
{
    return MIN(ram_bytes, E820_LOW_MAX);
}

enum err e820_build(struct e820_map *map, uint64_t ram_bytes)
{
    uint64_t low_end = e820_low_end(ram_bytes), high_end;

    if (ram_bytes <= MIB || ram_bytes % PAGE_SIZE ||
        !range_end(E820_HIGH, ram_bytes - low_end, &high_end)) {
        return ERR_RANGE;
    }
    map->count = 0;
    add(map, 0, E820_EBDA, E820_RAM);
    add(map, E820_EBDA, E820_VGA, E820_RESERVED);
    add(map, E820_ROM, MIB, E820_RESERVED);
    add(map, MIB, low_end, E820_RAM);
    add(map, E820_HIGH, high_end, E820_RAM);
    return ERR_NONE;
}
