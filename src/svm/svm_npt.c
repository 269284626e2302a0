#include "svm/svm_npt.h"
#include "lib/bits.h"

#define PTE_P     BIT(0)
#define PTE_W     BIT(1)
#define PTE_U     BIT(2) /* every guest access counts as one of user mode */
#define PTE_A     BIT(5)
#define PTE_D     BIT(6)
#define PTE_LARGE BIT(7)
#define PTE_NX    BIT(63)

struct npt_format svm_npt_format(bool huge)
{
    struct npt_format f = {
        .table_bits = PTE_P | PTE_W | PTE_U | PTE_A,
        .leaf_bits = PTE_P | PTE_U | PTE_A | PTE_D, /* A and D already: the CPU never writes here */
        .large_bit = PTE_LARGE,
        .present_mask = PTE_P,
        .max_level = huge ? 2 : 1,
    };

    for (unsigned prot = 0; prot <= NPT_RWX; prot++) {
        f.prot[prot] = (prot & NPT_W ? PTE_W : 0) | (prot & NPT_X ? 0 : PTE_NX);
    }
    return f;
}
