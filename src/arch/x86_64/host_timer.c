#include "arch/x86_64/host_timer.h"
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/lapic_host.h"
#include "arch/x86_64/msr.h"
#include "arch/x86_64/percpu.h"
#include "arch/x86_64/trap.h"
#include "lib/bits.h"
#include <stddef.h>

#define DEADLINE_OFF       UINT64_MAX
#define CPUID1_ECX_TSC_DLN BIT32(24)
enum { VEC_TIMER = 0x31 };
enum { SAMPLES = 2, SAMPLE_TICKS = 1000000 /* of the TSC */ };

static bool tsc_deadline;
static uint64_t rate; /* of the one-shot counter: its ticks in 2^32 TSC ticks */

static void on_timer(void *ctx)
{
    struct percpu *cpu = this_cpu();

    (void)ctx;
    cpu->timer_irqs++;
    cpu->timer_deadline = DEADLINE_OFF;
}

/* The rate, but never more than the truth, so that the timer may be early and not late: the TSC is
 * read before the count starts and after it is read, and the first tick, which may follow at once,
 * is left out. 0: it does not count, or had nothing left. */
static uint64_t one_sample(void)
{
    uint64_t start = cpu_rdtsc();
    uint32_t left;

    lapic_host_timer_start(UINT32_MAX);
    while (cpu_rdtsc() - start < SAMPLE_TICKS) {
        cpu_pause();
    }
    left = lapic_host_timer_left();
    cpu_fence();
    if (left == 0 || left == UINT32_MAX) {
        return 0;
    }
    return ((uint64_t)(UINT32_MAX - left - 1) << 32) / (cpu_rdtsc() - start);
}

/* The largest sample: firmware (SMIs) or a hypervisor above us can only make one smaller. */
static uint64_t measure(void)
{
    uint64_t best = 0;

    for (unsigned i = 0; i < SAMPLES; i++) {
        uint64_t next = one_sample();

        best = MAX(best, next);
    }
    lapic_host_timer_start(0);
    return best;
}

bool host_timer_init(void)
{
    if (!lapic_host_ready()) {
        return false;
    }
    tsc_deadline = cpu_cpuid(1, 0).ecx & CPUID1_ECX_TSC_DLN;
    if (!tsc_deadline) {
        rate = measure();
        if (rate == 0) {
            return false;
        }
    }
    trap_set_irq(VEC_TIMER, on_timer, NULL);
    lapic_host_timer_mode(VEC_TIMER, tsc_deadline);
    host_timer_arm(DEADLINE_OFF);
    return true;
}

/* Ticks of the one-shot counter until then, rounded down but not to 0, which would stop it. */
static uint32_t count_until(uint64_t deadline)
{
    uint64_t now = cpu_rdtsc();
    unsigned __int128 count;

    if (deadline <= now) {
        return 1;
    }
    count = ((unsigned __int128)(deadline - now) * rate) >> 32;
    return (uint32_t)MIN(MAX(count, 1), UINT32_MAX);
}

void host_timer_arm(uint64_t deadline)
{
    struct percpu *cpu = this_cpu();

    if (deadline == cpu->timer_deadline) {
        return;
    }
    cpu->timer_deadline = deadline;
    if (!tsc_deadline) {
        lapic_host_timer_start(deadline == DEADLINE_OFF ? 0 : count_until(deadline));
    } else {
        /* A deadline of 0 would disarm it. */
        msr_write(MSR_TSC_DEADLINE, deadline == DEADLINE_OFF ? 0 : MAX(deadline, 1));
    }
}

void host_timer_fire(void)
{
    lapic_host_self_ipi(VEC_TIMER);
}
