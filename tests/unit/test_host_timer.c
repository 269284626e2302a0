#include "arch/x86_64/host_timer.h"
#include "arch/x86_64/lapic_host.h"
#include "arch/x86_64/msr.h"
#include "arch/x86_64/percpu.h"
#include "arch/x86_64/trap.h"
#include "unit.h"

#include <string.h>

/* A local APIC in x2APIC mode, whose timer makes mul / div of a tick in one of the TSC. */
enum { ICR = 0x830, LVT_TIMER = 0x832, INITIAL = 0x838, CURRENT = 0x839, DIVIDE = 0x83e };
enum { VECTOR = 0x31, LVT_ONE_SHOT = VECTOR, LVT_DEADLINE = VECTOR | 2 << 17, ALL = 0xffffffff };
enum counter { RUNS, STANDS, READS_0, ABSENT };
static struct {
    enum counter counter;
    bool has_deadline;
    uint64_t mul, div, tsc, started, deadline;
    uint64_t access_ticks; /* what a TSC read or an APIC access takes */
    uint64_t stall;        /* ticks that firmware takes in the second sample */
    unsigned starts, writes, vectors;
    uint32_t lvt, divide, initial, icr;
    void (*handler)(void *ctx);
} hw;
static struct percpu cpu;

struct cpuid_regs cpu_cpuid(uint32_t leaf, uint32_t subleaf)
{
    assert_true(leaf == 1 && subleaf == 0);
    return (struct cpuid_regs){ .ecx = hw.has_deadline ? 1u << 24 : 0 };
}

void *cpu_gs_word(void)
{
    return &cpu;
}

uint64_t cpu_rdtsc(void)
{
    return hw.tsc += hw.access_ticks;
}

void io_out8(uint16_t port, uint8_t v)
{
    fail_msg("port %x, value %x: the timer has no port", port, v);
}

void trap_set_irq(uint8_t vector, void (*fn)(void *ctx), void *ctx)
{
    assert_int_equal(vector, VECTOR);
    assert_null(ctx);
    hw.handler = fn;
}

/* The APIC's clock runs freely: a count moves at that clock's edges, wherever it began. */
static uint64_t edges(uint64_t tsc)
{
    return tsc * hw.mul / hw.div;
}

static uint32_t current(void)
{
    uint64_t gone = edges(hw.tsc) - edges(hw.started);

    switch (hw.counter) {
    case STANDS:
        return hw.initial;
    case READS_0:
        return 0;
    case ABSENT:
        return ALL;
    default:
        return gone < hw.initial ? hw.initial - (uint32_t)gone : 0;
    }
}

/* The TSC tick at which the one-shot counter interrupts. */
static uint64_t fires_at(void)
{
    uint64_t last = edges(hw.started) + hw.initial;
    uint64_t at;

    assert_int_equal(hw.lvt, LVT_ONE_SHOT);
    assert_int_not_equal(hw.initial, 0);
    at = last * hw.div / hw.mul;
    return edges(at) < last ? at + 1 : at;
}

uint64_t msr_read(uint32_t msr)
{
    uint32_t v;

    hw.tsc += hw.access_ticks;
    assert_int_equal(msr, CURRENT);
    v = current();
    hw.tsc += hw.access_ticks + (hw.starts == 2 ? hw.stall : 0);
    return v;
}

void msr_write(uint32_t msr, uint64_t v)
{
    hw.tsc += hw.access_ticks;
    hw.writes++;
    switch (msr) {
    case MSR_TSC_DEADLINE:
        assert_int_equal(hw.lvt, LVT_DEADLINE);
        hw.deadline = v;
        break;
    case LVT_TIMER:
        hw.lvt = (uint32_t)v;
        break;
    case ICR:
        hw.icr = (uint32_t)v;
        break;
    case DIVIDE:
        hw.divide = (uint32_t)v;
        break;
    case INITIAL:
        assert_int_equal(hw.lvt & 3 << 17, 0);
        assert_int_equal(hw.divide, 0xb); /* by one */
        hw.initial = (uint32_t)v;
        hw.started = hw.tsc;
        hw.starts++;
        break;
    default:
        break;
    }
    hw.tsc += hw.access_ticks;
}

static void reset(uint64_t mul, uint64_t div, bool has_deadline)
{
    memset(&hw, 0, sizeof hw);
    memset(&cpu, 0, sizeof cpu);
    hw.mul = mul;
    hw.div = div;
    hw.has_deadline = has_deadline;
    hw.tsc = 123456789;
    hw.access_ticks = 150;
    lapic_host_init(NULL);
}

/* In service, and from here on accesses take no time. */
static void start(uint64_t mul, uint64_t div)
{
    reset(mul, div, false);
    assert_true(host_timer_init());
    hw.access_ticks = 0;
    hw.writes = 0;
}

static int one_shot(void **state)
{
    (void)state;
    start(1, 10);
    return 0;
}

static int with_deadline(void **state)
{
    (void)state;
    reset(1, 10, true);
    assert_true(host_timer_init());
    hw.writes = 0;
    return 0;
}

/* The first test: it runs before any lapic_host_init(). */
static void a_local_apic_that_is_off_is_not_touched(void **state)
{
    (void)state;
    assert_false(host_timer_init());
    assert_int_equal(hw.writes, 0);
    assert_null(hw.handler);
}

static void tsc_deadline_mode_is_taken_where_offered(void **state)
{
    (void)state;
    assert_int_equal(hw.lvt, LVT_DEADLINE);
    assert_int_equal(hw.deadline, 0);
    assert_int_equal(hw.starts, 0); /* nothing to measure */
    assert_non_null(hw.handler);
    host_timer_arm(987654321);
    assert_int_equal(hw.deadline, 987654321);
    host_timer_arm(UINT64_MAX - 1); /* far away */
    assert_true(hw.deadline == UINT64_MAX - 1);
    host_timer_arm(1000); /* in the past */
    assert_int_equal(hw.deadline, 1000);
    host_timer_arm(0);
    assert_int_equal(hw.deadline, 1); /* 0 would be "off" */
    host_timer_arm(UINT64_MAX);
    assert_int_equal(hw.deadline, 0);
    host_timer_arm(987654321);
    assert_true(host_timer_init()); /* again */
    assert_int_equal(hw.deadline, 0);
}

static void it_can_be_made_to_come_at_once(void **state)
{
    (void)state;
    hw.icr = 0;
    host_timer_fire();
    assert_int_equal(hw.icr, 0x44000 | VECTOR); /* to itself */
}

static void else_it_counts_once_and_is_off_at_first(void **state)
{
    (void)state;
    assert_int_equal(hw.lvt, LVT_ONE_SHOT);
    assert_int_equal(hw.initial, 0);
    assert_non_null(hw.handler);
    assert_true(cpu.timer_deadline == UINT64_MAX);
}

static const struct {
    uint64_t mul, div;
} rates[] = {
    {1,   10 },
    { 1,  1  },
    { 3,  1  },
    { 1,  125},
    { 7,  64 },
    { 99, 100}
};

/* The rate is found to 1 in 1000, and any error makes the timer early. */
static void it_fires_at_the_deadline_or_shortly_before(void **state)
{
    (void)state;
    for (unsigned r = 0; r < sizeof rates / sizeof rates[0]; r++) {
        uint64_t tick = rates[r].div / rates[r].mul + 1; /* of the counter, in TSC ticks */

        start(rates[r].mul, rates[r].div);
        for (uint64_t ahead = tick; ahead < 1u << 30; ahead += ahead / 7 + 1) {
            uint64_t deadline = hw.tsc + ahead;

            host_timer_arm(deadline);
            assert_true(fires_at() <= deadline);
            assert_true(deadline - fires_at() <= ahead / 1000 + 2 * tick);
            hw.tsc += ahead / 13; /* another phase of the APIC's clock */
        }
    }
}

/* Wherever the edges of its clock lie, accesses that take no time make nothing late either. */
static void no_phase_of_its_clock_makes_it_late(void **state)
{
    (void)state;
    for (unsigned phase = 0; phase < 128; phase++) {
        uint64_t deadline;

        reset(1, 128, false);
        hw.access_ticks = 1;
        hw.tsc += phase;
        assert_true(host_timer_init());
        hw.access_ticks = 0;
        deadline = hw.tsc + 100000000;
        host_timer_arm(deadline);
        assert_true(fires_at() <= deadline);
    }
}

static void one_disturbed_sample_does_not_matter(void **state)
{
    uint64_t deadline;

    (void)state;
    reset(1, 10, false);
    hw.stall = 5000000;
    assert_true(host_timer_init());
    hw.access_ticks = 0;
    deadline = hw.tsc + 100000000;
    host_timer_arm(deadline);
    assert_true(deadline - fires_at() <= 100000000 / 1000);
}

static void what_is_armed_already_is_not_written(void **state)
{
    uint64_t deadline = hw.tsc + 5000000;

    (void)state;
    host_timer_arm(UINT64_MAX);
    assert_int_equal(hw.writes, 0);
    host_timer_arm(deadline);
    assert_int_equal(hw.writes, 1);
    hw.tsc += 1000;
    host_timer_arm(deadline);
    assert_int_equal(hw.writes, 1);
    host_timer_arm(deadline + 1);
    assert_int_equal(hw.writes, 2);
}

static void its_interrupt_is_counted_and_leaves_nothing_armed(void **state)
{
    uint64_t deadline = hw.tsc + 5000000;

    (void)state;
    host_timer_arm(deadline);
    hw.tsc = fires_at();
    hw.handler(NULL);
    assert_int_equal(cpu.timer_irqs, 1);
    assert_true(cpu.timer_deadline == UINT64_MAX);
    host_timer_arm(deadline); /* it was early */
    assert_int_equal(hw.writes, 2);
    assert_true(fires_at() <= deadline);
}

static void the_past_fires_at_once(void **state)
{
    (void)state;
    host_timer_arm(hw.tsc - 1);
    assert_int_equal(hw.initial, 1);
    host_timer_arm(hw.tsc);
    assert_int_equal(hw.initial, 1);
    host_timer_arm(0);
    assert_int_equal(hw.initial, 1);
    hw.initial = 0;
    host_timer_arm(hw.tsc + 1); /* less than one tick of the counter */
    assert_int_equal(hw.initial, 1);
}

static void off_stops_the_counter(void **state)
{
    (void)state;
    host_timer_arm(hw.tsc + 5000000);
    assert_int_not_equal(hw.initial, 0);
    host_timer_arm(UINT64_MAX);
    assert_int_equal(hw.initial, 0);
}

static void far_away_is_the_longest_count(void **state)
{
    (void)state;
    host_timer_arm(hw.tsc + (UINT64_C(1) << 40));
    assert_int_equal(hw.initial, ALL);
    host_timer_arm(UINT64_MAX - 1);
    assert_int_equal(hw.initial, ALL);
}

static void a_counter_that_does_not_count_is_refused(void **state)
{
    (void)state;
    for (enum counter c = STANDS; c <= ABSENT; c++) {
        reset(1, 1, false);
        hw.counter = c;
        assert_false(host_timer_init());
        assert_int_equal(hw.initial, 0);
        assert_int_equal(hw.lvt, 0x10000); /* still masked */
    }
}

static void a_second_start_turns_it_off_and_is_as_good(void **state)
{
    uint64_t deadline;

    (void)state;
    host_timer_arm(hw.tsc + 5000000);
    hw.access_ticks = 150;
    assert_true(host_timer_init());
    assert_int_equal(hw.initial, 0);
    assert_true(cpu.timer_deadline == UINT64_MAX);
    hw.access_ticks = 0;
    deadline = hw.tsc + 5000000;
    host_timer_arm(deadline);
    assert_true(fires_at() <= deadline && deadline - fires_at() < 5000000 / 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_local_apic_that_is_off_is_not_touched),
        cmocka_unit_test_setup(tsc_deadline_mode_is_taken_where_offered, with_deadline),
        cmocka_unit_test_setup(it_can_be_made_to_come_at_once, with_deadline),
        cmocka_unit_test_setup(else_it_counts_once_and_is_off_at_first, one_shot),
        cmocka_unit_test(it_fires_at_the_deadline_or_shortly_before),
        cmocka_unit_test(no_phase_of_its_clock_makes_it_late),
        cmocka_unit_test(one_disturbed_sample_does_not_matter),
        cmocka_unit_test_setup(what_is_armed_already_is_not_written, one_shot),
        cmocka_unit_test_setup(its_interrupt_is_counted_and_leaves_nothing_armed, one_shot),
        cmocka_unit_test_setup(the_past_fires_at_once, one_shot),
        cmocka_unit_test_setup(off_stops_the_counter, one_shot),
        cmocka_unit_test_setup(far_away_is_the_longest_count, one_shot),
        cmocka_unit_test(a_counter_that_does_not_count_is_refused),
        cmocka_unit_test_setup(a_second_start_turns_it_off_and_is_as_good, one_shot),
    };
    return cmocka_run_group_tests_name("host_timer", tests, NULL, NULL);
}
