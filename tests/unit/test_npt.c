#include "lib/bits.h"
#include "mm/npt.h"
#include "unit.h"
#include "vmx/ept.h"

#include <string.h>

enum { FRAMES = 24, CAP_2MIB = 1 << 16, CAP_1GIB = 1 << 17 };
#define FRAME_BASE UINT64_C(0x7654321000000) /* host-physical of frame 0: uses all address bits */

static _Alignas(4096) uint64_t frame[FRAMES][512];
static bool used[FRAMES];
static unsigned in_use, limit;

static bool take(void *ctx, hpa_t *out)
{
    assert_ptr_equal(ctx, frame);
    for (unsigned i = 0; i < limit; i++) {
        if (!used[i]) {
            used[i] = true;
            in_use++;
            memset(frame[i], 0, sizeof frame[i]);
            *out = HPA(FRAME_BASE + i * PAGE_SIZE);
            return true;
        }
    }
    return false;
}

static unsigned index_of(hpa_t at)
{
    assert_true(at.v >= FRAME_BASE && at.v < FRAME_BASE + FRAMES * PAGE_SIZE);
    assert_int_equal(at.v % PAGE_SIZE, 0);
    assert_true(used[(at.v - FRAME_BASE) / PAGE_SIZE]);
    return (unsigned)((at.v - FRAME_BASE) / PAGE_SIZE);
}

static void give_back(void *ctx, hpa_t at)
{
    assert_ptr_equal(ctx, frame);
    used[index_of(at)] = false;
    in_use--;
}

static uint64_t *see(void *ctx, hpa_t at)
{
    assert_ptr_equal(ctx, frame);
    return frame[index_of(at)];
}

static const struct npt_frames frames = { take, give_back, see, frame };
static struct npt_format format;
static struct npt t;

static int fresh(uint64_t cap)
{
    memset(used, 0, sizeof used);
    in_use = 0;
    limit = FRAMES;
    format = ept_format(cap);
    return npt_init(&t, &format, &frames) == ERR_NONE ? 0 : -1;
}

static int with_1gib(void **state)
{
    (void)state;
    return fresh(CAP_2MIB | CAP_1GIB);
}

static int with_2mib(void **state)
{
    (void)state;
    return fresh(CAP_2MIB);
}

static int with_4kib(void **state)
{
    (void)state;
    return fresh(0);
}

static int all_back(void **state)
{
    (void)state;
    assert_int_equal(t.tables, in_use);
    npt_free(&t);
    assert_int_equal(in_use, 0);
    npt_free(&t); /* does nothing */
    return 0;
}

static void map(uint64_t to, uint64_t from, uint64_t len)
{
    assert_int_equal(npt_map(&t, GPA(to), HPA(from), len, NPT_RWX), ERR_NONE);
}

static void assert_maps(uint64_t at, uint64_t to, unsigned prot)
{
    hpa_t out;
    unsigned got;

    assert_true(npt_lookup(&t, GPA(at), &out, &got));
    assert_true(out.v == to);
    assert_int_equal(got, prot);
}

static void assert_hole(uint64_t at)
{
    hpa_t out;
    unsigned prot;

    assert_false(npt_lookup(&t, GPA(at), &out, &prot));
}

static void an_empty_tree_has_one_table_and_maps_nothing(void **state)
{
    (void)state;
    assert_int_equal(t.tables, 1);
    assert_hole(0);
    assert_hole(BIT(48) - 1);
    assert_hole(BIT(48));
    assert_hole(UINT64_MAX);
    assert_int_equal(npt_map(&t, GPA(0), HPA(0), 0, NPT_RWX), ERR_NONE);
    assert_int_equal(t.tables, 1);
}

static void a_gib_is_one_entry_where_the_cpu_has_that(void **state)
{
    (void)state;
    map(GIB, 5 * GIB, GIB);
    assert_int_equal(t.tables, 2);
    assert_maps(GIB, 5 * GIB, NPT_RWX);
    assert_maps(2 * GIB - 1, 6 * GIB - 1, NPT_RWX);
    assert_hole(GIB - 1);
    assert_hole(2 * GIB);
    assert_true(see(frame, HPA(FRAME_BASE + PAGE_SIZE))[1] == (5 * GIB | 0xb7));
}

static void without_1gib_leaves_a_gib_is_512_entries(void **state)
{
    (void)state;
    map(GIB, 5 * GIB, GIB);
    assert_int_equal(t.tables, 3);
    assert_maps(GIB, 5 * GIB, NPT_RWX);
    assert_maps(2 * GIB - 1, 6 * GIB - 1, NPT_RWX);
    assert_maps(GIB + 7 * MIB + 5, 5 * GIB + 7 * MIB + 5, NPT_RWX);
    assert_hole(2 * GIB);
}

static void without_any_large_leaf_all_is_4kib(void **state)
{
    (void)state;
    map(2 * MIB, 4 * MIB, 4 * MIB);
    assert_int_equal(t.tables, 5); /* root, two above, two of 4 KiB entries */
    assert_maps(6 * MIB - 1, 8 * MIB - 1, NPT_RWX);
    assert_true(see(frame, HPA(FRAME_BASE + 3 * PAGE_SIZE))[0] == (4 * MIB | 0x37));
}

/* 4 KiB up to the first 2 MiB boundary, 2 MiB up to the GiB, a GiB, and the same downwards. */
static void leaves_grow_with_alignment_and_shrink_again(void **state)
{
    uint64_t from = GIB - 2 * MIB - PAGE_SIZE;
    uint64_t end = 2 * GIB + 2 * MIB + PAGE_SIZE;
    uint64_t off = 8 * GIB;

    (void)state;
    map(from, from + off, end - from);
    assert_int_equal(t.tables, 1 + 1 + 2 + 2);
    for (uint64_t at = from; at < end; at += at < GIB || at >= 2 * GIB ? PAGE_SIZE : 64 * MIB) {
        assert_maps(at + 3, at + off + 3, NPT_RWX);
    }
    assert_hole(from - 1);
    assert_hole(end);
}

static void leaves_are_as_small_as_the_worse_aligned_side(void **state)
{
    (void)state;
    map(2 * MIB, 2 * MIB + PAGE_SIZE, 2 * MIB);
    assert_int_equal(t.tables, 4);
    assert_maps(4 * MIB - 1, 4 * MIB + PAGE_SIZE - 1, NPT_RWX);
    assert_hole(4 * MIB);
}

static void what_is_mapped_is_not_mapped_again(void **state)
{
    (void)state;
    map(4 * MIB, 4 * MIB, 2 * MIB);
    map(GIB, GIB, GIB);
    map(0x5000, 0x9000, PAGE_SIZE);
    assert_int_equal(npt_map(&t, GPA(4 * MIB), HPA(0), 2 * MIB, NPT_RWX), ERR_OVERLAP);
    assert_int_equal(npt_map(&t, GPA(5 * MIB), HPA(0), PAGE_SIZE, NPT_RWX), ERR_OVERLAP);
    assert_int_equal(npt_map(&t, GPA(GIB + 4 * MIB), HPA(0), 2 * MIB, NPT_RWX), ERR_OVERLAP);
    assert_int_equal(npt_map(&t, GPA(0x5000), HPA(0), PAGE_SIZE, NPT_RWX), ERR_OVERLAP);
    /* a large leaf over a table below it */
    assert_int_equal(npt_map(&t, GPA(0), HPA(0), 2 * MIB, NPT_RWX), ERR_OVERLAP);
    assert_int_equal(npt_map(&t, GPA(0), HPA(0), GIB, NPT_RWX), ERR_OVERLAP);
    assert_maps(0x5fff, 0x9fff, NPT_RWX);
    assert_maps(5 * MIB, 5 * MIB, NPT_RWX);
}

static void what_is_no_run_of_pages_below_the_limit_is_refused(void **state)
{
    (void)state;
    assert_int_equal(npt_map(&t, GPA(1), HPA(0), PAGE_SIZE, NPT_RWX), ERR_RANGE);
    assert_int_equal(npt_map(&t, GPA(0), HPA(0x800), PAGE_SIZE, NPT_RWX), ERR_RANGE);
    assert_int_equal(npt_map(&t, GPA(0), HPA(0), PAGE_SIZE + 1, NPT_RWX), ERR_RANGE);
    assert_int_equal(npt_map(&t, GPA(BIT(48)), HPA(0), PAGE_SIZE, NPT_RWX), ERR_RANGE);
    assert_int_equal(npt_map(&t, GPA(BIT(48) - PAGE_SIZE), HPA(0), 2 * PAGE_SIZE, NPT_RWX),
                     ERR_RANGE);
    assert_int_equal(npt_map(&t, GPA(PAGE_SIZE), HPA(0), ~(PAGE_SIZE - 1), NPT_RWX), ERR_RANGE);
    assert_int_equal(npt_map(&t, GPA(0), HPA(~(PAGE_SIZE - 1)), PAGE_SIZE, NPT_RWX), ERR_RANGE);
    assert_int_equal(npt_map(&t, GPA(0), HPA(BIT(52)), PAGE_SIZE, NPT_RWX), ERR_RANGE);
    assert_int_equal(t.tables, 1);
    map(BIT(48) - PAGE_SIZE, 0, PAGE_SIZE);
    assert_maps(BIT(48) - 1, PAGE_SIZE - 1, NPT_RWX);
}

static void protection_is_kept_and_told(void **state)
{
    (void)state;
    for (unsigned prot = 1; prot <= NPT_RWX; prot++) {
        gpa_t at = GPA(prot * 2 * MIB);

        assert_int_equal(npt_map(&t, at, HPA(at.v), 2 * MIB, prot), ERR_NONE);
        assert_maps(at.v + 9, at.v + 9, prot);
    }
}

static void out_of_frames_is_told_and_keeps_what_was_mapped(void **state)
{
    (void)state;
    limit = 5; /* the root, two, and tables for 4 MiB */
    assert_int_equal(npt_map(&t, GPA(0), HPA(0), 6 * MIB, NPT_RWX), ERR_NOMEM);
    assert_int_equal(t.tables, 5);
    assert_maps(4 * MIB - 1, 4 * MIB - 1, NPT_RWX);
    assert_hole(4 * MIB);
}

static void no_frame_for_the_root_is_told(void **state)
{
    struct npt none;

    (void)state;
    limit = 0;
    assert_int_equal(npt_init(&none, &format, &frames), ERR_NOMEM);
    assert_int_equal(none.tables, 0);
    npt_free(&none);
}

static enum err change(uint64_t at, uint64_t from, uint64_t len, unsigned prot)
{
    return npt_change(&t, GPA(at), HPA(from), len, prot);
}

static void small_pages_are_pointed_elsewhere(void **state)
{
    (void)state;
    map(0x100000, 0x700000, 0x10000);
    assert_int_equal(change(0x102000, 0x9000, 0x3000, NPT_R | NPT_X), ERR_NONE);
    assert_int_equal(t.tables, 4);
    assert_maps(0x101fff, 0x701fff, NPT_RWX);
    assert_maps(0x102000, 0x9000, NPT_R | NPT_X);
    assert_maps(0x104fff, 0xbfff, NPT_R | NPT_X);
    assert_maps(0x105000, 0x705000, NPT_RWX);
    assert_true(see(frame, HPA(FRAME_BASE + 3 * PAGE_SIZE))[0x102] == (0x9000 | 0x35));
}

static void pages_show_nothing_and_something_again(void **state)
{
    (void)state;
    map(0x100000, 0x700000, 0x3000);
    assert_int_equal(change(0x101000, 0, 0x1000, 0), ERR_NONE);
    assert_maps(0x100fff, 0x700fff, NPT_RWX);
    assert_hole(0x101000);
    assert_hole(0x101fff);
    assert_maps(0x102000, 0x702000, NPT_RWX);
    assert_true(see(frame, HPA(FRAME_BASE + 3 * PAGE_SIZE))[0x101] == 0);
    assert_int_equal(change(0x100000, 0x40000, 0x3000, NPT_RWX), ERR_NONE);
    assert_maps(0x100000, 0x40000, NPT_RWX);
    assert_maps(0x101fff, 0x41fff, NPT_RWX);
    assert_maps(0x102fff, 0x42fff, NPT_RWX);
    assert_int_equal(t.tables, 4);
}

static void a_change_may_cross_tables(void **state)
{
    (void)state;
    map(2 * MIB - 0x2000, 0x40000, 0x4000);
    assert_int_equal(change(2 * MIB - 0x1000, 0x81000, 0x2000, NPT_RWX), ERR_NONE);
    assert_maps(2 * MIB - 0x2000, 0x40000, NPT_RWX);
    assert_maps(2 * MIB - 1, 0x81fff, NPT_RWX);
    assert_maps(2 * MIB, 0x82000, NPT_RWX);
    assert_maps(2 * MIB + 0x1000, 0x43000, NPT_RWX);
}

/* Bits of an address in a large leaf would else be taken for a table. */
static void large_pages_are_not_changed(void **state)
{
    (void)state;
    map(2 * MIB, 2 * MIB, 2 * MIB);
    map(GIB, GIB, GIB);
    assert_int_equal(change(2 * MIB, 0, PAGE_SIZE, NPT_RWX), ERR_RANGE);
    assert_int_equal(change(2 * MIB, 0, 2 * MIB, 0), ERR_RANGE);
    assert_int_equal(change(GIB + 2 * MIB, 0, PAGE_SIZE, NPT_RWX), ERR_RANGE);
    assert_maps(2 * MIB, 2 * MIB, NPT_RWX);
    assert_maps(GIB + 2 * MIB, GIB + 2 * MIB, NPT_RWX);
}

static void where_no_table_is_nothing_is_changed(void **state)
{
    (void)state;
    map(0, 0x40000, 2 * PAGE_SIZE);
    assert_int_equal(change(2 * MIB, 0, PAGE_SIZE, NPT_RWX), ERR_RANGE);
    assert_int_equal(change(GIB, 0, PAGE_SIZE, NPT_RWX), ERR_RANGE);
    assert_int_equal(change(BIT(47), 0, PAGE_SIZE, 0), ERR_RANGE);
    assert_int_equal(t.tables, 4);
    assert_hole(2 * MIB);
    /* what comes before the end of the table is changed */
    assert_int_equal(change(PAGE_SIZE, 0x80000, 2 * MIB, NPT_RWX), ERR_RANGE);
    assert_maps(0, 0x40000, NPT_RWX);
    assert_maps(PAGE_SIZE, 0x80000, NPT_RWX);
}

static void a_change_is_of_whole_pages_below_the_limit(void **state)
{
    (void)state;
    map(0, 0x40000, 4 * PAGE_SIZE);
    map(BIT(48) - PAGE_SIZE, 0x50000, PAGE_SIZE);
    assert_int_equal(change(1, 0, PAGE_SIZE, NPT_RWX), ERR_RANGE);
    assert_int_equal(change(0, 0x800, PAGE_SIZE, NPT_RWX), ERR_RANGE);
    assert_int_equal(change(0, 0, PAGE_SIZE - 1, NPT_RWX), ERR_RANGE);
    assert_int_equal(change(BIT(48), 0, PAGE_SIZE, NPT_RWX), ERR_RANGE);
    assert_int_equal(change(BIT(48) - PAGE_SIZE, 0, 2 * PAGE_SIZE, NPT_RWX), ERR_RANGE);
    assert_int_equal(change(PAGE_SIZE, 0, ~(PAGE_SIZE - 1), NPT_RWX), ERR_RANGE);
    assert_int_equal(change(0, BIT(52), PAGE_SIZE, NPT_RWX), ERR_RANGE);
    assert_int_equal(change(0, ~(PAGE_SIZE - 1), PAGE_SIZE, NPT_RWX), ERR_RANGE);
    assert_maps(0, 0x40000, NPT_RWX);
    assert_maps(BIT(48) - 1, 0x50fff, NPT_RWX);
    assert_int_equal(change(0, 0, 0, NPT_RWX), ERR_NONE);
    assert_maps(0, 0x40000, NPT_RWX);
}

int main(void)
{
#define ON(cpu, test) cmocka_unit_test_setup_teardown(test, cpu, all_back)
    const struct CMUnitTest tests[] = {
        ON(with_1gib, an_empty_tree_has_one_table_and_maps_nothing),
        ON(with_1gib, a_gib_is_one_entry_where_the_cpu_has_that),
        ON(with_2mib, without_1gib_leaves_a_gib_is_512_entries),
        ON(with_4kib, without_any_large_leaf_all_is_4kib),
        ON(with_1gib, leaves_grow_with_alignment_and_shrink_again),
        ON(with_1gib, leaves_are_as_small_as_the_worse_aligned_side),
        ON(with_1gib, what_is_mapped_is_not_mapped_again),
        ON(with_1gib, what_is_no_run_of_pages_below_the_limit_is_refused),
        ON(with_2mib, protection_is_kept_and_told),
        ON(with_4kib, out_of_frames_is_told_and_keeps_what_was_mapped),
        ON(with_2mib, no_frame_for_the_root_is_told),
        ON(with_1gib, small_pages_are_pointed_elsewhere),
        ON(with_1gib, pages_show_nothing_and_something_again),
        ON(with_1gib, a_change_may_cross_tables),
        ON(with_1gib, large_pages_are_not_changed),
        ON(with_1gib, where_no_table_is_nothing_is_changed),
        ON(with_1gib, a_change_is_of_whole_pages_below_the_limit),
    };
    return cmocka_run_group_tests_name("npt", tests, NULL, NULL);
}
