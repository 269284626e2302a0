#include "lib/bits.h"
#include "lib/log.h"
#include "vmx/vmcs_access.h"
#include "vmx/vmx.h"
#include "vmx/vmx_err.h"

enum { BROKEN_MAX = 16, VMFAIL_INVALID = 1 };

typedef unsigned check_fn(const struct vmx_state *s, const char *broken[], unsigned max);

static void name_broken_rules(check_fn *check, const struct vmx_state *state)
{
    const char *broken[BROKEN_MAX];
    unsigned count = check(state, broken, BROKEN_MAX);

    for (unsigned i = 0; i < MIN(count, BROKEN_MAX); i++) {
        log_error("vmx: broken rule: %s", broken[i]);
    }
}

static void explain(void)
{
    static struct vmx_state state; /* large, and there is one report at a time */

    vmx_state_read(&state, &vmx_machine.limits);
    name_broken_rules(vmx_check_controls, &state);
    name_broken_rules(vmx_check_host, &state);
    name_broken_rules(vmx_check_guest, &state);
}

void vmx_report_refusal(int how)
{
    if (how == VMFAIL_INVALID) {
        log_error("vmx: VM entry failed (VMfailInvalid): this CPU has no current VMCS");
        return;
    }
    log_error("vmx: VM entry failed (VMfailValid): %s",
              vmx_insn_error_text(vmcs_read32(VMCS_INSN_ERROR)));
    explain();
}

void vmx_report_entry_failure(uint32_t reason, uint64_t qualification)
{
    log_error("vmx: %s: %s", vmx_entry_failure_text(reason),
              vmx_entry_failure_detail(reason, qualification));
    explain();
}
