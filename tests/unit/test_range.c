#include "lib/range.h"
#include "unit.h"

#define TOP UINT64_MAX

static void an_end_that_wraps_is_no_end(void **state)
{
    uint64_t end = 7;

    (void)state;
    assert_true(range_end(0x1000, 0x20, &end));
    assert_int_equal(end, 0x1020);
    assert_true(range_end(TOP, 0, &end));
    assert_true(end == TOP);
    assert_true(range_end(TOP - 1, 1, &end));
    assert_false(range_end(TOP, 1, &end));
    assert_false(range_end(1, TOP, &end));
}

static void fits_counts_to_the_last_byte(void **state)
{
    (void)state;
    assert_true(range_fits(0, 16, 16));
    assert_true(range_fits(15, 1, 16));
    assert_true(range_fits(16, 0, 16));
    assert_false(range_fits(17, 0, 16));
    assert_false(range_fits(0, 17, 16));
    assert_false(range_fits(15, 2, 16));
    assert_false(range_fits(8, TOP, 16));
    assert_false(range_fits(TOP, 1, 16));
    assert_false(range_fits(TOP, TOP, TOP - 1));
}

static void within_is_about_both_ends(void **state)
{
    (void)state;
    assert_true(range_within(0x1000, 0x1000, 0x1000, 0x1000));
    assert_true(range_within(0x1fff, 1, 0x1000, 0x1000));
    assert_true(range_within(0x2000, 0, 0x1000, 0x1000));
    assert_false(range_within(0xfff, 2, 0x1000, 0x1000));
    assert_false(range_within(0x1fff, 2, 0x1000, 0x1000));
    assert_false(range_within(0x1001, TOP, 0x1000, 0x1000));
    assert_true(range_within(TOP, 1, TOP, 1));
    assert_true(range_within(TOP - 1, 2, TOP - 15, 16));
}

static void overlap_is_a_shared_byte(void **state)
{
    (void)state;
    assert_true(range_overlaps(0, 2, 1, 1));
    assert_true(range_overlaps(1, 1, 0, 2));
    assert_true(range_overlaps(5, 1, 5, 1));
    assert_false(range_overlaps(0, 2, 2, 2));
    assert_false(range_overlaps(2, 2, 0, 2));
    assert_false(range_overlaps(5, 0, 5, 1));
    assert_false(range_overlaps(5, 1, 5, 0));
    assert_false(range_overlaps(3, 0, 0, 9));
}

static void a_range_that_wraps_reaches_to_the_top_only(void **state)
{
    (void)state;
    assert_true(range_overlaps(TOP - 1, 100, TOP, 1));
    assert_true(range_overlaps(16, TOP, TOP, 1));
    assert_false(range_overlaps(TOP - 1, 100, 5, 1));
    assert_false(range_overlaps(5, 1, TOP - 1, 100));
}

static void aligns_up_unless_that_wraps(void **state)
{
    uint64_t v;

    (void)state;
    assert_true(range_align_up(0, 4096, &v) && v == 0);
    assert_true(range_align_up(1, 4096, &v) && v == 4096);
    assert_true(range_align_up(4096, 4096, &v) && v == 4096);
    assert_true(range_align_up(7, 1, &v) && v == 7);
    assert_true(range_align_up(TOP - 4095, 4096, &v) && v == TOP - 4095);
    assert_false(range_align_up(TOP - 4094, 4096, &v));
    assert_false(range_align_up(TOP, 2, &v));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_end_that_wraps_is_no_end),
        cmocka_unit_test(fits_counts_to_the_last_byte),
        cmocka_unit_test(within_is_about_both_ends),
        cmocka_unit_test(overlap_is_a_shared_byte),
        cmocka_unit_test(a_range_that_wraps_reaches_to_the_top_only),
        cmocka_unit_test(aligns_up_unless_that_wraps),
    };
    return cmocka_run_group_tests_name("range", tests, NULL, NULL);
}
