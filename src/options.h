/* Options of the core, from its multiboot2 line. Parsed once: no lock. */
#pragma once
#include "lib/cmdline.h"
#include "lib/log.h"
#include <stdbool.h>
#include <stdint.h>

enum on_stop { ON_STOP_PROMPT, ON_STOP_RESET, ON_STOP_POWEROFF, ON_STOP_EXIT };

struct options {
    uint64_t mem; /* bytes of guest memory; 0: as much as is sensible */
    enum log_level log;
    enum on_stop on_stop;
    const char *backend; /* "vmx" or "svm"; NULL: the one that the CPU has */
};

enum { OPTIONS_WHY_MAX = 200 };

/* Fills in the defaults and then what the line says. False, with a sentence about the first of
 * them, if there are unknown options or values; the good ones count all the same. */
bool options_parse(struct slice line, struct options *out, char why[OPTIONS_WHY_MAX]);
