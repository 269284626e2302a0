#include "pc_console_rig.h"
#include "term/term_screen.h"

enum { BACKLOG_MAX = 1024 };

static const struct vga_regs text_80x25 = {
    .misc = 0x67,
    .seq = {3,          0, 3, 0, 2 },
    .crtc = { [1] = 79,
            [7] = 0x1f,
            [9] = 0x4f,
            [10] = 13,
            [11] = 14,
            [0x12] = 0x8f,
            [0x13] = 40,
            [0x17] = 0xa3,
            [0x18] = 0xff },
    .gfx = { [6] = 0x0e,         [8] = 0xff },
    .attr = { [0x10] = 0x0c,  [0x12] = 0x0f },
    .attr_pas = 0x20,
    .dac_mask = 0xff,
    .dac = { [7] = { 42, 42, 42 }},
};

static const struct vga_regs mode_13h = {
    .misc = 0x63,
    .seq = {3,             1, 15, 0, 14 },
    .crtc = { [1] = 79,
            [7] = 0x1f,
            [9] = 0x41,
            [0x12] = 0x8f,
            [0x13] = 40,
            [0x17] = 0xa3,
            [0x18] = 0xff },
    .gfx = { [5] = 0x40,     [6] = 0x05,       [8] = 0xff },
    .attr = { [0x10] = 0x41, [0x12] = 0x0f     },
    .attr_pas = 0x20,
};

static void set_mode(const struct vga_regs *regs)
{
    pc.vga.regs = *regs;
    pc.vga.regs_generation++;
}

static void put_text(unsigned cell, const char *text)
{
    for (; *text; cell++, text++) {
        pc.vga.vram[2 * cell] = (uint8_t)*text;
        pc.vga.vram[2 * cell + 1] = 0x07;
    }
}

static void start_text(void)
{
    set_mode(&text_80x25);
    for (unsigned i = 0; i < VGA_PLANE_SIZE / 2; i++) {
        put_text(i, " ");
    }
}

/* How often this is in what was sent since `from`. */
static unsigned sent_since(size_t from, const char *text)
{
    unsigned count = 0;

    line.out[line.out_len] = 0;
    for (const char *at = line.out + from; (at = strstr(at, text)); at += strlen(text)) {
        count++;
    }
    return count;
}

static unsigned sent(const char *text)
{
    return sent_since(0, text);
}

static void text_appears_on_both_screens(void **state)
{
    (void)state;
    start_text();
    put_text(80 * 2 + 5, "C:\\>ver");
    run_for(MS);
    assert_int_equal(sent("C:\\>ver"), 1);
    assert_int_equal(screen.shown, 1);
    assert_ptr_equal(screen.vram, pc.vga.vram);
    assert_int_equal(screen.regs.misc, 0x67);
    assert_int_equal(screen.regs.crtc[1], 79);
    assert_int_equal(screen.regs.seq[4], 2);
    assert_int_equal(screen.regs.gfx[6], 0x0e);
    assert_int_equal(screen.regs.attr[0x10], 0x0c);
    assert_int_equal(screen.regs.dac_mask, 0xff);
    assert_int_equal(screen.regs.dac[7][2], 42);
}

static void a_picture_comes_25_times_a_second_at_most(void **state)
{
    (void)state;
    start_text();
    for (unsigned i = 0; i < 1000; i++) {
        put_text(0, (const char[]){ (char)('a' + i % 26), 0 });
        next_poll = 0; /* somebody else needs it each millisecond */
        run_for(MS);
    }
    assert_int_equal(screen.shown, PAINTS);
    assert_int_equal(line.sends, PAINTS);
}

static void nothing_is_sent_of_what_has_not_changed(void **state)
{
    size_t before;

    (void)state;
    start_text();
    put_text(0, "hello");
    run_for(100 * MS);
    before = line.out_len;
    run_for(1000 * MS);
    assert_int_equal(line.out_len, before);
    put_text(4, "p");
    run_for(40 * MS);
    assert_in_range(line.out_len - before, 1, 40);
}

static void a_slow_line_gets_fewer_pictures(void **state)
{
    unsigned shown;

    (void)state;
    start_text();
    run_for(40 * MS);
    shown = screen.shown;
    line.sends = 0;
    line.backlog = BACKLOG_MAX + 1;
    put_text(0, "old");
    run_for(400 * MS);
    assert_int_equal(line.sends, 0);
    assert_int_equal(screen.shown, shown + 10); /* the other screen is not slow */
    put_text(0, "new");
    line.backlog = BACKLOG_MAX;
    run_for(40 * MS);
    assert_int_equal(sent("old"), 0);
    assert_int_equal(sent("new"), 1);
}

static void a_line_of_the_log_makes_it_paint_anew(void **state)
{
    size_t before;

    (void)state;
    start_text();
    put_text(0, "hello");
    run_for(200 * MS);
    assert_int_equal(sent("hello"), 1);
    before = line.out_len;
    line.prints++;
    run_for(200 * MS);
    assert_int_equal(sent_since(before, "hello"), 1);
    assert_int_equal(sent_since(before, "\r\n"), TERM_ROWS_MAX); /* the log scrolls out */
    before = line.out_len;
    run_for(200 * MS);
    assert_int_equal(line.out_len, before);
}

static void graphics_are_one_sentence(void **state)
{
    size_t before;

    (void)state;
    start_text();
    put_text(0, "hello");
    run_for(40 * MS);
    set_mode(&mode_13h);
    before = line.out_len;
    for (unsigned i = 0; i < 25; i++) {
        pc.vga.vram[i]++;
        run_for(40 * MS);
    }
    assert_int_equal(sent("[graphics, 320 x 200, 256 colours: on the computer's own screen]"), 1);
    assert_true(line.out_len - before < 120);
    before = line.out_len;
    line.prints++; /* unless somebody wrote over it */
    run_for(40 * MS);
    assert_int_equal(sent_since(before, "[graphics, 320 x 200"), 1);
    before = line.out_len;
    start_text();
    put_text(0, "hello");
    run_for(40 * MS);
    assert_int_equal(sent_since(before, "hello"), 1);
}

static void a_blank_screen_shows_nothing_yet(void **state)
{
    (void)state;
    run_for(200 * MS);
    assert_int_equal(screen.shown, 0);
    assert_false(line.screen_is_theirs);
    assert_int_equal(sent("\x1b["), 0);
    start_text();
    run_for(40 * MS);
    assert_true(line.screen_is_theirs);
    pc.vga.regs.seq[1] |= 0x20; /* off for a while: it stays the guest's */
    run_for(80 * MS);
    assert_true(line.screen_is_theirs);
}

static void the_host_screen_is_told_what_has_changed(void **state)
{
    (void)state;
    start_text();
    run_for(200 * MS);
    assert_int_equal(screen.shown, 5);
    assert_int_equal(screen.regs_told, 1);
    assert_int_equal(screen.fonts_told, 1);
    pc.vga.regs.crtc[15] = 9;
    pc.vga.regs_generation++;
    run_for(80 * MS);
    assert_int_equal(screen.regs_told, 2);
    assert_int_equal(screen.regs.crtc[15], 9);
    pc.vga.font_generation++;
    run_for(80 * MS);
    assert_int_equal(screen.regs_told, 2);
    assert_int_equal(screen.fonts_told, 2);
}

static void whoever_writes_to_the_screen_is_not_idle(void **state)
{
    (void)state;
    start_text();
    run_for(80 * MS);
    hold.count = 0;
    run_for(400 * MS);
    assert_int_equal(hold.count, 0);
    for (unsigned cell = 0; cell < 2000; cell += 333) { /* each counts, and its colour */
        put_text(cell, "x");
        run_for(40 * MS);
        assert_int_equal(hold.count, 1);
        assert_in_range(hold.until, pc_now + 50 * MS, pc_now + 100 * MS);
        pc.vga.vram[2 * cell + 1] = 0x17;
        run_for(40 * MS);
        assert_int_equal(hold.count, 2);
        hold.count = 0;
    }
    put_text(2000, "x"); /* below the last row */
    run_for(40 * MS);
    assert_int_equal(hold.count, 0);
}

static void a_guest_with_idle_off_is_not_looked_at(void **state)
{
    (void)state;
    start_text();
    pc.config.watch_idle = false;
    hold.looks = 0;
    run_for(400 * MS);
    assert_int_equal(hold.looks, 0);
    pc.config.watch_idle = true;
    run_for(400 * MS);
    assert_in_range(hold.looks, 9, 11);
}

static void a_picture_may_go_round_the_end_of_memory(void **state)
{
    enum { START_CELL = 0x8000 - 3 };

    (void)state;
    start_text();
    pc.vga.regs.crtc[12] = START_CELL >> 8;
    pc.vga.regs.crtc[13] = START_CELL & 0xff;
    put_text(START_CELL, "FRE");
    put_text(0, "EDOS");
    run_for(MS);
    assert_int_equal(sent("FREEDOS"), 1);
}

/* Any registers, any cursor: ASan sees what is read and written. */
static void hostile_registers_do_no_harm(void **state)
{
    unsigned seed = 7;

    (void)state;
    for (unsigned i = 0; i < 3000; i++) {
        uint8_t *reg = (uint8_t *)&pc.vga.regs;

        for (unsigned j = 0; j < offsetof(struct vga_regs, dac); j++) {
            seed = seed * 1103515245 + 12345;
            reg[j] = (uint8_t)(seed >> 16);
        }
        pc.vga.regs.attr_pas = 0x20;
        pc.vga.regs.seq[0] = 3;
        pc.vga.regs.seq[1] &= 0x1f;
        pc.vga.regs.crtc[0x17] |= 0x80;
        pc.vga.regs.gfx[6] &= i % 8 ? 0x0e : 0x0f;
        pc_now += 40 * MS;
        line.out_len = 0;
        poll();
    }
    assert_int_equal(screen.shown, 3000);
}

static void leaving_gives_both_screens_back(void **state)
{
    size_t before;

    (void)state;
    start_text();
    put_text(0, "hello");
    run_for(40 * MS);
    before = line.out_len;
    pc_console_detach();
    assert_int_equal(screen.left, 1);
    assert_false(line.screen_is_theirs);
    assert_int_equal(sent_since(before, "\x1b[25;1H") + sent_since(before, "\x1b[25H"), 1);
    pc_console_attach(&pc); /* another guest: everything anew, once */
    before = line.out_len;
    run_for(80 * MS);
    assert_int_equal(sent_since(before, "hello"), 1);
    assert_true(line.screen_is_theirs);
    assert_true(screen.regs_told == 2 && screen.fonts_told == 2);
}

/* Such as why a program gave up, just before the guest powers off; a slow line or not. */
static void the_last_picture_is_sent_when_the_guest_goes(void **state)
{
    (void)state;
    start_text();
    run_for(STEP);
    line.backlog = BACKLOG_MAX + 1;
    put_text(0, "goodbye");
    run_for(STEP);
    assert_int_equal(sent("goodbye"), 0);
    pc_console_detach();
    assert_int_equal(sent("goodbye"), 1);
    pc_console_attach(&pc);
}

static void without_a_vga_there_is_the_terminal(void **state)
{
    (void)state;
    start_text();
    put_text(0, "hello");
    run_for(80 * MS);
    assert_int_equal(screen.shown, 0);
    assert_false(line.screen_is_theirs);
    assert_int_equal(sent("hello"), 1);
    pc_console_detach();
    assert_int_equal(screen.left, 0);
    pc_console_attach(&pc);
}

static void the_guests_serial_port_is_wired_to_nothing(void **state)
{
    struct uart_port port = pc_console_no_wire();
    size_t before = line.out_len;
    uint8_t byte;

    (void)state;
    type("x");
    port.put(port.ctx, 'A');
    assert_false(port.get(port.ctx, &byte));
    assert_true(!port.ready || port.ready(port.ctx));
    assert_int_equal(line.out_len, before);
    assert_int_equal(line.in_tail, 0);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(text_appears_on_both_screens),
        T(a_picture_comes_25_times_a_second_at_most),
        T(nothing_is_sent_of_what_has_not_changed),
        T(a_slow_line_gets_fewer_pictures),
        T(a_line_of_the_log_makes_it_paint_anew),
        T(graphics_are_one_sentence),
        T(a_blank_screen_shows_nothing_yet),
        T(the_host_screen_is_told_what_has_changed),
        T(whoever_writes_to_the_screen_is_not_idle),
        T(a_guest_with_idle_off_is_not_looked_at),
        T(a_picture_may_go_round_the_end_of_memory),
        T(hostile_registers_do_no_harm),
        T(leaving_gives_both_screens_back),
        T(the_last_picture_is_sent_when_the_guest_goes),
        T(the_guests_serial_port_is_wired_to_nothing),
        cmocka_unit_test_setup_teardown(without_a_vga_there_is_the_terminal, setup_without_vga,
                                        teardown),
    };
    return cmocka_run_group_tests_name("pc_screen", tests, NULL, NULL);
}
