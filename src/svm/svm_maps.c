#include "hv/msr.h"
#include "lib/mem.h"
#include "mm/frame.h"
#include "mm/paging.h"
#include "svm/svm.h"

/* AMD APM vol. 2, "I/O Permissions Map" and "MSR Permissions Map". */
enum { MSRPM_BLOCK = 0x800 };

static const uint32_t block_first[] = { 0, 0xc0000000, 0xc0010000 };

/* Two bits for each MSR: its reads, its writes. */
static void msr_allow(uint8_t *map, uint32_t msr, bool write)
{
    for (unsigned block = 0; block < ARRAY_SIZE(block_first); block++) {
        uint32_t bit = 2 * (msr - block_first[block]);

        if (msr - block_first[block] < 4 * MSRPM_BLOCK) {
            map[block * MSRPM_BLOCK + bit / 8] &= (uint8_t) ~((write ? 3u : 1u) << bit % 8);
        }
    }
}

static enum err make_map(uint64_t size, hpa_t *out)
{
    if (!frame_alloc_piece(size, PAGE_SIZE, out)) {
        return ERR_NOMEM;
    }
    memset(hpa_ptr(*out), 0xff, size);
    return ERR_NONE;
}

enum err svm_make_maps(struct svm_machine *m)
{
    enum err e = m->iopm.v ? ERR_NONE : make_map(SVM_IOPM_SIZE, &m->iopm);

    if (e != ERR_NONE || m->msrpm.v) {
        return e;
    }
    e = make_map(SVM_MSRPM_SIZE, &m->msrpm);
    for (unsigned i = 0; i < msr_direct_count && e == ERR_NONE; i++) {
        msr_allow(hpa_ptr(m->msrpm), msr_direct[i].msr, msr_direct[i].write);
    }
    return e;
}
