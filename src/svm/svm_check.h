/* The rules that VMRUN applies to a VMCB, as a pure function: AMD APM vol. 2, "Canonicalization and
 * Consistency Checks" of the VMRUN instruction. No lock. */
#pragma once
#include "svm/vmcb.h"
#include <stdbool.h>

/* Names at most `max` broken rules in broken[] (static strings); returns how many there are.
 * phys_bits: the CPU's physical address width. What an optional feature adds to CR4 or EFER counts
 * as allowed if some AMD CPU has it; rules of features that pxHV never turns on (CET, SEV, AVIC)
 * are not covered. */
unsigned svm_check(const struct vmcb *vmcb, unsigned phys_bits, const char *broken[], unsigned max);

/* The inside, for the test. */
struct svm_checked {
    const struct vmcb *vmcb;
    uint64_t phys_end; /* the first physical address that the CPU does not have */
};
struct svm_rule {
    const char *text; /* what must be so */
    bool (*holds)(const struct svm_checked *s);
};
extern const struct svm_rule svm_rules[];
extern const size_t svm_rule_count;
