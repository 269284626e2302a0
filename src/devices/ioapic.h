/* The guest's I/O APIC: 16 pins, 82093AA registers with the EOI register of version 0x20.
 * One VM owns it; no lock yet, since one vCPU runs. 82093AA data sheet, "Register Description". */
#pragma once
#include "devices/io_bus.h"
#include <stdbool.h>
#include <stdint.h>

#define IOAPIC_BASE_GPA UINT64_C(0xfec00000)
/* One for each ISA interrupt, fewer than a chipset's 24: a guest reads and writes every entry
 * several times while it starts, each time with an exit, and nothing in this machine needs more. */
enum { IOAPIC_PINS = 16 };

struct ioapic {
    uint8_t id, select;
    uint64_t redir[IOAPIC_PINS]; /* with the remote-IRR bit (14) kept here */
    uint32_t level;              /* the pins' wires */
    /* Sends one message to the local APICs it is meant for. delivery: 0 fixed, 1 lowest priority,
     * 2 SMI, 4 NMI, 5 INIT, 7 ExtINT. */
    void (*send)(void *ctx, uint32_t dest, bool logical, unsigned delivery, uint8_t vector,
                 bool level);
    void *ctx;
};

void ioapic_init(struct ioapic *io,
                 void (*send)(void *ctx, uint32_t dest, bool logical, unsigned delivery,
                              uint8_t vector, bool level),
                 void *ctx);

/* Pulls a wire; matches irq_line.set with ctl = the struct ioapic. A pin over 15 does nothing. */
void ioapic_set_pin(void *io, unsigned pin, bool level);

/* A local APIC acknowledged this vector. */
void ioapic_eoi(struct ioapic *io, uint8_t vector);

io_fn ioapic_mmio; /* dev is the struct ioapic; 4-byte accesses, others read 0 */
