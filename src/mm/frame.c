#include "mm/frame.h"
#include "lib/log.h"
#include "lib/mem.h"
#include "mm/paging.h"

static struct pmm *pmm;

void frame_init(struct pmm *p)
{
    pmm = p;
}

bool frame_alloc(hpa_t *out)
{
    if (!frame_alloc_piece(PAGE_SIZE, PAGE_SIZE, out)) {
        return false;
    }
    memset(hpa_ptr(*out), 0, PAGE_SIZE);
    return true;
}

void frame_free(hpa_t frame)
{
    memset(hpa_ptr(frame), 0, PAGE_SIZE); /* it may become a guest's */
    frame_free_piece(frame, PAGE_SIZE);
}

bool frame_alloc_piece(uint64_t len, uint64_t align, hpa_t *out)
{
    return pmm_alloc(pmm, len, align, MIB, out);
}

void frame_free_piece(hpa_t at, uint64_t len)
{
    if (pmm_add(pmm, at.v, len) != ERR_NONE) {
        log_warn("%llu bytes of memory at %#llx could not be given back", (unsigned long long)len,
                 (unsigned long long)at.v);
    }
}

uint64_t frame_bytes_free(void)
{
    return pmm->free;
}

uint64_t frame_largest(uint64_t align)
{
    return pmm_largest(pmm, align, MIB);
}

static bool table_alloc(void *ctx, hpa_t *frame)
{
    (void)ctx;
    return frame_alloc(frame);
}

static void table_free(void *ctx, hpa_t frame)
{
    (void)ctx;
    frame_free(frame);
}

static uint64_t *table_ptr(void *ctx, hpa_t frame)
{
    (void)ctx;
    return hpa_ptr(frame);
}

const struct npt_frames frame_npt = {
    .alloc = table_alloc, .free = table_free, .table = table_ptr, .ctx = NULL
};
