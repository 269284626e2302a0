/* A VGA on a clock that the test moves by hand, and the register values of the standard modes (IBM
 * PS/2 Hardware Interface Technical Reference, "Video Subsystem", mode tables). */
#pragma once
#include "devices/vga.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>

/* 64 ticks a scan line. */
enum { TICKS_A_LINE = 64, CLOCK_HZ = 31469 * TICKS_A_LINE };

static struct vga vga;
static uint64_t now;
static unsigned remaps;

static uint64_t read_clock(void *ctx)
{
    (void)ctx;
    return now;
}

static const struct clock clk = { .now = read_clock, .hz = CLOCK_HZ };

static void count_remap(void *ctx)
{
    assert_ptr_equal(ctx, &remaps);
    remaps++;
}

/* vram is allocated, so that ASan knows its ends. */
static int setup(void **state)
{
    (void)state;
    now = 0;
    remaps = 0;
    vga_init(&vga, calloc(1, VGA_VRAM_SIZE), &clk, count_remap, &remaps);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    free(vga.vram);
    return 0;
}

static inline void out(unsigned port, unsigned size, uint64_t value)
{
    struct io_access a = {
        .offset = port - VGA_IO_BASE, .size = (uint8_t)size, .write = true, .value = value
    };

    vga_io(&vga, &a);
}

/* All 64 bits of the answer. */
static inline uint64_t in(unsigned port, unsigned size)
{
    struct io_access a = { .offset = port - VGA_IO_BASE, .size = (uint8_t)size };

    vga_io(&vga, &a);
    return a.value;
}

static inline unsigned in8(unsigned port)
{
    return (uint8_t)in(port, 1);
}

/* As `out dx, ax` does it. */
static inline void set(unsigned port, unsigned index, unsigned value)
{
    out(port, 2, index | value << 8);
}

static inline unsigned get(unsigned port, unsigned index)
{
    out(port, 1, index);
    return in8(port + 1);
}

enum { SEQ = 0x3c4, GFX = 0x3ce, CRTC = 0x3d4, CRTC_MONO = 0x3b4 };

static inline void set_attr(unsigned index, unsigned value)
{
    (void)in(vga.regs.misc & 1 ? 0x3da : 0x3ba, 1);
    out(0x3c0, 1, index);
    out(0x3c0, 1, value);
}

static inline void video_on(void)
{
    (void)in(vga.regs.misc & 1 ? 0x3da : 0x3ba, 1);
    out(0x3c0, 1, 0x20);
}

struct mode {
    uint8_t misc, seq[5], crtc[25], gfx[9];
    uint8_t attr_mode, planes;
};

#define CRTC_TEXT(columns, last)                                                                   \
    {                                                                                              \
        0x5f, (columns)-1, 0x50, 0x82, 0x55, 0x81, 0xbf, 0x1f, 0x00, 0x4f, 0x0d, 0x0e, 0x00, 0x00, \
            0x00, 0x00, 0x9c, 0x8e, 0x8f, (columns) / 2, last, 0x96, 0xb9, 0xa3, 0xff              \
    }
#define CRTC_200(columns, scan, underline, mode)                                                   \
    {                                                                                              \
        0x5f, (columns)-1, 0x50, 0x82, 0x54, 0x80, 0xbf, 0x1f, 0x00, scan, 0x00, 0x00, 0x00, 0x00, \
            0x00, 0x00, 0x9c, 0x8e, 0x8f, (columns) / 2, underline, 0x96, 0xb9, mode, 0xff         \
    }

static const struct mode mode_1 = {
    0x67, {3,  0x08, 3,    0, 2   },
     CRTC_TEXT(40, 0x1f), { 0, 0, 0, 0, 0, 0x10, 0x0e, 0, 0xff },
     0x0c,
    0x0f
};
static const struct mode mode_3 = {
    0x67, {3,  0x00, 3,    0, 2   },
     CRTC_TEXT(80, 0x1f), { 0, 0, 0, 0, 0, 0x10, 0x0e, 0, 0xff },
     0x0c,
    0x0f
};
static const struct mode mode_7 = {
    0x66, {3,  0x00, 3,    0, 2   },
     CRTC_TEXT(80, 0x0f), { 0, 0, 0, 0, 0, 0x10, 0x0a, 0, 0xff },
     0x0e,
    0x0f
};
static const struct mode mode_4 = {
    0x63,
    {3,  0x09, 3,    0, 2   },
    CRTC_200(40, 0xc1, 0, 0xa2),
    { 0, 0, 0, 0, 0, 0x30, 0x0f, 0, 0xff },
    0x01,
    0x03
};
static const struct mode mode_6 = {
    0x63,
    {3,  0x01, 1,    0, 6   },
    CRTC_200(80, 0xc1, 0, 0xc2),
    { 0, 0, 0, 0, 0, 0x00, 0x0d, 0, 0xff },
    0x01,
    0x01
};
static const struct mode mode_d = {
    0x63,
    {3,  0x09, 15,   0,  6   },
    CRTC_200(40, 0xc0, 0, 0xe3),
    { 0, 0, 0, 0, 0, 0x00, 0x05, 15, 0xff },
    0x01,
    0x0f
};
static const struct mode mode_e = {
    0x63,
    {3,  0x01, 15,   0,  6   },
    CRTC_200(80, 0xc0, 0, 0xe3),
    { 0, 0, 0, 0, 0, 0x00, 0x05, 15, 0xff },
    0x01,
    0x0f
};
static const struct mode mode_13 = {
    0x63,
    {3,  0x01, 15,   0,  14  },
    CRTC_200(80, 0x41, 0x40, 0xa3),
    { 0, 0, 0, 0, 0, 0x40, 0x05, 15, 0xff },
    0x41,
    0x0f
};
static const struct mode mode_10 = {
    0xa3,
    {3,     0x01, 15,   0,    6   },
    {     0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0xbf, 0x1f, 0x00, 0x40, 0x00, 0x00, 0x00,
      0x00, 0x00, 0x00, 0x83, 0x85, 0x5d, 0x28, 0x0f, 0x63, 0xba, 0xe3, 0xff },
    { 0, 0, 0, 0, 0, 0x00, 0x05, 15, 0xff },
    0x01,
    0x0f
};
static const struct mode mode_12 = {
    0xe3,
    {3,     0x01, 15,   0,    6   },
    {     0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0x0b, 0x3e, 0x00, 0x40, 0x00, 0x00, 0x00,
      0x00, 0x00, 0x00, 0xea, 0x8c, 0xdf, 0x28, 0x00, 0xe7, 0x04, 0xe3, 0xff },
    { 0, 0, 0, 0, 0, 0x00, 0x05, 15, 0xff },
    0x01,
    0x0f
};
/* Mode X: 320 x 240, unchained. */
static const struct mode mode_x = {
    0xe3,
    {3,     0x01, 15,   0,    6   },
    {     0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0x0d, 0x3e, 0x00, 0x41, 0x00, 0x00, 0x00,
      0x00, 0x00, 0x00, 0xea, 0xac, 0xdf, 0x28, 0x00, 0xe7, 0x06, 0xe3, 0xff },
    { 0, 0, 0, 0, 0, 0x40, 0x05, 15, 0xff },
    0x41,
    0x0f
};

/* In the order that a video BIOS does it. */
static inline void set_mode(const struct mode *m)
{
    unsigned crtc = m->misc & 1 ? CRTC : CRTC_MONO;

    for (unsigned i = 0; i < 16; i++) {
        set_attr(i, i);
    }
    set_attr(0x10, m->attr_mode);
    set_attr(0x12, m->planes);
    for (unsigned i = 0; i < 5; i++) {
        set(SEQ, i, m->seq[i]);
    }
    for (unsigned i = 0; i < 9; i++) {
        set(GFX, i, m->gfx[i]);
    }
    out(0x3c2, 1, m->misc);
    set(crtc, 0x11, 0);
    for (unsigned i = 0; i < 25; i++) {
        set(crtc, i, m->crtc[i]);
    }
    video_on();
}
