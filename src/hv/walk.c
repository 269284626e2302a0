#include "hv/walk.h"
#include "hv/regs.h"
#include "lib/bits.h"

#define PTE_P  BIT(0)
#define PTE_W  BIT(1)
#define PTE_U  BIT(2)
#define PTE_PS BIT(7)
#define PTE_NX BIT(63)

/* A paging mode. Level 0 holds the entries of 4 KiB pages. */
struct paging_mode {
    unsigned levels, index_bits, entry_size;
    unsigned top_large; /* the highest level where PTE_PS makes a page */
    unsigned va_bits;
    uint64_t cr3_mask;
};

static const struct paging_mode mode_32 = { 2, 10, 4, 1, 32, 0xFFFFF000 };
static const struct paging_mode mode_32_no_pse = { 2, 10, 4, 0, 32, 0xFFFFF000 };
static const struct paging_mode mode_pae = { 3, 9, 8, 1, 32, 0xFFFFFFE0 };
static const struct paging_mode mode_4_level = { 4, 9, 8, 2, 48, UINT64_C(0xFFFFFFFFFF000) };
static const struct paging_mode mode_5_level = { 5, 9, 8, 2, 57, UINT64_C(0xFFFFFFFFFF000) };

static const struct paging_mode *find_mode(const struct guest_paging *p)
{
    if (p->efer & EFER_LMA) {
        return p->cr4 & CR4_LA57 ? &mode_5_level : &mode_4_level;
    }
    if (p->cr4 & CR4_PAE) {
        return &mode_pae;
    }
    return p->cr4 & CR4_PSE ? &mode_32 : &mode_32_no_pse;
}

static bool is_canonical(uint64_t gva, unsigned va_bits)
{
    uint64_t top = gva >> (va_bits - 1);

    return top == 0 || top == ~UINT64_C(0) >> (va_bits - 1);
}

/* Bits hi:lo set; none if hi is below lo. */
static uint64_t span(unsigned hi, unsigned lo)
{
    return ((BIT(hi) << 1) - 1) & ~(BIT(lo) - 1);
}

/* Of a 4 MiB page with PSE-36: address bits 39:32 stand at 20:13. Bit 21 and those beyond the
 * physical width are reserved. */
static uint64_t reserved_pse36(const struct guest_paging *p)
{
    return span(21, MIN(p->phys_bits, 40U) - 19);
}

/* The bits that must be 0 in a present entry. */
static uint64_t reserved_bits(const struct guest_paging *p, const struct paging_mode *m,
                              unsigned level, bool large)
{
    unsigned shift = PAGE_SHIFT + level * m->index_bits;
    uint64_t mask;

    if (m == &mode_pae && level == 2) { /* checked when CR3 was loaded; QEMU 7.2 sets A in them */
        return 0;
    }
    if (m->entry_size == 4) {
        return large ? reserved_pse36(p) : 0;
    }
    mask = span(m == &mode_pae ? 62 : 51, p->phys_bits);
    if (!(p->efer & EFER_NXE)) {
        mask |= PTE_NX;
    }
    if (level > 2) {
        mask |= PTE_PS;
    }
    if (large) {
        mask |= span(shift - 1, 13); /* bit 12 is PAT */
    }
    return mask;
}

/* The address in an entry: of the page if it is a leaf at this level, else of the next table. */
static uint64_t entry_base(const struct paging_mode *m, uint64_t entry, unsigned shift)
{
    if (m->entry_size == 4 && shift > PAGE_SHIFT) {
        return (entry & 0xFFC00000) | bits(entry, 20, 13) << 32;
    }
    return entry & span(51, shift);
}

/* Why a page with these rights (PTE_W, PTE_U and PTE_NX, combined over all levels) refuses the
 * access (Intel SDM vol. 3, "Access Rights"). */
static bool is_refused(const struct guest_paging *p, uint64_t rights)
{
    bool user_page = rights & PTE_U;

    if (p->user && !user_page) {
        return true;
    }
    if (p->fetch) {
        return rights & PTE_NX || (!p->user && user_page && p->cr4 & CR4_SMEP);
    }
    if (!p->user && user_page && p->cr4 & CR4_SMAP && !p->ac) {
        return true;
    }
    return p->write && !(rights & PTE_W) && (p->user || p->cr0 & CR0_WP);
}

static uint32_t fault_code(const struct guest_paging *p, uint32_t cause)
{
    bool tells_fetch = p->cr4 & CR4_SMEP || (p->cr4 & CR4_PAE && p->efer & EFER_NXE);

    return cause | (p->write ? PF_WRITE : 0) | (p->user ? PF_USER : 0) |
           (p->fetch && tells_fetch ? PF_FETCH : 0);
}

/* What all levels together allow: NX counts at any, W and U only at every one. PAE's top entries
 * have no such bits. */
static uint64_t combine_rights(const struct paging_mode *m, unsigned level, uint64_t rights,
                               uint64_t entry)
{
    if (m == &mode_pae && level == 2) {
        return rights;
    }
    return (rights & entry & (PTE_W | PTE_U)) | ((rights | entry) & PTE_NX);
}

/* The walk through the tables. *pf_code is the cause only. */
static enum walk_result walk_tables(const struct guest_paging *p, const struct paging_mode *m,
                                    walk_read_fn *read, void *ctx, uint64_t gva, gpa_t *out,
                                    uint32_t *cause, uint64_t *page_left)
{
    uint64_t rights = PTE_W | PTE_U, table = p->cr3 & m->cr3_mask;

    for (unsigned level = m->levels - 1;; level--) {
        unsigned shift = PAGE_SHIFT + level * m->index_bits;
        uint64_t index = gva >> shift & (BIT(m->index_bits) - 1);
        uint64_t entry, offset = gva & (BIT(shift) - 1);
        bool large;

        if (!read(ctx, GPA(table + index * m->entry_size), m->entry_size, &entry)) {
            return WALK_NO_ENTRY;
        }
        if (!(entry & PTE_P)) {
            *cause = 0;
            return WALK_FAULT;
        }
        large = level > 0 && level <= m->top_large && entry & PTE_PS;
        if (entry & reserved_bits(p, m, level, large)) {
            *cause = PF_PRESENT | PF_RESERVED;
            return WALK_FAULT;
        }
        rights = combine_rights(m, level, rights, entry);
        if (level > 0 && !large) {
            table = entry_base(m, entry, PAGE_SHIFT);
            continue;
        }
        if (is_refused(p, rights)) {
            *cause = PF_PRESENT;
            return WALK_FAULT;
        }
        *out = GPA(entry_base(m, entry, shift) | offset);
        *page_left = BIT(shift) - offset;
        return WALK_OK;
    }
}

enum walk_result guest_walk(const struct guest_paging *p, walk_read_fn *read, void *ctx,
                            uint64_t gva, gpa_t *out, uint32_t *pf_code, uint64_t *page_left)
{
    const struct paging_mode *m = find_mode(p);
    enum walk_result result;
    uint32_t cause = 0;

    if (!(p->cr0 & CR0_PG)) {
        *out = GPA(lo32(gva));
        *page_left = 4 * GIB - lo32(gva);
        return WALK_OK;
    }
    if (m->va_bits == 32) {
        gva = lo32(gva);
    } else if (!is_canonical(gva, m->va_bits)) {
        return WALK_NON_CANONICAL;
    }
    result = walk_tables(p, m, read, ctx, gva, out, &cause, page_left);
    if (result == WALK_FAULT) {
        *pf_code = fault_code(p, cause);
    }
    return result;
}
