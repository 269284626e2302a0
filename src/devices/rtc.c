#include "devices/rtc.h"
#include "lib/bits.h"

/* MC146818 data sheet, "Address Map" and "Registers"; the century is where PC firmware has it. */
enum {
    SECONDS = 0x00,
    SECONDS_ALARM = 0x01,
    MINUTES = 0x02,
    MINUTES_ALARM = 0x03,
    HOURS = 0x04,
    HOURS_ALARM = 0x05,
    WEEKDAY = 0x06,
    DAY = 0x07,
    MONTH = 0x08,
    YEAR = 0x09,
    STATUS_A = 0x0a,
    STATUS_B = 0x0b,
    STATUS_C = 0x0c,
    STATUS_D = 0x0d,
    PLAIN = 0x0e,
    CENTURY = 0x32,
    INDEX_MASK = 0x7f, /* bit 7 of port 70h is the NMI gate, which opens no NMI here */
};

enum {
    A_UIP = 0x80,
    A_RESET = 0x60, /* both bits: the divider is held */
    A_RATE = 0x0f,
    A_POWER_ON = 0x26,
    B_SET = 0x80,
    B_PERIODIC = 0x40,
    B_ALARM = 0x20,
    B_UPDATE = 0x10,
    B_BINARY = 0x04,
    B_24H = 0x02,
    EVENTS = B_PERIODIC | B_ALARM | B_UPDATE, /* the same bits in status C */
    C_IRQ = 0x80,
    D_VALID = 0x80,
    HOUR_PM = 0x80,
    ALARM_ANY = 0xc0,
};

enum { CRYSTAL_HZ = 32768, UIP_HZ = 4098 /* 1 / 244 us */, DAY_SECONDS = 86400 };
enum { DAYS_TO_1970 = 719528 };
#define NEVER UINT64_MAX

static const uint8_t time_registers[] = { SECONDS, MINUTES, HOURS, WEEKDAY,
                                          DAY,     MONTH,   YEAR,  CENTURY };

static bool is_time(uint8_t index)
{
    for (unsigned i = 0; i < sizeof time_registers; i++) {
        if (time_registers[i] == index) {
            return true;
        }
    }
    return false;
}

/* --- the calendar: days are counted from 1 January of the year 0, Gregorian throughout --- */

static uint64_t days_before_year(uint64_t y)
{
    return y * 365 + (y + 3) / 4 - (y + 99) / 100 + (y + 399) / 400;
}

static uint64_t days_before_month(uint64_t year, uint64_t month)
{
    static const uint16_t before[12] = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334 };
    bool leap = days_before_year(year + 1) - days_before_year(year) == 366;

    return before[month] + (leap && month > 1 ? 1U : 0U);
}

struct date {
    uint64_t year, month, day; /* month and day from 0 */
};

static struct date to_date(uint64_t days)
{
    /* The mean year gives the right one or a neighbour. */
    struct date d = { .year = days * 400 / 146097, .month = 11 };

    while (days_before_year(d.year) > days) {
        d.year--;
    }
    while (days_before_year(d.year + 1) <= days) {
        d.year++;
    }
    days -= days_before_year(d.year);
    while (days_before_month(d.year, d.month) > days) {
        d.month--;
    }
    d.day = days - days_before_month(d.year, d.month);
    return d;
}

/* --- how the registers hold numbers --- */

static uint8_t encode(const struct rtc *r, uint64_t n)
{
    return (uint8_t)(r->cmos[STATUS_B] & B_BINARY ? n : n / 10 % 10 << 4 | n % 10);
}

static unsigned decode(const struct rtc *r, uint8_t v)
{
    return r->cmos[STATUS_B] & B_BINARY ? v : (v >> 4) * 10U + (v & 15U);
}

static uint8_t encode_hour(const struct rtc *r, uint64_t hour)
{
    if (r->cmos[STATUS_B] & B_24H) {
        return encode(r, hour);
    }
    return (uint8_t)(encode(r, hour % 12 == 0 ? 12 : hour % 12) | (hour >= 12 ? HOUR_PM : 0));
}

static unsigned decode_hour(const struct rtc *r, uint8_t v)
{
    if (r->cmos[STATUS_B] & B_24H) {
        return decode(r, v);
    }
    return decode(r, v & (uint8_t)~HOUR_PM) % 12 + (v & HOUR_PM ? 12 : 0);
}

/* --- time --- */

/* The seconds count unless the guest is setting them or holds the divider. */
static bool is_running(const struct rtc *r)
{
    return !(r->cmos[STATUS_B] & B_SET) && (r->cmos[STATUS_A] & A_RESET) != A_RESET;
}

static uint64_t second_at(const struct rtc *r, uint64_t tick)
{
    return r->base_seconds + (tick - r->base_tick) / r->clock->hz;
}

static uint64_t tick_of_second(const struct rtc *r, uint64_t second)
{
    return r->base_tick + (second - r->base_seconds) * r->clock->hz;
}

/* A time register as it reads at this second. */
static uint8_t time_register(const struct rtc *r, uint8_t index, uint64_t second)
{
    uint64_t days = second / DAY_SECONDS;
    uint64_t rest = second % DAY_SECONDS;

    switch (index) {
    case SECONDS:
        return encode(r, rest % 60);
    case MINUTES:
        return encode(r, rest / 60 % 60);
    case HOURS:
        return encode_hour(r, rest / 3600);
    case WEEKDAY: /* Sunday is 1; day 0 was a Saturday */
        return encode(r, (days + 6) % 7 + 1);
    case DAY:
        return encode(r, to_date(days).day + 1);
    case MONTH:
        return encode(r, to_date(days).month + 1);
    case YEAR:
        return encode(r, to_date(days).year % 100);
    default:
        return encode(r, to_date(days).year / 100);
    }
}

/* The registers keep the time while it does not run. */
static void store_time(struct rtc *r, uint64_t now)
{
    for (unsigned i = 0; i < sizeof time_registers; i++) {
        r->cmos[time_registers[i]] = time_register(r, time_registers[i], second_at(r, now));
    }
}

/* The calendar goes on from what the registers hold; a 35 March is the 4 April. */
static void load_time(struct rtc *r, uint64_t now)
{
    const uint8_t *c = r->cmos;
    uint64_t year = decode(r, c[CENTURY]) * 100U + decode(r, c[YEAR]);
    uint64_t month = (decode(r, c[MONTH]) + 11U) % 12;
    uint64_t days = days_before_year(year) + days_before_month(year, month);
    uint64_t day = decode(r, c[DAY]);

    days += day > 0 ? day - 1 : 0;
    r->base_tick += (now - r->base_tick) / r->clock->hz * r->clock->hz;
    r->base_seconds = days * DAY_SECONDS + decode_hour(r, c[HOURS]) * 3600ULL +
                      decode(r, c[MINUTES]) * 60ULL + decode(r, c[SECONDS]);
}

/* --- events --- */

/* Length of the periodic interrupt in cycles of the crystal; 0: none. MC146818 data sheet,
 * "Periodic Interrupt Rate": the two lowest selections are slower ones over again. */
static unsigned period(const struct rtc *r)
{
    unsigned rate = r->cmos[STATUS_A] & A_RATE;

    if (rate == 0 || (r->cmos[STATUS_A] & A_RESET) == A_RESET) {
        return 0;
    }
    return 1U << (rate < 3 ? rate + 6 : rate - 1);
}

static uint64_t periods_at(const struct rtc *r, uint64_t tick)
{
    uint64_t hz = r->clock->hz;
    uint64_t t = tick - r->base_tick;

    return (t / hz * CRYSTAL_HZ + t % hz * CRYSTAL_HZ / hz) / period(r);
}

/* The first tick in the nth period. */
static uint64_t tick_of_period(const struct rtc *r, uint64_t n)
{
    uint64_t hz = r->clock->hz;
    uint64_t cycles = n * period(r);

    return r->base_tick + cycles / CRYSTAL_HZ * hz +
           (cycles % CRYSTAL_HZ * hz + CRYSTAL_HZ - 1) / CRYSTAL_HZ;
}

static bool alarm_matches(const struct rtc *r, uint8_t alarm, uint64_t second)
{
    uint8_t want = r->cmos[alarm];

    return (want & ALARM_ANY) == ALARM_ANY || want == time_register(r, alarm - 1, second);
}

/* The first second from `t` on that the alarm is set to, or NEVER. Looks at a day in leaps: some
 * 150 steps, if an alarm that no minute or second has is sorted out first. */
static uint64_t next_alarm(const struct rtc *r, uint64_t t)
{
    uint64_t end = t + DAY_SECONDS;

    for (unsigned at = SECONDS_ALARM; at <= MINUTES_ALARM; at += 2) {
        uint8_t want = r->cmos[at];

        if ((want & ALARM_ANY) != ALARM_ANY &&
            (decode(r, want) > 59 || encode(r, decode(r, want)) != want)) {
            return NEVER;
        }
    }
    while (t < end) {
        if (!alarm_matches(r, HOURS_ALARM, t)) {
            t += 3600 - t % 3600;
        } else if (!alarm_matches(r, MINUTES_ALARM, t)) {
            t += 60 - t % 60;
        } else if (!alarm_matches(r, SECONDS_ALARM, t)) {
            t++;
        } else {
            return t;
        }
    }
    return NEVER;
}

/* The tick of the next event of this kind after `seen`, or TIMER_OFF. */
static uint64_t next_event(const struct rtc *r, unsigned event)
{
    uint64_t second = second_at(r, r->seen) + 1;

    if (event == B_PERIODIC) {
        return period(r) ? tick_of_period(r, periods_at(r, r->seen) + 1) : TIMER_OFF;
    }
    if (!is_running(r)) {
        return TIMER_OFF;
    }
    if (event == B_ALARM) {
        second = next_alarm(r, second);
    }
    return second == NEVER ? TIMER_OFF : tick_of_second(r, second);
}

/* Turns what happened since `seen` into flags. */
static void collect(struct rtc *r, uint64_t now)
{
    unsigned flags = 0;

    for (unsigned event = B_UPDATE; event <= B_PERIODIC; event <<= 1) {
        if (next_event(r, event) <= now) {
            flags |= event;
        }
    }
    r->cmos[STATUS_C] |= (uint8_t)flags;
    r->seen = now;
}

/* Sets the wire, and the timer if it is down: until the guest has read status C there is nothing
 * more to tell it. */
static void update(struct rtc *r)
{
    uint8_t enabled = r->cmos[STATUS_B] & EVENTS;
    bool level = r->cmos[STATUS_C] & enabled;
    uint64_t deadline = TIMER_OFF;

    for (unsigned event = B_UPDATE; event <= B_PERIODIC && !level; event <<= 1) {
        if (enabled & event) {
            deadline = MIN(deadline, next_event(r, event));
        }
    }
    irq_set(&r->irq8, level);
    timer_arm(&r->timer, deadline);
}

static void fire(void *ctx, uint64_t now)
{
    struct rtc *r = ctx;

    collect(r, now);
    update(r);
}

/* --- registers --- */

static bool is_updating(const struct rtc *r, uint64_t now)
{
    uint64_t hz = r->clock->hz;

    return is_running(r) && (now - r->base_tick) % hz >= hz - hz / UIP_HZ;
}

static uint8_t read_register(struct rtc *r, uint64_t now)
{
    uint8_t value = r->cmos[r->index];

    if (is_time(r->index)) {
        return is_running(r) ? time_register(r, r->index, second_at(r, now)) : value;
    }
    if (r->index == STATUS_A) {
        return (uint8_t)(value | (is_updating(r, now) ? A_UIP : 0));
    }
    if (r->index == STATUS_C) {
        collect(r, now);
        value = r->cmos[STATUS_C];
        r->cmos[STATUS_C] = 0;
        update(r);
        return (uint8_t)(value | (value & r->cmos[STATUS_B] ? C_IRQ : 0));
    }
    return value;
}

/* Status A and B may stop the time or let it run again, the latter half a second before its next
 * update if the divider was held. */
static void write_status(struct rtc *r, uint8_t value, uint64_t now)
{
    bool was_held = (r->cmos[STATUS_A] & A_RESET) == A_RESET;
    bool was_running = is_running(r);

    if (was_running) {
        store_time(r, now);
    }
    if (r->index == STATUS_A) {
        r->cmos[STATUS_A] = value & (uint8_t)~A_UIP;
    } else {
        /* Who sets the time wants no update interrupts. */
        r->cmos[STATUS_B] = value & B_SET ? value & (uint8_t)~B_UPDATE : value;
    }
    if (was_held && (r->cmos[STATUS_A] & A_RESET) != A_RESET) {
        r->base_tick = now - r->clock->hz / 2;
    }
    if (!was_running && is_running(r)) {
        load_time(r, now);
    }
}

static void write_register(struct rtc *r, uint8_t value, uint64_t now)
{
    if (r->index == STATUS_C || r->index == STATUS_D) {
        return;
    }
    if (r->index >= PLAIN && r->index != CENTURY) {
        r->cmos[r->index] = value;
        return;
    }
    collect(r, now);
    if (r->index == STATUS_A || r->index == STATUS_B) {
        write_status(r, value, now);
    } else if (is_time(r->index) && is_running(r)) {
        store_time(r, now);
        r->cmos[r->index] = value;
        load_time(r, now);
    } else {
        r->cmos[r->index] = value;
    }
    update(r);
}

void rtc_init(struct rtc *r, uint64_t epoch, struct irq_line irq8, const struct clock *clock,
              struct timer_queue *timers)
{
    uint64_t now = clock_now(clock);

    *r = (struct rtc){
        .base_tick = now,
        .base_seconds = epoch + (uint64_t)DAYS_TO_1970 * DAY_SECONDS,
        .seen = now,
        .irq8 = irq8,
        .clock = clock,
    };
    r->cmos[STATUS_A] = A_POWER_ON;
    r->cmos[STATUS_B] = B_24H;
    r->cmos[STATUS_D] = D_VALID;
    timer_init(&r->timer, timers, fire, r);
}

void rtc_set_cmos(struct rtc *r, uint8_t index, uint8_t value)
{
    if (index >= PLAIN && index < sizeof r->cmos && index != CENTURY) {
        r->cmos[index] = value;
    }
}

void rtc_io(void *dev, struct io_access *a)
{
    struct rtc *r = dev;
    bool data = a->offset & 1;

    if (!a->write) {
        /* Only the data port answers, and only one byte; the rest of the bus floats. */
        a->value = ~UINT64_C(0);
        if (data) {
            a->value &= ~UINT64_C(0xff) | read_register(r, clock_now(r->clock));
        }
    } else if (data) {
        write_register(r, (uint8_t)a->value, clock_now(r->clock));
    } else {
        r->index = (uint8_t)a->value & INDEX_MASK;
    }
}
