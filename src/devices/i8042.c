#include "devices/i8042.h"
#include "lib/bits.h"
#include <stddef.h>

/* Status register, port 64h. */
enum {
    STATUS_FULL = 0x01,
    STATUS_SYSTEM = 0x04, /* bit 2 of the command byte too */
    STATUS_COMMAND = 0x08,
    STATUS_UNLOCKED = 0x10,
    STATUS_MOUSE = 0x20,
    STATUS_TIMEOUT = 0x40,
};

/* Command byte. */
enum {
    MODE_IRQ1 = 0x01,
    MODE_SYSTEM = 0x04,
    MODE_OFF = 0x10, /* the keyboard's clock is held low */
    MODE_TRANSLATE = 0x40,
};

/* Output port and port 92h. */
enum {
    OUT_NO_RESET = 0x01,
    OUT_A20 = 0x02,
    OUT_IRQ1 = 0x10,
    OUT_IDLE = 0xcc, /* clock and data lines */
    PORT92_RESET = 0x01,
};

enum {
    CMD_KEYBOARD_ON = 0xae,
    TEST_GOOD = 0x55,
    INPUT_PORT = 0xb0, /* not locked, colour screen, no jumper set */
    PINS_IDLE = 0x03,  /* test inputs: clock and data are high */
    PIN_CLOCK = 0x01,
    NO_ANSWER = 0xfe, /* what stands in for the answer of a mouse that is not there */
    NO_PASSWORD = 0xf1,
    CLOCK_STUCK_HIGH = 0x02,
};

enum { KEYBOARD_RELEASE = 0xf0, RELEASED = 0x80, GAPS_PER_SECOND = 1000 };

/* What the keyboard's bytes become while the command byte asks for translation: set 2 to set 1. */
static const uint8_t set1[128] = {
    0xff, 0x43, 0x41, 0x3f, 0x3d, 0x3b, 0x3c, 0x58, 0x64, 0x44, 0x42, 0x40, 0x3e, 0x0f, 0x29, 0x59,
    0x65, 0x38, 0x2a, 0x70, 0x1d, 0x10, 0x02, 0x5a, 0x66, 0x71, 0x2c, 0x1f, 0x1e, 0x11, 0x03, 0x5b,
    0x67, 0x2e, 0x2d, 0x20, 0x12, 0x05, 0x04, 0x5c, 0x68, 0x39, 0x2f, 0x21, 0x14, 0x13, 0x06, 0x5d,
    0x69, 0x31, 0x30, 0x23, 0x22, 0x15, 0x07, 0x5e, 0x6a, 0x72, 0x32, 0x24, 0x16, 0x08, 0x09, 0x5f,
    0x6b, 0x33, 0x25, 0x17, 0x18, 0x0b, 0x0a, 0x60, 0x6c, 0x34, 0x35, 0x26, 0x27, 0x19, 0x0c, 0x61,
    0x6d, 0x73, 0x28, 0x74, 0x1a, 0x0d, 0x62, 0x6e, 0x3a, 0x36, 0x1c, 0x1b, 0x75, 0x2b, 0x63, 0x76,
    0x55, 0x56, 0x77, 0x78, 0x79, 0x7a, 0x0e, 0x7b, 0x7c, 0x4f, 0x7d, 0x4b, 0x47, 0x7e, 0x7f, 0x6f,
    0x52, 0x53, 0x50, 0x4c, 0x4d, 0x48, 0x01, 0x45, 0x57, 0x4e, 0x51, 0x4a, 0x37, 0x49, 0x46, 0x54,
};

/* --- from the keyboard to the guest --- */

static void set_wire(struct i8042 *c, bool level)
{
    if (c->wire != level) {
        c->wire = level;
        irq_set(&c->irq1, level);
    }
}

static void update_wire(struct i8042 *c)
{
    bool from_keyboard = c->answer_full ? c->answer_irq : c->key_full;

    set_wire(c, from_keyboard && c->ram[0] & MODE_IRQ1);
}

/* A byte of the keyboard arrives. F0 with translation fills nothing: it marks the next byte. */
static void receive(struct i8042 *c, uint8_t byte)
{
    if (c->ram[0] & MODE_TRANSLATE) {
        if (byte == KEYBOARD_RELEASE) {
            c->release = RELEASED;
            return;
        }
        if (byte < sizeof set1) {
            byte = set1[byte];
        } else if (byte == 0x83) { /* F7 */
            byte = 0x41;
        } else if (byte == 0x84) { /* System Request */
            byte = 0x54;
        }
        byte |= c->release;
    }
    c->release = 0;
    c->key = byte;
    c->key_full = true;
}

static bool may_send(struct i8042 *c)
{
    if (c->key_full || c->ram[0] & MODE_OFF || at_keyboard_quiet(&c->keyboard)) {
        return false;
    }
    if (at_keyboard_answers(&c->keyboard) || clock_now(c->clock) >= c->ready) {
        return true;
    }
    timer_arm(&c->timer, c->ready);
    return false;
}

/* Whatever changed: the keyboard sends what it may, and the wire follows. */
static void update(struct i8042 *c)
{
    uint8_t byte;

    while (may_send(c) && at_keyboard_get(&c->keyboard, &byte)) {
        receive(c, byte);
    }
    update_wire(c);
}

static void on_timer(void *ctx, uint64_t now)
{
    (void)now;
    update(ctx);
}

static void keep_still(struct i8042 *c)
{
    c->ready = clock_now(c->clock) + c->gap;
}

static void set_mode(struct i8042 *c, uint8_t mode)
{
    if (c->ram[0] & ~mode & MODE_OFF) {
        keep_still(c); /* the clock was let go: a byte takes its time */
    }
    c->ram[0] = mode;
}

/* --- commands --- */

static void set_a20(struct i8042 *c, bool on)
{
    if (c->a20 != on) {
        c->a20 = on;
        c->ops->a20(c->ctx, on);
    }
}

static void answer(struct i8042 *c, uint8_t byte)
{
    c->answer = byte;
    c->answer_full = true;
    c->answer_status = 0;
    c->answer_irq = false;
}

static void read_ram(struct i8042 *c, uint8_t command)
{
    answer(c, c->ram[command % I8042_RAM]);
}

static void write_ram(struct i8042 *c, uint8_t byte)
{
    unsigned at = c->command % I8042_RAM;

    if (at == 0) {
        set_mode(c, byte);
    } else {
        c->ram[at] = byte;
    }
}

static void self_test(struct i8042 *c, uint8_t command)
{
    (void)command;
    c->ram[0] |= MODE_SYSTEM;
    answer(c, TEST_GOOD);
}

static void switch_keyboard(struct i8042 *c, uint8_t command)
{
    set_mode(c, command == CMD_KEYBOARD_ON ? c->ram[0] & (uint8_t)~MODE_OFF : c->ram[0] | MODE_OFF);
}

static void read_output_port(struct i8042 *c, uint8_t command)
{
    uint32_t a20 = c->a20 ? OUT_A20 : 0;
    uint32_t irq1 = c->key_full ? OUT_IRQ1 : 0;

    (void)command;
    answer(c, (uint8_t)(OUT_IDLE | OUT_NO_RESET | a20 | irq1));
}

static void write_output_port(struct i8042 *c, uint8_t byte)
{
    set_a20(c, byte & OUT_A20);
    if (!(byte & OUT_NO_RESET)) {
        c->ops->reset(c->ctx);
    }
}

static void write_output_buffer(struct i8042 *c, uint8_t byte)
{
    answer(c, byte);
    c->answer_irq = true;
}

/* The byte goes to a mouse, of which there is none: it times out. */
static void write_mouse(struct i8042 *c, uint8_t byte)
{
    (void)byte;
    answer(c, NO_ANSWER);
    c->answer_status = STATUS_MOUSE | STATUS_TIMEOUT;
}

static void switch_a20(struct i8042 *c, uint8_t command)
{
    set_a20(c, command & OUT_A20);
}

static void read_pins(struct i8042 *c, uint8_t command)
{
    (void)command;
    answer(c, c->ram[0] & MODE_OFF ? PINS_IDLE & ~PIN_CLOCK : PINS_IDLE);
}

/* Bits 3:0 clear pulse the low lines of the output port for 6 us. Only one of them does anything.
 */
static void pulse(struct i8042 *c, uint8_t command)
{
    if (!(command & OUT_NO_RESET)) {
        c->ops->reset(c->ctx);
    }
}

typedef void command_fn(struct i8042 *c, uint8_t byte);

/* Others do nothing, A7h and A8h (mouse off and on) among them. */
static const struct command {
    command_fn *now;       /* at the command, which it gets */
    command_fn *with_byte; /* at the byte that follows on port 60h, which it gets */
    uint8_t first, last;
    uint8_t answer; /* if there is neither */
} commands[] = {
    {read_ram,          NULL,                0x20, 0x3f, 0               },
    { NULL,             write_ram,           0x60, 0x7f, 0               },
    { NULL,             NULL,                0xa4, 0xa4, NO_PASSWORD     },
    { NULL,             NULL,                0xa9, 0xa9, CLOCK_STUCK_HIGH}, /* mouse test */
    { self_test,        NULL,                0xaa, 0xaa, 0               },
    { NULL,             NULL,                0xab, 0xab, 0               }, /* keyboard test */
    { switch_keyboard,  NULL,                0xad, 0xae, 0               },
    { NULL,             NULL,                0xc0, 0xc0, INPUT_PORT      },
    { read_output_port, NULL,                0xd0, 0xd0, 0               },
    { NULL,             write_output_port,   0xd1, 0xd1, 0               },
    { NULL,             write_output_buffer, 0xd2, 0xd2, 0               },
    { NULL,             write_mouse,         0xd3, 0xd4, 0               },
    { switch_a20,       NULL,                0xdd, 0xdd, 0               },
    { switch_a20,       NULL,                0xdf, 0xdf, 0               },
    { read_pins,        NULL,                0xe0, 0xe0, 0               },
    { pulse,            NULL,                0xf0, 0xff, 0               },
};

static const struct command *find_command(uint8_t byte)
{
    for (unsigned i = 0; i < ARRAY_SIZE(commands); i++) {
        if (byte >= commands[i].first && byte <= commands[i].last) {
            return &commands[i];
        }
    }
    return NULL;
}

static void write_command(struct i8042 *c, uint8_t byte)
{
    const struct command *row = find_command(byte);

    c->command_last = true;
    c->command = 0;
    if (!row) {
        return;
    }
    if (row->with_byte) {
        c->command = byte;
    } else if (row->now) {
        row->now(c, byte);
    } else {
        answer(c, row->answer);
    }
}

/* --- ports --- */

static void write_data(struct i8042 *c, uint8_t byte)
{
    const struct command *row = find_command(c->command);

    c->command_last = false;
    if (row) {
        row->with_byte(c, byte);
        c->command = 0;
        return;
    }
    set_mode(c, c->ram[0] & (uint8_t)~MODE_OFF); /* sending lets the clock go */
    at_keyboard_command(&c->keyboard, byte);
}

static uint8_t read_data(struct i8042 *c)
{
    if (c->answer_full) {
        c->answer_full = false;
        c->data = c->answer;
    } else if (c->key_full) {
        c->key_full = false;
        c->data = c->key;
        keep_still(c);
    }
    set_wire(c, false); /* each byte is an edge of its own */
    return c->data;
}

void i8042_data_io(void *dev, struct io_access *a)
{
    struct i8042 *c = dev;

    if (a->write) {
        write_data(c, (uint8_t)a->value);
    } else {
        a->value = io_byte_reply(read_data(c));
    }
    update(c);
}

void i8042_command_io(void *dev, struct io_access *a)
{
    struct i8042 *c = dev;
    uint32_t status = STATUS_UNLOCKED;

    if (a->write) {
        write_command(c, (uint8_t)a->value);
        update(c);
        return;
    }
    status |= c->answer_full || c->key_full ? STATUS_FULL : 0;
    status |= c->ram[0] & MODE_SYSTEM ? STATUS_SYSTEM : 0;
    status |= c->command_last ? STATUS_COMMAND : 0;
    status |= c->answer_full ? c->answer_status : 0;
    a->value = io_byte_reply((uint8_t)status);
}

void i8042_port92_io(void *dev, struct io_access *a)
{
    struct i8042 *c = dev;
    bool held = c->reset_held;

    if (!a->write) {
        a->value = io_byte_reply((uint8_t)((held ? PORT92_RESET : 0) | (c->a20 ? OUT_A20 : 0)));
        return;
    }
    c->reset_held = a->value & PORT92_RESET;
    set_a20(c, a->value & OUT_A20);
    if (c->reset_held && !held) {
        c->ops->reset(c->ctx);
    }
}

/* --- for the machine --- */

void i8042_init(struct i8042 *c, struct irq_line irq1, const struct i8042_ops *ops, void *ctx,
                const struct clock *clock, struct timer_queue *timers)
{
    *c = (struct i8042){
        .ram = { MODE_TRANSLATE | MODE_IRQ1 },
        .a20 = true,
        .irq1 = irq1,
        .ops = ops,
        .ctx = ctx,
        .clock = clock,
        .gap = clock->hz / GAPS_PER_SECOND,
    };
    at_keyboard_init(&c->keyboard);
    timer_init(&c->timer, timers, on_timer, c);
}

bool i8042_key(struct i8042 *c, struct key_event e)
{
    bool taken = at_keyboard_key(&c->keyboard, e);

    update(c);
    return taken;
}

bool i8042_idle(const struct i8042 *c)
{
    return !c->answer_full && !c->key_full && at_keyboard_quiet(&c->keyboard);
}
