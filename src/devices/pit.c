#include "devices/pit.h"
#include "lib/bits.h"

/* Intel 8254 data sheet, "Control Word Format" and "Read-Back Command". */
enum {
    CONTROL_PORT = 3,
    SELECT_READ_BACK = 3,
    ACCESS_LATCH = 0,
    ACCESS_LOW = 1,
    ACCESS_HIGH = 2,
    ACCESS_BOTH = 3,
    READ_BACK_NO_COUNT = 0x20,
    READ_BACK_NO_STATUS = 0x10,
    STATUS_OUT = 0x80,
    STATUS_NULL = 0x40,
};

enum {
    PORT61_GATE2 = 0x01,
    PORT61_WRITABLE = 0x0f,
    PORT61_REFRESH = 0x10,
    PORT61_OUT2 = 0x20,
    REFRESH_CLOCKS = 18, /* 15 us: what channel 1 of a PC is programmed to */
};

/* An edge is at least 1/50,000 s behind the one before, however small the count is. */
enum { MAX_EDGES_HZ = 50000 };

/* An edge that comes while the one before still waits in the PIC is owed to the guest and given
 * later, a quarter of a period after the guest took one, so that its work goes on in between. A
 * count so small that a quarter of it is nothing cannot be made up for. */
enum {
    OWED_PART = 4,
    OWED_LEAST_COUNT = OWED_PART * (PIT_HZ / MAX_EDGES_HZ),
    OWED_MAX = 65543, /* an hour at 18.2 Hz: made up for within half an hour */
};

/* A guest that took no edge for so long while it ran has masked IRQ 0, or takes its ticks
 * elsewhere. On a PC a mask leaves it one tick. It is longer than a guest has its interrupts off,
 * and so short that what is owed when the mask goes away comes within a second. */
enum { UNTAKEN_CLOCKS = 2 * PIT_HZ, NEVER_TAKEN = UINT32_MAX };

/* Both ways exact; hz * PIT_HZ stays far below 2^64. */
static uint64_t to_clocks(const struct pit *p, uint64_t ticks)
{
    uint64_t hz = p->clock->hz;

    return ticks / hz * PIT_HZ + ticks % hz * PIT_HZ / hz;
}

/* The first tick at which `clocks` PIT clocks are complete. */
static uint64_t to_ticks(const struct pit *p, uint64_t clocks)
{
    uint64_t hz = p->clock->hz;

    return clocks / PIT_HZ * hz + (clocks % PIT_HZ * hz + PIT_HZ - 1) / PIT_HZ;
}

static bool is_periodic(const struct pit_channel *c)
{
    return c->mode == 2 || c->mode == 3;
}

/* In modes 1 and 5 a rising gate starts the counter, and a low one does not stop it. */
static bool is_triggered(const struct pit_channel *c)
{
    return c->mode == 1 || c->mode == 5;
}

static unsigned modulus(const struct pit_channel *c)
{
    return c->bcd ? 10000 : 65536;
}

/* The reload register as a number of clocks; BCD digits over 9 just count as they weigh. */
static uint32_t reload_clocks(const struct pit_channel *c)
{
    unsigned r = c->reload;
    unsigned n = r;

    if (c->bcd) {
        n = (r >> 12) * 1000 + (r >> 8 & 15) * 100 + (r >> 4 & 15) * 10 + (r & 15);
    }
    return n == 0 ? modulus(c) : n;
}

static uint16_t to_bcd(unsigned n)
{
    return (uint16_t)(n / 1000 << 12 | n / 100 % 10 << 8 | n / 10 % 10 << 4 | n % 10);
}

static void load(struct pit_channel *c, uint64_t at)
{
    c->started = true;
    c->null_count = false;
    c->count = reload_clocks(c);
    c->start = at;
    c->held = 0;
}

/* Brings a new count of a running periodic channel into effect once its period has ended. */
static void catch_up(struct pit_channel *c, uint64_t now)
{
    if (is_periodic(c) && c->started && c->gate && c->null_count && now >= c->load_at) {
        load(c, c->load_at);
        c->edge = 0;
    }
}

static uint64_t elapsed(const struct pit *p, const struct pit_channel *c, uint64_t now)
{
    return c->gate || is_triggered(c) ? to_clocks(p, now - c->start) : c->held;
}

/* Intel 8254 data sheet, "Mode Definitions". The clock that the chip takes to load is left out. */
static bool output(const struct pit *p, const struct pit_channel *c, uint64_t now)
{
    uint64_t done;

    if (!c->started) {
        return c->mode != 0;
    }
    done = elapsed(p, c, now);
    switch (c->mode) {
    case 0:
    case 1:
        return done >= c->count;
    case 2:
        return !c->gate || done % c->count != c->count - 1;
    case 3:
        return !c->gate || done % c->count < (c->count + 1) / 2;
    default:
        return done != c->count;
    }
}

static uint16_t current_count(const struct pit *p, const struct pit_channel *c, uint64_t now)
{
    uint64_t done;
    unsigned n;

    if (!c->started) {
        return 0;
    }
    done = elapsed(p, c, now);
    if (c->mode == 2) {
        n = (unsigned)(c->count - done % c->count);
    } else if (c->mode == 3) {
        /* By twos, twice a period; the half that is high has the odd clock. */
        unsigned high = (c->count + 1) / 2;
        unsigned at = (unsigned)(done % c->count);

        n = (c->count & ~1U) - 2 * (at < high ? at : at - high);
    } else {
        n = (unsigned)(c->count + modulus(c) - done % modulus(c));
    }
    n %= modulus(c);
    return c->bcd ? to_bcd(n) : (uint16_t)n;
}

static void arm(struct pit *p, uint64_t not_before)
{
    const struct pit_channel *c = &p->ch[0];
    uint64_t at = c->start + to_ticks(p, c->edge);

    timer_arm(&p->timer, MAX(at, not_before));
}

/* Channel 0 was stopped, or starts again. Its wire is only lowered here: OUT goes up with the
 * control word of most modes, but nobody wants a tick from that. */
static void channel0_changed(struct pit *p, uint64_t now)
{
    struct pit_channel *c = &p->ch[0];

    p->owed = 0;
    p->untaken = NEVER_TAKEN;
    if (!output(p, c, now)) {
        irq_set(&p->irq0, false);
    }
    if (!c->started) {
        timer_arm(&p->timer, TIMER_OFF);
    } else {
        c->edge = c->mode == 4 ? c->count + 1 : c->count; /* a strobe is one clock long */
        arm(p, now);
    }
}

/* True while the guest takes its ticks through the PIC. */
static bool counts_edges(const struct pit *p)
{
    const struct pit_channel *c = &p->ch[0];

    return c->count >= OWED_LEAST_COUNT && (uint64_t)p->untaken * c->count <= UNTAKEN_CLOCKS;
}

static void pulse(struct pit *p)
{
    irq_set(&p->irq0, false);
    irq_set(&p->irq0, true);
}

/* Edges that a late timer missed: all are owed, whatever kept the host. */
static void owe_missed(struct pit *p, struct pit_channel *c, uint64_t now)
{
    uint64_t done = elapsed(p, c, now);
    uint64_t missed = done < c->edge ? 0 : (done - c->edge) / c->count + 1;

    c->edge += missed * c->count;
    p->owed = (uint32_t)MIN(p->owed + missed + (p->untaken != 0), OWED_MAX);
    p->untaken++;
}

/* A guest that does not count gets the edges that a late timer missed one by one; more than a
 * second of them is forgotten, as nobody waits for those. */
static void forget_missed(const struct pit *p, struct pit_channel *c, uint64_t now)
{
    uint64_t hz = p->clock->hz;

    if (now - c->start > hz && c->start + to_ticks(p, c->edge) < now - hz) {
        c->edge = (to_clocks(p, now - c->start) / c->count + 1) * c->count;
    }
}

/* One edge each time. */
static void fire(void *ctx, uint64_t now)
{
    struct pit *p = ctx;
    struct pit_channel *c = &p->ch[0];

    pulse(p);
    if (!is_periodic(c)) {
        return;
    }
    catch_up(c, now);
    c->edge += c->count;
    if (counts_edges(p)) {
        owe_missed(p, c, now);
    } else {
        forget_missed(p, c, now);
    }
    arm(p, now + p->clock->hz / MAX_EDGES_HZ);
}

/* If an edge of the counter's own came first, the next one that is owed waits for its turn. */
static void fire_late(void *ctx, uint64_t now)
{
    struct pit *p = ctx;

    (void)now;
    if (p->owed && p->untaken == 0) {
        p->owed--;
        p->untaken++;
        pulse(p);
    }
}

void pit_acked(struct pit *p)
{
    p->untaken = 0;
    if (p->owed) {
        timer_arm(&p->late, clock_now(p->clock) + to_ticks(p, p->ch[0].count / OWED_PART));
    }
}

/* All of a new count has been written. True if the counter starts again with it. */
static bool count_written(const struct pit *p, struct pit_channel *c, uint64_t now)
{
    c->null_count = true;
    if (is_triggered(c)) {
        return false;
    }
    if (!is_periodic(c) || !c->started) {
        load(c, now);
        return true;
    }
    if (c->gate) {
        /* Mode 3 would take it over half a period earlier; so fine a phase is not kept. */
        uint64_t periods = elapsed(p, c, now) / c->count + 1;

        c->load_at = c->start + to_ticks(p, periods * c->count);
    }
    return false;
}

/* True if the counter stops or starts again. */
static bool write_count(const struct pit *p, struct pit_channel *c, uint8_t value, uint64_t now)
{
    if (c->access == ACCESS_BOTH && !c->write_high) {
        c->write_latch = value;
        c->write_high = true;
        if (c->mode != 0) {
            return false;
        }
        c->started = false; /* the first byte stops the count */
        return true;
    }
    c->write_high = false;
    if (c->access == ACCESS_BOTH) {
        c->reload = (uint16_t)(value << 8 | c->write_latch);
    } else {
        c->reload = (uint16_t)(c->access == ACCESS_HIGH ? value << 8 : value);
    }
    return count_written(p, c, now);
}

static void latch_count(const struct pit *p, struct pit_channel *c, uint64_t now)
{
    if (!c->count_latched) {
        c->count_latched = true;
        c->latch = current_count(p, c, now);
    }
}

static void latch_status(const struct pit *p, struct pit_channel *c, uint64_t now)
{
    if (!c->status_latched) {
        c->status_latched = true;
        c->status =
            (uint8_t)((output(p, c, now) ? STATUS_OUT : 0) | (c->null_count ? STATUS_NULL : 0) |
                      c->access << 4 | c->mode << 1 | (c->bcd ? 1 : 0));
    }
}

static void read_back(struct pit *p, uint8_t command, uint64_t now)
{
    for (unsigned i = 0; i < ARRAY_SIZE(p->ch); i++) {
        if (!(command & BIT(i + 1))) {
            continue;
        }
        catch_up(&p->ch[i], now);
        if (!(command & READ_BACK_NO_COUNT)) {
            latch_count(p, &p->ch[i], now);
        }
        if (!(command & READ_BACK_NO_STATUS)) {
            latch_status(p, &p->ch[i], now);
        }
    }
}

static void write_control(struct pit *p, uint8_t word, uint64_t now)
{
    unsigned select = word >> 6;
    struct pit_channel *c;
    uint8_t mode;

    if (select == SELECT_READ_BACK) {
        read_back(p, word, now);
        return;
    }
    c = &p->ch[select];
    if ((word >> 4 & 3) == ACCESS_LATCH) {
        catch_up(c, now);
        latch_count(p, c, now);
        return;
    }
    mode = word >> 1 & 7;
    *c = (struct pit_channel){
        .access = word >> 4 & 3,
        .mode = mode > 5 ? mode - 4 : mode,
        .bcd = word & 1,
        .gate = c->gate,
        .null_count = true,
    };
    if (select == 0) {
        channel0_changed(p, now);
    }
}

static uint8_t read_count(const struct pit *p, struct pit_channel *c, uint64_t now)
{
    uint16_t value;
    bool high;

    if (c->status_latched) {
        c->status_latched = false;
        return c->status;
    }
    catch_up(c, now);
    value = c->count_latched ? c->latch : current_count(p, c, now);
    high = c->access == ACCESS_HIGH || c->read_high;
    c->read_high = c->access == ACCESS_BOTH && !c->read_high;
    if (!c->read_high) {
        c->count_latched = false;
    }
    return (uint8_t)(high ? value >> 8 : value);
}

static void set_gate(const struct pit *p, struct pit_channel *c, bool level, uint64_t now)
{
    if (level == c->gate) {
        return;
    }
    catch_up(c, now);
    c->held = elapsed(p, c, now);
    c->gate = level;
    if (!level) {
        return;
    }
    if (is_triggered(c) || (is_periodic(c) && c->started)) {
        load(c, now);
    } else {
        c->start = now - to_ticks(p, c->held);
    }
}

void pit_init(struct pit *p, struct irq_line irq0, const struct clock *clock,
              struct timer_queue *timers)
{
    *p = (struct pit){ .irq0 = irq0, .clock = clock };
    for (unsigned i = 0; i < ARRAY_SIZE(p->ch); i++) {
        p->ch[i].access = ACCESS_BOTH;
        p->ch[i].null_count = true;
        p->ch[i].gate = i != 2;
    }
    timer_init(&p->timer, timers, fire, p);
    timer_init(&p->late, timers, fire_late, p);
}

void pit_io(void *dev, struct io_access *a)
{
    struct pit *p = dev;
    unsigned port = a->offset & 3;
    uint64_t now = clock_now(p->clock);
    bool restarts;

    if (!a->write) {
        a->value =
            port == CONTROL_PORT ? ~UINT64_C(0) : io_byte_reply(read_count(p, &p->ch[port], now));
    } else if (port == CONTROL_PORT) {
        write_control(p, (uint8_t)a->value, now);
    } else {
        catch_up(&p->ch[port], now);
        restarts = write_count(p, &p->ch[port], (uint8_t)a->value, now);
        if (port == 0) {
            p->owed = 0; /* these were ticks of another length */
            if (restarts) {
                channel0_changed(p, now);
            }
        }
    }
}

void pit_port61_io(void *dev, struct io_access *a)
{
    struct pit *p = dev;
    uint64_t now = clock_now(p->clock);

    if (a->write) {
        p->port61 = (uint8_t)a->value & PORT61_WRITABLE;
        set_gate(p, &p->ch[2], p->port61 & PORT61_GATE2, now);
        return;
    }
    catch_up(&p->ch[2], now);
    a->value = io_byte_reply(
        (uint8_t)(p->port61 | (to_clocks(p, now) / REFRESH_CLOCKS % 2 ? PORT61_REFRESH : 0) |
                  (output(p, &p->ch[2], now) ? PORT61_OUT2 : 0)));
}
