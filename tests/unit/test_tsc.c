#include "arch/x86_64/cpu.h"
#include "arch/x86_64/tsc.h"
#include "lib/bits.h"
#include "unit.h"
#include <string.h>

/* A CPU and channel 2 of a PC's PIT; time is counted in ticks of the CPU's TSC, and passes at
 * accesses to ports only. */
enum { PIT_HZ = 1193182, GATE = 1, SPEAKER = 2, OUT = 0x20, LOADED = 2 };
enum pit { COUNTS, STANDS, HIGH, ABSENT };
static struct {
    enum pit pit;
    uint64_t hz, tsc, started;
    unsigned samples, looks; /* at port 61h since the last count was written */
    uint8_t gate, bytes;
    uint32_t count;
    uint64_t (*stall)(unsigned sample, unsigned look); /* ticks lost right before this look */
    uint64_t (*stall_behind)(unsigned sample);         /* ... behind the write that starts it */
} hw;

static struct {
    uint32_t max, hypervisor_max, khz;
    bool hypervisor;
    struct cpuid_regs crystal; /* leaf 15h */
    uint32_t base_mhz;
} cpuid;

/* A leaf above the highest one holds anything. */
struct cpuid_regs cpu_cpuid(uint32_t leaf, uint32_t subleaf)
{
    static const struct cpuid_regs junk = { 3, 5, 70000000, 11 };

    assert_int_equal(subleaf, 0);
    switch (leaf) {
    case 0:
        return (struct cpuid_regs){ .eax = cpuid.max };
    case 1:
        return (struct cpuid_regs){ .ecx = cpuid.hypervisor ? BIT32(31) : 0 };
    case 0x15:
        return cpuid.max >= leaf ? cpuid.crystal : junk;
    case 0x16:
        return cpuid.max >= leaf ? (struct cpuid_regs){ .eax = cpuid.base_mhz } : junk;
    case 0x40000000:
        return (struct cpuid_regs){ .eax = cpuid.hypervisor_max };
    case 0x40000010:
        return (struct cpuid_regs){ .eax = cpuid.khz };
    default:
        fail_msg("leaf %x", leaf);
        return junk;
    }
}

uint64_t cpu_rdtsc(void)
{
    return hw.tsc;
}

/* An access to a port takes a microsecond. */
static void pass_time(void)
{
    hw.tsc += hw.hz / 1000000;
}

/* Mode 0: one clock to load the count, then one for each step to 0. */
static bool out_is_high(void)
{
    uint64_t clocks = (hw.tsc - hw.started) * PIT_HZ / hw.hz;

    if (hw.pit == HIGH) {
        return true;
    }
    return hw.pit == COUNTS && (hw.gate & GATE) && hw.bytes == LOADED && clocks > hw.count;
}

uint8_t io_in8(uint16_t port)
{
    assert_int_equal(port, 0x61);
    pass_time();
    if (hw.bytes == LOADED) {
        hw.tsc += hw.stall ? hw.stall(hw.samples - 1, hw.looks) : 0;
        hw.looks++;
    }
    return hw.pit == ABSENT ? 0xff : (uint8_t)(hw.gate | (out_is_high() ? OUT : 0));
}

void io_out8(uint16_t port, uint8_t v)
{
    pass_time();
    switch (port) {
    case 0x61:
        hw.gate = v & 0xf;
        return;
    case 0x43:
        assert_int_equal(v, 0xb0); /* channel 2, two bytes, mode 0, binary */
        hw.bytes = 0;
        return;
    default:
        assert_int_equal(port, 0x42);
        hw.count = hw.bytes ? hw.count | (uint32_t)v << 8 : v;
        hw.bytes++;
        if (hw.bytes == LOADED) {
            hw.started = hw.tsc;
            hw.samples++;
            hw.looks = 0;
            hw.tsc += hw.stall_behind ? hw.stall_behind(hw.samples - 1) : 0;
        }
    }
}

static void reset(enum pit pit, uint64_t hz)
{
    memset(&hw, 0, sizeof hw);
    memset(&cpuid, 0, sizeof cpuid);
    hw.pit = pit;
    hw.hz = hz;
    hw.tsc = 987654321;
}

#define assert_near(hz, want, percent)                                                             \
    assert_in_range(hz, (want) - (want) / 100 * (percent), (want) + (want) / 100 * (percent))

static const uint64_t HZ = 2400000000;

static uint64_t milliseconds(uint64_t n)
{
    return n * (hw.hz / 1000);
}

static void a_pit_that_counts_gives_the_rate(void **state)
{
    static const uint64_t rate[] = { 50000000, 1000000000, 2400000000, 7500000000 };

    uint64_t hz;

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(rate); i++) {
        reset(COUNTS, rate[i]);
        hz = tsc_hz_find();
        /* A look takes a microsecond, and 4 milliseconds lie between the two counts. */
        assert_in_range(hz, rate[i] - rate[i] / 2500, rate[i] + rate[i] / 2500);
        assert_int_equal(hw.samples, 6);
    }
}

static void the_speaker_is_silent_and_its_other_bits_stand(void **state)
{
    (void)state;
    reset(COUNTS, HZ);
    hw.gate = 0xc | SPEAKER;
    assert_near(tsc_hz_find(), HZ, 1);
    assert_int_equal(hw.gate, 0xc | GATE);
}

static unsigned good_sample;

static uint64_t stall_but_once(unsigned sample, unsigned look)
{
    return look == 500 && sample % 3 != good_sample ? milliseconds(1) : 0;
}

/* 0.7, 0.3 and 0.5 milliseconds more. */
static uint64_t stall_always(unsigned sample, unsigned look)
{
    static const unsigned tenths[] = { 7, 3, 5 };

    return look == 500 ? hw.hz / 10000 * tenths[sample % 3] : 0;
}

static void the_least_of_three_samples_counts(void **state)
{
    (void)state;
    for (good_sample = 0; good_sample < 3; good_sample++) {
        reset(COUNTS, HZ);
        hw.stall = stall_but_once;
        assert_near(tsc_hz_find(), HZ, 1);
        assert_int_equal(hw.samples, 6);
    }
    reset(COUNTS, HZ);
    hw.stall = stall_always; /* what is in both of the least ones is no part of the difference */
    assert_near(tsc_hz_find(), HZ, 1);
}

static unsigned late_from, late_count;

static uint64_t stall_before_the_first_look(unsigned sample, unsigned look)
{
    return look == 0 && sample - late_from < late_count ? milliseconds(2) : 0;
}

/* Its output is high at the first look, as when an emulator is kept waiting. */
static void a_sample_that_is_late_is_tried_again(void **state)
{
    static const struct {
        unsigned from, count;
    } late[] = {
        {0,  1 },
        { 0, 10},
        { 1, 1 },
        { 2, 30},
        { 0, 47},
    };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(late); i++) {
        reset(COUNTS, HZ);
        late_from = late[i].from;
        late_count = late[i].count;
        hw.stall = stall_before_the_first_look;
        assert_near(tsc_hz_find(), HZ, 1);
        assert_int_equal(hw.samples, 6 + late_count);
    }
}

static void after_fifty_tries_what_there_is_is_taken(void **state)
{
    static const unsigned good[] = { 2, 1, 0 };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(good); i++) {
        uint64_t hz;

        reset(COUNTS, HZ);
        late_from = 0;
        late_count = 50 - good[i];
        hw.stall = stall_before_the_first_look;
        hz = tsc_hz_find();
        assert_int_equal(hw.samples, good[i] ? 53 : 50); /* and the three longer ones */
        if (good[i]) {
            assert_near(hz, HZ, 1);
        } else {
            assert_int_equal(hz, 0);
        }
    }
}

static uint64_t stall_after_the_count(unsigned sample)
{
    return sample == 1 ? milliseconds(1) / 2 : 0;
}

/* Kept waiting right behind the write that starts the count: no sample gets shorter by it. */
static void a_wait_before_the_tsc_is_read_shortens_no_sample(void **state)
{
    (void)state;
    reset(COUNTS, HZ);
    hw.stall_behind = stall_after_the_count;
    assert_near(tsc_hz_find(), HZ, 1);
}

static void without_a_pit_there_is_no_rate(void **state)
{
    (void)state;
    reset(ABSENT, HZ);
    assert_int_equal(tsc_hz_find(), 0);
    assert_int_equal(hw.samples, 1); /* FFh is no output that is late */
}

static void a_pit_that_never_counts_gives_no_rate(void **state)
{
    (void)state;
    reset(STANDS, HZ);
    assert_int_equal(tsc_hz_find(), 0);
    assert_int_equal(hw.samples, 1); /* the wait is long: once is enough */
    reset(HIGH, HZ);
    assert_int_equal(tsc_hz_find(), 0);
}

static const struct {
    uint32_t max, eax, ebx, ecx, base_mhz;
    uint64_t hz;
} told[] = {
    {0x14,  2, 200,  24000000, 2400,       0                     }, /* beyond the highest leaf */
    { 0x15, 2, 200,  24000000, 1000,       2400000000            },
    { 0x16, 2, 200,  24000000, 1000,       2400000000            }, /* the crystal's goes first */
    { 0x15, 3, 1000, 25000000, 0,          UINT64_C(8333333333)  },
    { 0x15, 1, 4096, 50000000, 0,          UINT64_C(204800000000)},
    { 0x15, 2, 200,  0,        2400,       0                     },
    { 0x16, 2, 200,  0,        2400,       2400000000            },
    { 0x20, 2, 200,  0,        5000,       UINT64_C(5000000000)  },
    { 0x16, 2, 200,  0,        0xabcd0960, 2400000000            }, /* bits 31:16 are reserved */
    { 0x16, 0, 200,  24000000, 2400,       0                     }, /* no ratio */
    { 0x16, 2, 0,    24000000, 2400,       0                     },
    { 0x16, 0, 0,    0,        2400,       0                     },
};

static void cpuid_15h_and_16h_tell_the_rate(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(told); i++) {
        reset(ABSENT, HZ);
        cpuid.max = told[i].max;
        cpuid.crystal =
            (struct cpuid_regs){ .eax = told[i].eax, .ebx = told[i].ebx, .ecx = told[i].ecx };
        cpuid.base_mhz = told[i].base_mhz;
        assert_int_equal(tsc_hz_find(), told[i].hz);
    }
}

static void a_hypervisor_above_tells_it_first(void **state)
{
    static const struct {
        bool hypervisor;
        uint32_t max, khz;
        uint64_t hz;
    } above[] = {
        {true,   0x40000010, 2500000, 2500000000          },
        { true,  0x40000010, 5000000, UINT64_C(5000000000)},
        { true,  0x40000fff, 2500000, 2500000000          },
        { true,  0x4000000f, 2500000, 2400000000          }, /* has no such leaf: 15h */
        { true,  0x40001000, 2500000, 2400000000          }, /* no leaf number at all */
        { true,  0,          2500000, 2400000000          },
        { false, 0x40000010, 2500000, 2400000000          }, /* nobody is there */
    };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(above); i++) {
        reset(ABSENT, HZ);
        cpuid.max = 0x15;
        cpuid.crystal = (struct cpuid_regs){ .eax = 2, .ebx = 200, .ecx = 24000000 };
        cpuid.hypervisor = above[i].hypervisor;
        cpuid.hypervisor_max = above[i].max;
        cpuid.khz = above[i].khz;
        assert_int_equal(tsc_hz_find(), above[i].hz);
    }
}

static uint64_t find_when_told(uint32_t khz)
{
    reset(COUNTS, HZ);
    cpuid.hypervisor = khz != 0;
    cpuid.hypervisor_max = 0x40000010;
    cpuid.khz = khz;
    return tsc_hz_find();
}

/* Up to half and double of it. */
static void what_is_told_stands_if_the_measurement_is_near(void **state)
{
    uint64_t measured = find_when_told(0);
    uint32_t half =
        (uint32_t)(measured / 2 / 1000) / 100; /* a hundredth of it, as are its steps here */
    uint32_t twice = (uint32_t)(measured * 2 / 1000) / 100;

    (void)state;
    assert_near(measured, HZ, 1);
    assert_int_not_equal(measured, HZ); /* else the rest could not tell which it got */
    assert_int_equal(find_when_told(2400000), HZ);
    assert_near(find_when_told(half * 99), HZ, 1);
    assert_int_equal(hw.samples, 3); /* rough is enough for an emulator */
    assert_int_equal(find_when_told(half * 101), half * 101 * UINT64_C(1000));
    assert_int_equal(find_when_told(twice * 99), twice * 99 * UINT64_C(1000));
    assert_near(find_when_told(twice * 101), HZ, 1);
    assert_near(find_when_told(1000), HZ, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pit_that_counts_gives_the_rate),
        cmocka_unit_test(the_speaker_is_silent_and_its_other_bits_stand),
        cmocka_unit_test(the_least_of_three_samples_counts),
        cmocka_unit_test(a_sample_that_is_late_is_tried_again),
        cmocka_unit_test(after_fifty_tries_what_there_is_is_taken),
        cmocka_unit_test(a_wait_before_the_tsc_is_read_shortens_no_sample),
        cmocka_unit_test(without_a_pit_there_is_no_rate),
        cmocka_unit_test(a_pit_that_never_counts_gives_no_rate),
        cmocka_unit_test(cpuid_15h_and_16h_tell_the_rate),
        cmocka_unit_test(a_hypervisor_above_tells_it_first),
        cmocka_unit_test(what_is_told_stands_if_the_measurement_is_near),
    };
    return cmocka_run_group_tests_name("tsc", tests, NULL, NULL);
}
