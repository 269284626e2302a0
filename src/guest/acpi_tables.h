/* Builds the guest's ACPI tables: RSDP, XSDT, FADT, FACS, MADT and a DSDT compiled from dsdt.asl.
 * machine.c tells where the hardware is. Pure: no lock.
 * ACPI Specification, "ACPI Software Programming Model". */
#pragma once
#include "lib/addr.h"
#include "lib/err.h"
#include <stddef.h>
#include <stdint.h>

/* The hardware that the tables describe. Ports must agree with dsdt.asl where both name them. */
struct acpi_machine {
    uint16_t pm1a_event, pm1a_control; /* ports: 4 and 2 bytes */
    uint16_t reset_port;
    uint8_t reset_value;
    uint8_t sci_irq;        /* level, active high */
    uint8_t pit_gsi;        /* where the I/O APIC gets ISA IRQ 0 */
    uint8_t century_index;  /* of the RTC's century byte in CMOS */
    uint32_t lapic, ioapic; /* guest-physical */
    uint8_t ioapic_id;
    unsigned cpus; /* local APIC ids 0 to cpus - 1 */
};

/* Writes the tables to `to`, which stands for [base, base + size) in the guest; base is 64-byte
 * aligned and the RSDP is at base, so for the guest's search base must be in E0000-FFFFF. *used is
 * the number of bytes written. ERR_RANGE if they don't fit or base + size is not below 4 GiB,
 * ERR_INVAL if the DSDT is no table of dsdt_len bytes or there are too many CPUs. */
enum err acpi_tables_build(const struct acpi_machine *m, const void *dsdt, size_t dsdt_len,
                           uint8_t *to, size_t size, gpa_t base, size_t *used) MUST_CHECK;
