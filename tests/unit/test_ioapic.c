#include "devices/ioapic.h"
#include "unit.h"

enum { PIN = 9, LEVEL = 1 << 15, MASKED = 1 << 16, REMOTE = 1 << 14, LOGICAL = 1 << 11 };

static struct ioapic io;
static unsigned sent;
static struct {
    uint32_t dest;
    bool logical;
    unsigned delivery;
    uint8_t vector;
    bool level;
} last;
static bool ack_at_once;

static void on_send(void *ctx, uint32_t dest, bool logical, unsigned delivery, uint8_t vector,
                    bool level)
{
    assert_ptr_equal(ctx, &sent);
    sent++;
    last.dest = dest;
    last.logical = logical;
    last.delivery = delivery;
    last.vector = vector;
    last.level = level;
    if (ack_at_once) {
        ack_at_once = false;
        ioapic_eoi(&io, vector);
    }
}

static uint64_t mmio(uint64_t offset, uint8_t size, bool write, uint64_t value)
{
    struct io_access a = { .offset = offset, .size = size, .write = write, .value = value };

    ioapic_mmio(&io, &a);
    return a.value;
}

static void wr(unsigned index, uint32_t value)
{
    mmio(0, 4, true, index);
    mmio(0x10, 4, true, value);
}

static uint32_t rd(unsigned index)
{
    mmio(0, 4, true, index);
    return (uint32_t)mmio(0x10, 4, false, ~UINT64_C(0));
}

static void program(unsigned pin, uint32_t low)
{
    wr(0x10 + 2 * pin, low);
}

static int setup(void **state)
{
    (void)state;
    sent = 0;
    ack_at_once = false;
    ioapic_init(&io, on_send, &sent);
    return 0;
}

static void registers_by_index_and_window(void **state)
{
    (void)state;
    assert_int_equal(rd(1), 0x000f0020);
    wr(0, 0xffffffff);
    assert_int_equal(rd(0), 0x0f000000);
    assert_int_equal(rd(2), 0x0f000000);
    wr(1, 0);
    assert_int_equal(rd(1), 0x000f0020);
    for (unsigned pin = 0; pin < IOAPIC_PINS; pin++) {
        assert_int_equal(rd(0x10 + 2 * pin), MASKED);
        assert_int_equal(rd(0x11 + 2 * pin), 0);
    }
    wr(0x2f, 0xffffffff);
    assert_int_equal(rd(0x2f), 0xff000000);
    wr(0x2e, 0xffffffff);
    assert_int_equal(rd(0x2e), 0x1afff); /* status and remote IRR are read-only */
    assert_int_equal(mmio(0, 4, false, 0), 0x2e);
}

static void out_of_range_reads_0(void **state)
{
    (void)state;
    for (unsigned index = 0x30; index < 0x100; index += 0x3f) {
        wr(index, 0xffffffff);
        assert_int_equal(rd(index), 0);
    }
    assert_int_equal(rd(3), 0);
    assert_int_equal(rd(0xf), 0);
    assert_int_equal(mmio(0x20, 4, false, 5), 0);
    assert_int_equal(mmio(0x40, 4, false, 5), 0);
    mmio(0, 4, true, 1);
    assert_int_equal(mmio(0x10, 1, false, 5), 0);
    assert_int_equal(mmio(0x10, 8, false, 5), 0);
    mmio(0, 1, true, 2);
    assert_int_equal(mmio(0, 4, false, 0), 1);
    ioapic_set_pin(&io, 24, true);
    ioapic_set_pin(&io, 4000000000, true);
    assert_int_equal(io.level, 0);
}

static void an_edge_is_one_message(void **state)
{
    (void)state;
    wr(0x11 + 2 * PIN, 0x5a000000);
    program(PIN, LOGICAL | 0x131);
    ioapic_set_pin(&io, PIN, true);
    assert_int_equal(sent, 1);
    assert_int_equal(last.dest, 0x5a);
    assert_true(last.logical);
    assert_int_equal(last.delivery, 1);
    assert_int_equal(last.vector, 0x31);
    assert_false(last.level);
    ioapic_set_pin(&io, PIN, true);
    assert_int_equal(sent, 1);
    ioapic_set_pin(&io, PIN, false);
    assert_int_equal(sent, 1);
    ioapic_set_pin(&io, PIN, true);
    assert_int_equal(sent, 2);
    assert_int_equal(rd(0x10 + 2 * PIN) & REMOTE, 0);
}

static void an_edge_while_masked_is_lost(void **state)
{
    (void)state;
    program(PIN, MASKED | 0x31);
    ioapic_set_pin(&io, PIN, true);
    program(PIN, 0x31);
    assert_int_equal(sent, 0);
    ioapic_set_pin(&io, PIN, false);
    ioapic_set_pin(&io, PIN, true);
    assert_int_equal(sent, 1);
}

static void a_level_waits_for_its_eoi(void **state)
{
    (void)state;
    program(PIN, LEVEL | 0x41);
    ioapic_set_pin(&io, PIN, true);
    assert_int_equal(sent, 1);
    assert_true(last.level);
    assert_int_equal(rd(0x10 + 2 * PIN), LEVEL | REMOTE | 0x41);
    ioapic_set_pin(&io, PIN, false);
    ioapic_set_pin(&io, PIN, true);
    assert_int_equal(sent, 1);
    ioapic_eoi(&io, 0x42); /* another's */
    assert_int_equal(sent, 1);
    ioapic_eoi(&io, 0x41); /* the wire is still up */
    assert_int_equal(sent, 2);
    ioapic_set_pin(&io, PIN, false);
    ioapic_eoi(&io, 0x41);
    assert_int_equal(sent, 2);
    assert_int_equal(rd(0x10 + 2 * PIN), LEVEL | 0x41);
    ioapic_eoi(&io, 0x41);
    ioapic_set_pin(&io, PIN, true);
    assert_int_equal(sent, 3);
}

static void a_level_is_sent_when_unmasked(void **state)
{
    (void)state;
    program(PIN, LEVEL | MASKED | 0x41);
    ioapic_set_pin(&io, PIN, true);
    assert_int_equal(sent, 0);
    program(PIN, LEVEL | 0x41);
    assert_int_equal(sent, 1);
    program(PIN, LEVEL | MASKED | 0x41);
    program(PIN, LEVEL | 0x41); /* under way already */
    assert_int_equal(sent, 1);
    program(PIN, LEVEL | MASKED | 0x41);
    ioapic_eoi(&io, 0x41);
    assert_int_equal(sent, 1);
    assert_int_equal(rd(0x10 + 2 * PIN) & REMOTE, 0);
}

static void the_eoi_register_is_an_eoi(void **state)
{
    (void)state;
    program(PIN, LEVEL | 0x41);
    program(PIN + 1, LEVEL | 0x41);
    ioapic_set_pin(&io, PIN, true);
    ioapic_set_pin(&io, PIN + 1, true);
    assert_int_equal(sent, 2);
    mmio(0x40, 4, true, 0x41); /* both pins share it */
    assert_int_equal(sent, 4);
}

static void turning_to_edge_forgets_the_remote_irr(void **state)
{
    (void)state;
    program(PIN, LEVEL | 0x41);
    ioapic_set_pin(&io, PIN, true);
    program(PIN, MASKED | 0x41);
    assert_int_equal(rd(0x10 + 2 * PIN), MASKED | 0x41);
    program(PIN, LEVEL | 0x41);
    assert_int_equal(sent, 2);
}

static void nmi_and_extint_are_edges(void **state)
{
    (void)state;
    program(PIN, LEVEL | 0x400);
    ioapic_set_pin(&io, PIN, true);
    assert_int_equal(sent, 1);
    assert_int_equal(last.delivery, 4);
    assert_false(last.level);
    program(PIN, LEVEL | 0x700);
    assert_int_equal(sent, 1);
    ioapic_set_pin(&io, PIN, false);
    ioapic_set_pin(&io, PIN, true);
    assert_int_equal(sent, 2);
    assert_int_equal(rd(0x10 + 2 * PIN) & REMOTE, 0);
}

static void an_eoi_inside_send_is_seen(void **state)
{
    (void)state;
    program(PIN, LEVEL | 0x41);
    ack_at_once = true;
    ioapic_set_pin(&io, PIN, true);
    assert_int_equal(sent, 2);
    assert_int_equal(rd(0x10 + 2 * PIN) & REMOTE, REMOTE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(registers_by_index_and_window, setup),
        cmocka_unit_test_setup(out_of_range_reads_0, setup),
        cmocka_unit_test_setup(an_edge_is_one_message, setup),
        cmocka_unit_test_setup(an_edge_while_masked_is_lost, setup),
        cmocka_unit_test_setup(a_level_waits_for_its_eoi, setup),
        cmocka_unit_test_setup(a_level_is_sent_when_unmasked, setup),
        cmocka_unit_test_setup(the_eoi_register_is_an_eoi, setup),
        cmocka_unit_test_setup(turning_to_edge_forgets_the_remote_irr, setup),
        cmocka_unit_test_setup(nmi_and_extint_are_edges, setup),
        cmocka_unit_test_setup(an_eoi_inside_send_is_seen, setup),
    };
    return cmocka_run_group_tests_name("ioapic", tests, NULL, NULL);
}
