#include "devices/clock.h"
#include "lib/bits.h"
#include "unit.h"

/* What exact arithmetic says, in 128 bits. */
static uint64_t exact(uint64_t from_hz, uint64_t to_hz, uint64_t count)
{
    return (uint64_t)((unsigned __int128)count * to_hz / from_hz);
}

static void the_factor_is_the_quotient_cut_to_32_binary_places(void **state)
{
    static const uint64_t rate[] = { 1,          3,          1000000,
                                     1193182,    3579545,    100000000,
                                     2400000000, 4294967295, UINT64_C(5200000000) };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(rate); i++) {
        for (unsigned k = 0; k < ARRAY_SIZE(rate) - 1; k++) { /* to_hz is below 2^32 */
            uint64_t mult = clock_scale(rate[i], rate[k]).mult;

            assert_true(mult == (uint64_t)(((unsigned __int128)rate[k] << 32) / rate[i]));
        }
    }
}

static void equal_rates_convert_to_the_same(void **state)
{
    struct clock_scale s = clock_scale(2400000000, 2400000000);

    (void)state;
    assert_true(s.mult == BIT(32));
    assert_int_equal(clock_convert(s, 0), 0);
    assert_true(clock_convert(s, UINT64_MAX) == UINT64_MAX);
}

/* A month of TSC ticks in PIT counts: the factor is short by less than 2^-32 of a count per tick.
 */
static void a_month_converts_to_within_its_rounding(void **state)
{
    uint64_t hz = 2400000000;
    uint64_t month = hz * 86400 * 30;
    uint64_t want = exact(hz, 1193182, month);
    uint64_t got = clock_convert(clock_scale(hz, 1193182), month);

    (void)state;
    assert_true(got <= want && want - got <= (month >> 32) + 1);
}

static void counts_do_not_overflow_on_the_way(void **state)
{
    struct clock_scale s = clock_scale(1000000, 4000000);

    (void)state;
    assert_true(clock_convert(s, BIT(61)) == BIT(63));
}

static uint64_t seven(void *ctx)
{
    return *(uint64_t *)ctx;
}

static void a_clock_is_asked_with_its_own_context(void **state)
{
    uint64_t ticks = 7;
    struct clock c = { .now = seven, .ctx = &ticks, .hz = 1000000 };

    (void)state;
    assert_int_equal(clock_now(&c), 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_factor_is_the_quotient_cut_to_32_binary_places),
        cmocka_unit_test(equal_rates_convert_to_the_same),
        cmocka_unit_test(a_month_converts_to_within_its_rounding),
        cmocka_unit_test(counts_do_not_overflow_on_the_way),
        cmocka_unit_test(a_clock_is_asked_with_its_own_context),
    };
    return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
