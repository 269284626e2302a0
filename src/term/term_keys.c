#include "term/term_keys.h"
#include "lib/bits.h"
#include "term/cp437.h"
#include <stddef.h>

enum state {
    GROUND,
    AFTER_CR,
    ESCAPE,
    CSI,       /* ESC [ */
    SS3,       /* ESC O */
    CSI_LINUX, /* ESC [ [ */
    UTF8
};

/* As in xterm's control sequences, "PC-Style Function Keys": the parameter less one. */
enum { SHIFT = 1, ALT = 2, CTRL = 4, META = 8 };

#define ESC 0x1b

/* What a US keyboard types, by the key's place: without and with Shift. */
static const char plain[] =
    "\0\0331234567890-=\b\tqwertyuiop[]\r\0asdfghjkl;'`\0\\zxcvbnm,./\0\0\0 ";
static const char shifted[] = "\0\0!@#$%^&*()_+\0\0QWERTYUIOP{}\0\0ASDFGHJKL:\"~\0|ZXCVBNM<>?";

/* What types 00 to 1F together with Ctrl. */
static const char control[] = "2abcdefghijklmnopqrstuvwxyz[\\]6-";

static const uint8_t pad_digit[] = { KEY_PAD_0, KEY_PAD_1, KEY_PAD_2, KEY_PAD_3, KEY_PAD_4,
                                     KEY_PAD_5, KEY_PAD_6, KEY_PAD_7, KEY_PAD_8, KEY_PAD_9 };

static const struct {
    uint8_t mod, key;
} mod_keys[] = {
    {CTRL,   KEY_LEFT_CTRL },
    { ALT,   KEY_LEFT_ALT  },
    { SHIFT, KEY_LEFT_SHIFT}
};

/* Numbers or letters in sequences: the first of some that follow one another, and its key. */
struct code {
    uint16_t first, count;
    uint8_t key, mods;
};

/* CSI number ~: VT220 Programmer Reference Manual, "Keyboard codes", and xterm's Home and End. CSI
 * number u for keys without a character: kitty's keyboard protocol, "Functional key definitions".
 */
static const struct code numbers[] = {
    {1,      1, KEY_HOME,         0    },
    { 2,     1, KEY_INSERT,       0    },
    { 3,     1, KEY_DELETE,       0    },
    { 4,     1, KEY_END,          0    },
    { 5,     1, KEY_PAGE_UP,      0    },
    { 6,     1, KEY_PAGE_DOWN,    0    },
    { 7,     1, KEY_HOME,         0    },
    { 8,     1, KEY_END,          0    },
    { 11,    5, KEY_F1,           0    },
    { 16,    1, KEY_F1 + 4,       0    },
    { 17,    5, KEY_F1 + 5,       0    },
    { 23,    2, KEY_F11,          0    },
    { 25,    2, KEY_F1,           SHIFT},
    { 28,    2, KEY_F1 + 2,       SHIFT},
    { 31,    4, KEY_F1 + 4,       SHIFT},
    { 57361, 1, KEY_PRINT_SCREEN, 0    },
    { 57362, 1, KEY_PAUSE,        0    },
};

/* CSI letter, and CSI 1 ; modifiers letter. */
static const struct code csi_letters[] = {
    {'A',  1, KEY_UP,        0    },
    { 'B', 1, KEY_DOWN,      0    },
    { 'C', 1, KEY_RIGHT,     0    },
    { 'D', 1, KEY_LEFT,      0    },
    { 'E', 1, KEY_PAD_5,     0    },
    { 'F', 1, KEY_END,       0    },
    { 'H', 1, KEY_HOME,      0    },
    { 'P', 4, KEY_F1,        0    },
    { 'Z', 1, KEY_TAB,       SHIFT},
    { '@', 1, KEY_INSERT,    0    },
    { 'V', 1, KEY_PAGE_UP,   0    },
    { 'U', 1, KEY_PAGE_DOWN, 0    },
    { 'Y', 1, KEY_END,       0    },
    { 'a', 1, KEY_UP,        SHIFT},
    { 'b', 1, KEY_DOWN,      SHIFT},
    { 'c', 1, KEY_RIGHT,     SHIFT},
    { 'd', 1, KEY_LEFT,      SHIFT},
};

/* SS3 letter: the keypad of a VT100, with its four function keys and those that came after. */
static const struct code ss3_letters[] = {
    {'A',  1,  KEY_UP,        0   },
    { 'B', 1,  KEY_DOWN,      0   },
    { 'C', 1,  KEY_RIGHT,     0   },
    { 'D', 1,  KEY_LEFT,      0   },
    { 'E', 1,  KEY_PAD_5,     0   },
    { 'F', 1,  KEY_END,       0   },
    { 'H', 1,  KEY_HOME,      0   },
    { 'M', 1,  KEY_PAD_ENTER, 0   },
    { 'P', 10, KEY_F1,        0   },
    { 'Z', 2,  KEY_F11,       0   },
    { 'a', 1,  KEY_UP,        CTRL},
    { 'b', 1,  KEY_DOWN,      CTRL},
    { 'c', 1,  KEY_RIGHT,     CTRL},
    { 'd', 1,  KEY_LEFT,      CTRL},
    { 'j', 1,  KEY_PAD_STAR,  0   },
    { 'k', 1,  KEY_PAD_PLUS,  0   },
    { 'm', 1,  KEY_PAD_MINUS, 0   },
    { 'n', 1,  KEY_PAD_DOT,   0   },
    { 'o', 1,  KEY_PAD_SLASH, 0   },
    { 'p', 1,  KEY_PAD_0,     0   },
    { 'q', 1,  KEY_PAD_1,     0   },
    { 'r', 1,  KEY_PAD_2,     0   },
    { 's', 1,  KEY_PAD_3,     0   },
    { 't', 1,  KEY_PAD_4,     0   },
    { 'u', 1,  KEY_PAD_5,     0   },
    { 'v', 1,  KEY_PAD_6,     0   },
    { 'w', 1,  KEY_PAD_7,     0   },
    { 'x', 1,  KEY_PAD_8,     0   },
    { 'y', 1,  KEY_PAD_9,     0   },
};

/* CSI [ letter. */
static const struct code linux_letters[] = {
    {'A', 5, KEY_F1, 0},
};

/* Keys that are others on a PC, and the substitutes that the header lists. */
static const struct {
    uint8_t key, mods, to_key, to_mods;
} substitutes[] = {
    {KEY_INSERT,        CTRL | ALT, KEY_DELETE,       CTRL | ALT},
    { KEY_END,          CTRL | ALT, KEY_BREAK,        CTRL      },
    { KEY_HOME,         CTRL | ALT, KEY_PAUSE,        0         },
    { KEY_PAGE_UP,      CTRL | ALT, KEY_PRINT_SCREEN, 0         },
    { KEY_PAUSE,        CTRL,       KEY_BREAK,        CTRL      },
    { KEY_PRINT_SCREEN, ALT,        KEY_SYSRQ,        ALT       },
};

/* Where the events go. */
struct sink {
    term_key_fn *emit;
    void *ctx;
};

static void send(const struct sink *to, unsigned key, bool down)
{
    to->emit(to->ctx, (struct key_event){ .key = (uint8_t)key, .down = down });
}

static void press_and_release(const struct sink *to, unsigned key)
{
    send(to, key, true);
    send(to, key, false);
}

/* One key with modifiers, which are released in the reverse order. */
static void type_key(const struct sink *to, unsigned key, unsigned mods)
{
    for (unsigned i = 0; i < ARRAY_SIZE(substitutes); i++) {
        if (substitutes[i].key == key && substitutes[i].mods == mods) {
            key = substitutes[i].to_key;
            mods = substitutes[i].to_mods;
            break;
        }
    }
    for (unsigned i = 0; i < ARRAY_SIZE(mod_keys); i++) {
        if (mods & mod_keys[i].mod) {
            send(to, mod_keys[i].key, true);
        }
    }
    press_and_release(to, key);
    for (unsigned i = ARRAY_SIZE(mod_keys); i-- > 0;) {
        if (mods & mod_keys[i].mod) {
            send(to, mod_keys[i].key, false);
        }
    }
}

/* The place of the key that types c; 0 if none does. */
static unsigned find_key(const char *map, size_t len, unsigned c)
{
    for (unsigned i = 1; c && i < len; i++) {
        if ((uint8_t)map[i] == c) {
            return i;
        }
    }
    return KEY_NONE;
}

/* c below 80h. Enter, Backspace, Tab and Esc are keys; other control characters are Ctrl and one.
 */
static void type_ascii(const struct sink *to, unsigned c, unsigned mods)
{
    c = c == '\n' ? '\r' : c == 0x7f ? '\b' : c;
    unsigned key = find_key(plain, sizeof plain - 1, c);
    if (!key && c < ' ') {
        key = find_key(plain, sizeof plain - 1, (uint8_t)control[c]);
        mods |= CTRL;
    } else if (!key) {
        key = find_key(shifted, sizeof shifted - 1, c);
        mods |= SHIFT;
    }
    type_key(to, key, mods);
}

/* A character that is on no key, as one types it on a PC: its number on the keypad while Alt is
 * held. */
static void type_unicode(const struct sink *to, uint32_t code)
{
    unsigned c = code < 0x80 ? 0 : cp437_from_unicode(code);

    if (!c) {
        return;
    }
    send(to, KEY_LEFT_ALT, true);
    for (unsigned unit = 100; unit; unit /= 10) {
        if (c >= unit) {
            press_and_release(to, pad_digit[c / unit % 10]);
        }
    }
    send(to, KEY_LEFT_ALT, false);
}

static void type_code(const struct sink *to, const struct code *table, size_t n, unsigned code,
                      unsigned mods)
{
    for (size_t i = 0; i < n; i++) {
        unsigned offset = code - table[i].first;

        if (offset < table[i].count) {
            type_key(to, table[i].key + offset, table[i].mods | mods);
            return;
        }
    }
}

/* A parameter is 1 + the sum of the modifiers, 0 if it is missing. */
static unsigned modifiers(unsigned param)
{
    unsigned mods = param ? param - 1 : 0;

    return (mods & (SHIFT | ALT | CTRL)) | (mods & META ? ALT : 0);
}

/* The last bytes of sequences that begin with a number: all but the first and the last are rxvt's.
 */
static bool ends_number(uint8_t byte)
{
    return byte == '~' || byte == '$' || byte == '^' || byte == '@' || byte == 'u';
}

static void end_number(const struct term_keys *k, const struct sink *to, uint8_t final,
                       unsigned mods)
{
    mods |= k->params >= 2 ? modifiers(k->param[1]) : 0;
    mods |= final == '$' || final == '@' ? SHIFT : 0;
    mods |= final == '^' || final == '@' ? CTRL : 0;
    bool other = k->params == 3 && k->param[0] == 27;
    unsigned c = k->param[other ? 2 : 0];

    if ((other || final == 'u') && c < 0x80) {
        type_ascii(to, c, mods);
    } else {
        type_code(to, numbers, ARRAY_SIZE(numbers), c, mods);
    }
}

/* The last byte of a CSI or SS3 sequence has come. */
static void end_sequence(const struct term_keys *k, const struct sink *to, uint8_t final)
{
    unsigned mods = k->escaped ? ALT : 0;

    if (k->foreign) {
        return;
    }
    if (k->state == CSI && k->params && ends_number(final)) {
        end_number(k, to, final, mods);
        return;
    }
    if (k->params) {
        mods |= modifiers(k->param[k->params - 1]);
    }
    if (k->params > 1 && k->param[0] > 1) {
        return; /* a report of the cursor's place looks like F3 */
    }
    if (k->state == SS3) {
        type_code(to, ss3_letters, ARRAY_SIZE(ss3_letters), final, mods);
    } else if (final == 'P' && !k->params) {
        type_key(to, KEY_PAUSE, mods); /* of the Linux console; elsewhere F1 alone is SS3 P */
    } else {
        type_code(to, csi_letters, ARRAY_SIZE(csi_letters), final, mods);
    }
}

static void begin(struct term_keys *k, enum state state)
{
    *k = (struct term_keys){ .state = (uint8_t)state, .escaped = k->escaped };
}

/* The byte is no part of what began: that ends as if nothing had followed, and the byte starts
 * something new. */
static void start_over(struct term_keys *k, const struct sink *to, uint8_t byte)
{
    term_keys_timeout(k, to->emit, to->ctx);
    term_keys_byte(k, byte, to->emit, to->ctx);
}

static void on_ground(struct term_keys *k, const struct sink *to, uint8_t byte, unsigned mods)
{
    k->state = GROUND;
    if (byte == ESC) {
        k->escaped = false;
        k->state = ESCAPE;
    } else if (byte < 0x80) {
        type_ascii(to, byte, mods);
        k->state = byte == '\r' ? AFTER_CR : GROUND;
    } else if (byte >= 0xc2 && byte < 0xf5) {
        /* The length of a UTF-8 character and its first bits. */
        k->left = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
        k->code = byte & (0x3fu >> k->left);
        k->state = UTF8;
    }
}

static void after_cr(struct term_keys *k, const struct sink *to, uint8_t byte)
{
    if (byte == '\n' || byte == 0) {
        k->state = GROUND;
    } else {
        on_ground(k, to, byte, 0);
    }
}

static void in_escape(struct term_keys *k, const struct sink *to, uint8_t byte)
{
    if (byte == '[') {
        begin(k, CSI);
    } else if (byte == 'O') {
        begin(k, SS3);
    } else {
        if (k->escaped) {
            type_ascii(to, ESC, 0);
        }
        if (byte == ESC) {
            k->escaped = true;
        } else {
            on_ground(k, to, byte, ALT);
        }
    }
}

/* A digit or a separator of parameters; false if it is neither. */
static bool take_parameter(struct term_keys *k, uint8_t byte)
{
    bool digit = byte >= '0' && byte <= '9';

    if (!digit && byte != ';') {
        return false;
    }
    if (k->params == 0) {
        k->params = 1;
    }
    if (digit) {
        uint16_t *param = &k->param[k->params - 1];

        *param = (uint16_t)MIN(*param * 10u + byte - '0', UINT16_MAX);
    } else if (k->params < ARRAY_SIZE(k->param)) {
        k->params++;
    } else {
        k->foreign = true;
    }
    return true;
}

/* ECMA-48, "Control sequences": 30 to 3F are parameters, 20 to 2F stand before the last byte. */
static void in_sequence(struct term_keys *k, const struct sink *to, uint8_t byte)
{
    bool rxvt_shift = byte == '$' && k->params && !k->foreign;

    if (byte < ' ' || byte >= 0x7f) {
        start_over(k, to, byte);
    } else if (k->state == CSI && byte == '[' && !k->params && !k->foreign) {
        k->state = CSI_LINUX;
    } else if (take_parameter(k, byte)) {
        return;
    } else if (k->state == CSI && byte < '@' && !rxvt_shift) {
        k->foreign = true;
    } else {
        end_sequence(k, to, byte);
        k->state = GROUND;
    }
}

static void in_linux_sequence(struct term_keys *k, const struct sink *to, uint8_t byte)
{
    if (byte < ' ' || byte >= 0x7f) {
        start_over(k, to, byte);
    } else {
        k->state = GROUND;
        type_code(to, linux_letters, ARRAY_SIZE(linux_letters), byte, k->escaped ? ALT : 0);
    }
}

static void in_utf8(struct term_keys *k, const struct sink *to, uint8_t byte)
{
    if ((byte & 0xc0) != 0x80) {
        start_over(k, to, byte);
        return;
    }
    k->code = k->code << 6 | (byte & 0x3f);
    if (--k->left == 0) {
        k->state = GROUND;
        type_unicode(to, k->code);
    }
}

void term_keys_init(struct term_keys *k)
{
    *k = (struct term_keys){ .state = GROUND };
}

void term_keys_byte(struct term_keys *k, uint8_t byte, term_key_fn *emit, void *ctx)
{
    const struct sink to = { emit, ctx };

    switch ((enum state)k->state) {
    case GROUND:
        on_ground(k, &to, byte, 0);
        break;
    case AFTER_CR:
        after_cr(k, &to, byte);
        break;
    case ESCAPE:
        in_escape(k, &to, byte);
        break;
    case CSI:
    case SS3:
        in_sequence(k, &to, byte);
        break;
    case CSI_LINUX:
        in_linux_sequence(k, &to, byte);
        break;
    case UTF8:
        in_utf8(k, &to, byte);
        break;
    }
}

bool term_keys_waiting(const struct term_keys *k)
{
    return k->state != GROUND;
}

void term_keys_timeout(struct term_keys *k, term_key_fn *emit, void *ctx)
{
    const struct sink to = { emit, ctx };
    bool bare = (k->state == CSI || k->state == SS3) && !k->params && !k->foreign;

    if (k->state == ESCAPE || (bare && k->escaped)) {
        type_ascii(&to, ESC, 0);
    }
    if (k->state == ESCAPE && k->escaped) {
        type_ascii(&to, ESC, 0);
    }
    if (bare) {
        type_ascii(&to, k->state == CSI ? '[' : 'O', ALT);
    }
    k->state = GROUND;
}
