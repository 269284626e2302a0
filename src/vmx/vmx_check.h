/* The rules a VM entry checks, again in software, so that a refused entry is explained in words.
 * Pure: vmx_state_read (vmx_state_read.c) is the only part that touches the CPU. The caller owns
 * the struct: no lock. */
#pragma once
#include "hv/regs.h"
#include <stdbool.h>
#include <stdint.h>

/* What this CPU allows. The ctls words are capability MSRs, the TRUE ones where there are any: bits
 * 31:0 must be 1, bits 63:32 may be 1. proc2 is 0 where the CPU has no such MSR; ept_vpid too. */
struct vmx_limits {
    uint64_t pin_ctls, proc_ctls, proc2_ctls, exit_ctls, entry_ctls;
    uint64_t misc, ept_vpid; /* IA32_VMX_MISC, IA32_VMX_EPT_VPID_CAP */
    uint64_t cr0_fixed0, cr0_fixed1, cr4_fixed0, cr4_fixed1;
    uint8_t phys_bits, linear_bits; /* CPUID 80000008H; linear_bits is 48 or 57 */
};

struct vmx_controls {
    uint32_t pin, proc, proc2, exit, entry; /* proc2 is 0 if proc does not activate it */
    uint32_t cr3_target_count, tpr_threshold;
    uint32_t exit_msr_store_count, exit_msr_load_count, entry_msr_load_count;
    uint32_t intr_info, exc_code, insn_len;
    uint16_t vpid, posted_intr_vector;
    uint64_t io_bitmap_a, io_bitmap_b, msr_bitmap; /* host-physical, as all addresses here */
    uint64_t virt_apic, apic_access, posted_intr_desc, eptp, pml;
    uint64_t exit_msr_store, exit_msr_load, entry_msr_load;
};

struct vmx_host {
    uint64_t cr0, cr3, cr4, pat, efer;
    uint64_t fs_base, gs_base, tr_base, gdtr_base, idtr_base;
    uint64_t sysenter_esp, sysenter_eip, rip;
    uint16_t sel[SEG_COUNT]; /* there is none for SEG_LDTR */
};

struct vmx_guest {
    uint64_t cr0, cr3, cr4, dr7, rip, rflags;
    uint64_t debugctl, pat, efer, bndcfgs;
    uint64_t sysenter_esp, sysenter_eip, pending_debug, link;
    uint64_t pdpte[4];
    struct vcpu_segs segs; /* attr holds the whole access-rights field, reserved bits too */
    uint32_t interruptibility, activity;
};

struct vmx_state {
    struct vmx_limits limits;
    struct vmx_controls ctl;
    struct vmx_host host;
    struct vmx_guest guest;
};

/* Each returns how many rules the state breaks, and puts the sentences of the first max of them
 * into broken[]. In the manual's order: a bad control or host field makes VMLAUNCH fail (errors 7
 * and 8), bad guest state is a failed VM entry (exit reason 33). Rules that need to look into
 * memory (virtual TPR, the VMCS behind the link pointer, PDPTEs without EPT) are not covered, nor
 * are features pxHV never turns on (SMM monitors, VMCS shadowing, Intel PT, CET, LBR). */
unsigned vmx_check_controls(const struct vmx_state *s, const char *broken[], unsigned max);
unsigned vmx_check_host(const struct vmx_state *s, const char *broken[], unsigned max);
unsigned vmx_check_guest(const struct vmx_state *s, const char *broken[], unsigned max);

/* Fills all of *s: the limits from the argument, the rest from the current VMCS. A field that the
 * CPU does not have reads as 0. */
void vmx_state_read(struct vmx_state *s, const struct vmx_limits *limits);
