#include "devices/pic.h"
#include "unit.h"

static struct pic pic;
static bool intr;
static unsigned rises;

static void on_intr(void *ctx, bool level)
{
    (void)ctx;
    intr = level;
    rises += level;
}

static void out8(io_fn *fn, uint64_t offset, unsigned value)
{
    struct io_access a = { .offset = offset, .size = 1, .write = true, .value = value };

    fn(&pic, &a);
}

static unsigned in8(io_fn *fn, uint64_t offset)
{
    struct io_access a = { .offset = offset, .size = 1 };

    fn(&pic, &a);
    return a.value & 0xff;
}

#define M pic_master_io
#define S pic_slave_io

static void init_chips(unsigned icw1, unsigned icw4)
{
    out8(M, 0, icw1);
    out8(M, 1, 0x20);
    out8(M, 1, 0x04);
    out8(M, 1, icw4);
    out8(S, 0, icw1);
    out8(S, 1, 0x28);
    out8(S, 1, 0x02);
    out8(S, 1, icw4);
}

static int setup(void **state)
{
    (void)state;
    intr = false;
    rises = 0;
    pic_init(&pic, on_intr, NULL);
    init_chips(0x11, 0x01);
    return 0;
}

static void pulse(unsigned pin)
{
    pic_set_pin(&pic, pin, false);
    pic_set_pin(&pic, pin, true);
}

static void is_silent_until_it_is_initialised(void **state)
{
    (void)state;
    pic_init(&pic, on_intr, NULL);
    pulse(1);
    assert_false(pic_pending(&pic));
    assert_int_equal(in8(M, 1), 0xff);
    out8(M, 0, 0x11);
    out8(M, 1, 0x20);
    pulse(1);
    assert_false(pic_pending(&pic)); /* ICW3 and ICW4 are still to come */
    out8(M, 1, 0x04);
    out8(M, 1, 0x01);
    pulse(1);
    assert_int_equal(pic_ack(&pic), 0x21);
}

static void mask_register_reads_back_and_masks(void **state)
{
    (void)state;
    for (unsigned v = 0; v < 256; v++) {
        out8(M, 1, v);
        assert_int_equal(in8(M, 1), v);
    }
    pulse(4);
    assert_false(intr);
    assert_int_equal(in8(M, 0), 0x10); /* IRR shows masked requests */
    out8(M, 1, 0xef);
    assert_true(intr);
    out8(M, 1, 0xff);
    assert_false(pic_pending(&pic));
}

static void an_edge_interrupts_once(void **state)
{
    (void)state;
    pic_set_pin(&pic, 3, true);
    pic_set_pin(&pic, 3, true);
    assert_true(pic_pending(&pic));
    assert_int_equal(pic_ack(&pic), 0x23);
    assert_false(intr);
    out8(M, 0, 0x0b);
    assert_int_equal(in8(M, 0), 0x08); /* ISR */
    out8(M, 0, 0x20);
    assert_int_equal(in8(M, 0), 0);
    assert_false(intr);
    pulse(3);
    assert_true(intr);
}

static void an_edge_is_forgotten_when_its_wire_falls(void **state)
{
    (void)state;
    pic_set_pin(&pic, 3, true);
    pic_set_pin(&pic, 3, false);
    assert_false(intr);
    assert_int_equal(in8(M, 0), 0);
}

static void a_level_interrupts_until_its_wire_falls(void **state)
{
    (void)state;
    out8(pic_elcr_io, 0, 0xff);
    out8(pic_elcr_io, 1, 0xff);
    assert_int_equal(in8(pic_elcr_io, 0), 0xf8);
    assert_int_equal(in8(pic_elcr_io, 1), 0xde);
    pic_set_pin(&pic, 5, true);
    assert_int_equal(pic_ack(&pic), 0x25);
    out8(M, 0, 0x20);
    assert_true(intr);
    assert_int_equal(pic_ack(&pic), 0x25);
    pic_set_pin(&pic, 5, false);
    out8(M, 0, 0x20);
    assert_false(intr);
    assert_int_equal(in8(M, 0), 0);
}

static void icw1_can_make_every_pin_level(void **state)
{
    (void)state;
    init_chips(0x19, 0x01);
    pic_set_pin(&pic, 0, true);
    assert_int_equal(pic_ack(&pic), 0x20);
    out8(M, 0, 0x20);
    assert_true(intr);
}

static void lower_priorities_wait_and_higher_ones_nest(void **state)
{
    (void)state;
    pulse(4);
    assert_int_equal(pic_ack(&pic), 0x24);
    pulse(6);
    assert_false(intr);
    pulse(1);
    assert_int_equal(pic_ack(&pic), 0x21);
    out8(M, 0, 0x20); /* ends IR1 */
    assert_false(intr);
    out8(M, 0, 0x20); /* ends IR4 */
    assert_int_equal(pic_ack(&pic), 0x26);
    pulse(1);
    (void)pic_ack(&pic);
    out8(M, 0, 0x66); /* specific: the lower one first */
    out8(M, 0, 0x0b);
    assert_int_equal(in8(M, 0), 0x02);
    out8(M, 0, 0x08); /* changes neither the register that is read ... */
    assert_int_equal(in8(M, 0), 0x02);
    out8(M, 0, 0x28); /* ... nor, without its enable bit, the special mask mode */
    assert_false(pic.chip[0].special_mask);
}

static void the_output_rises_for_each_interrupt(void **state)
{
    (void)state;
    pulse(6);
    pulse(1);
    assert_int_equal(rises, 1);
    assert_int_equal(pic_ack(&pic), 0x21);
    out8(M, 0, 0x20);
    assert_int_equal(rises, 2);
    out8(M, 1, 0xff);
    out8(M, 1, 0x00);
    assert_int_equal(rises, 3);
}

static void the_slave_interrupts_through_the_cascade(void **state)
{
    (void)state;
    pulse(12);
    assert_true(intr);
    assert_int_equal(pic_ack(&pic), 0x2c);
    out8(M, 0, 0x0b);
    out8(S, 0, 0x0b);
    assert_int_equal(in8(M, 0), 0x04);
    assert_int_equal(in8(S, 0), 0x10);
    pulse(8);
    assert_false(intr); /* the master's IR2 is in service */
    out8(S, 0, 0x20);
    assert_false(intr);
    out8(M, 0, 0x20);
    assert_int_equal(pic_ack(&pic), 0x28);
    pulse(15);
    out8(M, 0, 0x62);
    assert_false(intr); /* the slave's IR0 is in service */
    out8(S, 0, 0x60);
    assert_int_equal(pic_ack(&pic), 0x2f);
}

static void special_fully_nested_lets_the_slave_interrupt_itself(void **state)
{
    (void)state;
    init_chips(0x11, 0x11);
    pulse(12);
    assert_int_equal(pic_ack(&pic), 0x2c);
    pulse(9);
    assert_int_equal(pic_ack(&pic), 0x29);
    pulse(5);
    assert_false(intr); /* below IR2 */
}

static void pin_2_and_pins_beyond_15_do_nothing(void **state)
{
    (void)state;
    pic_set_pin(&pic, 2, true);
    pic_set_pin(&pic, 16, true);
    pic_set_pin(&pic, ~0U, true);
    assert_false(intr);
    assert_int_equal(in8(M, 0), 0);
}

static void nothing_to_serve_is_a_spurious_7_or_15(void **state)
{
    (void)state;
    assert_int_equal(pic_ack(&pic), 0x27);
    out8(M, 0, 0x0b);
    assert_int_equal(in8(M, 0), 0); /* IR7 is not in service */
    /* The slave's request goes away with the master's acknowledge under way. */
    pulse(10);
    pic.chip[1].imr = 0xff;
    assert_int_equal(pic_ack(&pic), 0x2f);
    assert_int_equal(in8(M, 0), 0x04); /* the guest owes the master an EOI */
    out8(S, 0, 0x0b);
    assert_int_equal(in8(S, 0), 0);
}

static void automatic_eoi_leaves_nothing_in_service(void **state)
{
    (void)state;
    init_chips(0x11, 0x03);
    pulse(3);
    pulse(5);
    assert_int_equal(rises, 1);
    assert_int_equal(pic_ack(&pic), 0x23);
    assert_int_equal(rises, 2); /* the output fell in between */
    out8(M, 0, 0x0b);
    assert_int_equal(in8(M, 0), 0);
    assert_int_equal(pic_ack(&pic), 0x25);
    pulse(9);
    pulse(12);
    assert_int_equal(pic_ack(&pic), 0x29);
    assert_int_equal(pic_ack(&pic), 0x2c);
    out8(M, 0, 0x80); /* rotate in automatic EOI */
    pulse(3);
    assert_int_equal(pic_ack(&pic), 0x23);
    pulse(3);
    pulse(4);
    assert_int_equal(pic_ack(&pic), 0x24);
    assert_int_equal(pic_ack(&pic), 0x23);
    out8(M, 0, 0x00); /* and no longer: IR3 stays lowest */
    pulse(5);
    assert_int_equal(pic_ack(&pic), 0x25);
    assert_int_equal(pic.chip[0].lowest, 3);
}

static void priorities_rotate(void **state)
{
    (void)state;
    out8(M, 0, 0xc4); /* IR4 is lowest, so IR5 is highest */
    pulse(4);
    pulse(0);
    pulse(5);
    assert_int_equal(pic_ack(&pic), 0x25);
    out8(M, 0, 0xa0); /* rotate on EOI: IR5 is lowest */
    assert_int_equal(pic_ack(&pic), 0x20);
    out8(M, 0, 0xe0); /* rotate on specific EOI */
    assert_int_equal(pic.chip[0].lowest, 0);
    assert_int_equal(pic_ack(&pic), 0x24);
    out8(M, 0, 0x40); /* no operation */
    assert_int_equal(pic.chip[0].isr, 0x10);
}

static void special_mask_lets_lower_priorities_in(void **state)
{
    (void)state;
    pulse(1);
    assert_int_equal(pic_ack(&pic), 0x21);
    pulse(6);
    assert_false(intr);
    out8(M, 1, 0x02);
    assert_false(intr);
    out8(M, 0, 0x68);
    assert_int_equal(pic_ack(&pic), 0x26);
    out8(M, 0, 0x20); /* does not end the masked IR1 */
    out8(M, 0, 0x0b);
    assert_int_equal(in8(M, 0), 0x02);
    out8(M, 0, 0x48);
    pulse(6);
    assert_false(intr);
}

static void it_tells_whom_the_next_acknowledge_is_for(void **state)
{
    static const unsigned order[] = { 0, 1, 8, 15, 3, 7 };

    (void)state;
    init_chips(0x11, 0x03);
    for (unsigned i = 0; i < 6; i++) {
        pulse(order[i]);
    }
    out8(M, 1, 0x02);
    for (unsigned i = 0; i < 6; i++) {
        if (order[i] == 1) { /* masked */
            continue;
        }
        for (unsigned pin = 0; pin < 16; pin++) {
            assert_int_equal(pic_serves(&pic, pin), pin == order[i]);
        }
        assert_int_equal(pic_ack(&pic), 0x20 + order[i]);
    }
    for (unsigned pin = 0; pin < 16; pin++) {
        assert_false(pic_serves(&pic, pin));
    }
    /* The slave's request goes away: IR15 is spurious, and nobody's. */
    pulse(10);
    pic.chip[1].imr = 0xff;
    for (unsigned pin = 0; pin < 16; pin++) {
        assert_false(pic_serves(&pic, pin));
    }
}

static void polling_acknowledges(void **state)
{
    (void)state;
    out8(M, 0, 0x0c);
    assert_int_equal(in8(M, 0), 0);
    out8(M, 1, 0x50);
    assert_int_equal(in8(M, 1), 0x50); /* one read only */
    pulse(9);
    out8(M, 0, 0x0c);
    assert_int_equal(in8(M, 0), 0x82);
    out8(S, 0, 0x0c);
    assert_int_equal(in8(S, 0), 0x81);
    assert_false(intr);
    assert_int_equal(pic.chip[0].isr, 0x04);
    assert_int_equal(pic.chip[1].isr, 0x02);
}

static void icw1_resets_masks_service_and_edges(void **state)
{
    (void)state;
    pic_set_pin(&pic, 3, true);
    out8(M, 0, 0x68);
    out8(M, 0, 0xc2);
    (void)pic_ack(&pic);
    pic_set_pin(&pic, 4, true);
    out8(M, 1, 0x55);
    out8(M, 0, 0x0b);
    out8(M, 0, 0x12); /* single, no ICW4 */
    out8(M, 1, 0x47);
    assert_int_equal(pic.chip[0].icw2, 0x40);
    assert_int_equal(in8(M, 1), 0);
    assert_int_equal(in8(M, 0), 0);
    assert_false(intr); /* the old edges are gone */
    out8(M, 1, 0xf0);
    assert_int_equal(in8(M, 1), 0xf0); /* an OCW1, not an ICW3 */
    pulse(3);
    assert_int_equal(pic_ack(&pic), 0x43);
}

static void a_wide_access_reaches_one_port(void **state)
{
    struct io_access a = { .offset = 0, .size = 2, .write = true, .value = 0xff0b };

    (void)state;
    pic_master_io(&pic, &a);
    assert_int_equal(in8(M, 1), 0);
    a = (struct io_access){ .offset = 1, .size = 4 };
    pic_master_io(&pic, &a);
    assert_true(a.value == ~UINT64_C(0xff));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(is_silent_until_it_is_initialised, setup),
        cmocka_unit_test_setup(mask_register_reads_back_and_masks, setup),
        cmocka_unit_test_setup(an_edge_interrupts_once, setup),
        cmocka_unit_test_setup(an_edge_is_forgotten_when_its_wire_falls, setup),
        cmocka_unit_test_setup(a_level_interrupts_until_its_wire_falls, setup),
        cmocka_unit_test_setup(icw1_can_make_every_pin_level, setup),
        cmocka_unit_test_setup(lower_priorities_wait_and_higher_ones_nest, setup),
        cmocka_unit_test_setup(the_output_rises_for_each_interrupt, setup),
        cmocka_unit_test_setup(the_slave_interrupts_through_the_cascade, setup),
        cmocka_unit_test_setup(special_fully_nested_lets_the_slave_interrupt_itself, setup),
        cmocka_unit_test_setup(pin_2_and_pins_beyond_15_do_nothing, setup),
        cmocka_unit_test_setup(nothing_to_serve_is_a_spurious_7_or_15, setup),
        cmocka_unit_test_setup(automatic_eoi_leaves_nothing_in_service, setup),
        cmocka_unit_test_setup(priorities_rotate, setup),
        cmocka_unit_test_setup(special_mask_lets_lower_priorities_in, setup),
        cmocka_unit_test_setup(it_tells_whom_the_next_acknowledge_is_for, setup),
        cmocka_unit_test_setup(polling_acknowledges, setup),
        cmocka_unit_test_setup(icw1_resets_masks_service_and_edges, setup),
        cmocka_unit_test_setup(a_wide_access_reaches_one_port, setup),
    };
    return cmocka_run_group_tests_name("pic", tests, NULL, NULL);
}
