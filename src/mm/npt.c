#include "mm/npt.h"
#include "lib/bits.h"
#include "lib/range.h"
#include <stddef.h>

/* A table has 512 entries of 8 bytes; level 0 is the lowest (4 KiB leaves), 3 the root. */
enum { ROOT_LEVEL = 3, ENTRIES = 512 };
#define ADDRESS_MASK UINT64_C(0x000ffffffffff000)
#define GPA_LIMIT    BIT(48)

static unsigned level_shift(unsigned level)
{
    return PAGE_SHIFT + 9 * level;
}

static unsigned index_at(uint64_t gpa, unsigned level)
{
    return (unsigned)(gpa >> level_shift(level)) & (ENTRIES - 1);
}

static uint64_t *table_at(const struct npt *t, hpa_t frame)
{
    return t->frames->table(t->frames->ctx, frame);
}

static bool is_present(const struct npt *t, uint64_t entry)
{
    return entry & t->fmt->present_mask;
}

static bool is_leaf(const struct npt *t, uint64_t entry, unsigned level)
{
    return level == 0 || (entry & t->fmt->large_bit);
}

enum err npt_init(struct npt *t, const struct npt_format *fmt, const struct npt_frames *frames)
{
    *t = (struct npt){ .fmt = fmt, .frames = frames };
    if (!frames->alloc(frames->ctx, &t->root)) {
        return ERR_NOMEM;
    }
    t->tables = 1;
    return ERR_NONE;
}

static void free_table(struct npt *t, hpa_t frame, unsigned level)
{
    const uint64_t *entry = table_at(t, frame);

    for (unsigned i = 0; i < ENTRIES && level > 0; i++) {
        if (is_present(t, entry[i]) && !is_leaf(t, entry[i], level)) {
            free_table(t, HPA(entry[i] & ADDRESS_MASK), level - 1);
        }
    }
    t->frames->free(t->frames->ctx, frame);
    t->tables--;
}

void npt_free(struct npt *t)
{
    if (t->tables) {
        free_table(t, t->root, ROOT_LEVEL);
    }
}

/* The largest leaf that alignment, what is left and the CPU allow. */
static unsigned leaf_level(const struct npt *t, uint64_t to, uint64_t from, uint64_t len)
{
    unsigned level = t->fmt->max_level;

    while (level > 0 &&
           (((to | from) & (BIT(level_shift(level)) - 1)) || len < BIT(level_shift(level)))) {
        level--;
    }
    return level;
}

/* The entry for gpa at `level`, with the tables above it made where missing. */
static enum err entry_for(struct npt *t, uint64_t gpa, unsigned level, uint64_t **out)
{
    uint64_t *table = table_at(t, t->root);

    for (unsigned l = ROOT_LEVEL; l > level; l--) {
        uint64_t *entry = &table[index_at(gpa, l)];

        if (!is_present(t, *entry)) {
            hpa_t frame;

            if (!t->frames->alloc(t->frames->ctx, &frame)) {
                return ERR_NOMEM;
            }
            t->tables++;
            *entry = frame.v | t->fmt->table_bits;
        } else if (is_leaf(t, *entry, l)) {
            return ERR_OVERLAP;
        }
        table = table_at(t, HPA(*entry & ADDRESS_MASK));
    }
    *out = &table[index_at(gpa, level)];
    return is_present(t, **out) ? ERR_OVERLAP : ERR_NONE;
}

enum err npt_map(struct npt *t, gpa_t to, hpa_t from, uint64_t len, unsigned prot)
{
    uint64_t end;

    if (((to.v | from.v | len) & (PAGE_SIZE - 1)) || !range_fits(to.v, len, GPA_LIMIT) ||
        !range_end(from.v, len, &end) || end > ADDRESS_MASK) {
        return ERR_RANGE;
    }
    while (len) {
        unsigned level = leaf_level(t, to.v, from.v, len);
        uint64_t size = BIT(level_shift(level));
        uint64_t *entry;
        enum err e = entry_for(t, to.v, level, &entry);

        if (e != ERR_NONE) {
            return e;
        }
        *entry = from.v | t->fmt->leaf_bits | t->fmt->prot[prot & NPT_RWX] |
                 (level ? t->fmt->large_bit : 0);
        to.v += size;
        from.v += size;
        len -= size;
    }
    return ERR_NONE;
}

/* The lowest table's entry for this page; NULL if there is no such table. */
static uint64_t *small_entry(const struct npt *t, uint64_t gpa)
{
    uint64_t *table = table_at(t, t->root);

    for (unsigned level = ROOT_LEVEL; level > 0; level--) {
        uint64_t entry = table[index_at(gpa, level)];

        if (!is_present(t, entry) || is_leaf(t, entry, level)) {
            return NULL;
        }
        table = table_at(t, HPA(entry & ADDRESS_MASK));
    }
    return &table[index_at(gpa, 0)];
}

enum err npt_change(struct npt *t, gpa_t at, hpa_t from, uint64_t len, unsigned prot)
{
    uint64_t end;

    if (((at.v | from.v | len) & (PAGE_SIZE - 1)) || !range_fits(at.v, len, GPA_LIMIT) ||
        !range_end(from.v, len, &end) || end > ADDRESS_MASK) {
        return ERR_RANGE;
    }
    for (uint64_t i = 0; i < len; i += PAGE_SIZE) {
        uint64_t *entry = small_entry(t, at.v + i);

        if (!entry) {
            return ERR_RANGE;
        }
        *entry = prot ? (from.v + i) | t->fmt->leaf_bits | t->fmt->prot[prot & NPT_RWX] : 0;
    }
    return ERR_NONE;
}

/* All that the entry allows: in AMD's format what is there can always be read, so that several
 * combinations have the same bits. */
static unsigned prot_of(const struct npt *t, uint64_t entry)
{
    uint64_t mask = t->fmt->prot[0] | t->fmt->prot[NPT_RWX] | t->fmt->prot[NPT_R];

    for (unsigned prot = NPT_RWX; prot > 0; prot--) {
        if ((entry & mask) == t->fmt->prot[prot]) {
            return prot;
        }
    }
    return 0;
}

bool npt_lookup(const struct npt *t, gpa_t at, hpa_t *out, unsigned *prot)
{
    hpa_t frame = t->root;

    if (at.v >= GPA_LIMIT) {
        return false;
    }
    for (unsigned level = ROOT_LEVEL;; level--) {
        uint64_t entry = table_at(t, frame)[index_at(at.v, level)];

        if (!is_present(t, entry)) {
            return false;
        }
        if (is_leaf(t, entry, level)) {
            uint64_t offset = at.v & (BIT(level_shift(level)) - 1);

            *out = HPA((entry & ADDRESS_MASK & ~(BIT(level_shift(level)) - 1)) | offset);
            *prot = prot_of(t, entry);
            return true;
        }
        frame = HPA(entry & ADDRESS_MASK);
    }
}
