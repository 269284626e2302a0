#include "lib/le.h"
#include "pc_console_rig.h"

enum { PASTE = 2000 };

/* --- the guest: a BIOS that takes scan codes at IRQ 1, and a program that reads its keys --- */

enum {
    BDA = 0x400,
    HEAD = 0x1a,
    TAIL = 0x1c,
    START = 0x80,
    END = 0x82,
    RING = 0x1e,
    RING_END = 0x3e
};

static struct {
    bool has_area; /* a BIOS; else a program that counts scan codes by itself */
    uint8_t scan[16 * PASTE];
    unsigned scans;
    bool shift;
    unsigned lost; /* keys that beeped */
    char text[2 * PASTE];
    unsigned chars;
} dos;

static uint8_t *area(unsigned offset)
{
    return pc_ram(BDA + offset, 2);
}

static unsigned next_entry(unsigned at)
{
    return at + 2 == RING_END ? RING : at + 2;
}

/* A US keyboard; 0 for other keys. */
static char character(uint8_t scan, bool shift)
{
    static const char plain[] = " \0331234567890-=\b\tqwertyuiop[]\r asdfghjkl;'` \\zxcvbnm,./ *  ";
    static const char shifted[] =
        " \033!@#$%^&*()_+\b\tQWERTYUIOP{}\r ASDFGHJKL:\"~ |ZXCVBNM<>? *  ";

    return scan < sizeof plain - 1 ? (shift ? shifted : plain)[scan] : 0;
}

/* INT 9. */
static void int_9(void)
{
    uint8_t scan = pc_in8(0x60);
    unsigned tail = le16_read(area(TAIL));

    assert_true(dos.scans < sizeof dos.scan);
    dos.scan[dos.scans++] = scan;
    if ((scan & 0x7f) == 0x2a || (scan & 0x7f) == 0x36) {
        dos.shift = !(scan & 0x80);
    } else if (dos.has_area && !(scan & 0x80)) {
        if (next_entry(tail) == le16_read(area(HEAD))) {
            dos.lost++;
            return;
        }
        *pc_ram(BDA + tail, 1) = (uint8_t)character(scan, dos.shift);
        le16_write(area(TAIL), (uint16_t)next_entry(tail));
    }
}

static void start_bios(void)
{
    le16_write(area(HEAD), RING);
    le16_write(area(TAIL), RING);
    le16_write(area(START), RING);
    le16_write(area(END), RING_END);
    dos.has_area = true;
    on_irq1 = int_9;
}

/* INT 16h: the program takes a key if there is one. */
static void read_key(void)
{
    unsigned head = le16_read(area(HEAD));

    if (head != le16_read(area(TAIL))) {
        assert_true(dos.chars < sizeof dos.text - 1);
        dos.text[dos.chars++] = (char)*pc_ram(BDA + head, 1);
        le16_write(area(HEAD), (uint16_t)next_entry(head));
    }
}

static int setup_keys(void **state)
{
    memset(&dos, 0, sizeof dos);
    return setup(state);
}

#define assert_scans(...)                                                                          \
    do {                                                                                           \
        static const uint8_t want[] = { __VA_ARGS__ };                                             \
        assert_int_equal(dos.scans, sizeof want);                                                  \
        assert_memory_equal(dos.scan, want, sizeof want);                                          \
        dos.scans = 0;                                                                             \
    } while (0)

static void typed_bytes_become_scan_codes(void **state)
{
    (void)state;
    start_bios();
    type("a");
    run_for(20 * MS);
    assert_scans(0x1e, 0x9e);
    type("A");
    run_for(20 * MS);
    assert_scans(0x2a, 0x1e, 0x9e, 0xaa);
    type("\x03"); /* Ctrl+C */
    run_for(20 * MS);
    assert_scans(0x1d, 0x2e, 0xae, 0x9d);
    type("\r");
    run_for(100 * MS);
    assert_scans(0x1c, 0x9c);
    type("\x1b[A");
    run_for(100 * MS);
    assert_scans(0xe0, 0x48, 0xe0, 0xc8);
}

static void a_lone_esc_is_a_key_after_50_ms(void **state)
{
    uint64_t began;

    (void)state;
    start_bios();
    run_for(10 * MS);
    type("\x1b");
    began = pc_now;
    while (dos.scans < 2) {
        run_for(STEP);
        assert_true(pc_now - began < 60 * MS);
    }
    assert_true(pc_now - began >= 50 * MS);
    assert_scans(0x01, 0x81);
}

static void what_follows_an_esc_in_time_belongs_to_it(void **state)
{
    (void)state;
    start_bios();
    type("\x1b");
    run_for(45 * MS);
    type("["); /* each byte waits anew */
    run_for(45 * MS);
    type("B");
    run_for(20 * MS);
    assert_scans(0xe0, 0x50, 0xe0, 0xd0);
    type("\x1b");
    run_for(45 * MS);
    type("x"); /* Alt+X */
    run_for(20 * MS);
    assert_scans(0x38, 0x2d, 0xad, 0xb8);
}

static void make_paste(char text[PASTE + 1])
{
    static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz0123456789 ,.;'[]=-/"
                                   "ABCDEFGHIJKLMNOPQRSTUVWXYZ!@#$%^&()_+{}:\"<>|~`\r";
    unsigned seed = 1;

    for (unsigned i = 0; i < PASTE; i++) {
        seed = seed * 1103515245 + 12345;
        text[i] = alphabet[(seed >> 16) % (sizeof alphabet - 1)];
    }
    text[PASTE] = 0;
}

/* Programs that take a key now and then, and ones that take many after a while. */
static void a_paste_loses_nothing_in_a_buffer_of_15_keys(void **state)
{
    static const struct {
        unsigned every_ms, keys;
    } row[] = {
        {1,    1 },
        { 10,  1 },
        { 55,  3 },
        { 300, 40},
    };
    char text[PASTE + 1];

    make_paste(text);
    for (unsigned i = 0; i < ARRAY_SIZE(row); i++) {
        uint64_t end;

        if (i) {
            setup_keys(state);
        }
        start_bios();
        type(text);
        end = pc_now + PASTE * 100 * MS;
        while (dos.chars < PASTE && pc_now < end) {
            run_for(row[i].every_ms * MS);
            for (unsigned key = 0; key < row[i].keys; key++) {
                read_key();
            }
        }
        assert_int_equal(dos.lost, 0);
        assert_int_equal(dos.chars, PASTE);
        assert_memory_equal(dos.text, text, PASTE);
        run_for(50 * MS);
        assert_false(dos.shift);
        if (i + 1 < ARRAY_SIZE(row)) {
            teardown(state);
        }
    }
}

/* A program that has the keyboard for itself has no such buffer, but it may be slow. */
static void a_paste_loses_nothing_without_a_bios(void **state)
{
    char text[PASTE + 1];
    unsigned chars = 0;
    bool shift = false;

    (void)state;
    make_paste(text);
    type(text);
    for (unsigned i = 0; i < 8 * PASTE && (i < 100 || pc.i8042.wire); i++) {
        on_irq1 = int_9;
        run_for(STEP); /* one byte at the most */
        on_irq1 = NULL;
        run_for(i % 100 ? 2 * MS : 30 * MS);
    }
    for (unsigned i = 0; i < dos.scans; i++) {
        uint8_t scan = dos.scan[i];

        if ((scan & 0x7f) == 0x2a) {
            shift = scan == 0x2a;
        } else if (!(scan & 0x80)) {
            assert_true(chars < PASTE);
            assert_int_equal(character(scan, shift), text[chars]);
            chars++;
        }
    }
    assert_int_equal(chars, PASTE);
}

static void a_paste_waits_while_the_keyboard_is_off(void **state)
{
    (void)state;
    start_bios();
    pc_out8(0x60, 0xf5); /* no scanning */
    run_for(5 * MS);
    assert_scans(0xfa);
    type("dir");
    run_for(500 * MS);
    assert_int_equal(dos.scans, 0);
    pc_out8(0x60, 0xf4);
    run_for(500 * MS);
    assert_scans(0xfa, 0x20, 0xa0, 0x17, 0x97, 0x13, 0x93);
}

static void keys_of_the_host_pass_at_once(void **state)
{
    (void)state;
    press_host_key(KEY_F1, true);
    poll();
    assert_true(pc_in8(0x64) & 1);
    assert_int_equal(pc_in8(0x60), 0x3b);
    press_host_key(KEY_F1, false);
    press_host_key(KEY_DOWN, true);
    press_host_key(KEY_DOWN, false);
    on_irq1 = int_9;
    run_for(20 * MS);
    assert_scans(0xbb, 0xe0, 0x50, 0xe0, 0xd0);
}

/* They are for the guest to see, such as Ctrl+Break when nobody reads keys. */
static void keys_of_the_host_do_not_wait_for_the_bios(void **state)
{
    (void)state;
    start_bios();
    type("0123456789012345678901234567890123456789");
    run_for(1000 * MS); /* nobody takes the keys */
    dos.scans = 0;
    assert_true(line.in_tail < line.in_head);
    press_host_key(KEY_LEFT_CTRL, true);
    press_host_key(KEY_LEFT_CTRL, false);
    run_for(10 * MS);
    assert_scans(0x1d, 0x9d);
    assert_int_equal(dos.lost, 0);
}

static void a_key_that_the_guest_does_not_take_now_is_kept(void **state)
{
    (void)state;
    start_bios();
    pc_out8(0x60, 0xf5);
    run_for(5 * MS);
    dos.scans = 0;
    press_host_key(KEY_F1, true);
    press_host_key(KEY_F1, false);
    run_for(50 * MS);
    assert_int_equal(dos.scans, 0);
    assert_true(next_poll <= pc_now + MS); /* it is tried again soon */
    pc_out8(0x60, 0xf4);
    run_for(20 * MS);
    assert_scans(0xfa, 0x3b, 0xbb);
}

static void a_keyboard_without_end_does_not_keep_the_poll(void **state)
{
    (void)state;
    line.key_forever = true;
    on_irq1 = NULL;
    poll();
    assert_true(next_poll > pc_now);
}

static void with_nothing_to_do_it_asks_for_the_next_picture(void **state)
{
    (void)state;
    poll();
    assert_int_equal(next_poll, pc_now + PC_HZ / PAINTS);
    line.next = pc_now + 7;
    poll();
    assert_int_equal(next_poll, pc_now + 7); /* the console's own wish */
    line.next = TIMER_OFF;
    type("x");
    poll();
    assert_true(next_poll <= pc_now + MS);
}

/* Nor is half an escape sequence. */
static void keys_for_another_guest_are_dropped(void **state)
{
    (void)state;
    start_bios();
    type("\x1b");
    run_for(20 * MS);
    pc_console_attach(&pc);
    run_for(200 * MS);
    assert_int_equal(dos.scans, 0);
    pc_out8(0x60, 0xf5); /* takes none */
    run_for(5 * MS);
    type("x");
    press_host_key(KEY_F1, true);
    run_for(20 * MS);
    assert_int_equal(line.in_tail, line.in_head);
    assert_int_equal(line.key_tail, line.key_head);
    pc_console_attach(&pc);
    pc_out8(0x60, 0xf4);
    run_for(200 * MS);
    assert_scans(0xfa, 0xfa);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup_keys, teardown)
    const struct CMUnitTest tests[] = {
        T(typed_bytes_become_scan_codes),
        T(a_lone_esc_is_a_key_after_50_ms),
        T(what_follows_an_esc_in_time_belongs_to_it),
        T(a_paste_loses_nothing_in_a_buffer_of_15_keys),
        T(a_paste_loses_nothing_without_a_bios),
        T(a_paste_waits_while_the_keyboard_is_off),
        T(keys_of_the_host_pass_at_once),
        T(keys_of_the_host_do_not_wait_for_the_bios),
        T(a_key_that_the_guest_does_not_take_now_is_kept),
        T(a_keyboard_without_end_does_not_keep_the_poll),
        T(with_nothing_to_do_it_asks_for_the_next_picture),
        T(keys_for_another_guest_are_dropped),
    };
    return cmocka_run_group_tests_name("pc_keys", tests, NULL, NULL);
}
