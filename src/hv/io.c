#include "hv/alu.h"
#include "hv/exit_table.h"
#include "hv/guest_mem.h"
#include "hv/vm.h"
#include "lib/bits.h"
#include "lib/log.h"

enum { STRING_BATCH = 256 }; /* elements of a REP INS or OUTS per exit, so that interrupts get in */

/* One access to a port: the device's, or a floating bus. */
static uint64_t port_access(struct vcpu *v, uint16_t port, unsigned size, bool write,
                            uint64_t value)
{
    struct vm *vm = v->vm;
    const struct io_range *r = io_bus_find(&vm->pio, port, size);
    struct io_access a = { .size = (uint8_t)size, .write = write, .value = value };

    if (!r) {
        if (vm_seen_first(&vm->ports, port)) {
            log_debug("guest: %s port %#x, where nothing is", write ? "writes" : "reads", port);
        }
        return size_mask(size);
    }
    v->stats.uart += r->dev == vm->uart_dev;
    a.offset = port - r->base;
    r->fn(r->dev, &a);
    return a.value & size_mask(size);
}

/* INS goes to ES:rDI, OUTS comes from seg:rSI. False if a fault was queued. */
static bool string_element(struct vcpu *v, const struct guest_view *view, const struct exit_io *io)
{
    unsigned reg = io->in ? RDI : RSI;
    uint64_t step = v->regs.rflags & RFLAGS_DF ? (uint64_t) - (int64_t)io->size : io->size;
    uint64_t offset = gpr_read(v->regs.gpr, reg, io->addr_size, false);
    uint64_t linear = guest_linear(view, io->in ? SEG_ES : (enum seg)io->seg, offset);
    uint64_t value = 0;

    if (io->in) {
        uint64_t left;
        gpa_t gpa;

        /* Both ends, before the device is touched. */
        if (!guest_translate(v, view, linear, true, &gpa, &left) ||
            !guest_translate(v, view, linear + io->size - 1, true, &gpa, &left)) {
            return false;
        }
        value = port_access(v, io->port, io->size, false, 0);
        if (!guest_write(v, view, linear, &value, io->size)) {
            return false;
        }
    } else {
        if (!guest_read(v, view, linear, &value, io->size)) {
            return false;
        }
        port_access(v, io->port, io->size, true, value);
    }
    gpr_write(v->regs.gpr, reg, io->addr_size, false, offset + step);
    return true;
}

static enum exit_action string_io(struct vcpu *v, const struct exit_io *io)
{
    struct guest_view view;

    guest_view_load(v, &view);
    if (!io->rep) {
        return string_element(v, &view, io) ? ACT_ADVANCE : ACT_RESUME;
    }
    for (unsigned i = 0; i < STRING_BATCH; i++) {
        uint64_t count = gpr_read(v->regs.gpr, RCX, io->addr_size, false);

        if (count == 0) {
            return ACT_ADVANCE;
        }
        if (!string_element(v, &view, io)) {
            return ACT_RESUME;
        }
        gpr_write(v->regs.gpr, RCX, io->addr_size, false, count - 1);
    }
    return ACT_RESUME; /* the instruction exits again for the rest */
}

enum exit_action on_io(struct vcpu *v, struct vm_exit *x)
{
    const struct exit_io *io = &x->io;
    uint64_t *rax = &v->regs.gpr[RAX];

    if (io->string) {
        return string_io(v, io);
    }
    if (io->in) {
        gpr_write(v->regs.gpr, RAX, io->size, false, port_access(v, io->port, io->size, false, 0));
    } else {
        port_access(v, io->port, io->size, true, *rax & size_mask(io->size));
    }
    return ACT_ADVANCE;
}
