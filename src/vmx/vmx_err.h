/* What VMX's numbers mean, in words: instruction errors, exit reasons, failed VM entries. Pure: no
 * lock. */
#pragma once
#include <stdint.h>

/* A sentence for VMCS_INSN_ERROR (Intel SDM vol. 3, "VM-Instruction Error Numbers"); never NULL. */
const char *vmx_insn_error_text(uint32_t number);

/* The name of a basic exit reason: bits 15:0 of VMCS_EXIT_REASON (appendix "VMX Basic Exit
 * Reasons"); never NULL. */
const char *vmx_exit_reason_name(uint32_t reason);

/* For an exit reason with bit 31 set: why the VM entry failed (basic reason 33, 34 or 41), and what
 * the exit qualification adds ("VM-Entry Failures During or After Loading Guest State"). Both a
 * sentence, never NULL. For 34 the qualification is itself the answer: the number of the bad entry
 * in the MSR-load list, counted from 1. */
const char *vmx_entry_failure_text(uint32_t reason);
const char *vmx_entry_failure_detail(uint32_t reason, uint64_t qualification);
