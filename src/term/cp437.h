/* The character set of a PC's text screen, code page 437, to Unicode and back. Pure functions and a
 * constant table: no lock. */
#pragma once
#include <stdint.h>

/* What the screen shows for each byte: 1 to 31 are the pictures (U+263A and so on), 0 and 255 look
 * like a space and are one here. */
extern const uint16_t cp437_unicode[256];

/* The byte that shows this Unicode character, 0 if there is none (and for U+0000). */
uint8_t cp437_from_unicode(uint32_t code);

/* Writes the UTF-8 form of a character below U+10000; returns its length, 1 to 3. */
unsigned utf8_encode(uint16_t code, char out[3]);
