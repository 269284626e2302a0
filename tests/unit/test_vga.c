#include "vga_rig.h"

/* --- registers --- */

static void a_register_keeps_the_bits_it_has(void **state)
{
    (void)state;
    out(0x3c2, 1, 0xff);
    assert_int_equal(in8(0x3cc), 0xef);
    out(0x3da, 1, 0xff);
    assert_int_equal(in8(0x3ca), 0x08);
    set(SEQ, 4, 0xff);
    assert_int_equal(get(SEQ, 4), 0x0e);
    assert_int_equal(vga.regs.seq[4], 0x0e);
    set(GFX, 5, 0xff);
    assert_int_equal(get(GFX, 5), 0x7b);
    set(GFX, 8, 0xa5);
    assert_int_equal(get(GFX, 8), 0xa5);
    set(CRTC, 0x13, 0x28);
    assert_int_equal(get(CRTC, 0x13), 0x28);
    set(CRTC, 0x17, 0xff);
    assert_int_equal(get(CRTC, 0x17), 0xef);
    assert_int_equal(in8(CRTC), 0x17);
}

static void an_index_without_a_register_reads_zero_and_harms_nothing(void **state)
{
    static const unsigned port[] = { SEQ, GFX, CRTC };
    static const unsigned first[] = { VGA_SEQ_COUNT, VGA_GFX_COUNT, VGA_CRTC_COUNT };
    struct vga_regs before;

    (void)state;
    set_mode(&mode_3);
    before = vga.regs;
    for (unsigned i = 0; i < 3; i++) {
        for (unsigned index = first[i]; index < 256; index++) {
            set(port[i], index, 0xff);
            assert_int_equal(get(port[i], index), 0);
        }
    }
    assert_memory_equal(&before, &vga.regs, sizeof before);
    for (unsigned index = VGA_ATTR_COUNT; index < 32; index++) {
        set_attr(index | 0x20, 0xff);
        (void)in(0x3da, 1);
        out(0x3c0, 1, index | 0x20);
        assert_int_equal(in8(0x3c1), 0);
    }
    assert_memory_equal(&before, &vga.regs, sizeof before);
}

static void a_wide_access_is_one_of_each_port_in_turn(void **state)
{
    (void)state;
    out(SEQ, 2, 0x0a02);
    assert_int_equal(vga.regs.seq[2], 0x0a);
    assert_true(in(SEQ, 2) == (~UINT64_C(0xffff) | 0x0a02));
    /* 3C5h is data, 3C6h the DAC mask, 3C7h the read index. */
    out(0x3c4, 4, 0x55330502);
    assert_int_equal(vga.regs.seq[2], 5);
    assert_int_equal(vga.regs.dac_mask, 0x33);
    assert_int_equal(vga.dac_read, 0x55);
    assert_true(in(0x3c4, 1) == (~UINT64_C(0xff) | 2));
    assert_true(in(0x3c4, 4) == (~UINT64_C(0xffffffff) | 0x03330502));
    /* The last port of all: what is behind it is not the VGA's. */
    assert_true(in(0x3df, 8) == ~UINT64_C(0));
    out(0x3df, 8, 0);
}

static void only_the_chosen_set_of_ports_answers(void **state)
{
    (void)state;
    out(0x3c2, 1, 0x01);
    set(CRTC, 0x0e, 0x12);
    assert_int_equal(in8(CRTC + 1), 0x12);
    assert_true(in(CRTC_MONO, 4) == ~UINT64_C(0));
    assert_true(in(0x3ba, 1) == ~UINT64_C(0));
    out(0x3c2, 1, 0x00);
    assert_int_equal(get(CRTC_MONO, 0x0e), 0x12);
    assert_true(in(CRTC, 2) == ~UINT64_C(0));
    assert_true(in(0x3da, 1) == ~UINT64_C(0));
    set(CRTC, 0x0e, 0x34);
    assert_int_equal(get(CRTC_MONO, 0x0e), 0x12);
}

static void ports_of_older_cards_float(void **state)
{
    static const uint16_t port[] = { 0x3b0, 0x3b8, 0x3bc, 0x3bf, 0x3c3, 0x3cb,
                                     0x3cd, 0x3d0, 0x3d8, 0x3d9, 0x3db, 0x3df };
    struct vga before;

    (void)state;
    out(0x3c2, 1, 0x01);
    before = vga;
    for (unsigned i = 0; i < sizeof port / sizeof *port; i++) {
        out(port[i], 1, 0x5a);
        assert_true(in(port[i], 1) == ~UINT64_C(0));
    }
    assert_memory_equal(&before, &vga, sizeof before);
}

static void the_attribute_port_takes_address_and_data_by_turns(void **state)
{
    (void)state;
    out(0x3c2, 1, 0x01);
    (void)in(0x3da, 1);
    out(0x3c0, 1, 0x03);
    out(0x3c0, 1, 0x2a);
    out(0x3c0, 1, 0x10);
    out(0x3c0, 1, 0x08);
    assert_int_equal(vga.regs.attr[3], 0x2a);
    assert_int_equal(vga.regs.attr[0x10], 0x08);
    /* Half a pair, then the flip-flop is reset: the next is an address again. */
    out(0x3c0, 1, 0x03);
    (void)in(0x3da, 1);
    out(0x3c0, 1, 0x30);
    assert_int_equal(vga.regs.attr[3], 0x2a);
    assert_int_equal(in8(0x3c0), 0x30);
    assert_int_equal(in8(0x3c1), 0x08);
    assert_int_equal(vga.regs.attr_pas, 0x20);
    /* Reads do not turn it. */
    out(0x3c0, 1, 0x01);
    assert_int_equal(vga.regs.attr[0x10], 0x01);
}

static void the_dac_counts_colours_up(void **state)
{
    (void)state;
    out(0x3c8, 1, 254);
    for (unsigned i = 0; i < 9; i++) {
        out(0x3c9, 1, 0xc0 | (i + 1));
    }
    assert_memory_equal(vga.regs.dac[254], "\1\2\3", 3);
    assert_memory_equal(vga.regs.dac[255], "\4\5\6", 3);
    assert_memory_equal(vga.regs.dac[0], "\7\10\11", 3);
    assert_int_equal(in8(0x3c8), 1);
    assert_int_equal(in8(0x3c7), 0);
    out(0x3c7, 1, 255);
    assert_int_equal(in8(0x3c7), 3);
    for (unsigned i = 0; i < 6; i++) {
        assert_int_equal(in8(0x3c9), i + 4);
    }
    assert_int_equal(in8(0x3c6), 0xff);
}

static void the_dac_stores_a_colour_whole(void **state)
{
    (void)state;
    out(0x3c8, 1, 7);
    out(0x3c9, 1, 1);
    out(0x3c9, 1, 2);
    assert_memory_equal(vga.regs.dac[7], "\0\0\0", 3);
    /* A new index starts over with red. */
    out(0x3c8, 1, 7);
    out(0x3c9, 1, 9);
    out(0x3c9, 1, 8);
    out(0x3c9, 1, 7);
    assert_memory_equal(vga.regs.dac[7], "\11\10\7", 3);
}

static void the_crtc_protects_its_first_registers(void **state)
{
    (void)state;
    set_mode(&mode_3);
    assert_int_equal(vga.regs.crtc[0x11], 0x8e);
    for (unsigned i = 0; i < 7; i++) {
        set(CRTC, i, 0x77);
        assert_int_equal(vga.regs.crtc[i], mode_3.crtc[i]);
    }
    set(CRTC, 7, 0xe0);
    assert_int_equal(vga.regs.crtc[7], 0x0f);
    set(CRTC, 7, 0x10);
    assert_int_equal(vga.regs.crtc[7], 0x1f);
    set(CRTC, 9, 0x47);
    assert_int_equal(vga.regs.crtc[9], 0x47);
    set(CRTC, 0x11, 0x0e);
    set(CRTC, 0, 0x77);
    assert_int_equal(vga.regs.crtc[0], 0x77);
}

static void only_what_changes_the_picture_counts(void **state)
{
    uint32_t seen;

    (void)state;
    set_mode(&mode_3);
    seen = vga.regs_generation;
    set(CRTC, 0x0f, 0);
    set(CRTC, 0x17, 0xa3);
    set(SEQ, 2, 5);
    set(GFX, 8, 0x80);
    set(GFX, 5, 0x12);
    out(0x3c8, 1, 3);
    video_on();
    assert_int_equal(vga.regs_generation, seen);
    set(CRTC, 0x0f, 1);
    assert_int_equal(vga.regs_generation, ++seen);
    set(GFX, 5, 0x52);
    assert_int_equal(vga.regs_generation, ++seen);
    set(SEQ, 1, 0x20);
    assert_int_equal(vga.regs_generation, ++seen);
    out(0x3c6, 1, 0x0f);
    assert_int_equal(vga.regs_generation, ++seen);
    (void)in(0x3da, 1);
    out(0x3c0, 1, 0);
    assert_int_equal(vga.regs_generation, ++seen);
    out(0x3c0, 1, 0x3f);
    assert_int_equal(vga.regs_generation, ++seen);
}

static void a_cursor_move_maps_nothing_anew(void **state)
{
    (void)state;
    set_mode(&mode_3);
    remaps = 0;
    for (unsigned i = 0; i < 2000; i++) {
        set(CRTC, 0x0e, i >> 8);
        set(CRTC, 0x0f, i & 0xff);
        set(CRTC, 0x0c, i & 0xff);
    }
    assert_int_equal(remaps, 0);
}

/* --- the view --- */

static struct vga_view view(void)
{
    struct vga_view w;

    memset(&w, 0xa5, sizeof w);
    vga_view(&vga, &w);
    return w;
}

static void is_blank_until_programmed_and_when_switched_off(void **state)
{
    (void)state;
    assert_int_equal(view().kind, VGA_BLANK);
    set_mode(&mode_3);
    assert_int_equal(view().kind, VGA_TEXT);
    set(SEQ, 1, 0x20);
    assert_int_equal(view().kind, VGA_BLANK);
    set(SEQ, 1, 0x00);
    set(SEQ, 0, 0x01);
    assert_int_equal(view().kind, VGA_BLANK);
    set(SEQ, 0, 0x03);
    set(CRTC, 0x17, 0x23);
    assert_int_equal(view().kind, VGA_BLANK);
    set(CRTC, 0x17, 0xa3);
    (void)in(0x3da, 1);
    out(0x3c0, 1, 0x00);
    assert_int_equal(view().kind, VGA_BLANK);
    assert_int_equal(view().columns, 0);
    video_on();
    assert_int_equal(view().kind, VGA_TEXT);
    /* Three lines are less than a row. */
    set(CRTC, 0x07, 0x1d);
    set(CRTC, 0x11, 0);
    set(CRTC, 0x07, 0x1d);
    set(CRTC, 0x12, 2);
    assert_int_equal(view().kind, VGA_BLANK);
}

static void shows_the_text_modes(void **state)
{
    struct vga_view w;

    (void)state;
    set_mode(&mode_3);
    w = view();
    assert_int_equal(w.kind, VGA_TEXT);
    assert_int_equal(w.columns, 80);
    assert_int_equal(w.rows, 25);
    assert_int_equal(w.split, 25);
    assert_int_equal(w.cell_width, 9);
    assert_int_equal(w.cell_height, 16);
    assert_int_equal(w.pitch, 80);
    assert_true(w.blink);
    assert_false(w.mono);
    set_attr(0x10, 0x04);
    assert_false(view().blink);
    video_on();
    set(CRTC, 9, 0x47);
    assert_int_equal(view().rows, 50);
    set(CRTC, 9, 0x4d);
    assert_int_equal(view().rows, 28);
    set(CRTC, 9, 0xc7); /* each line twice */
    assert_int_equal(view().rows, 25);
    set_mode(&mode_1);
    w = view();
    assert_int_equal(w.columns, 40);
    assert_int_equal(w.rows, 25);
    assert_int_equal(w.pitch, 40);
    set_mode(&mode_7);
    w = view();
    assert_int_equal(w.kind, VGA_TEXT);
    assert_int_equal(w.columns, 80);
    assert_int_equal(w.rows, 25);
    assert_true(w.mono);
}

static void a_text_screen_has_a_limit(void **state)
{
    (void)state;
    set_mode(&mode_3);
    set(CRTC, 0x11, 0);
    set(CRTC, 1, 0xff);
    set(CRTC, 9, 0x40);
    assert_int_equal(view().columns, VGA_COLUMNS_MAX);
    assert_int_equal(view().rows, VGA_ROWS_MAX);
}

static void put_cell(unsigned at, unsigned cell)
{
    vga.vram[2 * at] = (uint8_t)cell;
    vga.vram[2 * at + 1] = (uint8_t)(cell >> 8);
}

static void cells_follow_the_start_address(void **state)
{
    struct vga_view w;

    (void)state;
    set_mode(&mode_3);
    put_cell(0, 0x1741);
    put_cell(0x800 + 80 + 3, 0x1742);
    put_cell(32767, 0x1743);
    w = view();
    assert_int_equal(vga_cell(&vga, &w, 0, 0), 0x1741);
    set(CRTC, 0x0c, 0x08);
    w = view();
    assert_int_equal(w.start, 0x800);
    assert_int_equal(vga_cell(&vga, &w, 1, 3), 0x1742);
    set(CRTC, 0x13, 60); /* a virtual screen of 120 columns */
    put_cell(0x800 + 120 + 3, 0x1744);
    w = view();
    assert_int_equal(vga_cell(&vga, &w, 1, 3), 0x1744);
    set(CRTC, 0x08, 0x20); /* byte panning */
    w = view();
    assert_int_equal(vga_cell(&vga, &w, 1, 2), 0x1744);
    set(CRTC, 0x08, 0);
    set(CRTC, 0x0c, 0x7f);
    set(CRTC, 0x0d, 0xff);
    w = view();
    assert_int_equal(vga_cell(&vga, &w, 0, 0), 0x1743);
    assert_int_equal(vga_cell(&vga, &w, 0, 1), 0x1741); /* and around */
    (void)vga_cell(&vga, &w, UINT32_MAX, UINT32_MAX);   /* in bounds, for ASan */
}

static void a_split_screen_goes_on_at_the_start_of_memory(void **state)
{
    struct vga_view w;

    (void)state;
    set_mode(&mode_3);
    put_cell(80, 0x0753);
    set(CRTC, 0x0c, 0x10);
    set(CRTC, 0x11, 0);
    set(CRTC, 0x09, 0x0f); /* line compare: bit 9 off, */
    set(CRTC, 0x07, 0x1f); /* bit 8 on, */
    set(CRTC, 0x18, 20 * 16 - 1 - 256);
    w = view();
    assert_int_equal(w.split, 20);
    assert_int_equal(vga_cell(&vga, &w, 21, 0), 0x0753);
    assert_int_equal(vga_cell(&vga, &w, 19, 0), 0);
    set(CRTC, 0x07, 0x0f);
    assert_int_equal(view().split, 4);
    set(CRTC, 0x09, 0x4f); /* bit 9 on: below the screen */
    assert_int_equal(view().split, 25);
}

static void assert_cursor(unsigned row, unsigned column)
{
    struct vga_view w = view();

    assert_true(w.cursor_visible);
    assert_int_equal(w.cursor_row, row);
    assert_int_equal(w.cursor_column, column);
}

static void move_cursor(unsigned at)
{
    set(CRTC, 0x0e, at >> 8);
    set(CRTC, 0x0f, at & 0xff);
}

static void the_cursor_is_where_its_cell_is_shown(void **state)
{
    (void)state;
    set_mode(&mode_3);
    assert_cursor(0, 0);
    assert_int_equal(view().cursor_top, 13);
    assert_int_equal(view().cursor_bottom, 14);
    move_cursor(24 * 80 + 79);
    assert_cursor(24, 79);
    move_cursor(25 * 80);
    assert_false(view().cursor_visible);
    set(CRTC, 0x0d, 80);
    assert_cursor(24, 0);
    move_cursor(79); /* above the screen */
    assert_false(view().cursor_visible);
    set(CRTC, 0x13, 60);
    move_cursor(80 + 79);
    assert_cursor(0, 79);
    move_cursor(80 + 80); /* right of the screen */
    assert_false(view().cursor_visible);
    set(CRTC, 0x13, 0);
    move_cursor(80);
    assert_false(view().cursor_visible);
    set(CRTC, 0x13, 40);
    set(CRTC, 0x0c, 0x7f); /* memory begins again in the middle of the screen */
    set(CRTC, 0x0d, 0xb0);
    move_cursor(80 + 3);
    assert_cursor(2, 3);
}

static void the_cursor_has_a_shape_or_none(void **state)
{
    (void)state;
    set_mode(&mode_3);
    set(CRTC, 0x0a, 0x2d);
    assert_false(view().cursor_visible);
    set(CRTC, 0x0a, 0x0f);
    assert_false(view().cursor_visible); /* 0F-0E */
    set(CRTC, 0x0a, 0x00);
    set(CRTC, 0x0b, 0x1f);
    assert_true(view().cursor_visible);
    assert_int_equal(view().cursor_bottom, 15);
    set(CRTC, 0x0a, 0x10); /* below the cell */
    assert_false(view().cursor_visible);
}

static void shows_the_graphics_modes(void **state)
{
    static const struct {
        const struct mode *mode;
        unsigned width, height, colours, pitch, banks;
        bool planar;
    } table[] = {
        {&mode_4,   320, 200, 4,   80,  2, false},
        { &mode_6,  640, 200, 2,   80,  2, true },
        { &mode_d,  320, 200, 16,  40,  1, true },
        { &mode_e,  640, 200, 16,  80,  1, true },
        { &mode_10, 640, 350, 16,  80,  1, true },
        { &mode_12, 640, 480, 16,  80,  1, true },
        { &mode_13, 320, 200, 256, 320, 1, false},
        { &mode_x,  320, 240, 256, 80,  1, true },
    };

    (void)state;
    for (unsigned i = 0; i < sizeof table / sizeof *table; i++) {
        struct vga_view w;

        set_mode(table[i].mode);
        w = view();
        assert_int_equal(w.kind, VGA_GRAPHICS);
        assert_int_equal(w.width, table[i].width);
        assert_int_equal(w.height, table[i].height);
        assert_int_equal(w.split, table[i].height);
        assert_int_equal(w.colours, table[i].colours);
        assert_int_equal(w.pitch, table[i].pitch);
        assert_int_equal(w.banks, table[i].banks);
        assert_int_equal(w.planar, table[i].planar);
        assert_int_equal(w.start, 0);
    }
    set(CRTC, 0x11, 0);
    set(CRTC, 0x09, 0x40); /* mode X without doubled rows */
    assert_int_equal(view().height, 480);
    set(CRTC, 0x0c, 0x4b);
    assert_int_equal(view().start, 0x4b00);
    set_mode(&mode_13);
    set(CRTC, 0x0d, 80); /* counts of four bytes */
    assert_int_equal(view().start, 320);
    set(CRTC, 0x17, 0xa7); /* pairs of lines */
    assert_int_equal(view().height, 400);
    set_mode(&mode_6);
    set(CRTC, 0x09, 0x43); /* Hercules' four banks */
    set(CRTC, 0x17, 0xc0);
    assert_int_equal(view().banks, 4);
    assert_int_equal(view().height, 400);
}

/* --- input status 1 --- */

/* Counts of a frame that starts with line 0. */
static void assert_frame(unsigned total, unsigned shown, unsigned retrace)
{
    unsigned line;

    now = (uint64_t)total * TICKS_A_LINE * 1000;
    for (line = 0; line < total; line++) {
        bool in_retrace = line >= retrace && line < retrace + 16;

        assert_int_equal(in8(0x3da), (line >= shown ? 1 : 0) | (in_retrace ? 8 : 0));
        now += TICKS_A_LINE * 3 / 4;
        assert_int_equal(in8(0x3da), 1 | (in_retrace ? 8 : 0));
        now += TICKS_A_LINE / 4;
    }
    assert_int_equal(in8(0x3da), 0);
}

static void input_status_1_follows_the_beam(void **state)
{
    (void)state;
    out(0x3c2, 1, 0x01);
    assert_frame(449, 400, 412); /* nothing sane in the CRTC yet */
    set_mode(&mode_3);
    assert_frame(449, 400, 412);
    set_mode(&mode_12);
    assert_frame(525, 480, 490);
    set(CRTC, 0x12, 0xff); /* shown into the retrace */
    assert_frame(449, 400, 412);
    set(CRTC, 0x12, 0x7f);
    set(CRTC, 0x10, 0xfc);
    assert_frame(525, 384, 508);
    set(CRTC, 0x11, 0);
    set(CRTC, 0x06, 60); /* of 62 lines */
    set(CRTC, 0x07, 0);
    set(CRTC, 0x12, 39);
    set(CRTC, 0x10, 40);
    assert_frame(449, 400, 412);
    set(CRTC, 0x06, 120);
    assert_frame(122, 40, 40);
    set(CRTC, 0x10, 200); /* no retrace in the frame */
    assert_frame(449, 400, 412);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_register_keeps_the_bits_it_has),
        TEST(an_index_without_a_register_reads_zero_and_harms_nothing),
        TEST(a_wide_access_is_one_of_each_port_in_turn),
        TEST(only_the_chosen_set_of_ports_answers),
        TEST(ports_of_older_cards_float),
        TEST(the_attribute_port_takes_address_and_data_by_turns),
        TEST(the_dac_counts_colours_up),
        TEST(the_dac_stores_a_colour_whole),
        TEST(the_crtc_protects_its_first_registers),
        TEST(only_what_changes_the_picture_counts),
        TEST(a_cursor_move_maps_nothing_anew),
        TEST(is_blank_until_programmed_and_when_switched_off),
        TEST(shows_the_text_modes),
        TEST(a_text_screen_has_a_limit),
        TEST(cells_follow_the_start_address),
        TEST(a_split_screen_goes_on_at_the_start_of_memory),
        TEST(the_cursor_is_where_its_cell_is_shown),
        TEST(the_cursor_has_a_shape_or_none),
        TEST(shows_the_graphics_modes),
        TEST(input_status_1_follows_the_beam),
    };
    return cmocka_run_group_tests_name("vga", tests, NULL, NULL);
}
