#include "svm/svm_check.h"
#include "hv/regs.h"
#include "lib/addr.h"
#include "lib/range.h"

/* AMD APM vol. 2, "CR4 Register" and "Extended Feature Enable Register (EFER)": the bits that some
 * CPU has. */
#define CR4_DEFINED                                                                                \
    (CR4_VME | CR4_PVI | CR4_TSD | CR4_DE | CR4_PSE | CR4_PAE | CR4_MCE | CR4_PGE | CR4_PCE |      \
     CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_UMIP | CR4_LA57 | CR4_FSGSBASE | CR4_PCIDE | CR4_OSXSAVE |  \
     CR4_SMEP | CR4_SMAP | CR4_PKE | CR4_CET)
#define EFER_OPTIONAL (BIT(13) | BIT(14) | BIT(15) | BIT(17) | BIT(18) | BIT(20) | BIT(21))
#define EFER_DEFINED  (EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE | EFER_SVME | EFER_OPTIONAL)

#define INTERCEPT_VMRUN BIT32(0)  /* of intercepts[1]: exit codes 80h to 9Fh */
#define SEG_DB          BIT32(10) /* of vmcb_seg.attr */

static bool efer_has_svme(const struct svm_checked *s)
{
    return s->vmcb->efer & EFER_SVME;
}

static bool cr0_nw_needs_cd(const struct svm_checked *s)
{
    return (s->vmcb->cr0 & CR0_CD) || !(s->vmcb->cr0 & CR0_NW);
}

static bool cr0_is_32bit(const struct svm_checked *s)
{
    return !hi32(s->vmcb->cr0);
}

static bool cr3_in_width(const struct svm_checked *s)
{
    return s->vmcb->cr3 < s->phys_end;
}

static bool cr4_reserved(const struct svm_checked *s)
{
    return !(s->vmcb->cr4 & ~CR4_DEFINED);
}

static bool dr6_is_32bit(const struct svm_checked *s)
{
    return !hi32(s->vmcb->dr6);
}

static bool dr7_is_32bit(const struct svm_checked *s)
{
    return !hi32(s->vmcb->dr7);
}

static bool efer_reserved(const struct svm_checked *s)
{
    return !(s->vmcb->efer & ~EFER_DEFINED);
}

static bool in_long_mode(const struct svm_checked *s)
{
    return (s->vmcb->efer & EFER_LME) && (s->vmcb->cr0 & CR0_PG);
}

static bool long_mode_has_pae(const struct svm_checked *s)
{
    return !in_long_mode(s) || (s->vmcb->cr4 & CR4_PAE);
}

static bool long_mode_has_pe(const struct svm_checked *s)
{
    return !in_long_mode(s) || (s->vmcb->cr0 & CR0_PE);
}

static bool cs_is_64_or_32bit(const struct svm_checked *s)
{
    const uint32_t both = VMCB_SEG_L | SEG_DB;

    return !in_long_mode(s) || !(s->vmcb->cr4 & CR4_PAE) || (s->vmcb->cs.attr & both) != both;
}

static bool vmrun_exits(const struct svm_checked *s)
{
    return s->vmcb->intercepts[1] & INTERCEPT_VMRUN;
}

/* The CPU ignores the low twelve bits of a map's address. */
static bool map_in_width(const struct svm_checked *s, uint64_t at, uint64_t size)
{
    return range_fits(ALIGN_DOWN(at, PAGE_SIZE), size, s->phys_end);
}

static bool iopm_in_width(const struct svm_checked *s)
{
    return map_in_width(s, s->vmcb->iopm, SVM_IOPM_SIZE);
}

static bool msrpm_in_width(const struct svm_checked *s)
{
    return map_in_width(s, s->vmcb->msrpm, SVM_MSRPM_SIZE);
}

static bool asid_not_zero(const struct svm_checked *s)
{
    return s->vmcb->asid != 0;
}

static unsigned event_type(const struct svm_checked *s)
{
    return (unsigned)bits(s->vmcb->event, 10, 8);
}

static bool event_type_valid(const struct svm_checked *s)
{
    unsigned type = event_type(s);

    return !(s->vmcb->event & VMCB_EVENT_VALID) || type == VMCB_EVENT_INTR ||
           (type >= VMCB_EVENT_NMI && type <= VMCB_EVENT_SOFT_INT);
}

static bool event_vector_valid(const struct svm_checked *s)
{
    enum { VECTOR_NMI = 2, EXCEPTIONS = 32 };
    uint8_t vector = (uint8_t)s->vmcb->event;

    return !(s->vmcb->event & VMCB_EVENT_VALID) || event_type(s) != VMCB_EVENT_EXCEPTION ||
           (vector != VECTOR_NMI && vector < EXCEPTIONS);
}

static bool nested_cr3_in_width(const struct svm_checked *s)
{
    return !(s->vmcb->nested_ctl & VMCB_NP) || s->vmcb->nested_cr3 < s->phys_end;
}

/* 0, 1, 4, 5, 6 or 7 in each byte. */
static bool pat_types(const struct svm_checked *s)
{
    for (unsigned i = 0; i < 64 && (s->vmcb->nested_ctl & VMCB_NP); i += 8) {
        uint64_t type = bits(s->vmcb->pat, i + 7, i);

        if (type > 7 || type == 2 || type == 3) {
            return false;
        }
    }
    return true;
}

/* clang-format off */
const struct svm_rule svm_rules[] = {
    { "EFER: SVME must be 1", efer_has_svme },
    { "EFER: reserved bits must be 0", efer_reserved },
    { "CR0: NW needs CD", cr0_nw_needs_cd },
    { "CR0: bits 63:32 must be 0", cr0_is_32bit },
    { "CR3: no bit may be set beyond the physical width", cr3_in_width },
    { "CR4: bits 63:32 and reserved bits must be 0", cr4_reserved },
    { "DR6: bits 63:32 must be 0", dr6_is_32bit },
    { "DR7: bits 63:32 must be 0", dr7_is_32bit },
    { "CR4: PAE must be 1 in long mode (EFER.LME with CR0.PG)", long_mode_has_pae },
    { "CR0: PE must be 1 in long mode (EFER.LME with CR0.PG)", long_mode_has_pe },
    { "CS: L and D must not both be 1 in long mode", cs_is_64_or_32bit },
    { "intercepts: VMRUN must be one of them", vmrun_exits },
    { "I/O permission map: must end within the physical width", iopm_in_width },
    { "MSR permission map: must end within the physical width", msrpm_in_width },
    { "ASID: must not be 0, which is the host's", asid_not_zero },
    { "injected event: the type must not be reserved", event_type_valid },
    { "injected event: an exception must have one's vector (0 to 31, and 2 is the NMI)",
      event_vector_valid },
    { "nested CR3: no bit may be set beyond the physical width", nested_cr3_in_width },
    { "PAT: each byte must be a memory type if paging is nested", pat_types },
};
/* clang-format on */
const size_t svm_rule_count = ARRAY_SIZE(svm_rules);

unsigned svm_check(const struct vmcb *vmcb, unsigned phys_bits, const char *broken[], unsigned max)
{
    const struct svm_checked s = { .vmcb = vmcb, .phys_end = BIT(phys_bits & 63) };
    unsigned count = 0;

    for (size_t i = 0; i < svm_rule_count; i++) {
        if (svm_rules[i].holds(&s)) {
            continue;
        }
        if (count < max) {
            broken[count] = svm_rules[i].text;
        }
        count++;
    }
    return count;
}
