#include "devices/at_keyboard.h"
#include "devices/i8042.h"
#include "unit.h"
#include <stdlib.h>
#include <string.h>

/* The 104 keys and the 102nd one of other countries, row by row, with their set 1 and set 2 codes.
 */
static const struct row {
    uint8_t key;
    bool e0;
    uint8_t set1, set2;
} keys[] = {
    {KEY_ESC,          0, 0x01, 0x76},
    { KEY_F1,          0, 0x3b, 0x05},
    { KEY_F1 + 1,      0, 0x3c, 0x06},
    { KEY_F1 + 2,      0, 0x3d, 0x04},
    { KEY_F1 + 3,      0, 0x3e, 0x0c},
    { KEY_F1 + 4,      0, 0x3f, 0x03},
    { KEY_F1 + 5,      0, 0x40, 0x0b},
    { KEY_F1 + 6,      0, 0x41, 0x83},
    { KEY_F1 + 7,      0, 0x42, 0x0a},
    { KEY_F1 + 8,      0, 0x43, 0x01},
    { KEY_F1 + 9,      0, 0x44, 0x09},
    { KEY_F11,         0, 0x57, 0x78},
    { KEY_F12,         0, 0x58, 0x07},
    { KEY_SCROLL_LOCK, 0, 0x46, 0x7e},

    { 0x29 /* ` */,    0, 0x29, 0x0e},
    { KEY_1,           0, 0x02, 0x16},
    { KEY_1 + 1,       0, 0x03, 0x1e},
    { KEY_1 + 2,       0, 0x04, 0x26},
    { KEY_1 + 3,       0, 0x05, 0x25},
    { KEY_1 + 4,       0, 0x06, 0x2e},
    { KEY_1 + 5,       0, 0x07, 0x36},
    { KEY_1 + 6,       0, 0x08, 0x3d},
    { KEY_1 + 7,       0, 0x09, 0x3e},
    { KEY_1 + 8,       0, 0x0a, 0x46},
    { KEY_1 + 9,       0, 0x0b, 0x45},
    { 0x0c /* - */,    0, 0x0c, 0x4e},
    { 0x0d /* = */,    0, 0x0d, 0x55},
    { KEY_BACKSPACE,   0, 0x0e, 0x66},

    { KEY_TAB,         0, 0x0f, 0x0d},
    { 0x10 /* Q */,    0, 0x10, 0x15},
    { 0x11 /* W */,    0, 0x11, 0x1d},
    { 0x12 /* E */,    0, 0x12, 0x24},
    { 0x13 /* R */,    0, 0x13, 0x2d},
    { 0x14 /* T */,    0, 0x14, 0x2c},
    { 0x15 /* Y */,    0, 0x15, 0x35},
    { 0x16 /* U */,    0, 0x16, 0x3c},
    { 0x17 /* I */,    0, 0x17, 0x43},
    { 0x18 /* O */,    0, 0x18, 0x44},
    { 0x19 /* P */,    0, 0x19, 0x4d},
    { 0x1a /* [ */,    0, 0x1a, 0x54},
    { 0x1b /* ] */,    0, 0x1b, 0x5b},
    { 0x2b /* \ */,    0, 0x2b, 0x5d},

    { KEY_CAPS_LOCK,   0, 0x3a, 0x58},
    { 0x1e /* A */,    0, 0x1e, 0x1c},
    { 0x1f /* S */,    0, 0x1f, 0x1b},
    { 0x20 /* D */,    0, 0x20, 0x23},
    { 0x21 /* F */,    0, 0x21, 0x2b},
    { 0x22 /* G */,    0, 0x22, 0x34},
    { 0x23 /* H */,    0, 0x23, 0x33},
    { 0x24 /* J */,    0, 0x24, 0x3b},
    { 0x25 /* K */,    0, 0x25, 0x42},
    { 0x26 /* L */,    0, 0x26, 0x4b},
    { 0x27 /* ; */,    0, 0x27, 0x4c},
    { 0x28 /* ' */,    0, 0x28, 0x52},
    { KEY_ENTER,       0, 0x1c, 0x5a},

    { KEY_LEFT_SHIFT,  0, 0x2a, 0x12},
    { KEY_102ND,       0, 0x56, 0x61},
    { 0x2c /* Z */,    0, 0x2c, 0x1a},
    { 0x2d /* X */,    0, 0x2d, 0x22},
    { 0x2e /* C */,    0, 0x2e, 0x21},
    { 0x2f /* V */,    0, 0x2f, 0x2a},
    { 0x30 /* B */,    0, 0x30, 0x32},
    { 0x31 /* N */,    0, 0x31, 0x31},
    { 0x32 /* M */,    0, 0x32, 0x3a},
    { 0x33 /* , */,    0, 0x33, 0x41},
    { 0x34 /* . */,    0, 0x34, 0x49},
    { 0x35 /* / */,    0, 0x35, 0x4a},
    { KEY_RIGHT_SHIFT, 0, 0x36, 0x59},

    { KEY_LEFT_CTRL,   0, 0x1d, 0x14},
    { KEY_LEFT_WIN,    1, 0x5b, 0x1f},
    { KEY_LEFT_ALT,    0, 0x38, 0x11},
    { KEY_SPACE,       0, 0x39, 0x29},
    { KEY_RIGHT_ALT,   1, 0x38, 0x11},
    { KEY_RIGHT_WIN,   1, 0x5c, 0x27},
    { KEY_MENU,        1, 0x5d, 0x2f},
    { KEY_RIGHT_CTRL,  1, 0x1d, 0x14},

    { KEY_INSERT,      1, 0x52, 0x70},
    { KEY_HOME,        1, 0x47, 0x6c},
    { KEY_PAGE_UP,     1, 0x49, 0x7d},
    { KEY_DELETE,      1, 0x53, 0x71},
    { KEY_END,         1, 0x4f, 0x69},
    { KEY_PAGE_DOWN,   1, 0x51, 0x7a},
    { KEY_UP,          1, 0x48, 0x75},
    { KEY_LEFT,        1, 0x4b, 0x6b},
    { KEY_DOWN,        1, 0x50, 0x72},
    { KEY_RIGHT,       1, 0x4d, 0x74},

    { KEY_NUM_LOCK,    0, 0x45, 0x77},
    { KEY_PAD_SLASH,   1, 0x35, 0x4a},
    { KEY_PAD_STAR,    0, 0x37, 0x7c},
    { KEY_PAD_MINUS,   0, 0x4a, 0x7b},
    { KEY_PAD_7,       0, 0x47, 0x6c},
    { KEY_PAD_8,       0, 0x48, 0x75},
    { KEY_PAD_9,       0, 0x49, 0x7d},
    { KEY_PAD_PLUS,    0, 0x4e, 0x79},
    { KEY_PAD_4,       0, 0x4b, 0x6b},
    { KEY_PAD_5,       0, 0x4c, 0x73},
    { KEY_PAD_6,       0, 0x4d, 0x74},
    { KEY_PAD_1,       0, 0x4f, 0x69},
    { KEY_PAD_2,       0, 0x50, 0x72},
    { KEY_PAD_3,       0, 0x51, 0x7a},
    { KEY_PAD_ENTER,   1, 0x1c, 0x5a},
    { KEY_PAD_0,       0, 0x52, 0x70},
    { KEY_PAD_DOT,     0, 0x53, 0x71},
    { KEY_SYSRQ,       0, 0x54, 0x84},
};
enum { KEYS = sizeof keys / sizeof keys[0] };
_Static_assert(KEYS == 102 + 2, "104 without Print Screen and Pause, the 102nd, System Request");

static struct at_keyboard kb;
static uint8_t got[64];
static size_t got_count;

static int setup(void **state)
{
    (void)state;
    memset(&kb, 0x5a, sizeof kb); /* init must not rely on what was there */
    at_keyboard_init(&kb);
    return 0;
}

static void drain(void)
{
    uint8_t byte;

    for (got_count = 0; at_keyboard_get(&kb, &byte);) {
        assert_true(got_count < sizeof got);
        got[got_count++] = byte;
    }
    assert_true(at_keyboard_quiet(&kb));
}

#define assert_got(...)                                                                            \
    do {                                                                                           \
        const uint8_t expected[] = { __VA_ARGS__ };                                                \
        drain();                                                                                   \
        assert_int_equal(got_count, sizeof expected);                                              \
        assert_memory_equal(got, expected, sizeof expected);                                       \
    } while (0)

static bool key(uint8_t code, bool down)
{
    return at_keyboard_key(&kb, (struct key_event){ code, down });
}

static void hold(uint8_t code)
{
    assert_true(key(code, true));
    drain();
}

static void let_go(uint8_t code)
{
    assert_true(key(code, false));
    drain();
}

static void use_set(uint8_t set)
{
    at_keyboard_command(&kb, 0xf0);
    at_keyboard_command(&kb, set);
    assert_got(0xfa);
}

static void check_bytes(const struct row *r, const uint8_t *bytes, size_t n)
{
    drain();
    if (r->e0) {
        assert_int_equal(got[0], 0xe0);
    }
    assert_int_equal(got_count, n + r->e0);
    assert_memory_equal(got + r->e0, bytes, n);
}

static void every_key_sends_its_codes_of_set_2(void **state)
{
    (void)state;
    for (const struct row *r = keys; r < keys + KEYS; r++) {
        assert_true(key(r->key, true));
        check_bytes(r, &r->set2, 1);
        assert_true(key(r->key, false));
        check_bytes(r, (uint8_t[]){ 0xf0, r->set2 }, 2);
    }
}

static void every_key_sends_its_codes_of_set_1(void **state)
{
    (void)state;
    use_set(1);
    for (const struct row *r = keys; r < keys + KEYS; r++) {
        assert_true(key(r->key, true));
        check_bytes(r, &r->set1, 1);
        assert_true(key(r->key, false));
        check_bytes(r, (uint8_t[]){ r->set1 | 0x80 }, 1);
    }
}

static void ignore_wire(void *ctl, unsigned pin, bool level)
{
    (void)ctl;
    (void)pin;
    (void)level;
}

static uint64_t no_time(void *ctx)
{
    (void)ctx;
    return 0;
}

static struct i8042 controller;

static void init_controller(void)
{
    static const struct clock clock = { .now = no_time, .hz = 1000000 };
    static const struct i8042_ops ops;
    static struct timer_queue queue;

    timer_queue_init(&queue);
    i8042_init(&controller, (struct irq_line){ .set = ignore_wire }, &ops, NULL, &clock, &queue);
    controller.gap = 0;
}

static uint8_t read_controller(void)
{
    struct io_access a = { .size = 1 };

    i8042_data_io(&controller, &a);
    return (uint8_t)a.value;
}

static void write_controller(uint8_t byte)
{
    i8042_data_io(&controller, &(struct io_access){ .size = 1, .write = true, .value = byte });
    assert_int_equal(read_controller(), 0xfa);
}

static void the_controller_turns_set_2_into_set_1(void **state)
{
    (void)state;
    init_controller();
    for (const struct row *r = keys; r < keys + KEYS; r++) {
        for (unsigned up = 0; up < 2; up++) {
            assert_true(i8042_key(&controller, (struct key_event){ r->key, !up }));
            if (r->e0) {
                assert_int_equal(read_controller(), 0xe0);
            }
            assert_int_equal(read_controller(), r->set1 | (up ? 0x80 : 0));
            assert_true(i8042_idle(&controller));
        }
    }
}

/* Other keyboards have keys at places that the table above lacks. */
static void every_place_has_codes_that_translate(void **state)
{
    (void)state;
    init_controller();
    for (uint8_t code = 1; code < 0x80; code++) {
        assert_true(i8042_key(&controller, (struct key_event){ code, true }));
        assert_int_equal(read_controller(), code);
        assert_true(i8042_key(&controller, (struct key_event){ code, false }));
        assert_int_equal(read_controller(), code | 0x80);
    }
    /* No key has these two codes; a keyboard in set 1 sends them all the same. */
    write_controller(0xf0);
    write_controller(0x01);
    assert_true(i8042_key(&controller, (struct key_event){ 0x02, true }));
    assert_int_equal(read_controller(), 0x41);
    assert_true(i8042_key(&controller, (struct key_event){ 0x7f, true }));
    assert_int_equal(read_controller(), 0x54);
}

static void print_screen_depends_on_shift_ctrl_and_alt(void **state)
{
    static const uint8_t shifts[] = { KEY_LEFT_SHIFT, KEY_RIGHT_SHIFT, KEY_LEFT_CTRL,
                                      KEY_RIGHT_CTRL };
    static const uint8_t alts[] = { KEY_LEFT_ALT, KEY_RIGHT_ALT };

    (void)state;
    assert_true(key(KEY_PRINT_SCREEN, true));
    assert_got(0xe0, 0x12, 0xe0, 0x7c);
    assert_true(key(KEY_PRINT_SCREEN, false));
    assert_got(0xe0, 0xf0, 0x7c, 0xe0, 0xf0, 0x12);
    for (unsigned i = 0; i < sizeof shifts; i++) {
        hold(shifts[i]);
        assert_true(key(KEY_PRINT_SCREEN, true));
        assert_got(0xe0, 0x7c);
        assert_true(key(KEY_PRINT_SCREEN, false));
        assert_got(0xe0, 0xf0, 0x7c);
        let_go(shifts[i]);
    }
    hold(KEY_LEFT_SHIFT);
    for (unsigned i = 0; i < sizeof alts; i++) {
        hold(alts[i]);
        assert_true(key(KEY_PRINT_SCREEN, true));
        assert_got(0x84);
        assert_true(key(KEY_PRINT_SCREEN, false));
        assert_got(0xf0, 0x84);
        let_go(alts[i]);
    }
    let_go(KEY_LEFT_SHIFT);
    use_set(1);
    assert_true(key(KEY_PRINT_SCREEN, true));
    assert_got(0xe0, 0x2a, 0xe0, 0x37);
    assert_true(key(KEY_PRINT_SCREEN, false));
    assert_got(0xe0, 0xb7, 0xe0, 0xaa);
}

static void print_screen_goes_up_as_it_went_down(void **state)
{
    (void)state;
    hold(KEY_RIGHT_ALT);
    hold(KEY_PRINT_SCREEN);
    let_go(KEY_RIGHT_ALT);
    assert_true(key(KEY_PRINT_SCREEN, false));
    assert_got(0xf0, 0x84);
    hold(KEY_PRINT_SCREEN);
    hold(KEY_LEFT_SHIFT);
    assert_true(key(KEY_PRINT_SCREEN, false));
    assert_got(0xe0, 0xf0, 0x7c, 0xe0, 0xf0, 0x12);
}

static void pause_comes_at_once_and_is_break_with_ctrl(void **state)
{
    (void)state;
    assert_true(key(KEY_PAUSE, true));
    assert_got(0xe1, 0x14, 0x77, 0xe1, 0xf0, 0x14, 0xf0, 0x77);
    assert_true(key(KEY_PAUSE, false));
    assert_true(at_keyboard_quiet(&kb));
    hold(KEY_RIGHT_CTRL);
    assert_true(key(KEY_PAUSE, true));
    assert_got(0xe0, 0x7e, 0xe0, 0xf0, 0x7e);
    let_go(KEY_RIGHT_CTRL);
    assert_true(key(KEY_BREAK, true));
    assert_got(0xe0, 0x7e, 0xe0, 0xf0, 0x7e);
    assert_true(key(KEY_BREAK, false));
    assert_true(at_keyboard_quiet(&kb));
    use_set(1);
    assert_true(key(KEY_PAUSE, true));
    assert_got(0xe1, 0x1d, 0x45, 0xe1, 0x9d, 0xc5);
    assert_true(key(KEY_BREAK, true));
    assert_got(0xe0, 0x46, 0xe0, 0xc6);
}

static void no_key_sends_nothing(void **state)
{
    (void)state;
    assert_true(key(KEY_NONE, true));
    assert_true(key(KEY_NONE, false));
    assert_true(key(KEY_EXTENDED, true));
    assert_true(key(KEY_EXTENDED, false));
    assert_true(at_keyboard_quiet(&kb));
}

static void a_key_is_queued_whole_or_not_at_all(void **state)
{
    uint8_t byte;

    (void)state;
    assert_true(key(KEY_PAUSE, true));          /* 8 bytes */
    assert_true(key(KEY_HOME, false));          /* 3 */
    assert_false(key(KEY_PRINT_SCREEN, false)); /* 6 */
    assert_true(key(KEY_HOME, false));          /* 3: 14 */
    assert_false(key(KEY_HOME, false));
    assert_true(key(KEY_HOME, true)); /* 2: full */
    assert_false(key(KEY_SPACE, true));
    assert_true(key(KEY_NONE, true));
    assert_true(at_keyboard_get(&kb, &byte));
    assert_true(key(KEY_SPACE, true)); /* there was room for one byte: across the ring's end */
    assert_got(0x14, 0x77, 0xe1, 0xf0, 0x14, 0xf0, 0x77, 0xe0, 0xf0, 0x6c, 0xe0, 0xf0, 0x6c, 0xe0,
               0x6c, 0x29);
}

static void a_modifier_without_room_is_not_held(void **state)
{
    (void)state;
    while (key(KEY_SPACE, true)) {
    }
    assert_false(key(KEY_LEFT_CTRL, true));
    drain();
    assert_true(key(KEY_PAUSE, true));
    assert_got(0xe1, 0x14, 0x77, 0xe1, 0xf0, 0x14, 0xf0, 0x77);
}

static void leds_are_kept_until_reset(void **state)
{
    (void)state;
    at_keyboard_command(&kb, 0xed);
    assert_got(0xfa);
    at_keyboard_command(&kb, 0x78 | AT_LED_CAPS | AT_LED_SCROLL);
    assert_got(0xfa);
    assert_int_equal(kb.leds, AT_LED_CAPS | AT_LED_SCROLL);
    at_keyboard_command(&kb, 0xf6);
    assert_int_equal(kb.leds, AT_LED_CAPS | AT_LED_SCROLL);
    at_keyboard_command(&kb, 0xff);
    assert_int_equal(kb.leds, 0);
}

static void echo_identity_and_rate_are_answered(void **state)
{
    (void)state;
    at_keyboard_command(&kb, 0xee);
    assert_got(0xee);
    at_keyboard_command(&kb, 0xf2);
    assert_got(0xfa, 0xab, 0x83);
    at_keyboard_command(&kb, 0xf3);
    assert_got(0xfa);
    at_keyboard_command(&kb, 0x7f);
    assert_got(0xfa);
}

static void sets_1_and_2_can_be_chosen_and_asked_for(void **state)
{
    (void)state;
    for (uint8_t set = 1; set <= 2; set++) {
        use_set(set);
        at_keyboard_command(&kb, 0xf0);
        at_keyboard_command(&kb, 0);
        assert_got(0xfa, set);
    }
    use_set(1);
    at_keyboard_command(&kb, 0xf0);
    assert_got(0xfa);
    at_keyboard_command(&kb, 3);
    assert_got(0xfe);
    assert_int_equal(kb.set, 1);
    at_keyboard_command(&kb, 0xf6);
    assert_got(0xfa);
    assert_int_equal(kb.set, 2);
}

static void what_is_no_command_is_refused(void **state)
{
    (void)state;
    for (unsigned byte = 0; byte < 256; byte++) {
        if (byte < 0xed || byte == 0xef || byte == 0xf1) {
            at_keyboard_command(&kb, (uint8_t)byte);
            assert_got(0xfe);
        }
    }
}

static void a_command_ends_the_wait_for_a_parameter(void **state)
{
    (void)state;
    at_keyboard_command(&kb, 0xed);
    drain();
    at_keyboard_command(&kb, 0xf4);
    assert_got(0xfa);
    at_keyboard_command(&kb, 0x07);
    assert_got(0xfe);
    assert_int_equal(kb.leds, 0);
}

static void types_of_keys_are_taken_until_a_command(void **state)
{
    (void)state;
    for (unsigned command = 0xf7; command <= 0xfa; command++) {
        at_keyboard_command(&kb, (uint8_t)command);
        assert_got(0xfa);
        at_keyboard_command(&kb, 0x1c);
        assert_got(0xfe);
    }
    for (unsigned command = 0xfb; command <= 0xfd; command++) {
        at_keyboard_command(&kb, (uint8_t)command);
        at_keyboard_command(&kb, 0x1c);
        at_keyboard_command(&kb, 0x1d);
        assert_got(0xfa);
    }
    at_keyboard_command(&kb, 0xee);
    assert_got(0xee);
    at_keyboard_command(&kb, 0x1c);
    assert_got(0xfe);
}

static void disabled_it_takes_no_key_until_enabled(void **state)
{
    (void)state;
    assert_true(key(KEY_SPACE, true));
    at_keyboard_command(&kb, 0xf5);
    assert_got(0xfa); /* the space is forgotten */
    assert_false(key(KEY_SPACE, true));
    at_keyboard_command(&kb, 0xf6);
    assert_got(0xfa);
    assert_false(key(KEY_SPACE, true));
    at_keyboard_command(&kb, 0xf4);
    assert_got(0xfa);
    assert_true(key(KEY_SPACE, true));
    assert_got(0x29);
}

static void reset_answers_its_test_and_scans_again(void **state)
{
    (void)state;
    use_set(1);
    at_keyboard_command(&kb, 0xf5);
    drain();
    at_keyboard_command(&kb, 0xff);
    assert_got(0xfa, 0xaa);
    assert_true(key(KEY_SPACE, true));
    assert_got(0x29);
    assert_true(key(KEY_SPACE, true));
    at_keyboard_command(&kb, 0xff);
    assert_got(0xfa, 0xaa);
}

static void answers_overtake_what_was_typed(void **state)
{
    (void)state;
    while (key(KEY_SPACE, true)) {
    }
    assert_false(at_keyboard_answers(&kb));
    at_keyboard_command(&kb, 0xed);
    assert_true(at_keyboard_answers(&kb));
    at_keyboard_command(&kb, 0x02);
    drain();
    assert_int_equal(got_count, 1 + AT_KEYBOARD_BUFFER);
    assert_int_equal(got[0], 0xfa);
    assert_int_equal(got[1], 0x29);
}

static void resend_repeats_the_byte_sent_last(void **state)
{
    (void)state;
    at_keyboard_command(&kb, 0xfe);
    assert_got(0xaa); /* of its power-on test */
    assert_true(key(KEY_HOME, true));
    drain();
    at_keyboard_command(&kb, 0xfe);
    assert_got(0x6c);
    at_keyboard_command(&kb, 0x00);
    assert_got(0xfe);
    at_keyboard_command(&kb, 0xfe);
    assert_got(0x6c);
}

static void random_use_stays_in_bounds(void **state)
{
    (void)state;
    srand(8042);
    for (unsigned i = 0; i < 200000; i++) {
        unsigned r = (unsigned)rand();
        uint8_t byte = 0;

        switch (r >> 16 & 3) {
        case 0:
            at_keyboard_command(&kb, (uint8_t)(r & 0x100 ? r : r | 0xe8));
            break;
        case 1:
            (void)!key((uint8_t)r, r & 0x100);
            break;
        default:
            (void)!at_keyboard_get(&kb, &byte);
        }
        assert_true(kb.count <= AT_KEYBOARD_BUFFER && kb.first < AT_KEYBOARD_BUFFER);
        assert_true(kb.reply_first <= kb.reply_count && kb.reply_count <= AT_KEYBOARD_REPLY);
        assert_true(kb.set == 1 || kb.set == 2);
    }
    drain();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(every_key_sends_its_codes_of_set_2, setup),
        cmocka_unit_test_setup(every_key_sends_its_codes_of_set_1, setup),
        cmocka_unit_test_setup(the_controller_turns_set_2_into_set_1, setup),
        cmocka_unit_test_setup(every_place_has_codes_that_translate, setup),
        cmocka_unit_test_setup(print_screen_depends_on_shift_ctrl_and_alt, setup),
        cmocka_unit_test_setup(print_screen_goes_up_as_it_went_down, setup),
        cmocka_unit_test_setup(pause_comes_at_once_and_is_break_with_ctrl, setup),
        cmocka_unit_test_setup(no_key_sends_nothing, setup),
        cmocka_unit_test_setup(a_key_is_queued_whole_or_not_at_all, setup),
        cmocka_unit_test_setup(a_modifier_without_room_is_not_held, setup),
        cmocka_unit_test_setup(leds_are_kept_until_reset, setup),
        cmocka_unit_test_setup(echo_identity_and_rate_are_answered, setup),
        cmocka_unit_test_setup(sets_1_and_2_can_be_chosen_and_asked_for, setup),
        cmocka_unit_test_setup(what_is_no_command_is_refused, setup),
        cmocka_unit_test_setup(a_command_ends_the_wait_for_a_parameter, setup),
        cmocka_unit_test_setup(types_of_keys_are_taken_until_a_command, setup),
        cmocka_unit_test_setup(disabled_it_takes_no_key_until_enabled, setup),
        cmocka_unit_test_setup(reset_answers_its_test_and_scans_again, setup),
        cmocka_unit_test_setup(answers_overtake_what_was_typed, setup),
        cmocka_unit_test_setup(resend_repeats_the_byte_sent_last, setup),
        cmocka_unit_test_setup(random_use_stays_in_bounds, setup),
    };
    return cmocka_run_group_tests_name("at_keyboard", tests, NULL, NULL);
}
