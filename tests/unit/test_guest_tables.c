#include "arch/x86_64/acpi.h"
#include "guest/acpi_tables.h"
#include "guest/e820.h"
#include "lib/bits.h"
#include "lib/le.h"
#include "unit.h"
#include <stdlib.h>
#include <string.h>

enum { BASE = 0xe0000, SIZE = 0x2000 };

static const struct acpi_machine machine = {
    .pm1a_event = 0x600,
    .pm1a_control = 0x604,
    .reset_port = 0xcf9,
    .reset_value = 6,
    .sci_irq = 9,
    .pit_gsi = 2,
    .century_index = 0x32,
    .lapic = 0xfee00000,
    .ioapic = 0xfec00000,
    .ioapic_id = 1,
    .cpus = 3,
};

/* What iasl makes of: DefinitionBlock ... { Name (\_S5, Package () { 5, 5, 0, 0 }) } */
static uint8_t dsdt[] = {
    'D', 'S', 'D', 'T', 51,  0,   0,   0,    2, 0, 'P',  'X', 'H',  'V', 0,   0, 'P',
    'X', 'H', 'V', 'M', 'A', 'C', 'H', 1,    0, 0, 0,    'I', 'N',  'T', 'L', 0, 0,
    0,   0,   8,   '_', 'S', '5', '_', 0x12, 9, 4, 0x0a, 5,   0x0a, 5,   0,   0, 0,
};
_Static_assert(sizeof dsdt == 51, "the length that the header says");

static uint8_t region[SIZE];
static size_t used;

static const void *map(void *ctx, uint64_t hpa, uint64_t len)
{
    (void)ctx;
    return hpa >= BASE && hpa - BASE <= used && len <= used - (hpa - BASE) ? region + (hpa - BASE)
                                                                           : NULL;
}

static uint8_t sum(const uint8_t *at, size_t len)
{
    uint8_t s = 0;

    for (size_t i = 0; i < len; i++) {
        s = (uint8_t)(s + at[i]);
    }
    return s;
}

static enum err build(const struct acpi_machine *m, size_t size)
{
    return acpi_tables_build(m, dsdt, sizeof dsdt, region, size, GPA(BASE), &used);
}

static int setup(void **state)
{
    (void)state;
    memset(region, 0xcc, sizeof region);
    dsdt[9] = 0;
    dsdt[9] = (uint8_t)-sum(dsdt, sizeof dsdt);
    return build(&machine, SIZE) != ERR_NONE;
}

static struct acpi_root opened(void)
{
    struct acpi_root root;
    const char *why = "";

    assert_int_equal(acpi_open(&root, (struct acpi_memory){ map, NULL }, region, 36, &why), 0);
    return root;
}

static const uint8_t *find(const char *signature)
{
    struct acpi_root root = opened();
    const char *why = "";
    hpa_t at;

    assert_int_equal(acpi_find(&root, signature, &at, &why), ERR_NONE);
    return region + (at.v - BASE);
}

static void our_own_parser_reads_the_tables(void **state)
{
    struct acpi_root root = opened();
    struct acpi_madt madt;
    struct acpi_fadt fadt;
    struct acpi_s5 s5;
    const char *why = "";

    (void)state;
    assert_true(root.is_xsdt);
    assert_int_equal(acpi_read_madt(&root, &madt, &why), ERR_NONE);
    assert_int_equal(madt.cpu_count, 3);
    assert_int_equal(madt.lapic.v, 0xfee00000);
    assert_int_equal(madt.ioapic.v, 0xfec00000);
    assert_int_equal(madt.ioapic_id, 1);
    assert_int_equal(madt.ioapic_gsi, 0);
    assert_int_equal(madt.isa[0].gsi, 2);
    assert_false(madt.isa[0].level);
    assert_int_equal(madt.isa[9].gsi, 9);
    assert_true(madt.isa[9].level && !madt.isa[9].active_low);
    assert_int_equal(acpi_read_fadt(&root, &fadt, &why), ERR_NONE);
    assert_true(fadt.can_reset && fadt.reset_space == ACPI_SPACE_IO);
    assert_int_equal(fadt.reset_addr, 0xcf9);
    assert_int_equal(fadt.reset_value, 6);
    assert_int_equal(fadt.pm1a_cnt, 0x604);
    assert_false(fadt.hardware_reduced || fadt.pm_timer || fadt.smi_cmd || fadt.pm1b_cnt);
    assert_int_equal(acpi_read_s5(&root, fadt.dsdt, &s5, &why), ERR_NONE);
    assert_int_equal(s5.slp_typ_a, 5);
}

static void fadt_describes_the_fixed_hardware(void **state)
{
    const uint8_t *f = find("FACP");
    const uint8_t *facs = region + (le32_read(f + 36) - BASE);

    (void)state;
    assert_int_equal(le32_read(f + 4), 268);
    assert_int_equal(f[8], 5);
    assert_int_equal(le16_read(f + 46), 9);          /* SCI_INT */
    assert_int_equal(le32_read(f + 56), 0x600);      /* PM1a_EVT_BLK */
    assert_int_equal(le64_read(f + 148 + 4), 0x600); /* X_PM1a_EVT_BLK */
    assert_int_equal(f[149], 32);
    assert_int_equal(le64_read(f + 172 + 4), 0x604);
    assert_int_equal(f[173], 16);
    assert_int_equal(f[88], 4);
    assert_int_equal(f[89], 2);
    assert_int_equal(le32_read(f + 80), 0); /* no GPE0 */
    assert_int_equal(f[108], 0x32);
    assert_int_equal(le16_read(f + 109), 5); /* legacy devices, no VGA, no 8042 */
    assert_int_equal(le64_read(f + 140), le32_read(f + 40));
    assert_memory_equal(facs, "FACS", 4);
    assert_int_equal((facs - region) % 64, 0);
    assert_int_equal(le32_read(facs + 4), 64);
}

static void madt_routes_nmi_to_every_cpu(void **state)
{
    static const uint8_t nmi[] = { 4, 6, 0xff, 0, 0, 1 };
    const uint8_t *m = find("APIC");

    (void)state;
    assert_int_equal(le32_read(m + 40), 1); /* PCAT_COMPAT */
    assert_memory_equal(m + le32_read(m + 4) - sizeof nmi, nmi, sizeof nmi);
    for (uint8_t i = 0; i < 3; i++) {
        const uint8_t lapic[] = { 0, 8, i, i, 1, 0, 0, 0 };

        assert_memory_equal(m + 44 + 8 * i, lapic, sizeof lapic);
    }
}

static void nothing_is_written_behind_what_is_used(void **state)
{
    size_t whole = used;
    uint8_t *exact = malloc(whole);

    (void)state;
    assert_non_null(exact);
    assert_int_equal(region[whole], 0xcc);
    for (size_t size = 0; size <= whole; size++) {
        enum err e = acpi_tables_build(&machine, dsdt, sizeof dsdt, exact + (whole - size), size,
                                       GPA(BASE), &used);

        assert_int_equal(e, size < whole ? ERR_RANGE : ERR_NONE);
    }
    free(exact);
}

static void refuses_what_makes_no_sense(void **state)
{
    struct acpi_machine m = machine;

    (void)state;
    m.cpus = 256;
    assert_int_equal(build(&m, SIZE), ERR_INVAL);
    m.cpus = 255;
    assert_int_equal(build(&m, SIZE), ERR_NONE);
    assert_int_equal(
        acpi_tables_build(&machine, dsdt, sizeof dsdt, region, SIZE, GPA(BASE + 16), &used),
        ERR_RANGE);
    assert_int_equal(
        acpi_tables_build(&machine, dsdt, sizeof dsdt, region, SIZE, GPA(UINT64_MAX - 63), &used),
        ERR_RANGE);
    assert_int_equal(
        acpi_tables_build(&machine, dsdt, sizeof dsdt - 1, region, SIZE, GPA(BASE), &used),
        ERR_INVAL);
    assert_int_equal(acpi_tables_build(&machine, dsdt, 4, region, SIZE, GPA(BASE), &used),
                     ERR_INVAL);
    dsdt[0] = 'X';
    assert_int_equal(build(&machine, SIZE), ERR_INVAL);
    dsdt[0] = 'D';
}

static void e820_is_a_pc_s(void **state)
{
    static const struct {
        uint64_t ram, low_len, high_len; /* bytes */
    } row[] = {
        {512 * MIB,            511 * MIB,     0        },
        { 3 * GIB,             3 * GIB - MIB, 0        },
        { 3 * GIB + PAGE_SIZE, 3 * GIB - MIB, PAGE_SIZE},
        { 8 * GIB,             3 * GIB - MIB, 5 * GIB  },
        { MIB + PAGE_SIZE,     PAGE_SIZE,     0        },
    };
    struct e820_map map;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
        assert_int_equal(e820_build(&map, row[i].ram), ERR_NONE);
        assert_int_equal(map.count, row[i].high_len ? 5 : 4);
        assert_int_equal(map.entry[0].len, 0x9fc00);
        assert_int_equal(map.entry[1].base.v, 0x9fc00);
        assert_int_equal(map.entry[1].len, 0x400);
        assert_int_equal(map.entry[1].type, E820_RESERVED);
        assert_int_equal(map.entry[2].base.v, 0xe0000);
        assert_int_equal(map.entry[2].len, 0x20000);
        assert_int_equal(map.entry[2].type, E820_RESERVED);
        assert_int_equal(map.entry[3].base.v, MIB);
        assert_int_equal(map.entry[3].len, row[i].low_len);
        assert_int_equal(map.entry[3].type, E820_RAM);
        if (row[i].high_len) {
            assert_int_equal(map.entry[4].base.v, 4 * GIB);
            assert_int_equal(map.entry[4].len, row[i].high_len);
            assert_int_equal(map.entry[4].type, E820_RAM);
        }
    }
}

static void e820_refuses_absurd_sizes(void **state)
{
    static const uint64_t ram[] = {
        0, 1, MIB, 512 * MIB + 1, 512 * MIB + 512, UINT64_MAX, ~UINT64_C(0xfff)
    };
    struct e820_map map;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(ram); i++) {
        assert_int_equal(e820_build(&map, ram[i]), ERR_RANGE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(our_own_parser_reads_the_tables, setup),
        cmocka_unit_test_setup(fadt_describes_the_fixed_hardware, setup),
        cmocka_unit_test_setup(madt_routes_nmi_to_every_cpu, setup),
        cmocka_unit_test_setup(nothing_is_written_behind_what_is_used, setup),
        cmocka_unit_test_setup(refuses_what_makes_no_sense, setup),
        cmocka_unit_test_setup(e820_is_a_pc_s, setup),
        cmocka_unit_test_setup(e820_refuses_absurd_sizes, setup),
    };
    return cmocka_run_group_tests_name("guest_tables", tests, NULL, NULL);
}
