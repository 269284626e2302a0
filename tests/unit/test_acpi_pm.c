#include "devices/acpi_pm.h"
#include "unit.h"

static struct acpi_pm pm;
static bool sci;
static unsigned offs;

static void set_sci(void *ctl, unsigned pin, bool level)
{
    (void)ctl;
    assert_int_equal(pin, 9);
    sci = level;
}

static void on_off(void *ctx)
{
    assert_ptr_equal(ctx, &offs);
    offs++;
}

static int setup(void **state)
{
    (void)state;
    sci = false;
    offs = 0;
    acpi_pm_init(&pm, (struct irq_line){ .set = set_sci, .pin = 9 }, on_off, &offs);
    return 0;
}

static void out(io_fn *fn, uint64_t offset, unsigned size, uint64_t value)
{
    struct io_access a = { offset, (uint8_t)size, true, value };

    fn(&pm, &a);
}

static uint64_t in(io_fn *fn, uint64_t offset, unsigned size)
{
    struct io_access a = { offset, (uint8_t)size, false, 0 };

    fn(&pm, &a);
    return size == 4 ? (uint32_t)a.value : size == 2 ? (uint16_t)a.value : (uint8_t)a.value;
}

static void a_one_clears_a_status_bit(void **state)
{
    (void)state;
    pm.status = 0x8521;
    out(acpi_pm_event_io, 0, 2, 0x0100);
    assert_int_equal(in(acpi_pm_event_io, 0, 2), 0x8421);
    out(acpi_pm_event_io, 1, 1, 0x80);
    assert_int_equal(in(acpi_pm_event_io, 0, 2), 0x0421);
    out(acpi_pm_event_io, 0, 1, 0xff);
    assert_int_equal(in(acpi_pm_event_io, 0, 2), 0x0400);
    out(acpi_pm_event_io, 2, 2, 0xffff);
    assert_int_equal(in(acpi_pm_event_io, 0, 2), 0x0400);
}

static void enable_is_kept_at_every_size(void **state)
{
    (void)state;
    out(acpi_pm_event_io, 2, 2, 0xffff);
    assert_int_equal(in(acpi_pm_event_io, 2, 2), 0x0721);
    out(acpi_pm_event_io, 3, 1, 0x01);
    assert_int_equal(in(acpi_pm_event_io, 2, 2), 0x0121);
    out(acpi_pm_event_io, 2, 1, 0x00);
    assert_int_equal(in(acpi_pm_event_io, 0, 4), 0x01000000);
    pm.status = 0x0020;
    out(acpi_pm_event_io, 0, 4, 0x02000020);
    assert_int_equal(in(acpi_pm_event_io, 0, 4), 0x02000000);
    out(acpi_pm_event_io, 1, 2, 0x2000); /* across both */
    assert_int_equal(in(acpi_pm_event_io, 0, 4), 0x02200000);
    assert_int_equal(in(acpi_pm_event_io, 1, 2), 0x2000);
}

static void enabled_status_raises_the_sci(void **state)
{
    (void)state;
    pm.status = 0x0100;
    out(acpi_pm_event_io, 2, 2, 0x0020);
    assert_false(sci);
    out(acpi_pm_event_io, 2, 2, 0x0100);
    assert_true(sci);
    out(acpi_pm_event_io, 0, 2, 0x0100);
    assert_false(sci);
}

static void control_is_always_in_acpi_mode(void **state)
{
    (void)state;
    assert_int_equal(in(acpi_pm_control_io, 0, 2), 0x0001);
    out(acpi_pm_control_io, 0, 2, 0x0000);
    assert_int_equal(in(acpi_pm_control_io, 0, 2), 0x0001);
    out(acpi_pm_control_io, 0, 2, 0xdfff); /* all but SLP_EN */
    assert_int_equal(in(acpi_pm_control_io, 0, 2), 0x1c03);
    assert_int_equal(in(acpi_pm_control_io, 1, 1), 0x1c);
    assert_int_equal(offs, 0);
}

static void only_s5_powers_off(void **state)
{
    (void)state;
    for (unsigned type = 0; type < 8; type++) {
        offs = 0;
        out(acpi_pm_control_io, 0, 2, type << 10);
        assert_int_equal(offs, 0);
        out(acpi_pm_control_io, 0, 2, type << 10 | 0x2000);
        assert_int_equal(offs, type == ACPI_SLP_TYP_S5);
        assert_int_equal(in(acpi_pm_control_io, 0, 2), type << 10 | 1); /* SLP_EN reads 0 */
    }
    offs = 0;
    out(acpi_pm_control_io, 0, 2, 0x1400);
    out(acpi_pm_control_io, 0, 1, 0x00); /* the low byte alone is no power-off */
    assert_int_equal(offs, 0);
    out(acpi_pm_control_io, 1, 1, 0x34);
    assert_int_equal(offs, 1);
}

static void accesses_that_reach_out_of_the_block_do_nothing(void **state)
{
    (void)state;
    assert_int_equal(in(acpi_pm_event_io, 3, 2), 0xffff);
    assert_int_equal(in(acpi_pm_event_io, UINT64_MAX, 4), 0xffffffff);
    assert_int_equal(in(acpi_pm_control_io, 0, 4), 0xffffffff);
    out(acpi_pm_event_io, 2, 4, 0xffffffff);
    out(acpi_pm_control_io, 0, 4, 0xffffffff);
    out(acpi_pm_control_io, 1, 2, 0x34);
    assert_int_equal(pm.enable, 0);
    assert_int_equal(offs, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_one_clears_a_status_bit, setup),
        cmocka_unit_test_setup(enable_is_kept_at_every_size, setup),
        cmocka_unit_test_setup(enabled_status_raises_the_sci, setup),
        cmocka_unit_test_setup(control_is_always_in_acpi_mode, setup),
        cmocka_unit_test_setup(only_s5_powers_off, setup),
        cmocka_unit_test_setup(accesses_that_reach_out_of_the_block_do_nothing, setup),
    };
    return cmocka_run_group_tests_name("acpi_pm", tests, NULL, NULL);
}
