#include "vmx/ept.h"
#include "lib/bits.h"

#define EPT_READ     BIT(0)
#define EPT_WRITE    BIT(1)
#define EPT_EXECUTE  BIT(2)
#define EPT_RWX      (EPT_READ | EPT_WRITE | EPT_EXECUTE)
#define EPT_WB       (UINT64_C(6) << 3) /* memory type of a leaf */
#define EPT_LARGE    BIT(7)
#define EPTP_WB      UINT64_C(6)
#define EPTP_4_LEVEL (UINT64_C(3) << 3)

/* IA32_VMX_EPT_VPID_CAP */
#define CAP_4_LEVEL    BIT(6)
#define CAP_WB         BIT(14)
#define CAP_2MIB       BIT(16)
#define CAP_1GIB       BIT(17)
#define CAP_INVEPT     BIT(20)
#define CAP_INVEPT_ALL BIT(26)

struct npt_format ept_format(uint64_t cap)
{
    struct npt_format f = {
        .table_bits = EPT_RWX,
        .leaf_bits = EPT_WB,
        .large_bit = EPT_LARGE,
        .present_mask = EPT_RWX,
        .max_level = cap & CAP_1GIB   ? 2
                     : cap & CAP_2MIB ? 1
                                      : 0,
    };

    for (unsigned prot = 0; prot <= NPT_RWX; prot++) {
        f.prot[prot] = (prot & NPT_R ? EPT_READ : 0) | (prot & NPT_W ? EPT_WRITE : 0) |
                       (prot & NPT_X ? EPT_EXECUTE : 0);
    }
    return f;
}

bool ept_usable(uint64_t cap)
{
    return (cap & CAP_4_LEVEL) && (cap & CAP_WB) && (cap & CAP_INVEPT) && (cap & CAP_INVEPT_ALL);
}

uint64_t ept_pointer(hpa_t root)
{
    return root.v | EPTP_4_LEVEL | EPTP_WB;
}
