/* The log is one for the whole core; a fresh copy of it starts each test. */
#include "../../src/lib/log.c"
#include "unit.h"
#include <string.h>

struct capture {
    struct log_sink sink;
    char text[RING_SIZE + 1];
    size_t len;
    unsigned calls;
};

static struct capture seen, late;

static void keep(struct capture *c, const char *text, size_t len)
{
    assert_true(len <= LINE_MAX + 1 && text[len - 1] == '\n');
    assert_true(c->len + len <= RING_SIZE);
    memcpy(c->text + c->len, text, len);
    c->len += len;
    c->text[c->len] = '\0';
    c->calls++;
}

static void sink_write(struct log_sink *sink, const char *text, size_t len)
{
    keep((struct capture *)sink, text, len);
}

static void on_tail(void *ctx, const char *text, size_t len)
{
    keep(ctx, text, len);
}

static void clear(struct capture *c)
{
    memset(c, 0, sizeof *c);
    c->sink.write = sink_write;
}

static int setup(void **state)
{
    (void)state;
    memset(&the_log, 0, sizeof the_log);
    the_log.level = LOG_INFO;
    clear(&seen);
    clear(&late);
    return 0;
}

static void a_line_reaches_every_sink_with_its_prefix(void **state)
{
    (void)state;
    log_add_sink(&seen.sink);
    log_add_sink(&late.sink);
    log_info("one %d", 1);
    log_warn("two\n");
    log_error("three\nlines");
    assert_string_equal(seen.text, "one 1\nwarning: two\nerror: three lines\n");
    assert_string_equal(late.text, seen.text);
    assert_int_equal(seen.calls, 3);
}

static void the_level_hides_what_is_above_it(void **state)
{
    (void)state;
    log_add_sink(&seen.sink);
    log_debug("no");
    log_set_level(LOG_DEBUG);
    log_debug("yes");
    log_set_level(LOG_ERROR);
    log_warn("no");
    log_error("bad");
    assert_string_equal(seen.text, "yes\nerror: bad\n");
    log_tail(9, on_tail, &late);
    assert_string_equal(late.text, seen.text);
}

static void a_long_line_is_cut_at_255(void **state)
{
    (void)state;
    log_add_sink(&seen.sink);
    log_warn("%0300d", 0);
    assert_int_equal(seen.len, 256);
    assert_memory_equal(seen.text, "warning: 000", 12);
    assert_int_equal(seen.text[254], '0');
    assert_int_equal(seen.text[255], '\n');
}

static void a_late_sink_gets_all_that_came_before(void **state)
{
    (void)state;
    log_info("a");
    log_info("%s", "");
    log_info("b");
    log_add_sink(&late.sink);
    assert_string_equal(late.text, "a\n\nb\n");
}

static void the_ring_drops_whole_old_lines(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 10000; i++) {
        log_info("line %u", i);
    }
    log_add_sink(&late.sink);
    /* "line 1234\n" is 10 bytes: 3276 of them fit into 32768, and 8 bytes are left over. */
    assert_int_equal(late.calls, 3276);
    assert_memory_equal(late.text, "line 6724\nline 6725\n", 20);
    assert_memory_equal(late.text + late.len - 10, "line 9999\n", 10);
}

static void the_ring_holds_32_kib_and_not_a_byte_more(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 256; i++) { /* 256 lines of 128 bytes */
        log_info("%0127u", i);
    }
    log_tail(1000, on_tail, &seen);
    assert_int_equal(seen.calls, 256);
    log_info("%s", "");
    clear(&seen);
    log_tail(1000, on_tail, &seen);
    assert_int_equal(seen.calls, 256);
    assert_int_equal(seen.text[126], '1'); /* line 0 made room */
}

static void the_tail_is_the_last_lines_in_order(void **state)
{
    (void)state;
    log_tail(3, on_tail, &seen);
    assert_int_equal(seen.calls, 0);
    for (unsigned i = 0; i < 5000; i++) {
        log_info("%u", i);
    }
    log_tail(0, on_tail, &seen);
    assert_int_equal(seen.calls, 0);
    log_tail(3, on_tail, &seen);
    assert_string_equal(seen.text, "4997\n4998\n4999\n");
    setup(NULL);
    log_info("only");
    log_tail(3, on_tail, &seen);
    assert_string_equal(seen.text, "only\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_line_reaches_every_sink_with_its_prefix, setup),
        cmocka_unit_test_setup(the_level_hides_what_is_above_it, setup),
        cmocka_unit_test_setup(a_long_line_is_cut_at_255, setup),
        cmocka_unit_test_setup(a_late_sink_gets_all_that_came_before, setup),
        cmocka_unit_test_setup(the_ring_drops_whole_old_lines, setup),
        cmocka_unit_test_setup(the_ring_holds_32_kib_and_not_a_byte_more, setup),
        cmocka_unit_test_setup(the_tail_is_the_last_lines_in_order, setup),
    };
    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
