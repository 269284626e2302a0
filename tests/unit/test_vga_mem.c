#include "vga_rig.h"

static void poke(uint64_t offset, unsigned size, uint64_t value)
{
    struct io_access a = { .offset = offset, .size = (uint8_t)size, .write = true, .value = value };

    vga_mem_io(&vga, &a);
}

/* All 64 bits of the answer. */
static uint64_t peek(uint64_t offset, unsigned size)
{
    struct io_access a = { .offset = offset, .size = (uint8_t)size };

    vga_mem_io(&vga, &a);
    return a.value;
}

static unsigned peek8(uint64_t offset)
{
    return (uint8_t)peek(offset, 1);
}

static uint8_t *plane(unsigned p)
{
    return vga.vram + (size_t)p * VGA_PLANE_SIZE;
}

static void assert_windows(uint32_t a0000, uint32_t b0000, uint32_t b8000)
{
    assert_int_equal(vga.window[VGA_WINDOW_A0000], a0000);
    assert_int_equal(vga.window[VGA_WINDOW_B0000], b0000);
    assert_int_equal(vga.window[VGA_WINDOW_B8000], b8000);
}

static void each_mode_has_its_windows(void **state)
{
    static const struct {
        const struct mode *mode;
        uint32_t window[3];
    } table[] = {
        {&mode_1,   { VGA_TRAPPED, VGA_TRAPPED, 0 }          },
        { &mode_3,  { VGA_TRAPPED, VGA_TRAPPED, 0 }          },
        { &mode_7,  { VGA_TRAPPED, 0, VGA_TRAPPED }          },
        { &mode_4,  { VGA_TRAPPED, VGA_TRAPPED, 0 }          },
        { &mode_6,  { VGA_TRAPPED, VGA_TRAPPED, 0 }          },
        { &mode_13, { 0, VGA_TRAPPED, VGA_TRAPPED }          },
        { &mode_d,  { VGA_TRAPPED, VGA_TRAPPED, VGA_TRAPPED }},
        { &mode_12, { VGA_TRAPPED, VGA_TRAPPED, VGA_TRAPPED }},
        { &mode_x,  { VGA_TRAPPED, VGA_TRAPPED, VGA_TRAPPED }},
    };

    (void)state;
    assert_windows(VGA_TRAPPED, VGA_TRAPPED, VGA_TRAPPED);
    for (unsigned i = 0; i < sizeof table / sizeof *table; i++) {
        set_mode(table[i].mode);
        assert_windows(table[i].window[0], table[i].window[1], table[i].window[2]);
    }
}

static void the_memory_map_chooses_what_is_decoded(void **state)
{
    (void)state;
    set_mode(&mode_3);
    set(GFX, 6, 0x02);
    assert_windows(0, 0, 0x8000);
    set(GFX, 6, 0x06);
    assert_windows(0, VGA_TRAPPED, VGA_TRAPPED);
    set(GFX, 6, 0x0a);
    assert_windows(VGA_TRAPPED, 0, VGA_TRAPPED);
    out(0x3c2, 1, 0x65); /* RAM off */
    assert_windows(VGA_TRAPPED, VGA_TRAPPED, VGA_TRAPPED);
    out(0x3c2, 1, 0x67);
    /* Plane 1 by itself, in all of the 128 KiB. */
    set(GFX, 6, 0x00);
    set(SEQ, 4, 0x06);
    set(SEQ, 2, 0x02);
    set(GFX, 5, 0x00);
    set(GFX, 4, 0x01);
    assert_windows(0x10000, 0x10000, 0x18000);
    set(GFX, 6, 0x0c);
    assert_windows(VGA_TRAPPED, VGA_TRAPPED, 0x10000);
}

static void what_is_not_decoded_floats(void **state)
{
    (void)state;
    memset(vga.vram, 0x11, VGA_VRAM_SIZE);
    assert_true(peek(0, 8) == ~UINT64_C(0)); /* power on */
    set_mode(&mode_3);
    poke(0, 8, 0);
    poke(0x17ff0, 8, 0);
    assert_true(peek(0, 4) == ~UINT64_C(0));
    assert_true(peek(0x17ff8, 8) == ~UINT64_C(0));
    assert_true(peek(0x1ffff, 2) == (~UINT64_C(0xff) | 0x11)); /* its end is outside */
    assert_true(peek(UINT64_MAX - 1, 8) == ~UINT64_C(0));
    poke(0x20000, 8, 0);
    poke(UINT64_MAX - 1, 8, 0);
    set_mode(&mode_12);
    out(0x3c2, 1, 0xe1);
    poke(0, 1, 0);
    assert_int_equal(peek8(0), 0xff);
    out(0x3c2, 1, 0xe3);
    poke(0x10000, 1, 0);
    assert_int_equal(peek8(0x10000), 0xff);
    for (unsigned i = 0; i < VGA_VRAM_SIZE; i++) {
        assert_int_equal(vga.vram[i], 0x11);
    }
}

static void an_access_to_plain_ram_that_traps_all_the_same_is_right(void **state)
{
    (void)state;
    set_mode(&mode_3);
    poke(0x18000 + 160, 4, 0x17421741);
    assert_memory_equal(vga.vram + 160, "A\27B\27", 4);
    assert_true(peek(0x18000 + 161, 2) == (~UINT64_C(0xffff) | 0x4217));
    /* Half of it floats, half is plain. */
    poke(0x17ffe, 4, 0x44332211);
    assert_memory_equal(vga.vram, "\x33\x44", 2);
    assert_true(peek(0x17ffe, 4) == (~UINT64_C(0xffffffff) | 0x4433ffff));
}

static void remap_is_called_when_a_window_changes_and_only_then(void **state)
{
    (void)state;
    set_mode(&mode_3);
    remaps = 0;
    set_mode(&mode_3);
    set(SEQ, 2, 0x01);
    set(GFX, 8, 0x55);
    set(GFX, 5, 0x50);
    assert_int_equal(remaps, 0);
    set(GFX, 6, 0x0a);
    assert_int_equal(remaps, 1);
    out(0x3c2, 1, 0x65);
    assert_int_equal(remaps, 2);
    set(GFX, 6, 0x0e);
    assert_int_equal(remaps, 2);
}

static void a_bios_loads_a_font_without_an_exit_a_byte(void **state)
{
    uint32_t fonts;

    (void)state;
    set_mode(&mode_3);
    set(SEQ, 0, 1);
    set(SEQ, 2, 4);
    set(SEQ, 4, 7);
    set(SEQ, 0, 3);
    set(GFX, 4, 2);
    set(GFX, 5, 0);
    set(GFX, 6, 4);
    assert_windows(2 * VGA_PLANE_SIZE, VGA_TRAPPED, VGA_TRAPPED);
    fonts = vga.font_generation;
    set(SEQ, 0, 1);
    set(SEQ, 2, 3);
    set(SEQ, 4, 3);
    set(SEQ, 0, 3);
    set(GFX, 6, 0x0e);
    set(GFX, 4, 0);
    set(GFX, 5, 0x10);
    assert_windows(VGA_TRAPPED, VGA_TRAPPED, 0);
    assert_int_equal(vga.font_generation, fonts + 1);
    set_mode(&mode_13);
    set_mode(&mode_3);
    assert_int_equal(vga.font_generation, fonts + 1);
    /* Byte by byte, too. */
    set_mode(&mode_12);
    poke(0, 1, 0);
    assert_int_equal(vga.font_generation, fonts + 2);
    set(SEQ, 2, 0x0b);
    poke(0, 1, 0);
    assert_int_equal(vga.font_generation, fonts + 2);
}

static void one_plane_is_plain_only_if_a_write_is_nothing_more(void **state)
{
    static const struct {
        unsigned port, index, value, usual;
    } table[] = {
        {SEQ,  2, 0x06, 0x02},
        { SEQ, 2, 0x01, 0x02},
        { SEQ, 2, 0x00, 0x02},
        { GFX, 1, 0x02, 0x00},
        { GFX, 3, 0x01, 0x00},
        { GFX, 3, 0x08, 0x00},
        { GFX, 4, 0x00, 0x01},
        { GFX, 5, 0x01, 0x00},
        { GFX, 5, 0x02, 0x00},
        { GFX, 5, 0x08, 0x00},
        { GFX, 8, 0x7f, 0xff},
    };

    (void)state;
    set_mode(&mode_12);
    set(SEQ, 2, 0x02);
    set(GFX, 4, 0x01);
    for (unsigned i = 0; i < sizeof table / sizeof *table; i++) {
        assert_windows(VGA_PLANE_SIZE, VGA_TRAPPED, VGA_TRAPPED);
        set(table[i].port, table[i].index, table[i].value);
        assert_windows(VGA_TRAPPED, VGA_TRAPPED, VGA_TRAPPED);
        set(table[i].port, table[i].index, table[i].usual);
    }
    set(GFX, 1, 0x0d); /* the other planes' set/reset */
    set(GFX, 0, 0x0f);
    assert_windows(VGA_PLANE_SIZE, VGA_TRAPPED, VGA_TRAPPED);
}

/* --- planar accesses, against a model that does it bit by bit --- */

static uint8_t model_plane[4][256];
static uint8_t model_latch[4];

static bool bit_of(unsigned v, unsigned n)
{
    return v >> n & 1;
}

static bool model_bit(const struct vga_regs *r, unsigned value, unsigned p, unsigned n)
{
    unsigned rotate = r->gfx[3] & 7;
    bool rotated = bit_of(value, (n + rotate) % 8);
    bool latch = bit_of(model_latch[p], n);
    bool open = bit_of(r->gfx[8], n);
    bool data;

    switch (r->gfx[5] & 3) {
    case 0:
        data = bit_of(r->gfx[1], p) ? bit_of(r->gfx[0], p) : rotated;
        break;
    case 1:
        return latch;
    case 2:
        data = bit_of(value, p);
        break;
    default:
        data = bit_of(r->gfx[0], p);
        open = open && rotated;
        break;
    }
    switch (r->gfx[3] >> 3) {
    case 1:
        data = data && latch;
        break;
    case 2:
        data = data || latch;
        break;
    case 3:
        data = data != latch;
        break;
    }
    return open ? data : latch;
}

static void model_write(const struct vga_regs *r, unsigned at, unsigned value)
{
    for (unsigned p = 0; p < 4; p++) {
        for (unsigned n = 0; n < 8 && bit_of(r->seq[2], p); n++) {
            unsigned bit = 1U << n;
            bool on = model_bit(r, value, p, n);

            model_plane[p][at] = (uint8_t)((model_plane[p][at] & ~bit) | (on ? bit : 0));
        }
    }
}

static unsigned model_read(const struct vga_regs *r, unsigned at)
{
    unsigned value = 0;

    for (unsigned p = 0; p < 4; p++) {
        model_latch[p] = model_plane[p][at];
    }
    if (!(r->gfx[5] & 8)) {
        return model_plane[r->gfx[4]][at];
    }
    for (unsigned n = 0; n < 8; n++) {
        bool same = true;

        for (unsigned p = 0; p < 4; p++) {
            if (bit_of(r->gfx[7], p) && bit_of(model_latch[p], n) != bit_of(r->gfx[2], p)) {
                same = false;
            }
        }
        value |= same ? 1U << n : 0;
    }
    return value;
}

static unsigned any(unsigned below)
{
    static uint32_t x = 12345;

    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return x % below;
}

/* The registers that planar accesses depend on, at random. */
static void any_planar_registers(void)
{
    set(SEQ, 2, any(16));
    set(GFX, 0, any(16));
    set(GFX, 1, any(2) ? any(16) : 0);
    set(GFX, 2, any(16));
    set(GFX, 3, any(2) ? any(32) : 0);
    set(GFX, 4, any(4));
    set(GFX, 5, any(4) | any(2) << 3);
    set(GFX, 7, any(16));
    set(GFX, 8, any(2) ? any(256) : 0xff);
}

static void planar_accesses_do_what_the_manual_says(void **state)
{
    unsigned checked = 0;

    (void)state;
    set_mode(&mode_12);
    memset(model_plane, 0, sizeof model_plane);
    memset(model_latch, 0, sizeof model_latch);
    for (unsigned i = 0; i < 100000; i++) {
        unsigned at = any(256);

        if (any(4) == 0) {
            any_planar_registers();
        }
        if (vga.window[VGA_WINDOW_A0000] != VGA_TRAPPED) {
            continue; /* reads of plain RAM load no latches */
        }
        checked++;
        if (any(2)) {
            assert_int_equal(peek8(at), model_read(&vga.regs, at));
        } else {
            unsigned value = any(256);

            poke(at, 1, value);
            model_write(&vga.regs, at, value);
            for (unsigned p = 0; p < 4; p++) {
                assert_int_equal(plane(p)[at], model_plane[p][at]);
            }
        }
    }
    assert_true(checked > 90000);
    for (unsigned p = 0; p < 4; p++) {
        assert_memory_equal(plane(p), model_plane[p], 256);
    }
}

static void plain_and_trapped_one_plane_writes_agree(void **state)
{
    (void)state;
    set_mode(&mode_12);
    set(SEQ, 2, 0x04);
    set(GFX, 4, 0x02);
    assert_int_equal(vga.window[VGA_WINDOW_A0000], 2 * VGA_PLANE_SIZE);
    poke(0x1234, 1, 0x5a);
    assert_int_equal(plane(2)[0x1234], 0x5a);
    set(GFX, 4, 0x00); /* traps: another plane is read */
    poke(0x1235, 1, 0xa5);
    assert_int_equal(plane(2)[0x1235], 0xa5);
    assert_int_equal(peek8(0x1234), 0x00);
}

static void a_wide_access_is_bytes_in_order(void **state)
{
    (void)state;
    set_mode(&mode_12);
    set(GFX, 8, 0xff);
    poke(0x10, 8, UINT64_C(0x8877665544332211));
    for (unsigned p = 0; p < 4; p++) {
        assert_memory_equal(plane(p) + 0x10, "\x11\x22\x33\x44\x55\x66\x77\x88", 8);
    }
    assert_true(peek(0x10, 8) == UINT64_C(0x8877665544332211));
    assert_true(peek(0x11, 4) == (~UINT64_C(0xffffffff) | 0x55443322));
    assert_true(peek(0x12, 2) == (~UINT64_C(0xffff) | 0x4433));
    /* The latches hold the last byte: write mode 1 stores it twice. */
    set(GFX, 5, 0x01);
    poke(0x40, 2, 0);
    assert_memory_equal(plane(3) + 0x40, "\x44\x44", 2);
    /* The last byte of a plane is not the first of the next. */
    set(GFX, 5, 0x00);
    set(SEQ, 2, 0x01);
    set(GFX, 4, 0x01);
    poke(0xfffc, 8, ~UINT64_C(0));
    assert_int_equal(plane(0)[0xffff], 0xff);
    assert_int_equal(plane(1)[0], 0);
}

static void the_large_map_shows_a_plane_twice(void **state)
{
    (void)state;
    set_mode(&mode_12);
    set(GFX, 6, 0x01);
    poke(0x18005, 1, 0x77);
    assert_int_equal(plane(3)[0x8005], 0x77);
    assert_int_equal(peek8(0x8005), 0x77);
    set(GFX, 6, 0x0d);
    poke(0x18005, 1, 0x66);
    assert_int_equal(plane(3)[0x0005], 0x66);
}

/* --- anything at all --- */

static void assert_sane(const uint32_t *before, unsigned remaps_before)
{
    bool changed = memcmp(before, vga.window, sizeof vga.window) != 0;

    assert_int_equal(remaps - remaps_before, changed);
    for (unsigned w = 0; w < VGA_WINDOW_COUNT; w++) {
        assert_true(
            vga.window[w] == VGA_TRAPPED ||
            (vga.window[w] <= VGA_VRAM_SIZE - vga_window_size(w) && vga.window[w] % 4096 == 0));
    }
}

static void look(void)
{
    struct vga_view w;

    vga_view(&vga, &w);
    assert_true(w.columns <= VGA_COLUMNS_MAX && w.rows <= VGA_ROWS_MAX);
    assert_true(w.mask < VGA_PLANE_SIZE);
    assert_true(w.split <= w.rows + w.height);
    assert_true((w.kind == VGA_TEXT) == (w.columns && w.rows));
    assert_true((w.kind == VGA_GRAPHICS) == (w.width && w.height));
    assert_true(!w.cursor_visible || (w.cursor_row < w.rows && w.cursor_column < w.columns));
    for (unsigned row = 0; row < w.rows; row++) {
        (void)vga_cell(&vga, &w, row, any(VGA_COLUMNS_MAX));
    }
}

static void nothing_a_guest_does_goes_out_of_bounds(void **state)
{
    static const struct mode *const modes[] = { &mode_3, &mode_7, &mode_12, &mode_13 };

    (void)state;
    for (unsigned i = 0; i < 200000; i++) {
        struct io_access a = { .size = (uint8_t)(1U << any(4)),
                               .write = any(2),
                               .value = any(UINT32_MAX) | (uint64_t)any(UINT32_MAX) << 32 };
        uint32_t before[VGA_WINDOW_COUNT];
        unsigned remaps_before = remaps;

        if (any(500) == 0) {
            set_mode(modes[any(4)]);
            remaps_before = remaps;
        }
        memcpy(before, vga.window, sizeof before);
        now += any(100000);
        if (any(2)) {
            a.offset = any(16) ? any(VGA_IO_LEN) : any(UINT32_MAX);
            a.size = (uint8_t)(a.write ? 1 : a.size); /* so that one register changes at a time */
            vga_io(&vga, &a);
        } else {
            a.offset = any(16) ? any(VGA_MEM_LEN) : any(UINT32_MAX);
            vga_mem_io(&vga, &a);
        }
        assert_sane(before, remaps_before);
        if (any(16) == 0) {
            look();
        }
        if (any(64) == 0) { /* else it is blank nearly always */
            set(SEQ, 0, 3);
            set(SEQ, 1, 0);
            out(0x3c2, 1, 0x67);
            set(CRTC, 0x17, 0xa3);
            video_on();
            look();
        }
    }
    for (unsigned i = 0; i < 20000; i++) {
        struct io_access a = { .offset = any(VGA_IO_LEN),
                               .size = (uint8_t)(1U << any(4)),
                               .write = true,
                               .value = any(UINT32_MAX) };

        vga_io(&vga, &a);
        look();
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_mode_has_its_windows),
        TEST(the_memory_map_chooses_what_is_decoded),
        TEST(what_is_not_decoded_floats),
        TEST(an_access_to_plain_ram_that_traps_all_the_same_is_right),
        TEST(remap_is_called_when_a_window_changes_and_only_then),
        TEST(a_bios_loads_a_font_without_an_exit_a_byte),
        TEST(one_plane_is_plain_only_if_a_write_is_nothing_more),
        TEST(planar_accesses_do_what_the_manual_says),
        TEST(plain_and_trapped_one_plane_writes_agree),
        TEST(a_wide_access_is_bytes_in_order),
        TEST(the_large_map_shows_a_plane_twice),
        TEST(nothing_a_guest_does_goes_out_of_bounds),
    };
    return cmocka_run_group_tests_name("vga_mem", tests, NULL, NULL);
}
