#include "guest/acpi_tables.h"
#include "lib/bits.h"
#include "lib/le.h"
#include "lib/mem.h"
#include "lib/range.h"

enum {
    RSDP_SIZE = 36,
    HEADER_SIZE = 36,
    XSDT_SIZE = HEADER_SIZE + 2 * 8,
    FADT_SIZE = 268, /* revision 5 */
    FADT_REVISION = 5,
    FACS_SIZE = 64,
    MADT_FIXED = 44,
    MADT_LAPIC_SIZE = 8,
    MADT_OTHER_SIZE = 12 + 2 * 10 + 6, /* I/O APIC, two overrides, NMI */
    MADT_REVISION = 3,
    CPUS_MAX = 255,   /* 255 is the broadcast id of an xAPIC */
    TABLE_ALIGN = 64, /* the FACS wants it, the others don't mind */
};

/* Fixed feature flags of the FADT: power and sleep buttons are no fixed hardware, the RTC's alarm
 * wakes nobody. */
#define FADT_WBINVD        BIT32(0)
#define FADT_PROC_C1       BIT32(2)
#define FADT_PWR_BUTTON    BIT32(4)
#define FADT_SLP_BUTTON    BIT32(5)
#define FADT_FIX_RTC       BIT32(6)
#define FADT_RESET_REG_SUP BIT32(10)

/* "IA-PC Boot Architecture Flags": no bit for an 8042. */
enum { BOOT_LEGACY_DEVICES = 0x1, BOOT_NO_VGA = 0x4 };

enum { GAS_IO = 1, GAS_BYTE = 1, GAS_WORD = 2 };

/* "MPS INTI Flags". */
enum { INTI_BUS = 0, INTI_HIGH = 1, INTI_LEVEL = 0xc };

/* Hands out pieces of the region that the tables go to. */
struct region {
    uint8_t *to;
    size_t size, used;
    uint64_t base;
};

/* A table in both views. */
struct table {
    uint8_t *at;
    uint64_t gpa;
    uint32_t len;
};

static bool place(struct region *r, size_t len, struct table *out)
{
    uint64_t at;

    if (!range_align_up(r->used, TABLE_ALIGN, &at) || !range_fits(at, len, r->size)) {
        return false;
    }
    *out = (struct table){ r->to + at, r->base + at, (uint32_t)len };
    memset(out->at, 0, len);
    r->used = at + len;
    return true;
}

static uint8_t checksum(const uint8_t *at, size_t len)
{
    uint8_t sum = 0;

    for (size_t i = 0; i < len; i++) {
        sum = (uint8_t)(sum + at[i]);
    }
    return (uint8_t)-sum;
}

/* "System Description Table Header"; the checksum is written when the body is there. */
static void fill_header(struct table t, const char *signature, uint8_t revision)
{
    memcpy(t.at, signature, 4);
    le32_write(t.at + 4, t.len);
    t.at[8] = revision;
    memcpy(t.at + 10, "PXHV  PXHVMACH", 14);
    le32_write(t.at + 24, 1);
    memcpy(t.at + 28, "PXHV", 4);
    le32_write(t.at + 32, 1);
}

static void seal(struct table t)
{
    t.at[9] = checksum(t.at, t.len);
}

static void fill_rsdp(struct table t, uint64_t xsdt)
{
    memcpy(t.at, "RSD PTR ", 8);
    memcpy(t.at + 9, "PXHV  ", 6);
    t.at[15] = 2;
    le32_write(t.at + 20, RSDP_SIZE);
    le64_write(t.at + 24, xsdt);
    t.at[8] = checksum(t.at, 20);
    t.at[32] = checksum(t.at, RSDP_SIZE);
}

static void fill_xsdt(struct table t, uint64_t fadt, uint64_t madt)
{
    fill_header(t, "XSDT", 1);
    le64_write(t.at + 36, fadt);
    le64_write(t.at + 44, madt);
    seal(t);
}

/* "Generic Address Structure (GAS)" for a port. */
static void fill_gas(uint8_t *at, uint16_t port, uint8_t bytes, uint8_t access)
{
    at[0] = GAS_IO;
    at[1] = (uint8_t)(bytes * 8);
    at[3] = access;
    le64_write(at + 4, port);
}

/* "Fixed ACPI Description Table (FADT)". No SMI_CMD: the machine is always in ACPI mode. */
static void fill_fadt(struct table t, const struct acpi_machine *m, uint64_t facs, uint64_t dsdt)
{
    fill_header(t, "FACP", FADT_REVISION);
    le32_write(t.at + 36, lo32(facs));
    le32_write(t.at + 40, lo32(dsdt));
    le16_write(t.at + 46, m->sci_irq);
    le32_write(t.at + 56, m->pm1a_event);
    le32_write(t.at + 64, m->pm1a_control);
    t.at[88] = 4;                  /* PM1_EVT_LEN */
    t.at[89] = 2;                  /* PM1_CNT_LEN */
    le16_write(t.at + 96, 0xffff); /* P_LVL2_LAT, P_LVL3_LAT: no such states */
    le16_write(t.at + 98, 0xffff);
    t.at[108] = m->century_index;
    le16_write(t.at + 109, BOOT_LEGACY_DEVICES | BOOT_NO_VGA);
    le32_write(t.at + 112, FADT_WBINVD | FADT_PROC_C1 | FADT_PWR_BUTTON | FADT_SLP_BUTTON |
                               FADT_FIX_RTC | FADT_RESET_REG_SUP);
    fill_gas(t.at + 116, m->reset_port, 1, GAS_BYTE);
    t.at[128] = m->reset_value;
    /* X_FIRMWARE_CTRL stays 0: only one of the two FACS addresses may be set. */
    le64_write(t.at + 140, dsdt);
    fill_gas(t.at + 148, m->pm1a_event, 4, GAS_WORD);
    fill_gas(t.at + 172, m->pm1a_control, 2, GAS_WORD);
    seal(t);
}

/* "Firmware ACPI Control Structure (FACS)": has neither header nor checksum. */
static void fill_facs(struct table t)
{
    memcpy(t.at, "FACS", 4);
    le32_write(t.at + 4, FACS_SIZE);
    t.at[32] = 2; /* version */
}

static uint8_t *add_isa_irq(uint8_t *at, uint8_t irq, uint8_t gsi, uint16_t flags)
{
    at[0] = 2;
    at[1] = 10;
    at[3] = irq;
    le32_write(at + 4, gsi);
    le16_write(at + 8, flags);
    return at + 10;
}

/* "Multiple APIC Description Table (MADT)". */
static void fill_madt(struct table t, const struct acpi_machine *m)
{
    uint8_t *at = t.at + MADT_FIXED;

    fill_header(t, "APIC", MADT_REVISION);
    le32_write(t.at + 36, m->lapic);
    le32_write(t.at + 40, 1); /* PCAT_COMPAT: there are two 8259s */
    for (unsigned i = 0; i < m->cpus; i++, at += MADT_LAPIC_SIZE) {
        at[1] = MADT_LAPIC_SIZE;
        at[2] = at[3] = (uint8_t)i;
        le32_write(at + 4, 1); /* enabled */
    }
    at[0] = 1;
    at[1] = 12;
    at[2] = m->ioapic_id;
    le32_write(at + 4, m->ioapic);
    at = add_isa_irq(at + 12, 0, m->pit_gsi, INTI_BUS);
    at = add_isa_irq(at, m->sci_irq, m->sci_irq, INTI_HIGH | INTI_LEVEL);
    at[0] = 4; /* "Local APIC NMI Structure": LINT1 of every CPU */
    at[1] = 6;
    at[2] = 0xff;
    at[5] = 1;
    seal(t);
}

enum err acpi_tables_build(const struct acpi_machine *m, const void *dsdt, size_t dsdt_len,
                           uint8_t *to, size_t size, gpa_t base, size_t *used)
{
    struct region r = { .to = to, .size = size, .base = base.v };
    struct table rsdp, xsdt, fadt, facs, madt, dsdt_copy;
    uint64_t end;

    if (m->cpus > CPUS_MAX || dsdt_len < HEADER_SIZE || memcmp(dsdt, "DSDT", 4) != 0 ||
        le32_read((const uint8_t *)dsdt + 4) != dsdt_len) {
        return ERR_INVAL;
    }
    if (base.v % TABLE_ALIGN || !range_end(base.v, size, &end) || end > 4 * GIB ||
        !place(&r, RSDP_SIZE, &rsdp) || !place(&r, XSDT_SIZE, &xsdt) ||
        !place(&r, FADT_SIZE, &fadt) || !place(&r, FACS_SIZE, &facs) ||
        !place(&r, MADT_FIXED + m->cpus * MADT_LAPIC_SIZE + MADT_OTHER_SIZE, &madt) ||
        !place(&r, dsdt_len, &dsdt_copy)) {
        return ERR_RANGE;
    }
    memcpy(dsdt_copy.at, dsdt, dsdt_len);
    fill_rsdp(rsdp, xsdt.gpa);
    fill_xsdt(xsdt, fadt.gpa, madt.gpa);
    fill_fadt(fadt, m, facs.gpa, dsdt_copy.gpa);
    fill_facs(facs);
    fill_madt(madt, m);
    *used = r.used;
    return ERR_NONE;
}
