/* What a guest reads from the counters and from port 61h. */
#include "pit_fixture.h"

static void latch_holds_until_both_bytes_are_read(void **state)
{
    uint64_t start = now;

    (void)state;
    program(1, 2, 0x1234);
    now = start + ticks(0x34);
    out8(3, 0x40);
    now = start + ticks(0x234);
    out8(3, 0x40); /* a second latch is ignored */
    assert_int_equal(in8(1), 0x00);
    assert_int_equal(in8(1), 0x12);
    assert_int_equal(in8(1), 0x00); /* live: 0x1000 */
    assert_int_equal(in8(1), 0x10);
}

static void single_byte_access_modes(void **state)
{
    uint64_t start = now;

    (void)state;
    out8(3, 0x54); /* channel 1, low byte only, mode 2 */
    out8(1, 18);
    now = start + ticks(3);
    assert_int_equal(in8(1), 15);
    assert_int_equal(in8(1), 15);
    start = now;
    out8(3, 0x64); /* high byte only */
    out8(1, 2);
    now = start + ticks(1);
    assert_int_equal(in8(1), 1);
    out8(3, 0x40);
    assert_int_equal(in8(1), 1);
    assert_false(pit.ch[1].count_latched);
}

static void read_back_latches_status_and_counts(void **state)
{
    uint64_t start = now;

    (void)state;
    out8(3, 0x76); /* channel 1, both bytes, mode 3 */
    out8(3, 0xe4); /* its status */
    assert_int_equal(in8(1), 0xc0 | 0x36);
    out8(1, 0x00);
    out8(1, 0x10);
    program(2, 0, 0x2000);
    now = start + ticks(0x900);
    out8(3, 0xcc); /* count and status of channels 1 and 2 */
    now = start + ticks(0x1900);
    assert_int_equal(in8(1), 0x36); /* OUT is low in the second half */
    assert_int_equal(in8(1), 0x00); /* 0x1000 - 2 * 0x100 */
    assert_int_equal(in8(1), 0x0e);
    assert_int_equal(in8(2), 0x30);
    assert_int_equal(in8(2), 0x00); /* gate 2 is low: it stands still */
    assert_int_equal(in8(2), 0x20);
    out8(3, 0xf2); /* neither: nothing is latched */
    assert_false(pit.ch[0].status_latched || pit.ch[0].count_latched);
}

static void mode_3_counts_by_twos(void **state)
{
    uint64_t start;

    (void)state;
    out61(1);
    start = now;
    program(2, 3, 5);
    for (unsigned i = 0; i < 10; i++) {
        static const unsigned want[] = { 4, 2, 0, 4, 2 };

        now = start + ticks(i);
        assert_int_equal(counter(2), want[i % 5]);
        assert_int_equal(out2(), i % 5 < 3);
    }
}

static void bcd_counts_in_tens(void **state)
{
    uint64_t start = now;

    (void)state;
    out8(3, 0x71); /* channel 1, mode 0, BCD */
    out8(1, 0x00);
    out8(1, 0x10);
    now = start + ticks(1);
    assert_int_equal(counter(1), 0x0999);
    now = start + ticks(1001);
    assert_int_equal(counter(1), 0x9999);
    start = now;
    out8(3, 0x75);
    out8(1, 0);
    out8(1, 0); /* 10,000 */
    now = start + ticks(10001);
    assert_int_equal(counter(1), 0x9999);
    out8(1, 0xff);
    out8(1, 0xff); /* not BCD at all: must only do no harm */
    now += HZ;
    (void)counter(1);
}

static void gate_2_stops_and_resumes_mode_0(void **state)
{
    (void)state;
    program(2, 0, 1000);
    now += HZ;
    assert_int_equal(counter(2), 1000);
    assert_false(out2());
    out61(1);
    now += ticks(400);
    assert_int_equal(counter(2), 600);
    out61(0);
    now += HZ;
    assert_in_range(counter(2), 599, 600);
    out61(1);
    now += ticks(599);
    assert_false(out2());
    now += ticks(2);
    assert_true(out2());
}

static void gate_2_starts_modes_1_and_5(void **state)
{
    (void)state;
    for (unsigned mode = 1; mode <= 5; mode += 4) {
        out61(0);
        program(2, mode, 100);
        now += HZ;
        assert_true(out2());
        out61(1);
        assert_int_equal(out2(), mode == 5);
        out61(0); /* no matter */
        now += ticks(60);
        assert_int_equal(counter(2), 40);
        out61(1); /* again from the start */
        now += ticks(60);
        assert_int_equal(counter(2), 40);
        now += ticks(40);
        assert_int_equal(out2(), mode == 1);
        now += ticks(2);
        assert_true(out2());
    }
}

static void gate_2_restarts_modes_2_and_3(void **state)
{
    (void)state;
    for (unsigned mode = 2; mode <= 3; mode++) {
        out61(1);
        program(2, mode, 100);
        now += ticks(99);
        assert_false(out2());
        out61(0);
        assert_true(out2()); /* a low gate takes OUT up */
        now += HZ;
        out61(1);
        assert_int_equal(counter(2), 100);
    }
}

static void linux_calibrates_with_channel_2(void **state)
{
    uint64_t start = now;
    uint64_t steps = 0;

    (void)state;
    out61((in61() & ~0x02U) | 0x01U);
    out8(3, 0xb0);
    out8(2, 11931 & 0xff);
    out8(2, 11931 >> 8);
    while (!(in61() & 0x20)) {
        now += 1000;
        steps++;
        assert_true(steps < 20000);
    }
    assert_in_range(now - start, HZ / 100 - 2000, HZ / 100 + 2000);
}

static void port_61_keeps_its_low_bits_and_toggles_refresh(void **state)
{
    unsigned toggles = 0;
    unsigned last;

    (void)state;
    out61(0xff);
    assert_int_equal(in61() & 0xcf, 0x0f);
    out61(0x02);
    last = in61() & 0x10;
    for (unsigned i = 0; i < 1000; i++) {
        now += 1000;
        toggles += (in61() & 0x10) != last;
        last = in61() & 0x10;
    }
    assert_in_range(toggles, 65, 67); /* 1 ms in steps of 15 us */
}

static void wide_accesses_reach_one_port(void **state)
{
    struct io_access a = { .offset = 0, .size = 4 };

    (void)state;
    pit_io(&pit, &a);
    assert_true(a.value == ~UINT64_C(0xff));
    a = (struct io_access){ .offset = 3, .size = 2, .write = true, .value = 0xff34 };
    pit_io(&pit, &a);
    assert_int_equal(pit.ch[0].mode, 2);
    a = (struct io_access){ .offset = 0, .size = 2 };
    pit_port61_io(&pit, &a);
    assert_true((a.value | 0xff) == ~UINT64_C(0));
    assert_true((a.value & 0xc0) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(latch_holds_until_both_bytes_are_read, setup),
        cmocka_unit_test_setup(single_byte_access_modes, setup),
        cmocka_unit_test_setup(read_back_latches_status_and_counts, setup),
        cmocka_unit_test_setup(mode_3_counts_by_twos, setup),
        cmocka_unit_test_setup(bcd_counts_in_tens, setup),
        cmocka_unit_test_setup(gate_2_stops_and_resumes_mode_0, setup),
        cmocka_unit_test_setup(gate_2_starts_modes_1_and_5, setup),
        cmocka_unit_test_setup(gate_2_restarts_modes_2_and_3, setup),
        cmocka_unit_test_setup(linux_calibrates_with_channel_2, setup),
        cmocka_unit_test_setup(port_61_keeps_its_low_bits_and_toggles_refresh, setup),
        cmocka_unit_test_setup(wide_accesses_reach_one_port, setup),
    };
    return cmocka_run_group_tests_name("pit_count", tests, NULL, NULL);
}
