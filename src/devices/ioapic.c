#include "devices/ioapic.h"
#include "lib/bits.h"

/* Offsets in the page; the EOI register is not in the 82093AA but in its successors with version
 * 0x20. */
enum { REG_SELECT = 0x00, REG_WINDOW = 0x10, REG_EOI = 0x40 };
/* What the window shows. */
enum { IDX_ID = 0, IDX_VERSION = 1, IDX_ARBITRATION = 2, IDX_REDIR = 0x10 };

#define VERSION      (0x20 | (IOAPIC_PINS - 1) << 16)
#define REDIR_REMOTE BIT(14) /* a local APIC has it and has not acknowledged it */
#define REDIR_LEVEL  BIT(15)
#define REDIR_MASKED BIT(16)
/* Vector, delivery mode, destination mode, polarity, trigger mode, mask; destination. Delivery
 * status (bit 12, always idle) and remote IRR are read-only. */
#define REDIR_LOW  UINT64_C(0x1afff)
#define REDIR_HIGH (UINT64_C(0xff) << 56)

void ioapic_init(struct ioapic *io,
                 void (*send)(void *ctx, uint32_t dest, bool logical, unsigned delivery,
                              uint8_t vector, bool level),
                 void *ctx)
{
    *io = (struct ioapic){ .send = send, .ctx = ctx };
    for (unsigned i = 0; i < IOAPIC_PINS; i++) {
        io->redir[i] = REDIR_MASKED;
    }
}

static unsigned delivery(uint64_t redir)
{
    return (unsigned)bits(redir, 10, 8);
}

/* 82093AA data sheet, "I/O Redirection Table Registers": only fixed and lowest-priority messages
 * can be level-triggered; nobody would acknowledge the others. */
static bool is_level(uint64_t redir)
{
    return (redir & REDIR_LEVEL) && delivery(redir) <= 1;
}

static void send(struct ioapic *io, uint64_t redir)
{
    io->send(io->ctx, (uint32_t)bits(redir, 63, 56), (redir & BIT(11)) != 0, delivery(redir),
             (uint8_t)redir, is_level(redir));
}

/* Sends a level-triggered interrupt whose wire is up and that is not under way already. */
static void service_level(struct ioapic *io, unsigned pin)
{
    uint64_t *redir = &io->redir[pin];

    if (is_level(*redir) && (io->level & BIT32(pin)) && !(*redir & (REDIR_MASKED | REDIR_REMOTE))) {
        *redir |= REDIR_REMOTE; /* first: the local APIC may call back */
        send(io, *redir);
    }
}

/* Polarity is no matter: the wires of this machine are up when a device wants something. */
void ioapic_set_pin(void *io, unsigned pin, bool level)
{
    struct ioapic *self = io;
    bool rises;

    if (pin >= IOAPIC_PINS) {
        return;
    }
    rises = level && !(self->level & BIT32(pin));
    if (level) {
        self->level |= BIT32(pin);
    } else {
        self->level &= ~BIT32(pin);
    }
    if (is_level(self->redir[pin])) {
        service_level(self, pin);
    } else if (rises && !(self->redir[pin] & REDIR_MASKED)) {
        send(self, self->redir[pin]);
    }
}

void ioapic_eoi(struct ioapic *io, uint8_t vector)
{
    for (unsigned pin = 0; pin < IOAPIC_PINS; pin++) {
        if ((io->redir[pin] & REDIR_REMOTE) && (uint8_t)io->redir[pin] == vector) {
            io->redir[pin] &= ~REDIR_REMOTE;
            service_level(io, pin);
        }
    }
}

static void write_redir(struct ioapic *io, unsigned pin, bool high, uint32_t value)
{
    uint64_t mask = high ? REDIR_HIGH : REDIR_LOW;
    uint64_t fresh = high ? (uint64_t)value << 32 : value;

    fresh = (io->redir[pin] & ~mask) | (fresh & mask);
    if (!is_level(fresh)) {
        fresh &= ~REDIR_REMOTE; /* an edge needs no acknowledgement */
    }
    io->redir[pin] = fresh;
    service_level(io, pin);
}

/* The pin whose entry is selected; a number over any pin's for the registers before the table. */
static unsigned selected_pin(const struct ioapic *io)
{
    return ((unsigned)io->select - IDX_REDIR) / 2;
}

static uint32_t window_read(const struct ioapic *io)
{
    unsigned pin = selected_pin(io);

    switch (io->select) {
    case IDX_ID:
    case IDX_ARBITRATION:
        return (uint32_t)io->id << 24;
    case IDX_VERSION:
        return VERSION;
    default:
        break;
    }
    if (pin >= IOAPIC_PINS) {
        return 0;
    }
    return io->select & 1 ? hi32(io->redir[pin]) : lo32(io->redir[pin]);
}

static void window_write(struct ioapic *io, uint32_t value)
{
    unsigned pin = selected_pin(io);

    if (io->select == IDX_ID) {
        io->id = (uint8_t)bits(value, 27, 24);
    } else if (pin < IOAPIC_PINS) {
        write_redir(io, pin, io->select & 1, value);
    }
}

void ioapic_mmio(void *dev, struct io_access *a)
{
    struct ioapic *io = dev;
    uint32_t written = lo32(a->value);

    if (!a->write) {
        a->value = 0;
    }
    if (a->size != 4) {
        return;
    }
    switch (a->offset) {
    case REG_SELECT:
        if (a->write) {
            io->select = (uint8_t)written;
        } else {
            a->value = io->select;
        }
        break;
    case REG_WINDOW:
        if (a->write) {
            window_write(io, written);
        } else {
            a->value = window_read(io);
        }
        break;
    case REG_EOI:
        if (a->write) {
            ioapic_eoi(io, (uint8_t)written);
        }
        break;
    default:
        break;
    }
}
