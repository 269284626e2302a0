#include "arch/x86_64/cpu.h"
#include "drivers/vga_screen.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>

/* A small VGA with IBM's registers and four planes. Its window is plain memory that the chip looks
 * at whenever a register changes: a cell that does not hold what was put there has been written.
 * Unless `readable`, nonsense is put there, and so who reads video memory copies nonsense. */
enum { PLANE = 65536, WINDOW_CELLS = 128 * 1024 / 8, SCREEN_OFF = 0x20 };
static struct {
    struct vga_screen_regs r;
    uint8_t seq_index, crtc_index, gfx_index, attr_index;
    bool attr_data, there, readable;
    unsigned dac_at; /* counts the three parts of each entry */
    uint8_t plane[4][PLANE];
    unsigned port_writes, crtc_writes, dac_writes, cells_written, written_while_lit;
} chip;
static uint64_t window[WINDOW_CELLS], filled[WINDOW_CELLS];

static struct vga_screen s;
static struct vga_screen_regs guest;
static uint8_t vram[4 * PLANE], shadow[4 * PLANE];

/* --- the chip's memory --- */

/* Offset in what the memory map selects, or -1. */
static int decoded(uint32_t at)
{
    static const struct {
        uint32_t start, len;
    } maps[4] = {
        {0,        0x20000},
        { 0,       0x10000},
        { 0x10000, 0x8000 },
        { 0x18000, 0x8000 }
    };
    unsigned m = chip.r.gfx[6] >> 2 & 3;

    return at >= maps[m].start && at - maps[m].start < maps[m].len ? (int)(at - maps[m].start) : -1;
}

static uint8_t *plane_byte(uint32_t offset, unsigned p)
{
    return &chip.plane[p][offset % PLANE];
}

static void store(uint32_t offset, uint8_t byte)
{
    unsigned mask = chip.r.seq[2];
    uint32_t at = offset;

    if (chip.r.seq[4] & 8) {
        mask &= 1U << (offset & 3);
        at = offset & ~3U;
    } else if (!(chip.r.seq[4] & 4)) {
        assert_true(chip.r.gfx[5] & 0x10);
        mask &= offset & 1 ? 0xa : 0x5;
        at = (offset & ~1U) | (chip.r.gfx[6] & 2 && !(chip.r.misc & 0x20));
    }
    for (unsigned p = 0; p < 4; p++) {
        if (mask >> p & 1) {
            *plane_byte(at, p) = byte;
        }
    }
}

static void take_cell(unsigned i)
{
    /* Nothing is done to a byte on its way, and there is memory here. */
    assert_true(chip.r.misc & 2);
    assert_int_equal(chip.r.gfx[1] | chip.r.gfx[3] | (chip.r.gfx[5] & 3), 0);
    assert_int_equal(chip.r.gfx[8], 0xff);
    assert_true(decoded(i * 8) >= 0);
    for (unsigned b = 0; b < 8; b++) {
        store((uint32_t)decoded(i * 8) + b, (uint8_t)(window[i] >> 8 * b));
    }
    chip.cells_written++;
    chip.written_while_lit += !(chip.r.seq[1] & SCREEN_OFF);
}

static uint64_t look(unsigned i)
{
    uint64_t v = 0;

    if (!chip.readable) {
        return (i + 1) * UINT64_C(0x9e3779b97f4a7c15);
    }
    for (unsigned b = 0; b < 8 && decoded(i * 8) >= 0; b++) {
        uint32_t offset = (uint32_t)decoded(i * 8) + b;

        v |= (uint64_t)*plane_byte(offset, chip.r.gfx[4] & 3) << 8 * b;
    }
    return v;
}

/* Takes in what has been written since. */
static void settle(void)
{
    for (unsigned i = 0; i < WINDOW_CELLS; i++) {
        if (window[i] != filled[i]) {
            take_cell(i);
        }
    }
}

static void fill_window(void)
{
    for (unsigned i = 0; i < WINDOW_CELLS; i++) {
        filled[i] = window[i] = look(i);
    }
}

/* --- its registers --- */

static bool is_reset(void)
{
    return (chip.r.seq[0] & 3) != 3;
}

static void set_seq(uint8_t index, uint8_t v)
{
    uint8_t clock = index == 1 ? (chip.r.seq[1] ^ v) & ~SCREEN_OFF & 0xff : 0;

    assert_true(index < sizeof chip.r.seq);
    assert_true(clock == 0 || is_reset());
    chip.r.seq[index] = v;
}

static void set_crtc(uint8_t index, uint8_t v)
{
    assert_true(index < sizeof chip.r.crtc);
    chip.crtc_writes++;
    if (index > 7 || !(chip.r.crtc[0x11] & 0x80)) {
        chip.r.crtc[index] = v;
    }
}

static void set_gfx(uint8_t index, uint8_t v)
{
    assert_true(index < sizeof chip.r.gfx);
    chip.r.gfx[index] = v;
}

void io_out16(uint16_t port, uint16_t v)
{
    bool mapping = port != 0x3d4;

    chip.port_writes++;
    if (mapping) {
        settle();
    }
    if (port == 0x3c4) {
        set_seq((uint8_t)v, (uint8_t)(v >> 8));
    } else if (port == 0x3d4) {
        set_crtc((uint8_t)v, (uint8_t)(v >> 8));
    } else {
        assert_int_equal(port, 0x3ce);
        set_gfx((uint8_t)v, (uint8_t)(v >> 8));
    }
    if (mapping) {
        fill_window();
    }
}

static void set_attr(uint8_t v)
{
    uint8_t index = chip.attr_index & 0x1f;

    chip.attr_data = !chip.attr_data;
    if (chip.attr_data) {
        chip.attr_index = v;
        return;
    }
    assert_true(index < sizeof chip.r.attr);
    if (index > 15 || !(chip.attr_index & 0x20)) {
        chip.r.attr[index] = v;
    }
}

static void set_misc(uint8_t v)
{
    assert_true(is_reset());
    settle();
    chip.r.misc = v;
    fill_window();
}

void io_out8(uint16_t port, uint8_t v)
{
    chip.port_writes++;
    switch (port) {
    case 0x3c0:
        set_attr(v);
        break;
    case 0x3c2:
        set_misc(v);
        break;
    case 0x3c4:
        chip.seq_index = v;
        break;
    case 0x3c6:
        chip.r.dac_mask = v;
        break;
    case 0x3c7:
    case 0x3c8:
        chip.dac_at = v * 3U;
        break;
    case 0x3c9:
        chip.r.dac[chip.dac_at / 3 % 256][chip.dac_at % 3] = v;
        chip.dac_at++;
        chip.dac_writes++;
        break;
    case 0x3ce:
        chip.gfx_index = v;
        break;
    case 0x3d4:
        chip.crtc_index = v;
        break;
    default:
        fail_msg("port %x", port);
    }
}

uint8_t io_in8(uint16_t port)
{
    unsigned at = chip.dac_at;

    if (!chip.there) {
        return 0xff;
    }
    switch (port) {
    case 0x3c1:
        return chip.r.attr[chip.attr_index & 0x1f];
    case 0x3c5:
        return chip.r.seq[chip.seq_index];
    case 0x3c6:
        return chip.r.dac_mask;
    case 0x3c9:
        chip.dac_at++;
        return chip.r.dac[at / 3 % 256][at % 3];
    case 0x3cc:
        return chip.r.misc;
    case 0x3cf:
        return chip.r.gfx[chip.gfx_index];
    case 0x3d5:
        return chip.r.crtc[chip.crtc_index];
    case 0x3da:
        chip.attr_data = false;
        return 0;
    default:
        fail_msg("port %x", port);
        return 0;
    }
}

/* --- modes as a VGA BIOS sets them --- */

enum { MODE_3, MODE_4, MODE_6, MODE_12, MODE_13, MODE_X, MODE_COUNT };
#define FONT_COLOURS 0x38, 0x39, 0x3a, 0x3b, 0x3c, 0x3d, 0x3e, 0x3f
#define ZEROS_6      0, 0, 0, 0, 0, 0
/* clang-format off */
static const struct vga_screen_regs modes[MODE_COUNT] = {
    [MODE_3] = { .misc = 0x67, .seq = { 3, 0x00, 3, 0, 2 },
        .crtc = { 0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81, 0xbf, 0x1f, 0, 0x4f, 0x0d, 0x0e, 0, 0, 0, 0,
                  0x9c, 0x8e, 0x8f, 0x28, 0x1f, 0x96, 0xb9, 0xa3, 0xff },
        .gfx = { 0, 0, 0, 0, 0, 0x10, 0x0e, 0, 0xff },
        .attr = { 0, 1, 2, 3, 4, 5, 0x14, 7, FONT_COLOURS, 0x0c, 0, 0x0f, 8, 0 } },
    [MODE_4] = { .misc = 0x63, .seq = { 3, 0x09, 3, 0, 2 },
        .crtc = { 0x2d, 0x27, 0x28, 0x90, 0x2b, 0x80, 0xbf, 0x1f, 0, 0xc1, ZEROS_6,
                  0x9c, 0x8e, 0x8f, 0x14, 0, 0x96, 0xb9, 0xa2, 0xff },
        .gfx = { 0, 0, 0, 0, 0, 0x30, 0x0f, 0, 0xff },
        .attr = { 0, 0x13, 0x15, 0x17, 2, 4, 6, 7, FONT_COLOURS, 1, 0, 3, 0, 0 } },
    [MODE_6] = { .misc = 0x63, .seq = { 3, 0x01, 1, 0, 6 },
        .crtc = { 0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0xbf, 0x1f, 0, 0xc1, ZEROS_6,
                  0x9c, 0x8e, 0x8f, 0x28, 0, 0x96, 0xb9, 0xc2, 0xff },
        .gfx = { 0, 0, 0, 0, 0, 0, 0x0d, 0, 0xff },
        .attr = { 0, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, FONT_COLOURS, 1, 0, 1, 0, 0 } },
    [MODE_12] = { .misc = 0xe3, .seq = { 3, 0x01, 0x0f, 0, 6 },
        .crtc = { 0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0x0b, 0x3e, 0, 0x40, ZEROS_6,
                  0xea, 0x8c, 0xdf, 0x28, 0, 0xe7, 0x04, 0xe3, 0xff },
        .gfx = { 0, 0, 0, 0, 0, 0, 0x05, 0x0f, 0xff },
        .attr = { 0, 1, 2, 3, 4, 5, 0x14, 7, FONT_COLOURS, 1, 0, 0x0f, 0, 0 } },
    [MODE_13] = { .misc = 0x63, .seq = { 3, 0x01, 0x0f, 0, 0x0e },
        .crtc = { 0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0xbf, 0x1f, 0, 0x41, ZEROS_6,
                  0x9c, 0x8e, 0x8f, 0x28, 0x40, 0x96, 0xb9, 0xa3, 0xff },
        .gfx = { 0, 0, 0, 0, 0, 0x40, 0x05, 0x0f, 0xff },
        .attr = { 0, 1, 2, 3, 4, 5, 6, 7, FONT_COLOURS, 0x41, 0, 0x0f, 0, 0 } },
    [MODE_X] = { .misc = 0xe3, .seq = { 3, 0x01, 0x0f, 0, 6 },
        .crtc = { 0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0x0d, 0x3e, 0, 0x41, ZEROS_6,
                  0xea, 0xac, 0xdf, 0x28, 0, 0xe7, 0x06, 0xe3, 0xff },
        .gfx = { 0, 0, 0, 0, 0, 0x40, 0x05, 0x0f, 0xff },
        .attr = { 0, 1, 2, 3, 4, 5, 6, 7, FONT_COLOURS, 0x41, 0, 0x0f, 0, 0 } },
};
/* clang-format on */

static void set_guest_mode(unsigned mode)
{
    guest = modes[mode];
    guest.dac_mask = 0xff;
    for (unsigned i = 0; i < 256; i++) {
        for (unsigned part = 0; part < 3; part++) {
            guest.dac[i][part] = (uint8_t)((i * 7 + part * 21 + mode) & 0x3f);
        }
    }
    for (unsigned i = 0; i < sizeof vram; i++) {
        vram[i] = (uint8_t)(rand() >> 7);
    }
}

/* --- what the chip must show --- */

static void assert_flat(uint32_t len, uint32_t planes)
{
    for (uint32_t i = 0; i < len; i++) {
        assert_int_equal(chip.plane[i & (planes - 1)][i & ~(planes - 1)], vram[i]);
    }
}

static void assert_memory_shown(unsigned mode)
{
    switch (mode) {
    case MODE_3:
        assert_memory_equal(chip.plane[2], vram + 2 * PLANE, PLANE);
        assert_flat(32 * 1024, 2);
        break;
    case MODE_4:
        assert_flat(32 * 1024, 2);
        break;
    case MODE_6:
        assert_memory_equal(chip.plane[0], vram, 32 * 1024);
        break;
    case MODE_13:
        assert_flat(PLANE, 4);
        break;
    default:
        assert_memory_equal(chip.plane, vram, sizeof vram);
    }
}

static void assert_registers_shown(void)
{
    uint8_t crtc[sizeof guest.crtc];

    memcpy(crtc, guest.crtc, sizeof crtc);
    crtc[0x03] |= 0x80;
    crtc[0x11] = (crtc[0x11] & 0x4f) | 0x20; /* neither interrupts nor protection */
    assert_memory_equal(chip.r.crtc, crtc, sizeof crtc);
    assert_memory_equal(chip.r.attr, guest.attr, sizeof guest.attr);
    assert_int_equal(chip.r.misc, guest.misc);
    assert_int_equal(chip.r.seq[0], 3);
    assert_int_equal(chip.r.seq[1], guest.seq[1]);
    assert_int_equal(chip.r.seq[3], guest.seq[3]);
    assert_int_equal(chip.r.gfx[5] & 0x60, guest.gfx[5] & 0x60);
    assert_int_equal(chip.r.gfx[6] & 1, guest.gfx[6] & 1);
    assert_int_equal(chip.r.dac_mask, guest.dac_mask);
    assert_memory_equal(chip.r.dac, guest.dac, sizeof guest.dac);
    assert_true(chip.attr_index & 0x20); /* the palette is shown */
}

static void show(bool regs_changed, bool font_changed)
{
    vga_screen_show(&s, &guest, vram, regs_changed, font_changed);
    settle();
    fill_window();
}

static void count_from_here(void)
{
    chip.port_writes = chip.crtc_writes = chip.dac_writes = 0;
    chip.cells_written = chip.written_while_lit = 0;
}

/* A host's text mode that differs a little from what a BIOS sets. */
static int power_on(void **state)
{
    (void)state;
    memset(&chip, 0, sizeof chip);
    memset(shadow, 0x77, sizeof shadow);
    srand(1);
    chip.there = true;
    chip.r = modes[MODE_3];
    chip.r.crtc[0x0f] = 80;
    chip.r.attr[0x11] = 1;
    chip.r.gfx[1] = 3; /* who left these did not think of us */
    chip.r.gfx[4] = 1;
    chip.r.gfx[8] = 0x0f;
    chip.r.dac_mask = 0xff;
    for (unsigned i = 0; i < PLANE; i++) {
        chip.plane[2][i] = (uint8_t)(i * 31 >> 3);
        chip.plane[0][i] = 'h';
        chip.plane[1][i] = 7;
        chip.r.dac[i & 0xff][0] = (uint8_t)(i & 0x3f);
    }
    return 0;
}

static struct vga_screen_regs host;

static bool init(void)
{
    bool found;

    host = chip.r;
    chip.readable = true;
    fill_window();
    found = vga_screen_init(&s, (volatile uint8_t *)window, shadow);
    settle();
    assert_int_equal(chip.cells_written, 0);
    chip.readable = false;
    fill_window();
    return found;
}

static int ready(void **state)
{
    power_on(state);
    assert_true(init());
    return 0;
}

static void assert_host_again(void)
{
    settle();
    assert_memory_equal(&chip.r, &host, sizeof host);
    assert_true(chip.attr_index & 0x20);
    for (unsigned i = 0; i < VGA_SCREEN_FONT_BYTES; i++) {
        assert_int_equal(chip.plane[2][i], (uint8_t)(i * 31 >> 3));
    }
}

static void looking_at_the_host_changes_nothing(void **state)
{
    (void)state;
    assert_host_again();
    for (unsigned i = 0; i < PLANE; i++) {
        assert_int_equal(chip.plane[0][i], 'h');
    }
}

static void each_mode_is_shown_after_each_other(void **state)
{
    (void)state;
    for (unsigned i = 0; i < MODE_COUNT * MODE_COUNT; i++) {
        set_guest_mode(i / MODE_COUNT);
        show(true, true);
        set_guest_mode(i % MODE_COUNT);
        show(true, true);
        assert_registers_shown();
        assert_memory_shown(i % MODE_COUNT);
    }
}

static void leaving_brings_the_hosts_text_mode_back(void **state)
{
    (void)state;
    for (unsigned mode = 0; mode < MODE_COUNT; mode++) {
        set_guest_mode(mode);
        show(true, false);
        vga_screen_leave(&s);
        assert_host_again();
        fill_window();
        show(false, false); /* coming back needs no hint */
        assert_registers_shown();
        assert_memory_shown(mode);
    }
}

static void a_host_font_in_another_place_comes_back_there(void **state)
{
    (void)state;
    chip.r.seq[3] = 0x11; /* map B: 3 * 8 KiB */
    chip.r.seq[0] = 0;    /* a chip that does not tell */
    for (unsigned i = 0; i < VGA_SCREEN_FONT_BYTES; i++) {
        chip.plane[2][0x6000 + i] = (uint8_t)(i * 5 >> 2);
    }
    assert_true(init());
    set_guest_mode(MODE_12);
    show(true, false);
    vga_screen_leave(&s);
    settle();
    assert_int_equal(chip.r.seq[3], 0x11);
    assert_int_equal(chip.r.seq[0], 3);
    for (unsigned i = 0; i < VGA_SCREEN_FONT_BYTES; i++) {
        assert_int_equal(chip.plane[2][0x6000 + i], (uint8_t)(i * 5 >> 2));
    }
}

static void the_screen_is_dark_while_a_mode_is_set(void **state)
{
    (void)state;
    for (unsigned mode = 0; mode < MODE_COUNT; mode++) {
        set_guest_mode(mode);
        count_from_here();
        show(true, false);
        assert_true(chip.cells_written > 0);
        assert_int_equal(chip.written_while_lit, 0);
        vga_screen_leave(&s);
        settle();
        fill_window();
        assert_int_equal(chip.written_while_lit, 0);
    }
}

static void what_does_not_change_costs_nothing(void **state)
{
    (void)state;
    for (unsigned mode = 0; mode < MODE_COUNT; mode++) {
        set_guest_mode(mode);
        show(true, true);
        count_from_here();
        show(false, false);
        show(true, false);
        assert_int_equal(chip.port_writes, 0);
        assert_int_equal(chip.cells_written, 0);
    }
}

static void only_what_differs_is_written(void **state)
{
    (void)state;
    for (unsigned mode = 0; mode < MODE_COUNT; mode++) {
        set_guest_mode(mode);
        show(true, false);
        count_from_here();
        vram[0] ^= 0xff;
        vram[7] ^= 0xff;
        vram[32 * 1024 - 1] ^= 0xff;
        show(false, false);
        assert_int_equal(chip.cells_written, 2);
        assert_true(chip.port_writes <= 1); /* the map mask */
        assert_memory_shown(mode);
    }
}

static void a_cursor_or_start_address_is_just_its_registers(void **state)
{
    static const uint8_t moving[] = { 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f };

    (void)state;
    set_guest_mode(MODE_3);
    show(true, false);
    for (unsigned i = 0; i < sizeof moving; i++) {
        count_from_here();
        guest.crtc[moving[i]] ^= 0x05;
        show(true, false);
        assert_int_equal(chip.crtc_writes, 1);
        assert_int_equal(chip.port_writes, 1);
        assert_registers_shown();
    }
}

static void only_changed_colours_are_written(void **state)
{
    (void)state;
    set_guest_mode(MODE_13);
    show(true, false);
    count_from_here();
    guest.dac[17][1] ^= 1;
    guest.dac[18][2] ^= 1;
    guest.dac[255][0] ^= 1;
    show(true, false);
    assert_int_equal(chip.dac_writes, 9);
    assert_int_equal(chip.port_writes, 9 + 2); /* 18 follows 17 without being said */
    assert_registers_shown();
}

static void palette_and_clock_changes_arrive_without_another_layout(void **state)
{
    (void)state;
    set_guest_mode(MODE_3);
    show(true, false);
    guest.attr[3] = 0x2a;
    show(true, false);
    assert_registers_shown();
    guest.attr[0x13] = 2;
    guest.seq[3] = 0x05;
    guest.seq[1] = 0x09;
    guest.misc = 0xe3;
    guest.crtc[0] = 0x2d;
    show(true, false);
    assert_registers_shown();
    assert_memory_shown(MODE_3);
}

static void a_guest_may_blank_its_screen(void **state)
{
    (void)state;
    set_guest_mode(MODE_12);
    show(true, false);
    for (unsigned i = 0; i < 2; i++) {
        guest.seq[1] ^= SCREEN_OFF;
        count_from_here();
        show(true, false);
        assert_int_equal(chip.port_writes, 1); /* without a reset, which would flicker */
        assert_registers_shown();
    }
}

/* A BIOS opens plane 2 at A0000h while it loads a font into it. */
static void a_font_being_loaded_does_not_disturb_the_text(void **state)
{
    (void)state;
    set_guest_mode(MODE_3);
    show(true, false);
    count_from_here();
    guest.seq[2] = 4;
    guest.seq[4] = 7;
    guest.gfx[4] = 2;
    guest.gfx[5] = 0;
    guest.gfx[6] = 4;
    show(true, false);
    assert_int_equal(chip.port_writes, 0);
    memset(vram + 2 * PLANE + 'A' * 32, 0x42, 16);
    show(false, false);
    assert_int_equal(chip.cells_written, 0); /* not told of it */
    show(true, true);
    assert_int_equal(chip.cells_written, 2);
    vram[100] ^= 1;
    show(true, false);
    assert_registers_shown();
    assert_memory_shown(MODE_3);
}

/* Emulators put what is written to other planes of CGA's mode 6 into the only one. */
static void planes_that_are_not_enabled_are_left_alone(void **state)
{
    (void)state;
    set_guest_mode(MODE_6);
    show(true, false);
    for (unsigned i = 0; i < PLANE; i++) {
        assert_int_equal(chip.plane[1][i] | chip.plane[2][i] | chip.plane[3][i], 0);
    }
    set_guest_mode(MODE_12);
    guest.attr[0x12] = 0x05;
    show(true, false);
    guest.attr[0x12] = 0x0f;
    show(true, false);
    assert_memory_shown(MODE_12);
    set_guest_mode(MODE_X);
    guest.attr[0x12] = 0x05; /* takes bits of a pixel away here, not planes */
    show(true, false);
    assert_memory_shown(MODE_X);
}

static void nothing_of_an_earlier_picture_is_left(void **state)
{
    (void)state;
    set_guest_mode(MODE_12);
    show(true, false);
    set_guest_mode(MODE_13);
    memset(vram, 0, sizeof vram);
    show(true, false);
    for (unsigned p = 0; p < 4; p++) {
        for (unsigned i = 0; i < PLANE; i++) {
            assert_int_equal(chip.plane[p][i], 0);
        }
    }
}

static void a_guest_in_reset_has_a_dark_screen(void **state)
{
    (void)state;
    memset(&guest, 0, sizeof guest); /* at its power-on */
    show(true, true);
    assert_true(chip.r.seq[1] & SCREEN_OFF);
    assert_memory_equal(chip.r.crtc, host.crtc, sizeof host.crtc);
    set_guest_mode(MODE_3);
    show(true, false);
    assert_registers_shown();
    guest.crtc[0x17] &= 0x7f;
    show(true, true);
    assert_true(chip.r.seq[1] & SCREEN_OFF);
    assert_int_equal(chip.r.crtc[0x17], 0xa3); /* the monitor keeps its signal */
    guest.crtc[0x17] |= 0x80;
    memset(vram + 2 * PLANE, 0x42, PLANE);
    show(true, false);
    assert_registers_shown();
    assert_memory_shown(MODE_3);
    memset(&guest, 0, sizeof guest);
    show(true, true);
    vga_screen_leave(&s);
    assert_host_again();
}

/* The chip above fails on anything but VGA registers and memory. */
static void a_hostile_guest_has_a_picture_at_most(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 150; round++) {
        for (unsigned i = 0; i < sizeof guest; i++) {
            ((uint8_t *)&guest)[i] = (uint8_t)(rand() >> 7);
        }
        guest.seq[0] |= round % 8 ? 3 : 0;
        guest.crtc[0x17] |= round % 8 ? 0x80 : 0;
        vram[(unsigned)rand() % sizeof vram] ^= 1;
        show(round % 3, round % 2);
        assert_int_equal(chip.r.seq[0], 3);
        assert_int_equal(chip.r.misc & 0x2b, 0x23); /* one of VGA's own clocks */
        if (s.layout != VGA_SCREEN_NONE) {
            assert_int_equal(chip.r.crtc[0x11] & 0xb0, 0x20); /* no interrupts */
            assert_true(chip.r.crtc[0x03] & 0x80);
        }
        assert_true(chip.attr_index & 0x20);
        for (unsigned i = 0; i < 256 * 3; i++) {
            assert_true(chip.r.dac[i / 3][i % 3] < 64);
        }
    }
    vga_screen_leave(&s);
    assert_host_again();
}

static void assert_unused(volatile uint8_t *w)
{
    assert_false(vga_screen_init(&s, w, shadow));
    count_from_here();
    set_guest_mode(MODE_3);
    show(true, true);
    vga_screen_leave(&s);
    settle();
    assert_int_equal(chip.port_writes + chip.cells_written, 0);
}

static void without_a_vga_in_colour_text_mode_nothing_is_done(void **state)
{
    fill_window();
    assert_unused(NULL);
    chip.there = false;
    assert_unused((volatile uint8_t *)window);
    power_on(state);
    chip.r.misc &= 0xfe;
    assert_unused((volatile uint8_t *)window);
    power_on(state);
    chip.r = modes[MODE_12];
    assert_unused((volatile uint8_t *)window);
}

int main(void)
{
#define AT_POWER_ON(test) cmocka_unit_test_setup(test, power_on)
#define READY(test)       cmocka_unit_test_setup(test, ready)
    const struct CMUnitTest tests[] = {
        READY(looking_at_the_host_changes_nothing),
        READY(each_mode_is_shown_after_each_other),
        READY(leaving_brings_the_hosts_text_mode_back),
        AT_POWER_ON(a_host_font_in_another_place_comes_back_there),
        READY(the_screen_is_dark_while_a_mode_is_set),
        READY(what_does_not_change_costs_nothing),
        READY(only_what_differs_is_written),
        READY(a_cursor_or_start_address_is_just_its_registers),
        READY(only_changed_colours_are_written),
        READY(palette_and_clock_changes_arrive_without_another_layout),
        READY(a_guest_may_blank_its_screen),
        READY(a_font_being_loaded_does_not_disturb_the_text),
        READY(planes_that_are_not_enabled_are_left_alone),
        READY(nothing_of_an_earlier_picture_is_left),
        READY(a_guest_in_reset_has_a_dark_screen),
        READY(a_hostile_guest_has_a_picture_at_most),
        AT_POWER_ON(without_a_vga_in_colour_text_mode_nothing_is_done),
    };
    return cmocka_run_group_tests_name("vga_screen", tests, NULL, NULL);
}
