#include "arch/x86_64/cpu.h"
#include "drivers/vga_text.h"
#include "unit.h"

#include <string.h>

enum { CELLS = VGA_ROWS * VGA_COLUMNS };

static struct vga_text v;
static volatile uint16_t screen[CELLS + 2]; /* one guard on each side */
static uint8_t crtc[256];

void io_out16(uint16_t port, uint16_t value)
{
    assert_int_equal(port, 0x3d4);
    crtc[value & 0xff] = (uint8_t)(value >> 8);
}

static unsigned cursor(void)
{
    return crtc[0xe] * 256u + crtc[0xf];
}

static int setup(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CELLS + 2; i++) {
        screen[i] = 0xabcd;
    }
    memset(crtc, 0xff, sizeof crtc);
    vga_text_init(&v, screen + 1);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    assert_int_equal(screen[0], 0xabcd);
    assert_int_equal(screen[CELLS + 1], 0xabcd);
    return 0;
}

static void print(const char *text)
{
    while (*text) {
        vga_text_put(&v, (uint8_t)*text++);
    }
}

static void assert_row(unsigned row, const char *text)
{
    char got[VGA_COLUMNS + 1];
    char want[VGA_COLUMNS + 1];

    memset(want, ' ', VGA_COLUMNS);
    memcpy(want, text, strlen(text));
    got[VGA_COLUMNS] = want[VGA_COLUMNS] = 0;
    for (unsigned i = 0; i < VGA_COLUMNS; i++) {
        uint16_t cell = screen[1 + row * VGA_COLUMNS + i];

        assert_int_equal(cell >> 8, 7); /* grey on black */
        got[i] = (char)cell;
    }
    assert_string_equal(got, want);
}

static void it_starts_blank_with_the_cursor_at_home(void **state)
{
    (void)state;
    for (unsigned row = 0; row < VGA_ROWS; row++) {
        assert_row(row, "");
    }
    assert_int_equal(cursor(), 0);
}

static void text_and_line_ends_go_where_they_belong(void **state)
{
    (void)state;
    print("hello\r\nworld\rW");
    assert_row(0, "hello");
    assert_row(1, "World");
    print("\n");
    assert_int_equal(cursor(), 2 * VGA_COLUMNS);
    print("ab\b");
    assert_int_equal(cursor(), 2 * VGA_COLUMNS + 1);
    print("\b\b\bc");
    assert_row(2, "cb"); /* not over the left edge */
}

static void tabs_fill_up_to_the_next_eighth_column(void **state)
{
    (void)state;
    print("a\tb\t\tc");
    assert_row(0, "a       b               c");
    print("\r\n1234567\t8");
    assert_row(1, "1234567 8");
}

static void a_tab_at_the_right_edge_ends_on_the_next_line(void **state)
{
    (void)state;
    for (unsigned i = 0; i < VGA_COLUMNS - 1; i++) {
        print("x");
    }
    print("\ty");
    assert_row(1, "y");
}

static void a_full_line_goes_on_below(void **state)
{
    (void)state;
    for (unsigned i = 0; i < VGA_COLUMNS + 2; i++) {
        print("x");
    }
    assert_row(1, "xx");
}

static void the_last_line_scrolls(void **state)
{
    char line[] = "line A\n";

    (void)state;
    for (unsigned i = 0; i < VGA_ROWS + 1; i++) {
        line[5] = (char)('A' + i);
        print(line);
    }
    assert_row(0, "line C");
    assert_row(VGA_ROWS - 2, "line Z");
    assert_row(VGA_ROWS - 1, "");
    for (unsigned i = 0; i < 3 * CELLS; i++) {
        print("#");
    }
    assert_int_equal(v.row, VGA_ROWS - 1);
}

/* The screen is not read: what stands there when a line scrolls comes from memory. */
static void scrolling_reads_no_video_memory(void **state)
{
    (void)state;
    print("first\nsecond");
    for (unsigned i = 0; i < CELLS; i++) {
        screen[1 + i] = 0;
    }
    for (unsigned i = 0; i < VGA_ROWS - 1; i++) {
        print("\n");
    }
    assert_row(0, "second");
}

static void escape_sequences_and_control_bytes_are_left_out(void **state)
{
    (void)state;
    print("a\x1b[1;31mb\x1b[0mc\x1b[2J\x1b[10;20Hd\x1b"
          "7e\x01\x07\x02g");
    assert_row(0, "abcdeg");
}

static void while_hidden_only_memory_is_written(void **state)
{
    (void)state;
    print("before");
    vga_text_hide(&v, true);
    for (unsigned i = 0; i < CELLS; i++) {
        screen[1 + i] = 0x1234; /* somebody else's */
    }
    memset(crtc, 0x55, sizeof crtc);
    print("\r\nbehind\r\n");
    for (unsigned i = 0; i < VGA_ROWS; i++) {
        print("\n"); /* scrolls as well */
    }
    for (unsigned i = 0; i < CELLS; i++) {
        assert_int_equal(screen[1 + i], 0x1234);
    }
    assert_int_equal(cursor(), 0x5555);
}

static void what_was_printed_while_hidden_appears(void **state)
{
    (void)state;
    print("before");
    vga_text_hide(&v, true);
    screen[1] = 0x1234;
    print("\r\nbehind");
    print("\b");
    vga_text_hide(&v, false);
    assert_row(0, "before");
    assert_row(1, "behind");
    assert_row(2, "");
    assert_int_equal(cursor(), VGA_COLUMNS + 5);
    print("D\r");
    assert_row(1, "behinD");
    assert_int_equal(cursor(), VGA_COLUMNS);
}

static void without_a_screen_all_is_dropped(void **state)
{
    (void)state;
    memset(crtc, 0x55, sizeof crtc);
    vga_text_init(&v, NULL);
    print("hello\n\tworld\b");
    vga_text_hide(&v, true);
    vga_text_hide(&v, false);
    assert_int_equal(cursor(), 0x5555);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(it_starts_blank_with_the_cursor_at_home),
        T(text_and_line_ends_go_where_they_belong),
        T(tabs_fill_up_to_the_next_eighth_column),
        T(a_tab_at_the_right_edge_ends_on_the_next_line),
        T(a_full_line_goes_on_below),
        T(the_last_line_scrolls),
        T(scrolling_reads_no_video_memory),
        T(escape_sequences_and_control_bytes_are_left_out),
        T(while_hidden_only_memory_is_written),
        T(what_was_printed_while_hidden_appears),
        T(without_a_screen_all_is_dropped),
    };
    return cmocka_run_group_tests_name("vga_text", tests, NULL, NULL);
}
