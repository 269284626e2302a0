#include "guest/boot.h"
#include "lib/bits.h"
#include "lib/fmt.h"

enum { BIOS_ROLES = BIT32(ROLE_BIOS) | BIT32(ROLE_VGABIOS) | BIT32(ROLE_FLOPPY) };

static const char *const role_name[ROLE_COUNT] = {
    [ROLE_KERNEL] = "kernel", [ROLE_INITRD] = "initrd",   [ROLE_FLAT] = "flat",
    [ROLE_BIOS] = "bios",     [ROLE_VGABIOS] = "vgabios", [ROLE_FLOPPY] = "floppy",
};

static bool find_role(struct slice word, enum boot_role *role)
{
    for (unsigned i = 0; i < ROLE_COUNT; i++) {
        if (slice_is(word, role_name[i])) {
            *role = (enum boot_role)i;
            return true;
        }
    }
    return false;
}

bool boot_add_module(struct boot_plan *plan, struct slice cmdline, const uint8_t *data,
                     uint64_t len, char why[BOOT_WHY_MAX])
{
    struct boot_module *b = &plan->module[plan->count];
    struct slice word = { 0 };
    enum boot_role role;

    if (!cmdline_next(&cmdline, &word) || !find_role(word, &role)) {
        fmt_print(
            why, BOOT_WHY_MAX,
            "a module2 line has the unknown role '%.*s': its first word must be kernel, initrd, "
            "flat, bios, vgabios or floppy",
            (int)MIN(word.len, 40), word.at ? word.at : "");
        return false;
    }
    if (plan->part[role]) {
        fmt_print(why, BOOT_WHY_MAX, "two modules have the role '%s'; there can be one",
                  role_name[role]);
        return false;
    }
    while (cmdline.len && *cmdline.at == ' ') {
        cmdline.at++;
        cmdline.len--;
    }
    *b = (struct boot_module){ role, cmdline, data, len };
    plan->part[role] = b;
    plan->count++;
    return true;
}

/* A guest is one of these: the roles that it takes, those that it cannot do without, what checks
 * it. */
static const struct boot_kind {
    uint32_t may, must;
    bool (*check)(const struct boot_plan *, const struct virt_ops *, char why[BOOT_WHY_MAX]);
    const char *missing;
} kinds[] = {
    {BIT32(ROLE_KERNEL) | BIT32(ROLE_INITRD), BIT32(ROLE_KERNEL), NULL,
     "there is an initrd but no kernel: add a module2 line with the role kernel"    },
    { BIT32(ROLE_FLAT),                       BIT32(ROLE_FLAT),   flat_check, ""    },
    { BIOS_ROLES,                             BIOS_ROLES,         bios_check,
     "a PC with a BIOS needs three modules, with the roles bios, vgabios and floppy"},
};

bool boot_check(const struct boot_plan *plan, const struct virt_ops *ops, char why[BOOT_WHY_MAX])
{
    uint32_t have = 0;

    for (unsigned i = 0; i < ROLE_COUNT; i++) {
        have |= plan->part[i] ? BIT32(i) : 0;
    }
    if (!have) {
        fmt_print(why, BOOT_WHY_MAX,
                  "no guest was loaded: add a module2 line with the role kernel (or flat)");
        return false;
    }
    for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++) {
        const struct boot_kind *k = &kinds[i];

        if (have & ~k->may) {
            continue;
        }
        if ((have & k->must) != k->must) {
            fmt_print(why, BOOT_WHY_MAX, "%s", k->missing);
            return false;
        }
        return !k->check || k->check(plan, ops, why);
    }
    fmt_print(
        why, BOOT_WHY_MAX,
        "the modules are of different guests: a guest is kernel and initrd, or flat, or bios, "
        "vgabios and floppy");
    return false;
}

bool boot_load(const struct boot_plan *plan, struct machine *m, uint64_t *copy_ticks,
               char why[BOOT_WHY_MAX])
{
    *copy_ticks = 0;
    if (plan->part[ROLE_BIOS]) {
        return bios_load(plan, m, why);
    }
    return plan->part[ROLE_KERNEL] ? linux_load(plan, m, copy_ticks, why) : flat_load(plan, m, why);
}
