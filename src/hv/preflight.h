/* The report of what this computer offers: filled by a backend's probe, shown to the user before
 * anything is enabled. Filled once, then read: no lock. */
#pragma once
#include <stdbool.h>

enum { PREFLIGHT_MAX = 48 };

struct preflight_item {
    const char *what;   /* "EPT (nested page tables)" */
    const char *advice; /* what to do about a no; NULL if there is nothing to do */
    bool ok, required;
};

struct preflight {
    struct preflight_item item[PREFLIGHT_MAX];
    unsigned count;
    bool present; /* the CPU has this extension at all */
};

void preflight_add(struct preflight *p, const char *what, bool ok, bool required,
                   const char *advice);

/* True if every required item is there. */
bool preflight_ok(const struct preflight *p);

/* Logs every item that is missing (all of them, not the first), required ones as errors. */
void preflight_log(const struct preflight *p);
