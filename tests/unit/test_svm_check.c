#include "arch/x86_64/cpu.h"
#include "hv/regs.h"
#include "lib/log.h"
#include "svm/svm.h"
#include "svm/svm_check.h"
#include "unit.h"
#include <stdio.h>
#include <string.h>

/* A rule is tested by a good VMCB with one thing changed: a row says what changes, and the
 * one sentence that must come out. */

enum { PHYS_BITS = 40, MAX_BROKEN = 32 };
#define BEYOND BIT(PHYS_BITS)

static struct vmcb c;
static const char *broken[MAX_BROKEN];

static struct {
    char text[MAX_BROKEN][100];
    unsigned lines;
} logged;

void log_print(enum log_level level, const char *fmt, ...)
{
    va_list ap;

    assert_int_equal(level, LOG_ERROR);
    assert_true(logged.lines < MAX_BROKEN);
    va_start(ap, fmt);
    vsnprintf(logged.text[logged.lines++], sizeof logged.text[0], fmt, ap);
    va_end(ap);
}

struct cpuid_regs cpu_cpuid(uint32_t leaf, uint32_t subleaf)
{
    assert_int_equal(leaf, 0x80000008);
    assert_int_equal(subleaf, 0);
    return (struct cpuid_regs){ .eax = 0x3000 | PHYS_BITS };
}

static void long_mode(void)
{
    c = (struct vmcb){
        .intercepts = {0,         1,             0                  },
        .iopm = BEYOND - 0x3000,
        .msrpm = BEYOND - 0x2000,
        .asid = 1,
        .nested_ctl = VMCB_NP,
        .nested_cr3 = BEYOND - 0x1000,
        .cs = { .sel = 8, .attr = 0xa9b, .limit = UINT32_MAX},
        .efer = EFER_SVME | EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE,
        .cr4 = CR4_PAE | CR4_MCE | CR4_PCIDE | CR4_SMEP | CR4_OSXSAVE,
        .cr3 = BEYOND - 1,
        .cr0 = CR0_PE | CR0_PG | CR0_ET | CR0_NE | CR0_WP,
        .dr7 = 0x400,
        .dr6 = 0xffff0ff0,
        .rflags = 2,
        .pat = 0x0007040600070406,
    };
}

static void real_mode(void)
{
    long_mode();
    c.efer = EFER_SVME;
    c.cr0 = CR0_ET;
    c.cr3 = c.cr4 = 0;
    c.cs = (struct vmcb_seg){ .sel = 0xf000, .attr = 0x9b, .limit = 0xffff, .base = 0xf0000 };
}

static unsigned check(void)
{
    return svm_check(&c, PHYS_BITS, broken, MAX_BROKEN);
}

struct change {
    size_t offset, size;
    uint64_t flip; /* these bits are inverted */
};

#define FLIP(m, v)                                                                                 \
    {                                                                                              \
        offsetof(struct vmcb, m), sizeof(((struct vmcb *)0)->m), (v)                               \
    }
#define EVENT(type, vector) FLIP(event, VMCB_EVENT_VALID | (type) << 8 | (vector))

/* clang-format off */
static const struct {
    const char *text;
    struct change change;
} rows[] = {
    { "EFER: SVME must be 1", FLIP(efer, EFER_SVME) },
    { "EFER: reserved bits must be 0", FLIP(efer, BIT(9)) },
    { "EFER: reserved bits must be 0", FLIP(efer, BIT(22)) },
    { "EFER: reserved bits must be 0", FLIP(efer, BIT(63)) },
    { "CR0: NW needs CD", FLIP(cr0, CR0_NW) },
    { "CR0: bits 63:32 must be 0", FLIP(cr0, BIT(32)) },
    { "CR0: bits 63:32 must be 0", FLIP(cr0, BIT(63)) },
    { "CR3: no bit may be set beyond the physical width", FLIP(cr3, BEYOND) },
    { "CR3: no bit may be set beyond the physical width", FLIP(cr3, 2 * BEYOND - 1) }, /* only it */
    { "CR3: no bit may be set beyond the physical width", FLIP(cr3, BIT(63)) },
    { "CR4: bits 63:32 and reserved bits must be 0", FLIP(cr4, CR4_VMXE) },
    { "CR4: bits 63:32 and reserved bits must be 0", FLIP(cr4, BIT(15)) },
    { "CR4: bits 63:32 and reserved bits must be 0", FLIP(cr4, BIT(32)) },
    { "DR6: bits 63:32 must be 0", FLIP(dr6, BIT(32)) },
    { "DR7: bits 63:32 must be 0", FLIP(dr7, BIT(63)) },
    { "CR4: PAE must be 1 in long mode (EFER.LME with CR0.PG)", FLIP(cr4, CR4_PAE) },
    { "CR0: PE must be 1 in long mode (EFER.LME with CR0.PG)", FLIP(cr0, CR0_PE) },
    { "CS: L and D must not both be 1 in long mode", FLIP(cs.attr, BIT(10)) },
    { "intercepts: VMRUN must be one of them", FLIP(intercepts[1], 1) },
    { "I/O permission map: must end within the physical width", FLIP(iopm, 0x3000) },
    { "I/O permission map: must end within the physical width", FLIP(iopm, BIT(63)) },
    { "MSR permission map: must end within the physical width", FLIP(msrpm, 0x1000) },
    { "MSR permission map: must end within the physical width", FLIP(msrpm, BEYOND) },
    { "ASID: must not be 0, which is the host's", FLIP(asid, 1) },
    { "injected event: the type must not be reserved", EVENT(1u, 0x30) },
    { "injected event: the type must not be reserved", EVENT(5u, 0x30) },
    { "injected event: the type must not be reserved", EVENT(7u, 0x30) },
    { "injected event: an exception must have one's vector (0 to 31, and 2 is the NMI)",
      EVENT(3u, 2) },
    { "injected event: an exception must have one's vector (0 to 31, and 2 is the NMI)",
      EVENT(3u, 32) },
    { "nested CR3: no bit may be set beyond the physical width", FLIP(nested_cr3, BEYOND) },
    { "nested CR3: no bit may be set beyond the physical width", FLIP(nested_cr3, 2 * BEYOND - 0x1000) },
    { "PAT: each byte must be a memory type if paging is nested", FLIP(pat, 8) },
    { "PAT: each byte must be a memory type if paging is nested", FLIP(pat, UINT64_C(2) << 56) },
    { "PAT: each byte must be a memory type if paging is nested", FLIP(pat, UINT64_C(3) << 24) },
};
/* clang-format on */

static void apply(const struct change *change)
{
    char *at = (char *)&c + change->offset;
    uint64_t value = 0;

    memcpy(&value, at, change->size);
    value ^= change->flip;
    memcpy(at, &value, change->size);
}

static void a_good_vmcb_breaks_no_rule(void **state)
{
    (void)state;
    long_mode();
    assert_int_equal(check(), 0);
    real_mode();
    assert_int_equal(check(), 0);
    c.cr0 |= CR0_CD | CR0_NW; /* as after a reset */
    assert_int_equal(check(), 0);
    c.cr0 |= CR0_PG; /* paged real mode, which only VMRUN can enter */
    assert_int_equal(check(), 0);
}

static void each_mutation_is_named_by_its_rule_and_no_other(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        unsigned n;

        long_mode();
        apply(&rows[i].change);
        n = check();
        if (n != 1 || strcmp(broken[0], rows[i].text) != 0) {
            fail_msg("%u broken, first '%s', not '%s'", n, n ? broken[0] : "", rows[i].text);
        }
    }
}

static void every_rule_has_a_mutation(void **state)
{
    (void)state;
    for (size_t i = 0; i < svm_rule_count; i++) {
        unsigned j = 0;

        while (j < ARRAY_SIZE(rows) && strcmp(rows[j].text, svm_rules[i].text) != 0) {
            j++;
        }
        if (j == ARRAY_SIZE(rows)) {
            fail_msg("no mutation for: %s", svm_rules[i].text);
        }
    }
}

static void events_that_the_manual_allows_break_no_rule(void **state)
{
    static const uint16_t event[] = { 0x0ff, 0x202, 0x300, 0x31f, 0x303, 0x480 };

    (void)state;
    long_mode();
    for (unsigned i = 0; i < ARRAY_SIZE(event); i++) {
        c.event = VMCB_EVENT_VALID | event[i];
        assert_int_equal(check(), 0);
    }
    c.event = 0x5ff; /* no event at all */
    assert_int_equal(check(), 0);
}

static void rules_of_what_is_off_do_not_count(void **state)
{
    (void)state;
    long_mode();
    c.nested_ctl = 0;
    c.nested_cr3 = c.pat = UINT64_MAX;
    assert_int_equal(check(), 0);
    real_mode();
    c.cs.attr |= BIT(9) | BIT(10);
    c.efer |= EFER_LME;
    assert_int_equal(check(), 0);
}

static void the_low_bits_of_a_map_do_not_count(void **state)
{
    (void)state;
    long_mode();
    c.iopm |= 0xfff;
    c.msrpm |= 0xfff;
    assert_int_equal(check(), 0);
}

static void all_are_counted_and_only_as_many_named_as_fit(void **state)
{
    (void)state;
    memset(&c, 0, sizeof c);
    broken[1] = "untouched";
    assert_int_equal(svm_check(&c, PHYS_BITS, broken, 1), 3); /* SVME, VMRUN, ASID */
    assert_string_equal(broken[0], "EFER: SVME must be 1");
    assert_string_equal(broken[1], "untouched");
}

static void a_refusal_is_told_in_words(void **state)
{
    (void)state;
    long_mode();
    c.asid = 0;
    c.cr3 |= BEYOND;
    logged.lines = 0;
    svm_report_refusal(&c);
    assert_int_equal(logged.lines, 3);
    assert_string_equal(logged.text[0], "svm: VMRUN refused the VMCB (VMEXIT_INVALID)");
    assert_string_equal(logged.text[1],
                        "svm: broken rule: CR3: no bit may be set beyond the physical width");
    assert_string_equal(logged.text[2],
                        "svm: broken rule: ASID: must not be 0, which is the host's");
}

static void a_refusal_for_no_known_reason_says_so(void **state)
{
    (void)state;
    long_mode();
    logged.lines = 0;
    svm_report_refusal(&c);
    assert_int_equal(logged.lines, 2);
    assert_string_equal(logged.text[1], "svm: no rule that pxHV knows is broken");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_vmcb_breaks_no_rule),
        cmocka_unit_test(each_mutation_is_named_by_its_rule_and_no_other),
        cmocka_unit_test(every_rule_has_a_mutation),
        cmocka_unit_test(events_that_the_manual_allows_break_no_rule),
        cmocka_unit_test(rules_of_what_is_off_do_not_count),
        cmocka_unit_test(the_low_bits_of_a_map_do_not_count),
        cmocka_unit_test(all_are_counted_and_only_as_many_named_as_fit),
        cmocka_unit_test(a_refusal_is_told_in_words),
        cmocka_unit_test(a_refusal_for_no_known_reason_says_so),
    };
    return cmocka_run_group_tests_name("svm_check", tests, NULL, NULL);
}
