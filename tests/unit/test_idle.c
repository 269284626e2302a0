#include "hv/exit_table.h"
#include "vcpu_rig.h"

/* A guest at 1 GHz whose polling loop takes a microsecond a turn. */
enum { TURN = 1000, MS = 1000000, NAP_MAX = 20 * MS, STACK = 0x9000 };

static int setup(void **state)
{
    rig_setup(state);
    vcpu.now = 77 * MS;
    vcpu.regs.gpr[RSP] = STACK;
    return 0;
}

/* The guest runs this long and comes to its PAUSE. */
static enum exit_action pause_after(uint64_t ticks)
{
    vcpu.now += ticks;
    vcpu.stats.ticks_in_guest += ticks;
    vcpu.stats.count[EXIT_PAUSE]++;
    vcpu.exit = (struct vm_exit){ .kind = EXIT_PAUSE, .insn_len = 2 };
    return on_pause(&vcpu, &vcpu.exit);
}

/* How long it polls until it is put to sleep. */
static uint64_t poll_until_nap(void)
{
    uint64_t from = vcpu.now;

    while (pause_after(TURN) != ACT_NAP) {
        assert_true(vcpu.now - from < 1000 * MS);
    }
    return vcpu.now - from;
}

/* It sleeps until its nap ends. */
static uint64_t sleep(void)
{
    uint64_t ticks = vcpu.nap_end - vcpu.now;

    assert_true(vcpu.nap_end > vcpu.now);
    vcpu.now += ticks;
    vcpu.stats.ticks_in_guest += ticks;
    vcpu.stats.ticks_halted += ticks;
    return ticks;
}

static void a_millisecond_of_polling_becomes_a_nap(void **state)
{
    (void)state;
    assert_int_equal(pause_after(TURN), ACT_ADVANCE); /* from here on it may be polling */
    assert_int_equal(poll_until_nap(), MS);
}

static void naps_are_as_long_as_the_polling_and_end_after_20_ms(void **state)
{
    uint64_t began, nap = 0;

    (void)state;
    assert_int_equal(pause_after(TURN), ACT_ADVANCE);
    began = vcpu.now;
    (void)poll_until_nap();
    for (unsigned i = 0; i < 20; i++) {
        uint64_t polled = vcpu.now - began;

        nap = sleep();
        assert_int_equal(nap, MIN(polled, NAP_MAX));
        assert_int_equal(pause_after(TURN), ACT_NAP); /* one turn to look, and on */
    }
    assert_int_equal(nap, NAP_MAX);
}

static void compute(void)
{
    vcpu.now += MS / 5;
    vcpu.stats.ticks_in_guest += MS / 5;
}

static void read_ports(void)
{
    vcpu.stats.count[EXIT_IO] += 2;
}

static void read_mmio(void)
{
    vcpu.stats.count[EXIT_MMIO] += 2;
}

static void read_both(void)
{
    vcpu.stats.count[EXIT_IO]++;
    vcpu.stats.count[EXIT_MMIO]++;
}

static void change_a_register(void)
{
    vcpu.regs.gpr[R15]++;
}

static void push(void)
{
    vcpu.regs.gpr[RSP] -= 4;
}

static void change_the_stack(void)
{
    ram_low[STACK]++;
}

static void change_the_caller(void)
{
    ram_low[STACK + 127]++;
}

static void (*const work[])(void) = {
    compute,           read_ports, read_mmio,        read_both,
    change_a_register, push,       change_the_stack, change_the_caller,
};

static void who_works_between_two_pauses_is_not_idle(void **state)
{
    for (unsigned i = 0; i < ARRAY_SIZE(work); i++) {
        setup(state);
        for (unsigned turn = 0; turn < 5000; turn++) {
            work[i]();
            assert_int_equal(pause_after(TURN), ACT_ADVANCE);
        }
    }
}

static void a_turn_of_work_makes_the_polling_start_anew(void **state)
{
    for (unsigned i = 0; i < ARRAY_SIZE(work); i++) {
        setup(state);
        (void)poll_until_nap();
        (void)sleep();
        work[i]();
        assert_int_equal(pause_after(TURN), ACT_ADVANCE);
        assert_int_equal(poll_until_nap(), MS);
        assert_int_equal(sleep(), MS);
    }
}

static void end_an_interrupt(void)
{
    vcpu.stats.count[EXIT_IO]++;
}

static void count_an_exit(void)
{
    vcpu.stats.count[EXIT_WINDOW] += 5;
    vcpu.stats.count[EXIT_EXTINT] += 5;
    vcpu.stats.count[EXIT_TIMER] += 5;
}

static void change_what_is_far_up_the_stack(void)
{
    ram_low[STACK + 128]++;
    ram_low[STACK - 1]++;
}

static void move_on(void)
{
    vcpu.regs.rip++;
}

/* A timer's tick comes to an idle guest, too. */
static void what_an_idle_guest_does_is_no_work(void **state)
{
    static void (*const idle[])(void) = {
        end_an_interrupt,
        count_an_exit,
        change_what_is_far_up_the_stack,
        move_on,
    };

    for (unsigned i = 0; i < ARRAY_SIZE(idle); i++) {
        setup(state);
        (void)poll_until_nap();
        for (unsigned turn = 0; turn < 20; turn++) {
            (void)sleep();
            idle[i]();
            assert_int_equal(pause_after(TURN), ACT_NAP);
        }
    }
}

/* 100,000 ticks, or 100 us if that is more. */
static void a_turn_may_take_longer_on_a_faster_clock(void **state)
{
    static const struct {
        uint64_t hz, turn;
    } row[] = {
        {100000000,             100000},
        { 1000000000,           100000},
        { UINT64_C(5000000000), 500000},
    };
    struct clock clock = rig_clock;

    for (unsigned i = 0; i < ARRAY_SIZE(row); i++) {
        setup(state);
        clock.hz = row[i].hz;
        vm.clock = &clock;
        (void)poll_until_nap();
        (void)sleep();
        assert_int_equal(pause_after(row[i].turn), ACT_NAP);
        assert_int_equal(pause_after(row[i].turn + 1), ACT_ADVANCE);
        assert_int_equal(poll_until_nap(), row[i].hz / 1000);
    }
    vm.clock = &rig_clock;
}

static void a_hold_delays_and_never_hastens(void **state)
{
    (void)state;
    (void)pause_after(TURN);
    idle_hold(&vcpu, vcpu.now + 50 * MS);
    idle_hold(&vcpu, vcpu.now); /* later is later */
    assert_int_equal(poll_until_nap(), 51 * MS);
    assert_int_equal(sleep(), MS);
    idle_hold(&vcpu, 0);
    assert_int_equal(pause_after(TURN), ACT_NAP);
}

/* VT-x cannot enter a guest asleep there. */
static void outside_privilege_level_0_nobody_sleeps(void **state)
{
    (void)state;
    rig.segs.seg[SEG_SS].attr |= 0x60;
    for (unsigned turn = 0; turn < 5000; turn++) {
        assert_int_equal(pause_after(TURN), ACT_ADVANCE);
    }
    rig.segs.seg[SEG_SS].attr &= ~0x60u;
    assert_int_equal(pause_after(TURN), ACT_NAP);
}

static void pauses_exit_only_while_they_are_looked_at(void **state)
{
    (void)state;
    assert_false(rig.pause_exits);
    idle_look(&vcpu, vcpu.now);
    assert_true(rig.pause_exits);
    idle_hold(&vcpu, vcpu.now + MS);
    assert_false(rig.pause_exits);
    idle_look(&vcpu, vcpu.now + MS - 1);
    assert_false(rig.pause_exits);
    idle_look(&vcpu, vcpu.now + MS);
    assert_true(rig.pause_exits);
    idle_look(&vcpu, vcpu.now); /* a hold takes them away, and nothing else */
    assert_true(rig.pause_exits);
}

static void the_stack_is_where_the_guests_registers_say(void **state)
{
    (void)state;
    rig.segs.seg[SEG_SS].base = 0x5000;
    (void)poll_until_nap();
    ram_low[STACK]++; /* not there */
    assert_int_equal(pause_after(TURN), ACT_NAP);
    ram_low[0x5000 + STACK]++;
    assert_int_equal(pause_after(TURN), ACT_ADVANCE);
    /* RSP, which the backend may keep to itself, is asked for */
    (void)poll_until_nap();
    vcpu.regs_loaded = false;
    rig.hidden_rsp = STACK - 8;
    rig.hidden_rflags = RFLAGS_FIXED;
    assert_int_equal(pause_after(TURN), ACT_ADVANCE);
    assert_true(vcpu.regs_loaded);
}

/* It is only looked at: a hostile one costs nothing. */
static void a_stack_that_is_no_memory_does_no_harm(void **state)
{
    static const uint64_t rsp[] = { RAM_END - 64, RAM_END, 0xfffffff8, UINT64_MAX };

    for (unsigned i = 0; i < ARRAY_SIZE(rsp); i++) {
        setup(state);
        vcpu.regs.gpr[RSP] = rsp[i];
        (void)poll_until_nap();
        assert_nothing_queued();
        assert_int_equal(rig.cr2, 0);
    }
    rig_setup_long(state);
    rig_unmap(STACK);
    vcpu.regs.gpr[RSP] = STACK - 8;
    (void)poll_until_nap();
    assert_nothing_queued();
}

int main(void)
{
#define T(test) cmocka_unit_test_setup(test, setup)
    const struct CMUnitTest tests[] = {
        T(a_millisecond_of_polling_becomes_a_nap),
        T(naps_are_as_long_as_the_polling_and_end_after_20_ms),
        T(who_works_between_two_pauses_is_not_idle),
        T(a_turn_of_work_makes_the_polling_start_anew),
        T(what_an_idle_guest_does_is_no_work),
        T(a_turn_may_take_longer_on_a_faster_clock),
        T(a_hold_delays_and_never_hastens),
        T(outside_privilege_level_0_nobody_sleeps),
        T(pauses_exit_only_while_they_are_looked_at),
        T(the_stack_is_where_the_guests_registers_say),
        T(a_stack_that_is_no_memory_does_no_harm),
    };
    return cmocka_run_group_tests_name("idle", tests, NULL, NULL);
}
