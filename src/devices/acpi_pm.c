#include "devices/acpi_pm.h"
#include "lib/bits.h"
#include "lib/range.h"

enum {
    /* Timer, global lock, power button, sleep button, RTC. */
    EVENTS = 0x0721,
    CNT_SCI_EN = 0x0001,
    CNT_BM_RLD = 0x0002,
    CNT_SLP_TYP = 0x1c00,
    CNT_SLP_TYP_SHIFT = 10,
    CNT_SLP_EN = 0x2000,
};

/* The bits of a register block that this access reaches; it lies within four bytes. */
static uint32_t reach(const struct io_access *a)
{
    return lo32(size_mask(a->size) << (8 * a->offset));
}

/* The register block as it is after this write. */
static uint32_t merge(uint32_t old, const struct io_access *a)
{
    return (old & ~reach(a)) | (lo32(a->value << (8 * a->offset)) & reach(a));
}

static void update_sci(struct acpi_pm *pm)
{
    irq_set(&pm->sci, pm->status & pm->enable & EVENTS);
}

void acpi_pm_init(struct acpi_pm *pm, struct irq_line sci, void (*power_off)(void *ctx), void *ctx)
{
    *pm = (struct acpi_pm){ .control = CNT_SCI_EN, .sci = sci, .power_off = power_off, .ctx = ctx };
}

void acpi_pm_event_io(void *dev, struct io_access *a)
{
    struct acpi_pm *pm = dev;
    uint32_t block = (uint32_t)pm->enable << 16 | pm->status;
    uint32_t value;

    if (!range_fits(a->offset, a->size, 4)) {
        a->value = ~UINT64_C(0);
    } else if (!a->write) {
        a->value = (uint64_t)block >> (8 * a->offset);
    } else {
        value = merge(block, a);
        pm->status &= (uint16_t) ~(value & reach(a)); /* a one clears */
        pm->enable = (uint16_t)(value >> 16) & EVENTS;
        update_sci(pm);
    }
}

void acpi_pm_control_io(void *dev, struct io_access *a)
{
    struct acpi_pm *pm = dev;
    uint32_t value;

    if (!range_fits(a->offset, a->size, 2)) {
        a->value = ~UINT64_C(0);
    } else if (!a->write) {
        a->value = (uint64_t)pm->control >> (8 * a->offset);
    } else {
        value = merge(pm->control, a);
        pm->control = (uint16_t)((value & (CNT_BM_RLD | CNT_SLP_TYP)) | CNT_SCI_EN);
        if ((value & CNT_SLP_EN) && (value & CNT_SLP_TYP) >> CNT_SLP_TYP_SHIFT == ACPI_SLP_TYP_S5) {
            pm->power_off(pm->ctx);
        }
    }
}
