#include "term/cp437.h"
#include "term/term_keys.h"
#include "unit.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHIFT = 1, ALT = 2, CTRL = 4 };

static struct term_keys keys;
static char seen[65536]; /* the events: "+1d +2e -2e -1d " */
static unsigned events;  /* of the last call */
static bool held[256];

static void note(void *ctx, struct key_event e)
{
    assert_ptr_equal(ctx, &keys);
    assert_true(held[e.key] != e.down);
    held[e.key] = e.down;
    events++;
    size_t len = strlen(seen);
    snprintf(seen + len, sizeof seen - len, "%c%02x ", e.down ? '+' : '-', e.key);
}

static void expect_all_released(void)
{
    for (unsigned i = 0; i < 256; i++) {
        assert_false(held[i]);
    }
    assert_true(events <= TERM_EVENTS_MAX);
}

static void feed(uint8_t byte)
{
    events = 0;
    term_keys_byte(&keys, byte, note, &keys);
    expect_all_released();
}

static void time_out(void)
{
    events = 0;
    term_keys_timeout(&keys, note, &keys);
    expect_all_released();
}

static int setup(void **state)
{
    (void)state;
    term_keys_init(&keys);
    seen[0] = 0;
    memset(held, 0, sizeof held);
    return 0;
}

/* The events of one key with modifiers, added to `to`. */
static void add_chord(char *to, unsigned key, unsigned mods)
{
    to += strlen(to);
    to += sprintf(to, "%s%s%s", mods & CTRL ? "+1d " : "", mods & ALT ? "+38 " : "",
                  mods & SHIFT ? "+2a " : "");
    to += sprintf(to, "+%02x -%02x ", key, key);
    sprintf(to, "%s%s%s", mods & SHIFT ? "-2a " : "", mods & ALT ? "-38 " : "",
            mods & CTRL ? "-1d " : "");
}

static void expect_chord(unsigned key, unsigned mods)
{
    char want[80] = "";

    add_chord(want, key, mods);
    assert_string_equal(seen, want);
    seen[0] = 0;
}

static void expect_nothing(void)
{
    assert_string_equal(seen, "");
}

/* A sequence says nothing before its last byte, and then this; `key` 0: nothing at all. */
static void expect_sequence_n(const char *bytes, size_t len, unsigned key, unsigned mods)
{
    for (size_t i = 0; i < len; i++) {
        expect_nothing();
        assert_true(i == 0 || term_keys_waiting(&keys));
        feed((uint8_t)bytes[i]);
    }
    assert_false(term_keys_waiting(&keys));
    if (key) {
        expect_chord(key, mods);
    }
    expect_nothing();
}

static void expect_sequence(const char *bytes, unsigned key, unsigned mods)
{
    expect_sequence_n(bytes, strlen(bytes), key, mods);
}

static void feed_text(const char *bytes)
{
    for (; *bytes; bytes++) {
        feed((uint8_t)*bytes);
    }
}

static const struct row {
    unsigned first;
    const char *plain, *shifted;
} rows[] = {
    {0x02,  "1234567890-=", "!@#$%^&*()_+" },
    { 0x10, "qwertyuiop[]", "QWERTYUIOP{}" },
    { 0x1e, "asdfghjkl;'`", "ASDFGHJKL:\"~"},
    { 0x2b, "\\zxcvbnm,./", "|ZXCVBNM<>?"  },
    { 0x39, " ",            ""             },
};

static void every_printable_character_is_a_key_with_or_without_shift(void **state)
{
    unsigned count = 0;

    (void)state;
    for (const struct row *r = rows; r < rows + 5; r++) {
        for (unsigned i = 0; r->plain[i]; i++, count++) {
            expect_sequence((char[]){ r->plain[i], 0 }, r->first + i, 0);
        }
        for (unsigned i = 0; r->shifted[i]; i++, count++) {
            expect_sequence((char[]){ r->shifted[i], 0 }, r->first + i, SHIFT);
        }
    }
    assert_int_equal(count, 95);
}

static void escape_and_a_character_is_alt(void **state)
{
    (void)state;
    for (const struct row *r = rows; r < rows + 5; r++) {
        for (unsigned i = 0; r->plain[i]; i++) {
            if (r->plain[i] != '[') {
                expect_sequence((char[]){ 27, r->plain[i], 0 }, r->first + i, ALT);
            }
        }
        for (unsigned i = 0; r->shifted[i]; i++) {
            if (r->shifted[i] != 'O') {
                expect_sequence((char[]){ 27, r->shifted[i], 0 }, r->first + i, ALT | SHIFT);
            }
        }
    }
    expect_sequence("\033\010", KEY_BACKSPACE, ALT);
    expect_sequence("\033\177", KEY_BACKSPACE, ALT);
    expect_sequence("\033\t", KEY_TAB, ALT);
    expect_sequence("\033\002", 0x30, CTRL | ALT);
}

static void control_characters_are_ctrl_and_a_key(void **state)
{
    static const uint8_t letter[] = { 0x1e, 0x30, 0x2e, 0x20, 0x12, 0x21, 0x22, 0,    0,
                                      0,    0x25, 0x26, 0,    0x31, 0x18, 0x19, 0x10, 0x13,
                                      0x1f, 0x14, 0x16, 0x2f, 0x11, 0x2d, 0x15, 0x2c };

    (void)state;
    for (unsigned i = 0; i < sizeof letter; i++) {
        if (letter[i]) {
            expect_sequence((char[]){ (char)(i + 1), 0 }, letter[i], CTRL);
        }
    }
    expect_sequence_n("", 1, 0x03, CTRL);
    expect_sequence("\034", 0x2b, CTRL);
    expect_sequence("\035", 0x1b, CTRL);
    expect_sequence("\036", 0x07, CTRL);
    expect_sequence("\037", 0x0c, CTRL);
    expect_sequence("\b", KEY_BACKSPACE, 0);
    expect_sequence("\177", KEY_BACKSPACE, 0);
    expect_sequence("\t", KEY_TAB, 0);
    expect_sequence("\n", KEY_ENTER, 0);
}

static void a_line_end_is_one_enter(void **state)
{
    (void)state;
    feed('\r');
    expect_chord(KEY_ENTER, 0);
    assert_true(term_keys_waiting(&keys));
    feed('\n');
    expect_nothing();
    assert_false(term_keys_waiting(&keys));
    feed_text("\n");
    expect_chord(KEY_ENTER, 0);
    /* A telnet client's Enter. */
    feed_text("\r");
    feed(0);
    expect_chord(KEY_ENTER, 0);
    /* Two, each alone. */
    feed_text("\r");
    expect_chord(KEY_ENTER, 0);
    feed_text("\r");
    expect_chord(KEY_ENTER, 0);
    /* Ctrl+J long after. */
    time_out();
    feed_text("\n");
    expect_chord(KEY_ENTER, 0);
    feed_text("\033\r\n");
    expect_chord(KEY_ENTER, ALT);
    /* A key directly behind. */
    feed_text("\rx");
    char want[80] = "";
    add_chord(want, KEY_ENTER, 0);
    add_chord(want, 0x2d, 0);
    assert_string_equal(seen, want);
}

static const struct sequence {
    const char *bytes;
    unsigned key, mods;
} sequences[] = {
  /* xterm, VT220, VT100 application mode */
    {"\033[A",                                                             KEY_UP,           0                 },
    { "\033[B",                                                            KEY_DOWN,         0                 },
    { "\033[C",                                                            KEY_RIGHT,        0                 },
    { "\033[D",                                                            KEY_LEFT,         0                 },
    { "\033[E",                                                            KEY_PAD_5,        0                 },
    { "\033[F",                                                            KEY_END,          0                 },
    { "\033[H",                                                            KEY_HOME,         0                 },
    { "\033OA",                                                            KEY_UP,           0                 },
    { "\033OB",                                                            KEY_DOWN,         0                 },
    { "\033OC",                                                            KEY_RIGHT,        0                 },
    { "\033OD",                                                            KEY_LEFT,         0                 },
    { "\033OE",                                                            KEY_PAD_5,        0                 },
    { "\033OF",                                                            KEY_END,          0                 },
    { "\033OH",                                                            KEY_HOME,         0                 },
    { "\033OP",                                                            KEY_F1,           0                 },
    { "\033OQ",                                                            KEY_F1 + 1,       0                 },
    { "\033OR",                                                            KEY_F1 + 2,       0                 },
    { "\033OS",                                                            KEY_F1 + 3,       0                 },
    { "\033[1~",                                                           KEY_HOME,         0                 },
    { "\033[2~",                                                           KEY_INSERT,       0                 },
    { "\033[3~",                                                           KEY_DELETE,       0                 },
    { "\033[4~",                                                           KEY_END,          0                 },
    { "\033[5~",                                                           KEY_PAGE_UP,      0                 },
    { "\033[6~",                                                           KEY_PAGE_DOWN,    0                 },
    { "\033[7~",                                                           KEY_HOME,         0                 },
    { "\033[8~",                                                           KEY_END,          0                 },
    { "\033[11~",                                                          KEY_F1,           0                 },
    { "\033[12~",                                                          KEY_F1 + 1,       0                 },
    { "\033[13~",                                                          KEY_F1 + 2,       0                 },
    { "\033[14~",                                                          KEY_F1 + 3,       0                 },
    { "\033[15~",                                                          KEY_F1 + 4,       0                 },
    { "\033[17~",                                                          KEY_F1 + 5,       0                 },
    { "\033[18~",                                                          KEY_F1 + 6,       0                 },
    { "\033[19~",                                                          KEY_F1 + 7,       0                 },
    { "\033[20~",                                                          KEY_F1 + 8,       0                 },
    { "\033[21~",                                                          KEY_F1 + 9,       0                 },
    { "\033[23~",                                                          KEY_F11,          0                 },
    { "\033[24~",                                                          KEY_F12,          0                 },
    { "\033[Z",                                                            KEY_TAB,          SHIFT             },
 /* modifiers */
    { "\033[1;2A",                                                         KEY_UP,           SHIFT             },
    { "\033[1;3B",                                                         KEY_DOWN,         ALT               },
    { "\033[1;4C",                                                         KEY_RIGHT,        SHIFT | ALT       },
    { "\033[1;5D",                                                         KEY_LEFT,         CTRL              },
    { "\033[1;6H",                                                         KEY_HOME,         SHIFT | CTRL      },
    { "\033[1;7A",                                                         KEY_UP,           ALT | CTRL        },
    { "\033[1;8F",                                                         KEY_END,          SHIFT | ALT | CTRL},
    { "\033[1;9A",                                                         KEY_UP,           ALT               },
    { "\033[1;1A",                                                         KEY_UP,           0                 },
    { "\033[5A",                                                           KEY_UP,           CTRL              },
    { "\033O5A",                                                           KEY_UP,           CTRL              },
    { "\033[1;2P",                                                         KEY_F1,           SHIFT             },
    { "\033O1;5S",                                                         KEY_F1 + 3,       CTRL              },
    { "\033[3;2~",                                                         KEY_DELETE,       SHIFT             },
    { "\033[5;5~",                                                         KEY_PAGE_UP,      CTRL              },
    { "\033[24;8~",                                                        KEY_F12,          SHIFT | ALT | CTRL},
    { "\033[;5A",                                                          KEY_UP,           CTRL              },
 /* Alt as one more ESC */
    { "\033\033[A",                                                        KEY_UP,           ALT               },
    { "\033\033OP",                                                        KEY_F1,           ALT               },
    { "\033\033[3~",                                                       KEY_DELETE,       ALT               },
    { "\033\033[[B",                                                       KEY_F1 + 1,       ALT               },
 /* the Linux console */
    { "\033[[A",                                                           KEY_F1,           0                 },
    { "\033[[E",                                                           KEY_F1 + 4,       0                 },
    { "\033[25~",                                                          KEY_F1,           SHIFT             },
    { "\033[26~",                                                          KEY_F1 + 1,       SHIFT             },
    { "\033[28~",                                                          KEY_F1 + 2,       SHIFT             },
    { "\033[29~",                                                          KEY_F1 + 3,       SHIFT             },
    { "\033[31~",                                                          KEY_F1 + 4,       SHIFT             },
    { "\033[34~",                                                          KEY_F1 + 7,       SHIFT             },
    { "\033[P",                                                            KEY_PAUSE,        0                 },
 /* rxvt */
    { "\033[a",                                                            KEY_UP,           SHIFT             },
    { "\033[d",                                                            KEY_LEFT,         SHIFT             },
    { "\033Oa",                                                            KEY_UP,           CTRL              },
    { "\033Od",                                                            KEY_LEFT,         CTRL              },
    { "\033[3$",                                                           KEY_DELETE,       SHIFT             },
    { "\033[3^",                                                           KEY_DELETE,       CTRL              },
    { "\033[3@",                                                           KEY_DELETE,       SHIFT | CTRL      },
 /* PuTTY's VT100+, minicom, the keypad */
    { "\033OT",                                                            KEY_F1 + 4,       0                 },
    { "\033OY",                                                            KEY_F1 + 9,       0                 },
    { "\033OZ",                                                            KEY_F11,          0                 },
    { "\033O[",                                                            KEY_F12,          0                 },
    { "\033[16~",                                                          KEY_F1 + 4,       0                 },
    { "\033[@",                                                            KEY_INSERT,       0                 },
    { "\033[V",                                                            KEY_PAGE_UP,      0                 },
    { "\033[U",                                                            KEY_PAGE_DOWN,    0                 },
    { "\033[Y",                                                            KEY_END,          0                 },
    { "\033OM",                                                            KEY_PAD_ENTER,    0                 },
    { "\033Oj",                                                            KEY_PAD_STAR,     0                 },
    { "\033Oo",                                                            KEY_PAD_SLASH,    0                 },
    { "\033Op",                                                            KEY_PAD_0,        0                 },
    { "\033Oy",                                                            KEY_PAD_9,        0                 },
 /* xterm's formatOtherKeys */
    { "\033[13;5u",                                                        KEY_ENTER,        CTRL              },
    { "\033[97;7u",                                                        0x1e,             ALT | CTRL        },
    { "\033[27u",                                                          KEY_ESC,          0                 },
    { "\033[27;5;9~",                                                      KEY_TAB,          CTRL              },
    { "\033[27;6;65~",                                                     0x1e,             SHIFT | CTRL      },
 /* the substitutes */
    { "\033[3;7~",                                                         KEY_DELETE,       CTRL | ALT        },
    { "\033\033[3^",                                                       KEY_DELETE,       CTRL | ALT        },
    { "\033[2;7~",                                                         KEY_DELETE,       CTRL | ALT        },
    { "\033[1;7F",                                                         KEY_BREAK,        CTRL              },
    { "\033[4;7~",                                                         KEY_BREAK,        CTRL              },
    { "\033[57362;5u",                                                     KEY_BREAK,        CTRL              },
    { "\033[1;7H",                                                         KEY_PAUSE,        0                 },
    { "\033[1;7~",                                                         KEY_PAUSE,        0                 },
    { "\033[57362u",                                                       KEY_PAUSE,        0                 },
    { "\033[5;7~",                                                         KEY_PRINT_SCREEN, 0                 },
    { "\033[57361u",                                                       KEY_PRINT_SCREEN, 0                 },
    { "\033[57361;3u",                                                     KEY_SYSRQ,        ALT               },
 /* keys of none */
    { "\033[200~",                                                         0,                0                 },
    { "\033[201~",                                                         0,                0                 },
    { "\033[0~",                                                           0,                0                 },
    { "\033[10~",                                                          0,                0                 },
    { "\033[~",                                                            0,                0                 },
    { "\033[I",                                                            0,                0                 },
    { "\033[[F",                                                           0,                0                 },
    { "\033O!",                                                            0,                0                 },
    { "\033[24;80R",                                                       0,                0                 },
    { "\033[8;25;80t",                                                     0,                0                 },
    { "\033[?62;1;2c",                                                     0,                0                 },
    { "\033[?3$A",                                                         0,                0                 },
    { "\033[<0;1;1M",                                                      0,                0                 },
    { "\033[ A",                                                           0,                0                 },
    { "\033[1;2;3;4A",                                                     0,                0                 },
    { "\033[65539~",                                                       0,                0                 },
    { "\033[4294967299~",                                                  0,                0                 },
    { "\033[200;7u",                                                       0,                0                 },
    { "\033[00000000000000000000000000000000000000000000000000000000003~", KEY_DELETE,       0                 },
};

enum { SEQUENCES = sizeof sequences / sizeof *sequences };

static void a_sequence_is_one_key(void **state)
{
    (void)state;
    for (const struct sequence *s = sequences; s < sequences + SEQUENCES; s++) {
        expect_sequence(s->bytes, s->key, s->mods);
        expect_sequence("x", 0x2d, 0);
    }
}

/* Wherever a sequence breaks off, by silence or by another, the next key is right. */
static void a_broken_sequence_harms_no_key_after_it(void **state)
{
    (void)state;
    for (const struct sequence *s = sequences; s < sequences + SEQUENCES; s++) {
        for (size_t len = 1; len < strlen(s->bytes); len++) {
            for (size_t i = 0; i < len; i++) {
                feed((uint8_t)s->bytes[i]);
            }
            time_out();
            assert_false(term_keys_waiting(&keys));
            seen[0] = 0;
            expect_sequence("\033[A", KEY_UP, 0);

            for (size_t i = 0; i < len; i++) {
                feed((uint8_t)s->bytes[i]);
            }
            seen[0] = 0;
            feed(1); /* may end with the Alt of an ESC before it */
            if (len > 1) {
                char *end = strstr(seen, "+1d +1e -1e -1d ");
                assert_true((end && strlen(end) == 16) || s->bytes[len - 1] == '\033');
            }
            seen[0] = 0;
        }
    }
}

static void silence_after_escape_makes_it_a_key(void **state)
{
    char want[120] = "";

    (void)state;
    time_out();
    expect_nothing();

    feed(27);
    expect_nothing();
    assert_true(term_keys_waiting(&keys));
    time_out();
    expect_chord(KEY_ESC, 0);
    time_out();
    expect_nothing();

    feed_text("\033[");
    time_out();
    expect_chord(0x1a, ALT);
    feed_text("\033O");
    time_out();
    expect_chord(0x18, ALT | SHIFT);
    feed_text("\033[1;");
    time_out();
    expect_nothing();

    feed_text("\033\033");
    time_out();
    add_chord(want, KEY_ESC, 0);
    add_chord(want, KEY_ESC, 0);
    assert_string_equal(seen, want);

    seen[0] = want[0] = 0;
    feed_text("\033\033O");
    time_out();
    add_chord(want, KEY_ESC, 0);
    add_chord(want, 0x18, ALT | SHIFT);
    assert_string_equal(seen, want);
}

static void keys_held_down_repeat_without_silence_between(void **state)
{
    char want[120] = "";

    (void)state;
    feed_text("\033\033\033");
    time_out();
    add_chord(want, KEY_ESC, 0);
    add_chord(want, KEY_ESC, 0);
    add_chord(want, KEY_ESC, 0);
    assert_string_equal(seen, want);

    seen[0] = want[0] = 0;
    feed_text("\033[\033[\033[A");
    add_chord(want, 0x1a, ALT);
    add_chord(want, 0x1a, ALT);
    add_chord(want, KEY_UP, 0);
    assert_string_equal(seen, want);

    seen[0] = want[0] = 0;
    feed_text("\033\033x");
    add_chord(want, KEY_ESC, 0);
    add_chord(want, 0x2d, ALT);
    assert_string_equal(seen, want);
}

static void a_character_without_a_key_is_typed_on_the_keypad(void **state)
{
    (void)state;
    feed_text("\xc3\xa9"); /* e with acute: 130 */
    assert_string_equal(seen, "+38 +4f -4f +51 -51 +52 -52 -38 ");
    seen[0] = 0;
    feed_text("\xc3\x9f"); /* sharp s: 225 */
    assert_string_equal(seen, "+38 +50 -50 +50 -50 +4c -4c -38 ");
    seen[0] = 0;
    feed_text("\xe2\x95\x90"); /* a double line: 205 */
    assert_string_equal(seen, "+38 +50 -50 +52 -52 +4c -4c -38 ");
    seen[0] = 0;
    feed_text("\xe2\x98\xba"); /* a smile: 1 */
    assert_string_equal(seen, "+38 +4f -4f -38 ");
    seen[0] = 0;
    feed_text("\xe2\x97\x99"); /* 10 */
    assert_string_equal(seen, "+38 +4f -4f +52 -52 -38 ");
    seen[0] = 0;
    feed_text("\033\xc3\xb6"); /* Alt is held anyway: 148 */
    assert_string_equal(seen, "+38 +4f -4f +4b -4b +48 -48 -38 ");
}

static void other_unicode_is_dropped(void **state)
{
    static const char *const text[] = { "\xe2\x82\xac",
                                        "\xf0\x9f\x98\x80",
                                        "\xc4\x80",
                                        "\xe0\x81\x81",
                                        "\xf0\x80\x81\x81",
                                        "\x80",
                                        "\xbf",
                                        "\xc0",
                                        "\xc1",
                                        "\xf5",
                                        "\xff",
                                        "\xfe",
                                        "\xf4\x90\x80\x80",
                                        "\xe9" };

    (void)state;
    for (unsigned i = 0; i < sizeof text / sizeof *text; i++) {
        feed_text(text[i]);
        expect_nothing();
        feed_text("x");
        expect_chord(0x2d, 0);
    }
    /* A Latin-1 letter, then a sequence; half a character, then silence. */
    feed_text("\xe9\033[A");
    expect_chord(KEY_UP, 0);
    feed_text("\xe2\x95");
    assert_true(term_keys_waiting(&keys));
    time_out();
    feed_text("\x90x");
    expect_chord(0x2d, 0);
}

static void a_paste_loses_nothing(void **state)
{
    static const char line[] = "ECHO The quick (brown) fox ~ 42 % {x}\r\n";
    static char want[65536];
    unsigned bytes = 0;

    (void)state;
    want[0] = 0;
    feed_text("\033[200~");
    while (bytes < 2000) {
        for (const char *p = line; *p; p++, bytes++) {
            feed((uint8_t)*p);
            if (*p == '\r') {
                add_chord(want, KEY_ENTER, 0);
            }
            for (const struct row *r = rows; r < rows + 5; r++) {
                const char *at = strchr(r->plain, *p), *up = strchr(r->shifted, *p);
                if (at) {
                    add_chord(want, r->first + (unsigned)(at - r->plain), 0);
                } else if (up) {
                    add_chord(want, r->first + (unsigned)(up - r->shifted), SHIFT);
                }
            }
        }
    }
    feed_text("\033[201~");
    assert_false(term_keys_waiting(&keys));
    assert_string_equal(seen, want);
}

static void random_bytes_leave_no_key_pressed(void **state)
{
    static const char likely[] = "\033\033\033[[O;;0123456789~ABCDPRu$^@\r\n\xc3\xa9\xe2\x95";
    unsigned x = 12345;

    (void)state;
    for (unsigned i = 0; i < 300000; i++) {
        x = x * 1103515245 + 12345;
        unsigned r = x >> 16;
        if (r % 16 == 0) {
            time_out();
            assert_false(term_keys_waiting(&keys));
        } else if (r % 4) {
            feed((uint8_t)likely[(r >> 4) % (sizeof likely - 1)]);
        } else {
            feed((uint8_t)(r >> 4));
        }
        seen[0] = 0;
    }
}

static void endless_sequences_are_swallowed(void **state)
{
    (void)state;
    feed_text("\033[");
    for (unsigned i = 0; i < 100000; i++) {
        feed((uint8_t)(i % 3 ? '9' : ';'));
    }
    expect_nothing();
    feed('~');
    expect_nothing();
    expect_sequence("x", 0x2d, 0);
}

static void code_page_437_maps_both_ways(void **state)
{
    char utf8[3];

    (void)state;
    for (unsigned i = 1; i < 255; i++) {
        assert_int_equal(cp437_from_unicode(cp437_unicode[i]), i);
    }
    assert_int_equal(cp437_unicode[0], ' ');
    assert_int_equal(cp437_unicode[255], ' ');
    assert_int_equal(cp437_unicode[1], 0x263a);
    assert_int_equal(cp437_unicode[0x7f], 0x2302);
    assert_int_equal(cp437_from_unicode(' '), ' ');
    assert_int_equal(cp437_from_unicode(0), 0);
    assert_int_equal(cp437_from_unicode(0x1b), 0);
    assert_int_equal(cp437_from_unicode(0x20ac), 0);
    assert_int_equal(utf8_encode('A', utf8), 1);
    assert_memory_equal(utf8, "A", 1);
    assert_int_equal(utf8_encode(0x7ff, utf8), 2);
    assert_memory_equal(utf8, "\xdf\xbf", 2);
    assert_int_equal(utf8_encode(0x2588, utf8), 3);
    assert_memory_equal(utf8, "\xe2\x96\x88", 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(every_printable_character_is_a_key_with_or_without_shift, setup),
        cmocka_unit_test_setup(escape_and_a_character_is_alt, setup),
        cmocka_unit_test_setup(control_characters_are_ctrl_and_a_key, setup),
        cmocka_unit_test_setup(a_line_end_is_one_enter, setup),
        cmocka_unit_test_setup(a_sequence_is_one_key, setup),
        cmocka_unit_test_setup(a_broken_sequence_harms_no_key_after_it, setup),
        cmocka_unit_test_setup(silence_after_escape_makes_it_a_key, setup),
        cmocka_unit_test_setup(keys_held_down_repeat_without_silence_between, setup),
        cmocka_unit_test_setup(a_character_without_a_key_is_typed_on_the_keypad, setup),
        cmocka_unit_test_setup(other_unicode_is_dropped, setup),
        cmocka_unit_test_setup(a_paste_loses_nothing, setup),
        cmocka_unit_test_setup(random_bytes_leave_no_key_pressed, setup),
        cmocka_unit_test_setup(endless_sequences_are_swallowed, setup),
        cmocka_unit_test_setup(code_page_437_maps_both_ways, setup),
    };
    return cmocka_run_group_tests_name("term_keys", tests, NULL, NULL);
}
