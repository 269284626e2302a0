#include "lib/err.h"

const char *err_name(enum err e)
{
    static const char *const name[] = {
        [ERR_NONE] = "no error",
        [ERR_NOMEM] = "out of memory",
        [ERR_INVAL] = "invalid data",
        [ERR_RANGE] = "address out of range",
        [ERR_OVERLAP] = "address range already in use",
        [ERR_NOTSUP] = "not supported by this CPU",
        [ERR_HW] = "refused by the CPU",
    };

    if ((unsigned)e >= sizeof name / sizeof name[0] || !name[e]) {
        return "unknown error";
    }
    return name[e];
}
