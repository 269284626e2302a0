/* A raw binary that runs from its first byte: self-tests, first steps of one's own kernel. */
#include "guest/boot.h"
#include "guest/start.h"
#include "lib/bits.h"
#include "lib/fmt.h"

#define FLAT_AT    UINT64_C(0x10000)
#define FLAT_STACK UINT64_C(0x7c00)

static const struct start_tables tables = { .gdt = { 0x1000 }, .page_tables = { 0x9000 } };

struct flat_options {
    enum start_mode mode;
    uint64_t at; /* guest-physical */
};

static bool parse(struct slice rest, struct flat_options *o, char why[BOOT_WHY_MAX])
{
    struct slice word;
    struct slice key;
    struct slice value;

    *o = (struct flat_options){ .mode = START_LONG, .at = FLAT_AT };
    while (cmdline_next(&rest, &word)) {
        cmdline_split(word, &key, &value);
        if (slice_is(key, "mode") && slice_is(value, "real")) {
            o->mode = START_REAL;
        } else if (slice_is(key, "mode") && slice_is(value, "prot")) {
            o->mode = START_PROT;
        } else if (slice_is(key, "mode") && slice_is(value, "long")) {
            o->mode = START_LONG;
        } else if (!slice_is(key, "at") || !slice_size(value, &o->at)) {
            fmt_print(
                why, BOOT_WHY_MAX,
                "a flat guest's option '%.*s' is unknown: mode=real|prot|long and at=ADDRESS are",
                (int)MIN(word.len, 40), word.at);
            return false;
        }
    }
    if (o->mode == START_REAL && (o->at % 16 || o->at >= MIB)) {
        fmt_print(why, BOOT_WHY_MAX,
                  "at=%#llx: a real-mode guest starts at a multiple of 16 below 1 MiB",
                  (unsigned long long)o->at);
        return false;
    }
    if (o->mode != START_REAL && o->at < FLAT_AT) {
        fmt_print(why, BOOT_WHY_MAX,
                  "at=%#llx: below %#llx lie the guest's first GDT, page tables and stack",
                  (unsigned long long)o->at, (unsigned long long)FLAT_AT);
        return false;
    }
    return true;
}

bool flat_check(const struct boot_plan *plan, const struct virt_ops *ops, char why[BOOT_WHY_MAX])
{
    struct flat_options o;

    if (!parse(plan->part[ROLE_FLAT]->cmdline, &o, why)) {
        return false;
    }
    if (o.mode == START_REAL && !ops->real_mode()) {
        fmt_print(
            why, BOOT_WHY_MAX,
            "this guest starts in real mode, and this CPU has no unrestricted guest mode, which "
            "that needs");
        return false;
    }
    return true;
}

bool flat_load(const struct boot_plan *plan, struct machine *m, char why[BOOT_WHY_MAX])
{
    const struct boot_module *b = plan->part[ROLE_FLAT];
    struct flat_options o;

    if (!parse(b->cmdline, &o, why)) {
        return false;
    }
    if (!start_write_tables(&m->vcpu, &tables) ||
        vm_copy_out(&m->vm, GPA(o.at), b->data, b->len) != ERR_NONE) {
        fmt_print(why, BOOT_WHY_MAX,
                  "a flat guest of %llu bytes at %#llx is not inside the guest's memory",
                  (unsigned long long)b->len, (unsigned long long)o.at);
        return false;
    }
    start_set_state(&m->vcpu, o.mode, &tables, GPA(o.at), FLAT_STACK);
    return true;
}
