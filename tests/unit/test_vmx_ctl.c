#include "lib/log.h"
#include "lib/panic.h"
#include "unit.h"
#include "vmx/vmx_bits.h"
#include "vmx/vmx_ctl.h"

#include <stdlib.h>
#include <string.h>

/* May-be-1 in the high half, must-be-1 in the low half: a CPU that allows all and forces nothing
 * but the bits that are 1 on every CPU (Intel SDM vol. 3, appendix "Reserved Controls and Default
 * Settings"). */
#define CAP(must) (UINT64_C(0xffffffff) << 32 | (must))
static const struct vmx_limits good = {
    .pin_ctls = CAP(0x16),
    .proc_ctls = CAP(0x04006172),
    .proc2_ctls = CAP(0),
    .exit_ctls = CAP(0x00036dfb),
    .entry_ctls = CAP(0x000011fb),
};

static struct vmx_limits caps;
static struct vmx_ctls out;
static struct preflight report;

static int setup(void **state)
{
    (void)state;
    caps = good;
    memset(&report, 0, sizeof report);
    return 0;
}

static bool negotiate(void)
{
    report = (struct preflight){ .present = true };
    return vmx_ctl_negotiate(&caps, &out, &report);
}

/* What pxHV cannot do without, and where its absence is to be seen. */
static const struct {
    size_t word;
    uint32_t bit;
} need[] = {
#define IN(word) offsetof(struct vmx_limits, word##_ctls)
    { IN(pin), VMX_PIN_EXTINT },          { IN(pin), VMX_PIN_NMI },
    { IN(pin), VMX_PIN_VIRTUAL_NMIS },    { IN(pin), VMX_PIN_TIMER },
    { IN(proc), VMX_PROC_HLT },           { IN(proc), VMX_PROC_MWAIT },
    { IN(proc), VMX_PROC_MONITOR },       { IN(proc), VMX_PROC_RDPMC },
    { IN(proc), VMX_PROC_CR8_LOAD },      { IN(proc), VMX_PROC_CR8_STORE },
    { IN(proc), VMX_PROC_IO_BITMAPS },    { IN(proc), VMX_PROC_MSR_BITMAPS },
    { IN(proc), VMX_PROC_PROC2 },         { IN(proc2), VMX_PROC2_EPT },
    { IN(exit), VMX_EXIT_HOST_64BIT },    { IN(exit), VMX_EXIT_SAVE_DEBUG },
    { IN(exit), VMX_EXIT_SAVE_EFER },     { IN(exit), VMX_EXIT_LOAD_EFER },
    { IN(exit), VMX_EXIT_SAVE_PAT },      { IN(exit), VMX_EXIT_LOAD_PAT },
    { IN(entry), VMX_ENTRY_LOAD_DEBUG },  { IN(entry), VMX_ENTRY_LOAD_EFER },
    { IN(entry), VMX_ENTRY_LOAD_PAT },
}, never[] = {
    { IN(proc), VMX_PROC_CR3_LOAD },      { IN(proc), VMX_PROC_CR3_STORE },
    { IN(proc), VMX_PROC_INVLPG },        { IN(proc), VMX_PROC_RDTSC },
    { IN(proc), VMX_PROC_INTR_WINDOW },   { IN(proc), VMX_PROC_NMI_WINDOW },
}, want[] = {
    { IN(proc2), VMX_PROC2_VPID },        { IN(proc2), VMX_PROC2_UNRESTRICTED },
    { IN(proc2), VMX_PROC2_RDTSCP },      { IN(proc2), VMX_PROC2_INVPCID },
};

static uint64_t *cap_word(size_t word)
{
    return (uint64_t *)(void *)((uint8_t *)&caps + word);
}

static uint32_t chosen(size_t word)
{
    return word == IN(pin)     ? out.pin
           : word == IN(proc)  ? out.proc
           : word == IN(proc2) ? out.proc2
           : word == IN(exit)  ? out.exit
                               : out.entry;
}

static void a_good_cpu_gets_all_and_no_complaint(void **state)
{
    (void)state;
    assert_true(negotiate());
    assert_int_equal(report.count, 0);
    assert_true(preflight_ok(&report));
    for (unsigned i = 0; i < ARRAY_SIZE(need); i++) {
        assert_true(chosen(need[i].word) & need[i].bit);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(want); i++) {
        assert_true(chosen(want[i].word) & want[i].bit);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(never); i++) {
        assert_false(chosen(never[i].word) & never[i].bit);
    }
}

/* A bit that nobody asked for is off, however much the CPU offers. */
static void nothing_else_is_turned_on(void **state)
{
    static const uint32_t pin = 0x16, proc = 0x04006172, exit = 0x00036dfb, entry = 0x000011fb;

    (void)state;
    assert_true(negotiate());
    assert_int_equal(out.pin, pin | 0x69);
    assert_int_equal(out.proc, proc | VMX_PROC_HLT | VMX_PROC_MWAIT | VMX_PROC_MONITOR |
                                   VMX_PROC_RDPMC | VMX_PROC_CR8_LOAD | VMX_PROC_CR8_STORE |
                                   VMX_PROC_IO_BITMAPS | VMX_PROC_MSR_BITMAPS | VMX_PROC_PROC2);
    assert_int_equal(out.proc2, VMX_PROC2_EPT | VMX_PROC2_VPID | VMX_PROC2_UNRESTRICTED |
                                    VMX_PROC2_RDTSCP | VMX_PROC2_INVPCID);
    assert_int_equal(out.exit, exit | 0x3c0204);
    assert_int_equal(out.entry, entry | 0xc004);
}

static void what_the_cpu_forces_is_on(void **state)
{
    (void)state;
    caps.pin_ctls |= VMX_PIN_POSTED_INTR;
    caps.proc_ctls |= VMX_PROC_PAUSE;
    caps.proc2_ctls |= VMX_PROC2_WBINVD;
    caps.exit_ctls |= VMX_EXIT_ACK_INTR;
    caps.entry_ctls |= VMX_ENTRY_LOAD_PERF;
    assert_true(negotiate());
    assert_true((out.pin & VMX_PIN_POSTED_INTR) && (out.proc & VMX_PROC_PAUSE) &&
                (out.proc2 & VMX_PROC2_WBINVD) && (out.exit & VMX_EXIT_ACK_INTR) &&
                (out.entry & VMX_ENTRY_LOAD_PERF));
}

static void each_missing_need_is_refused_and_named(void **state)
{
    const char *seen[ARRAY_SIZE(need)];

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(need); i++) {
        caps = good;
        *cap_word(need[i].word) &= ~((uint64_t)need[i].bit << 32);
        *cap_word(need[i].word) &= ~(uint64_t)need[i].bit;
        assert_false(negotiate());
        assert_int_equal(report.count, 1);
        assert_true(report.item[0].required && !report.item[0].ok);
        assert_false(preflight_ok(&report));
        assert_false(chosen(need[i].word) & need[i].bit);
        seen[i] = report.item[0].what;
        for (unsigned k = 0; k < i; k++) {
            assert_string_not_equal(seen[k], seen[i]);
        }
    }
}

static void each_exit_that_is_forced_on_is_refused_and_named(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(never); i++) {
        caps = good;
        *cap_word(never[i].word) |= never[i].bit;
        assert_false(negotiate());
        assert_int_equal(report.count, 1);
        assert_true(report.item[0].required && !report.item[0].ok);
        assert_non_null(report.item[0].advice);
    }
}

static void a_missing_wish_is_told_and_borne(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(want); i++) {
        caps = good;
        *cap_word(want[i].word) &= ~((uint64_t)want[i].bit << 32);
        assert_true(negotiate());
        assert_int_equal(report.count, 1);
        assert_false(report.item[0].required || report.item[0].ok);
        assert_true(preflight_ok(&report));
        assert_false(chosen(want[i].word) & want[i].bit);
    }
}

static void a_cpu_without_anything_fills_the_report_and_no_more(void **state)
{
    (void)state;
    memset(&caps, 0, sizeof caps);
    assert_false(negotiate());
    assert_int_equal(report.count, ARRAY_SIZE(need) + ARRAY_SIZE(want));
}

static void a_report_is_not_needed(void **state)
{
    (void)state;
    assert_true(vmx_ctl_negotiate(&caps, &out, NULL));
    caps.proc2_ctls = 0;
    caps.proc_ctls |= VMX_PROC_INVLPG;
    assert_false(vmx_ctl_negotiate(&caps, &out, NULL));
    assert_int_equal(out.proc2, 0);
}

static void feature_control_is_open_on_or_off(void **state)
{
    (void)state;
    assert_int_equal(vmx_feature_control(0), VMX_LOCK_OPEN);
    assert_int_equal(vmx_feature_control(4), VMX_LOCK_OPEN); /* allowed, but not locked */
    assert_int_equal(vmx_feature_control(1), VMX_LOCK_OFF);
    assert_int_equal(vmx_feature_control(3), VMX_LOCK_OFF); /* only inside SMX */
    assert_int_equal(vmx_feature_control(5), VMX_LOCK_ON);
    assert_int_equal(vmx_feature_control(0xff07), VMX_LOCK_ON);
}

_Noreturn void panic(const char *fmt, ...)
{
    fail_msg("%s", fmt);
    abort();
}

void log_print(enum log_level level, const char *fmt, ...)
{
    (void)level;
    (void)fmt;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_good_cpu_gets_all_and_no_complaint, setup),
        cmocka_unit_test_setup(nothing_else_is_turned_on, setup),
        cmocka_unit_test_setup(what_the_cpu_forces_is_on, setup),
        cmocka_unit_test_setup(each_missing_need_is_refused_and_named, setup),
        cmocka_unit_test_setup(each_exit_that_is_forced_on_is_refused_and_named, setup),
        cmocka_unit_test_setup(a_missing_wish_is_told_and_borne, setup),
        cmocka_unit_test_setup(a_cpu_without_anything_fills_the_report_and_no_more, setup),
        cmocka_unit_test_setup(a_report_is_not_needed, setup),
        cmocka_unit_test(feature_control_is_open_on_or_off),
    };
    return cmocka_run_group_tests_name("vmx_ctl", tests, NULL, NULL);
}
