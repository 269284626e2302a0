/* EPT as one of the formats that mm/npt knows. Constant after ept_format_init(): no lock.
 * Intel SDM vol. 3, "The Extended Page Table Mechanism (EPT)". */
#pragma once
#include "lib/addr.h"
#include "mm/npt.h"
#include <stdint.h>

/* The format for a CPU with this IA32_VMX_EPT_VPID_CAP. */
struct npt_format ept_format(uint64_t ept_vpid_cap);

/* True if that CPU has all that pxHV needs: write-back tables of four levels, INVEPT. */
bool ept_usable(uint64_t ept_vpid_cap);

/* The EPT pointer for tables with this root. */
uint64_t ept_pointer(hpa_t root);
