/* AMD's nested paging as one of the formats that mm/npt knows: entries are those of long mode.
 * Pure: no lock. AMD APM vol. 2, "Nested Paging". */
#pragma once
#include "mm/npt.h"
#include <stdbool.h>

/* huge: the CPU has 1 GiB pages (CPUID 8000_0001h EDX[26]). The host runs with EFER.NXE. */
struct npt_format svm_npt_format(bool huge);
