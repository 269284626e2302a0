#include "arch/x86_64/cpu.h"
#include "drivers/cmos_clock.h"
#include "unit.h"

#include <string.h>
#include <time.h>

/* The registers of a real-time clock, read by index and data port. */
static uint8_t ram[128];
static uint8_t index_port;
static unsigned updating; /* reads of status A that still say "update in progress" */
static unsigned reads;
static unsigned tick_at; /* the second after this many reads is the next one; 0: never */

void io_out8(uint16_t port, uint8_t v)
{
    assert_int_equal(port, 0x70); /* the clock is not written */
    assert_false(v & 0x80);       /* NMIs stay on */
    index_port = v & 0x7f;
}

uint8_t io_in8(uint16_t port)
{
    assert_int_equal(port, 0x71);
    reads++;
    if (reads == tick_at) {
        ram[0] = 0x00;
        ram[2]++;
    }
    if (index_port == 10 && updating) {
        updating--;
        return 0x80;
    }
    return ram[index_port];
}

static uint8_t bcd(int v)
{
    return (uint8_t)(v / 10 << 4 | v % 10);
}

enum { BINARY = 4, HOURS_24 = 2 };

static uint8_t encode(int v, uint8_t status)
{
    return status & BINARY ? (uint8_t)v : bcd(v);
}

static void set_clock(time_t at, uint8_t status)
{
    struct tm tm;
    int hour;

    gmtime_r(&at, &tm);
    memset(ram, 0, sizeof ram);
    updating = reads = tick_at = 0;
    hour = status & HOURS_24 ? tm.tm_hour : (tm.tm_hour + 11) % 12 + 1;
    ram[0] = encode(tm.tm_sec, status);
    ram[2] = encode(tm.tm_min, status);
    ram[4] = encode(hour, status);
    if (!(status & HOURS_24) && tm.tm_hour >= 12) {
        ram[4] = (uint8_t)(ram[4] | 0x80);
    }
    ram[7] = encode(tm.tm_mday, status);
    ram[8] = encode(tm.tm_mon + 1, status);
    ram[9] = encode(tm.tm_year % 100, status);
    ram[0x32] = encode((1900 + tm.tm_year) / 100, status);
    ram[11] = status;
}

/* Every day at changing hours over two centuries, against the C library. */
static void every_date_from_1970_to_2170_is_right(void **state)
{
    static const uint8_t status[] = { 0, BINARY, HOURS_24, BINARY | HOURS_24 };
    time_t end = 200 * INT64_C(31556952);

    (void)state;
    for (time_t at = 0, i = 0; at < end; at += 86400 + 3601, i++) {
        set_clock(at, status[i % 4]);
        assert_int_equal(cmos_clock_read(), at);
    }
}

static void the_edges_are_right_in_every_format(void **state)
{
    static const time_t at[] = {
        951782399,  951782400,  951868800, /* 28 and 29 February, 1 March 2000 */
        4107542400,                        /* 1 March 2100: no leap year */
        1735689599, 1735689600,            /* New Year's Eve and the day after */
        1700006400, 1700049600, 1700053199 /* midnight, noon, a second to one */
    };

    (void)state;
    for (unsigned i = 0; i < sizeof at / sizeof at[0]; i++) {
        for (uint8_t status = 0; status < 8; status = (uint8_t)(status + 2)) {
            set_clock(at[i], status);
            assert_int_equal(cmos_clock_read(), at[i]);
        }
    }
}

static void a_missing_century_is_this_one(void **state)
{
    (void)state;
    set_clock(1700000000, HOURS_24);
    ram[0x32] = 0;
    assert_int_equal(cmos_clock_read(), 1700000000);
    ram[0x32] = 0xff;
    assert_int_equal(cmos_clock_read(), 1700000000);
}

static void an_update_is_waited_for(void **state)
{
    (void)state;
    set_clock(1700000000, HOURS_24);
    updating = 50;
    assert_int_equal(cmos_clock_read(), 1700000000);
    assert_int_equal(updating, 0);
}

/* 22:13:59 becomes 22:14:00 between two registers: never 22:14:59 nor 22:13:00. */
static void a_second_that_ends_between_two_reads_is_read_again(void **state)
{
    time_t at = 1700000039;

    (void)state;
    for (unsigned i = 1; i < 40; i++) {
        uint64_t got;

        set_clock(at, HOURS_24);
        assert_int_equal(ram[0], 0x59);
        tick_at = i;
        got = cmos_clock_read();
        assert_true(got == (uint64_t)at || got == (uint64_t)at + 1);
    }
}

static void what_is_no_date_is_no_clock(void **state)
{
    static const struct {
        uint8_t reg, value;
    } bad[] = {
        {0,  0x60},
        { 2, 0x60},
        { 4, 0x24},
        { 7, 0   },
        { 7, 0x32},
        { 8, 0   },
        { 8, 0x13},
        { 9, 0xfa},
        { 0, 0xff}
    };

    (void)state;
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        set_clock(1700000000, HOURS_24);
        ram[bad[i].reg] = bad[i].value;
        assert_int_equal(cmos_clock_read(), 0);
    }
    set_clock(1700000000, HOURS_24);
    ram[0x32] = 0x19;
    ram[9] = 0x69; /* before 1970 */
    assert_int_equal(cmos_clock_read(), 0);
}

static void a_port_that_floats_is_no_clock(void **state)
{
    (void)state;
    set_clock(1700000000, HOURS_24);
    memset(ram, 0xff, sizeof ram);
    assert_int_equal(cmos_clock_read(), 0);
    assert_true(reads < 1000000); /* and is not waited for for ever */
    memset(ram, 0, sizeof ram);
    assert_int_equal(cmos_clock_read(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_date_from_1970_to_2170_is_right),
        cmocka_unit_test(the_edges_are_right_in_every_format),
        cmocka_unit_test(a_missing_century_is_this_one),
        cmocka_unit_test(an_update_is_waited_for),
        cmocka_unit_test(a_second_that_ends_between_two_reads_is_read_again),
        cmocka_unit_test(what_is_no_date_is_no_clock),
        cmocka_unit_test(a_port_that_floats_is_no_clock),
    };
    return cmocka_run_group_tests_name("cmos_clock", tests, NULL, NULL);
}
