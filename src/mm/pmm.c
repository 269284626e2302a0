#include "mm/pmm.h"
#include "lib/bits.h"
#include "lib/range.h"

static enum err insert(struct pmm *p, unsigned at, uint64_t base, uint64_t len)
{
    if (p->count == PMM_RANGES) {
        return ERR_NOMEM;
    }
    for (unsigned i = p->count; i > at; i--) {
        p->range[i] = p->range[i - 1];
    }
    p->range[at] = (struct pmm_range){ base, len };
    p->count++;
    return ERR_NONE;
}

static void erase(struct pmm *p, unsigned at)
{
    p->count--;
    for (unsigned i = at; i < p->count; i++) {
        p->range[i] = p->range[i + 1];
    }
}

/* Joins range[at] with its right neighbour if they touch. */
static void join(struct pmm *p, unsigned at)
{
    if (at + 1 < p->count && p->range[at].base + p->range[at].len == p->range[at + 1].base) {
        p->range[at].len += p->range[at + 1].len;
        erase(p, at + 1);
    }
}

enum err pmm_add(struct pmm *p, uint64_t base, uint64_t len)
{
    uint64_t end;
    unsigned at = 0;
    enum err e;

    if (!range_end(base, len, &end) || !range_align_up(base, PAGE_SIZE, &base)) {
        return ERR_RANGE;
    }
    end = ALIGN_DOWN(end, PAGE_SIZE);
    if (end <= base) {
        return ERR_NONE;
    }
    len = end - base;
    while (at < p->count && p->range[at].base < base) {
        at++;
    }
    if ((at > 0 && range_overlaps(p->range[at - 1].base, p->range[at - 1].len, base, len)) ||
        (at < p->count && range_overlaps(p->range[at].base, p->range[at].len, base, len))) {
        return ERR_OVERLAP;
    }
    e = insert(p, at, base, len);
    if (e != ERR_NONE) {
        return e;
    }
    p->free += len;
    join(p, at);
    if (at > 0) {
        join(p, at - 1);
    }
    return ERR_NONE;
}

/* Takes [base, end), which touches range[i], out of it; *i is the next range to look at. */
static enum err cut(struct pmm *p, unsigned *i, uint64_t base, uint64_t end)
{
    struct pmm_range *r = &p->range[*i];
    uint64_t r_end = r->base + r->len;
    uint64_t from = MAX(base, r->base);
    uint64_t to = MIN(end, r_end);

    p->free -= to - from;
    if (from == r->base && to == r_end) {
        erase(p, *i);
    } else if (from == r->base) {
        r->base = to;
        r->len = r_end - to;
        ++*i;
    } else {
        r->len = from - r->base;
        ++*i;
        if (to < r_end) {
            enum err e = insert(p, *i, to, r_end - to);

            if (e != ERR_NONE) {
                p->free -= r_end - to;
            }
            return e;
        }
    }
    return ERR_NONE;
}

enum err pmm_reserve(struct pmm *p, uint64_t base, uint64_t len)
{
    uint64_t end;
    enum err result = ERR_NONE;

    if (!range_end(base, len, &end) || !range_align_up(end, PAGE_SIZE, &end)) {
        end = ALIGN_DOWN(UINT64_MAX, PAGE_SIZE);
    }
    base = ALIGN_DOWN(base, PAGE_SIZE);
    for (unsigned i = 0; i < p->count;) {
        if (range_overlaps(p->range[i].base, p->range[i].len, base, end - base)) {
            enum err e = cut(p, &i, base, end);

            result = e != ERR_NONE ? e : result;
        } else {
            i++;
        }
    }
    return result;
}

/* First address in the range that is aligned and not below min; false if the range has none. */
static bool first_fit(const struct pmm_range *r, uint64_t align, uint64_t min, uint64_t *at,
                      uint64_t *room)
{
    uint64_t end = r->base + r->len;

    if (!range_align_up(MAX(r->base, min), align, at) || *at >= end) {
        return false;
    }
    *room = end - *at;
    return true;
}

bool pmm_alloc(struct pmm *p, uint64_t len, uint64_t align, uint64_t min, hpa_t *out)
{
    uint64_t at;
    uint64_t room;

    for (unsigned i = 0; i < p->count; i++) {
        if (first_fit(&p->range[i], align, min, &at, &room) && room >= len) {
            *out = HPA(at);
            return pmm_reserve(p, at, len) == ERR_NONE;
        }
    }
    return false;
}

uint64_t pmm_largest(const struct pmm *p, uint64_t align, uint64_t min)
{
    uint64_t best = 0;
    uint64_t at;
    uint64_t room;

    for (unsigned i = 0; i < p->count; i++) {
        if (first_fit(&p->range[i], align, min, &at, &room)) {
            best = MAX(best, room);
        }
    }
    return best;
}
