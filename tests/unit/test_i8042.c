#include "devices/i8042.h"
#include "unit.h"
#include <stdlib.h>
#include <string.h>

enum { FULL = 0x01, SYSTEM = 0x04, COMMAND = 0x08, UNLOCKED = 0x10, MOUSE = 0x20, TIMEOUT = 0x40 };
enum { GAP = 1000 }; /* ticks: the clock below runs at 1 MHz */

static struct i8042 c;
static struct timer_queue queue;
static uint64_t now;
static bool wire, a20_wire;
static unsigned edges, a20_calls, resets;
static bool init_in_reset;

static uint64_t read_clock(void *ctx)
{
    (void)ctx;
    return now;
}
static const struct clock test_clock = { .now = read_clock, .hz = 1000000 };

static void set_irq(void *ctl, unsigned pin, bool level)
{
    (void)ctl;
    assert_int_equal(pin, 1);
    assert_true(level != wire);
    wire = level;
    edges += level;
}

static void on_a20(void *ctx, bool on)
{
    assert_ptr_equal(ctx, &now);
    assert_true(on != a20_wire);
    a20_wire = on;
    a20_calls++;
}

static void init(void);
static void on_reset(void *ctx)
{
    assert_ptr_equal(ctx, &now);
    resets++;
    if (init_in_reset) {
        init();
    }
}

static void init(void)
{
    static const struct i8042_ops ops = { on_a20, on_reset };

    timer_queue_init(&queue);
    memset(&c, 0x5a, sizeof c); /* init must not rely on what was there */
    i8042_init(&c, (struct irq_line){ .set = set_irq, .pin = 1 }, &ops, &now, &test_clock, &queue);
    wire = false;
    a20_wire = true;
}

static int setup(void **state)
{
    (void)state;
    now = 5000;
    edges = a20_calls = resets = 0;
    init_in_reset = false;
    init();
    return 0;
}

static uint8_t in(io_fn *port)
{
    struct io_access a = { .size = 1 };

    port(&c, &a);
    assert_true(a.value >> 8 == UINT64_MAX >> 8); /* the rest of a wider access floats */
    return (uint8_t)a.value;
}

static void out(io_fn *port, uint8_t value)
{
    port(&c, &(struct io_access){ .size = 1, .write = true, .value = value });
}

static uint8_t status(void)
{
    return in(i8042_command_io);
}

static uint8_t data(void)
{
    return in(i8042_data_io);
}

static void command(uint8_t byte)
{
    out(i8042_command_io, byte);
}

static void command_with(uint8_t byte, uint8_t parameter)
{
    command(byte);
    out(i8042_data_io, parameter);
}

static uint8_t answer_to(uint8_t byte)
{
    command(byte);
    assert_true(status() & FULL);
    return data();
}

static void wait(uint64_t ticks)
{
    now += ticks;
    timer_run(&queue, now);
}

static bool key(uint8_t code, bool down)
{
    return i8042_key(&c, (struct key_event){ code, down });
}

/* A new byte that came without a wait. */
static void assert_next(uint8_t byte)
{
    assert_true(status() & FULL);
    assert_int_equal(data(), byte);
}

static void starts_as_a_pc_at_power_on(void **state)
{
    (void)state;
    assert_int_equal(status(), UNLOCKED);
    assert_true(i8042_idle(&c));
    assert_int_equal(in(i8042_port92_io), 0x02);
    assert_true(key(KEY_SPACE, true)); /* who sets nothing up gets set 1 and IRQ 1 */
    assert_true(wire);
    assert_next(KEY_SPACE);
    assert_int_equal(a20_calls, 0);
}

static void tests_answer_at_once(void **state)
{
    (void)state;
    assert_int_equal(answer_to(0xaa), 0x55);
    assert_int_equal(answer_to(0xab), 0x00);
    assert_int_equal(answer_to(0xa4), 0xf1);
    assert_int_equal(answer_to(0xa9), 0x02);
    assert_int_equal(answer_to(0xc0), 0xb0);
    assert_int_equal(edges, 0); /* IRQ 1 is the keyboard's */
}

static void status_tells_system_flag_and_the_port_written_last(void **state)
{
    (void)state;
    command(0xaa);
    assert_int_equal(status(), FULL | SYSTEM | COMMAND | UNLOCKED);
    assert_int_equal(data(), 0x55);
    assert_int_equal(status(), SYSTEM | COMMAND | UNLOCKED);
    command_with(0x60, 0x00);
    assert_int_equal(status(), UNLOCKED);
    command_with(0x60, 0x04);
    assert_int_equal(status(), SYSTEM | UNLOCKED);
}

static void ram_is_32_bytes_and_byte_0_the_command_byte(void **state)
{
    (void)state;
    assert_int_equal(answer_to(0x20), 0x41);
    for (uint8_t i = 0; i < 32; i++) {
        command_with(0x60 + i, 0xc0 ^ i);
    }
    for (uint8_t i = 0; i < 32; i++) {
        assert_int_equal(answer_to(0x20 + i), 0xc0 ^ i);
    }
}

static void port_60_repeats_the_last_byte_while_nothing_is_new(void **state)
{
    (void)state;
    assert_true(key(KEY_SPACE, true));
    assert_next(KEY_SPACE);
    assert_false(status() & FULL);
    assert_int_equal(data(), KEY_SPACE);
    assert_int_equal(data(), KEY_SPACE);
}

static void unknown_commands_do_nothing(void **state)
{
    (void)state;
    for (unsigned byte = 0x80; byte < 0xf0; byte++) {
        static const uint8_t known[] = { 0xa4, 0xa9, 0xaa, 0xab, 0xad, 0xae, 0xc0, 0xd0,
                                         0xd1, 0xd2, 0xd3, 0xd4, 0xdd, 0xdf, 0xe0 };

        if (!memchr(known, (int)byte, sizeof known)) {
            command((uint8_t)byte);
            assert_int_equal(status(), COMMAND | UNLOCKED);
        }
    }
    out(i8042_data_io, 0xee); /* and leave port 60h to the keyboard */
    assert_next(0xee);
    assert_int_equal(resets + a20_calls, 0);
    assert_int_equal(answer_to(0x20), 0x41);
}

static void a_command_ends_the_wait_for_a_byte(void **state)
{
    (void)state;
    command(0xd1);
    command(0xa7);
    out(i8042_data_io, 0xee);
    assert_next(0xee);
    assert_int_equal(resets, 0);
}

static void translation_follows_the_command_byte(void **state)
{
    (void)state;
    assert_true(key(KEY_F1 + 6, true)); /* F7 */
    assert_next(0x41);
    wait(GAP);
    assert_true(key(KEY_F1 + 6, false));
    assert_next(0xc1);
    wait(GAP);
    assert_true(key(KEY_SYSRQ, false));
    assert_next(0xd4);
    out(i8042_data_io, 0xf2);
    assert_next(0xfa);
    assert_next(0xab);
    assert_next(0x41); /* 83h, translated as on a PC */
    command_with(0x60, 0x01);
    wait(GAP);
    assert_true(key(KEY_HOME, false));
    assert_next(0xe0);
    wait(GAP);
    assert_next(0xf0);
    wait(GAP);
    assert_next(0x6c);
    assert_true(i8042_idle(&c));
}

static void pause_reaches_the_guest_in_set_1(void **state)
{
    static const uint8_t pause[] = { 0xe1, 0x1d, 0x45, 0xe1, 0x9d, 0xc5 };

    (void)state;
    assert_true(key(KEY_PAUSE, true));
    for (unsigned i = 0; i < sizeof pause; i++) {
        assert_next(pause[i]);
        wait(GAP);
    }
    assert_true(i8042_idle(&c));
}

static void each_byte_is_an_edge_of_irq_1(void **state)
{
    (void)state;
    c.gap = 0;
    assert_true(key(KEY_HOME, true));
    assert_true(key(KEY_HOME, false));
    for (unsigned i = 1; i <= 4; i++) {
        assert_true(wire);
        assert_int_equal(edges, i);
        (void)data();
    }
    assert_false(wire);
    assert_int_equal(edges, 4);
}

static void irq_1_obeys_bit_0_of_the_command_byte(void **state)
{
    (void)state;
    command_with(0x60, 0x40);
    assert_true(key(KEY_SPACE, true));
    assert_true(status() & FULL);
    assert_false(wire);
    command_with(0x60, 0x41);
    assert_true(wire);
    command_with(0x60, 0x40);
    assert_false(wire);
    command_with(0x60, 0x41);
    assert_next(KEY_SPACE);
    assert_false(wire);
    command_with(0x60, 0x40);
    command_with(0x60, 0x41);
    assert_int_equal(edges, 2);
}

static void typed_bytes_keep_a_gap(void **state)
{
    (void)state;
    assert_true(key(KEY_HOME, true));
    assert_next(0xe0);
    assert_false(status() & FULL);
    assert_int_equal(data(), 0xe0); /* what an old INT 9 handler reads again */
    wait(GAP - 1);
    assert_false(status() & FULL);
    assert_false(i8042_idle(&c));
    wait(1);
    assert_true(wire);
    assert_next(0x47);
    assert_true(key(KEY_SPACE, true));
    assert_false(status() & FULL);
    wait(GAP);
    assert_next(KEY_SPACE);
    now += GAP;
    assert_true(key(KEY_SPACE, true)); /* after the gap: at once, without a timer */
    assert_next(KEY_SPACE);
    assert_true(queue.next == TIMER_OFF);
}

/* As firmware sets LEDs: it takes what comes before the FA for noise. */
static void a_driver_that_talks_to_the_keyboard_loses_no_key(void **state)
{
    (void)state;
    command_with(0x60, 0x50);
    assert_true(key(KEY_SPACE, true));
    assert_true(key(KEY_SPACE, false));
    command_with(0x60, 0x40);
    out(i8042_data_io, 0xed);
    assert_next(0xfa);
    assert_false(status() & FULL);
    out(i8042_data_io, AT_LED_NUM);
    assert_next(0xfa);
    assert_false(status() & FULL);
    assert_int_equal(c.keyboard.leds, AT_LED_NUM);
    command_with(0x60, 0x41);
    wait(GAP);
    assert_next(KEY_SPACE);
    wait(GAP);
    assert_next(KEY_SPACE | 0x80);
}

static void a_disabled_keyboard_sends_nothing_and_loses_nothing(void **state)
{
    (void)state;
    assert_true(key(KEY_HOME, true));
    command(0xad);
    assert_true(answer_to(0x20) & 0x10);
    assert_next(0xe0); /* it had arrived before */
    wait(2 * GAP);
    assert_true(key(KEY_SPACE, true));
    assert_false(status() & FULL);
    assert_false(wire);
    assert_false(i8042_idle(&c));
    command(0xae);
    wait(GAP);
    assert_next(0x47);
    wait(GAP);
    assert_next(KEY_SPACE);
    command(0xad);
    out(i8042_data_io, 0xee); /* a byte for the keyboard switches it on */
    assert_next(0xee);
    assert_false(answer_to(0x20) & 0x10);
}

static void an_answer_and_a_key_do_not_hide_each_other(void **state)
{
    (void)state;
    assert_true(key(KEY_SPACE, true));
    command(0xd0);
    assert_false(wire);
    assert_next(0xdf); /* bit 4: the keyboard's byte waits */
    assert_true(wire);
    assert_next(KEY_SPACE);
    assert_int_equal(answer_to(0xd0), 0xcf);
}

static void the_output_buffer_can_be_written_without_translation(void **state)
{
    (void)state;
    command_with(0xd2, 0x1c);
    assert_true(wire);
    assert_next(0x1c);
    assert_false(wire);
    assert_true(key(KEY_SPACE, true));
    command_with(0xd2, 0xf0);
    assert_next(0xf0);
    assert_int_equal(edges, 3); /* the key's byte gets an edge of its own again */
    assert_next(KEY_SPACE);
    assert_true(i8042_idle(&c));
}

static void a_new_answer_takes_the_place_of_one_not_read(void **state)
{
    (void)state;
    command_with(0xd4, 0xff);
    command(0xaa);
    assert_int_equal(status(), FULL | SYSTEM | COMMAND | UNLOCKED);
    command_with(0xd2, 0x1c);
    assert_true(wire);
    command(0xab);
    assert_false(wire);
    assert_next(0x00);
    assert_false(status() & FULL);
}

static void it_is_idle_when_the_guest_has_read_all(void **state)
{
    (void)state;
    assert_true(i8042_idle(&c));
    command(0xaa);
    assert_false(i8042_idle(&c));
    assert_next(0x55);
    assert_true(i8042_idle(&c));
    assert_true(key(KEY_SPACE, true));
    assert_false(i8042_idle(&c));
    assert_true(key(KEY_SPACE, false));
    assert_next(KEY_SPACE);
    assert_false(i8042_idle(&c));
    wait(GAP);
    assert_next(KEY_SPACE | 0x80);
    assert_true(i8042_idle(&c));
}

static void a_missing_mouse_times_out(void **state)
{
    (void)state;
    for (uint8_t byte = 0xd3; byte <= 0xd4; byte++) {
        command_with(byte, 0xff);
        assert_int_equal(status(), FULL | UNLOCKED | MOUSE | TIMEOUT);
        assert_int_equal(data(), 0xfe);
        assert_int_equal(status(), UNLOCKED);
    }
    command(0xa8);
    assert_int_equal(answer_to(0x20), 0x41);
    assert_int_equal(edges, 0);
}

static void test_inputs_show_the_keyboards_clock(void **state)
{
    (void)state;
    assert_int_equal(answer_to(0xe0), 0x03);
    command(0xad);
    assert_int_equal(answer_to(0xe0), 0x02);
}

static void check_a20(bool on)
{
    assert_int_equal(a20_wire, on);
    assert_int_equal(in(i8042_port92_io), on ? 0x02 : 0x00);
    assert_int_equal(answer_to(0xd0), on ? 0xcf : 0xcd);
}

static void a20_is_one_wire_for_all_who_set_it(void **state)
{
    (void)state;
    check_a20(true);
    command_with(0xd1, 0xcd);
    check_a20(false);
    out(i8042_port92_io, 0x02);
    check_a20(true);
    command(0xdd);
    check_a20(false);
    command_with(0xd1, 0xdf);
    check_a20(true);
    out(i8042_port92_io, 0x00);
    check_a20(false);
    command(0xdf);
    check_a20(true);
    assert_int_equal(a20_calls, 6);
    command(0xdf);
    out(i8042_port92_io, 0x02);
    assert_int_equal(a20_calls, 6); /* only changes are told */
    assert_int_equal(resets, 0);
}

static void output_lines_can_be_pulsed(void **state)
{
    (void)state;
    for (unsigned byte = 0xf0; byte <= 0xff; byte++) {
        resets = 0;
        command((uint8_t)byte);
        assert_int_equal(resets, !(byte & 1));
    }
    check_a20(true);
}

static void the_output_port_holds_the_reset_line(void **state)
{
    (void)state;
    command_with(0xd1, 0xdf);
    assert_int_equal(resets, 0);
    command_with(0xd1, 0xdc);
    assert_int_equal(resets, 1);
    assert_false(a20_wire);
}

static void port_92_resets_at_a_rising_edge(void **state)
{
    (void)state;
    out(i8042_port92_io, 0x03);
    assert_int_equal(resets, 1);
    assert_int_equal(in(i8042_port92_io), 0x03);
    out(i8042_port92_io, 0x03);
    assert_int_equal(resets, 1);
    out(i8042_port92_io, 0x02);
    out(i8042_port92_io, 0x03);
    assert_int_equal(resets, 2);
}

static void the_machine_may_start_afresh_in_a_reset(void **state)
{
    (void)state;
    init_in_reset = true;
    command_with(0x60, 0x00);
    command_with(0xd1, 0x00);
    assert_int_equal(status(), UNLOCKED);
    assert_int_equal(answer_to(0x20), 0x41);
    out(i8042_port92_io, 0x01);
    out(i8042_port92_io, 0x01);
    command(0xfe);
    assert_int_equal(resets, 4);
    check_a20(true);
}

static void a_long_paste_arrives_complete(void **state)
{
    unsigned typed = 0;
    unsigned read = 0;

    (void)state;
    while (read < 4000) {
        while (typed < 4000 && key((uint8_t)(KEY_1 + typed / 2 % 10), typed % 2 == 0)) {
            typed++;
        }
        if (wire) {
            unsigned expected = KEY_1 + read / 2 % 10 + (read % 2 ? 0x80 : 0);

            assert_next((uint8_t)expected);
            read++;
        }
        wait(GAP / 4);
    }
    assert_int_equal(typed, 4000);
    assert_true(i8042_idle(&c));
}

static void a_keyboard_that_is_off_takes_no_key(void **state)
{
    (void)state;
    out(i8042_data_io, 0xf5);
    assert_next(0xfa);
    assert_false(key(KEY_SPACE, true));
    assert_true(i8042_idle(&c));
    out(i8042_data_io, 0xf4);
    assert_next(0xfa);
    wait(GAP);
    assert_true(key(KEY_SPACE, true));
    assert_next(KEY_SPACE);
}

/* One command to the keyboard as SeaBIOS gives it: interrupt off, keyboard on, bytes, mode back. */
static void seabios_send(uint8_t mode, const uint8_t *bytes, size_t n)
{
    command_with(0x60, (mode | 0x30) & 0xfc);
    command_with(0x60, (mode | 0x20) & 0xec);
    for (size_t i = 0; i < n; i++) {
        out(i8042_data_io, bytes[i]);
        assert_next(0xfa);
    }
    if (bytes[0] == 0xff) {
        assert_next(0xaa);
        assert_false(status() & FULL); /* it waits for a second byte, in vain */
    }
    command_with(0x60, mode);
}

static void seabios_sets_the_keyboard_up(void **state)
{
    unsigned flushed = 0;

    (void)state;
    while (key(KEY_SPACE, flushed++ % 2 == 0)) { /* somebody is in a hurry */
    }
    for (flushed = 0; status() & FULL; flushed++) { /* it gives up at 16 */
        assert_true(flushed < 15);
        now += 50;
        (void)data();
    }
    assert_int_equal(answer_to(0xaa), 0x55);
    assert_int_equal(answer_to(0xab), 0x00);
    seabios_send(0x30, (const uint8_t[]){ 0xff }, 1);
    seabios_send(0x30, (const uint8_t[]){ 0xf5 }, 1);
    seabios_send(0x30, (const uint8_t[]){ 0xf0, 0x02 }, 2);
    edges = 0;
    seabios_send(0x61, (const uint8_t[]){ 0xf4 }, 1);
    assert_int_equal(edges, 0);
    assert_true(i8042_idle(&c));
    wait(GAP);
    assert_true(key(0x1e, true));
    assert_int_equal(edges, 1);
    assert_false(status() & MOUSE);
    assert_next(0x1e);
    command(0xae);
    wait(GAP);
    assert_true(key(0x1e, false));
    assert_next(0x9e);
}

static void random_use_ends_and_stays_in_bounds(void **state)
{
    io_fn *const ports[] = { i8042_data_io, i8042_command_io, i8042_port92_io };

    (void)state;
    srand(60);
    init_in_reset = true;
    for (unsigned i = 0; i < 300000; i++) {
        unsigned r = (unsigned)rand();
        struct io_access a = { .size = 1, .write = r & 1, .value = r >> 8 };

        if (r >> 1 & 1) {
            ports[(r >> 2) % 3](&c, &a);
        } else {
            (void)!key((uint8_t)(r >> 8), r & 4);
        }
        wait(r >> 20 & 0xff);
        assert_true(c.keyboard.count <= AT_KEYBOARD_BUFFER);
        assert_int_equal(c.wire, wire);
        assert_int_equal(c.a20, a20_wire);
        assert_true(!wire || status() & FULL);
    }
    assert_true(resets > 0 && a20_calls > 0 && edges > 0);
    command(0xae);
    for (unsigned i = 0; i < 100 && !i8042_idle(&c); i++) {
        wait(GAP);
        (void)data();
    }
    assert_true(i8042_idle(&c));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(starts_as_a_pc_at_power_on, setup),
        cmocka_unit_test_setup(tests_answer_at_once, setup),
        cmocka_unit_test_setup(status_tells_system_flag_and_the_port_written_last, setup),
        cmocka_unit_test_setup(ram_is_32_bytes_and_byte_0_the_command_byte, setup),
        cmocka_unit_test_setup(port_60_repeats_the_last_byte_while_nothing_is_new, setup),
        cmocka_unit_test_setup(unknown_commands_do_nothing, setup),
        cmocka_unit_test_setup(a_command_ends_the_wait_for_a_byte, setup),
        cmocka_unit_test_setup(translation_follows_the_command_byte, setup),
        cmocka_unit_test_setup(pause_reaches_the_guest_in_set_1, setup),
        cmocka_unit_test_setup(each_byte_is_an_edge_of_irq_1, setup),
        cmocka_unit_test_setup(irq_1_obeys_bit_0_of_the_command_byte, setup),
        cmocka_unit_test_setup(typed_bytes_keep_a_gap, setup),
        cmocka_unit_test_setup(a_driver_that_talks_to_the_keyboard_loses_no_key, setup),
        cmocka_unit_test_setup(a_disabled_keyboard_sends_nothing_and_loses_nothing, setup),
        cmocka_unit_test_setup(an_answer_and_a_key_do_not_hide_each_other, setup),
        cmocka_unit_test_setup(the_output_buffer_can_be_written_without_translation, setup),
        cmocka_unit_test_setup(a_new_answer_takes_the_place_of_one_not_read, setup),
        cmocka_unit_test_setup(it_is_idle_when_the_guest_has_read_all, setup),
        cmocka_unit_test_setup(a_missing_mouse_times_out, setup),
        cmocka_unit_test_setup(test_inputs_show_the_keyboards_clock, setup),
        cmocka_unit_test_setup(a20_is_one_wire_for_all_who_set_it, setup),
        cmocka_unit_test_setup(output_lines_can_be_pulsed, setup),
        cmocka_unit_test_setup(the_output_port_holds_the_reset_line, setup),
        cmocka_unit_test_setup(port_92_resets_at_a_rising_edge, setup),
        cmocka_unit_test_setup(the_machine_may_start_afresh_in_a_reset, setup),
        cmocka_unit_test_setup(a_long_paste_arrives_complete, setup),
        cmocka_unit_test_setup(a_keyboard_that_is_off_takes_no_key, setup),
        cmocka_unit_test_setup(seabios_sets_the_keyboard_up, setup),
        cmocka_unit_test_setup(random_use_ends_and_stays_in_bounds, setup),
    };
    return cmocka_run_group_tests_name("i8042", tests, NULL, NULL);
}
