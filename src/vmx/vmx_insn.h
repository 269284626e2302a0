/* The VMX instructions apart from VMREAD and VMWRITE (vmcs_access.h). They act on the CPU that
 * executes them: no lock. True means success. Intel SDM vol. 3, "VMX Instruction Reference". */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define VMX_INSN_ON_ADDRESS(name, mnemonic)                                                        \
    static inline bool name(uint64_t hpa)                                                          \
    {                                                                                              \
        bool failed;                                                                               \
        __asm__ volatile(mnemonic " %[hpa]" : "=@ccbe"(failed) : [hpa] "m"(hpa) : "memory");       \
        return !failed;                                                                            \
    }
VMX_INSN_ON_ADDRESS(insn_vmxon, "vmxon")
VMX_INSN_ON_ADDRESS(insn_vmclear, "vmclear")
VMX_INSN_ON_ADDRESS(insn_vmptrld, "vmptrld")
#undef VMX_INSN_ON_ADDRESS

static inline void insn_vmxoff(void)
{
    __asm__ volatile("vmxoff" ::: "memory", "cc");
}

struct insn_inv_desc {
    uint64_t id, address;
};

static inline bool insn_invept(uint64_t type, struct insn_inv_desc desc)
{
    bool failed;

    __asm__ volatile("invept %[desc], %[type]"
                     : "=@ccbe"(failed)
                     : [desc] "m"(desc), [type] "r"(type)
                     : "memory");
    return !failed;
}

static inline bool insn_invvpid(uint64_t type, struct insn_inv_desc desc)
{
    bool failed;

    __asm__ volatile("invvpid %[desc], %[type]"
                     : "=@ccbe"(failed)
                     : [desc] "m"(desc), [type] "r"(type)
                     : "memory");
    return !failed;
}
