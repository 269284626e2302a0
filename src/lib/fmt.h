/* A small snprintf: %s %c %d %i %u %x %X %p %% with flags '0' '-' '#', width, precision for %s (and
 * '*' for either), and length l, ll, z, hh, h. Pure: no lock. */
#pragma once
#include <stdarg.h>
#include <stddef.h>

/* Both write at most size bytes, always end in NUL if size is not 0, and return the length that the
 * whole text has (as C's snprintf does); a NULL string prints as "(null)". */
size_t fmt_print(char *buf, size_t size, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
size_t fmt_vprint(char *buf, size_t size, const char *fmt, va_list ap)
    __attribute__((format(printf, 3, 0)));
