#include "unit.h"
#include <stdlib.h>
#include <string.h>

/* The image's own functions, under names that leave the C library's alone. */
void *pxhv_memcpy(void *restrict to, const void *restrict from, size_t n);
void *pxhv_memmove(void *to, const void *from, size_t n);
void *pxhv_memset(void *to, int byte, size_t n);
int pxhv_memcmp(const void *a, const void *b, size_t n);
size_t pxhv_strlen(const char *s);
int pxhv_strcmp(const char *a, const char *b);
int pxhv_strncmp(const char *a, const char *b, size_t n);

#define memcpy  pxhv_memcpy
#define memmove pxhv_memmove
#define memset  pxhv_memset
#define memcmp  pxhv_memcmp
#define strlen  pxhv_strlen
#define strcmp  pxhv_strcmp
#define strncmp pxhv_strncmp
#include "../../src/lib/mem.c"
#undef memcpy
#undef memmove
#undef memset
#undef memcmp
#undef strlen
#undef strcmp
#undef strncmp

enum { SIZE = 64 };

static void number(uint8_t *buf)
{
    for (unsigned i = 0; i < SIZE; i++) {
        buf[i] = (uint8_t)(i + 1);
    }
}

static void memmove_agrees_with_libc_at_every_overlap(void **state)
{
    uint8_t ours[SIZE], theirs[SIZE];

    (void)state;
    for (size_t to = 0; to < 32; to++) {
        for (size_t from = 0; from < 32; from++) {
            for (size_t n = 0; n <= 32; n += 4) {
                number(ours);
                number(theirs);
                assert_ptr_equal(pxhv_memmove(ours + to, ours + from, n), ours + to);
                memmove(theirs + to, theirs + from, n);
                assert_memory_equal(ours, theirs, SIZE);
            }
        }
    }
}

static void memcpy_and_memset_touch_just_what_they_should(void **state)
{
    uint8_t from[SIZE], to[SIZE] = { 0 };

    (void)state;
    number(from);
    assert_ptr_equal(pxhv_memcpy(to + 3, from, 5), to + 3);
    assert_memory_equal(to, "\0\0\0\1\2\3\4\5\0", 9);
    assert_ptr_equal(pxhv_memset(to + 1, 0x1ab, 3), to + 1);
    assert_memory_equal(to, "\0\xab\xab\xab\2\3\4\5\0", 9);
    pxhv_memcpy(to, from, 0);
    pxhv_memset(to, 1, 0);
    assert_int_equal(to[0], 0);
}

static void memcmp_compares_unsigned_bytes(void **state)
{
    (void)state;
    assert_int_equal(pxhv_memcmp("abc", "abd", 2), 0);
    assert_true(pxhv_memcmp("abc", "abd", 3) < 0);
    assert_true(pxhv_memcmp("\xff", "\x01", 1) > 0);
    assert_true(pxhv_memcmp("a\0b", "a\0c", 3) < 0);
    assert_int_equal(pxhv_memcmp("a", "b", 0), 0);
}

static void strings_end_at_their_nul(void **state)
{
    char *exact = strdup("four"); /* its own block: reading past the NUL is caught */

    (void)state;
    assert_non_null(exact);
    assert_int_equal(pxhv_strlen(exact), 4);
    assert_int_equal(pxhv_strlen(""), 0);
    assert_int_equal(pxhv_strcmp(exact, "four"), 0);
    assert_true(pxhv_strcmp(exact, "fours") < 0);
    assert_true(pxhv_strcmp("fours", exact) > 0);
    assert_true(pxhv_strcmp("\xff", "\x01") > 0);
    assert_int_equal(pxhv_strncmp(exact, "fourteen", 4), 0);
    assert_true(pxhv_strncmp(exact, "fourteen", 5) < 0);
    assert_int_equal(pxhv_strncmp(exact, "four", 99), 0);
    assert_int_equal(pxhv_strncmp("a", "b", 0), 0);
    free(exact);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memmove_agrees_with_libc_at_every_overlap),
        cmocka_unit_test(memcpy_and_memset_touch_just_what_they_should),
        cmocka_unit_test(memcmp_compares_unsigned_bytes),
        cmocka_unit_test(strings_end_at_their_nul),
    };
    return cmocka_run_group_tests_name("mem", tests, NULL, NULL);
}
