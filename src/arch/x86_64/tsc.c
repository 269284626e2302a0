#include "arch/x86_64/tsc.h"
#include "arch/x86_64/cpu.h"
#include "lib/bits.h"

enum { PIT_CHANNEL2 = 0x42, PIT_COMMAND = 0x43, PORT_61 = 0x61, PIT_HZ = 1193182 };
enum { CHANNEL2_MODE0 = 0xb0, GATE2 = 1, SPEAKER = 2, OUT2 = 0x20, NOBODY = 0xff };
enum { COUNT_BRIEF = PIT_HZ / 1000, COUNT_LONG = PIT_HZ / 200 }; /* 1 ms, 5 ms */
enum { PATIENCE = 2000000, SAMPLES = 3, TRIES = 50 };

/* CPUID 15H: TSC = crystal * numerator / denominator, and where the crystal is not told, the base
 * rate of 16H, which is the TSC's on those CPUs (Intel SDM vol. 2, "CPUID"). 40000010H: kHz, as
 * hypervisors give it to their guests. */
static uint64_t hz_told(void)
{
    struct cpuid_regs r;
    uint64_t khz = 0;

    if (cpu_cpuid(1, 0).ecx & BIT(31)) {
        r = cpu_cpuid(0x40000000, 0);
        if (r.eax >= 0x40000010 && r.eax < 0x40001000) {
            khz = cpu_cpuid(0x40000010, 0).eax;
        }
    }
    if (khz || cpu_cpuid(0, 0).eax < 0x15) {
        return khz * 1000;
    }
    r = cpu_cpuid(0x15, 0);
    if (r.eax && r.ebx && !r.ecx && cpu_cpuid(0, 0).eax >= 0x16) {
        return (uint64_t)(cpu_cpuid(0x16, 0).eax & 0xffff) * 1000000;
    }
    return r.eax ? (uint64_t)r.ecx * r.ebx / r.eax : 0;
}

enum sample { SAMPLE_OK, SAMPLE_LATE, NO_PIT };

/* TSC ticks while channel 2 in mode 0 counts down from `count` and then raises its output, bit 5 of
 * port 61h. LATE: it had done so before the first look, as when an emulator is kept waiting. */
static enum sample take_sample(uint16_t count, uint64_t *ticks)
{
    uint8_t gate = (uint8_t)((io_in8(PORT_61) & ~SPEAKER) | GATE2);
    uint8_t first;
    uint64_t start;

    io_out8(PORT_61, gate);
    io_out8(PIT_COMMAND, CHANNEL2_MODE0);
    io_out8(PIT_CHANNEL2, (uint8_t)count);
    start = cpu_rdtsc(); /* before it starts: a wait here makes the sample longer, never shorter */
    io_out8(PIT_CHANNEL2, (uint8_t)(count >> 8));
    first = io_in8(PORT_61);
    if (first == NOBODY) {
        return NO_PIT;
    }
    if (first & OUT2) {
        return SAMPLE_LATE;
    }
    for (unsigned i = 0; i < PATIENCE; i++) {
        if (io_in8(PORT_61) & OUT2) {
            *ticks = cpu_rdtsc() - start;
            return SAMPLE_OK;
        }
    }
    return NO_PIT;
}

/* The smallest of a few samples: firmware (SMIs) or a hypervisor above us can only make one longer.
 * 0 if there is no PIT, or one that does not count. */
static uint64_t least_sample(uint16_t count)
{
    uint64_t best = UINT64_MAX;
    unsigned good = 0;

    for (unsigned tries = 0; good < SAMPLES && tries < TRIES; tries++) {
        uint64_t ticks = 0;
        enum sample got = take_sample(count, &ticks);

        if (got == NO_PIT) {
            return 0;
        }
        if (got == SAMPLE_OK) {
            best = ticks < best ? ticks : best;
            good++;
        }
    }
    return good ? best : 0;
}

/* An emulator's CPUID may tell the rate of the CPU that it plays: a rough measurement must agree,
 * or stands instead. Where nothing is told, a longer one is taken as well: their difference has
 * lost what starting the count and looking at it takes, which is the same in both. */
uint64_t tsc_hz_find(void)
{
    uint64_t told = hz_told();
    uint64_t brief = least_sample(COUNT_BRIEF);
    uint64_t rough = brief * PIT_HZ / COUNT_BRIEF;
    uint64_t longer;

    if (told && (!rough || (told > rough / 2 && told / 2 < rough))) {
        return told;
    }
    if (told || !rough) {
        return rough;
    }
    longer = least_sample(COUNT_LONG);
    return longer > brief ? (longer - brief) * PIT_HZ / (COUNT_LONG - COUNT_BRIEF) : rough;
}
