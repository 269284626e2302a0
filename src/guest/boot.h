/* What GRUB's modules ask for, and how it gets into a guest: roles, loaders. Used by the boot CPU
 * while it builds a guest: no lock. */
#pragma once
#include "guest/machine.h"
#include "lib/cmdline.h"
#include "lib/err.h"
#include <stdint.h>

enum { BOOT_WHY_MAX = 200 };

enum boot_role {
    ROLE_KERNEL,
    ROLE_INITRD,
    ROLE_FLAT,
    ROLE_BIOS,
    ROLE_VGABIOS,
    ROLE_FLOPPY,
    ROLE_COUNT
};

struct boot_module {
    enum boot_role role;
    struct slice cmdline; /* without the role */
    const uint8_t *data;  /* as the core sees it; read-only */
    uint64_t len;         /* bytes */
};

/* The guest that the modules describe. */
struct boot_plan {
    const struct boot_module *part[ROLE_COUNT]; /* NULL: there is none of that role */
    struct boot_module module[ROLE_COUNT];
    unsigned count;
};

/* Adds a module: the first word of its command line is its role. False, with a sentence, for an
 * unknown role and for a second of a kind. */
bool boot_add_module(struct boot_plan *plan, struct slice cmdline, const uint8_t *data,
                     uint64_t len, char why[BOOT_WHY_MAX]);

/* True if the modules make a guest; else a sentence says what is missing. */
bool boot_check(const struct boot_plan *plan, const struct virt_ops *ops, char why[BOOT_WHY_MAX]);

/* Puts the guest into the machine and its boot CPU into the start state. *copy_ticks: host TSC
 * ticks spent on copying modules. False, with a sentence, if something does not fit or is no such
 * image. */
bool boot_load(const struct boot_plan *plan, struct machine *m, uint64_t *copy_ticks,
               char why[BOOT_WHY_MAX]);

/* The loaders behind it. */
bool linux_load(const struct boot_plan *plan, struct machine *m, uint64_t *copy_ticks,
                char why[BOOT_WHY_MAX]);
bool flat_load(const struct boot_plan *plan, struct machine *m, char why[BOOT_WHY_MAX]);
bool flat_check(const struct boot_plan *plan, const struct virt_ops *ops, char why[BOOT_WHY_MAX]);
bool bios_load(const struct boot_plan *plan, struct machine *m, char why[BOOT_WHY_MAX]);
bool bios_check(const struct boot_plan *plan, const struct virt_ops *ops, char why[BOOT_WHY_MAX]);
