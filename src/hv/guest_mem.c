#include "hv/guest_mem.h"
#include "hv/cpuid.h"
#include "hv/vm.h"
#include "lib/bits.h"

#define RFLAGS_AC BIT(18)

void guest_view_load(struct vcpu *v, struct guest_view *view)
{
    const struct virt_ops *ops = v->vm->ops;
    struct vcpu_crs crs;
    uint32_t cs;

    ops->get_crs(v, &crs);
    ops->get_segs(v, &view->segs);
    ops->load_regs(v);
    cs = view->segs.seg[SEG_CS].attr;
    view->mode = (crs.efer & EFER_LMA) && (cs & SEG_ATTR_L) ? INSN_64
                 : cs & SEG_ATTR_DB                         ? INSN_32
                                                            : INSN_16;
    view->paging = (struct guest_paging){
        .cr0 = crs.cr0,
        .cr3 = crs.cr3,
        .cr4 = crs.cr4,
        .efer = crs.efer,
        .phys_bits = (uint8_t)v->vm->cpuid->ext[8].eax,
        .user = bits(view->segs.seg[SEG_SS].attr, 6, 5) == 3,
        .ac = v->regs.rflags & RFLAGS_AC,
    };
}

uint64_t guest_linear(const struct guest_view *view, enum seg seg, uint64_t offset)
{
    if (view->mode != INSN_64) {
        return lo32(view->segs.seg[seg].base + offset);
    }
    return seg == SEG_FS || seg == SEG_GS ? view->segs.seg[seg].base + offset : offset;
}

static bool read_entry(void *ctx, gpa_t at, unsigned size, uint64_t *entry)
{
    *entry = 0;
    return vm_copy_in(ctx, entry, at, size) == ERR_NONE;
}

static bool translate(struct vcpu *v, const struct guest_paging *how, uint64_t linear, gpa_t *out,
                      uint64_t *left)
{
    uint32_t code;

    switch (guest_walk(how, read_entry, v->vm, linear, out, &code, left)) {
    case WALK_OK:
        return true;
    case WALK_FAULT:
        vcpu_page_fault(v, linear, code);
        return false;
    case WALK_NON_CANONICAL:
        vcpu_fault_code(v, VEC_GP, 0);
        return false;
    case WALK_NO_ENTRY:
        break;
    }
    vm_kill(v->vm, "the guest's page tables lie in memory that is not RAM");
    return false;
}

bool guest_translate(struct vcpu *v, const struct guest_view *view, uint64_t linear, bool write,
                     gpa_t *out, uint64_t *left)
{
    struct guest_paging how = view->paging;

    how.write = write;
    return translate(v, &how, linear, out, left);
}

bool guest_read(struct vcpu *v, const struct guest_view *view, uint64_t linear, void *to,
                size_t len)
{
    uint8_t *at = to;

    while (len) {
        uint64_t left;
        gpa_t gpa;

        if (!guest_translate(v, view, linear, false, &gpa, &left)) {
            return false;
        }
        left = MIN(left, len);
        if (vm_copy_in(v->vm, at, gpa, left) != ERR_NONE) {
            vm_kill(v->vm, "an instruction that pxHV emulates reads %#llx, which is not RAM",
                    (unsigned long long)gpa.v);
            return false;
        }
        at += left;
        linear += left;
        len -= left;
    }
    return true;
}

bool guest_write(struct vcpu *v, const struct guest_view *view, uint64_t linear, const void *from,
                 size_t len)
{
    const uint8_t *at = from;

    while (len) {
        uint64_t left;
        gpa_t gpa;

        if (!guest_translate(v, view, linear, true, &gpa, &left)) {
            return false;
        }
        left = MIN(left, len);
        if (vm_copy_out(v->vm, gpa, at, left) != ERR_NONE) {
            vm_kill(v->vm, "an instruction that pxHV emulates writes %#llx, which is not RAM",
                    (unsigned long long)gpa.v);
            return false;
        }
        at += left;
        linear += left;
        len -= left;
    }
    return true;
}

unsigned guest_peek(struct vcpu *v, const struct guest_view *view, uint64_t linear, uint8_t *to,
                    unsigned len)
{
    unsigned done = 0;

    while (done < len) {
        uint64_t left;
        uint32_t code;
        gpa_t gpa;

        if (guest_walk(&view->paging, read_entry, v->vm, linear + done, &gpa, &code, &left) !=
            WALK_OK) {
            break;
        }
        left = MIN(left, len - done);
        if (vm_copy_in(v->vm, to + done, gpa, left) != ERR_NONE) {
            break; /* to the byte, it matters to nobody */
        }
        done += (unsigned)left;
    }
    return done;
}

bool guest_fetch_insn(struct vcpu *v, struct guest_view *view, struct insn *out)
{
    uint64_t linear = guest_linear(view, SEG_CS, v->regs.rip);
    struct guest_paging how = view->paging;
    uint8_t bytes[INSN_MAX_LEN];
    unsigned count = 0;

    how.fetch = true;
    while (count < INSN_MAX_LEN) {
        uint64_t left;
        gpa_t gpa;

        if (!translate(v, &how, linear + count, &gpa, &left)) {
            return false;
        }
        left = MIN(left, INSN_MAX_LEN - count);
        if (vm_copy_in(v->vm, bytes + count, gpa, left) != ERR_NONE) {
            break;
        }
        count += (unsigned)left;
        if (insn_decode(bytes, count, view->mode, out) == INSN_OK) {
            return true; /* the next page is only touched if the instruction reaches into it */
        }
    }
    vm_kill(v->vm, "pxHV has to emulate the instruction at %#llx and does not know it",
            (unsigned long long)v->regs.rip);
    return false;
}
