/* Turns what a terminal sends when keys are pressed on it into keys of a US PC keyboard.
 * Lock: the caller's, one struct term_keys at a time.
 *
 * What the terminal sends                     which key the guest sees
 *   printable ASCII                           the key, with Shift where it needs it
 *   CR, LF, CR LF, CR NUL                     Enter
 *   08, 7F                                    Backspace
 *   09; CSI Z                                 Tab; Shift+Tab
 *   01 to 1A, 1C, 1D                          Ctrl with A to Z, \, ] (08, 09, 0A, 0D as above)
 *   00, 1E, 1F                                Ctrl with 2, 6, -
 *   ESC, and nothing for a while              Esc
 *   ESC and one of the above                  Alt with that key
 *   ESC ESC and a sequence from below         Alt with that key; else each ESC is an Esc
 *   CSI A B C D H F E, SS3 the same           Up Down Right Left Home End, 5 of the keypad
 *   SS3 P to [ (CSI P Q R S with modifiers)   F1 to F12
 *   CSI [ A to CSI [ E                        F1 to F5 (Linux console)
 *   CSI n ~  1 7, 2, 3, 4 8, 5, 6             Home, Insert, Delete, End, Page Up, Page Down
 *            11-15 (or 16) 17-21 23 24        F1 to F12
 *            25 26 28 29 31-34                Shift+F1 to Shift+F8 (F13 to F20 of a VT220)
 *   CSI 1;m A, CSI n;m ~ and so on            m - 1 sums up Shift 1, Alt 2, Ctrl 4, Meta 8 (= Alt)
 *   CSI n $, CSI n ^, CSI n @                 with Shift, Ctrl, both (rxvt)
 *   CSI a to d, SS3 a to d                    Shift, Ctrl with an arrow (rxvt)
 *   CSI @ V U Y                               Insert, Page Up, Page Down, End (minicom, ANSI)
 *   SS3 M, SS3 j to y                         keys of the keypad
 *   CSI c;m u, CSI 27;m;c ~                   the ASCII character c with modifiers (xterm)
 *   UTF-8 of a code page 437 character        Alt and its number on the keypad
 *   anything else, such as paste markers      nothing
 * Keys that few terminals can send have substitutes:
 *   Ctrl+Alt+Del   Ctrl+Alt+Del (CSI 3;7~), Ctrl+Alt+Ins (CSI 2;7~)
 *   Ctrl+Break     Ctrl+Alt+End (CSI 1;7F, CSI 4;7~), Ctrl+Pause (CSI 57362;5u)
 *   Pause          Ctrl+Alt+Home (CSI 1;7H, CSI 1;7~), Pause (CSI P, CSI 57362u)
 *   Print Screen   Ctrl+Alt+Page Up (CSI 5;7~), Print Screen (CSI 57361u; with Alt: SysRq) */
#pragma once
#include "lib/key.h"
#include <stdbool.h>
#include <stdint.h>

/* More events than this never come out of one byte or one timeout. */
#define TERM_EVENTS_MAX 16

/* Called for each press and release; whatever is pressed has been released when the call that
 * emitted it returns. */
typedef void term_key_fn(void *ctx, struct key_event event);

/* All of it is the module's own. */
struct term_keys {
    uint8_t state;
    bool escaped;      /* one more ESC stands before the sequence */
    bool foreign;      /* the sequence is none that a key sends */
    uint8_t params;    /* how many parameters have begun, at most 3 */
    uint8_t left;      /* bytes missing of a UTF-8 character */
    uint16_t param[3]; /* of a control sequence; too large a number stays at some large number */
    uint32_t code;     /* of a UTF-8 character, so far */
};

void term_keys_init(struct term_keys *k);

/* One byte from the terminal. */
void term_keys_byte(struct term_keys *k, uint8_t byte, term_key_fn *emit, void *ctx);

/* True if the meaning of the bytes so far depends on what follows: call term_keys_timeout when
 * nothing came for some 50 ms. (After a CR too: an LF close behind it is the same Enter.) */
bool term_keys_waiting(const struct term_keys *k);

/* Nothing followed: an ESC was the Esc key, ESC [ was Alt+[, an unfinished sequence is dropped. */
void term_keys_timeout(struct term_keys *k, term_key_fn *emit, void *ctx);
