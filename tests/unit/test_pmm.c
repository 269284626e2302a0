#include "mm/pmm.h"
#include "unit.h"

#include <string.h>

static struct pmm p;

static int empty(void **state)
{
    (void)state;
    memset(&p, 0, sizeof p);
    return 0;
}

/* What the header promises of the list, and that `free` is its sum. */
static void assert_sound(void)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < p.count; i++) {
        assert_true(p.range[i].len > 0);
        assert_int_equal((p.range[i].base | p.range[i].len) % PAGE_SIZE, 0);
        if (i) {
            assert_true(p.range[i - 1].base + p.range[i - 1].len < p.range[i].base);
        }
        sum += p.range[i].len;
    }
    assert_int_equal(p.free, sum);
}

static void assert_range(unsigned i, uint64_t base, uint64_t len)
{
    assert_sound();
    assert_true(i < p.count);
    assert_int_equal(p.range[i].base, base);
    assert_int_equal(p.range[i].len, len);
}

static void add(uint64_t base, uint64_t len)
{
    assert_int_equal(pmm_add(&p, base, len), ERR_NONE);
}

static void reserve(uint64_t base, uint64_t len)
{
    assert_int_equal(pmm_reserve(&p, base, len), ERR_NONE);
}

static void added_ranges_are_cut_to_whole_frames(void **state)
{
    (void)state;
    add(0x1001, 0x2fff);
    assert_int_equal(p.count, 1);
    assert_range(0, 0x2000, 0x2000);
    add(0x10001, 0xfff);
    add(0x20000, 0xfff);
    add(0x30000, 0);
    assert_int_equal(p.count, 1);
}

static void the_list_is_sorted_and_joined(void **state)
{
    (void)state;
    add(0x5000, 0x1000);
    add(0x1000, 0x1000);
    add(0x3000, 0x1000);
    assert_int_equal(p.count, 3);
    assert_range(1, 0x3000, 0x1000);
    add(0x2000, 0x1000); /* closes the gap on both sides */
    assert_int_equal(p.count, 2);
    assert_range(0, 0x1000, 0x3000);
    add(0x4000, 0x1000);
    assert_int_equal(p.count, 1);
    assert_range(0, 0x1000, 0x5000);
}

static void a_range_that_wraps_or_is_free_already_is_refused(void **state)
{
    (void)state;
    add(0x4000, 0x2000);
    assert_int_equal(pmm_add(&p, UINT64_MAX - 0xfff, 0x1000), ERR_RANGE);
    assert_int_equal(pmm_add(&p, 0x1000, UINT64_MAX), ERR_RANGE);
    assert_int_equal(pmm_add(&p, 0x5000, 0x2000), ERR_OVERLAP);
    assert_int_equal(pmm_add(&p, 0x3000, 0x2000), ERR_OVERLAP);
    assert_int_equal(pmm_add(&p, 0x1000, 0x9000), ERR_OVERLAP);
    assert_int_equal(pmm_add(&p, 0x4000, 0x1000), ERR_OVERLAP);
    assert_int_equal(p.count, 1);
    assert_range(0, 0x4000, 0x2000);
}

static void a_full_list_says_so_and_stays_sound(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < PMM_RANGES; i++) {
        add(i * 0x10000, 0x3000);
    }
    assert_int_equal(pmm_add(&p, 0x9000000, 0x1000), ERR_NOMEM);
    assert_sound();
    assert_int_equal(pmm_reserve(&p, 0x11000, 0x1000), ERR_NOMEM); /* a hole needs one more */
    assert_range(1, 0x10000, 0x1000);
    reserve(0x20000, 0x1000);
    assert_range(2, 0x21000, 0x2000);
}

static void reserving_takes_heads_tails_middles_and_all(void **state)
{
    (void)state;
    add(0x10000, 0x10000);
    reserve(0x10000, 0x1000);
    assert_range(0, 0x11000, 0xf000);
    reserve(0x1f000, 0x1000);
    assert_range(0, 0x11000, 0xe000);
    reserve(0x14000, 0x2000);
    assert_range(0, 0x11000, 0x3000);
    assert_range(1, 0x16000, 0x9000);
    reserve(0x13000, 0x4000); /* over the hole, into both */
    assert_range(0, 0x11000, 0x2000);
    assert_range(1, 0x17000, 0x8000);
    reserve(0, 0x100000);
    assert_int_equal(p.count, 0);
    assert_int_equal(p.free, 0);
}

static void reserving_widens_to_whole_frames_and_leaves_the_neighbours(void **state)
{
    (void)state;
    add(0x10000, 0x4000);
    reserve(0x11fff, 2);
    assert_range(0, 0x10000, 0x1000);
    assert_range(1, 0x13000, 0x1000);
    reserve(0xf000, 0x1000);
    reserve(0x14000, 0x1000);
    assert_int_equal(p.free, 0x2000);
}

static void reserving_what_wraps_reaches_to_the_top(void **state)
{
    (void)state;
    add(0x10000, 0x4000);
    add(UINT64_C(0xfffffffff0000000), 0x1000);
    reserve(0x12000, UINT64_MAX);
    assert_int_equal(p.count, 1);
    assert_range(0, 0x10000, 0x2000);
}

static void pieces_are_aligned_lowest_first_and_above_min(void **state)
{
    hpa_t at;

    (void)state;
    add(0x1000, 0x4000);
    add(0x101000, 0x3ff000);
    assert_true(pmm_alloc(&p, 0x1000, 0x1000, 0, &at));
    assert_int_equal(at.v, 0x1000);
    assert_true(pmm_alloc(&p, 0x1000, 0x4000, 0, &at));
    assert_int_equal(at.v, 0x4000);
    assert_true(pmm_alloc(&p, 0x1000, 0x1000, 0x100000, &at));
    assert_int_equal(at.v, 0x101000);
    assert_true(pmm_alloc(&p, 0x200000, 0x200000, 0x100000, &at));
    assert_int_equal(at.v, 0x200000);
    assert_true(pmm_alloc(&p, 0x1000, 0x1000, 0x300800, &at)); /* min need not be aligned */
    assert_int_equal(at.v, 0x400000);
    assert_sound();
}

static void what_does_not_fit_is_not_given_out(void **state)
{
    hpa_t at;

    (void)state;
    add(0x1000, 0x4000);
    add(0x8000, 0x2000);
    assert_false(pmm_alloc(&p, 0x5000, 0x1000, 0, &at)); /* two ranges do not make one */
    assert_false(pmm_alloc(&p, 0x1000, 0x10000, 0, &at));
    assert_false(pmm_alloc(&p, 0x1000, 0x1000, 0xa000, &at));
    assert_false(pmm_alloc(&p, UINT64_MAX, 0x1000, 0, &at));
    assert_int_equal(p.free, 0x6000);
    assert_true(pmm_alloc(&p, 0x4000, 0x1000, 0, &at));
    assert_int_equal(at.v, 0x1000);
}

static void all_that_was_given_out_comes_back_as_one(void **state)
{
    hpa_t at[16];

    (void)state;
    add(0x100000, 16 * PAGE_SIZE);
    for (unsigned i = 0; i < 16; i++) {
        assert_true(pmm_alloc(&p, PAGE_SIZE, PAGE_SIZE, 0, &at[i]));
    }
    assert_int_equal(p.count, 0);
    for (unsigned i = 0; i < 16; i++) {
        add(at[i * 7 % 16].v, PAGE_SIZE);
    }
    assert_int_equal(p.count, 1);
    assert_range(0, 0x100000, 16 * PAGE_SIZE);
}

static void the_largest_piece_minds_alignment_and_min(void **state)
{
    hpa_t at;
    uint64_t largest;

    (void)state;
    assert_int_equal(pmm_largest(&p, PAGE_SIZE, 0), 0);
    add(0x1000, 0x9000);
    add(0x101000, 0x300000);
    add(0x800000, 0x200000);
    assert_int_equal(pmm_largest(&p, PAGE_SIZE, 0), 0x300000);
    assert_int_equal(pmm_largest(&p, 0x200000, 0), 0x201000);
    assert_int_equal(pmm_largest(&p, PAGE_SIZE, 0x400000), 0x200000);
    assert_int_equal(pmm_largest(&p, PAGE_SIZE, 0xa00000), 0);
    largest = pmm_largest(&p, 0x200000, 0x100000);
    assert_true(pmm_alloc(&p, largest, 0x200000, 0x100000, &at));
    assert_int_equal(at.v, 0x200000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(added_ranges_are_cut_to_whole_frames, empty),
        cmocka_unit_test_setup(the_list_is_sorted_and_joined, empty),
        cmocka_unit_test_setup(a_range_that_wraps_or_is_free_already_is_refused, empty),
        cmocka_unit_test_setup(a_full_list_says_so_and_stays_sound, empty),
        cmocka_unit_test_setup(reserving_takes_heads_tails_middles_and_all, empty),
        cmocka_unit_test_setup(reserving_widens_to_whole_frames_and_leaves_the_neighbours, empty),
        cmocka_unit_test_setup(reserving_what_wraps_reaches_to_the_top, empty),
        cmocka_unit_test_setup(pieces_are_aligned_lowest_first_and_above_min, empty),
        cmocka_unit_test_setup(what_does_not_fit_is_not_given_out, empty),
        cmocka_unit_test_setup(all_that_was_given_out_comes_back_as_one, empty),
        cmocka_unit_test_setup(the_largest_piece_minds_alignment_and_min, empty),
    };
    return cmocka_run_group_tests_name("pmm", tests, NULL, NULL);
}
