/* Guest memory as the guest's own code sees it: through its segments and page tables. For the vCPU
 * that has just exited: no lock. */
#pragma once
#include "hv/insn.h"
#include "hv/vcpu.h"
#include "hv/walk.h"
#include <stdbool.h>
#include <stddef.h>

/* The state that translation depends on, fetched once per exit. */
struct guest_view {
    struct vcpu_segs segs;
    struct guest_paging paging;
    enum insn_mode mode;
};

void guest_view_load(struct vcpu *v, struct guest_view *view);

/* The linear address of an offset in a segment. */
uint64_t guest_linear(const struct guest_view *view, enum seg seg, uint64_t offset);

/* Where the byte at this linear address lies, and how many bytes from there on do. False: a page
 * fault or #GP has been queued for the guest. */
bool guest_translate(struct vcpu *v, const struct guest_view *view, uint64_t linear, bool write,
                     gpa_t *out, uint64_t *left);

/* Copies len bytes from or to RAM. False: a fault has been queued, or the VM was killed because the
 * memory is no RAM. */
bool guest_read(struct vcpu *v, const struct guest_view *view, uint64_t linear, void *to,
                size_t len);
bool guest_write(struct vcpu *v, const struct guest_view *view, uint64_t linear, const void *from,
                 size_t len);

/* As many of len bytes of RAM as can be read from there on, for a report: nothing is queued. */
unsigned guest_peek(struct vcpu *v, const struct guest_view *view, uint64_t linear, uint8_t *to,
                    unsigned len);

/* Decodes the instruction at RIP. False: a fault has been queued, or the VM was killed. */
bool guest_fetch_insn(struct vcpu *v, struct guest_view *view, struct insn *out);
