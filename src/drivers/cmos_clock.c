#include "drivers/cmos_clock.h"
#include "arch/x86_64/cpu.h"
#include "lib/bits.h"
#include "lib/mem.h"

enum { INDEX = 0x70, DATA = 0x71 };
enum {
    SECOND = 0,
    MINUTE = 2,
    HOUR = 4,
    DAY = 7,
    MONTH = 8,
    YEAR = 9,
    STATUS_A = 10,
    STATUS_B = 11,
    CENTURY = 0x32
};
enum { UPDATING = 0x80, BINARY = 4, HOURS_24 = 2, PM = 0x80, TRIES = 100000, FIELDS = 7 };

static const uint8_t field[FIELDS] = { SECOND, MINUTE, HOUR, DAY, MONTH, YEAR, CENTURY };

static uint8_t cmos(uint8_t index)
{
    io_out8(INDEX, index);
    return io_in8(DATA);
}

static void read_fields(uint8_t v[FIELDS])
{
    for (unsigned i = 0; i < TRIES && (cmos(STATUS_A) & UPDATING); i++) {
        cpu_pause();
    }
    for (unsigned i = 0; i < FIELDS; i++) {
        v[i] = cmos(field[i]);
    }
}

static unsigned from_bcd(uint8_t v, bool binary)
{
    return binary ? v : (v >> 4) * 10u + (v & 15u);
}

/* Days from 1970-01-01 to a date of the Gregorian calendar. */
static uint64_t days_since_1970(unsigned year, unsigned month, unsigned day)
{
    static const uint16_t before[] = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334 };
    unsigned last = month > 2 ? year : year - 1; /* the last year whose 29 February counts */
    unsigned leaps = last / 4 - last / 100 + last / 400 - (1969 / 4 - 1969 / 100 + 1969 / 400);

    return (uint64_t)(year - 1970) * 365 + leaps + before[month - 1] + day - 1;
}

uint64_t cmos_clock_read(void)
{
    uint8_t a[FIELDS];
    uint8_t b[FIELDS];
    uint8_t status = cmos(STATUS_B);
    bool binary = status & BINARY;
    unsigned v[FIELDS];
    unsigned year;
    bool pm;

    read_fields(b);
    for (unsigned i = 0; i < 3; i++) { /* until two readings agree: no update in between */
        memcpy(a, b, sizeof a);
        read_fields(b);
        if (memcmp(a, b, sizeof a) == 0) {
            break;
        }
    }
    pm = !(status & HOURS_24) && (a[2] & PM);
    a[2] &= status & HOURS_24 ? 0xff : 0x7f;
    for (unsigned i = 0; i < FIELDS; i++) {
        v[i] = from_bcd(a[i], binary);
    }
    if (!(status & HOURS_24)) {
        v[2] = v[2] % 12 + (pm ? 12 : 0);
    }
    year = (v[6] >= 19 && v[6] <= 21 ? v[6] * 100 : 2000) + v[5];
    if (v[0] > 59 || v[1] > 59 || v[2] > 23 || v[3] < 1 || v[3] > 31 || v[4] < 1 || v[4] > 12 ||
        v[5] > 99 || year < 1970) {
        return 0;
    }
    return ((days_since_1970(year, v[4], v[3]) * 24 + v[2]) * 60 + v[1]) * 60 + v[0];
}
