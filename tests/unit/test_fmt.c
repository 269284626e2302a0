#include "lib/fmt.h"
#include "unit.h"
#include <limits.h>
#include <stdio.h>
#include <string.h>

static char ours[128], theirs[128];

/* The C library is the judge of what a format means. */
#define SAME(...)                                                                                  \
    do {                                                                                           \
        int want = snprintf(theirs, sizeof theirs, __VA_ARGS__);                                   \
        assert_int_equal(fmt_print(ours, sizeof ours, __VA_ARGS__), want);                         \
        assert_string_equal(ours, theirs);                                                         \
    } while (0)

static void numbers_read_as_in_c(void **state)
{
    (void)state;
    SAME("%d %i %d", 0, -1, INT_MIN);
    SAME("%u %x %X", UINT_MAX, 0xdeadbeefu, 0xdeadbeefu);
    SAME("%ld %lu %lx", LONG_MIN, ULONG_MAX, ULONG_MAX);
    SAME("%lld %llu %zu %zx", LLONG_MIN, ULLONG_MAX, SIZE_MAX, (size_t)16);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat" /* arguments wider than their type are the point */
    SAME("%hhu %hhd %hu %hd", 0x1ff, 0x1ff, 0x1ffff, 0x1ffff);
#pragma GCC diagnostic pop
    SAME("%#x %#X %#x", 0xabu, 0xabu, 0u);
}

static void width_and_flags_read_as_in_c(void **state)
{
    (void)state;
    SAME("[%5d] [%-5d] [%05d] [%2d]", 42, 42, -42, 12345);
    SAME("[%016lx] [%#010x] [%#10x] [%-#10x]", 0xabcdUL, 0x1fu, 0x1fu, 0x1fu);
    SAME("[%*d] [%*d] [%0*d]", 6, 42, -6, 42, -6, 42);
    SAME("[%-8s] [%8s] [%2s]", "text", "text", "text");
    SAME("[%3c] [%-3c]", 'x', 'y');
    SAME("100%% [%s]", "");
}

static void precision_cuts_a_string(void **state)
{
    static const char no_nul[3] = { 'a', 'b', 'c' };

    (void)state;
    SAME("[%.2s] [%.9s] [%.0s] [%5.1s]", "text", "text", "text", "text");
    SAME("[%.*s] [%.*s]", 3, no_nul, -1, "whole");
}

static void null_string_and_pointers_have_a_form(void **state)
{
    const char *volatile none = NULL; /* out of the compiler's sight */

    (void)state;
    fmt_print(ours, sizeof ours, "%s %p %p", none, (void *)0x1234abcd, (void *)0);
    assert_string_equal(ours, "(null) 0x1234abcd 0x0");
}

static void never_writes_past_the_buffer(void **state)
{
    char small[6] = "#####";

    (void)state;
    assert_int_equal(fmt_print(small, 4, "%s", "abcdef"), 6);
    assert_memory_equal(small, "abc\0#", 5);
    assert_int_equal(fmt_print(small, 1, "%d", 123), 3);
    assert_memory_equal(small, "\0bc\0#", 5);
    assert_int_equal(fmt_print(NULL, 0, "%05d", 1), 5);
    assert_int_equal(fmt_print(small, 4, "%s", "abc"), 3);
    assert_string_equal(small, "abc");
}

static void a_wrong_format_is_shown_or_ended(void **state)
{
    const char *volatile unknown = "%q|", *volatile cut = "a%-5"; /* out of the compiler's sight */

    (void)state;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-security"
    fmt_print(ours, sizeof ours, unknown);
    assert_string_equal(ours, "%q|");
    fmt_print(ours, sizeof ours, cut);
    assert_string_equal(ours, "a");
#pragma GCC diagnostic pop
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_read_as_in_c),
        cmocka_unit_test(width_and_flags_read_as_in_c),
        cmocka_unit_test(precision_cuts_a_string),
        cmocka_unit_test(null_string_and_pointers_have_a_form),
        cmocka_unit_test(never_writes_past_the_buffer),
        cmocka_unit_test(a_wrong_format_is_shown_or_ended),
    };
    return cmocka_run_group_tests_name("fmt", tests, NULL, NULL);
}
