/* Keys by their place on a PC keyboard, as all parts name them: a set-1 scan code, with bit 7 for
 * the keys that send E0 before it. Values only: no lock. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* IBM Personal System/2 Hardware Interface Technical Reference, "Keyboard", scan code set 1. */
enum {
    KEY_NONE = 0,
    KEY_EXTENDED = 0x80,
    KEY_ESC = 0x01,
    KEY_1 = 0x02, /* to 9, 0 */
    KEY_BACKSPACE = 0x0e,
    KEY_TAB = 0x0f,
    KEY_ENTER = 0x1c,
    KEY_LEFT_CTRL = 0x1d,
    KEY_LEFT_SHIFT = 0x2a,
    KEY_RIGHT_SHIFT = 0x36,
    KEY_PAD_STAR = 0x37,
    KEY_LEFT_ALT = 0x38,
    KEY_SPACE = 0x39,
    KEY_CAPS_LOCK = 0x3a,
    KEY_F1 = 0x3b, /* to F10 = 0x44 */
    KEY_NUM_LOCK = 0x45,
    KEY_SCROLL_LOCK = 0x46,
    KEY_PAD_7 = 0x47,
    KEY_PAD_8 = 0x48,
    KEY_PAD_9 = 0x49,
    KEY_PAD_MINUS = 0x4a,
    KEY_PAD_4 = 0x4b,
    KEY_PAD_5 = 0x4c,
    KEY_PAD_6 = 0x4d,
    KEY_PAD_PLUS = 0x4e,
    KEY_PAD_1 = 0x4f,
    KEY_PAD_2 = 0x50,
    KEY_PAD_3 = 0x51,
    KEY_PAD_0 = 0x52,
    KEY_PAD_DOT = 0x53,
    KEY_SYSRQ = 0x54, /* what PRINT_SCREEN becomes with Alt */
    KEY_102ND = 0x56, /* left of Z, on keyboards that have it */
    KEY_F11 = 0x57,
    KEY_F12 = 0x58,
    KEY_PAD_ENTER = KEY_EXTENDED | 0x1c,
    KEY_RIGHT_CTRL = KEY_EXTENDED | 0x1d,
    KEY_PAD_SLASH = KEY_EXTENDED | 0x35,
    KEY_PRINT_SCREEN = KEY_EXTENDED | 0x37,
    KEY_RIGHT_ALT = KEY_EXTENDED | 0x38,
    KEY_PAUSE = KEY_EXTENDED | 0x45, /* a name only: it sends E1 1D 45 E1 9D C5 when pressed */
    KEY_BREAK = KEY_EXTENDED | 0x46, /* what PAUSE becomes with Ctrl */
    KEY_HOME = KEY_EXTENDED | 0x47,
    KEY_UP = KEY_EXTENDED | 0x48,
    KEY_PAGE_UP = KEY_EXTENDED | 0x49,
    KEY_LEFT = KEY_EXTENDED | 0x4b,
    KEY_RIGHT = KEY_EXTENDED | 0x4d,
    KEY_END = KEY_EXTENDED | 0x4f,
    KEY_DOWN = KEY_EXTENDED | 0x50,
    KEY_PAGE_DOWN = KEY_EXTENDED | 0x51,
    KEY_INSERT = KEY_EXTENDED | 0x52,
    KEY_DELETE = KEY_EXTENDED | 0x53,
    KEY_LEFT_WIN = KEY_EXTENDED | 0x5b,
    KEY_RIGHT_WIN = KEY_EXTENDED | 0x5c,
    KEY_MENU = KEY_EXTENDED | 0x5d
};

struct key_event {
    uint8_t key; /* one of these, or another place's code */
    bool down;
};
