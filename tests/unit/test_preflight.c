#include "hv/preflight.h"
#include "lib/log.h"
#include "lib/panic.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char lines[1024]; /* "E text|I text|" */
static struct preflight p;

void log_print(enum log_level level, const char *fmt, ...)
{
    size_t at = strlen(lines);
    va_list ap;

    lines[at] = "EWID"[level];
    va_start(ap, fmt);
    at += 1 + (size_t)vsnprintf(lines + at + 1, sizeof lines - at - 2, fmt, ap);
    va_end(ap);
    lines[at] = '|';
}

_Noreturn void panic(const char *fmt, ...)
{
    mock_assert(0, fmt, __FILE__, __LINE__);
    abort();
}

static int setup(void **state)
{
    (void)state;
    memset(lines, 0, sizeof lines);
    p = (struct preflight){ .present = true };
    return 0;
}

static void all_required_items_make_it_good(void **state)
{
    (void)state;
    assert_true(preflight_ok(&p));
    preflight_add(&p, "a", true, true, NULL);
    preflight_add(&p, "b", false, false, NULL);
    assert_true(preflight_ok(&p));
    preflight_add(&p, "c", false, true, "do this");
    preflight_add(&p, "d", true, true, NULL);
    assert_false(preflight_ok(&p));
}

static void a_cpu_without_the_extension_is_never_good(void **state)
{
    (void)state;
    p.present = false;
    preflight_add(&p, "a", true, true, NULL);
    assert_false(preflight_ok(&p));
}

static void all_that_is_missing_is_logged_with_its_advice(void **state)
{
    (void)state;
    preflight_add(&p, "a", true, true, "no");
    preflight_add(&p, "b", false, false, NULL);
    preflight_add(&p, "c", false, true, "turn it on");
    preflight_add(&p, "d", false, true, NULL);
    preflight_log(&p);
    assert_string_equal(lines, "Ib: missing|Ec: missing; turn it on|Ed: missing|");
}

static void one_item_too_many_is_our_bug(void **state)
{
    (void)state;
    for (unsigned i = 0; i < PREFLIGHT_MAX; i++) {
        preflight_add(&p, "a", true, true, NULL);
    }
    assert_int_equal(p.count, PREFLIGHT_MAX);
    expect_assert_failure(preflight_add(&p, "a", true, true, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(all_required_items_make_it_good, setup),
        cmocka_unit_test_setup(a_cpu_without_the_extension_is_never_good, setup),
        cmocka_unit_test_setup(all_that_is_missing_is_logged_with_its_advice, setup),
        cmocka_unit_test_setup(one_item_too_many_is_our_bug, setup),
    };
    return cmocka_run_group_tests_name("preflight", tests, NULL, NULL);
}
