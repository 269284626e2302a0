/* The host's PS/2 keyboard behind its 8042 controller: scan code set 1 in, keys as of lib/key.h
 * out. One CPU uses it: no lock. IBM Personal System/2 Hardware Interface Technical Reference,
 * "Keyboard and Auxiliary Device Controller" and "Keyboard". */
#pragma once
#include "lib/key.h"
#include <stdbool.h>
#include <stdint.h>

struct ps2_keyboard {
    bool present;
    uint8_t config;        /* the controller's command byte, as last written */
    uint8_t prefix;        /* the byte before the one that comes next: 0, E0, E1, or 1D behind E1 */
    uint8_t down[256 / 8]; /* the keys that are held, one bit each */
};

/* Looks for the controller and makes it translate to set 1, its interrupts off, the mouse port off;
 * bytes that wait are dropped, and the keyboard itself keeps what the BIOS told it. A controller
 * that is not there costs one port access, one that is half-dead at most some 350,000. True if it
 * answers; if not, the other functions do nothing. */
bool ps2_keyboard_init(struct ps2_keyboard *k);

/* IRQ 1 for each byte that comes, or none. */
void ps2_keyboard_set_irq(struct ps2_keyboard *k, bool on);

/* The next thing that happened to a key; false when the controller has nothing more. A key that is
 * held is down again and again, and Pause goes up at once, as the keyboard sends it. An up comes
 * only for a key that was seen going down, so answers of the keyboard and a mouse are not taken for
 * one. One call reads at most 64 bytes; who loops should bound that too, for a dead controller may
 * give keys without end. */
bool ps2_keyboard_get(struct ps2_keyboard *k, struct key_event *event);

/* What a prompt takes a key for: a lower-case letter or digit of the US layout, '\r' for both Enter
 * keys as a terminal sends it, 0 for any other. Pure. */
char ps2_keyboard_ascii(uint8_t key);
