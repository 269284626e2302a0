#include "guest/boot.h"
#include "lib/bits.h"
#include "lib/fmt.h"

static const char *const role_name[ROLE_COUNT] = {
    [ROLE_KERNEL] = "kernel",
    [ROLE_INITRD] = "initrd",
    [ROLE_FLAT] = "flat",
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
            "a module2 line has the unknown role '%.*s': its first word must be kernel, initrd or "
            "flat",
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

bool boot_check(const struct boot_plan *plan, const struct virt_ops *ops, char why[BOOT_WHY_MAX])
{
    const struct boot_module *kernel = plan->part[ROLE_KERNEL];
    const struct boot_module *flat = plan->part[ROLE_FLAT];

    if (!kernel && !flat) {
        fmt_print(why, BOOT_WHY_MAX, "%s: add a module2 line with the role kernel (or flat)",
                  plan->part[ROLE_INITRD] ? "there is an initrd but no kernel"
                                          : "no guest was loaded");
        return false;
    }
    if (flat && (kernel || plan->part[ROLE_INITRD])) {
        fmt_print(why, BOOT_WHY_MAX, "the roles flat and kernel do not go together");
        return false;
    }
    return !flat || flat_check(flat, ops, why);
}

bool boot_load(const struct boot_plan *plan, struct machine *m, uint64_t *copy_ticks,
               char why[BOOT_WHY_MAX])
{
    *copy_ticks = 0;
    return plan->part[ROLE_KERNEL] ? linux_load(plan, m, copy_ticks, why) : flat_load(plan, m, why);
}
