#include "lib/bits.h"
#include "unit.h"
#include "vmx/ept.h"

/* IA32_VMX_EPT_VPID_CAP (Intel SDM vol. 3, "VPID and EPT Capabilities"). */
enum {
    CAP_4_LEVEL = 1 << 6,
    CAP_WB = 1 << 14,
    CAP_2MIB = 1 << 16,
    CAP_1GIB = 1 << 17,
    CAP_INVEPT = 1 << 20,
    CAP_INVEPT_ALL = 1 << 26
};

static void the_largest_leaf_is_what_the_cpu_says(void **state)
{
    (void)state;
    assert_int_equal(ept_format(0).max_level, 0);
    assert_int_equal(ept_format(CAP_2MIB).max_level, 1);
    assert_int_equal(ept_format(CAP_2MIB | CAP_1GIB).max_level, 2);
    assert_int_equal(ept_format(UINT64_MAX).max_level, 2);
}

static void entries_are_as_the_manual_lays_them_out(void **state)
{
    struct npt_format f = ept_format(UINT64_MAX);

    (void)state;
    assert_int_equal(f.table_bits, 7);
    assert_int_equal(f.leaf_bits, 6 << 3); /* write-back, and the guest's PAT counts */
    assert_int_equal(f.large_bit, 1 << 7);
    assert_int_equal(f.present_mask, 7);
    for (unsigned prot = 0; prot <= NPT_RWX; prot++) {
        assert_int_equal(f.prot[prot], prot); /* read 0, write 1, execute 2, as in npt.h */
    }
}

static void a_cpu_without_four_levels_write_back_or_invept_is_no_use(void **state)
{
    uint64_t all = CAP_4_LEVEL | CAP_WB | CAP_INVEPT | CAP_INVEPT_ALL;

    (void)state;
    assert_true(ept_usable(all));
    assert_true(ept_usable(UINT64_MAX));
    assert_false(ept_usable(0));
    assert_false(ept_usable(all - CAP_4_LEVEL));
    assert_false(ept_usable(all - CAP_WB));
    assert_false(ept_usable(all - CAP_INVEPT));
    assert_false(ept_usable(all - CAP_INVEPT_ALL));
}

/* Memory type 2:0, page-walk length less one 5:3, accessed and dirty flags 6 off. */
static void the_pointer_says_write_back_and_four_levels(void **state)
{
    (void)state;
    assert_true(ept_pointer(HPA(UINT64_C(0xabcde12345000))) == UINT64_C(0xabcde1234501e));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_largest_leaf_is_what_the_cpu_says),
        cmocka_unit_test(entries_are_as_the_manual_lays_them_out),
        cmocka_unit_test(a_cpu_without_four_levels_write_back_or_invept_is_no_use),
        cmocka_unit_test(the_pointer_says_write_back_and_four_levels),
    };
    return cmocka_run_group_tests_name("ept", tests, NULL, NULL);
}
