#include "lib/addr.h"
#include "options.h"
#include "unit.h"

#include <string.h>

static struct options o;
static char why[OPTIONS_WHY_MAX];

static bool parse(const char *line)
{
    memset(&o, 0xee, sizeof o);
    memset(why, 0, sizeof why);
    return options_parse((struct slice){ line, strlen(line) }, &o, why);
}

static void an_empty_line_gives_the_defaults(void **state)
{
    (void)state;
    assert_true(parse(""));
    assert_int_equal(o.mem, 0);
    assert_int_equal(o.log, LOG_INFO);
    assert_int_equal(o.on_stop, ON_STOP_PROMPT);
    assert_null(o.backend);
    assert_true(parse("   "));
    assert_string_equal(why, "");
}

static void each_option_takes_each_of_its_values(void **state)
{
    static const char *const log[] = { "log=error", "log=warn", "log=info", "log=debug" };
    static const char *const stop[] = { "on-stop=prompt", "on-stop=reset", "on-stop=poweroff",
                                        "on-stop=exit" };

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        assert_true(parse(log[i]));
        assert_int_equal(o.log, i);
        assert_true(parse(stop[i]));
        assert_int_equal(o.on_stop, i);
    }
    assert_true(parse("backend=vmx"));
    assert_string_equal(o.backend, "vmx");
    assert_true(parse("backend=svm"));
    assert_string_equal(o.backend, "svm");
    assert_false(parse("backend=banana"));
    assert_non_null(strstr(why, "backend must be vmx"));
    assert_true(parse(" mem=2G  log=debug on-stop=exit "));
    assert_true(o.mem == 2 * GIB && o.log == LOG_DEBUG && o.on_stop == ON_STOP_EXIT);
    assert_true(parse("mem=4M mem=0x200000"));
    assert_int_equal(o.mem, 2 * MIB); /* the last one stands */
}

static void sizes_that_make_no_guest_are_refused(void **state)
{
    static const char *const bad[] = { "mem",
                                       "mem=",
                                       "mem=0",
                                       "mem=1023K",
                                       "mem=-1",
                                       "mem=1M5",
                                       "mem=1.5G",
                                       "mem=2T",
                                       "mem=1048577",
                                       "mem=lots",
                                       "mem=18446744073709551616" };

    (void)state;
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(parse(bad[i]));
        assert_non_null(strstr(why, bad[i]));
        assert_non_null(strstr(why, "a size such as 512M"));
        assert_int_equal(o.mem, 0); /* and has no effect */
    }
}

static void unknown_words_are_quoted_and_the_known_ones_told(void **state)
{
    (void)state;
    assert_false(parse("memory=1G"));
    assert_string_equal(why,
                        "unknown option 'memory=1G': there are mem=, log=, on-stop= and backend=");
    assert_false(parse("log=loud"));
    assert_string_equal(why, "option 'log=loud': log must be error, warn, info or debug");
    assert_false(parse("LOG=info"));
    assert_false(parse("on-stop=halt"));
    assert_non_null(strstr(why, "prompt, reset, poweroff or exit"));
}

static void the_first_mistake_is_told_and_the_good_words_count(void **state)
{
    (void)state;
    assert_false(parse("log=debug what mem=4M that on-stop=exit"));
    assert_non_null(strstr(why, "'what'"));
    assert_true(o.log == LOG_DEBUG && o.mem == 4 * MIB && o.on_stop == ON_STOP_EXIT);
}

static void a_word_without_end_is_cut(void **state)
{
    char line[5000];

    (void)state;
    memset(line, 'x', sizeof line - 1);
    line[sizeof line - 1] = 0;
    assert_false(parse(line));
    assert_true(memchr(why, 0, sizeof why) != NULL);
    assert_non_null(strstr(why, "xxx': there are mem="));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_line_gives_the_defaults),
        cmocka_unit_test(each_option_takes_each_of_its_values),
        cmocka_unit_test(sizes_that_make_no_guest_are_refused),
        cmocka_unit_test(unknown_words_are_quoted_and_the_known_ones_told),
        cmocka_unit_test(the_first_mistake_is_told_and_the_good_words_count),
        cmocka_unit_test(a_word_without_end_is_cut),
    };
    return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
