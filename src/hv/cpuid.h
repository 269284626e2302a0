/* What the guest sees in CPUID: a table made once from the host's values, so that an exit is one
 * look-up. Built with the VM, then read-only: no lock. */
#pragma once
#include "arch/x86_64/cpu.h"
#include <stdbool.h>
#include <stdint.h>

enum {
    CPUID_BASIC_MAX = 0x16,
    CPUID_EXT_MAX = 0x8,
    CPUID_HV_MAX = 0x10,
    CPUID_KVM_MAX = 1,
    CPUID_SUBLEAVES = 32
};

#define CPUID_KVM_CLOCK        (1u << 3)
#define CPUID_KVM_PV_EOI       (1u << 6)
#define CPUID_KVM_CLOCK_STABLE (1u << 24)

struct cpuid_table {
    struct cpuid_regs basic[CPUID_BASIC_MAX + 1];
    struct cpuid_regs ext[CPUID_EXT_MAX + 1];
    struct cpuid_regs hv[CPUID_HV_MAX + 1];   /* 40000000h: pxHV's own signature, or KVM's */
    struct cpuid_regs kvm[CPUID_KVM_MAX + 1]; /* 40000100h: KVM's, with what we implement of it */
    struct cpuid_regs cache[4];               /* leaf 4 */
    struct cpuid_regs topology[2];            /* leaf 0Bh */
    struct cpuid_regs xsave[CPUID_SUBLEAVES]; /* leaf 0Dh */
    uint64_t xcr0_mask;                       /* what a guest may set */
    uint64_t cr4_mask;                        /* bits of CR4 that this CPUID offers */
    uint64_t efer_mask;
};

/* read: the host's CPUID (a seam for tests). tsc_hz: what leaves 15h and 16h tell the guest. */
void cpuid_build(struct cpuid_table *t, struct cpuid_regs (*read)(uint32_t leaf, uint32_t subleaf),
                 uint64_t tsc_hz);

/* For SeaBIOS, which looks for KVM at 40000000h only, and learns the TSC's rate from its leaf
 * 40000010h instead of measuring it: KVM's leaves stand there, too, in place of pxHV's. */
void cpuid_show_kvm_first(struct cpuid_table *t, uint64_t tsc_hz);

/* Instructions that a guest can have only if the backend turns them on. */
void cpuid_hide_rdtscp(struct cpuid_table *t); /* and RDPID, which reads the same register */
void cpuid_hide_invpcid(struct cpuid_table *t);

/* The answer to one CPUID instruction apart from the bits that follow a vCPU's state; never NULL
 * (an unknown leaf is all zeros, as is a subleaf that is not there). */
const struct cpuid_regs *cpuid_find(const struct cpuid_table *t, uint32_t leaf, uint32_t subleaf);
