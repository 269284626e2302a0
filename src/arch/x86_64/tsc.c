#include "arch/x86_64/tsc.h"
#include "arch/x86_64/cpu.h"
#include "lib/bits.h"

enum { PIT_CHANNEL2 = 0x42, PIT_COMMAND = 0x43, PORT_61 = 0x61, PIT_HZ = 1193182 };
enum { CHANNEL2_MODE0 = 0xb0, GATE2 = 1, SPEAKER = 2, OUT2 = 0x20 };
enum { COUNT = PIT_HZ / 1000, PATIENCE = 10000000 };

/* CPUID 15H: TSC = crystal * numerator / denominator (Intel SDM vol. 2, "CPUID"). 40000010H: kHz,
 * as hypervisors give it to their guests. */
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
    return r.eax ? (uint64_t)r.ecx * r.ebx / r.eax : 0;
}

/* Channel 2 in mode 0 counts a millisecond down and then raises its output, bit 5 of port 61h. */
static uint64_t hz_measured(void)
{
    uint8_t gate = (uint8_t)((io_in8(PORT_61) & ~SPEAKER) | GATE2);
    uint64_t start;
    uint64_t end;

    io_out8(PORT_61, gate);
    io_out8(PIT_COMMAND, CHANNEL2_MODE0);
    io_out8(PIT_CHANNEL2, COUNT & 0xff);
    io_out8(PIT_CHANNEL2, COUNT >> 8);
    start = cpu_rdtsc();
    for (unsigned i = 0; !(io_in8(PORT_61) & OUT2); i++) {
        if (i == PATIENCE) {
            return 0; /* no PIT here */
        }
    }
    end = cpu_rdtsc();
    return (end - start) * PIT_HZ / COUNT;
}

uint64_t tsc_hz_find(void)
{
    uint64_t told = hz_told();
    uint64_t measured = hz_measured();
    uint64_t apart = told > measured ? told - measured : measured - told;

    if (told && (!measured || apart < measured / 64)) {
        return told;
    }
    return measured;
}
