#include "arch/x86_64/cpu.h"
#include "lib/log.h"
#include "svm/svm.h"
#include "svm/svm_check.h"

enum { BROKEN_MAX = 16 };

void svm_report_refusal(const struct vmcb *vmcb)
{
    unsigned phys_bits = cpu_cpuid(0x80000008, 0).eax & 0xff;
    const char *broken[BROKEN_MAX];
    unsigned count = svm_check(vmcb, phys_bits, broken, BROKEN_MAX);

    log_error("svm: VMRUN refused the VMCB (VMEXIT_INVALID)");
    for (unsigned i = 0; i < MIN(count, BROKEN_MAX); i++) {
        log_error("svm: broken rule: %s", broken[i]);
    }
    if (count == 0) {
        log_error("svm: no rule that pxHV knows is broken");
    }
}
