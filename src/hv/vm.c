#include "hv/vm.h"
#include "lib/bits.h"
#include "lib/fmt.h"
#include "lib/log.h"
#include "lib/mem.h"
#include "lib/range.h"
#include <stdarg.h>

void *vm_ram(const struct vm *vm, gpa_t at, size_t len)
{
    for (unsigned i = 0; i < vm->ram_count; i++) {
        const struct vm_ram *r = &vm->ram[i];

        if (range_within(at.v, len, r->gpa.v, r->len)) {
            return r->host ? r->host + (at.v - r->gpa.v) : NULL;
        }
    }
    return NULL;
}

/* Bytes of RAM from `at` to the end of its piece; 0 if it is not RAM. */
static uint64_t ram_left(const struct vm *vm, gpa_t at)
{
    for (unsigned i = 0; i < vm->ram_count; i++) {
        const struct vm_ram *r = &vm->ram[i];

        if (range_within(at.v, 1, r->gpa.v, r->len)) {
            return r->host ? r->len - (at.v - r->gpa.v) : 0;
        }
    }
    return 0;
}

static bool all_ram(const struct vm *vm, gpa_t at, size_t len)
{
    while (len) {
        uint64_t part = MIN(ram_left(vm, at), len);

        if (part == 0) {
            return false;
        }
        at.v += part;
        len -= part;
    }
    return true;
}

enum err vm_copy_in(const struct vm *vm, void *to, gpa_t from, size_t len)
{
    const uint8_t *piece = vm_ram(vm, from, len);
    uint8_t *out = to;

    if (piece) { /* nearly always: page tables and code are read on the exit path */
        memcpy(out, piece, len);
        return ERR_NONE;
    }
    if (!all_ram(vm, from, len)) {
        return ERR_RANGE;
    }
    while (len) {
        uint64_t part = MIN(ram_left(vm, from), len);

        memcpy(out, vm_ram(vm, from, part), part);
        out += part;
        from.v += part;
        len -= part;
    }
    return ERR_NONE;
}

enum err vm_copy_out(const struct vm *vm, gpa_t to, const void *from, size_t len)
{
    const uint8_t *in = from;

    if (!all_ram(vm, to, len)) {
        return ERR_RANGE;
    }
    while (len) {
        uint64_t part = MIN(ram_left(vm, to), len);

        memcpy(vm_ram(vm, to, part), in, part);
        in += part;
        to.v += part;
        len -= part;
    }
    return ERR_NONE;
}

enum err vm_add_ram(struct vm *vm, gpa_t at, void *host, hpa_t hpa, uint64_t len)
{
    enum err e;

    if (vm->ram_count == VM_RAM_MAX) {
        return ERR_NOMEM;
    }
    e = npt_map(&vm->npt, at, hpa, len, NPT_RWX);
    if (e == ERR_NONE) {
        vm->ram[vm->ram_count++] = (struct vm_ram){ .gpa = at, .len = len, .host = host };
        vm->ram_bytes += len;
    }
    return e;
}

enum err vm_add_rom(struct vm *vm, gpa_t at, hpa_t hpa, uint64_t len)
{
    return npt_map(&vm->npt, at, hpa, len, NPT_R | NPT_X);
}

enum err vm_show(struct vm *vm, gpa_t at, void *host, hpa_t hpa)
{
    for (unsigned i = 0; i < vm->ram_count; i++) {
        struct vm_ram *r = &vm->ram[i];

        if (r->gpa.v == at.v) {
            enum err e = npt_change(&vm->npt, at, hpa, r->len, host ? NPT_RWX : 0);

            r->host = host;
            for (unsigned cpu = 0; cpu < vm->vcpu_count; cpu++) {
                vm->ops->flush_npt(vm->vcpu[cpu]);
            }
            return e;
        }
    }
    return ERR_RANGE;
}

__attribute__((format(printf, 3, 0))) static void set_stop(struct vm *vm, enum vm_stop how,
                                                           const char *fmt, va_list ap)
{
    if (vm->stop == VM_RUNNING) {
        vm->stop = how;
        fmt_vprint(vm->why, sizeof vm->why, fmt, ap);
    }
}

void vm_stop(struct vm *vm, enum vm_stop how, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    set_stop(vm, how, fmt, ap);
    va_end(ap);
}

void vm_kill(struct vm *vm, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    set_stop(vm, VM_KILLED, fmt, ap);
    va_end(ap);
}

bool vm_seen_first(struct vm_seen *s, uint32_t id)
{
    s->total++;
    for (unsigned i = 0; i < s->count; i++) {
        if (s->id[i] == id) {
            return false;
        }
    }
    if (s->count == VM_SEEN_MAX) {
        return false; /* a guest that tries everything must not flood the log */
    }
    s->id[s->count++] = id;
    return true;
}
