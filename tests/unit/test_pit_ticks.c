/* Channel 0 and a guest that counts its interrupts, with the PIC between them: time that stays
 * true.
 */
#include "devices/pic.h"
#include "pit_fixture.h"

#include <string.h>

enum { VECTOR = 0x08, HANDLER_NS = 30000, SLOWEST = 65536 };

static struct pic pic;
static struct {
    bool interrupts_on;
    uint64_t busy_until; /* in its handler */
    uint64_t last;       /* when it took the tick before */
    uint64_t ticks;
    unsigned hurried; /* ticks that came sooner than a quarter of 1/18.2 s after another */
} guest;

static void pic_out(void *ctx, bool level)
{
    (void)ctx;
    (void)level;
}

static void pic_write(unsigned port, unsigned value)
{
    struct io_access a = { .offset = port, .size = 1, .write = true, .value = value };

    pic_master_io(&pic, &a);
}

static int setup_guest(void **state)
{
    setup(state);
    pic_init(&pic, pic_out, NULL);
    pic_write(0, 0x11);
    pic_write(1, VECTOR);
    pic_write(1, 0x04);
    pic_write(1, 0x01);
    pit_init(&pit, (struct irq_line){ .set = pic_set_pin, .ctl = &pic, .pin = 0 }, &clk, &queue);
    memset(&guest, 0, sizeof guest);
    guest.interrupts_on = true;
    return 0;
}

/* What the core does before it lets the guest run at this time. */
static void enter(void)
{
    timer_run(&queue, now);
    if (!guest.interrupts_on || now < guest.busy_until || !pic_pending(&pic)) {
        return;
    }
    if (pic_serves(&pic, 0)) {
        pit_acked(&pit);
    }
    assert_int_equal(pic_ack(&pic), VECTOR);
    pic_write(0, 0x20);
    guest.hurried += now - guest.last < ticks(SLOWEST / 4);
    guest.ticks++;
    guest.last = now;
    guest.busy_until = now + HANDLER_NS;
}

/* Runs the guest up to this time, with a stop wherever something can happen. */
static void run_guest(uint64_t until)
{
    enter();
    while (now < until) {
        uint64_t next = queue.next < until ? queue.next : until;

        if (guest.busy_until > now && guest.busy_until < next) {
            next = guest.busy_until;
        }
        now = next > now ? next : now;
        enter();
    }
}

/* The first tick of a new rate is taken, so that the timer knows its guest. */
static uint64_t start_ticks(unsigned count)
{
    uint64_t start = now;

    program(0, 2, count);
    run_guest(start + ticks(count) + 1);
    assert_int_equal(guest.ticks, 1);
    return start;
}

static uint64_t due(uint64_t start, unsigned count)
{
    return (now - start) * PIT_HZ / HZ / count;
}

static uint32_t seed;

static uint64_t random_below(uint64_t n)
{
    seed = seed * 1664525 + 1013904223;
    return (uint64_t)(seed >> 4) * n >> 28;
}

/* Spans in which the guest runs, has its interrupts off, or is kept from running, until `end`. */
static void run_roughly(uint64_t end, uint64_t away, uint64_t off)
{
    while (now < end) {
        run_guest(now + random_below(random_below(3) ? 6 * (away + off) : HZ / 10));
        if (random_below(2)) {
            now += random_below(away);
            enter();
        } else {
            guest.interrupts_on = false;
            run_guest(now + random_below(off));
            guest.interrupts_on = true;
        }
    }
}

static void an_hour_has_as_many_ticks_as_it_should(void **state)
{
    (void)state;
    for (seed = 1; seed <= 3; seed++) {
        uint64_t start, calm;

        setup_guest(NULL);
        start = start_ticks(SLOWEST);
        run_roughly(start + 3600 * HZ, 5 * HZ, 19 * HZ / 10);
        calm = now + 20 * HZ;
        run_guest(calm);
        assert_int_equal(pit.owed, 0);
        assert_int_equal(guest.ticks, due(start, SLOWEST));
        assert_true(guest.ticks > 65000);
    }
}

static void so_has_one_at_1000_hz(void **state)
{
    uint64_t start;

    (void)state;
    seed = 9;
    start = start_ticks(1193);
    run_roughly(start + 600 * HZ, HZ / 2, HZ);
    run_guest(now + HZ);
    assert_int_equal(pit.owed, 0);
    assert_int_equal(guest.ticks, due(start, 1193));
    seed = 10;
    run_roughly(start + 3600 * HZ, 20 * HZ, HZ / 50);
    run_guest(now + 30 * HZ);
    assert_int_equal(guest.ticks, due(start, 1193));
}

/* Four to five in the time of one, and the guest's own work in between. */
static void owed_ticks_leave_time_between_them(void **state)
{
    uint64_t start = start_ticks(SLOWEST);
    uint64_t ticks_before;

    (void)state;
    now += 10 * HZ;
    enter();
    ticks_before = guest.ticks;
    guest.hurried = 0;
    run_guest(now + HZ);
    assert_in_range(guest.ticks - ticks_before, 18 * 3, 18 * 5);
    assert_in_range(guest.hurried, 0, 19); /* only the counter's own come right behind another */
    run_guest(now + 4 * HZ);
    assert_int_equal(guest.ticks, due(start, SLOWEST));
    ticks_before = guest.ticks;
    run_guest(now + HZ);
    assert_in_range(guest.ticks - ticks_before, 18, 19); /* and then no more */
}

static void at_most_an_hour_is_owed(void **state)
{
    (void)state;
    start_ticks(SLOWEST);
    now += 10 * 3600 * HZ;
    enter();
    assert_int_equal(pit.owed, 65543);
    now += 3600 * HZ;
    enter();
    assert_int_equal(pit.owed, 65543);
    run_guest(now + 1300 * HZ);
    assert_int_equal(pit.owed, 0);
}

/* As on a PC, where one request waits in the PIC and the rest is lost. */
static void a_mask_of_minutes_loses_its_ticks(void **state)
{
    uint64_t taken;

    (void)state;
    start_ticks(SLOWEST);
    pic_write(1, 0x01);
    run_guest(now + 300 * HZ);
    assert_int_equal(guest.ticks, 1);
    pic_write(1, 0x00);
    run_guest(now + HZ);
    taken = guest.ticks;
    assert_in_range(taken, 18 + 30, 18 + 1 + 38);
    assert_int_equal(pit.owed, 0);
    run_guest(now + HZ);
    assert_in_range(guest.ticks - taken, 18, 19);
}

/* Nor does the host's absence meanwhile count. */
static void a_masked_guest_is_owed_nothing_for_the_hosts_absence(void **state)
{
    (void)state;
    start_ticks(SLOWEST);
    pic_write(1, 0x01);
    run_guest(now + 10 * HZ);
    now += 100 * HZ;
    run_guest(now + HZ);
    pic_write(1, 0x00);
    run_guest(now + 2 * HZ);
    assert_in_range(guest.ticks, 30 + 36, 1 + 38 + 2 * 19);
}

static void a_guest_without_the_pic_gets_its_edges_at_once_and_no_burst_later(void **state)
{
    uint64_t start = now;

    (void)state;
    pit_init(&pit, (struct irq_line){ .set = set_wire, .pin = 7 }, &clk, &queue);
    program(0, 2, 11932);
    run_to(start + 10 * HZ);
    assert_int_equal(edges, 999);
    assert_int_equal(pit.owed, 0);
    now += HZ / 2;
    run_to(now + HZ / 100);
    assert_in_range(edges, 1049, 1051);
    edges = 0;
    pit_acked(&pit); /* one goes astray */
    assert_int_equal(pit.owed, 0);
    run_to(now + HZ);
    assert_in_range(edges, 99, 101);
    /* From then on it is a guest that has masked its PIC. */
    run_to(now + 10 * HZ);
    edges = 0;
    run_to(now + HZ);
    assert_in_range(edges, 99, 101);
}

static void a_control_word_drops_what_is_owed(void **state)
{
    uint64_t start;

    (void)state;
    start_ticks(SLOWEST);
    now += 5 * HZ;
    enter();
    assert_true(pit.owed > 80);
    guest.ticks = 0;
    start = now;
    program(0, 3, 11932);
    assert_int_equal(pit.owed, 0);
    run_guest(start + HZ);
    assert_int_equal(guest.ticks, 99);
    now += 5 * HZ;
    enter();
    assert_true(pit.owed > 400);
    guest.interrupts_on = false;
    run_guest(now + HZ / 10);
    out8(3, 0x36); /* alone it stops the ticks, but for the one in the PIC */
    guest.interrupts_on = true;
    guest.ticks = 0;
    run_guest(now + HZ);
    assert_int_equal(guest.ticks, 1);
}

/* Firmware took its ticks through the PIC, the system that it started does not. */
static void a_control_word_starts_with_an_unknown_guest(void **state)
{
    (void)state;
    start_ticks(SLOWEST);
    pic_write(1, 0x01);
    program(0, 2, 11932);
    run_guest(now + HZ);
    now += HZ / 2;
    run_guest(now + HZ);
    assert_int_equal(pit.owed, 0);
    assert_int_equal(guest.ticks, 1);
}

static void a_new_count_drops_what_is_owed(void **state)
{
    uint64_t start, old;

    (void)state;
    old = start_ticks(SLOWEST);
    now += 5 * HZ;
    enter();
    assert_true(pit.owed > 80);
    guest.ticks = 0;
    start = old + ticks((due(old, SLOWEST) + 1) * SLOWEST); /* the period at work ends */
    out8(0, 0x9c);
    out8(0, 0x2e);
    assert_int_equal(pit.owed, 0);
    run_guest(start + HZ);
    assert_int_equal(guest.ticks, 1 + 99);
}

static void a_rate_that_nobody_can_make_up_for_is_not_counted(void **state)
{
    (void)state;
    program(0, 2, 20);
    run_guest(now + HZ);
    assert_int_equal(pit.owed, 0);
    assert_in_range(guest.ticks, 20000, 50000);
}

static void one_shots_are_not_counted(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 10; i++) {
        program(0, 0, 1000);
        now += HZ;
        enter();
        run_guest(now + HZ);
        assert_int_equal(guest.ticks, i + 1);
        assert_int_equal(pit.owed, 0);
    }
}

int main(void)
{
#define T(test) cmocka_unit_test_setup(test, setup_guest)
    const struct CMUnitTest tests[] = {
        T(an_hour_has_as_many_ticks_as_it_should),
        T(so_has_one_at_1000_hz),
        T(owed_ticks_leave_time_between_them),
        T(at_most_an_hour_is_owed),
        T(a_mask_of_minutes_loses_its_ticks),
        T(a_masked_guest_is_owed_nothing_for_the_hosts_absence),
        T(a_guest_without_the_pic_gets_its_edges_at_once_and_no_burst_later),
        T(a_control_word_drops_what_is_owed),
        T(a_control_word_starts_with_an_unknown_guest),
        T(a_new_count_drops_what_is_owed),
        T(a_rate_that_nobody_can_make_up_for_is_not_counted),
        T(one_shots_are_not_counted),
    };
    return cmocka_run_group_tests_name("pit_ticks", tests, NULL, NULL);
}
