#include "mm/paging.h"
#include "arch/x86_64/cpu.h"
#include "lib/bits.h"
#include "lib/mem.h"
#include "lib/range.h"

/* Intel SDM vol. 3, "4-Level Paging". */
#define PTE_PRESENT BIT(0)
#define PTE_WRITE   BIT(1)
#define PTE_PWT     BIT(3)
#define PTE_PCD     BIT(4)
#define PTE_LARGE   BIT(7)
#define PTE_GLOBAL  BIT(8)
#define PTE_NX      BIT(63)
#define PTE_ADDRESS UINT64_C(0x000ffffffffff000)

enum { TOP_LEVEL = 3, STACK_COUNT = 4, GUARD_STEP = 5 * 4096 /* boot_tables.asm */ };

extern char image_text[], image_rodata[], image_data[], image_stacks[], image_end[];

static struct pmm *frames;
static uint64_t root;      /* host-physical */
static unsigned max_level; /* largest page: 1 = 2 MiB, 2 = 1 GiB */
static bool own_map;       /* the new map is loaded: tables are seen through the direct map */

/* Until the switch, tables lie in the first 4 GiB, which the boot map shows one to one. */
static uint64_t *table_ptr(uint64_t hpa)
{
    return own_map ? hpa_ptr(HPA(hpa)) : (void *)(uintptr_t)hpa;
}

static bool table_alloc(uint64_t *out)
{
    hpa_t frame;

    if (!pmm_alloc(frames, PAGE_SIZE, PAGE_SIZE, MIB, &frame) || (!own_map && frame.v >= 4 * GIB)) {
        return false;
    }
    memset(table_ptr(frame.v), 0, PAGE_SIZE);
    *out = frame.v;
    return true;
}

static enum err map_one(uint64_t va, uint64_t hpa, unsigned level, uint64_t flags)
{
    uint64_t at = root;

    for (unsigned l = TOP_LEVEL; l > level; l--) {
        uint64_t *entry = &table_ptr(at)[(va >> (PAGE_SHIFT + 9 * l)) & 511];

        if (*entry & PTE_LARGE) {
            return ERR_OVERLAP;
        }
        if (!(*entry & PTE_PRESENT)) {
            uint64_t frame;

            if (!table_alloc(&frame)) {
                return ERR_NOMEM;
            }
            *entry = frame | PTE_PRESENT | PTE_WRITE;
        }
        at = *entry & PTE_ADDRESS;
    }
    uint64_t *entry = &table_ptr(at)[(va >> (PAGE_SHIFT + 9 * level)) & 511];

    if (*entry & PTE_PRESENT) {
        return ERR_OVERLAP;
    }
    *entry = hpa | flags | PTE_PRESENT | (level ? PTE_LARGE : 0);
    return ERR_NONE;
}

static enum err map(uint64_t va, uint64_t hpa, uint64_t len, uint64_t flags)
{
    while (len) {
        unsigned level = max_level;
        enum err e;

        while (level && (((va | hpa) & (BIT(PAGE_SHIFT + 9 * level) - 1)) ||
                         len < BIT(PAGE_SHIFT + 9 * level))) {
            level--;
        }
        e = map_one(va, hpa, level, flags);
        if (e != ERR_NONE) {
            return e;
        }
        va += BIT(PAGE_SHIFT + 9 * level);
        hpa += BIT(PAGE_SHIFT + 9 * level);
        len -= BIT(PAGE_SHIFT + 9 * level);
    }
    return ERR_NONE;
}

static enum err map_image(const char *from, const char *to, uint64_t load_offset, uint64_t flags)
{
    const uint64_t image_vma = UINT64_C(0xffffffff80000000); /* pxhv.ld */
    uint64_t va = (uintptr_t)from;

    return map(va, va - image_vma + load_offset, (uint64_t)(to - from), flags | PTE_GLOBAL);
}

static enum err map_image_all(uint64_t load_offset)
{
    enum err e = map_image(image_text, image_rodata, load_offset, 0);

    if (e == ERR_NONE) {
        e = map_image(image_rodata, image_data, load_offset, PTE_NX);
    }
    if (e == ERR_NONE) {
        e = map_image(image_data, image_stacks, load_offset, PTE_NX | PTE_WRITE);
    }
    for (unsigned i = 0; i < STACK_COUNT && e == ERR_NONE; i++) {
        const char *stack = image_stacks + (size_t)i * GUARD_STEP + PAGE_SIZE;

        e = map_image(stack, stack + GUARD_STEP - PAGE_SIZE, load_offset, PTE_NX | PTE_WRITE);
    }
    return e;
}

enum err paging_init(struct pmm *ram, uint64_t load_offset)
{
    struct pmm all = *ram; /* the tables come out of it while it is mapped */
    enum err e;

    frames = ram;
    max_level = cpu_cpuid(0x80000001, 0).edx & BIT(26) ? 2 : 1;
    if (!table_alloc(&root)) {
        return ERR_NOMEM;
    }
    e = map_image_all(load_offset);
    for (unsigned i = 0; i < all.count && e == ERR_NONE; i++) {
        e = paging_map(HPA(all.range[i].base), all.range[i].len, PAGE_RAM);
    }
    return e;
}

enum err paging_map(hpa_t at, uint64_t len, enum page_kind kind)
{
    static const uint64_t flags[] = {
        [PAGE_RAM] = PTE_WRITE | PTE_NX | PTE_GLOBAL,
        [PAGE_READ_ONLY] = PTE_NX | PTE_GLOBAL,
        [PAGE_DEVICE] = PTE_WRITE | PTE_NX | PTE_GLOBAL | PTE_PCD | PTE_PWT,
    };

    if (((at.v | len) & (PAGE_SIZE - 1)) || !range_fits(at.v, len, BIT(46))) {
        return ERR_RANGE;
    }
    return map(DIRECT_MAP + at.v, at.v, len, flags[kind]);
}

void paging_load(void)
{
    cpu_write_cr3(root);
    own_map = true;
}
