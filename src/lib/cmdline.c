#include "lib/cmdline.h"
#include "lib/mem.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static struct slice skip(struct slice s, size_t n)
{
    return n ? (struct slice){ s.at + n, s.len - n } : s; /* NULL + 0 is undefined */
}

bool cmdline_next(struct slice *rest, struct slice *word)
{
    struct slice s = *rest;
    size_t len = 0;

    while (s.len && is_blank(*s.at)) {
        s = skip(s, 1);
    }
    while (len < s.len && !is_blank(s.at[len])) {
        len++;
    }
    *word = (struct slice){ s.at, len };
    *rest = skip(s, len);
    return len != 0;
}

void cmdline_split(struct slice word, struct slice *key, struct slice *value)
{
    size_t len = 0;

    while (len < word.len && word.at[len] != '=') {
        len++;
    }
    *key = (struct slice){ word.at, len };
    *value = skip(word, len < word.len ? len + 1 : len);
}

bool slice_is(struct slice s, const char *text)
{
    return s.len == strlen(text) && (!s.len || !memcmp(s.at, text, s.len));
}

/* The value of a digit in bases up to 16, or 16. */
static unsigned digit_value(char c)
{
    if (c >= '0' && c <= '9') {
        return (unsigned)(c - '0');
    }
    c |= 0x20; /* lower case */
    return c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10 : 16;
}

/* The power of two that a last letter K, M or G stands for; 0 if it is none of them. */
static unsigned suffix_shift(char c)
{
    switch (c | 0x20) {
    case 'k':
        return 10;
    case 'm':
        return 20;
    case 'g':
        return 30;
    default:
        return 0;
    }
}

bool slice_size(struct slice s, uint64_t *out)
{
    bool hex = s.len >= 2 && s.at[0] == '0' && (s.at[1] | 0x20) == 'x';
    unsigned base = hex ? 16 : 10;
    unsigned shift = s.len ? suffix_shift(s.at[s.len - 1]) : 0;
    uint64_t v = 0;

    s = skip(s, hex ? 2 : 0);
    s.len -= shift && s.len ? 1 : 0;
    for (size_t i = 0; i < s.len; i++) {
        unsigned digit = digit_value(s.at[i]);

        if (digit >= base || __builtin_mul_overflow(v, base, &v) ||
            __builtin_add_overflow(v, digit, &v)) {
            return false;
        }
    }
    if (!s.len || v << shift >> shift != v) {
        return false;
    }
    *out = v << shift;
    return true;
}
