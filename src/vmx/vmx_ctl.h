/* Negotiation of the VMX controls: a table of what pxHV needs and wants against what the CPU's
 * capability MSRs allow. Pure: no lock. Intel SDM vol. 3, "VMX Capability Reporting Facility". */
#pragma once
#include "hv/preflight.h"
#include "vmx/vmx_check.h"

/* The control words to put into a VMCS. */
struct vmx_ctls {
    uint32_t pin, proc, proc2, exit, entry;
};

/* Chooses the controls: all that is needed, what is wanted and offered, and what the CPU forces.
 * report gets one item for each row of the table that matters to a user; it may be NULL. True if
 * all that is needed is there and nothing is forced on that pxHV could not bear. */
bool vmx_ctl_negotiate(const struct vmx_limits *limits, struct vmx_ctls *out,
                       struct preflight *report);

/* IA32_FEATURE_CONTROL as found: is VMXON allowed, and must the register be written first? */
enum vmx_lock { VMX_LOCK_OPEN, VMX_LOCK_ON, VMX_LOCK_OFF };
enum vmx_lock vmx_feature_control(uint64_t value);
