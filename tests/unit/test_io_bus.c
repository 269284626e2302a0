#include "devices/io_bus.h"
#include "unit.h"

static void nothing(void *dev, struct io_access *a)
{
    (void)dev;
    (void)a;
}

static enum err add(struct io_bus *b, uint64_t base, uint64_t len)
{
    return io_bus_add(b, &(struct io_range){ base, len, nothing, NULL, "x" });
}

static void refuses_overlap_wrap_and_nothing(void **state)
{
    struct io_bus b = { 0 };

    (void)state;
    assert_int_equal(add(&b, 0x3f8, 8), ERR_NONE);
    assert_int_equal(add(&b, 0x3ff, 2), ERR_OVERLAP);
    assert_int_equal(add(&b, 0x3f0, 9), ERR_OVERLAP);
    assert_int_equal(add(&b, 0x3f0, 0x20), ERR_OVERLAP);
    assert_int_equal(add(&b, UINT64_MAX, 2), ERR_RANGE);
    assert_int_equal(add(&b, 0x10, 0), ERR_RANGE);
    assert_int_equal(add(&b, UINT64_MAX, 1), ERR_NONE);
    assert_int_equal(add(&b, 0x3f0, 8), ERR_NONE);
    assert_int_equal(b.count, 3);
}

static void finds_only_whole_accesses(void **state)
{
    struct io_bus b = { 0 };

    (void)state;
    assert_null(io_bus_find(&b, 0, 1));
    assert_int_equal(add(&b, 0x60, 1), ERR_NONE);
    assert_int_equal(add(&b, 0x20, 2), ERR_NONE);
    assert_int_equal(add(&b, 0x40, 4), ERR_NONE);
    assert_int_equal(io_bus_find(&b, 0x20, 1)->base, 0x20);
    assert_int_equal(io_bus_find(&b, 0x21, 1)->base, 0x20);
    assert_int_equal(io_bus_find(&b, 0x40, 4)->base, 0x40);
    assert_null(io_bus_find(&b, 0x1f, 1));
    assert_null(io_bus_find(&b, 0x21, 2));
    assert_null(io_bus_find(&b, 0x22, 1));
    assert_null(io_bus_find(&b, 0x3f, 2));
    assert_null(io_bus_find(&b, 0x61, 1));
    assert_null(io_bus_find(&b, UINT64_MAX, 4));
}

static void refuses_one_more_than_fits(void **state)
{
    struct io_bus b = { 0 };

    (void)state;
    for (unsigned i = 0; i < IO_BUS_MAX; i++) {
        assert_int_equal(add(&b, i * 16, 1), ERR_NONE);
    }
    assert_int_equal(add(&b, 0x8000, 1), ERR_NOMEM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_overlap_wrap_and_nothing),
        cmocka_unit_test(finds_only_whole_accesses),
        cmocka_unit_test(refuses_one_more_than_fits),
    };
    return cmocka_run_group_tests_name("io_bus", tests, NULL, NULL);
}
