#include "drivers/ps2_keyboard.h"
#include "arch/x86_64/cpu.h"
#include "lib/bits.h"
#include "lib/mem.h"

enum { DATA = 0x60, STATUS = 0x64, COMMAND = 0x64 };
enum {
    STATUS_OUTPUT_FULL = 0x01, /* a byte waits for the CPU */
    STATUS_INPUT_FULL = 0x02,  /* the controller has not taken the CPU's last byte yet */
    STATUS_MOUSE = 0x20,       /* the byte that waits is the mouse's */
    NO_CONTROLLER = 0xff       /* what a floating bus reads */
};
enum {
    CMD_READ_CONFIG = 0x20,
    CMD_WRITE_CONFIG = 0x60,
    CMD_MOUSE_OFF = 0xa7,
    CMD_KEYBOARD_OFF = 0xad
};
enum {
    CONFIG_IRQ1 = 0x01,
    CONFIG_IRQ12 = 0x02,
    CONFIG_KEYBOARD_OFF = 0x10,
    CONFIG_MOUSE_OFF = 0x20,
    CONFIG_TRANSLATE = 0x40
};
enum { WAIT_TRIES = 50000, BYTES_MAX = 64 };
enum {
    BREAK = 0x80,
    PREFIX_EXTENDED = 0xe0,
    PREFIX_PAUSE = 0xe1,
    PAUSE_SECOND = 0x1d,
    PAUSE_THIRD = 0x45,
    FAKE_LEFT_SHIFT = KEY_EXTENDED | KEY_LEFT_SHIFT,
    FAKE_RIGHT_SHIFT = KEY_EXTENDED | KEY_RIGHT_SHIFT
};

/* --- the controller --- */

/* The controller has taken what was written. */
static bool ready(void)
{
    for (unsigned i = 0; i < WAIT_TRIES; i++) {
        if (!(io_in8(STATUS) & STATUS_INPUT_FULL)) {
            return true;
        }
    }
    return false;
}

static bool write_when_ready(uint16_t port, uint8_t v)
{
    if (!ready()) {
        return false;
    }
    io_out8(port, v);
    return true;
}

/* False if bytes do not end. */
static bool drop_waiting(void)
{
    for (unsigned i = 0; i < BYTES_MAX; i++) {
        if (!(io_in8(STATUS) & STATUS_OUTPUT_FULL)) {
            return true;
        }
        io_in8(DATA);
    }
    return false;
}

/* With both ports off: the next byte is the controller's answer. */
static bool read_config(uint8_t *config)
{
    if (!write_when_ready(COMMAND, CMD_READ_CONFIG)) {
        return false;
    }
    for (unsigned i = 0; i < WAIT_TRIES; i++) {
        if (io_in8(STATUS) & STATUS_OUTPUT_FULL) {
            *config = io_in8(DATA);
            return true;
        }
    }
    return false;
}

static bool write_config(const struct ps2_keyboard *k)
{
    return write_when_ready(COMMAND, CMD_WRITE_CONFIG) && write_when_ready(DATA, k->config);
}

bool ps2_keyboard_init(struct ps2_keyboard *k)
{
    *k = (struct ps2_keyboard){ .present = false };
    if (io_in8(STATUS) == NO_CONTROLLER || !write_when_ready(COMMAND, CMD_KEYBOARD_OFF) ||
        !write_when_ready(COMMAND, CMD_MOUSE_OFF) || !ready() || !drop_waiting() ||
        !read_config(&k->config)) {
        return false;
    }
    k->config &= (uint8_t) ~(CONFIG_IRQ1 | CONFIG_IRQ12 | CONFIG_KEYBOARD_OFF);
    k->config |= CONFIG_MOUSE_OFF | CONFIG_TRANSLATE;
    k->present = write_config(k);
    return k->present;
}

void ps2_keyboard_set_irq(struct ps2_keyboard *k, bool on)
{
    if (k->present) {
        k->config = (uint8_t)((k->config & ~CONFIG_IRQ1) | (on ? CONFIG_IRQ1 : 0));
        write_config(k);
    }
}

/* --- what it says --- */

/* An answer of the keyboard (FAh, FEh, FFh, AAh) is the up of a key that nobody has pressed, and
 * its error 00h is no key. */
static bool is_event(struct ps2_keyboard *k, const struct key_event *e)
{
    uint8_t bit = (uint8_t)BIT32(e->key % 8);
    uint8_t *held = &k->down[e->key / 8];
    bool was_down = *held & bit;

    if ((e->key & ~KEY_EXTENDED) == KEY_NONE || e->key == FAKE_LEFT_SHIFT ||
        e->key == FAKE_RIGHT_SHIFT) {
        return false;
    }
    *held = (uint8_t)(e->down ? *held | bit : *held & ~bit);
    return e->down || was_down;
}

/* Takes the next byte in; true if it completes what happened to a key. */
static bool decode(struct ps2_keyboard *k, uint8_t byte, struct key_event *e)
{
    uint8_t prefix = k->prefix;
    uint8_t code = byte & (uint8_t)~BREAK;

    k->prefix = 0;
    if (byte == PREFIX_EXTENDED || byte == PREFIX_PAUSE ||
        (prefix == PREFIX_PAUSE && code == PAUSE_SECOND)) {
        k->prefix = byte == PREFIX_EXTENDED || byte == PREFIX_PAUSE ? byte : PAUSE_SECOND;
        return false;
    }
    e->down = !(byte & BREAK);
    if (prefix == PAUSE_SECOND && code == PAUSE_THIRD) {
        e->key = KEY_PAUSE;
    } else {
        e->key = prefix == PREFIX_EXTENDED ? KEY_EXTENDED | code : code;
    }
    return is_event(k, e);
}

bool ps2_keyboard_get(struct ps2_keyboard *k, struct key_event *event)
{
    for (unsigned i = 0; k->present && i < BYTES_MAX; i++) {
        uint8_t status = io_in8(STATUS);
        uint8_t byte;

        if (status == NO_CONTROLLER || !(status & STATUS_OUTPUT_FULL)) {
            return false;
        }
        byte = io_in8(DATA);
        if (!(status & STATUS_MOUSE) && decode(k, byte, event)) {
            return true;
        }
    }
    return false;
}

char ps2_keyboard_ascii(uint8_t key)
{
    /* The rows of the keyboard: neighbours have successive scan codes. */
    static const struct {
        uint8_t first;
        const char *ascii;
    } rows[] = {
        {KEY_1,          "1234567890"},
        { 0x10,          "qwertyuiop"},
        { 0x1e,          "asdfghjkl" },
        { 0x2c,          "zxcvbnm"   },
        { KEY_ENTER,     "\r"        },
        { KEY_PAD_ENTER, "\r"        },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        if (key >= rows[i].first && key - rows[i].first < (int)strlen(rows[i].ascii)) {
            return rows[i].ascii[key - rows[i].first];
        }
    }
    return 0;
}
