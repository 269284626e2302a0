/* The core's own 4-level map: the image (each segment with just its rights), all RAM once (readable
 * and writable, never executable), boot modules (read-only), and device registers. Nothing of the
 * loader's is left in it. Built by the boot CPU, then read-only: no lock. */
#pragma once
#include "lib/addr.h"
#include "lib/err.h"
#include "mm/pmm.h"
#include <stddef.h>
#include <stdint.h>

#define DIRECT_MAP UINT64_C(0xffff800000000000) /* host-virtual of host-physical 0 */

enum page_kind { PAGE_RAM, PAGE_READ_ONLY, PAGE_DEVICE };

/* Where a host-physical address is seen once paging_init() has run. The caller knows it to be RAM,
 * or a module. */
static inline void *hpa_ptr(hpa_t at)
{
    return (void *)(uintptr_t)(DIRECT_MAP + at.v);
}

/* Maps the image, moved by load_offset bytes, and every range that `ram` has free; frames for
 * tables come out of `ram` itself. Call it while the boot map is on; paging_load() switches over.
 */
enum err paging_init(struct pmm *ram, uint64_t load_offset) MUST_CHECK;

/* Maps whole pages of host-physical memory at their place in the direct map. Mapping what is mapped
 * already is ERR_OVERLAP, and nothing is changed there. */
enum err paging_map(hpa_t at, uint64_t len, enum page_kind kind) MUST_CHECK;

/* Loads the new map on this CPU. */
void paging_load(void);
