#include "options.h"
#include "lib/addr.h"
#include "lib/bits.h"
#include "lib/fmt.h"

static bool set_mem(struct options *o, struct slice value)
{
    uint64_t bytes;

    if (!slice_size(value, &bytes) || bytes < 2 * MIB || bytes % PAGE_SIZE) {
        return false;
    }
    o->mem = bytes;
    return true;
}

static bool choose(struct slice value, const char *const name[], unsigned count, unsigned *out)
{
    for (unsigned i = 0; i < count; i++) {
        if (slice_is(value, name[i])) {
            *out = i;
            return true;
        }
    }
    return false;
}

static bool set_log(struct options *o, struct slice value)
{
    static const char *const name[] = { "error", "warn", "info", "debug" };
    unsigned i;

    if (!choose(value, name, ARRAY_SIZE(name), &i)) {
        return false;
    }
    o->log = (enum log_level)i;
    return true;
}

static bool set_on_stop(struct options *o, struct slice value)
{
    static const char *const name[] = { "prompt", "reset", "poweroff", "exit" };
    unsigned i;

    if (!choose(value, name, ARRAY_SIZE(name), &i)) {
        return false;
    }
    o->on_stop = (enum on_stop)i;
    return true;
}

static bool set_backend(struct options *o, struct slice value)
{
    static const char *const name[] = { "vmx", "svm" };
    unsigned i;

    if (!choose(value, name, ARRAY_SIZE(name), &i)) {
        return false;
    }
    o->backend = name[i];
    return true;
}

static const struct {
    const char *name, *values;
    bool (*set)(struct options *o, struct slice value);
} table[] = {
    {"mem",      "a size such as 512M or 2G, at least 2M", set_mem    },
    { "log",     "error, warn, info or debug",             set_log    },
    { "on-stop", "prompt, reset, poweroff or exit",        set_on_stop},
    { "backend", "vmx (Intel VT-x) or svm (AMD-V)",        set_backend},
};

static bool set_one(struct options *o, struct slice word, char why[OPTIONS_WHY_MAX])
{
    struct slice key;
    struct slice value;

    cmdline_split(word, &key, &value);
    for (unsigned i = 0; i < ARRAY_SIZE(table); i++) {
        if (slice_is(key, table[i].name)) {
            if (table[i].set(o, value)) {
                return true;
            }
            fmt_print(why, OPTIONS_WHY_MAX, "option '%.*s': %s must be %s", (int)MIN(word.len, 60),
                      word.at, table[i].name, table[i].values);
            return false;
        }
    }
    fmt_print(why, OPTIONS_WHY_MAX,
              "unknown option '%.*s': there are mem=, log=, on-stop= and backend=",
              (int)MIN(word.len, 60), word.at);
    return false;
}

bool options_parse(struct slice line, struct options *o, char why[OPTIONS_WHY_MAX])
{
    struct slice word;
    bool ok = true;

    *o = (struct options){ .log = LOG_INFO, .on_stop = ON_STOP_PROMPT };
    while (cmdline_next(&line, &word)) {
        char first[OPTIONS_WHY_MAX];

        if (!set_one(o, word, first) && ok) {
            ok = false;
            fmt_print(why, OPTIONS_WHY_MAX, "%s", first);
        }
    }
    return ok;
}
