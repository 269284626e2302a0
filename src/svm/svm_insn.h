/* The SVM instructions outside the entry stub. They act on the CPU that executes them: no lock. AMD
 * APM vol. 3, "System Instruction Reference". */
#pragma once
#include <stdint.h>

/* Stores what VMRUN neither loads nor saves (FS, GS, TR, LDTR and the system-call registers) in the
 * VMCB at this host-physical address. */
static inline void insn_vmsave(uint64_t vmcb_hpa)
{
    __asm__ volatile("vmsave" ::"a"(vmcb_hpa) : "memory");
}
