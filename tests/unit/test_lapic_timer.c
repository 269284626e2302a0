#include "lapic_rig.h"

static void arm(uint32_t lvt, uint32_t divide, uint32_t count)
{
    wr(LVTT, lvt);
    wr(DIVIDE, divide);
    wr(INITIAL, count);
}

static void one_shot_counts_down_and_fires_once(void **state)
{
    (void)state;
    arm(0xec, BY_1, 500);
    assert_int_equal(rd(CURRENT), 500);
    now += 200;
    assert_int_equal(rd(CURRENT), 300);
    now = 1600; /* due, and not yet fired */
    assert_int_equal(rd(CURRENT), 0);
    run_at(1499);
    assert_int_equal(lapic_pending(&apic), -1);
    run_at(1500);
    assert_int_equal(take(), 0xec);
    assert_int_equal(rd(CURRENT), 0);
    assert_int_equal(rd(INITIAL), 500);
    assert_true(queue.next == TIMER_OFF);
    wr(LVTT, 0xec | PERIODIC); /* does not start it again */
    assert_int_equal(rd(CURRENT), 0);
}

static void divides_by_the_table_of_the_manual(void **state)
{
    static const uint8_t code[] = { 0xb, 0, 1, 2, 3, 8, 9, 0xa };

    (void)state;
    for (unsigned i = 0; i < sizeof(code); i++) {
        now = 1000;
        arm(0xec, code[i], 10);
        assert_true(queue.next == 1000 + (UINT64_C(10) << i));
        now += 1;
        assert_int_equal(rd(CURRENT), i == 0 ? 9 : 10);
    }
    arm(0xec, 0xa, UINT32_MAX);
    assert_true(queue.next == now + ((uint64_t)UINT32_MAX << 7));
}

static void a_new_divisor_keeps_the_count(void **state)
{
    (void)state;
    arm(0xec, BY_1, 1000);
    now += 400;
    wr(DIVIDE, 0); /* by 2 */
    assert_int_equal(rd(CURRENT), 600);
    now += 200;
    assert_int_equal(rd(CURRENT), 500);
    assert_int_equal(queue.next, 1400 + 1200);
    arm(0xec, BY_1, 0);
    wr(DIVIDE, 0);
    assert_true(queue.next == TIMER_OFF);
}

static void a_count_of_zero_stops(void **state)
{
    (void)state;
    arm(0xec | PERIODIC, BY_1, 50000);
    wr(INITIAL, 0);
    assert_true(queue.next == TIMER_OFF);
    assert_int_equal(rd(CURRENT), 0);
}

static void periodic_keeps_its_phase(void **state)
{
    (void)state;
    arm(0xec | PERIODIC, BY_1, 5000);
    run_at(6100);
    assert_int_equal(take(), 0xec);
    assert_int_equal(queue.next, 11000);
    assert_int_equal(rd(CURRENT), 4900);
    wr(LVTT, 0xec);
    assert_int_equal(rd(CURRENT), 4900);
    wr(LVTT, 0xec | PERIODIC);
    now = 11001; /* due, and not yet fired */
    assert_int_equal(rd(CURRENT), 4999);
    wr(LVTT, 0xec); /* the count goes on, for the last time */
    run_at(11001);
    assert_true(queue.next == TIMER_OFF);
}

static void one_shot_turned_periodic_goes_on(void **state)
{
    (void)state;
    arm(0xec, BY_1, 5000);
    wr(LVTT, 0xec | PERIODIC);
    run_at(6000);
    assert_int_equal(take(), 0xec);
    assert_int_equal(queue.next, 11000);
}

static void a_long_pause_is_one_interrupt(void **state)
{
    (void)state;
    arm(0xec | PERIODIC, BY_1, 5000);
    kicks = 0;
    run_at(1000 + 5000 * UINT64_C(1000000) + 7);
    assert_int_equal(kicks, 1);
    assert_true(queue.next == now + 4993);
}

static void a_short_period_is_stretched(void **state)
{
    (void)state;
    arm(0xec | PERIODIC, BY_1, 1);
    assert_int_equal(rd(CURRENT), 1);
    run_at(2999);
    assert_int_equal(take(), -1);
    assert_int_equal(rd(CURRENT), 1);
    run_at(3000); /* 20 us at 100 MHz */
    assert_int_equal(take(), 0xec);
    assert_int_equal(queue.next, 5000);
}

static void the_end_of_time_never_comes(void **state)
{
    (void)state;
    now = UINT64_MAX - 100;
    arm(0xec | PERIODIC, BY_1, 5000);
    assert_true(queue.next == TIMER_OFF);
    run_at(UINT64_MAX);
    assert_int_equal(take(), -1);
}

static void masked_timer_counts_in_silence(void **state)
{
    (void)state;
    arm(0xec | MASKED, BY_1, 500);
    now += 100;
    assert_int_equal(rd(CURRENT), 400);
    run_at(1500);
    assert_int_equal(take(), -1);
}

static void deadline_fires_once_and_reads_0(void **state)
{
    (void)state;
    wr(LVTT, 0xec | DEADLINE);
    assert_true(wrmsr(MSR_DEADLINE, 5000));
    assert_int_equal(rdmsr(MSR_DEADLINE), 5000);
    assert_int_equal(queue.next, 5000);
    wr(DIVIDE, 0);
    assert_int_equal(queue.next, 5000);
    run_at(4999);
    assert_int_equal(take(), -1);
    now = 5000;
    assert_int_equal(rdmsr(MSR_DEADLINE), 0); /* due, and not yet fired */
    run_at(5000);
    assert_int_equal(take(), 0xec);
    assert_int_equal(apic.deadline, 0);
    assert_true(queue.next == TIMER_OFF);
}

static void deadline_in_the_past_is_pending_at_once(void **state)
{
    (void)state;
    wr(LVTT, 0xec | DEADLINE);
    assert_true(wrmsr(MSR_DEADLINE, 5000));
    kicks = 0;
    assert_true(wrmsr(MSR_DEADLINE, 1000)); /* now */
    assert_int_equal(kicks, 1);
    assert_int_equal(take(), 0xec);
    assert_int_equal(rdmsr(MSR_DEADLINE), 0);
    assert_true(queue.next == TIMER_OFF); /* the old one is gone too */
}

static void deadline_of_zero_disarms(void **state)
{
    (void)state;
    wr(LVTT, 0xec | DEADLINE);
    assert_true(wrmsr(MSR_DEADLINE, 5000));
    assert_true(wrmsr(MSR_DEADLINE, 0));
    assert_int_equal(rdmsr(MSR_DEADLINE), 0);
    run_at(6000);
    assert_int_equal(take(), -1);
    assert_true(wrmsr(MSR_DEADLINE, UINT64_MAX));
    assert_true(queue.next == TIMER_OFF);
}

static void deadline_and_count_keep_to_their_modes(void **state)
{
    (void)state;
    wr(LVTT, 0xec);
    assert_true(wrmsr(MSR_DEADLINE, 500)); /* past, but ignored */
    assert_int_equal(rdmsr(MSR_DEADLINE), 0);
    assert_int_equal(take(), -1);
    wr(INITIAL, 700);
    wr(LVTT, 0xec | DEADLINE);
    assert_true(queue.next == TIMER_OFF);
    wr(INITIAL, 700);
    assert_int_equal(rd(INITIAL), 0);
    assert_int_equal(rd(CURRENT), 0);
    assert_true(wrmsr(MSR_DEADLINE, 9000));
    assert_int_equal(rd(CURRENT), 0);
    wr(LVTT, 0xec | DEADLINE | MASKED); /* the same mode: stays armed */
    assert_int_equal(queue.next, 9000);
    wr(LVTT, 0xec | DEADLINE | PERIODIC); /* reserved */
    assert_true(queue.next == TIMER_OFF);
    assert_int_equal(rdmsr(MSR_DEADLINE), 0);
    wr(INITIAL, 700);
    assert_true(queue.next == TIMER_OFF);
}

static void turning_the_apic_off_disarms(void **state)
{
    (void)state;
    wr(LVTT, 0xec | DEADLINE);
    assert_true(wrmsr(MSR_DEADLINE, 5000));
    assert_true(wrmsr(MSR_BASE, OFF));
    assert_true(queue.next == TIMER_OFF);
    assert_true(wrmsr(MSR_DEADLINE, 5000));
    assert_int_equal(rdmsr(MSR_DEADLINE), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(one_shot_counts_down_and_fires_once, setup),
        cmocka_unit_test_setup(divides_by_the_table_of_the_manual, setup),
        cmocka_unit_test_setup(a_new_divisor_keeps_the_count, setup),
        cmocka_unit_test_setup(a_count_of_zero_stops, setup),
        cmocka_unit_test_setup(periodic_keeps_its_phase, setup),
        cmocka_unit_test_setup(one_shot_turned_periodic_goes_on, setup),
        cmocka_unit_test_setup(a_long_pause_is_one_interrupt, setup),
        cmocka_unit_test_setup(a_short_period_is_stretched, setup),
        cmocka_unit_test_setup(the_end_of_time_never_comes, setup),
        cmocka_unit_test_setup(masked_timer_counts_in_silence, setup),
        cmocka_unit_test_setup(deadline_fires_once_and_reads_0, setup),
        cmocka_unit_test_setup(deadline_in_the_past_is_pending_at_once, setup),
        cmocka_unit_test_setup(deadline_of_zero_disarms, setup),
        cmocka_unit_test_setup(deadline_and_count_keep_to_their_modes, setup),
        cmocka_unit_test_setup(turning_the_apic_off_disarms, setup),
    };
    return cmocka_run_group_tests_name("lapic_timer", tests, NULL, NULL);
}
