#include "lib/bits.h"
#include "svm/svm_npt.h"
#include "unit.h"
#include <string.h>

/* An entry of long mode's page tables (AMD APM vol. 2, "Long-Mode Page Translation"). */
#define P     BIT(0)
#define W     BIT(1)
#define U     BIT(2)
#define A     BIT(5)
#define D     BIT(6)
#define LARGE BIT(7)
#define NX    BIT(63)

enum { FRAMES = 6 };
#define FRAME_BASE UINT64_C(0xfedcb00000000) /* host-physical of frame 0: uses all address bits */

static _Alignas(4096) uint64_t frame[FRAMES][512];
static unsigned taken;

static bool take(void *ctx, hpa_t *out)
{
    (void)ctx;
    *out = HPA(FRAME_BASE + taken * PAGE_SIZE);
    return taken++ < FRAMES;
}

static void give_back(void *ctx, hpa_t at)
{
    (void)ctx;
    (void)at;
}

static uint64_t *see(void *ctx, hpa_t at)
{
    (void)ctx;
    assert_true(at.v >= FRAME_BASE && at.v < FRAME_BASE + taken * PAGE_SIZE);
    return frame[(at.v - FRAME_BASE) / PAGE_SIZE];
}

static const struct npt_frames frames = { take, give_back, see, NULL };
static struct npt_format format;
static struct npt t;

static void fresh(bool huge)
{
    memset(frame, 0, sizeof frame);
    taken = 0;
    format = svm_npt_format(huge);
    assert_int_equal(npt_init(&t, &format, &frames), ERR_NONE);
}

static void the_largest_leaf_is_what_the_cpu_says(void **state)
{
    (void)state;
    assert_int_equal(svm_npt_format(false).max_level, 1);
    assert_int_equal(svm_npt_format(true).max_level, 2);
}

/* All a table may restrict is left to the leaves; the CPU walks as a user and never sets A or D. */
static void entries_are_as_the_manual_lays_them_out(void **state)
{
    (void)state;
    fresh(false);
    assert_int_equal(npt_map(&t, GPA(2 * MIB), HPA(6 * MIB), 2 * MIB + PAGE_SIZE, NPT_RWX),
                     ERR_NONE);
    assert_true(frame[0][0] == ((FRAME_BASE + PAGE_SIZE) | P | W | U | A));
    assert_true(frame[1][0] == ((FRAME_BASE + 2 * PAGE_SIZE) | P | W | U | A));
    assert_true(frame[2][1] == (6 * MIB | P | W | U | A | D | LARGE));
    assert_true(frame[2][2] == ((FRAME_BASE + 3 * PAGE_SIZE) | P | W | U | A));
    assert_true(frame[3][0] == (8 * MIB | P | W | U | A | D)); /* bit 7 is PAT here */
    assert_true(frame[3][1] == 0);
}

static void a_gib_is_one_entry_where_the_cpu_has_that(void **state)
{
    (void)state;
    fresh(true);
    assert_int_equal(npt_map(&t, GPA(GIB), HPA(5 * GIB), GIB, NPT_R), ERR_NONE);
    assert_int_equal(t.tables, 2);
    assert_true(frame[1][1] == (5 * GIB | P | U | A | D | LARGE | NX));
}

/* What is there can be read: a page that is only written or executed is more than was asked for. */
static void protection_is_kept_and_told(void **state)
{
    static const uint64_t bits_of[] = { [NPT_R] = NX, [NPT_W] = W | NX,    [NPT_R | NPT_W] = W | NX,
                                        [NPT_X] = 0,  [NPT_R | NPT_X] = 0, [NPT_W | NPT_X] = W,
                                        [NPT_RWX] = W };

    (void)state;
    fresh(false);
    for (unsigned prot = 1; prot <= NPT_RWX; prot++) {
        hpa_t at = HPA(prot * 2 * MIB);
        unsigned got;
        hpa_t out;

        assert_int_equal(npt_map(&t, GPA(at.v), at, 2 * MIB, prot), ERR_NONE);
        assert_true((frame[2][prot] & (W | NX)) == bits_of[prot]);
        assert_true(npt_lookup(&t, GPA(at.v + 9), &out, &got));
        assert_true(out.v == at.v + 9);
        assert_int_equal(got, prot | NPT_R);
    }
}

static void what_is_not_mapped_is_not_found(void **state)
{
    unsigned prot;
    hpa_t out;

    (void)state;
    fresh(true);
    assert_int_equal(npt_map(&t, GPA(0x1000), HPA(0x5000), PAGE_SIZE, NPT_R), ERR_NONE);
    assert_false(npt_lookup(&t, GPA(0xfff), &out, &prot));
    assert_true(npt_lookup(&t, GPA(0x1000), &out, &prot));
    assert_false(npt_lookup(&t, GPA(0x2000), &out, &prot));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_largest_leaf_is_what_the_cpu_says),
        cmocka_unit_test(entries_are_as_the_manual_lays_them_out),
        cmocka_unit_test(a_gib_is_one_entry_where_the_cpu_has_that),
        cmocka_unit_test(protection_is_kept_and_told),
        cmocka_unit_test(what_is_not_mapped_is_not_found),
    };
    return cmocka_run_group_tests_name("svm_npt", tests, NULL, NULL);
}
