/* A guest's keyboard: an IBM AT / PS/2 keyboard (MF2) with scan code sets 1 and 2, as its
 * controller sees it. It never repeats a key by itself: who types decides that. One VM owns it; no
 * lock. IBM Personal System/2 Hardware Interface Technical Reference, "Keyboards (101- and
 * 102-Key)". */
#pragma once
#include "lib/key.h"
#include <stdbool.h>
#include <stdint.h>

enum {
    AT_KEYBOARD_BUFFER =
        16,                /* bytes, a power of two; the real one's size: drivers flush that much */
    AT_KEYBOARD_REPLY = 3, /* the longest answer: FA AB 83 */
};

/* struct at_keyboard.leds */
enum { AT_LED_SCROLL = 1, AT_LED_NUM = 2, AT_LED_CAPS = 4 };

struct at_keyboard {
    uint8_t buffer[AT_KEYBOARD_BUFFER]; /* what was typed: a ring */
    uint8_t first, count;
    uint8_t reply[AT_KEYBOARD_REPLY]; /* goes out before what was typed */
    uint8_t reply_first, reply_count;
    uint8_t last;       /* byte sent last, for the command "resend" */
    uint8_t expects;    /* the command whose parameter comes next; 0: none */
    uint8_t set;        /* scan code set: 1 or 2 */
    uint8_t leds;       /* AT_LED_*, as the guest has set them */
    uint8_t modifiers;  /* the Shift, Ctrl and Alt keys that are down: they change two keys */
    uint8_t print_form; /* what Print Screen sent when it went down */
    bool scanning;      /* keys are looked at */
};

/* Power-on: set 2, scanning, nothing to send. */
void at_keyboard_init(struct at_keyboard *k);

/* A key goes down or up. False: scanning is off or there is no room; nothing was queued and the
 * same event may be given again later. A key that no such keyboard has is taken and sends nothing.
 */
bool at_keyboard_key(struct at_keyboard *k, struct key_event e) __attribute__((warn_unused_result));

/* A byte from the controller: a command or its parameter. The answer can be fetched at once. */
void at_keyboard_command(struct at_keyboard *k, uint8_t byte);

/* The next byte for the controller; false: there is none. */
bool at_keyboard_get(struct at_keyboard *k, uint8_t *byte) __attribute__((warn_unused_result));

/* True while the next byte is one of an answer. */
bool at_keyboard_answers(const struct at_keyboard *k);

/* True if there is nothing to send. */
bool at_keyboard_quiet(const struct at_keyboard *k);
