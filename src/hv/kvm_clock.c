#include "hv/kvm_clock.h"
#include "devices/clock.h"
#include "hv/vm.h"
#include "lib/bits.h"
#include <stddef.h>

enum { SYSTEM_TIME_ENABLE = 1, SYSTEM_TIME_RESERVED = 2, WALL_CLOCK_RESERVED = 3 };
enum { FLAG_TSC_STABLE = 1 }; /* time does not go back from one vCPU to another */
enum { NS_PER_SECOND = 1000000000 };

/* What the guest reads: ns = system_time + scaled(TSC - tsc_timestamp). */
struct system_time {
    uint32_t version; /* odd while the rest changes */
    uint32_t reserved;
    uint64_t tsc_timestamp;
    uint64_t system_time; /* nanoseconds at tsc_timestamp */
    uint32_t tsc_to_system_mul;
    int8_t tsc_shift;
    uint8_t flags;
    uint8_t reserved2[2];
};
_Static_assert(offsetof(struct system_time, tsc_timestamp) == 8, "KVM's layout");
_Static_assert(offsetof(struct system_time, tsc_to_system_mul) == 24, "KVM's layout");
_Static_assert(offsetof(struct system_time, flags) == 29, "KVM's layout");
_Static_assert(sizeof(struct system_time) == 32, "KVM's layout");

/* When system time was 0. */
struct wall_clock {
    uint32_t version; /* as above */
    uint32_t sec;     /* since 1970 */
    uint32_t nsec;
};
_Static_assert(sizeof(struct wall_clock) == 12, "KVM's layout");

void kvm_clock_scale(uint64_t hz, uint32_t *mul, int8_t *shift)
{
    uint64_t factor = clock_scale(hz, NS_PER_SECOND).mult;

    for (*shift = 0; factor > UINT32_MAX; ++*shift) {
        factor >>= 1;
    }
    *mul = lo32(factor);
}

/* Writes one of the structures. Another CPU may be reading it, so its version is odd meanwhile.
 * False, with nothing written, unless all of it is RAM. */
static bool publish(const struct vm *vm, gpa_t at, void *what, size_t len)
{
    uint32_t *version = what;
    struct system_time old; /* the larger of the two */

    if (vm_copy_in(vm, &old, at, len) != ERR_NONE) {
        return false;
    }
    *version = (old.version + 1) | 1;
    if (vm_copy_out(vm, at, version, sizeof *version) != ERR_NONE ||
        vm_copy_out(vm, at, what, len) != ERR_NONE) {
        return false;
    }
    ++*version;
    return vm_copy_out(vm, at, version, sizeof *version) == ERR_NONE;
}

/* The guest's TSC is the clock itself and never moved: what is told once stays true. */
static bool tell_system_time(const struct vm *vm, gpa_t at)
{
    struct system_time t = { .tsc_timestamp = vm->boot_tsc, .flags = FLAG_TSC_STABLE };

    kvm_clock_scale(vm->clock->hz, &t.tsc_to_system_mul, &t.tsc_shift);
    return publish(vm, at, &t, sizeof t);
}

static bool tell_wall_clock(const struct vm *vm, gpa_t at)
{
    struct wall_clock w = { .sec = lo32(vm->epoch) };

    return publish(vm, at, &w, sizeof w);
}

bool kvm_clock_read(struct vcpu *v, uint32_t msr, uint64_t *value)
{
    *value = msr == MSR_KVM_WALL_CLOCK ? v->vm->kvm_wall_clock : v->kvm_system_time;
    return true;
}

static bool wall_clock_write(struct vm *vm, uint64_t value)
{
    /* 0 is what the MSR holds after reset, and no address. */
    if ((value & WALL_CLOCK_RESERVED) || (value && !tell_wall_clock(vm, GPA(value)))) {
        return false;
    }
    vm->kvm_wall_clock = value;
    return true;
}

static bool system_time_write(struct vcpu *v, uint64_t value)
{
    gpa_t at = GPA(value & ~UINT64_C(3));

    if (value & SYSTEM_TIME_RESERVED) {
        return false;
    }
    if ((value & SYSTEM_TIME_ENABLE) && !tell_system_time(v->vm, at)) {
        return false;
    }
    v->kvm_system_time = value;
    return true;
}

bool kvm_clock_write(struct vcpu *v, uint32_t msr, uint64_t value)
{
    return msr == MSR_KVM_WALL_CLOCK ? wall_clock_write(v->vm, value) : system_time_write(v, value);
}
