/* The host computer as GRUB and firmware describe it, read while their map is still on, and what is
 * made of it. Filled once while starting up: no lock. */
#pragma once
#include "arch/x86_64/acpi.h"
#include "arch/x86_64/multiboot2.h"
#include "devices/clock.h"
#include "mm/pmm.h"
#include <stdbool.h>
#include <stdint.h>

enum { HOST_TEXT_MAX = 16 * 1024 };

struct host {
    struct mb2_info mb;       /* its slices point into text[] */
    char text[HOST_TEXT_MAX]; /* copies of the command lines */
    size_t text_used;
    struct acpi_madt madt;
    bool has_madt;
    bool has_vga, has_lapic, has_ioapic; /* mapped, or in the case of x2APIC not in need of it */
    struct pmm ram;                      /* what is free */
    uint64_t image, image_len;           /* host-physical: the core itself, stacks included */
    uint64_t free_at_start;              /* bytes, before the core's own tables */
    struct clock clock;                  /* the host's TSC, which is the guests' too */
};

/* Descriptor tables of the boot CPU: from here on an exception ends in a report. */
void host_catch_faults(void);

/* Reads the boot information at host-physical `info`; load_offset: how far GRUB moved the image.
 * Uses the boot map. False, with a sentence, if it is unusable. */
bool host_read(struct host *h, uint64_t info, uint64_t load_offset, const char **why);

/* Switches to the core's own map and brings up what the host has: descriptor tables, CPU features,
 * interrupts, clock. False, with a sentence, if memory does not suffice. */
bool host_start(struct host *h, uint64_t load_offset, const char **why);

/* Host memory that the core holds, apart from guests and modules, given what guests hold; in KiB.
 */
uint64_t host_resident_kib(const struct host *h, uint64_t guest_bytes);
