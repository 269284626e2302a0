#include "devices/pci_host.h"
#include "lib/bits.h"
#include "lib/range.h"

#define ADDRESS_ENABLE   BIT32(31)
#define ADDRESS_FUNCTION UINT32_C(0x00ffff00) /* bus, device, function */
#define ADDRESS_REGISTER UINT32_C(0x000000fc)

enum { CF9_OFFSET = 1 };

/* The configuration header of 00:00.0, read-only: a generic host bridge that no driver binds to.
 * The rest of its 256 bytes reads zero. PCI Local Bus Specification, "Configuration Space
 * Organization". */
static const uint32_t header[] = {
    0x00081b36, /* device, vendor */
    0x00000000, /* status, command */
    0x06000000, /* class: bridge, host; revision */
    0x00000000, /* one function, header type 0 */
};

static uint32_t config_read(const struct pci_host *p)
{
    uint32_t index = (p->address & ADDRESS_REGISTER) / 4;

    if (!(p->address & ADDRESS_ENABLE) || (p->address & ADDRESS_FUNCTION)) {
        return ~UINT32_C(0);
    }
    return index < ARRAY_SIZE(header) ? header[index] : 0;
}

void pci_host_init(struct pci_host *p, io_fn *cf9, void *cf9_dev)
{
    *p = (struct pci_host){ .cf9 = cf9, .cf9_dev = cf9_dev };
}

void pci_host_address_io(void *dev, struct io_access *a)
{
    struct pci_host *p = dev;

    if (a->size == 1 && a->offset == CF9_OFFSET) {
        struct io_access cf9 = { .offset = 0, .size = 1, .write = a->write, .value = a->value };

        p->cf9(p->cf9_dev, &cf9);
        a->value = cf9.value;
    } else if (a->size != 4 || a->offset != 0) {
        a->value = ~UINT64_C(0); /* only a whole dword reaches the latch */
    } else if (a->write) {
        p->address = lo32(a->value) & (ADDRESS_ENABLE | ADDRESS_FUNCTION | ADDRESS_REGISTER);
    } else {
        a->value = p->address;
    }
}

void pci_host_data_io(void *dev, struct io_access *a)
{
    const struct pci_host *p = dev;

    if (a->write) {
        return; /* there is nothing to configure */
    }
    a->value = ~UINT64_C(0);
    if (range_fits(a->offset, a->size, 4)) {
        a->value = (uint64_t)config_read(p) >> (8 * a->offset);
    }
}
