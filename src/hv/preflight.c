#include "hv/preflight.h"
#include "lib/log.h"
#include "lib/panic.h"
#include <stddef.h>

void preflight_add(struct preflight *p, const char *what, bool ok, bool required,
                   const char *advice)
{
    ASSERT(p->count < PREFLIGHT_MAX);
    p->item[p->count++] =
        (struct preflight_item){ .what = what, .advice = advice, .ok = ok, .required = required };
}

bool preflight_ok(const struct preflight *p)
{
    for (unsigned i = 0; i < p->count; i++) {
        if (p->item[i].required && !p->item[i].ok) {
            return false;
        }
    }
    return p->present;
}

void preflight_log(const struct preflight *p)
{
    for (unsigned i = 0; i < p->count; i++) {
        const struct preflight_item *item = &p->item[i];

        if (!item->ok) {
            log_print(item->required ? LOG_ERROR : LOG_INFO, "%s: missing%s%s", item->what,
                      item->advice ? "; " : "", item->advice ? item->advice : "");
        }
    }
}
