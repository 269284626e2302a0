/* The configuration device and a guest's memory, with what a guest does to them; shared by the
 * test_fw_cfg programs. */
#pragma once
#include "devices/fw_cfg.h"
#include "unit.h"

#include <string.h>

/* A guest with pieces of RAM and holes between them; the last ends where addresses do. */
enum { PIECE = 0x4000, HIGH = 0x100000, FLOPPY_LEN = 3000 };
#define TOP (UINT64_MAX - PIECE + 1)
enum { ERROR = 1, READ = 2, SKIP = 4, SELECT = 8, WRITE = 16 };
struct guest_ram {
    uint8_t low[PIECE], high[PIECE], top[PIECE];
};
static struct guest_ram ram;
static uint64_t moved; /* bytes, since the last reset of this counter */
static struct fw_cfg cfg;
static uint8_t floppy[FLOPPY_LEN];

static inline uint8_t *ram_at(uint64_t gpa, size_t len)
{
    if (gpa <= PIECE && len <= PIECE - gpa) {
        return ram.low + gpa;
    }
    if (gpa >= HIGH && gpa <= HIGH + PIECE && len <= HIGH + PIECE - gpa) {
        return ram.high + (gpa - HIGH);
    }
    if (gpa >= TOP && len <= PIECE - (gpa - TOP)) {
        return ram.top + (gpa - TOP);
    }
    return NULL;
}

static inline bool dma_read(void *ctx, uint64_t gpa, void *to, size_t len)
{
    const uint8_t *at = ram_at(gpa, len);

    assert_ptr_equal(ctx, &ram);
    if (at) {
        memcpy(to, at, len);
    }
    return at;
}

static inline bool dma_write(void *ctx, uint64_t gpa, const void *from, size_t len)
{
    uint8_t *at = ram_at(gpa, len);

    assert_ptr_equal(ctx, &ram);
    if (at) {
        memcpy(at, from, len);
        moved += len;
    }
    return at;
}

static inline int setup(void **state)
{
    (void)state;
    memset(&ram, 0xcc, sizeof ram);
    for (unsigned i = 0; i < FLOPPY_LEN; i++) {
        floppy[i] = (uint8_t)(i % 251 + 1);
    }
    fw_cfg_init(&cfg, (struct guest_dma){ dma_read, dma_write, &ram });
    return 0;
}

static inline void select_key(unsigned key)
{
    struct io_access a = { .offset = 0, .size = 2, .write = true, .value = key };

    fw_cfg_io(&cfg, &a);
}

static inline unsigned next(void)
{
    struct io_access a = { .offset = 1, .size = 1 };

    fw_cfg_io(&cfg, &a);
    return a.value & 0xff;
}

static inline uint64_t next_le(unsigned size)
{
    uint64_t v = 0;

    for (unsigned i = 0; i < size; i++) {
        v |= (uint64_t)next() << 8 * i;
    }
    return v;
}

static inline uint64_t next_be(unsigned size)
{
    uint64_t v = 0;

    for (unsigned i = 0; i < size; i++) {
        v = v << 8 | next();
    }
    return v;
}

static inline void put_be(uint8_t *to, uint64_t v, unsigned size)
{
    for (unsigned i = 0; i < size; i++) {
        to[i] = (uint8_t)(v >> 8 * (size - 1 - i));
    }
}

static inline uint64_t get_be(const uint8_t *from, unsigned size)
{
    uint64_t v = 0;

    for (unsigned i = 0; i < size; i++) {
        v = v << 8 | from[i];
    }
    return v;
}

static inline void out32(unsigned offset, uint32_t value)
{
    struct io_access a = { .offset = offset, .size = 4, .write = true, .value = value };

    fw_cfg_dma_io(&cfg, &a);
}

/* What SeaBIOS writes: only the low half, for a descriptor below 4 GiB. */
static inline void start(uint64_t at)
{
    out32(4, __builtin_bswap32((uint32_t)at));
}

static inline void put_desc(uint64_t at, uint32_t control, uint32_t length, uint64_t address)
{
    uint8_t *desc = ram_at(at, 16);

    assert_non_null(desc);
    put_be(desc, control, 4);
    put_be(desc + 4, length, 4);
    put_be(desc + 8, address, 8);
}

/* The control field afterwards. */
static inline uint32_t run(uint32_t control, uint32_t length, uint64_t address)
{
    put_desc(0x100, control, length, address);
    start(0x100);
    return (uint32_t)get_be(ram.low + 0x100, 4);
}

static inline uint32_t with_key(unsigned key, unsigned bits)
{
    return (uint32_t)key << 16 | SELECT | bits;
}

static inline void add_floppy(void)
{
    assert_int_equal(fw_cfg_add_file(&cfg, "floppyimg/dos.img", floppy, FLOPPY_LEN), ERR_NONE);
}
