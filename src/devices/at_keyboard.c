#include "devices/at_keyboard.h"
#include "lib/bits.h"

/* Bytes that the keyboard sends. */
enum {
    EXTENDED = 0xe0,
    EXTENDED_PAUSE = 0xe1,
    RELEASE_SET_2 = 0xf0,
    RELEASE_SET_1 = 0x80, /* a bit of the code */
    SELF_TEST_GOOD = 0xaa,
    ECHO = 0xee,
    ACK = 0xfa,
    RESEND = 0xfe,
};

/* Commands that are more than a row of the table below. */
enum {
    CMD_LEDS = 0xed, /* the first: lower bytes are parameters only */
    CMD_SET = 0xf0,
    CMD_KEY_TYPES = 0xfb, /* to FDh: keys of set 3 follow */
    CMD_RESEND = 0xfe,
};

/* Set 2 codes by set 1 code. The keys after E0 have the same codes. */
static const uint8_t set2[128] = {
    0x00, 0x76, 0x16, 0x1e, 0x26, 0x25, 0x2e, 0x36, 0x3d, 0x3e, 0x46, 0x45, 0x4e, 0x55, 0x66, 0x0d,
    0x15, 0x1d, 0x24, 0x2d, 0x2c, 0x35, 0x3c, 0x43, 0x44, 0x4d, 0x54, 0x5b, 0x5a, 0x14, 0x1c, 0x1b,
    0x23, 0x2b, 0x34, 0x33, 0x3b, 0x42, 0x4b, 0x4c, 0x52, 0x0e, 0x12, 0x5d, 0x1a, 0x22, 0x21, 0x2a,
    0x32, 0x31, 0x3a, 0x41, 0x49, 0x4a, 0x59, 0x7c, 0x11, 0x29, 0x58, 0x05, 0x06, 0x04, 0x0c, 0x03,
    0x0b, 0x83, 0x0a, 0x01, 0x09, 0x77, 0x7e, 0x6c, 0x75, 0x7d, 0x7b, 0x6b, 0x73, 0x74, 0x79, 0x69,
    0x72, 0x7a, 0x70, 0x71, 0x84, 0x60, 0x61, 0x78, 0x07, 0x0f, 0x17, 0x1f, 0x27, 0x2f, 0x37, 0x3f,
    0x47, 0x4f, 0x56, 0x5e, 0x08, 0x10, 0x18, 0x20, 0x28, 0x30, 0x38, 0x40, 0x48, 0x50, 0x57, 0x6f,
    0x13, 0x19, 0x39, 0x51, 0x53, 0x5c, 0x5f, 0x62, 0x63, 0x64, 0x65, 0x67, 0x68, 0x6a, 0x6d, 0x6e,
};

/* struct at_keyboard.modifiers: a bit for each row. */
static const uint8_t modifier_key[] = { KEY_LEFT_SHIFT, KEY_RIGHT_SHIFT, KEY_LEFT_CTRL,
                                        KEY_RIGHT_CTRL, KEY_LEFT_ALT,    KEY_RIGHT_ALT };
enum { SHIFTS = 0x03, CTRLS = 0x0c, ALTS = 0x30 };

/* struct at_keyboard.print_form */
enum { PRINT_ALONE, PRINT_SHIFTED, PRINT_ALT };

enum {
    DO_PARAMETER = BIT32(0), /* a byte follows */
    DO_CLEAR = BIT32(1),     /* what was typed and not sent is forgotten */
    DO_DEFAULTS = BIT32(2),
    DO_SCAN_ON = BIT32(3),
    DO_SCAN_OFF = BIT32(4),
    DO_LEDS_OFF = BIT32(5),
    DO_RESET = DO_CLEAR | DO_DEFAULTS | DO_SCAN_ON | DO_LEDS_OFF,
};

/* Reference named in the header, "Commands from the System", from EDh on. Set 3 is not there, so
 * the commands about the types of its keys are taken and change nothing. */
static const struct {
    uint8_t reply[AT_KEYBOARD_REPLY]; /* up to the first 0 */
    uint8_t actions;
} commands[256 - CMD_LEDS] = {
    {{ ACK },                  DO_PARAMETER                        }, /* ED LEDs */
    { { ECHO },                0                                   }, /* EE echo */
    { { RESEND },              0                                   }, /* EF none */
    { { ACK },                 DO_PARAMETER | DO_CLEAR             }, /* F0 scan code set */
    { { RESEND },              0                                   }, /* F1 none */
    { { ACK, 0xab, 0x83 },     0                                   }, /* F2 identify */
    { { ACK },                 DO_PARAMETER                        }, /* F3 typematic rate */
    { { ACK },                 DO_CLEAR | DO_SCAN_ON               }, /* F4 enable */
    { { ACK },                 DO_CLEAR | DO_DEFAULTS | DO_SCAN_OFF}, /* F5 disable */
    { { ACK },                 DO_CLEAR | DO_DEFAULTS              }, /* F6 defaults */
    { { ACK },                 DO_CLEAR                            }, /* F7 to FA: key types */
    { { ACK },                 DO_CLEAR                            },
    { { ACK },                 DO_CLEAR                            },
    { { ACK },                 DO_CLEAR                            },
    { { ACK },                 DO_PARAMETER | DO_CLEAR             }, /* FB to FD: key types */
    { { ACK },                 DO_PARAMETER | DO_CLEAR             },
    { { ACK },                 DO_PARAMETER | DO_CLEAR             },
    { { 0 },                   0                                   }, /* FE resend */
    { { ACK, SELF_TEST_GOOD }, DO_RESET                            }, /* FF reset */
};

/* What one event of a key sends: all of it is queued, or nothing. */
struct burst {
    uint8_t byte[8]; /* Pause in set 2 */
    uint8_t length;
};

void at_keyboard_init(struct at_keyboard *k)
{
    *k = (struct at_keyboard){ .set = 2, .scanning = true, .last = SELF_TEST_GOOD };
}

static void put(struct burst *b, uint8_t byte)
{
    b->byte[b->length++] = byte;
}

static void put_key(struct burst *b, uint8_t set, struct key_event e)
{
    uint8_t code = e.key & (KEY_EXTENDED - 1);

    if (code == KEY_NONE) {
        return;
    }
    if (e.key & KEY_EXTENDED) {
        put(b, EXTENDED);
    }
    if (set == 1) {
        put(b, e.down ? code : code | RELEASE_SET_1);
        return;
    }
    if (!e.down) {
        put(b, RELEASE_SET_2);
    }
    put(b, set2[code]);
}

/* Pause has no release; it goes down and up at once. With Ctrl it is Break. */
static void put_pause(struct burst *b, uint8_t set, bool is_break)
{
    for (unsigned down = 2; down-- > 0;) {
        if (is_break) {
            put_key(b, set, (struct key_event){ KEY_BREAK, down != 0 });
        } else {
            put(b, EXTENDED_PAUSE);
            put_key(b, set, (struct key_event){ KEY_LEFT_CTRL, down != 0 });
            put_key(b, set, (struct key_event){ KEY_NUM_LOCK, down != 0 });
        }
    }
}

/* Print Screen comes with a Shift of its own, unless one is down; with Alt it is System Request. */
static void put_print_screen(struct burst *b, uint8_t set, uint8_t form, bool down)
{
    const struct key_event shift = { KEY_EXTENDED | KEY_LEFT_SHIFT, down };

    if (form == PRINT_ALONE && down) {
        put_key(b, set, shift);
    }
    put_key(b, set, (struct key_event){ form == PRINT_ALT ? KEY_SYSRQ : KEY_PRINT_SCREEN, down });
    if (form == PRINT_ALONE && !down) {
        put_key(b, set, shift);
    }
}

/* The release of Print Screen repeats the form of its press, whatever was let go in between. */
static uint8_t print_form(const struct at_keyboard *k, bool down)
{
    if (!down) {
        return k->print_form;
    }
    if (k->modifiers & ALTS) {
        return PRINT_ALT;
    }
    return k->modifiers & (SHIFTS | CTRLS) ? PRINT_SHIFTED : PRINT_ALONE;
}

static void remember(struct at_keyboard *k, struct key_event e)
{
    for (unsigned i = 0; i < sizeof modifier_key; i++) {
        if (modifier_key[i] == e.key) {
            k->modifiers = (uint8_t)((k->modifiers & ~BIT32(i)) | (uint32_t)e.down << i);
        }
    }
    if (e.key == KEY_PRINT_SCREEN) {
        k->print_form = print_form(k, e.down);
    }
}

bool at_keyboard_key(struct at_keyboard *k, struct key_event e)
{
    struct burst b = { .length = 0 };

    if (e.key == KEY_PAUSE || e.key == KEY_BREAK) {
        if (e.down) {
            put_pause(&b, k->set, e.key == KEY_BREAK || k->modifiers & CTRLS);
        }
    } else if (e.key == KEY_PRINT_SCREEN) {
        put_print_screen(&b, k->set, print_form(k, e.down), e.down);
    } else {
        put_key(&b, k->set, e);
    }
    if (!k->scanning || b.length > AT_KEYBOARD_BUFFER - k->count) {
        return false;
    }
    remember(k, e);
    for (unsigned i = 0; i < b.length; i++) {
        k->buffer[(k->first + k->count++) % AT_KEYBOARD_BUFFER] = b.byte[i];
    }
    return true;
}

static void answer(struct at_keyboard *k, uint8_t byte)
{
    k->reply[k->reply_count++] = byte;
}

static void do_command(struct at_keyboard *k, uint8_t byte)
{
    unsigned row = byte - CMD_LEDS;
    unsigned actions = commands[row].actions;

    for (unsigned i = 0; i < AT_KEYBOARD_REPLY && commands[row].reply[i] != 0; i++) {
        answer(k, commands[row].reply[i]);
    }
    if (byte == CMD_RESEND) {
        answer(k, k->last);
    }
    k->expects = actions & DO_PARAMETER ? byte : 0;
    if (actions & DO_CLEAR) {
        k->count = 0;
    }
    if (actions & DO_DEFAULTS) {
        k->set = 2;
    }
    if (actions & (DO_SCAN_ON | DO_SCAN_OFF)) {
        k->scanning = (actions & DO_SCAN_ON) != 0;
    }
    if (actions & DO_LEDS_OFF) {
        k->leds = 0;
    }
}

static void do_parameter(struct at_keyboard *k, uint8_t byte)
{
    uint8_t command = k->expects;

    /* Any number of keys may follow; the next command ends them. */
    k->expects = command >= CMD_KEY_TYPES ? command : 0;
    if (command == CMD_LEDS) {
        k->leds = byte & (AT_LED_SCROLL | AT_LED_NUM | AT_LED_CAPS);
    }
    if (command == CMD_SET && byte > 2) {
        answer(k, RESEND);
        return;
    }
    answer(k, ACK);
    if (command == CMD_SET && byte == 0) {
        answer(k, k->set);
    } else if (command == CMD_SET) {
        k->set = byte;
    }
}

void at_keyboard_command(struct at_keyboard *k, uint8_t byte)
{
    /* A byte from the system ends an answer that was not sent to its end. */
    k->reply_first = 0;
    k->reply_count = 0;
    if (byte >= CMD_LEDS) {
        do_command(k, byte);
    } else if (k->expects != 0) {
        do_parameter(k, byte);
    } else {
        answer(k, RESEND);
    }
}

bool at_keyboard_get(struct at_keyboard *k, uint8_t *byte)
{
    if (at_keyboard_answers(k)) {
        *byte = k->reply[k->reply_first++];
    } else if (k->count > 0) {
        *byte = k->buffer[k->first];
        k->first = (uint8_t)((k->first + 1) % AT_KEYBOARD_BUFFER);
        k->count--;
    } else {
        return false;
    }
    if (*byte != RESEND) {
        k->last = *byte;
    }
    return true;
}

bool at_keyboard_answers(const struct at_keyboard *k)
{
    return k->reply_first < k->reply_count;
}

bool at_keyboard_quiet(const struct at_keyboard *k)
{
    return k->count == 0 && !at_keyboard_answers(k);
}
