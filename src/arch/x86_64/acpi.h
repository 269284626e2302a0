/* Reads the host's ACPI tables, trusting none of their lengths: interrupt routing, reset,
 * power-off. Pure (memory comes through a callback): no lock. ACPI Specification, "ACPI Software
 * Programming Model". */
#pragma once
#include "lib/addr.h"
#include "lib/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct acpi_memory {
    /* Makes len bytes at host-physical hpa readable, at least until the next call; NULL if it
     * can't. Firmware chose both numbers. */
    const void *(*map)(void *ctx, uint64_t hpa, uint64_t len);
    void *ctx;
};

struct acpi_root {
    struct acpi_memory mem;
    hpa_t table; /* the XSDT, else the RSDT */
    bool is_xsdt;
    uint32_t count; /* tables that it lists */
};

enum acpi_space { ACPI_SPACE_MEMORY = 0, ACPI_SPACE_IO = 1, ACPI_SPACE_PCI = 2 };

enum { ACPI_ISA_IRQS = 16 };

struct acpi_isa_irq {
    uint32_t gsi;
    bool active_low, level;
};

struct acpi_madt {
    hpa_t lapic;
    bool has_ioapic; /* the first I/O APIC: */
    uint8_t ioapic_id;
    hpa_t ioapic;
    uint32_t ioapic_gsi;                    /* its first input */
    struct acpi_isa_irq isa[ACPI_ISA_IRQS]; /* identity, active high, edge where none is listed */
    unsigned cpu_count;                     /* enabled ones */
};

/* Ports are 0 where there is none. */
struct acpi_fadt {
    bool hardware_reduced; /* then there are no PM1 ports */
    bool can_reset;
    uint8_t reset_space; /* enum acpi_space */
    uint64_t reset_addr;
    uint8_t reset_value;
    uint16_t pm1a_cnt, pm1b_cnt;
    uint16_t smi_cmd;
    uint8_t acpi_enable; /* written to smi_cmd, turns ACPI mode on */
    uint16_t pm_timer;
    bool pm_timer_32bit; /* else 24 bits */
    hpa_t dsdt;          /* 0 if there is none */
};

struct acpi_s5 {
    uint8_t slp_typ_a, slp_typ_b; /* bits 12:10 of PM1a_CNT and PM1b_CNT */
};

/* All return ERR_INVAL, with a sentence in *why, if the data is wrong, can't be mapped or (for
 * tables) is not there. A table's data is used only if its checksum is right. */

/* Starts from a copy of the RSDP, for example from a Multiboot2 tag: 20 bytes or more. */
enum err acpi_open(struct acpi_root *root, struct acpi_memory mem, const void *rsdp, size_t len,
                   const char **why) MUST_CHECK;

/* Finds a table by its signature of four letters. */
enum err acpi_find(const struct acpi_root *root, const char *signature, hpa_t *at,
                   const char **why) MUST_CHECK;

enum err acpi_read_madt(const struct acpi_root *root, struct acpi_madt *out,
                        const char **why) MUST_CHECK;
enum err acpi_read_fadt(const struct acpi_root *root, struct acpi_fadt *out,
                        const char **why) MUST_CHECK;

/* Looks for the _S5_ package in the DSDT (acpi_fadt.dsdt): the values that power the machine off.
 */
enum err acpi_read_s5(const struct acpi_root *root, hpa_t dsdt, struct acpi_s5 *out,
                      const char **why) MUST_CHECK;
