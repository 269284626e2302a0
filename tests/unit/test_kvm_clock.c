#include "hv/kvm_clock.h"
#include "hv/vm.h"
#include "lib/bits.h"
#include "lib/le.h"
#include "lib/range.h"
#include "unit.h"

#include <string.h>

enum { RAM_SIZE = 0x1000, AT = 0x400, ENABLE = 1, COPIES_MAX = 8 };
enum { TIME_SIZE = 32, WALL_SIZE = 12 };

static uint8_t ram[RAM_SIZE];
static struct clock host_clock;
static struct vm vm;
static struct vcpu vcpu;

/* Every write to guest memory, and the word at AT after it. */
static struct {
    uint64_t at;
    size_t len;
    uint32_t version;
} copy[COPIES_MAX];
static unsigned copies;

enum err vm_copy_in(const struct vm *of, void *to, gpa_t from, size_t len)
{
    assert_ptr_equal(of, &vm);
    if (!range_fits(from.v, len, RAM_SIZE)) {
        return ERR_RANGE;
    }
    memcpy(to, ram + from.v, len);
    return ERR_NONE;
}

enum err vm_copy_out(const struct vm *of, gpa_t to, const void *from, size_t len)
{
    assert_ptr_equal(of, &vm);
    if (!range_fits(to.v, len, RAM_SIZE)) {
        return ERR_RANGE;
    }
    memcpy(ram + to.v, from, len);
    assert_true(copies < COPIES_MAX);
    copy[copies].at = to.v;
    copy[copies].len = len;
    copy[copies++].version = le32_read(ram + AT);
    return ERR_NONE;
}

static int setup(void **state)
{
    (void)state;
    memset(ram, 0xee, sizeof ram);
    memset(&vm, 0, sizeof vm);
    memset(&vcpu, 0, sizeof vcpu);
    copies = 0;
    host_clock.hz = 2400000000;
    vm.clock = &host_clock;
    vm.boot_tsc = 0x123456789abc;
    vm.epoch = 1793750400;
    vcpu.vm = &vm;
    return 0;
}

static bool write_time(uint64_t value)
{
    return kvm_clock_write(&vcpu, MSR_KVM_SYSTEM_TIME, value);
}

static bool write_wall(uint64_t value)
{
    return kvm_clock_write(&vcpu, MSR_KVM_WALL_CLOCK, value);
}

static uint64_t read_msr(uint32_t msr)
{
    uint64_t value = 0xdead;

    assert_true(kvm_clock_read(&vcpu, msr, &value));
    return value;
}

/* What a guest does with the structure at AT. */
static uint64_t guest_ns(uint64_t tsc)
{
    uint64_t delta = tsc - le64_read(ram + AT + 8);
    int8_t shift = (int8_t)ram[AT + 28];

    delta = shift < 0 ? delta >> -shift : delta << shift;
    return le64_read(ram + AT + 16) +
           (uint64_t)(((unsigned __int128)delta * le32_read(ram + AT + 24)) >> 32);
}

static const uint64_t rate[] = { 1000000,
                                 1193182,
                                 33333333,
                                 500000000,
                                 999999999,
                                 1000000000,
                                 1000000001,
                                 2400000000,
                                 2893299000,
                                 4294967295,
                                 UINT64_C(4294967296),
                                 UINT64_C(5700000000),
                                 UINT64_C(9999999999),
                                 UINT64_C(10000000000) };

/* Against exact arithmetic in 128 bits: never too large, and too small by less than 1/100 ppm. */
static void the_factor_is_exact_to_a_hundredth_ppm(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(rate); i++) {
        uint32_t mul;
        int8_t shift;
        unsigned __int128 got, want;

        kvm_clock_scale(rate[i], &mul, &shift);
        assert_in_range(shift, 0, 31);
        /* Both sides times 2^32 and the rate: nanoseconds in one tick. */
        got = ((unsigned __int128)mul << shift) * rate[i];
        want = (unsigned __int128)1000000000 << 32;
        assert_true(got <= want);
        assert_true((want - got) * 100000000 < want);
    }
}

/* Linux takes the TSC's rate in kHz from the factor: pvclock_tsc_khz(). */
static void the_factor_gives_the_rate_back(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(rate); i++) {
        uint32_t mul;
        int8_t shift;
        uint64_t khz;

        kvm_clock_scale(rate[i], &mul, &shift);
        khz = ((UINT64_C(1000000) << 32) / mul) >> shift;
        assert_in_range(khz, rate[i] / 1000, (rate[i] + 999) / 1000);
    }
}

static void a_guest_computes_the_time_since_the_vm_began(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(rate); i++) {
        uint64_t day = 86400 * UINT64_C(1000000000);

        setup(state);
        host_clock.hz = rate[i];
        assert_true(write_time(AT | ENABLE));
        assert_int_equal(guest_ns(vm.boot_tsc), 0);
        assert_in_range(guest_ns(vm.boot_tsc + rate[i]), 999999900, 1000000000);
        assert_in_range(guest_ns(vm.boot_tsc + 86400 * rate[i]), day - day / 100000000, day);
    }
}

static void the_structure_is_whole_and_nothing_beside_it_changes(void **state)
{
    (void)state;
    assert_true(write_time(AT | ENABLE));
    assert_int_equal(le32_read(ram + AT + 4), 0);
    assert_true(le64_read(ram + AT + 8) == vm.boot_tsc);
    assert_int_equal(ram[AT + 29], 1); /* the TSC is stable, and no other flag */
    assert_int_equal(ram[AT + 30] | ram[AT + 31], 0);
    assert_int_equal(ram[AT - 1], 0xee);
    assert_int_equal(ram[AT + TIME_SIZE], 0xee);
}

static void the_wall_clock_is_that_of_the_vms_beginning(void **state)
{
    (void)state;
    assert_true(write_wall(AT));
    assert_int_equal(le32_read(ram + AT + 4), 1793750400);
    assert_int_equal(le32_read(ram + AT + 8), 0);
    assert_int_equal(ram[AT - 1], 0xee);
    assert_int_equal(ram[AT + WALL_SIZE], 0xee);
}

/* A reader takes what it read only if the version was even, and the same before and after. */
static void assert_versions(uint32_t before, bool wall)
{
    size_t len = wall ? WALL_SIZE : TIME_SIZE;
    uint32_t last;

    copies = 0;
    le32_write(ram + AT, before);
    assert_true(wall ? write_wall(AT) : write_time(AT | ENABLE));
    last = copy[copies - 1].version;
    assert_int_equal(last & 1, 0);
    assert_int_not_equal(last, before);
    for (unsigned i = 0; i < copies; i++) {
        bool only_version = copy[i].at == AT && copy[i].len == 4;

        assert_true(range_within(copy[i].at, copy[i].len, AT, len));
        /* The first makes it odd, the last even, and neither touches the rest. */
        assert_true(only_version == (i == 0 || i == copies - 1));
        assert_int_equal(copy[i].version & 1, i != copies - 1);
    }
}

static void the_version_is_odd_while_the_rest_changes(void **state)
{
    static const uint32_t before[] = { 0, 1, 2, 7, 0xfffffffc, 0xfffffffd, 0xfffffffe, 0xffffffff };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(before); i++) {
        assert_versions(before[i], false);
        assert_versions(before[i], true);
    }
}

static void what_was_written_is_read_again(void **state)
{
    (void)state;
    assert_int_equal(read_msr(MSR_KVM_SYSTEM_TIME), 0);
    assert_int_equal(read_msr(MSR_KVM_WALL_CLOCK), 0);
    assert_true(write_time(AT | ENABLE));
    assert_true(write_wall(AT + TIME_SIZE));
    assert_int_equal(read_msr(MSR_KVM_SYSTEM_TIME), AT | ENABLE);
    assert_int_equal(read_msr(MSR_KVM_WALL_CLOCK), AT + TIME_SIZE);
}

static void what_is_turned_off_writes_nothing(void **state)
{
    (void)state;
    assert_true(write_time(AT));
    assert_int_equal(read_msr(MSR_KVM_SYSTEM_TIME), AT);
    assert_true(write_time(0xfffffffffffffffc)); /* an address nobody uses is not looked at */
    assert_true(write_time(0));
    assert_true(write_wall(0));
    assert_int_equal(copies, 0);
}

/* #GP, and neither memory nor the MSR has changed. */
static void addresses_outside_ram_and_reserved_bits_are_refused(void **state)
{
    static const uint64_t time[] = { AT | 2,
                                     AT | 3,
                                     2,
                                     (RAM_SIZE - TIME_SIZE + 4) | ENABLE,
                                     (RAM_SIZE - 4) | ENABLE,
                                     RAM_SIZE | ENABLE,
                                     0xf0000001,
                                     UINT64_C(0xfffffffffffffffd) };
    static const uint64_t wall[] = { AT | 1,
                                     AT | 2,
                                     AT | 3,
                                     1,
                                     RAM_SIZE - WALL_SIZE + 4,
                                     RAM_SIZE - 4,
                                     RAM_SIZE,
                                     0xf0000000,
                                     UINT64_C(0xfffffffffffffffc) };

    (void)state;
    assert_true(write_time((AT + TIME_SIZE) | ENABLE));
    assert_true(write_wall(AT));
    copies = 0;
    for (unsigned i = 0; i < ARRAY_SIZE(time); i++) {
        assert_false(write_time(time[i]));
    }
    for (unsigned i = 0; i < ARRAY_SIZE(wall); i++) {
        assert_false(write_wall(wall[i]));
    }
    assert_int_equal(copies, 0);
    assert_int_equal(read_msr(MSR_KVM_SYSTEM_TIME), (AT + TIME_SIZE) | ENABLE);
    assert_int_equal(read_msr(MSR_KVM_WALL_CLOCK), AT);
}

static void the_last_bytes_of_ram_will_do(void **state)
{
    (void)state;
    assert_true(write_time((RAM_SIZE - TIME_SIZE) | ENABLE));
    assert_true(write_wall(RAM_SIZE - WALL_SIZE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_factor_is_exact_to_a_hundredth_ppm),
        cmocka_unit_test(the_factor_gives_the_rate_back),
        cmocka_unit_test_setup(a_guest_computes_the_time_since_the_vm_began, setup),
        cmocka_unit_test_setup(the_structure_is_whole_and_nothing_beside_it_changes, setup),
        cmocka_unit_test_setup(the_wall_clock_is_that_of_the_vms_beginning, setup),
        cmocka_unit_test_setup(the_version_is_odd_while_the_rest_changes, setup),
        cmocka_unit_test_setup(what_was_written_is_read_again, setup),
        cmocka_unit_test_setup(what_is_turned_off_writes_nothing, setup),
        cmocka_unit_test_setup(addresses_outside_ram_and_reserved_bits_are_refused, setup),
        cmocka_unit_test_setup(the_last_bytes_of_ram_will_do, setup),
    };
    return cmocka_run_group_tests_name("kvm_clock", tests, NULL, NULL);
}
