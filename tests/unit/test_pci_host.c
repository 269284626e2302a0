#include "devices/pci_host.h"
#include "unit.h"

static struct pci_host host;
static struct io_access seen;
static unsigned cf9_calls;

static void cf9(void *dev, struct io_access *a)
{
    assert_ptr_equal(dev, &seen);
    seen = *a;
    cf9_calls++;
    if (!a->write) {
        a->value = 0x5a;
    }
}

static int setup(void **state)
{
    (void)state;
    cf9_calls = 0;
    pci_host_init(&host, cf9, &seen);
    return 0;
}

static void out(io_fn *fn, uint64_t offset, unsigned size, uint64_t value)
{
    struct io_access a = { offset, (uint8_t)size, true, value };

    fn(&host, &a);
}

static uint32_t in(io_fn *fn, uint64_t offset, unsigned size)
{
    struct io_access a = { offset, (uint8_t)size, false, 0 };

    fn(&host, &a);
    return (uint32_t)(a.value & (UINT32_MAX >> (32 - 8 * size)));
}

static uint32_t config(uint32_t address)
{
    out(pci_host_address_io, 0, 4, address);
    return in(pci_host_data_io, 0, 4);
}

static void linux_finds_mechanism_1(void **state)
{
    (void)state;
    out(pci_host_address_io, 3, 1, 0x01);
    assert_int_equal(in(pci_host_address_io, 0, 4), 0);
    out(pci_host_address_io, 0, 4, 0x80000000);
    assert_int_equal(in(pci_host_address_io, 0, 4), 0x80000000);
    out(pci_host_address_io, 0, 4, 0xffffffff);
    assert_int_equal(in(pci_host_address_io, 0, 4), 0x80fffffc);
}

static void only_whole_dwords_reach_the_latch(void **state)
{
    (void)state;
    out(pci_host_address_io, 0, 4, 0x80000010);
    out(pci_host_address_io, 0, 1, 0x44);
    out(pci_host_address_io, 0, 2, 0x4444);
    out(pci_host_address_io, 2, 2, 0x4444);
    assert_int_equal(in(pci_host_address_io, 0, 4), 0x80000010);
    assert_int_equal(in(pci_host_address_io, 0, 1), 0xff);
    assert_int_equal(in(pci_host_address_io, 1, 2), 0xffff);
    assert_int_equal(cf9_calls, 0);
}

static void a_byte_at_cf9_goes_to_the_reset_port(void **state)
{
    (void)state;
    out(pci_host_address_io, 1, 1, 0x06);
    assert_int_equal(cf9_calls, 1);
    assert_true(seen.write && seen.offset == 0 && seen.size == 1 && seen.value == 0x06);
    assert_int_equal(in(pci_host_address_io, 1, 1), 0x5a);
    assert_int_equal(in(pci_host_address_io, 0, 4), 0);
}

static void one_host_bridge_answers(void **state)
{
    (void)state;
    assert_int_equal(config(0x80000000), 0x00081b36);
    assert_int_equal(in(pci_host_data_io, 0, 2), 0x1b36);
    assert_int_equal(in(pci_host_data_io, 2, 2), 0x0008);
    assert_int_equal(in(pci_host_data_io, 1, 1), 0x1b);
    assert_int_equal(config(0x80000008) >> 16, 0x0600);
    assert_int_equal(config(0x8000000c), 0); /* one function */
    assert_int_equal(config(0x80000010), 0);
    assert_int_equal(config(0x800000fc), 0);
}

static void nothing_else_is_there(void **state)
{
    (void)state;
    assert_int_equal(config(0x80000100), 0xffffffff); /* function 1 */
    assert_int_equal(config(0x80000800), 0xffffffff); /* device 1 */
    assert_int_equal(config(0x80010000), 0xffffffff); /* bus 1 */
    assert_int_equal(config(0x00000000), 0xffffffff); /* not enabled */
}

static void configuration_is_read_only_and_bounded(void **state)
{
    (void)state;
    out(pci_host_address_io, 0, 4, 0x80000000);
    out(pci_host_data_io, 0, 4, 0);
    assert_int_equal(in(pci_host_data_io, 0, 4), 0x00081b36);
    assert_int_equal(in(pci_host_data_io, 3, 2), 0xffff);
    assert_int_equal(in(pci_host_data_io, UINT64_MAX, 1), 0xff);
    out(pci_host_address_io, 4, 4, 0);
    assert_int_equal(in(pci_host_address_io, 0, 4), 0x80000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(linux_finds_mechanism_1, setup),
        cmocka_unit_test_setup(only_whole_dwords_reach_the_latch, setup),
        cmocka_unit_test_setup(a_byte_at_cf9_goes_to_the_reset_port, setup),
        cmocka_unit_test_setup(one_host_bridge_answers, setup),
        cmocka_unit_test_setup(nothing_else_is_there, setup),
        cmocka_unit_test_setup(configuration_is_read_only_and_bounded, setup),
    };
    return cmocka_run_group_tests_name("pci_host", tests, NULL, NULL);
}
