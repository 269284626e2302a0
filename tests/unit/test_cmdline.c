#include "lib/cmdline.h"
#include "unit.h"
#include <stdlib.h>
#include <string.h>

/* A slice in a block of its own, without a NUL: one byte too far is caught. */
static struct slice exact(const char *text)
{
    size_t len = strlen(text);
    char *at = malloc(len ? len : 1);

    assert_non_null(at);
    memcpy(at, text, len);
    return (struct slice){ at, len };
}

static void free_slice(struct slice s)
{
    free((void *)(uintptr_t)s.at);
}

static void words_come_one_by_one(void **state)
{
    struct slice all = exact("  kernel\tconsole=ttyS0   quiet "), rest = all, word;

    (void)state;
    assert_true(cmdline_next(&rest, &word) && slice_is(word, "kernel"));
    assert_true(cmdline_next(&rest, &word) && slice_is(word, "console=ttyS0"));
    assert_true(cmdline_next(&rest, &word) && slice_is(word, "quiet"));
    assert_false(cmdline_next(&rest, &word));
    assert_int_equal(word.len, 0);
    assert_int_equal(rest.len, 0);
    free_slice(all);
    rest = (struct slice){ NULL, 0 };
    assert_false(cmdline_next(&rest, &word));
}

static void a_word_splits_at_its_first_equals_sign(void **state)
{
    static const struct {
        const char *word, *key, *value;
    } row[] = {
        {"mem=512M",  "mem",     "512M"},
        { "quiet",    "quiet",   ""    },
        { "a=b=c",    "a",       "b=c" },
        { "on-stop=", "on-stop", ""    },
        { "=x",       "",        "x"   },
        { "",         "",        ""    },
    };

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct slice word = exact(row[i].word), key, value;

        cmdline_split(word, &key, &value);
        assert_true(slice_is(key, row[i].key));
        assert_true(slice_is(value, row[i].value));
        free_slice(word);
    }
}

static void slice_is_wants_the_whole_text(void **state)
{
    struct slice s = exact("mem");

    (void)state;
    assert_true(slice_is(s, "mem"));
    assert_false(slice_is(s, "me"));
    assert_false(slice_is(s, "memo"));
    assert_false(slice_is(s, "men"));
    assert_false(slice_is(s, ""));
    free_slice(s);
}

static void sizes_are_read_or_refused(void **state)
{
    static const struct {
        const char *text;
        bool ok;
        uint64_t value;
    } row[] = {
        {"0",                     true,  0                          },
        { "512M",                 true,  UINT64_C(512) << 20        },
        { "1g",                   true,  UINT64_C(1) << 30          },
        { "4k",                   true,  4096                       },
        { "0x10K",                true,  16384                      },
        { "0XfF",                 true,  255                        },
        { "18446744073709551615", true,  UINT64_MAX                 },
        { "0xffffffffffffffff",   true,  UINT64_MAX                 },
        { "17179869183G",         true,  UINT64_C(17179869183) << 30},
        { "18446744073709551616", false, 0                          },
        { "0x10000000000000000",  false, 0                          },
        { "17179869184G",         false, 0                          },
        { "",                     false, 0                          },
        { "M",                    false, 0                          },
        { "0x",                   false, 0                          },
        { "0xM",                  false, 0                          },
        { "12MB",                 false, 0                          },
        { "12MM",                 false, 0                          },
        { "-1",                   false, 0                          },
        { "1 ",                   false, 0                          },
        { "ff",                   false, 0                          },
        { "1T",                   false, 0                          },
        { "0x1g1",                false, 0                          },
    };

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct slice s = exact(row[i].text);
        uint64_t v = 77;

        assert_int_equal(slice_size(s, &v), row[i].ok);
        assert_true(v == (row[i].ok ? row[i].value : 77));
        free_slice(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_come_one_by_one),
        cmocka_unit_test(a_word_splits_at_its_first_equals_sign),
        cmocka_unit_test(slice_is_wants_the_whole_text),
        cmocka_unit_test(sizes_are_read_or_refused),
    };
    return cmocka_run_group_tests_name("cmdline", tests, NULL, NULL);
}
