/* KVM's paravirtual clock: a page of guest memory tells how TSC ticks become nanoseconds, so that a
 * guest on any CPU knows the TSC's rate without measuring it. Its vCPU writes it: no lock. Linux
 * kernel documentation, "KVM-specific MSRs", MSR_KVM_WALL_CLOCK_NEW and MSR_KVM_SYSTEM_TIME_NEW. */
#pragma once
#include "hv/vcpu.h"
#include <stdbool.h>
#include <stdint.h>

#define MSR_KVM_WALL_CLOCK  0x4b564d00u
#define MSR_KVM_SYSTEM_TIME 0x4b564d01u

/* The factor from ticks at hz to nanoseconds: ns = ((ticks << *shift) * *mul) >> 32, at most 2^-28
 * too small for rates up to 10 GHz. hz: at least 1, as that of struct clock is. */
void kvm_clock_scale(uint64_t hz, uint32_t *mul, int8_t *shift);

/* msr: one of the two. A write tells the time in guest memory, once for all. False if the CPU would
 * raise #GP: reserved bits, or an address that is not guest RAM. */
bool kvm_clock_read(struct vcpu *v, uint32_t msr, uint64_t *value);
bool kvm_clock_write(struct vcpu *v, uint32_t msr, uint64_t value);
