#include "devices/rtc.h"
#include "unit.h"

#include <time.h>

/* A clock of 1 GHz that the tests move by hand. */
#define HZ UINT64_C(1000000000)
enum { SEC, SEC_AL, MIN, MIN_AL, HOUR, HOUR_AL, WDAY, MDAY, MON, YEAR, A, B, C, D, CENT = 0x32 };

static uint64_t now;
static struct timer_queue queue;
static struct rtc rtc;
static bool wire;
static unsigned edges;

static uint64_t read_clock(void *ctx)
{
    (void)ctx;
    return now;
}

static struct clock clk = { .now = read_clock, .hz = HZ };

static void set_wire(void *ctl, unsigned pin, bool level)
{
    (void)ctl;
    assert_int_equal(pin, 8);
    edges += level && !wire;
    wire = level;
}

static void start_at(uint64_t epoch)
{
    timer_queue_init(&queue);
    rtc_init(&rtc, epoch, (struct irq_line){ .set = set_wire, .pin = 8 }, &clk, &queue);
}

#define FRI_2026_11_20_23_59_58 UINT64_C(1795219198)

static int setup(void **state)
{
    (void)state;
    now = 777;
    wire = false;
    edges = 0;
    clk.hz = HZ;
    start_at(FRI_2026_11_20_23_59_58);
    return 0;
}

static void out8(unsigned port, unsigned value)
{
    struct io_access a = { .offset = port, .size = 1, .write = true, .value = value };

    rtc_io(&rtc, &a);
}

static unsigned get(unsigned index)
{
    struct io_access a = { .offset = 1, .size = 1 };

    out8(0, index);
    rtc_io(&rtc, &a);
    return a.value & 0xff;
}

static void set(unsigned index, unsigned value)
{
    out8(0, index);
    out8(1, value);
}

/* Runs the timers up to that tick; the guest reads status C after each interrupt. */
static void run_to(uint64_t at, bool serve)
{
    while (queue.next <= at) {
        now = queue.next > now ? queue.next : now;
        timer_run(&queue, now);
        if (serve && wire) {
            (void)get(C);
        }
    }
    now = at;
}

static void assert_time(unsigned cent, unsigned year, unsigned mon, unsigned day, unsigned hour,
                        unsigned min, unsigned sec)
{
    assert_int_equal(get(CENT), cent);
    assert_int_equal(get(YEAR), year);
    assert_int_equal(get(MON), mon);
    assert_int_equal(get(MDAY), day);
    assert_int_equal(get(HOUR), hour);
    assert_int_equal(get(MIN), min);
    assert_int_equal(get(SEC), sec);
}

static void shows_the_time_in_bcd(void **state)
{
    (void)state;
    assert_time(0x20, 0x26, 0x11, 0x20, 0x23, 0x59, 0x58);
    assert_int_equal(get(WDAY), 6); /* Friday */
    now += 2 * HZ;
    assert_time(0x20, 0x26, 0x11, 0x21, 0x00, 0x00, 0x00);
    assert_int_equal(get(WDAY), 7);
    assert_int_equal(get(A), 0x26);
    assert_int_equal(get(B), 0x02);
    assert_int_equal(get(D), 0x80);
}

static void shows_the_time_in_binary_and_in_12_hours(void **state)
{
    (void)state;
    set(B, 0x06);
    assert_time(20, 26, 11, 20, 23, 59, 58);
    set(B, 0x04);
    assert_int_equal(get(HOUR), 0x80 | 11);
    set(B, 0x00);
    assert_int_equal(get(HOUR), 0x91);
    now += 2 * HZ;
    assert_int_equal(get(HOUR), 0x12);
    now += 12 * 3600 * HZ;
    assert_int_equal(get(HOUR), 0x92);
    now += 3600 * HZ;
    assert_int_equal(get(HOUR), 0x81);
}

static void agrees_with_the_c_library_on_every_day(void **state)
{
    (void)state;
    set(B, 0x06);
    for (int64_t day = 0; day<200000; day += day> 40000 && day < 190000 ? 61 : 1) {
        time_t t = (time_t)(day * 86400 + 12345);
        struct tm tm;

        start_at((uint64_t)t);
        set(B, 0x06);
        assert_non_null(gmtime_r(&t, &tm));
        assert_int_equal(get(YEAR) + get(CENT) * 100, tm.tm_year + 1900);
        assert_int_equal(get(MON), tm.tm_mon + 1);
        assert_int_equal(get(MDAY), tm.tm_mday);
        assert_int_equal(get(WDAY), tm.tm_wday + 1);
        assert_int_equal(get(HOUR), tm.tm_hour);
    }
}

static void update_in_progress_for_the_last_244_us_of_a_second(void **state)
{
    uint64_t start = now;

    (void)state;
    for (unsigned us = 0; us < 1000000; us += 10) {
        now = start + us * UINT64_C(1000);
        assert_int_equal(get(A) >> 7, us >= 999760);
    }
    now = start + HZ - 100000;
    set(B, 0x82);
    assert_int_equal(get(A) >> 7, 0); /* no updates while the time is being set */
}

static void set_bit_freezes_and_sets_the_time(void **state)
{
    (void)state;
    now += HZ / 4;
    set(B, 0x82);
    now += 5 * HZ;
    assert_time(0x20, 0x26, 0x11, 0x20, 0x23, 0x59, 0x58);
    set(CENT, 0x19);
    set(YEAR, 0x99);
    set(MON, 0x12);
    set(MDAY, 0x31);
    set(HOUR, 0x23);
    set(MIN, 0x59);
    set(SEC, 0x59);
    assert_time(0x19, 0x99, 0x12, 0x31, 0x23, 0x59, 0x59);
    set(B, 0x02);
    assert_time(0x19, 0x99, 0x12, 0x31, 0x23, 0x59, 0x59);
    now += HZ * 3 / 4; /* the phase of the seconds is as before */
    assert_time(0x20, 0x00, 0x01, 0x01, 0x00, 0x00, 0x00);
    assert_int_equal(get(WDAY), 7);
}

static void a_released_divider_ticks_after_half_a_second(void **state)
{
    (void)state;
    set(B, 0x82);
    set(A, 0x76);
    set(SEC, 0x10);
    now += HZ / 3;
    set(B, 0x02);
    now += 7 * HZ;
    assert_int_equal(get(SEC), 0x10); /* held */
    set(A, 0x26);
    now += HZ / 2 - 1;
    assert_int_equal(get(SEC), 0x10);
    now += 1;
    assert_int_equal(get(SEC), 0x11);
    now += HZ;
    assert_int_equal(get(SEC), 0x12);
}

static void a_released_divider_works_at_time_zero(void **state)
{
    (void)state;
    now = 0;
    start_at(FRI_2026_11_20_23_59_58);
    set(A, 0x76);
    set(A, 0x26);
    assert_int_equal(get(SEC), 0x58);
    now = HZ / 2;
    assert_int_equal(get(SEC), 0x59);
}

static void writing_while_it_runs_changes_one_field(void **state)
{
    (void)state;
    set(MDAY, 0x05);
    set(HOUR, 0x07);
    set(CENT, 0x21);
    assert_time(0x21, 0x26, 0x11, 0x05, 0x07, 0x59, 0x58);
    set(B, 0x00);
    set(HOUR, 0x92); /* 12 p.m. */
    set(B, 0x02);
    assert_int_equal(get(HOUR), 0x12);
}

static void nonsense_is_a_time_too(void **state)
{
    (void)state;
    for (unsigned b = 0; b < 8; b += 2) {
        for (unsigned v = 0; v < 256; v++) {
            set(B, 0x80 | b);
            for (unsigned i = 0; i < 10; i++) {
                set(i, v);
            }
            set(CENT, v);
            set(B, b | 0x70);
            for (unsigned i = 0; i < 10; i++) {
                (void)get(i);
            }
            (void)get(CENT);
            (void)get(C);
            now += HZ + v;
        }
    }
    set(B, 0x82);
    set(MON, 0x02);
    set(MDAY, 0x30);
    set(YEAR, 0x24);
    set(CENT, 0x20);
    set(B, 0x02);
    assert_int_equal(get(MON), 0x03);
    assert_int_equal(get(MDAY), 0x01);
}

static void no_timer_without_an_enabled_interrupt(void **state)
{
    (void)state;
    set(A, 0x23);
    set(SEC_AL, 0xff);
    assert_true(queue.next == TIMER_OFF);
    set(B, 0x72);
    assert_true(queue.next != TIMER_OFF);
    set(B, 0x02);
    assert_true(queue.next == TIMER_OFF);
}

static void update_interrupts_each_second_until_c_is_read(void **state)
{
    uint64_t start = now;

    (void)state;
    now += HZ / 10;
    set(B, 0x12);
    assert_true(queue.next == start + HZ);
    run_to(start + HZ, false);
    assert_true(wire);
    assert_true(queue.next == TIMER_OFF); /* nothing more to tell until C has been read */
    now += 5 * HZ;
    assert_int_equal(get(C) & 0x90, 0x90);
    assert_false(wire);
    assert_int_equal(get(C) & 0x90, 0);
    assert_true(queue.next == start + 7 * HZ);
    set(B, 0x92); /* SET turns it off */
    assert_int_equal(get(B), 0x82);
    assert_true(queue.next == TIMER_OFF);
}

static void periodic_interrupts_at_each_rate(void **state)
{
    (void)state;
    for (unsigned rate = 0; rate < 16; rate++) {
        unsigned hz = rate == 0 ? 0 : rate == 1 ? 256 : rate == 2 ? 128 : 65536U >> rate;
        uint64_t start = now;

        set(A, 0x20 | rate);
        set(B, 0x42);
        (void)get(C);
        edges = 0;
        run_to(start + HZ, true);
        assert_in_range(edges, hz, hz);
        set(B, 0x02);
    }
}

static void a_late_timer_gives_one_periodic_interrupt(void **state)
{
    (void)state;
    set(A, 0x23);
    set(B, 0x42);
    now += HZ;
    timer_run(&queue, now);
    assert_int_equal(edges, 1);
    assert_int_equal(get(C) & 0xc0, 0xc0);
    assert_in_range(queue.next, now + 1, now + HZ / 8192 + 1);
}

static void flags_are_set_without_interrupts(void **state)
{
    (void)state;
    (void)get(C);
    now += HZ / 500;
    assert_int_equal(get(C), 0x40); /* a period, no update yet; no IRQF */
    now += HZ;
    assert_int_equal(get(C), 0x50);
    now += HZ; /* midnight: the alarm registers are all zero */
    assert_int_equal(get(C), 0x70);
    assert_int_equal(get(C), 0x00);
    now += HZ;
    set(B, 0x12); /* an old flag interrupts as soon as it is enabled */
    assert_true(wire);
    set(B, 0x02);
    assert_false(wire);
}

static void alarm_at_a_time(void **state)
{
    uint64_t start = now;

    (void)state;
    set(HOUR_AL, 0x07);
    set(MIN_AL, 0x30);
    set(SEC_AL, 0x15);
    set(B, 0x22);
    (void)get(C);
    assert_true(queue.next == start + (2 + 7 * 3600 + 30 * 60 + 15) * HZ);
    run_to(start + (2 + 7 * 3600 + 30 * 60 + 15) * HZ, false);
    assert_true(wire);
    assert_int_equal(get(C) & 0xa0, 0xa0);
    assert_true(queue.next == now + 86400 * HZ); /* tomorrow again */
}

static void alarm_with_wildcards(void **state)
{
    uint64_t start = now;

    (void)state;
    set(B, 0x22);
    set(HOUR_AL, 0xff);
    set(MIN_AL, 0xc0);
    set(SEC_AL, 0x30);
    assert_true(queue.next == start + 32 * HZ);
    set(MIN_AL, 0x10);
    assert_true(queue.next == start + (2 + 630) * HZ);
    set(MIN_AL, 0xff);
    set(SEC_AL, 0xff);
    assert_true(queue.next == start + HZ);
    set(HOUR_AL, 0x12);
    set(B, 0x20); /* 12 hours: 12 a.m. is midnight */
    assert_true(queue.next == start + 2 * HZ);
}

static void an_alarm_that_never_comes(void **state)
{
    (void)state;
    set(B, 0x22);
    set(HOUR_AL, 0xff);
    set(MIN_AL, 0xff);
    set(SEC_AL, 0x60);
    assert_true(queue.next == TIMER_OFF);
    set(SEC_AL, 0x0a);
    assert_true(queue.next == TIMER_OFF);
    set(SEC_AL, 0x00);
    set(HOUR_AL, 0x24);
    assert_true(queue.next == TIMER_OFF);
    set(HOUR_AL, 0x00);
    assert_true(queue.next != TIMER_OFF);
    set(B, 0xa2); /* nor while the time is frozen */
    assert_true(queue.next == TIMER_OFF);
}

static void setting_the_time_is_no_event(void **state)
{
    (void)state;
    (void)get(C);
    set(A, 0x20);
    (void)get(C);
    set(HOUR, 0x05);
    assert_int_equal(get(C), 0);
}

static void memory_is_kept(void **state)
{
    (void)state;
    for (unsigned i = 0x0e; i < 0x80; i++) {
        set(i | 0x80, i ^ 0x5a); /* bit 7 of the index is not part of it */
    }
    for (unsigned i = 0x0e; i < 0x80; i++) {
        if (i != CENT) {
            assert_int_equal(get(i), i ^ 0x5a);
        }
    }
    set(A, 0xa6);
    assert_int_equal(get(A), 0x26); /* UIP is not written */
    set(C, 0xff);
    set(D, 0x00);
    assert_int_equal(get(D), 0x80);
    rtc_set_cmos(&rtc, 0x0f, 0x0a);
    assert_int_equal(get(0x0f), 0x0a);
    rtc_set_cmos(&rtc, B, 0xff);
    rtc_set_cmos(&rtc, CENT, 0xff);
    rtc_set_cmos(&rtc, 0x80, 0xff);
    assert_int_equal(get(B), 0x02);
}

static void wide_accesses_reach_one_port(void **state)
{
    struct io_access a = { .offset = 0, .size = 2, .write = true, .value = 0xff0d };

    (void)state;
    rtc_io(&rtc, &a);
    assert_int_equal(rtc.index, 0x0d);
    a = (struct io_access){ .offset = 0, .size = 2 };
    rtc_io(&rtc, &a);
    assert_true(a.value == ~UINT64_C(0)); /* the index port is not read */
    a = (struct io_access){ .offset = 1, .size = 4 };
    rtc_io(&rtc, &a);
    assert_true(a.value == (~UINT64_C(0xff) | 0x80));
}

/* Whatever a guest writes, the model stays sane (the sanitizers watch) and always moves on. */
static void random_accesses_do_no_harm(void **state)
{
    static const uint64_t rates[] = { 1000000, 2400000000, 5800000000 };
    uint32_t seed = 1;

    (void)state;
    for (unsigned i = 0; i < 300000; i++) {
        seed = seed * 1664525 + 1013904223;
        if (i % 1000 == 0) {
            clk.hz = rates[i / 1000 % 3];
            start_at(seed);
        }
        if (seed >> 31) {
            set(seed >> 16 & 15, seed >> 8 & 0xff);
        } else if (seed >> 30) {
            (void)get(seed >> 16 & 63);
        } else {
            now += (uint64_t)(seed >> 4 & 0xffffff) << (seed & 15);
        }
        timer_run(&queue, now);
        assert_true(queue.next > now);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(shows_the_time_in_bcd, setup),
        cmocka_unit_test_setup(shows_the_time_in_binary_and_in_12_hours, setup),
        cmocka_unit_test_setup(agrees_with_the_c_library_on_every_day, setup),
        cmocka_unit_test_setup(update_in_progress_for_the_last_244_us_of_a_second, setup),
        cmocka_unit_test_setup(set_bit_freezes_and_sets_the_time, setup),
        cmocka_unit_test_setup(a_released_divider_ticks_after_half_a_second, setup),
        cmocka_unit_test_setup(a_released_divider_works_at_time_zero, setup),
        cmocka_unit_test_setup(writing_while_it_runs_changes_one_field, setup),
        cmocka_unit_test_setup(nonsense_is_a_time_too, setup),
        cmocka_unit_test_setup(no_timer_without_an_enabled_interrupt, setup),
        cmocka_unit_test_setup(update_interrupts_each_second_until_c_is_read, setup),
        cmocka_unit_test_setup(periodic_interrupts_at_each_rate, setup),
        cmocka_unit_test_setup(a_late_timer_gives_one_periodic_interrupt, setup),
        cmocka_unit_test_setup(flags_are_set_without_interrupts, setup),
        cmocka_unit_test_setup(alarm_at_a_time, setup),
        cmocka_unit_test_setup(alarm_with_wildcards, setup),
        cmocka_unit_test_setup(an_alarm_that_never_comes, setup),
        cmocka_unit_test_setup(setting_the_time_is_no_event, setup),
        cmocka_unit_test_setup(memory_is_kept, setup),
        cmocka_unit_test_setup(wide_accesses_reach_one_port, setup),
        cmocka_unit_test_setup(random_accesses_do_no_harm, setup),
    };
    return cmocka_run_group_tests_name("rtc", tests, NULL, NULL);
}
