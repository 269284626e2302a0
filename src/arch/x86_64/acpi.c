#include "arch/x86_64/acpi.h"
#include "lib/bits.h"
#include "lib/le.h"
#include "lib/mem.h"
#include "lib/range.h"

enum {
    RSDP_V1_SIZE = 20,
    RSDP_V2_SIZE = 36,
    TABLE_HEADER = 36,
    TABLE_MAX = 4 * 1024 * 1024, /* no real table is larger; a wild length is not worth mapping */
};

/* A mapped table whose length and checksum are right. */
struct table {
    const uint8_t *at;
    uint32_t len;
};

static enum err fail(const char **why, const char *text)
{
    *why = text;
    return ERR_INVAL;
}

static bool sum_is_zero(const uint8_t *at, size_t len)
{
    uint8_t sum = 0;

    for (size_t i = 0; i < len; i++) {
        sum = (uint8_t)(sum + at[i]);
    }
    return sum == 0;
}

static const void *map(const struct acpi_root *root, uint64_t hpa, uint64_t len)
{
    uint64_t end;

    return range_end(hpa, len, &end) ? root->mem.map(root->mem.ctx, hpa, len) : NULL;
}

/* Maps a whole table. Until its checksum is seen to be right, only the header is believed. */
static enum err map_table(const struct acpi_root *root, hpa_t hpa, const char *signature,
                          struct table *out, const char **why)
{
    const uint8_t *at = map(root, hpa.v, TABLE_HEADER);

    if (!at) {
        return fail(why, "an ACPI table can't be mapped");
    }
    if (memcmp(at, signature, 4) != 0) {
        return fail(why, "an ACPI table has the wrong signature");
    }
    out->len = le32_read(at + 4);
    if (out->len < TABLE_HEADER || out->len > TABLE_MAX) {
        return fail(why, "an ACPI table's length makes no sense");
    }
    out->at = map(root, hpa.v, out->len);
    if (!out->at) {
        return fail(why, "an ACPI table can't be mapped");
    }
    if (!sum_is_zero(out->at, out->len)) {
        return fail(why, "an ACPI table's checksum is wrong");
    }
    return ERR_NONE;
}

/* ACPI Specification, "Root System Description Pointer (RSDP)": prefers the XSDT. */
static enum err read_rsdp(struct acpi_root *root, const uint8_t *rsdp, size_t len, const char **why)
{
    uint32_t full;

    if (len < RSDP_V1_SIZE || memcmp(rsdp, "RSD PTR ", 8) != 0) {
        return fail(why, "the ACPI root pointer is cut off or has the wrong signature");
    }
    if (!sum_is_zero(rsdp, RSDP_V1_SIZE)) {
        return fail(why, "the ACPI root pointer's checksum is wrong");
    }
    root->table = HPA(le32_read(rsdp + 16));
    if (rsdp[15] < 2 || len < RSDP_V2_SIZE) {
        return ERR_NONE;
    }
    full = le32_read(rsdp + 20);
    if (full < RSDP_V2_SIZE || full > len || !sum_is_zero(rsdp, full)) {
        return fail(why, "the ACPI root pointer's length or extended checksum is wrong");
    }
    if (le64_read(rsdp + 24)) {
        root->table = HPA(le64_read(rsdp + 24));
        root->is_xsdt = true;
    }
    return ERR_NONE;
}

enum err acpi_open(struct acpi_root *root, struct acpi_memory mem, const void *rsdp, size_t len,
                   const char **why)
{
    struct table t;
    enum err e;

    *root = (struct acpi_root){ .mem = mem };
    e = read_rsdp(root, rsdp, len, why);
    if (e) {
        return e;
    }
    e = map_table(root, root->table, root->is_xsdt ? "XSDT" : "RSDT", &t, why);
    if (e) {
        return e;
    }
    root->count = (t.len - TABLE_HEADER) / (root->is_xsdt ? 8 : 4);
    return ERR_NONE;
}

/* The address that entry i of the root table holds; false if it can't be read. */
static bool root_entry(const struct acpi_root *root, uint32_t i, hpa_t *out)
{
    unsigned size = root->is_xsdt ? 8 : 4;
    const void *at = map(root, root->table.v + TABLE_HEADER + (uint64_t)i * size, size);

    if (!at) {
        return false;
    }
    *out = HPA(root->is_xsdt ? le64_read(at) : le32_read(at));
    return true;
}

enum err acpi_find(const struct acpi_root *root, const char *signature, hpa_t *at, const char **why)
{
    for (uint32_t i = 0; i < root->count; i++) {
        const void *header;

        if (!root_entry(root, i, at)) {
            return fail(why, "the ACPI root table can't be mapped");
        }
        header = map(root, at->v, TABLE_HEADER);
        if (header && !memcmp(header, signature, 4)) {
            return ERR_NONE;
        }
    }
    return fail(why, "there is no such ACPI table");
}

static enum err find_table(const struct acpi_root *root, const char *signature, struct table *out,
                           const char **why)
{
    hpa_t at;
    enum err e = acpi_find(root, signature, &at, why);

    return e ? e : map_table(root, at, signature, out, why);
}

/* ACPI Specification, "Multiple APIC Description Table (MADT)": the entry types used here. */
enum { MADT_LAPIC = 0, MADT_IOAPIC = 1, MADT_ISA_IRQ = 2, MADT_LAPIC_ADDR = 5, MADT_X2APIC = 9 };
enum { MADT_HEADER = 44, MADT_CPU_ENABLED = 1 };

static void madt_ioapic(struct acpi_madt *out, const uint8_t *entry)
{
    if (out->has_ioapic) {
        return;
    }
    out->has_ioapic = true;
    out->ioapic_id = entry[2];
    out->ioapic = HPA(le32_read(entry + 4));
    out->ioapic_gsi = le32_read(entry + 8);
}

/* "Interrupt Source Override Structure"; flags as in "MPS INTI Flags". */
static void madt_isa_irq(struct acpi_madt *out, const uint8_t *entry)
{
    uint16_t flags = le16_read(entry + 8);

    if (entry[3] < ACPI_ISA_IRQS) {
        out->isa[entry[3]] = (struct acpi_isa_irq){ .gsi = le32_read(entry + 4),
                                                    .active_low = bits(flags, 1, 0) == 3,
                                                    .level = bits(flags, 3, 2) == 3 };
    }
}

/* False if the entry is too short for its type. */
static bool madt_entry(struct acpi_madt *out, const uint8_t *entry, uint8_t len)
{
    static const uint8_t min_len[] = {
        [MADT_LAPIC] = 8,       [MADT_IOAPIC] = 12, [MADT_ISA_IRQ] = 10,
        [MADT_LAPIC_ADDR] = 12, [MADT_X2APIC] = 16,
    };

    if (entry[0] < ARRAY_SIZE(min_len) && len < min_len[entry[0]]) {
        return false;
    }
    switch (entry[0]) {
    case MADT_LAPIC:
        out->cpu_count += le32_read(entry + 4) & MADT_CPU_ENABLED;
        break;
    case MADT_X2APIC:
        out->cpu_count += le32_read(entry + 8) & MADT_CPU_ENABLED;
        break;
    case MADT_IOAPIC:
        madt_ioapic(out, entry);
        break;
    case MADT_ISA_IRQ:
        madt_isa_irq(out, entry);
        break;
    case MADT_LAPIC_ADDR:
        out->lapic = HPA(le64_read(entry + 4));
        break;
    default:
        break;
    }
    return true;
}

enum err acpi_read_madt(const struct acpi_root *root, struct acpi_madt *out, const char **why)
{
    struct table t;
    enum err e = find_table(root, "APIC", &t, why);

    if (e) {
        return e;
    }
    if (t.len < MADT_HEADER) {
        return fail(why, "the ACPI MADT is too short");
    }
    memset(out, 0, sizeof *out);
    out->lapic = HPA(le32_read(t.at + 36));
    for (unsigned i = 0; i < ACPI_ISA_IRQS; i++) {
        out->isa[i].gsi = i;
    }
    for (uint32_t at = MADT_HEADER; at < t.len;) {
        const uint8_t *entry = t.at + at;
        uint8_t len = range_fits(at, 2, t.len) ? entry[1] : 0;

        if (len < 2 || !range_fits(at, len, t.len) || !madt_entry(out, entry, len)) {
            return fail(why, "an entry of the ACPI MADT has a wrong length");
        }
        at += len;
    }
    return ERR_NONE;
}

/* ACPI Specification, "Fixed ACPI Description Table (FADT)": offsets and flags. */
enum {
    FADT_DSDT = 40,
    FADT_SMI_CMD = 48,
    FADT_ACPI_ENABLE = 52,
    FADT_PM1A_CNT = 64,
    FADT_PM1B_CNT = 68,
    FADT_PM_TMR = 76,
    FADT_FLAGS = 112,
    FADT_V1_SIZE = 116,
    FADT_RESET_REG = 116,
    FADT_RESET_VALUE = 128,
    FADT_X_DSDT = 140,
    FADT_X_PM1A_CNT = 172,
    FADT_X_PM1B_CNT = 184,
    FADT_X_PM_TMR = 208,
    GAS_SIZE = 12,
};
#define FADT_TMR_VAL_EXT     BIT32(8)
#define FADT_RESET_REG_SUP   BIT32(10)
#define FADT_HW_REDUCED_ACPI BIT32(20)

/* A port from its 32-bit field or, where the table is long enough to have it, from its extended
 * one, a "Generic Address Structure (GAS)"; 0 if neither holds a port. */
static uint16_t fadt_port(struct table t, uint32_t field, uint32_t x_field)
{
    uint64_t port = le32_read(t.at + field);

    if (range_fits(x_field, GAS_SIZE, t.len) && t.at[x_field] == ACPI_SPACE_IO &&
        le64_read(t.at + x_field + 4)) {
        port = le64_read(t.at + x_field + 4);
    }
    return port <= UINT16_MAX ? (uint16_t)port : 0;
}

static void fadt_reset(struct acpi_fadt *out, struct table t, uint32_t flags)
{
    if (!(flags & FADT_RESET_REG_SUP) || t.len <= FADT_RESET_VALUE) {
        return;
    }
    out->can_reset = true;
    out->reset_space = t.at[FADT_RESET_REG];
    out->reset_addr = le64_read(t.at + FADT_RESET_REG + 4);
    out->reset_value = t.at[FADT_RESET_VALUE];
}

enum err acpi_read_fadt(const struct acpi_root *root, struct acpi_fadt *out, const char **why)
{
    struct table t;
    enum err e = find_table(root, "FACP", &t, why);
    uint32_t flags, smi_cmd;

    if (e) {
        return e;
    }
    if (t.len < FADT_V1_SIZE) {
        return fail(why, "the ACPI FADT is too short");
    }
    flags = le32_read(t.at + FADT_FLAGS);
    smi_cmd = le32_read(t.at + FADT_SMI_CMD);
    *out = (struct acpi_fadt){
        .hardware_reduced = flags & FADT_HW_REDUCED_ACPI,
        .pm1a_cnt = fadt_port(t, FADT_PM1A_CNT, FADT_X_PM1A_CNT),
        .pm1b_cnt = fadt_port(t, FADT_PM1B_CNT, FADT_X_PM1B_CNT),
        .smi_cmd = smi_cmd <= UINT16_MAX ? (uint16_t)smi_cmd : 0,
        .acpi_enable = t.at[FADT_ACPI_ENABLE],
        .pm_timer = fadt_port(t, FADT_PM_TMR, FADT_X_PM_TMR),
        .pm_timer_32bit = flags & FADT_TMR_VAL_EXT,
        .dsdt = HPA(le32_read(t.at + FADT_DSDT)),
    };
    fadt_reset(out, t, flags);
    if (range_fits(FADT_X_DSDT, 8, t.len) && le64_read(t.at + FADT_X_DSDT)) {
        out->dsdt = HPA(le64_read(t.at + FADT_X_DSDT));
    }
    return ERR_NONE;
}

/* ACPI Specification, "AML Specification", "AML Byte Stream Byte Values". */
enum {
    AML_ZERO = 0x00,
    AML_ONE = 0x01,
    AML_NAME = 0x08,
    AML_BYTE = 0x0a,
    AML_WORD = 0x0b,
    AML_DWORD = 0x0c,
    AML_PACKAGE = 0x12,
    AML_ONES = 0xff,
};

/* A piece of AML that is read from front to back, never past its end. */
struct aml {
    const uint8_t *at;
    uint32_t left;
};

static bool aml_byte(struct aml *a, uint8_t *out)
{
    if (!a->left) {
        return false;
    }
    *out = *a->at++;
    a->left--;
    return true;
}

/* "Package Length Encoding": narrows *a to the package that starts here. */
static bool aml_enter(struct aml *a)
{
    struct aml package = *a;
    uint32_t len;
    unsigned more;
    uint8_t b;

    if (!aml_byte(a, &b)) {
        return false;
    }
    more = b >> 6;
    len = more ? b & 0xf : b & 0x3f;
    for (unsigned i = 0; i < more; i++) {
        if (!aml_byte(a, &b)) {
            return false;
        }
        len |= (uint32_t)b << (4 + 8 * i);
    }
    /* The length counts its own bytes, of which 1 + more are gone. */
    if (len > package.left || len < 1 + more) {
        return false;
    }
    a->left = len - 1 - more;
    return true;
}

/* A constant integer; SLP_TYP has three bits, so only the lowest byte counts. */
static bool aml_slp_typ(struct aml *a, uint8_t *out)
{
    static const uint8_t extra[] = { [AML_BYTE] = 1, [AML_WORD] = 2, [AML_DWORD] = 4 };
    uint8_t op, n;

    if (!aml_byte(a, &op)) {
        return false;
    }
    if (op == AML_ZERO || op == AML_ONE || op == AML_ONES) {
        *out = op & 7;
        return true;
    }
    n = op < ARRAY_SIZE(extra) ? extra[op] : 0;
    if (!n || n > a->left) {
        return false;
    }
    *out = *a->at & 7;
    a->at += n;
    a->left -= n;
    return true;
}

/* Name (_S5_, Package () { SLP_TYPa, SLP_TYPb, ... }), with or without the root's '\' in the name;
 * *a is behind the name. */
static bool aml_s5_package(struct aml *a, struct acpi_s5 *out)
{
    uint8_t op, count;

    return aml_byte(a, &op) && op == AML_PACKAGE && aml_enter(a) && aml_byte(a, &count) &&
           count >= 2 && aml_slp_typ(a, &out->slp_typ_a) && aml_slp_typ(a, &out->slp_typ_b);
}

static bool aml_is_name_op(const uint8_t *aml, uint32_t at)
{
    return (at >= 1 && aml[at - 1] == AML_NAME) ||
           (at >= 2 && aml[at - 1] == '\\' && aml[at - 2] == AML_NAME);
}

enum err acpi_read_s5(const struct acpi_root *root, hpa_t dsdt, struct acpi_s5 *out,
                      const char **why)
{
    struct table t;
    enum err e = map_table(root, dsdt, "DSDT", &t, why);

    if (e) {
        return e;
    }
    for (uint32_t at = TABLE_HEADER; range_fits(at, 4, t.len); at++) {
        struct aml a = { t.at + at + 4, t.len - at - 4 };

        if (!memcmp(t.at + at, "_S5_", 4) && aml_is_name_op(t.at, at) && aml_s5_package(&a, out)) {
            return ERR_NONE;
        }
    }
    return fail(why, "the ACPI DSDT has no _S5 package");
}
