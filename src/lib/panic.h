/* Our own bugs end here, and nothing else does: a value that a guest, a module, GRUB or firmware
 * chose is never asserted. arch/ implements panic(); a unit test brings its own. No lock. */
#pragma once

_Noreturn void panic(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#define ASSERT(x)                                                                                  \
    do {                                                                                           \
        if (!(x)) {                                                                                \
            panic("assertion failed: %s (%s:%d)", #x, __FILE__, __LINE__);                         \
        }                                                                                          \
    } while (0)
