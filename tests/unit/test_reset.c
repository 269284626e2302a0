#include "devices/reset.h"
#include "unit.h"

static struct reset_ports ports;
static unsigned resets;

static void on_reset(void *ctx)
{
    assert_ptr_equal(ctx, &resets);
    resets++;
}

static int setup(void **state)
{
    (void)state;
    resets = 0;
    reset_ports_init(&ports, on_reset, &resets);
    return 0;
}

static void out(io_fn *fn, unsigned size, uint64_t value)
{
    struct io_access a = { .size = (uint8_t)size, .write = true, .value = value };

    fn(&ports, &a);
}

static uint64_t in(io_fn *fn)
{
    struct io_access a = { .size = 1 };

    fn(&ports, &a);
    return a.value;
}

static void cf9_resets_when_bit_2_rises(void **state)
{
    (void)state;
    out(reset_cf9_io, 1, 0x02);
    assert_int_equal(resets, 0);
    assert_true(in(reset_cf9_io) == (~UINT64_C(0xff) | 0x02));
    out(reset_cf9_io, 1, 0x06);
    assert_int_equal(resets, 1);
    out(reset_cf9_io, 1, 0x0e);
    assert_int_equal(resets, 1);
    out(reset_cf9_io, 1, 0xf1);
    assert_int_equal(in(reset_cf9_io)&0xff, 0);
    out(reset_cf9_io, 1, 0x04);
    assert_int_equal(resets, 2);
}

static void the_keyboard_controller_resets_by_a_pulse_of_line_0(void **state)
{
    (void)state;
    for (unsigned v = 0; v < 256; v++) {
        resets = 0;
        out(reset_i8042_io, 1, v);
        assert_int_equal(resets, v >= 0xf0 && v % 2 == 0);
    }
    assert_true(in(reset_i8042_io) == ~UINT64_C(0xff));
}

static void port_92_keeps_a20_and_resets_by_bit_0(void **state)
{
    (void)state;
    assert_int_equal(in(reset_port92_io)&0xff, 0x02);
    out(reset_port92_io, 1, 0xfc);
    assert_int_equal(in(reset_port92_io)&0xff, 0);
    out(reset_port92_io, 1, 0x02);
    assert_int_equal(resets, 0);
    out(reset_port92_io, 1, 0x03);
    assert_int_equal(resets, 1);
    assert_int_equal(in(reset_port92_io)&0xff, 0x02);
}

static void bytes_beyond_the_port_do_not_count(void **state)
{
    (void)state;
    out(reset_cf9_io, 2, 0x0600);
    out(reset_i8042_io, 4, 0xfefefe00);
    out(reset_port92_io, 2, 0x0100);
    assert_int_equal(resets, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(cf9_resets_when_bit_2_rises, setup),
        cmocka_unit_test_setup(the_keyboard_controller_resets_by_a_pulse_of_line_0, setup),
        cmocka_unit_test_setup(port_92_keeps_a20_and_resets_by_bit_0, setup),
        cmocka_unit_test_setup(bytes_beyond_the_port_do_not_count, setup),
    };
    return cmocka_run_group_tests_name("reset", tests, NULL, NULL);
}
