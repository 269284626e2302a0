#include "arch/x86_64/cpu.h"
#include "drivers/ps2_keyboard.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>

/* A small 8042 with a keyboard and a mouse: bytes wait in a queue until the CPU reads them. */
enum { OUTPUT_FULL = 0x01, INPUT_FULL = 0x02, MOUSE = 0x20, QUEUE = 256, CONFIG_BIOS = 0x03 };
static struct {
    bool there, busy, silent, endless; /* busy: takes nothing; silent: answers nothing */
    uint8_t config, command;
    bool keyboard_off, mouse_off;
    uint16_t queue[QUEUE]; /* MOUSE << 8 for its bytes */
    unsigned head, tail;
    unsigned accesses, to_keyboard;
} chip;

static struct ps2_keyboard k;

static void send(uint16_t byte)
{
    assert_true(chip.head < QUEUE);
    chip.queue[chip.head++] = byte;
}

uint8_t io_in8(uint16_t port)
{
    chip.accesses++;
    if (!chip.there) {
        return 0xff;
    }
    if (chip.endless) {
        return port == 0x64 ? OUTPUT_FULL : 0x1e;
    }
    if (port == 0x64) {
        bool full = chip.tail != chip.head;

        return (uint8_t)((full ? OUTPUT_FULL | chip.queue[chip.tail] >> 8 : 0) |
                         (chip.busy ? INPUT_FULL : 0));
    }
    assert_int_equal(port, 0x60);
    assert_true(chip.tail != chip.head);
    return (uint8_t)chip.queue[chip.tail++];
}

static void take_data(uint8_t v)
{
    if (chip.command != 0x60) {
        chip.to_keyboard++;
        return;
    }
    chip.config = v;
    chip.keyboard_off = v & 0x10;
    chip.mouse_off = v & 0x20;
    chip.command = 0;
}

void io_out8(uint16_t port, uint8_t v)
{
    chip.accesses++;
    if (chip.busy) {
        fail_msg("written to while it was busy");
    }
    if (port == 0x60) {
        take_data(v);
        return;
    }
    assert_int_equal(port, 0x64);
    chip.command = v;
    chip.keyboard_off |= v == 0xad;
    chip.mouse_off |= v == 0xa7;
    if (v == 0x20 && !chip.silent) {
        assert_true(chip.keyboard_off && chip.mouse_off); /* or a key is taken for the answer */
        send(chip.config | 0x30);
    }
}

static int power_on(void **state)
{
    (void)state;
    memset(&chip, 0, sizeof chip);
    memset(&k, 0x55, sizeof k);
    chip.there = true;
    chip.config = CONFIG_BIOS;
    return 0;
}

static int ready(void **state)
{
    power_on(state);
    assert_true(ps2_keyboard_init(&k));
    return 0;
}

/* What comes of these bytes: keys in hex, "+" down and "-" up. */
static void assert_keys(const char *bytes, size_t count, const char *want)
{
    char got[200] = "";
    struct key_event e;

    for (size_t i = 0; i < count; i++) {
        send((uint8_t)bytes[i]);
    }
    while (ps2_keyboard_get(&k, &e)) {
        size_t at = strlen(got);

        assert_true(at < sizeof got - 5);
        snprintf(got + at, sizeof got - at, "%s%c%02x", at ? " " : "", e.down ? '+' : '-', e.key);
    }
    assert_string_equal(got, want);
    assert_int_equal(chip.tail, chip.head);
}
#define ASSERT_KEYS(bytes, want) assert_keys(bytes, sizeof(bytes) - 1, want)

static void it_is_set_to_translate_with_the_mouse_off(void **state)
{
    (void)state;
    send(0x1c);
    send(MOUSE << 8 | 8);
    assert_true(ps2_keyboard_init(&k));
    assert_int_equal(chip.config, 0x60);
    assert_false(chip.keyboard_off);
    assert_int_equal(chip.to_keyboard, 0); /* it stays as the BIOS set it */
    ASSERT_KEYS("", "");                   /* what waited before is gone */
    ps2_keyboard_set_irq(&k, true);
    assert_int_equal(chip.config, 0x61);
    ps2_keyboard_set_irq(&k, false);
    assert_int_equal(chip.config, 0x60);
}

static void assert_absent(unsigned accesses_max)
{
    struct key_event e;

    assert_false(ps2_keyboard_init(&k));
    assert_true(chip.accesses <= accesses_max);
    chip.accesses = 0;
    ps2_keyboard_set_irq(&k, true);
    assert_false(ps2_keyboard_get(&k, &e));
    assert_int_equal(chip.accesses, 0);
}

static void a_missing_controller_costs_one_access(void **state)
{
    (void)state;
    chip.there = false;
    assert_absent(1);
}

static void a_half_dead_controller_is_given_up(void **state)
{
    (void)state;
    chip.busy = true;
    assert_absent(350000);
    power_on(state);
    chip.silent = true;
    assert_absent(350000);
    power_on(state);
    chip.endless = true;
    assert_absent(350000);
}

static void a_controller_that_goes_away_says_nothing(void **state)
{
    struct key_event e;

    (void)state;
    chip.there = false;
    chip.accesses = 0;
    assert_false(ps2_keyboard_get(&k, &e));
    assert_int_equal(chip.accesses, 1);
}

static void keys_go_down_and_up(void **state)
{
    (void)state;
    ASSERT_KEYS("\x1e\x9e\x01\x81", "+1e -1e +01 -01");
    ASSERT_KEYS("\x2a\x1e\x9e\xaa", "+2a +1e -1e -2a");
}

static void a_held_key_repeats(void **state)
{
    (void)state;
    ASSERT_KEYS("\x1e\x1e\x1e\x9e", "+1e +1e +1e -1e");
}

static void extended_keys_have_bit_7(void **state)
{
    (void)state;
    ASSERT_KEYS("\xe0\x48\xe0\xc8", "+c8 -c8");
    ASSERT_KEYS("\xe0\x1c\xe0\x9c", "+9c -9c");
    ASSERT_KEYS("\xe0", ""); /* the rest of it comes later */
    ASSERT_KEYS("\x53", "+d3");
}

static void pause_and_its_relatives(void **state)
{
    (void)state;
    ASSERT_KEYS("\xe1\x1d\x45\xe1\x9d\xc5", "+c5 -c5");
    ASSERT_KEYS("\xe0\x46\xe0\xc6", "+c6 -c6"); /* with Ctrl */
    ASSERT_KEYS("\x1d\x45\xc5\x9d", "+1d +45 -45 -1d");
    ASSERT_KEYS("\xe1\x1d\x1e", "+1e"); /* the rest was lost */
    ASSERT_KEYS("\xe1\x1e\x9e", "+1e -1e");
}

static void fake_shifts_are_swallowed(void **state)
{
    (void)state;
    ASSERT_KEYS("\xe0\x2a\xe0\x37\xe0\xb7\xe0\xaa", "+b7 -b7");
    ASSERT_KEYS("\x2a\xe0\xaa\xe0\x4b\xe0\xcb\xe0\x2a\xaa", "+2a +cb -cb -2a");
    ASSERT_KEYS("\xe0\xb6\xe0\x4b\xe0\x36", "+cb");
}

static void answers_and_errors_are_no_keys(void **state)
{
    static const char answers[] = "\x00\xfa\xfe\xff\xaa\xfc\xee\xe0\x00\xe0\x80\x80";

    (void)state;
    assert_keys(answers, sizeof answers - 1, "");
    ASSERT_KEYS("\x2a\xfa\xaa\xaa", "+2a -2a"); /* AAh: left Shift up, once */
}

static void a_key_that_was_held_before_goes_up_unseen(void **state)
{
    (void)state;
    ASSERT_KEYS("\x9c\xe0\xc8\x1e", "+1e");
}

static void mouse_bytes_are_dropped(void **state)
{
    (void)state;
    send(0xe0);
    send(MOUSE << 8 | 0x1e);
    send(0x48);
    send(MOUSE << 8 | 0xe0);
    send(0x1e);
    ASSERT_KEYS("", "+c8 +1e");
}

static void one_call_is_bounded(void **state)
{
    struct key_event e;

    (void)state;
    for (unsigned i = 0; i < 200; i++) {
        send(0xfa);
    }
    chip.accesses = 0;
    assert_false(ps2_keyboard_get(&k, &e));
    assert_true(chip.accesses <= 128);
    assert_true(chip.tail != chip.head);
}

static void all_sequences_of_three_bytes_are_survived(void **state)
{
    struct key_event e = { 0 };

    (void)state;
    for (unsigned i = 0; i < 1 << 16; i++) {
        chip.head = chip.tail = 0;
        send((uint8_t)(i % 3 ? 0xe0 + i % 2 : i >> 4));
        send((uint8_t)(i >> 8));
        send((uint8_t)i);
        while (ps2_keyboard_get(&k, &e)) {
            assert_true(e.key != KEY_NONE && e.key != KEY_EXTENDED);
        }
    }
}

static void a_prompt_gets_letters_digits_and_enter(void **state)
{
    char got[256];
    unsigned n = 0;

    (void)state;
    for (unsigned key = 0; key < 256; key++) {
        if (ps2_keyboard_ascii((uint8_t)key)) {
            got[n++] = ps2_keyboard_ascii((uint8_t)key);
        }
    }
    got[n] = 0;
    assert_string_equal(got, "1234567890qwertyuiop\rasdfghjklzxcvbnm\r");
    assert_int_equal(ps2_keyboard_ascii(0x13), 'r');
    assert_int_equal(ps2_keyboard_ascii(0x30), 'b');
    assert_int_equal(ps2_keyboard_ascii(0x19), 'p');
    assert_int_equal(ps2_keyboard_ascii(KEY_1 + 9), '0');
    assert_int_equal(ps2_keyboard_ascii(KEY_PAD_ENTER), '\r');
    assert_int_equal(ps2_keyboard_ascii(KEY_EXTENDED | 0x13), 0);
}

int main(void)
{
#define AT_POWER_ON(test) cmocka_unit_test_setup(test, power_on)
#define READY(test)       cmocka_unit_test_setup(test, ready)
    const struct CMUnitTest tests[] = {
        AT_POWER_ON(it_is_set_to_translate_with_the_mouse_off),
        AT_POWER_ON(a_missing_controller_costs_one_access),
        AT_POWER_ON(a_half_dead_controller_is_given_up),
        READY(a_controller_that_goes_away_says_nothing),
        READY(keys_go_down_and_up),
        READY(a_held_key_repeats),
        READY(extended_keys_have_bit_7),
        READY(pause_and_its_relatives),
        READY(fake_shifts_are_swallowed),
        READY(answers_and_errors_are_no_keys),
        READY(a_key_that_was_held_before_goes_up_unseen),
        READY(mouse_bytes_are_dropped),
        READY(one_call_is_bounded),
        READY(all_sequences_of_three_bytes_are_survived),
        READY(a_prompt_gets_letters_digits_and_enter),
    };
    return cmocka_run_group_tests_name("ps2_keyboard", tests, NULL, NULL);
}
