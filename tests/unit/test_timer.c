#include "devices/timer.h"
#include "unit.h"

static struct timer_queue queue;
static struct timer timer[3];
static char fired[16];
static unsigned fired_count;
static uint64_t again_at;

static void note(void *ctx, uint64_t now)
{
    (void)now;
    fired[fired_count++] = *(const char *)ctx;
}

static void rearm(void *ctx, uint64_t now)
{
    note(ctx, now);
    timer_arm(&timer[0], again_at);
}

static int setup(void **state)
{
    static char name[3] = { 'a', 'b', 'c' };

    (void)state;
    fired_count = 0;
    timer_queue_init(&queue);
    for (unsigned i = 0; i < 3; i++) {
        timer_init(&timer[i], &queue, note, &name[i]);
    }
    return 0;
}

static void fires_in_order_of_deadlines(void **state)
{
    (void)state;
    timer_arm(&timer[1], 20);
    timer_arm(&timer[0], 30);
    timer_arm(&timer[2], 10);
    assert_int_equal(queue.next, 10);
    timer_run(&queue, 9);
    assert_int_equal(fired_count, 0);
    timer_run(&queue, 20);
    assert_memory_equal(fired, "cb", 2);
    assert_int_equal(queue.next, 30);
    assert_true(timer[2].deadline == TIMER_OFF);
}

static void a_moved_or_disarmed_timer_does_not_fire(void **state)
{
    (void)state;
    timer_arm(&timer[0], 10);
    timer_arm(&timer[1], 11);
    timer_arm(&timer[0], 100);
    timer_arm(&timer[1], TIMER_OFF);
    timer_arm(&timer[1], TIMER_OFF);
    assert_int_equal(queue.next, 100);
    timer_run(&queue, 50);
    assert_int_equal(fired_count, 0);
    timer_arm(&timer[0], TIMER_OFF);
    assert_true(queue.next == TIMER_OFF);
}

static void a_timer_may_arm_itself_again(void **state)
{
    static char name = 'r';

    (void)state;
    timer_init(&timer[0], &queue, rearm, &name);
    again_at = 25;
    timer_arm(&timer[0], 5);
    timer_run(&queue, 20);
    assert_int_equal(fired_count, 1);
    assert_int_equal(queue.next, 25);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(fires_in_order_of_deadlines, setup),
        cmocka_unit_test_setup(a_moved_or_disarmed_timer_does_not_fire, setup),
        cmocka_unit_test_setup(a_timer_may_arm_itself_again, setup),
    };
    return cmocka_run_group_tests_name("timer", tests, NULL, NULL);
}
