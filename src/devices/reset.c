#include "devices/reset.h"

enum {
    CF9_WRITABLE = 0x0e, /* hard reset, reset, full power cycle */
    CF9_RESET = 0x04,
    I8042_PULSE = 0xf0, /* bits 3:0 of the command: the lines that are left alone */
    I8042_NO_RESET = 0x01,
    PORT92_RESET = 0x01,
    PORT92_A20 = 0x02,
};

void reset_ports_init(struct reset_ports *r, void (*reset)(void *ctx), void *ctx)
{
    *r = (struct reset_ports){ .port92 = PORT92_A20, .reset = reset, .ctx = ctx };
}

void reset_cf9_io(void *dev, struct io_access *a)
{
    struct reset_ports *r = dev;
    uint8_t before = r->cf9;

    if (!a->write) {
        a->value = io_byte_reply(r->cf9);
        return;
    }
    r->cf9 = (uint8_t)a->value & CF9_WRITABLE;
    if (r->cf9 & ~before & CF9_RESET) {
        r->reset(r->ctx);
    }
}

void reset_i8042_io(void *dev, struct io_access *a)
{
    const struct reset_ports *r = dev;

    if (!a->write) {
        a->value = io_byte_reply(0);
    } else if ((a->value & (I8042_PULSE | I8042_NO_RESET)) == I8042_PULSE) {
        r->reset(r->ctx);
    }
}

void reset_port92_io(void *dev, struct io_access *a)
{
    struct reset_ports *r = dev;

    if (!a->write) {
        a->value = io_byte_reply(r->port92);
        return;
    }
    r->port92 = (uint8_t)a->value & PORT92_A20;
    if (a->value & PORT92_RESET) {
        r->reset(r->ctx); /* bit 0 never stays set, so each one written is a rising edge */
    }
}
