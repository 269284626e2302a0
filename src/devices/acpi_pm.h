/* ACPI fixed hardware: the PM1a event and control blocks and, so that power-off works, the sleep
 * enable bit. Always in ACPI mode (SCI_EN is set). One VM owns it; no lock.
 * ACPI specification, "PM1 Event Grouping" and "PM1 Control Grouping". */
#pragma once
#include "devices/io_bus.h"
#include "devices/irq.h"
#include <stdint.h>

enum { ACPI_SLP_TYP_S5 = 5 }; /* what the DSDT's _S5 says */

struct acpi_pm {
    uint16_t status, enable, control;
    struct irq_line sci;
    void (*power_off)(void *ctx); /* SLP_EN was written with S5's SLP_TYP */
    void *ctx;
};

void acpi_pm_init(struct acpi_pm *pm, struct irq_line sci, void (*power_off)(void *ctx), void *ctx);
io_fn acpi_pm_event_io;   /* 4 bytes: PM1_STS, PM1_EN */
io_fn acpi_pm_control_io; /* 2 bytes: PM1_CNT */
