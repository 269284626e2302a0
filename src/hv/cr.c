#include "hv/cr.h"
#include "arch/x86_64/cpu.h"
#include "hv/exit_table.h"
#include "hv/vcpu.h"
#include "hv/vm.h"
#include "lib/bits.h"

#define CR0_DEFINED                                                                                \
    (CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_NW | CR0_CD |     \
     CR0_PG)
#define XCR0_X87    BIT(0)
#define XCR0_SSE    BIT(1)
#define XCR0_AVX    BIT(2)
#define XCR0_AVX512 (BIT(5) | BIT(6) | BIT(7))

bool cr_write_cr0(struct vcpu_crs *crs, uint64_t value, bool cs_long)
{
    bool paging = value & CR0_PG;
    bool was_paging = crs->cr0 & CR0_PG;

    if (hi32(value) || (paging && !(value & CR0_PE)) || ((value & CR0_NW) && !(value & CR0_CD))) {
        return false;
    }
    if (paging && !was_paging && (crs->efer & EFER_LME)) {
        if (!(crs->cr4 & CR4_PAE) || cs_long) {
            return false;
        }
        crs->efer |= EFER_LMA;
    }
    if (!paging && was_paging) {
        if ((crs->cr4 & CR4_PCIDE) || ((crs->efer & EFER_LMA) && cs_long)) {
            return false;
        }
        crs->efer &= ~EFER_LMA;
    }
    crs->cr0 = (value & CR0_DEFINED) | CR0_ET; /* the other low bits can be written and read 0 */
    return true;
}

bool cr_write_cr4(const struct cpuid_table *cpuid, struct vcpu_crs *crs, uint64_t value)
{
    bool pcide_set = (value & CR4_PCIDE) && !(crs->cr4 & CR4_PCIDE);

    if ((value & ~cpuid->cr4_mask) || ((crs->efer & EFER_LMA) && !(value & CR4_PAE)) ||
        (pcide_set && (!(crs->efer & EFER_LMA) || bits(crs->cr3, 11, 0)))) {
        return false;
    }
    crs->cr4 = value;
    return true;
}

bool cr_write_efer(const struct cpuid_table *cpuid, struct vcpu_crs *crs, uint64_t value)
{
    bool lme_changes = (value ^ crs->efer) & EFER_LME;

    if ((value & ~cpuid->efer_mask) || (lme_changes && (crs->cr0 & CR0_PG))) {
        return false;
    }
    crs->efer = (value & ~EFER_LMA) | (crs->efer & EFER_LMA);
    return true;
}

bool cr_loads_pdptes(const struct vcpu_crs *old, const struct vcpu_crs *crs)
{
    bool pae = (crs->cr0 & CR0_PG) && (crs->cr4 & CR4_PAE) && !(crs->efer & EFER_LMA);

    return pae && (((old->cr0 ^ crs->cr0) & (CR0_CD | CR0_NW | CR0_PG)) ||
                   ((old->cr4 ^ crs->cr4) & (CR4_PAE | CR4_PGE | CR4_PSE | CR4_SMEP)) ||
                   old->cr3 != crs->cr3);
}

bool cr_xcr0_valid(const struct cpuid_table *cpuid, uint64_t value)
{
    uint64_t avx512 = value & XCR0_AVX512;

    return !(value & ~cpuid->xcr0_mask) && (value & XCR0_X87) &&
           (!(value & XCR0_AVX) || (value & XCR0_SSE)) &&
           (!avx512 || (avx512 == XCR0_AVX512 && (value & XCR0_AVX)));
}

/* A top entry that is present has no reserved bits set. What is not RAM, the backend refuses. */
static bool pdptes_valid(struct vcpu *v, const struct vcpu_crs *crs)
{
    uint64_t reserved = ~UINT64_C(0) << (v->vm->cpuid->ext[8].eax & 0x3f);
    uint64_t pdpte[4] = { 0 };

    reserved |= 0x1c6; /* bits 8:6 and 2:1; not 5, which QEMU 7.2 sets as the accessed bit */
    if (vm_copy_in(v->vm, pdpte, GPA(crs->cr3 & 0xffffffe0), sizeof pdpte) != ERR_NONE) {
        return true;
    }
    for (unsigned i = 0; i < ARRAY_SIZE(pdpte); i++) {
        if ((pdpte[i] & 1) && (pdpte[i] & reserved)) {
            return false;
        }
    }
    return true;
}

static bool write_cr0(struct vcpu *v, struct vcpu_crs *crs, uint64_t value)
{
    enum { TSS_64_BUSY = 0xb };
    bool was_long = crs->efer & EFER_LMA;
    struct vcpu_segs segs;

    v->vm->ops->get_segs(v, &segs);
    if (!cr_write_cr0(crs, value, segs.seg[SEG_CS].attr & SEG_ATTR_L)) {
        return false;
    }
    /* Long mode is not entered with a 16-bit TSS. */
    return was_long || !(crs->efer & EFER_LMA) || (segs.seg[SEG_TR].attr & 0xf) == TSS_64_BUSY;
}

static bool write_cr(struct vcpu *v, unsigned cr, uint64_t value)
{
    const struct virt_ops *ops = v->vm->ops;
    struct vcpu_crs old;
    struct vcpu_crs crs;
    bool ok = true;

    if (cr == 8) {
        if (value > 15) {
            return false;
        }
        lapic_set_cr8(&v->lapic, value);
        return true;
    }
    ops->get_crs(v, &crs);
    old = crs;
    switch (cr) {
    case 0:
        ok = write_cr0(v, &crs, value);
        break;
    case 3:
        crs.cr3 = value & ~BIT(63); /* "do not flush" is no part of the register */
        ok = !(crs.cr3 >> (v->vm->cpuid->ext[8].eax & 0xff)); /* the guest's MAXPHYADDR */
        break;
    default:
        ok = cr_write_cr4(v->vm->cpuid, &crs, value);
    }
    ok = ok && (!cr_loads_pdptes(&old, &crs) || pdptes_valid(v, &crs));
    if (ok) {
        v->osxsave = crs.cr4 & CR4_OSXSAVE;
        v->pke = crs.cr4 & CR4_PKE;
        ops->set_crs(v, &crs);
    }
    return ok;
}

static uint64_t read_cr(struct vcpu *v, unsigned cr)
{
    struct vcpu_crs crs;

    if (cr == 8) {
        return lapic_get_cr8(&v->lapic);
    }
    v->vm->ops->get_crs(v, &crs);
    return cr == 0 ? crs.cr0 : cr == 3 ? crs.cr3 : crs.cr4;
}

/* The value that CLTS and LMSW would write to CR0; LMSW cannot clear PE. */
static uint64_t cr0_by_word(struct vcpu *v, const struct exit_cr *x)
{
    uint64_t cr0 = read_cr(v, 0);

    if (x->access == CR_CLTS) {
        return cr0 & ~CR0_TS;
    }
    return (cr0 & ~UINT64_C(0xe)) | (x->lmsw_source & 0xf);
}

/* The register that is moved to a control register: all of it in 64-bit code, else the low half. */
static uint64_t source(struct vcpu *v, unsigned gpr)
{
    uint64_t value = v->regs.gpr[gpr];
    struct vcpu_segs segs;
    struct vcpu_crs crs;

    if (hi32(value)) {
        v->vm->ops->get_segs(v, &segs);
        v->vm->ops->get_crs(v, &crs);
        value = (crs.efer & EFER_LMA) && (segs.seg[SEG_CS].attr & SEG_ATTR_L) ? value : lo32(value);
    }
    return value;
}

enum exit_action on_cr(struct vcpu *v, struct vm_exit *x)
{
    bool ok = true;

    if (x->cr.gpr == RSP) {
        v->vm->ops->load_regs(v);
    }
    switch (x->cr.access) {
    case CR_MOV_TO:
        ok = write_cr(v, x->cr.cr, source(v, x->cr.gpr));
        break;
    case CR_MOV_FROM:
        v->regs.gpr[x->cr.gpr] = read_cr(v, x->cr.cr);
        break;
    case CR_CLTS:
    case CR_LMSW:
        ok = write_cr(v, 0, cr0_by_word(v, &x->cr));
        break;
    }
    if (!ok) {
        vcpu_fault_code(v, VEC_GP, 0);
        return ACT_RESUME;
    }
    return ACT_ADVANCE;
}

enum exit_action on_xsetbv(struct vcpu *v, struct vm_exit *x)
{
    uint64_t value = make64(lo32(v->regs.gpr[RDX]), lo32(v->regs.gpr[RAX]));
    struct vcpu_segs segs;

    (void)x;
    /* Not every emulator checks these two before the exit. */
    if (!v->osxsave) {
        vcpu_fault(v, VEC_UD);
        return ACT_RESUME;
    }
    v->vm->ops->get_segs(v, &segs);
    if (bits(segs.seg[SEG_SS].attr, 6, 5) != 0 || lo32(v->regs.gpr[RCX]) != 0 ||
        !cr_xcr0_valid(v->vm->cpuid, value) || !xsetbv_safe(0, value)) {
        vcpu_fault_code(v, VEC_GP, 0);
        return ACT_RESUME;
    }
    return ACT_ADVANCE;
}
