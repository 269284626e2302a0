/* Channel 0: when it interrupts. */
#include "pit_fixture.h"

static void nothing_runs_before_it_is_programmed(void **state)
{
    (void)state;
    assert_true(queue.next == TIMER_OFF);
    assert_int_equal(in8(0), 0);
    assert_int_equal(in8(3), 0xff);
    assert_false(out2());
}

static void mode_0_fires_once(void **state)
{
    uint64_t start = now;

    (void)state;
    out8(3, 0x30);
    assert_true(queue.next == TIMER_OFF);
    out8(0, 0xe8);
    assert_true(queue.next == TIMER_OFF);
    out8(0, 0x03);
    assert_true(queue.next == start + ticks(1000));
    run_to(start + ticks(1000) - 1);
    assert_int_equal(edges, 0);
    assert_int_equal(counter(0), 1);
    run_to(start + ticks(1000));
    assert_int_equal(edges, 1);
    assert_true(wire);
    assert_true(queue.next == TIMER_OFF);
    run_to(start + ticks(1010));
    assert_int_equal(counter(0), 65536 - 10); /* it counts on through zero */
    out8(0, 10);
    assert_false(wire); /* the first byte of a new count takes OUT down and stops the count */
    now += HZ;
    out8(0, 0);
    assert_true(queue.next == now + ticks(10));
}

static void mode_2_is_periodic_without_drift(void **state)
{
    uint64_t start = now;

    (void)state;
    program(0, 2, 1193);
    assert_int_equal(edges, 0);
    run_to(start + ticks(1193));
    assert_int_equal(edges, 1);
    assert_true(wire);
    assert_int_equal(counter(0), 1193);
    run_to(start + ticks(1193 * 1000ULL) - 1);
    assert_int_equal(edges, 999);
    assert_int_equal(counter(0), 1);
    run_to(start + ticks(1193 * 1000ULL));
    assert_int_equal(edges, 1000);
    assert_true(queue.next == start + ticks(1193 * 1001ULL));
}

static void count_of_zero_is_65536(void **state)
{
    uint64_t start = now;

    (void)state;
    program(0, 3, 0);
    run_to(start + ticks(65535));
    assert_int_equal(edges, 0);
    run_to(start + ticks(65536) + 1);
    assert_int_equal(edges, 1);
}

static void a_long_pause_loses_no_edge(void **state)
{
    uint64_t start = now;

    (void)state;
    program(0, 2, 11932); /* 10 ms */
    now = start + HZ / 2;
    timer_run(&queue, now);
    assert_int_equal(edges, 1); /* one for each time the timer fires */
    assert_true(queue.next == now + HZ / 50000);
    run_to(start + HZ / 2 + HZ / 100);
    assert_true(edges == 50 || edges == 51);
    assert_true(queue.next > now); /* and is on time again */
}

static void more_than_a_second_of_missed_edges_is_dropped(void **state)
{
    uint64_t start = now;
    uint64_t next;

    (void)state;
    program(0, 2, 11932);
    now = start + 10 * HZ;
    timer_run(&queue, now);
    assert_int_equal(edges, 1);
    next = queue.next;
    assert_in_range(next - now, 1, ticks(11932));
    run_to(next);
    assert_int_equal(edges, 2);
    assert_in_range(next - start, ticks(11932 * 1000ULL), ticks(11932 * 1001ULL)); /* in phase */
    assert_true((next - start) == ticks((next - start) * PIT_HZ / HZ / 11932 * 11932));
}

static void a_tiny_count_makes_no_storm(void **state)
{
    (void)state;
    for (unsigned count = 1; count < 4; count++) {
        uint64_t start = now;

        edges = 0;
        program(0, count & 1 ? 2 : 3, count);
        run_to(start + HZ / 10);
        assert_in_range(edges, 4000, 5001);
        program(0, 0, 0);
    }
}

static void mode_4_strobes_once(void **state)
{
    uint64_t start = now;

    (void)state;
    program(0, 4, 500);
    run_to(start + ticks(501) - 1);
    assert_int_equal(edges, 0);
    run_to(start + HZ);
    assert_int_equal(edges, 1);
    assert_true(queue.next == TIMER_OFF);
}

static void modes_1_and_5_wait_for_a_gate_that_channel_0_has_not(void **state)
{
    (void)state;
    program(0, 1, 100);
    assert_true(queue.next == TIMER_OFF);
    program(0, 5, 100);
    assert_true(queue.next == TIMER_OFF);
}

static void a_new_count_takes_over_at_the_end_of_the_period(void **state)
{
    uint64_t start = now;

    (void)state;
    program(0, 2, 1000);
    run_to(start + ticks(2500));
    assert_int_equal(edges, 2);
    out8(0, 0x64);
    assert_true(queue.next == start + ticks(3000)); /* half a count moves no edge */
    out8(0, 0);
    assert_int_equal(counter(0), 500);
    out8(3, 0xe2); /* read back the status of channel 0 */
    assert_int_equal(in8(0) & 0x40, 0x40);
    run_to(start + ticks(3000));
    assert_int_equal(edges, 3);
    run_to(start + ticks(3000) + ticks(100));
    assert_int_equal(edges, 4);
    run_to(start + ticks(3000) + ticks(150));
    assert_int_equal(counter(0), 50);
    out8(3, 0xe2);
    assert_int_equal(in8(0) & 0x40, 0);
}

static void a_new_count_survives_a_look_before_the_timer_runs(void **state)
{
    uint64_t start = now;

    (void)state;
    program(0, 2, 1000);
    now = start + ticks(500);
    out8(0, 0xf4);
    out8(0, 0x01);
    now = start + ticks(1000) + ticks(100); /* the edge is due, but an exit for a read came first */
    assert_int_equal(counter(0), 400);
    timer_run(&queue, now);
    assert_int_equal(edges, 1);
    assert_true(queue.next == start + ticks(1000) + ticks(500));
}

static void a_control_word_stops_the_ticks(void **state)
{
    (void)state;
    program(0, 2, 1000);
    out8(3, 0x34);
    assert_true(queue.next == TIMER_OFF);
    assert_int_equal(edges, 0);
}

static void mode_bits_6_and_7_are_2_and_3(void **state)
{
    (void)state;
    out8(3, 0x3c);
    assert_int_equal(pit.ch[0].mode, 2);
    out8(3, 0x3e);
    assert_int_equal(pit.ch[0].mode, 3);
}

/* Whatever a guest writes, the model stays sane (the sanitizers watch) and fires at a bounded rate.
 */
static void random_accesses_do_no_harm(void **state)
{
    static const uint64_t rates[] = { 1000000, 2400000000, 5800000000 };
    uint32_t seed = 1;

    (void)state;
    for (unsigned i = 0; i < 300000; i++) {
        seed = seed * 1664525 + 1013904223;
        clk.hz = i % 1000 == 0 ? rates[i / 1000 % 3] : clk.hz;
        if (i % 1000 == 0) {
            now = 0;
            timer_queue_init(&queue);
            pit_init(&pit, (struct irq_line){ .set = set_wire, .pin = 7 }, &clk, &queue);
        }
        switch (seed >> 29) {
        case 0:
            (void)in61();
            break;
        case 1:
            out61(seed >> 8 & 0xff);
            break;
        case 2:
        case 3:
            (void)in8(seed >> 16 & 3);
            break;
        case 4:
            now += seed >> 4 & 0xffffff;
            if (seed & 1) {
                pit_acked(&pit);
            }
            break;
        default:
            out8(seed >> 16 & 3, seed >> 8 & 0xff);
        }
        edges = 0;
        timer_run(&queue, now);
        assert_true(edges <= 2); /* the counter's own and one that was owed */
        assert_true(queue.next > now);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(nothing_runs_before_it_is_programmed, setup),
        cmocka_unit_test_setup(mode_0_fires_once, setup),
        cmocka_unit_test_setup(mode_2_is_periodic_without_drift, setup),
        cmocka_unit_test_setup(count_of_zero_is_65536, setup),
        cmocka_unit_test_setup(a_long_pause_loses_no_edge, setup),
        cmocka_unit_test_setup(more_than_a_second_of_missed_edges_is_dropped, setup),
        cmocka_unit_test_setup(a_tiny_count_makes_no_storm, setup),
        cmocka_unit_test_setup(mode_4_strobes_once, setup),
        cmocka_unit_test_setup(modes_1_and_5_wait_for_a_gate_that_channel_0_has_not, setup),
        cmocka_unit_test_setup(a_new_count_takes_over_at_the_end_of_the_period, setup),
        cmocka_unit_test_setup(a_new_count_survives_a_look_before_the_timer_runs, setup),
        cmocka_unit_test_setup(a_control_word_stops_the_ticks, setup),
        cmocka_unit_test_setup(mode_bits_6_and_7_are_2_and_3, setup),
        cmocka_unit_test_setup(random_accesses_do_no_harm, setup),
    };
    return cmocka_run_group_tests_name("pit", tests, NULL, NULL);
}
