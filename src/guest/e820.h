/* The guest's memory map, as a PC has it. Pure: no lock. */
#pragma once
#include "lib/addr.h"
#include "lib/err.h"
#include <stdint.h>

enum e820_type { E820_RAM = 1, E820_RESERVED = 2 };

struct e820_entry {
    gpa_t base;
    uint64_t len; /* bytes */
    uint32_t type;
};

enum { E820_MAX = 8 };

struct e820_map {
    struct e820_entry entry[E820_MAX];
    unsigned count;
};

/* Where things lie below 1 MiB, and where RAM makes room for devices below 4 GiB. */
#define E820_EBDA    UINT64_C(0x9fc00)   /* up to VGA memory: what a BIOS keeps for itself */
#define E820_VGA     UINT64_C(0xa0000)   /* up to E820_SHADOW: no RAM */
#define E820_SHADOW  UINT64_C(0xc0000)   /* up to 1 MiB: RAM where a PC has ROMs, not in the map */
#define E820_ROM     UINT64_C(0xe0000)   /* up to 1 MiB: the part with the ACPI tables, reserved */
#define E820_LOW_MAX (UINT64_C(3) * GIB) /* RAM below 4 GiB ends here at the latest */
#define E820_HIGH    (UINT64_C(4) * GIB) /* and goes on here */

/* The end of RAM below 4 GiB, in a guest with ram_bytes of it. */
uint64_t e820_low_end(uint64_t ram_bytes);

/* The map of a guest with ram_bytes of RAM, the hole below 1 MiB included. ERR_RANGE if that is not
 * whole pages, not more than 1 MiB, or absurd. */
enum err e820_build(struct e820_map *map, uint64_t ram_bytes) MUST_CHECK;
