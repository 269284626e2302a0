#include "hv/dump_line.h"
#include "lib/bits.h"
#include "lib/log.h"
#include "svm/vmcb_dump.h"
#include "unit.h"
#include <stdio.h>
#include <string.h>

static struct {
    char text[0x4000]; /* each line between '\n' */
    size_t used;
    unsigned lines;
} logged;

void log_print(enum log_level level, const char *fmt, ...)
{
    va_list ap;
    int len;

    assert_int_equal(level, LOG_ERROR);
    va_start(ap, fmt);
    len = vsnprintf(logged.text + logged.used, sizeof logged.text - logged.used, fmt, ap);
    va_end(ap);
    assert_true(len > 0 && len < DUMP_LINE_SIZE);
    logged.used += (size_t)len;
    logged.text[logged.used++] = '\n';
    logged.lines++;
    assert_true(logged.used < sizeof logged.text);
}

static int forget(void **state)
{
    (void)state;
    memset(&logged, 0, sizeof logged);
    return 0;
}

struct gap {
    size_t offset, size;
};
#define GAP(m)                                                                                     \
    {                                                                                              \
        offsetof(struct vmcb, m), sizeof(((struct vmcb *)0)->m)                                    \
    }

/* AMD APM vol. 2, "Layout of VMCB": of GDTR and IDTR there are only limit and base. */
static const struct gap reserved[] = {
    GAP(reserved_018), GAP(reserved_0e0), GAP(reserved_4a0), GAP(reserved_4cc), GAP(reserved_4d8),
    GAP(reserved_580), GAP(reserved_5e0), GAP(reserved_648), GAP(reserved_698), GAP(gdtr.sel),
    GAP(gdtr.attr),    GAP(idtr.sel),     GAP(idtr.attr),
};

static void claim(uint8_t taken[sizeof(struct vmcb)], size_t offset, size_t size)
{
    assert_true(offset + size <= sizeof(struct vmcb));
    for (size_t i = offset; i < offset + size; i++) {
        if (taken[i]++) {
            fail_msg("byte %#zx is in two fields", i);
        }
    }
}

static void each_byte_is_reserved_or_in_one_field(void **state)
{
    static uint8_t taken[sizeof(struct vmcb)];

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(reserved); i++) {
        claim(taken, reserved[i].offset, reserved[i].size);
    }
    for (size_t i = 0; i < vmcb_field_count; i++) {
        assert_in_range(vmcb_fields[i].size, 1, 8);
        claim(taken, vmcb_fields[i].offset, vmcb_fields[i].size);
    }
    for (size_t i = 0; i < sizeof taken; i++) {
        if (!taken[i]) {
            fail_msg("byte %#zx is in no field", i);
        }
    }
}

static void no_name_occurs_twice(void **state)
{
    (void)state;
    for (size_t i = 0; i < vmcb_field_count; i++) {
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(vmcb_fields[i].name, vmcb_fields[j].name);
        }
    }
}

/* Offsets as the manual has them. */
static void known_fields_are_where_they_belong(void **state)
{
    static const struct vmcb_field known[] = {
        {"CR_READS",        0x000, 2},
        { "DR_ACCESSES",    0x004, 4},
        { "INTERCEPTS1",    0x010, 4},
        { "PAUSE_COUNT",    0x03e, 2},
        { "MSRPM",          0x048, 8},
        { "TSC_OFFSET",     0x050, 8},
        { "ASID",           0x058, 4},
        { "EXIT_CODE",      0x070, 8},
        { "EXIT_INFO1",     0x078, 8},
        { "EXIT_INT_INFO",  0x088, 8},
        { "EVENT",          0x0a8, 8},
        { "NESTED_CR3",     0x0b0, 8},
        { "LBR_CTL",        0x0b8, 8},
        { "NEXT_RIP",       0x0c8, 8},
        { "INSN_COUNT",     0x0d0, 1},
        { "ES_SEL",         0x400, 2},
        { "CS_ATTR",        0x412, 2},
        { "SS_LIMIT",       0x424, 4},
        { "DS_BASE",        0x438, 8},
        { "GDTR_LIMIT",     0x464, 4},
        { "LDTR_SEL",       0x470, 2},
        { "IDTR_BASE",      0x488, 8},
        { "TR_BASE",        0x498, 8},
        { "CPL",            0x4cb, 1},
        { "EFER",           0x4d0, 8},
        { "CR3",            0x550, 8},
        { "DR6",            0x568, 8},
        { "RFLAGS",         0x570, 8},
        { "RIP",            0x578, 8},
        { "RSP",            0x5d8, 8},
        { "KERNEL_GS_BASE", 0x620, 8},
        { "SYSENTER_EIP",   0x638, 8},
        { "CR2",            0x640, 8},
        { "PAT",            0x668, 8},
        { "DEBUGCTL",       0x670, 8},
        { "EXCEPTION_TO",   0x690, 8},
    };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(known); i++) {
        size_t j = 0;

        while (j < vmcb_field_count && strcmp(vmcb_fields[j].name, known[i].name) != 0) {
            j++;
        }
        if (j == vmcb_field_count || vmcb_fields[j].offset != known[i].offset ||
            vmcb_fields[j].size != known[i].size) {
            fail_msg("%s", known[i].name);
        }
    }
}

/* Each byte differs from the ones around it. */
static void the_dump_has_every_field_with_its_value(void **state)
{
    static union {
        struct vmcb vmcb;
        uint8_t bytes[sizeof(struct vmcb)];
    } u;
    char item[100];

    (void)state;
    for (size_t i = 0; i < sizeof u; i++) {
        u.bytes[i] = (uint8_t)(i + 1 + (i >> 8));
    }
    vmcb_dump(&u.vmcb);
    assert_memory_equal(logged.text, "VMCB:\n", 6);
    for (size_t i = 0; i < vmcb_field_count; i++) {
        const struct vmcb_field *f = &vmcb_fields[i];
        uint64_t value = 0;
        const char *found;

        memcpy(&value, u.bytes + f->offset, f->size);
        snprintf(item, sizeof item, " %s=%llx", f->name, (unsigned long long)value);
        found = strstr(logged.text, item);
        if (!found || (found[strlen(item)] != ' ' && found[strlen(item)] != '\n')) {
            fail_msg("not in the dump:%s", item);
        }
    }
}

static void fields_that_are_zero_are_dumped_too(void **state)
{
    static struct vmcb zero;

    (void)state;
    vmcb_dump(&zero);
    assert_non_null(strstr(logged.text, " EXCEPTION_TO=0\n"));
    assert_non_null(strstr(logged.text, " RIP=0 "));
    assert_true(logged.lines < 20); /* several to a line */
}

static void a_line_is_filled_and_then_logged(void **state)
{
    struct dump_line line = { .used = 0 };

    (void)state;
    for (unsigned i = 0; i < 12; i++) { /* 7 bytes each: 11 of them fit into 79 */
        dump_line_add(&line, "ABCD", i % 10);
    }
    assert_int_equal(logged.lines, 1);
    assert_int_equal(logged.used, 78);
    dump_line_end(&line);
    dump_line_end(&line); /* nothing left */
    assert_int_equal(logged.lines, 2);
    assert_string_equal(logged.text + 78, " ABCD=1\n");
}

static void a_line_of_79_characters_is_full(void **state)
{
    struct dump_line line = { .used = 0 };

    (void)state;
    dump_line_add(&line, "A23456789012345678901234567890123456", 0x123);
    dump_line_add(&line, "B234567890123456789012345678901", 0x12345);
    assert_int_equal(logged.lines, 0);
    dump_line_end(&line);
    assert_int_equal(logged.lines, 1);
    assert_int_equal(logged.used, 80);
    dump_line_add(&line, "A23456789012345678901234567890123456", 0x123);
    dump_line_add(&line, "B234567890123456789012345678901", 0x123456);
    assert_int_equal(logged.lines, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_byte_is_reserved_or_in_one_field),
        cmocka_unit_test(no_name_occurs_twice),
        cmocka_unit_test(known_fields_are_where_they_belong),
        cmocka_unit_test_setup(the_dump_has_every_field_with_its_value, forget),
        cmocka_unit_test_setup(fields_that_are_zero_are_dumped_too, forget),
        cmocka_unit_test_setup(a_line_is_filled_and_then_logged, forget),
        cmocka_unit_test_setup(a_line_of_79_characters_is_full, forget),
    };
    return cmocka_run_group_tests_name("vmcb", tests, NULL, NULL);
}
