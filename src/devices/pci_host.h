/* A PCI host bridge and nothing behind it: configuration mechanism 1 with one function, 00:00.0.
 * One VM owns it; no lock yet, since one vCPU runs. PCI Local Bus Specification, "Configuration
 * Mechanism". */
#pragma once
#include "devices/io_bus.h"
#include <stdint.h>

struct pci_host {
    uint32_t address; /* the latch at CF8h */
    io_fn *cf9;       /* a byte at CF9h is the reset control register (reset_cf9_io), offset 0 */
    void *cf9_dev;
};

void pci_host_init(struct pci_host *p, io_fn *cf9, void *cf9_dev);
io_fn pci_host_address_io; /* ports CF8h-CFBh: 4-byte accesses latch; a byte at CF9h goes to cf9 */
io_fn pci_host_data_io;    /* ports CFCh-CFFh */
