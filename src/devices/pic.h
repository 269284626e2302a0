/* The PC's pair of 8259A interrupt controllers. One VM owns it; no lock yet, since one vCPU runs.
 * Intel 8259A data sheet. */
#pragma once
#include "devices/io_bus.h"
#include <stdbool.h>
#include <stdint.h>

struct pic_chip {
    uint8_t irr; /* edges seen and not yet acknowledged */
    uint8_t isr, imr, icw2, elcr, wires;
    uint8_t init_step; /* 0 = operating, else the ICW expected next */
    bool single, icw4_needed, auto_eoi, read_isr, special_mask, poll, rotate_aeoi, special_nested;
    bool level;     /* ICW1 made every input level-triggered */
    uint8_t lowest; /* the IR with the lowest priority */
};

struct pic {
    struct pic_chip chip[2];             /* master, slave (on the master's IR2) */
    void (*intr)(void *ctx, bool level); /* the master's INT output changed */
    void *ctx;
    bool out;
};

/* Masks all pins until the guest initialises the chips. */
void pic_init(struct pic *p, void (*intr)(void *ctx, bool level), void *ctx);

/* Pulls IRQ pin 0..15 (2 and others do nothing); matches irq_line.set with ctl = the struct pic.
 * As on the chip, an edge is forgotten if its wire falls before the CPU acknowledges it. */
void pic_set_pin(void *p, unsigned pin, bool level);

/* True while the INT output is up. */
bool pic_pending(const struct pic *p);

/* The CPU's interrupt acknowledge: the vector, spurious IR7 / IR15 included. */
uint8_t pic_ack(struct pic *p);

/* True if the next acknowledge is for IRQ pin 0..15. */
bool pic_serves(const struct pic *p, unsigned pin);

io_fn pic_master_io; /* ports 20h-21h; dev is the struct pic */
io_fn pic_slave_io;  /* ports A0h-A1h */
io_fn pic_elcr_io;   /* ports 4D0h-4D1h */
