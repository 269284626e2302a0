#include "hv/stats.h"
#include "lib/bits.h"

const char *exit_kind_name(enum exit_kind kind)
{
    static const char *const name[EXIT_KIND_COUNT] = {
        [EXIT_UNKNOWN] = "unknown",
        [EXIT_IO] = "io",
        [EXIT_MMIO] = "mmio",
        [EXIT_CPUID] = "cpuid",
        [EXIT_MSR_READ] = "msr_read",
        [EXIT_MSR_WRITE] = "msr_write",
        [EXIT_CR] = "cr",
        [EXIT_HLT] = "hlt",
        [EXIT_PAUSE] = "pause",
        [EXIT_HYPERCALL] = "hypercall",
        [EXIT_XSETBV] = "xsetbv",
        [EXIT_WINDOW] = "window",
        [EXIT_EXTINT] = "extint",
        [EXIT_NMI] = "nmi",
        [EXIT_TIMER] = "timer",
        [EXIT_EXCEPTION] = "exception",
        [EXIT_REFUSED] = "refused",
        [EXIT_IGNORED] = "ignored",
        [EXIT_FETCH] = "fetch",
        [EXIT_SHUTDOWN] = "shutdown",
    };

    return kind < EXIT_KIND_COUNT ? name[kind] : "?";
}
