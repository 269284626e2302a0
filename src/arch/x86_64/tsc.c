#include "arch/x86_64/tsc.h"
#include "arch/x86_64/cpu.h"
#include "lib/bits.h"

enum { PIT_CHANNEL2 = 0x42, PIT_COMMAND = 0x43, PORT_61 = 0x61, PIT_HZ = 1193182 };
enum { CHANNEL2_MODE0 = 0xb0, GATE2 = 1, SPEAKER = 2, OUT2 = 0x20, NOBODY = 0xff };
enum { COUNT = PIT_HZ / 1000, PATIENCE = 2000000, SAMPLES = 3 };

/* CPUID 15H: TSC = crystal * numerator / denominator, and where the crystal is not told, the base
 * rate of 16H, which is the TSC's on those CPUs (Intel SDM vol. 2, "CPUID"). 40000010H: kHz, as
 * hypervisors give it to their guests. */
static uint64_t hz_told(void)
{
    struct cpuid_regs r;

    if (cpu_cpuid(1, 0).ecx & BIT(31)) {
        r = cpu_cpuid(0x40000000, 0);
        if (r.eax >= 0x40000010 && r.eax < 0x40001000) {
            return (uint64_t)cpu_cpuid(0x40000010, 0).eax * 1000;
        }
    }
    if (cpu_cpuid(0, 0).eax < 0x15) {
        return 0;
    }
    r = cpu_cpuid(0x15, 0);
    if (r.eax && r.ebx && !r.ecx && cpu_cpuid(0, 0).eax >= 0x16) {
        return (uint64_t)(cpu_cpuid(0x16, 0).eax & 0xffff) * 1000000;
    }
    return r.eax ? (uint64_t)r.ecx * r.ebx / r.eax : 0;
}

/* TSC ticks while channel 2 in mode 0 counts a millisecond down and then raises its output, bit 5
 * of port 61h; 0 if there is no PIT, or one that does not count. */
static uint64_t one_sample(void)
{
    uint8_t gate = (uint8_t)((io_in8(PORT_61) & ~SPEAKER) | GATE2);
    uint64_t start;

    io_out8(PORT_61, gate);
    io_out8(PIT_COMMAND, CHANNEL2_MODE0);
    io_out8(PIT_CHANNEL2, COUNT & 0xff);
    io_out8(PIT_CHANNEL2, COUNT >> 8);
    start = cpu_rdtsc();
    if (io_in8(PORT_61) == NOBODY || (io_in8(PORT_61) & OUT2)) {
        return 0;
    }
    for (unsigned i = 0; i < PATIENCE; i++) {
        if (io_in8(PORT_61) & OUT2) {
            return cpu_rdtsc() - start;
        }
    }
    return 0;
}

/* The smallest of a few samples: firmware (SMIs) or a hypervisor above us can only make one longer.
 */
static uint64_t hz_measured(void)
{
    uint64_t best = one_sample();

    for (unsigned i = 1; i < SAMPLES && best; i++) {
        uint64_t next = one_sample();

        best = next < best ? next : best;
    }
    return best * PIT_HZ / COUNT;
}

/* A measurement is rough, but an emulator's CPUID may tell the rate of the CPU that it plays. */
uint64_t tsc_hz_find(void)
{
    uint64_t told = hz_told();
    uint64_t measured = hz_measured();

    if (told && (!measured || (told > measured / 2 && told / 2 < measured))) {
        return told;
    }
    return measured;
}
