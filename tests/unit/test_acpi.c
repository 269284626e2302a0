#include "arch/x86_64/acpi.h"
#include "lib/le.h"
#include "unit.h"
#include <stdlib.h>
#include <string.h>

/* Physical memory of a made-up machine. What map() hands out is a block of just the length asked
 * for, gone at the next call: ASan sees whoever reads too far or keeps it too long. */
enum { BASE = 0x7fe00000, SIZE = 0x4000, XSDT = 0x000, RSDT = 0x100, MADT = 0x200 };
enum { FADT = 0x400, DSDT = 0x800 };

static uint8_t phys[SIZE], rsdp[36];
static void *mapped;
static const char *why;

static const void *map(void *ctx, uint64_t hpa, uint64_t len)
{
    (void)ctx;
    free(mapped);
    mapped = NULL;
    if (hpa < BASE || hpa - BASE > SIZE || len > SIZE - (hpa - BASE)) {
        return NULL;
    }
    mapped = malloc(len ? len : 1);
    assert_non_null(mapped);
    memcpy(mapped, phys + (hpa - BASE), len);
    return mapped;
}

static const struct acpi_memory memory = { map, NULL };

static void fix_sum(uint8_t *at, size_t len, size_t sum_at)
{
    uint8_t sum = 0;

    at[sum_at] = 0;
    for (size_t i = 0; i < len; i++) {
        sum = (uint8_t)(sum + at[i]);
    }
    at[sum_at] = (uint8_t)-sum;
}

static void seal(uint32_t at)
{
    fix_sum(phys + at, le32_read(phys + at + 4), 9);
}

static void put_table(uint32_t at, const char *signature, const void *body, uint32_t len)
{
    memcpy(phys + at, signature, 4);
    le32_write(phys + at + 4, 36 + len);
    if (len) {
        memcpy(phys + at + 36, body, len);
    }
    seal(at);
}

static void put_fadt(uint32_t len)
{
    uint8_t *at = phys + FADT;

    put_table(FADT, "FACP", at + 36, len - 36);
    le32_write(at + 40, BASE + DSDT);
    le32_write(at + 48, 0xb2);
    at[52] = 0xa1;
    le32_write(at + 64, 0x404);
    le32_write(at + 76, 0x408);
    le32_write(at + 112, 1u << 10 | 1u << 8);
    at[116] = ACPI_SPACE_IO;
    le64_write(at + 120, 0xcf9);
    at[128] = 6;
    seal(FADT);
}

static const uint8_t madt_body[] = {
    0x00, 0x00, 0xe0, 0xfe, 1,    0,    0,    0, /* local APIC address, flags */
    0,    8,    0,    0,    1,    0,    0,    0, /* CPU 0, enabled */
    0,    8,    1,    1,    0,    0,    0,    0, /* CPU 1, not enabled */
    9,    16,   0,    0,    0,    1,    0,    0,    1,    0, 0, 0,
    2,    0,    0,    0,                                           /* x2APIC id 100h, enabled */
    1,    12,   5,    0,    0x00, 0x00, 0xc0, 0xfe, 0,    0, 0, 0, /* I/O APIC 5 */
    1,    12,   6,    0,    0x00, 0x10, 0xc0, 0xfe, 24,   0, 0, 0, /* a second one */
    2,    10,   0,    0,    2,    0,    0,    0,    0,    0,       /* IRQ 0 -> GSI 2 */
    2,    10,   0,    9,    20,   0,    0,    0,    0x0f, 0,       /* IRQ 9 -> GSI 20, low, level */
    2,    10,   0,    99,   3,    0,    0,    0,    0,    0,       /* no such IRQ */
    0x7f, 2,                                                       /* a type of the future */
};

static const uint8_t dsdt_body[] = {
    0x08, '_',  'S', '5', '_', 0xff, /* a name, but no package */
    0x10, 0x05, '_', 'S', '5', '_',  /* no name */
    0x08, '\\', '_', 'S', '5', '_',  0x12, 0x07, 4, 0x0a, 5, 0x01, 0, 0,
};

static struct acpi_root opened(void)
{
    struct acpi_root root;

    assert_int_equal(acpi_open(&root, memory, rsdp, sizeof rsdp, &why), ERR_NONE);
    return root;
}

static int setup(void **state)
{
    uint8_t list[16];

    (void)state;
    memset(phys, 0, sizeof phys);
    memset(rsdp, 0, sizeof rsdp);
    le64_write(list, BASE + MADT);
    le64_write(list + 8, BASE + FADT);
    put_table(XSDT, "XSDT", list, 16);
    le32_write(list, BASE + FADT);
    put_table(RSDT, "RSDT", list, 4);
    put_table(MADT, "APIC", madt_body, sizeof madt_body);
    put_table(DSDT, "DSDT", dsdt_body, sizeof dsdt_body);
    put_fadt(268);
    memcpy(rsdp, "RSD PTR ", 8);
    rsdp[15] = 2;
    le32_write(rsdp + 16, BASE + RSDT);
    le32_write(rsdp + 20, 36);
    le64_write(rsdp + 24, BASE + XSDT);
    fix_sum(rsdp, 20, 8);
    fix_sum(rsdp, 36, 32);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    free(mapped);
    mapped = NULL;
    return 0;
}

static void prefers_the_xsdt_and_takes_the_rsdt(void **state)
{
    struct acpi_root root = opened();
    hpa_t at;

    (void)state;
    assert_true(root.is_xsdt);
    assert_int_equal(root.count, 2);
    assert_int_equal(acpi_find(&root, "FACP", &at, &why), ERR_NONE);
    assert_int_equal(at.v, BASE + FADT);
    assert_int_equal(acpi_find(&root, "HPET", &at, &why), ERR_INVAL);
    /* Version 1 by its length, by its revision, and version 2 without an XSDT. */
    assert_int_equal(acpi_open(&root, memory, rsdp, 20, &why), ERR_NONE);
    assert_false(root.is_xsdt);
    assert_int_equal(root.count, 1);
    assert_int_equal(acpi_find(&root, "FACP", &at, &why), ERR_NONE);
    assert_int_equal(acpi_find(&root, "APIC", &at, &why), ERR_INVAL);
    le64_write(rsdp + 24, 0);
    fix_sum(rsdp, 36, 32);
    assert_false(opened().is_xsdt);
}

static void refuses_a_bad_root_pointer(void **state)
{
    struct acpi_root root;

    (void)state;
    for (size_t len = 0; len < 20; len++) {
        uint8_t *copy = malloc(len ? len : 1);

        assert_non_null(copy);
        memcpy(copy, rsdp, len);
        assert_int_equal(acpi_open(&root, memory, copy, len, &why), ERR_INVAL);
        free(copy);
    }
    for (size_t i = 0; i < sizeof rsdp; i++) { /* each byte is under a checksum */
        rsdp[i]++;
        assert_int_equal(acpi_open(&root, memory, rsdp, sizeof rsdp, &why), ERR_INVAL);
        rsdp[i]--;
    }
    le32_write(rsdp + 20, 37);
    assert_int_equal(acpi_open(&root, memory, rsdp, sizeof rsdp, &why), ERR_INVAL);
    le32_write(rsdp + 20, 35);
    fix_sum(rsdp, 35, 32);
    assert_int_equal(acpi_open(&root, memory, rsdp, sizeof rsdp, &why), ERR_INVAL);
}

static void refuses_bad_tables(void **state)
{
    static const uint32_t length[] = { 0, 35, SIZE + 1, 0x7fffffff, 0xffffffff };
    struct acpi_root root = opened();
    struct acpi_madt madt;

    (void)state;
    for (size_t i = 0; i < sizeof length / sizeof length[0]; i++) {
        le32_write(phys + MADT + 4, length[i]);
        assert_int_equal(acpi_read_madt(&root, &madt, &why), ERR_INVAL);
    }
    setup(NULL);
    phys[MADT + 50]++;
    assert_int_equal(acpi_read_madt(&root, &madt, &why), ERR_INVAL);
    assert_string_equal(why, "an ACPI table's checksum is wrong");
    phys[XSDT + 40]++;
    assert_int_equal(acpi_open(&root, memory, rsdp, sizeof rsdp, &why), ERR_INVAL);
    assert_string_equal(why, "an ACPI table's checksum is wrong");
    memcpy(phys + XSDT, "XSDX", 4);
    seal(XSDT);
    assert_int_equal(acpi_open(&root, memory, rsdp, sizeof rsdp, &why), ERR_INVAL);
    assert_string_equal(why, "an ACPI table has the wrong signature");
}

static void a_table_out_of_reach_hides_only_itself(void **state)
{
    struct acpi_root root;
    struct acpi_fadt fadt;
    struct acpi_madt madt;

    (void)state;
    le64_write(phys + XSDT + 36, UINT64_MAX - 8); /* the MADT's entry */
    seal(XSDT);
    root = opened();
    assert_int_equal(acpi_read_fadt(&root, &fadt, &why), ERR_NONE);
    assert_int_equal(acpi_read_madt(&root, &madt, &why), ERR_INVAL);
    le64_write(phys + XSDT + 36, BASE + SIZE - 20);
    seal(XSDT);
    assert_int_equal(acpi_read_fadt(&root, &fadt, &why), ERR_NONE);
}

static void madt_gives_interrupt_routing_and_cpus(void **state)
{
    struct acpi_root root = opened();
    struct acpi_madt m;

    (void)state;
    assert_int_equal(acpi_read_madt(&root, &m, &why), ERR_NONE);
    assert_int_equal(m.lapic.v, 0xfee00000);
    assert_int_equal(m.cpu_count, 2);
    assert_true(m.has_ioapic);
    assert_int_equal(m.ioapic_id, 5);
    assert_int_equal(m.ioapic.v, 0xfec00000);
    assert_int_equal(m.ioapic_gsi, 0);
    assert_int_equal(m.isa[0].gsi, 2);
    assert_false(m.isa[0].level || m.isa[0].active_low);
    assert_int_equal(m.isa[4].gsi, 4);
    assert_int_equal(m.isa[9].gsi, 20);
    assert_true(m.isa[9].level && m.isa[9].active_low);
}

static void refuses_madt_entries_of_wrong_length(void **state)
{
    static const uint8_t entry_at[] = { 44, 60, 76, 88, 100, 130 };
    struct acpi_root root = opened();
    struct acpi_madt m;

    (void)state;
    for (size_t i = 0; i < sizeof entry_at; i++) {
        uint8_t *len = phys + MADT + entry_at[i] + 1, saved = *len;

        for (unsigned bad = 0; bad < 2; bad++) {
            *len = (uint8_t)bad;
            seal(MADT);
            assert_int_equal(acpi_read_madt(&root, &m, &why), ERR_INVAL);
        }
        *len = 255;
        seal(MADT);
        assert_int_equal(acpi_read_madt(&root, &m, &why), ERR_INVAL);
        *len = saved;
    }
    phys[MADT + 45] = 7; /* a local APIC's entry that is too short for what it says */
    seal(MADT);
    assert_int_equal(acpi_read_madt(&root, &m, &why), ERR_INVAL);
    /* Cut at every length: good only between two entries. */
    setup(NULL);
    for (uint32_t len = 36; len < 36 + sizeof madt_body; len++) {
        le32_write(phys + MADT + 4, len);
        seal(MADT);
        assert_true(acpi_read_madt(&root, &m, &why) == ERR_INVAL || len >= 44);
    }
}

static void fadt_gives_reset_and_power_ports(void **state)
{
    struct acpi_root root = opened();
    struct acpi_fadt f;

    (void)state;
    assert_int_equal(acpi_read_fadt(&root, &f, &why), ERR_NONE);
    assert_false(f.hardware_reduced);
    assert_true(f.can_reset);
    assert_int_equal(f.reset_space, ACPI_SPACE_IO);
    assert_int_equal(f.reset_addr, 0xcf9);
    assert_int_equal(f.reset_value, 6);
    assert_int_equal(f.pm1a_cnt, 0x404);
    assert_int_equal(f.pm1b_cnt, 0);
    assert_int_equal(f.smi_cmd, 0xb2);
    assert_int_equal(f.acpi_enable, 0xa1);
    assert_int_equal(f.pm_timer, 0x408);
    assert_true(f.pm_timer_32bit);
    assert_int_equal(f.dsdt.v, BASE + DSDT);
}

static void fadt_extended_fields_win(void **state)
{
    struct acpi_root root = opened();
    struct acpi_fadt f;

    (void)state;
    le64_write(phys + FADT + 140, UINT64_C(0x100000000));
    phys[FADT + 172] = ACPI_SPACE_IO;
    le64_write(phys + FADT + 176, 0x1804);
    phys[FADT + 184] = ACPI_SPACE_MEMORY;
    le64_write(phys + FADT + 188, 0x1900);
    phys[FADT + 208] = ACPI_SPACE_IO;
    le64_write(phys + FADT + 212, 0x10808); /* no port */
    seal(FADT);
    assert_int_equal(acpi_read_fadt(&root, &f, &why), ERR_NONE);
    assert_int_equal(f.dsdt.v, UINT64_C(0x100000000));
    assert_int_equal(f.pm1a_cnt, 0x1804);
    assert_int_equal(f.pm1b_cnt, 0);
    assert_int_equal(f.pm_timer, 0);
}

static void fadt_of_every_length_is_safe(void **state)
{
    struct acpi_root root = opened();
    struct acpi_fadt f;

    (void)state;
    for (uint32_t len = 36; len <= 268; len++) {
        le32_write(phys + FADT + 4, len);
        seal(FADT);
        assert_int_equal(acpi_read_fadt(&root, &f, &why), len < 116 ? ERR_INVAL : ERR_NONE);
        assert_int_equal(len >= 116 && f.can_reset, len > 128);
    }
}

static void s5_is_found_behind_false_ones(void **state)
{
    struct acpi_root root = opened();
    struct acpi_s5 s5;

    (void)state;
    assert_int_equal(acpi_read_s5(&root, HPA(BASE + DSDT), &s5, &why), ERR_NONE);
    assert_int_equal(s5.slp_typ_a, 5);
    assert_int_equal(s5.slp_typ_b, 1);
}

static void s5_constants_of_every_kind_are_read(void **state)
{
    static const struct {
        uint8_t aml[20];
        uint8_t len, a, b;
    } row[] = {
        {{ 8, '_', 'S', '5', '_', 0x12, 6, 2, 0x0a, 7, 0x0a, 6 },               12, 7, 6},
        { { 8, '_', 'S', '5', '_', 0x12, 4, 2, 0, 1 },                          10, 0, 1},
        { { 8, '_', 'S', '5', '_', 0x12, 7, 2, 0x0b, 4, 0, 0xff },              13, 4, 7},
        { { 8, '_', 'S', '5', '_', 0x12, 10, 2, 0x0c, 3, 0, 0, 0, 0x0a, 2, 0 }, 16, 3, 2},
 /* A package length of two and of four bytes. */
        { { 8, '_', 'S', '5', '_', 0x12, 0x45, 0, 2, 1, 0 },                    11, 1, 0},
        { { 8, '_', 'S', '5', '_', 0x12, 0xc7, 0, 0, 0, 2, 0, 1 },              13, 0, 1},
    };
    struct acpi_root root = opened();
    struct acpi_s5 s5;

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        put_table(DSDT, "DSDT", row[i].aml, row[i].len);
        assert_int_equal(acpi_read_s5(&root, HPA(BASE + DSDT), &s5, &why), ERR_NONE);
        assert_int_equal(s5.slp_typ_a, row[i].a);
        assert_int_equal(s5.slp_typ_b, row[i].b);
        for (uint32_t len = 0; len < 8; len++) { /* cut before the second value */
            put_table(DSDT, "DSDT", row[i].aml, len);
            assert_int_equal(acpi_read_s5(&root, HPA(BASE + DSDT), &s5, &why), ERR_INVAL);
        }
    }
}

static void s5_packages_that_lie_are_refused(void **state)
{
    static const uint8_t row[][16] = {
        {8,     '_', 'S', '5',    '_',   0x12,   0x3f,       2,        1,    1               }, /* longer than the table */
        { 8,    '_', 'S', '5',    '_',   0x12,   0xcf,       0xff,     0xff, 0xff,             2 }, /* likewise */
        { 8,    '_',      'S',   '5', '_', 0x12,    0,          2,              1,        1         }, /* shorter than its length */
        { 8,    '_',      'S',   '5', '_', 0x12,    0x40,          0,           2,     1,  1 }, /* likewise */
        { 8,    '_',      'S',        '5',        '_',     0x12, 3, 2, 1,    1                 }, /* ends before SLP_TYPb */
        { 8,    '_',      'S',        '5',        '_',     0x12, 4, 1, 1, 1}, /* one element */
        { 8,    '_',      'S',        '5',        '_',     0x12, 5, 2, 1,    0x0c,                     1 }, /* ends inside a number */
        { 8, '_',   'S',     '5',          '_',            0x12,             5,                2,            'A','B','C' }, /* no numbers */
        { 8,  '_',  'S',  '4',       '_',           0x12,             4,                   2,            1,          1                               }, /* another state */
    };
    struct acpi_root root = opened();
    struct acpi_s5 s5;

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        put_table(DSDT, "DSDT", row[i], 16);
        assert_int_equal(acpi_read_s5(&root, HPA(BASE + DSDT), &s5, &why), ERR_INVAL);
        assert_string_equal(why, "the ACPI DSDT has no _S5 package");
    }
    assert_int_equal(acpi_read_s5(&root, HPA(0), &s5, &why), ERR_INVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(prefers_the_xsdt_and_takes_the_rsdt, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_a_bad_root_pointer, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_bad_tables, setup, teardown),
        cmocka_unit_test_setup_teardown(a_table_out_of_reach_hides_only_itself, setup, teardown),
        cmocka_unit_test_setup_teardown(madt_gives_interrupt_routing_and_cpus, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_madt_entries_of_wrong_length, setup, teardown),
        cmocka_unit_test_setup_teardown(fadt_gives_reset_and_power_ports, setup, teardown),
        cmocka_unit_test_setup_teardown(fadt_extended_fields_win, setup, teardown),
        cmocka_unit_test_setup_teardown(fadt_of_every_length_is_safe, setup, teardown),
        cmocka_unit_test_setup_teardown(s5_is_found_behind_false_ones, setup, teardown),
        cmocka_unit_test_setup_teardown(s5_constants_of_every_kind_are_read, setup, teardown),
        cmocka_unit_test_setup_teardown(s5_packages_that_lie_are_refused, setup, teardown),
    };
    return cmocka_run_group_tests_name("acpi", tests, NULL, NULL);
}
