#include "vmx/vmx_err.h"
#include "lib/bits.h"
#include <stddef.h>

static const char *const insn_errors[] = {
    [1] = "VMCALL in VMX root operation, where nobody serves it",
    [2] = "VMCLEAR of an address that is unaligned or beyond the physical width",
    [3] = "VMCLEAR of the VMXON region",
    [4] = "VMLAUNCH of a VMCS that is already launched (or was never cleared)",
    [5] = "VMRESUME of a VMCS that was not launched",
    [6] = "VMRESUME after VMX was turned off and on again since the VMLAUNCH",
    [7] = "VM entry with a bad control field",
    [8] = "VM entry with a bad host-state field",
    [9] = "VMPTRLD of an address that is unaligned or beyond the physical width",
    [10] = "VMPTRLD of the VMXON region",
    [11] = "VMPTRLD of a region with another VMCS revision identifier",
    [12] = "VMREAD or VMWRITE of a VMCS component that this CPU does not have",
    [13] = "VMWRITE to a read-only VMCS component",
    [15] = "VMXON while VMX is already on",
    [16] = "VM entry with a bad executive-VMCS pointer",
    [17] = "VM entry with an executive VMCS that was not launched",
    [18] = "VM entry that ends dual-monitor treatment, but not from the VMXON region",
    [19] = "VMCALL to the SMM monitor with a VMCS that is not clear",
    [20] = "VMCALL to the SMM monitor with bad VM-exit control fields",
    [22] = "VMCALL to the SMM monitor with another MSEG revision identifier",
    [23] = "VMXOFF while SMIs have dual-monitor treatment",
    [24] = "VMCALL to the SMM monitor with bad SMM-monitor features",
    [25] = "VM entry from SMM with bad execution controls in the executive VMCS",
    [26] = "VM entry right after MOV SS or POP SS",
    [28] = "INVEPT or INVVPID with a bad operand",
};

static const char *const exit_reasons[] = {
    [0] = "exception or NMI",
    [1] = "external interrupt",
    [2] = "triple fault",
    [3] = "INIT",
    [4] = "SIPI",
    [5] = "SMI by I/O",
    [6] = "other SMI",
    [7] = "interrupt window",
    [8] = "NMI window",
    [9] = "task switch",
    [10] = "CPUID",
    [11] = "GETSEC",
    [12] = "HLT",
    [13] = "INVD",
    [14] = "INVLPG",
    [15] = "RDPMC",
    [16] = "RDTSC",
    [17] = "RSM",
    [18] = "VMCALL",
    [19] = "VMCLEAR",
    [20] = "VMLAUNCH",
    [21] = "VMPTRLD",
    [22] = "VMPTRST",
    [23] = "VMREAD",
    [24] = "VMRESUME",
    [25] = "VMWRITE",
    [26] = "VMXOFF",
    [27] = "VMXON",
    [28] = "control-register access",
    [29] = "MOV DR",
    [30] = "I/O instruction",
    [31] = "RDMSR",
    [32] = "WRMSR",
    [33] = "VM entry failed: guest state",
    [34] = "VM entry failed: MSR loading",
    [36] = "MWAIT",
    [37] = "monitor trap flag",
    [39] = "MONITOR",
    [40] = "PAUSE",
    [41] = "VM entry failed: machine check",
    [43] = "TPR below threshold",
    [44] = "APIC access",
    [45] = "virtualized EOI",
    [46] = "GDTR or IDTR access",
    [47] = "LDTR or TR access",
    [48] = "EPT violation",
    [49] = "EPT misconfiguration",
    [50] = "INVEPT",
    [51] = "RDTSCP",
    [52] = "preemption timer",
    [53] = "INVVPID",
    [54] = "WBINVD or WBNOINVD",
    [55] = "XSETBV",
    [56] = "APIC write",
    [57] = "RDRAND",
    [58] = "INVPCID",
    [59] = "VMFUNC",
    [60] = "ENCLS",
    [61] = "RDSEED",
    [62] = "page-modification log full",
    [63] = "XSAVES",
    [64] = "XRSTORS",
    [65] = "PCONFIG",
    [66] = "sub-page permission",
    [67] = "UMWAIT",
    [68] = "TPAUSE",
    [69] = "LOADIWKEY",
    [70] = "ENCLV",
    [72] = "ENQCMD PASID translation",
    [73] = "ENQCMDS PASID translation",
    [74] = "bus lock",
    [75] = "instruction time-out",
};

static const char *const guest_state_details[] = {
    [0] = "the CPU names no detail",
    [2] = "a PDPTE has reserved bits set",
    [3] = "an NMI was to be injected while STI blocks events",
    [4] = "the VMCS link pointer is bad",
};

static const char *lookup(const char *const table[], size_t count, uint64_t i, const char *unknown)
{
    return i < count && table[i] ? table[i] : unknown;
}

const char *vmx_insn_error_text(uint32_t number)
{
    return lookup(insn_errors, ARRAY_SIZE(insn_errors), number,
                  "an error number that the manual does not list");
}

const char *vmx_exit_reason_name(uint32_t reason)
{
    return lookup(exit_reasons, ARRAY_SIZE(exit_reasons), reason, "unknown exit reason");
}

const char *vmx_entry_failure_text(uint32_t reason)
{
    switch (reason & 0xffff) {
    case 33:
        return "VM entry failed: the guest state breaks a rule";
    case 34:
        return "VM entry failed: an MSR in the VM-entry MSR-load list was refused";
    case 41:
        return "VM entry failed: a machine check happened on the way";
    default:
        return "VM entry failed for a reason that the manual does not list";
    }
}

const char *vmx_entry_failure_detail(uint32_t reason, uint64_t qualification)
{
    switch (reason & 0xffff) {
    case 33:
        return lookup(guest_state_details, ARRAY_SIZE(guest_state_details), qualification,
                      "the exit qualification is not one the manual lists");
    case 34:
        return "the exit qualification is the number of the entry in the list, from 1";
    default:
        return "the exit qualification says nothing more";
    }
}
