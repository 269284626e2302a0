/* The rules that a CPU applies to writes of CR0, CR4, EFER and XCR0, as pure functions on the
 * values. No lock. Intel SDM vol. 3, "Control Registers" and "Initializing IA-32e Mode". */
#pragma once
#include "hv/cpuid.h"
#include "hv/regs.h"
#include <stdbool.h>
#include <stdint.h>

/* Each changes *crs as the write would, EFER.LMA included, or returns false, with *crs untouched,
 * where the CPU raises #GP. cs_long: CS.L of the code that writes. */
bool cr_write_cr0(struct vcpu_crs *crs, uint64_t value, bool cs_long);
bool cr_write_cr4(const struct cpuid_table *cpuid, struct vcpu_crs *crs, uint64_t value);
bool cr_write_efer(const struct cpuid_table *cpuid, struct vcpu_crs *crs, uint64_t value);

/* True if a CPU reads PAE paging's four top entries from memory when these registers change so
 * (Intel SDM vol. 3, "PDPTE Registers"). */
bool cr_loads_pdptes(const struct vcpu_crs *old, const struct vcpu_crs *crs);

bool cr_xcr0_valid(const struct cpuid_table *cpuid, uint64_t value);
