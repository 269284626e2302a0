/* Splits the command lines that GRUB hands over: "word key=value ...". Pure: no lock. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A piece of a text that somebody else owns; not NUL-terminated. */
struct slice {
    const char *at;
    size_t len;
};

/* Takes the next blank-separated word off *rest; false when there is none. */
bool cmdline_next(struct slice *rest, struct slice *word);

/* Cuts "key=value" at its first '='; a word without one is a key with an empty value. */
void cmdline_split(struct slice word, struct slice *key, struct slice *value);

bool slice_is(struct slice s, const char *text);

/* A decimal or 0x-hexadecimal number with an optional K, M or G behind it (powers of 1024); false
 * on anything else, on an empty text and on overflow. */
bool slice_size(struct slice s, uint64_t *out);
