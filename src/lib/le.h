/* Little-endian fields of foreign data, at any alignment. The caller has checked that the bytes are
 * there. Pure functions: no lock. */
#pragma once
#include <stdint.h>

static inline uint16_t le16_read(const void *from)
{
    uint16_t v;

    __builtin_memcpy(&v, from, sizeof v);
    return v;
}

static inline uint32_t le32_read(const void *from)
{
    uint32_t v;

    __builtin_memcpy(&v, from, sizeof v);
    return v;
}

static inline uint64_t le64_read(const void *from)
{
    uint64_t v;

    __builtin_memcpy(&v, from, sizeof v);
    return v;
}

static inline void le16_write(void *to, uint16_t v)
{
    __builtin_memcpy(to, &v, sizeof v);
}

static inline void le32_write(void *to, uint32_t v)
{
    __builtin_memcpy(to, &v, sizeof v);
}

static inline void le64_write(void *to, uint64_t v)
{
    __builtin_memcpy(to, &v, sizeof v);
}
