#include "lib/bits.h"
#include "term/cp437.h"
#include "term/term_screen.h"
#include "unit.h"
#include <stdlib.h>
#include <string.h>

/* A terminal that understands exactly what the module sends, and fails on everything else. */
enum { VT_ROWS = 70, VT_COLUMNS = 150, DEFAULT_COLOUR = 16 };

struct vt_pen {
    unsigned fg, bg;
    bool blink;
};

static struct vt {
    /* how terminals differ */
    bool bce;          /* clears in the pen's background, else in its own */
    bool resizes;      /* on request; else it is large */
    bool region_homes; /* setting the scroll region moves the cursor */
    bool dark;         /* knows no 90 to 107 */
    /* its state */
    unsigned rows, columns, top, bottom, y, x;
    bool wraps_next, cursor, resized;
    struct vt_pen pen;
    struct vt_cell {
        unsigned glyph;
        struct vt_pen pen;
    } cell[VT_ROWS][VT_COLUMNS];
    /* its parser */
    enum { TEXT, ESC, CSI } state;
    bool private;
    unsigned param[8], params, code, code_left;
} vt;

static void vt_erase(unsigned y, unsigned from)
{
    for (unsigned x = from; x < vt.columns; x++) {
        vt.cell[y][x] = (struct vt_cell){
            ' ', {7, vt.bce ? vt.pen.bg : DEFAULT_COLOUR, false}
        };
    }
}

static void vt_line_feed(void)
{
    assert_false(vt.wraps_next);
    if (vt.y == vt.bottom) {
        memmove(vt.cell[vt.top], vt.cell[vt.top + 1], (vt.bottom - vt.top) * sizeof vt.cell[0]);
        vt_erase(vt.bottom, 0);
    } else if (vt.y + 1 < vt.rows) {
        vt.y++;
    }
}

static void vt_print(unsigned glyph)
{
    /* Whoever writes now depends on automatic wrap. */
    assert_false(vt.wraps_next);
    assert_true(glyph >= ' ' && glyph != 0x7f);
    vt.cell[vt.y][vt.x] = (struct vt_cell){ glyph, vt.pen };
    if (vt.x + 1 < vt.columns) {
        vt.x++;
    } else {
        vt.wraps_next = true;
    }
}

static void vt_sgr(unsigned p)
{
    static const unsigned to_pc[] = { 0, 4, 2, 6, 1, 5, 3, 7 };

    if (p == 0) {
        vt.pen = (struct vt_pen){ DEFAULT_COLOUR, DEFAULT_COLOUR, false };
    } else if (p == 5 || p == 25) {
        vt.pen.blink = p == 5;
    } else if (p >= 30 && p <= 37) {
        vt.pen.fg = to_pc[p - 30];
    } else if (p >= 40 && p <= 47) {
        vt.pen.bg = to_pc[p - 40];
    } else if (p >= 90 && p <= 97) {
        vt.pen.fg = vt.dark ? vt.pen.fg : to_pc[p - 90] + 8;
    } else if (p >= 100 && p <= 107) {
        vt.pen.bg = vt.dark ? vt.pen.bg : to_pc[p - 100] + 8;
    } else {
        fail_msg("SGR %u", p);
    }
}

static void vt_region(void)
{
    vt.top = 0;
    vt.bottom = vt.rows - 1;
    if (vt.params) {
        assert_int_equal(vt.params, 2);
        vt.top = vt.param[0] - 1;
        vt.bottom = vt.param[1] - 1;
        assert_true(vt.top < vt.bottom && vt.bottom < vt.rows);
    }
    if (vt.region_homes) {
        vt.x = vt.y = 0;
        vt.wraps_next = false;
    }
}

static void vt_resize(void)
{
    assert_int_equal(vt.params, 3);
    assert_int_equal(vt.param[0], 8);
    vt.resized = true;
    if (vt.resizes) {
        vt.rows = vt.param[1];
        vt.columns = vt.param[2];
        assert_true(vt.rows <= VT_ROWS && vt.columns <= VT_COLUMNS);
        vt.top = 0;
        vt.bottom = vt.rows - 1;
        vt.y = MIN(vt.y, vt.rows - 1);
        vt.x = MIN(vt.x, vt.columns - 1);
    }
}

static void vt_end(char c)
{
    unsigned p = vt.params ? vt.param[0] : 0;

    if (vt.private) {
        assert_true((c == 'h' || c == 'l') && p == 25);
        vt.cursor = c == 'h';
    } else if (c == 'H') {
        vt.y = MIN(MAX(p, 1u), vt.rows) - 1;
        vt.x = MIN(MAX(vt.params > 1 ? vt.param[1] : 0, 1u), vt.columns) - 1;
        vt.wraps_next = false;
    } else if (c == 'C') {
        assert_false(vt.wraps_next);
        vt.x += MAX(p, 1u);
        assert_true(vt.x < vt.columns);
    } else if (c == 'K') {
        assert_true(p == 0 && !vt.wraps_next);
        vt_erase(vt.y, vt.x);
    } else if (c == 'J') {
        assert_true(p == 0 && vt.x == 0 && vt.y == 0);
        for (unsigned y = 0; y < vt.rows; y++) {
            vt_erase(y, 0);
        }
    } else if (c == 'm') {
        for (unsigned i = 0; i < vt.params; i++) {
            vt_sgr(vt.param[i]);
        }
    } else if (c == 'r') {
        vt_region();
    } else if (c == 't') {
        vt_resize();
    } else {
        fail_msg("CSI %c", c);
    }
}

static void vt_in_csi(char c)
{
    if (c == '?') {
        vt.private = true;
    } else if (c >= '0' && c <= '9') {
        vt.params = MAX(vt.params, 1u);
        vt.param[vt.params - 1] = vt.param[vt.params - 1] * 10 + (unsigned)(c - '0');
    } else if (c == ';') {
        vt.params++;
        assert_true(vt.params <= 8);
    } else {
        vt_end(c);
        vt.state = TEXT;
    }
}

static void vt_in_text(uint8_t c)
{
    if (vt.code_left) {
        assert_int_equal(c & 0xc0, 0x80);
        vt.code = vt.code << 6 | (c & 0x3fu);
        if (--vt.code_left == 0) {
            vt_print(vt.code);
        }
    } else if (c == 27) {
        vt.state = ESC;
    } else if (c == '\r') {
        vt.x = 0;
        vt.wraps_next = false;
    } else if (c == '\n') {
        vt_line_feed();
    } else if (c == '\b') {
        assert_true(vt.x > 0 && !vt.wraps_next);
        vt.x--;
    } else if (c < 0x80) {
        vt_print(c);
    } else {
        assert_true(c >= 0xc2 && c < 0xf0);
        vt.code_left = c < 0xe0 ? 1 : 2;
        vt.code = c & (c < 0xe0 ? 0x1fu : 0xfu);
    }
}

static void vt_byte(char c)
{
    if (vt.state == TEXT) {
        vt_in_text((uint8_t)c);
    } else if (vt.state == ESC) {
        assert_int_equal(c, '[');
        vt.state = CSI;
        vt.private = false;
        vt.params = 0;
        memset(vt.param, 0, sizeof vt.param);
    } else {
        vt_in_csi(c);
    }
}

/* What was sent since the last clear_sent(). */
static char sent[200000];
static size_t sent_len;

static void put(void *ctx, const char *text, size_t len)
{
    assert_ptr_equal(ctx, &vt);
    assert_true(len > 0 && sent_len + len < sizeof sent);
    memcpy(sent + sent_len, text, len);
    sent_len += len;
    for (size_t i = 0; i < len; i++) {
        vt_byte(text[i]);
    }
}

static struct term_screen screen;
static uint16_t cell[80 * 160];
static struct term_cells pc;

static void power_on(unsigned kind)
{
    memset(&vt, 0, sizeof vt);
    vt.bce = kind & 1;
    vt.resizes = kind & 2;
    vt.region_homes = kind & 4;
    vt.dark = kind & 8;
    vt.rows = vt.resizes ? 24 : VT_ROWS;
    vt.columns = vt.resizes ? 80 : VT_COLUMNS;
    vt.bottom = vt.rows - 1;
    vt.cursor = true;
    vt_sgr(0);
    term_screen_init(&screen);
    sent_len = 0;
}

static void fill(uint16_t with)
{
    for (unsigned i = 0; i < pc.rows * pc.columns; i++) {
        cell[i] = with;
    }
}

static void set_size(unsigned columns, unsigned rows)
{
    pc = (struct term_cells){ .cell = cell, .columns = columns, .rows = rows, .blink = true };
    pc.cursor_visible = true;
    fill(0x0720);
}

static int setup(void **state)
{
    (void)state;
    power_on(3);
    set_size(80, 25);
    return 0;
}

static void expect_colour(unsigned want, unsigned is)
{
    if (is == DEFAULT_COLOUR && !vt.bce) {
        is = 0;
    }
    assert_int_equal(vt.dark ? want & 7 : want, is);
}

static void expect_cell(unsigned y, unsigned x)
{
    uint16_t c = cell[y * pc.columns + x];
    const struct vt_cell *is = &vt.cell[y][x];

    assert_int_equal(is->glyph, cp437_unicode[c & 0xff]);
    expect_colour(pc.blink ? c >> 12 & 7 : c >> 12, is->pen.bg);
    if (is->glyph != ' ') {
        expect_colour(c >> 8 & 0xf, is->pen.fg);
        assert_int_equal(is->pen.blink, pc.blink && c & 0x8000);
    }
}

/* The terminal shows the PC's screen: characters, colours, cursor. */
static void expect_picture(void)
{
    unsigned rows = MIN(pc.rows, TERM_ROWS_MAX), columns = MIN(pc.columns, TERM_COLUMNS_MAX);
    bool cursor = pc.cursor_visible && pc.cursor_row < rows && pc.cursor_column < columns;

    for (unsigned y = 0; y < rows; y++) {
        for (unsigned x = 0; x < columns; x++) {
            expect_cell(y, x);
        }
    }
    assert_int_equal(vt.cursor, cursor);
    if (cursor) {
        assert_int_equal(vt.y, pc.cursor_row);
        assert_int_equal(vt.x, pc.cursor_column);
        assert_false(vt.wraps_next);
    }
    assert_int_equal(vt.state, TEXT);
    assert_int_equal(vt.top, 0);
    assert_int_equal(vt.bottom, vt.rows - 1);
}

/* Draws; the number of bytes that it took. */
static size_t draw(void)
{
    sent_len = 0;
    term_screen_draw(&screen, &pc, put, &vt);
    expect_picture();
    return sent_len;
}

static void expect_sent(const char *want)
{
    sent[sent_len] = 0;
    assert_string_equal(sent, want);
}

static void expect_draw(const char *want)
{
    draw();
    expect_sent(want);
}

static void write_at(unsigned y, unsigned x, uint8_t attribute, const char *text)
{
    for (; *text; text++, x++) {
        cell[y * pc.columns + x] = (uint16_t)(attribute << 8 | (uint8_t)*text);
    }
}

static void write_text(unsigned first_row, unsigned rows, unsigned seed)
{
    for (unsigned i = first_row * pc.columns; i < (first_row + rows) * pc.columns; i++) {
        seed = seed * 1103515245 + 12345;
        cell[i] = (uint16_t)(0x0700 | (seed >> 16) % 5 * 19 % 76 | 0x20);
    }
}

/* The screen moves up by n rows; blanks come in. */
static void scroll_pc(unsigned n, uint16_t blank)
{
    size_t keep = (size_t)(pc.rows - n) * pc.columns;

    memmove(cell, cell + n * pc.columns, keep * sizeof *cell);
    for (size_t i = keep; i < (size_t)pc.rows * pc.columns; i++) {
        cell[i] = blank;
    }
}

static void the_first_picture_resets_sizes_and_clears(void **state)
{
    (void)state;
    set_size(40, 3);
    write_at(0, 0, 7, "Hi");
    pc.cursor_row = 1;
    expect_draw("\033[0;37;40m\033[8;3;40t\033[r\033[?25l\033[H\033[JHi\033[2H\033[?25h");
    assert_int_equal(vt.rows, 3);
    assert_int_equal(vt.columns, 40);
}

static void nothing_changed_sends_nothing(void **state)
{
    (void)state;
    write_text(0, 25, 1);
    assert_true(draw() > 0);
    assert_int_equal(draw(), 0);
    /* What one cannot see: the foreground of blanks, which of the three blanks it is. */
    fill(0x0720);
    draw();
    fill(0x0400);
    assert_int_equal(draw(), 0);
    fill(0x87ff);
    assert_int_equal(draw(), 0);
}

static void typing_costs_a_byte(void **state)
{
    (void)state;
    write_at(3, 0, 7, "A:\\>");
    pc.cursor_row = 3;
    pc.cursor_column = 4;
    draw();
    write_at(3, 4, 7, "d");
    pc.cursor_column = 5;
    expect_draw("d");
    write_at(3, 4, 7, " ");
    pc.cursor_column = 4;
    expect_draw("\b \b");
    write_at(3, 4, 7, "x");
    pc.cursor_row = 4;
    pc.cursor_column = 0;
    expect_draw("x\033[5H");
}

static void movements_are_the_shortest(void **state)
{
    (void)state;
    draw();
    pc.cursor_column = 1;
    expect_draw("\033[C");
    pc.cursor_column = 12;
    expect_draw("\033[11C");
    pc.cursor_column = 11;
    expect_draw("\b");
    pc.cursor_column = 9;
    expect_draw("\033[1;10H");
    pc.cursor_column = 0;
    expect_draw("\r");
    pc.cursor_row = 24;
    expect_draw("\033[25H");
    pc.cursor_column = 79;
    expect_draw("\033[79C");
}

static void short_gaps_are_written_again(void **state)
{
    (void)state;
    write_at(0, 0, 7, "abcdefghijklmno");
    draw();
    write_at(0, 0, 7, "X");
    write_at(0, 4, 7, "Y"); /* 3 between: "bcd" is shorter than a movement */
    write_at(0, 12, 7, "Z");
    expect_draw("XbcdY\033[7CZ\r");
    /* In another pen, or of two bytes and more, they are not. */
    write_at(0, 0, 7, "1");
    write_at(0, 1, 2, "b");
    write_at(0, 5, 7, "2\xcd\xcd\xcd");
    draw();
    write_at(0, 0, 7, "3");
    write_at(0, 3, 7, "4");
    write_at(0, 5, 7, "5");
    write_at(0, 9, 7, "6");
    expect_draw("3\033[2C4Y5\033[3C6\r");
}

static void colours_are_ansis(void **state)
{
    (void)state;
    draw();
    write_at(0, 0, 0x1f, "X");
    expect_draw("\033[37;97;44mX\r");
    write_at(0, 1, 0x14, "Y"); /* PC 4 is red */
    expect_draw("X\033[31mY\r");
    write_at(0, 1, 0x94, "Y");
    expect_draw("\033[C\033[5mY\r");
    write_at(0, 1, 0x0e, "Y");
    expect_draw("\033[C\033[25;33;93;40mY\r");
    /* A blank takes over what it can of the pen. */
    write_at(0, 1, 0x07, " ");
    expect_draw("\033[C \r");
    write_at(0, 1, 0x47, " ");
    expect_draw("\033[C\033[41m \r");
}

static void bit_7_is_a_bright_background_or_blinks(void **state)
{
    (void)state;
    write_at(0, 0, 0xf4, "X");
    draw();
    assert_true(vt.cell[0][0].pen.blink);
    assert_int_equal(vt.cell[0][0].pen.bg, 7);
    pc.blink = false;
    draw();
    assert_false(vt.cell[0][0].pen.blink);
    assert_int_equal(vt.cell[0][0].pen.bg, 15);
    assert_non_null(strstr(sent, "47;107"));
}

static void trailing_blanks_are_cleared_on_black_only(void **state)
{
    (void)state;
    write_at(0, 0, 7, "abcdefghij");
    write_at(1, 0, 7, "abcdefghij");
    write_at(2, 0, 7, "abcdefghij");
    draw();
    write_at(0, 2, 7, "        ");
    expect_draw("ab\033[K\r");
    write_at(1, 7, 7, "   "); /* three blanks are as short */
    expect_draw("\033[2;8H   \033[1H");
    write_at(2, 2, 0x17, "        ");
    expect_draw("\033[3;3H\033[44m        \033[1H");
    write_at(2, 2, 0x07, "        ");
    expect_draw("\033[3;3H\033[40m\033[K\033[1H");
}

static void the_last_column_and_corner_do_not_wrap_or_scroll(void **state)
{
    (void)state;
    write_text(0, 25, 5);
    draw();
    write_at(24, 79, 7, "!");
    write_at(23, 79, 7, "?");
    pc.cursor_row = 24;
    pc.cursor_column = 79;
    expect_draw("\033[24;80H?\033[25;80H!\033[25;80H");
    pc.cursor_visible = false;
    write_at(24, 79, 7, "#");
    expect_draw("#\033[?25l");
    assert_true(vt.wraps_next);
    write_at(24, 78, 7, "+-");
    expect_draw("\033[25;79H+-");
}

static void a_scroll_sends_the_new_lines_only(void **state)
{
    (void)state;
    write_text(0, 25, 3);
    pc.cursor_row = 24;
    draw();
    scroll_pc(1, 0x0720);
    write_at(24, 0, 7, "A:\\>");
    pc.cursor_column = 4;
    expect_draw("\033[1;25r\033[25H\n\033[r\033[25HA:\\>");
    scroll_pc(7, 0x0720);
    write_text(18, 7, 9);
    assert_true(draw() <= 7 * (80 + 5) + 40);
    /* With a line of status that stays. */
    write_at(24, 0, 0x70, "status");
    draw();
    scroll_pc(2, 0x0720);
    write_at(22, 0, 7, "      ");
    write_at(24, 0, 0x70, "status");
    assert_true(draw() <= 100);
}

static void a_cleared_screen_is_one_sequence(void **state)
{
    (void)state;
    write_text(0, 25, 3);
    draw();
    fill(0x0720);
    expect_draw("\033[H\033[J");
    write_text(0, 25, 3);
    draw();
    fill(0x0720);
    write_at(0, 0, 7, "A:\\>");
    pc.cursor_column = 4;
    expect_draw("\033[H\033[JA:\\>");
}

/* The first picture is as large as it gets: all cells are sent, and the start. */
static void a_screenful_is_at_most_one_and_a_half_times_its_characters(void **state)
{
    static const uint8_t attribute[] = { 0x07, 0x1f, 0x70, 0x4e };

    for (unsigned i = 0; i < sizeof attribute; i++) {
        setup(state);
        write_text(0, 25, 77 + i);
        for (unsigned n = 0; n < 80 * 25; n++) {
            cell[n] = (uint16_t)((cell[n] & 0xff) | attribute[i] << 8);
        }
        assert_true(draw() <= 80 * 25 * 3 / 2);
        for (unsigned n = 0; n < 80 * 25; n++) {
            cell[n] ^= 1; /* every cell is another, no blank is left */
        }
        assert_true(draw() <= 80 * 25 * 3 / 2);
    }
}

static void a_message_is_said_once(void **state)
{
    char longer[200];

    (void)state;
    pc.cursor_visible = false;
    write_text(0, 25, 3);
    draw();
    sent_len = 0;
    term_screen_message(&screen, "[graphics 320x200]", put, &vt);
    expect_sent("\033[0m\033[r\033[H\033[J[graphics 320x200]\r\n\033[?25h");
    assert_true(vt.cursor);
    sent_len = 0;
    term_screen_message(&screen, "[graphics 320x200]", put, &vt);
    assert_int_equal(sent_len, 0);
    term_screen_message(&screen, "[graphics 640x480]", put, &vt);
    assert_true(sent_len > 0);
    sent_len = 0;
    term_screen_leave(&screen, put, &vt);
    expect_sent("\033[0m\033[?25h");
    draw();
    assert_true(vt.resized);

    memset(longer, 'x', sizeof longer);
    longer[sizeof longer - 1] = 0;
    term_screen_message(&screen, longer, put, &vt);
    sent_len = 0;
    term_screen_message(&screen, longer, put, &vt);
    assert_int_equal(sent_len, 0);
    assert_int_equal(vt.cell[0][TERM_MESSAGE_MAX - 1].glyph, 'x');
    assert_int_equal(vt.cell[0][TERM_MESSAGE_MAX].glyph, ' ');
    term_screen_forget(&screen);
    term_screen_message(&screen, longer, put, &vt);
    assert_true(sent_len > 0);
}

static void leaving_gives_a_plain_terminal_below_the_picture(void **state)
{
    (void)state;
    term_screen_leave(&screen, put, &vt);
    term_screen_forget(&screen);
    term_screen_leave(&screen, put, &vt);
    assert_int_equal(sent_len, 0); /* nothing of ours is there */
    pc.cursor_visible = false;
    write_at(2, 0, 0x1f, "blue");
    draw();
    sent_len = 0;
    term_screen_leave(&screen, put, &vt);
    expect_sent("\033[0m\033[?25h\033[25H\r\n");
    assert_true(vt.cursor);
    assert_int_equal(vt.pen.bg, DEFAULT_COLOUR);
    sent_len = 0;
    term_screen_leave(&screen, put, &vt);
    assert_int_equal(sent_len, 0);
    draw();
    /* Another wrote meanwhile: where the cursor is, nobody knows. */
    term_screen_forget(&screen);
    sent_len = 0;
    term_screen_leave(&screen, put, &vt);
    expect_sent("\033[0m\033[?25h\r\n");
}

static void impossible_sizes_and_cursors_are_survived(void **state)
{
    (void)state;
    pc.rows = 0;
    term_screen_draw(&screen, &pc, put, &vt);
    set_size(0, 25);
    term_screen_draw(&screen, &pc, put, &vt);
    assert_int_equal(sent_len, 0);
    set_size(160, 80); /* the upper left corner of it */
    write_text(0, 80, 6);
    draw();
    write_text(0, 80, 7);
    draw();
    assert_int_equal(vt.rows, TERM_ROWS_MAX);
    assert_int_equal(vt.columns, TERM_COLUMNS_MAX);
    set_size(1, 1);
    write_at(0, 0, 7, "x");
    draw();
    write_at(0, 0, 7, "y");
    draw();
    set_size(80, 25);
    pc.cursor_row = 25;
    draw();
    pc.cursor_row = 0;
    pc.cursor_column = 80;
    draw();
    pc.cursor_row = pc.cursor_column = ~0u;
    draw();
    assert_false(vt.cursor);
}

static void all_characters_arrive(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 256; i++) {
        cell[i] = (uint16_t)(0x0700 | i);
        cell[300 + i] = (uint16_t)(i << 8 | 'x');
    }
    draw();
    pc.blink = false;
    draw();
}

static unsigned random_state;

static unsigned rnd(unsigned below)
{
    random_state = random_state * 1103515245 + 12345;
    return (random_state >> 12) % below;
}

static uint16_t random_cell(void)
{
    static const uint8_t likely[] = { 0x07, 0x07, 0x07, 0x1f, 0x70, 0x0f };
    unsigned attribute = rnd(4) ? likely[rnd(6)] : rnd(256);
    unsigned c = rnd(3) ? 0x20 + rnd(0x5f) : rnd(3) ? ' ' : rnd(256);

    return (uint16_t)(attribute << 8 | c);
}

static void edit_run(void)
{
    unsigned at = rnd(pc.rows * pc.columns), len = rnd(rnd(2) ? 8 : 200);
    uint16_t with = random_cell();
    bool same = rnd(2);

    for (; len-- && at < pc.rows * pc.columns; at++) {
        cell[at] = same ? with : random_cell();
    }
}

/* A window: a rectangle of one colour. */
static void edit_box(void)
{
    unsigned y = rnd(pc.rows), x = rnd(pc.columns), h = rnd(pc.rows - y) + 1,
             w = rnd(pc.columns - x) + 1;
    uint16_t with = random_cell();

    for (unsigned i = 0; i < h; i++) {
        for (unsigned j = 0; j < w; j++) {
            cell[(y + i) * pc.columns + x + j] = with;
        }
    }
}

static void random_size(void)
{
    static const unsigned size[][2] = {
        {80,   25},
        { 80,  25},
        { 40,  25},
        { 80,  50},
        { 132, 60},
        { 81,  43},
        { 7,   2 },
        { 1,   1 }
    };
    unsigned i = rnd(8);

    set_size(size[i][0], size[i][1]);
}

/* Another writes to the terminal. */
static void scribble(void)
{
    for (unsigned i = 0; i < 300; i++) {
        vt.cell[rnd(vt.rows)][rnd(vt.columns)] = (struct vt_cell){
            '*', {rnd(16), rnd(16), rnd(2)}
        };
    }
    vt.y = rnd(vt.rows);
    vt.x = rnd(vt.columns);
    vt.wraps_next = rnd(2);
    vt.cursor = rnd(2);
    vt.pen = (struct vt_pen){ rnd(16), rnd(16), rnd(2) };
    term_screen_forget(&screen);
}

static void random_step(void)
{
    unsigned what = rnd(40);

    if (what < 14) {
        edit_run();
    } else if (what < 20) {
        edit_box();
    } else if (what < 28) {
        scroll_pc(1 + rnd(rnd(4) ? MIN(3u, pc.rows) : pc.rows), rnd(3) ? 0x0720 : random_cell());
    } else if (what < 30) {
        fill(rnd(2) ? 0x0720 : random_cell());
    } else if (what < 31) {
        random_size();
    } else if (what < 32) {
        pc.blink = rnd(2);
    } else if (what < 34 && vt.columns >= 40) {
        term_screen_message(&screen, rnd(2) ? "[graphics]" : "[off]", put, &vt);
    } else if (what < 36) {
        scribble();
    } else if (what < 37) {
        term_screen_leave(&screen, put, &vt);
    }
    if (rnd(3)) {
        pc.cursor_row = rnd(pc.rows + (rnd(9) == 0));
        pc.cursor_column = rnd(pc.columns + (rnd(9) == 0));
        pc.cursor_visible = rnd(5);
    }
}

/* On every kind of terminal; several changes may come between two pictures. */
static void any_series_of_changes_ends_in_the_exact_picture(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < 16; kind++) {
        random_state = 4711 + kind;
        power_on(kind);
        set_size(80, 25);
        for (unsigned i = 0; i < 600; i++) {
            sent_len = 0;
            for (unsigned n = 1 + rnd(3); n--;) {
                random_step();
            }
            draw();
            assert_int_equal(draw(), 0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_first_picture_resets_sizes_and_clears, setup),
        cmocka_unit_test_setup(nothing_changed_sends_nothing, setup),
        cmocka_unit_test_setup(typing_costs_a_byte, setup),
        cmocka_unit_test_setup(movements_are_the_shortest, setup),
        cmocka_unit_test_setup(short_gaps_are_written_again, setup),
        cmocka_unit_test_setup(colours_are_ansis, setup),
        cmocka_unit_test_setup(bit_7_is_a_bright_background_or_blinks, setup),
        cmocka_unit_test_setup(trailing_blanks_are_cleared_on_black_only, setup),
        cmocka_unit_test_setup(the_last_column_and_corner_do_not_wrap_or_scroll, setup),
        cmocka_unit_test_setup(a_scroll_sends_the_new_lines_only, setup),
        cmocka_unit_test_setup(a_cleared_screen_is_one_sequence, setup),
        cmocka_unit_test_setup(a_screenful_is_at_most_one_and_a_half_times_its_characters, setup),
        cmocka_unit_test_setup(a_message_is_said_once, setup),
        cmocka_unit_test_setup(leaving_gives_a_plain_terminal_below_the_picture, setup),
        cmocka_unit_test_setup(impossible_sizes_and_cursors_are_survived, setup),
        cmocka_unit_test_setup(all_characters_arrive, setup),
        cmocka_unit_test_setup(any_series_of_changes_ends_in_the_exact_picture, setup),
    };
    return cmocka_run_group_tests_name("term_screen", tests, NULL, NULL);
}
