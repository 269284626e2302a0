#include "devices/pic.h"
#include "lib/bits.h"

enum { MASTER, SLAVE, CASCADE_IR = 2, SPURIOUS_IR = 7 };

/* Intel 8259A data sheet, "Initialization Command Words" and "Operation Command Words". */
enum {
    ICW1 = 0x10, /* tells it from an OCW at the same port */
    ICW1_IC4 = 0x01,
    ICW1_SNGL = 0x02,
    ICW1_LTIM = 0x08,
    ICW2_BASE = 0xf8,
    ICW4_AEOI = 0x02,
    ICW4_SFNM = 0x10,
    OCW2_EOI = 0x20,
    OCW2_SL = 0x40,
    OCW2_R = 0x80,
    OCW3 = 0x08, /* tells it from OCW2 */
    OCW3_RIS = 0x01,
    OCW3_RR = 0x02,
    OCW3_POLL = 0x04,
    OCW3_SMM = 0x20,
    OCW3_ESMM = 0x40,
    POLL_REQUEST = 0x80,
};

/* IRQs 0, 1, 2, 8 and 13 belong to the board and are always edge-triggered. */
static const uint8_t elcr_writable[2] = { 0xf8, 0xde };

static uint8_t bit8(unsigned n)
{
    return (uint8_t)BIT(n & 7);
}

/* The inputs that ask for service, masked ones included. */
static uint8_t requests(const struct pic_chip *c)
{
    uint8_t level = c->level ? 0xff : c->elcr;

    return (uint8_t)(c->irr | (c->wires & level));
}

/* The input in this set that has the highest priority, or -1. */
static int best(const struct pic_chip *c, unsigned set)
{
    for (unsigned i = 1; i <= 8; i++) {
        unsigned ir = (c->lowest + i) & 7;

        if (set & bit8(ir)) {
            return (int)ir;
        }
    }
    return -1;
}

/* 0 is the highest priority. */
static unsigned rank(const struct pic_chip *c, int ir)
{
    return ((unsigned)ir - c->lowest - 1) & 7;
}

/* Inputs in service, less those that the special mask mode lets others pass. */
static unsigned in_service(const struct pic_chip *c)
{
    return c->special_mask ? c->isr & ~(unsigned)c->imr : c->isr;
}

/* The input that this chip would have the CPU serve now, or -1. */
static int chip_pending(const struct pic_chip *c)
{
    int want = best(c, requests(c) & ~(unsigned)c->imr);
    int busy = best(c, in_service(c));

    if (c->init_step != 0 || want < 0) {
        return -1;
    }
    if (busy < 0 || rank(c, want) < rank(c, busy)) {
        return want;
    }
    /* Only the master is put into this mode: its slave may interrupt its own service routine. */
    return c->special_nested && want == busy && want == CASCADE_IR ? want : -1;
}

static void set_wire(struct pic_chip *c, unsigned ir, bool level)
{
    uint8_t bit = bit8(ir);

    if (!level) {
        c->wires &= (uint8_t)~bit;
        c->irr &= (uint8_t)~bit;
    } else if (!(c->wires & bit)) {
        c->wires |= bit;
        c->irr |= bit;
    }
}

static void drive(struct pic *p, bool level)
{
    if (level != p->out) {
        p->out = level;
        p->intr(p->ctx, level);
    }
}

static void update(struct pic *p)
{
    set_wire(&p->chip[MASTER], CASCADE_IR, chip_pending(&p->chip[SLAVE]) >= 0);
    drive(p, chip_pending(&p->chip[MASTER]) >= 0);
}

/* One chip's part in an acknowledge cycle. */
static void serve(struct pic *p, unsigned which, int ir)
{
    struct pic_chip *c = &p->chip[which];
    uint8_t bit = bit8((unsigned)ir);

    c->irr &= (uint8_t)~bit;
    if (!c->auto_eoi) {
        c->isr |= bit;
    } else if (c->rotate_aeoi) {
        c->lowest = (uint8_t)ir;
    }
    if (which == SLAVE) {
        /* INT falls with each acknowledge, so that the next request is an edge for the master. */
        set_wire(&p->chip[MASTER], CASCADE_IR, false);
    }
}

static void init_words(struct pic_chip *c, uint8_t icw1)
{
    *c = (struct pic_chip){
        .elcr = c->elcr,
        .wires = c->wires,
        .icw2 = c->icw2,
        .init_step = 2,
        .single = icw1 & ICW1_SNGL,
        .icw4_needed = icw1 & ICW1_IC4,
        .level = icw1 & ICW1_LTIM,
        .lowest = 7,
    };
}

static void end_of_interrupt(struct pic_chip *c, uint8_t ocw2)
{
    if (ocw2 & OCW2_EOI) {
        int ir = ocw2 & OCW2_SL ? ocw2 & 7 : best(c, in_service(c));

        if (ir >= 0) {
            c->isr &= (uint8_t)~bit8((unsigned)ir);
            c->lowest = ocw2 & OCW2_R ? (uint8_t)ir : c->lowest;
        }
    } else if (!(ocw2 & OCW2_SL)) {
        c->rotate_aeoi = ocw2 & OCW2_R;
    } else if (ocw2 & OCW2_R) {
        c->lowest = ocw2 & 7;
    }
}

static void operation_word_3(struct pic_chip *c, uint8_t ocw3)
{
    c->poll = ocw3 & OCW3_POLL;
    if (ocw3 & OCW3_RR) {
        c->read_isr = ocw3 & OCW3_RIS;
    }
    if (ocw3 & OCW3_ESMM) {
        c->special_mask = ocw3 & OCW3_SMM;
    }
}

static void write_command(struct pic_chip *c, uint8_t value)
{
    if (value & ICW1) {
        init_words(c, value);
    } else if (value & OCW3) {
        operation_word_3(c, value);
    } else {
        end_of_interrupt(c, value);
    }
}

static void write_data(struct pic_chip *c, uint8_t value)
{
    uint8_t last = c->icw4_needed ? 4 : 0;

    switch (c->init_step) {
    case 2:
        c->icw2 = value & ICW2_BASE;
        c->init_step = c->single ? last : 3;
        break;
    case 3: /* the board says where the slave is, whatever the guest claims */
        c->init_step = last;
        break;
    case 4:
        c->auto_eoi = value & ICW4_AEOI;
        c->special_nested = value & ICW4_SFNM;
        c->init_step = 0;
        break;
    default:
        c->imr = value;
    }
}

static uint8_t read_port(struct pic *p, unsigned which, bool data)
{
    struct pic_chip *c = &p->chip[which];

    if (c->poll) {
        int ir = chip_pending(c);

        c->poll = false;
        if (ir < 0) {
            return 0;
        }
        serve(p, which, ir);
        update(p);
        return (uint8_t)(POLL_REQUEST | ir);
    }
    if (data) {
        return c->imr;
    }
    return c->read_isr ? c->isr : requests(c);
}

static void chip_io(struct pic *p, unsigned which, struct io_access *a)
{
    bool data = a->offset & 1;

    if (!a->write) {
        a->value = io_byte_reply(read_port(p, which, data));
        return;
    }
    if (data) {
        write_data(&p->chip[which], (uint8_t)a->value);
    } else {
        write_command(&p->chip[which], (uint8_t)a->value);
    }
    update(p);
}

void pic_init(struct pic *p, void (*intr)(void *ctx, bool level), void *ctx)
{
    const struct pic_chip off = { .imr = 0xff, .lowest = 7 };

    *p = (struct pic){
        .chip = {off, off},
          .intr = intr, .ctx = ctx
    };
}

void pic_set_pin(void *pic, unsigned pin, bool level)
{
    struct pic *p = pic;

    if (pin < 16 && pin != CASCADE_IR) {
        set_wire(&p->chip[pin / 8], pin % 8, level);
        update(p);
    }
}

bool pic_pending(const struct pic *p)
{
    return p->out;
}

bool pic_serves(const struct pic *p, unsigned pin)
{
    int ir = chip_pending(&p->chip[MASTER]);

    if (ir == CASCADE_IR) {
        ir = chip_pending(&p->chip[SLAVE]);
        return ir >= 0 && pin == 8 + (unsigned)ir;
    }
    return ir >= 0 && pin == (unsigned)ir;
}

uint8_t pic_ack(struct pic *p)
{
    unsigned which = MASTER;
    int ir = chip_pending(&p->chip[MASTER]);

    drive(p, false);
    if (ir >= 0) {
        serve(p, MASTER, ir);
    }
    if (ir == CASCADE_IR) {
        which = SLAVE;
        ir = chip_pending(&p->chip[SLAVE]);
        if (ir >= 0) {
            serve(p, SLAVE, ir);
        }
    }
    update(p);
    return (uint8_t)(p->chip[which].icw2 | (ir >= 0 ? ir : SPURIOUS_IR));
}

void pic_master_io(void *dev, struct io_access *a)
{
    chip_io(dev, MASTER, a);
}

void pic_slave_io(void *dev, struct io_access *a)
{
    chip_io(dev, SLAVE, a);
}

void pic_elcr_io(void *dev, struct io_access *a)
{
    struct pic *p = dev;
    unsigned which = a->offset & 1;

    if (!a->write) {
        a->value = io_byte_reply(p->chip[which].elcr);
        return;
    }
    p->chip[which].elcr = (uint8_t)a->value & elcr_writable[which];
    update(p);
}
