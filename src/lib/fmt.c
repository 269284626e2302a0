#include "lib/fmt.h"
#include "lib/mem.h"
#include <stdbool.h>
#include <stdint.h>

struct out {
    char *buf;
    size_t size, len; /* len counts what does not fit as well */
    va_list ap;
};

struct spec {
    bool zero, left, alt;
    size_t width, precision;
    int length; /* 'l' and 'z': 8 bytes; 'h': 2; 'b': 1; 0: int */
};

static void put(struct out *o, char c)
{
    if (o->len < o->size) {
        o->buf[o->len] = c;
    }
    o->len++;
}

static void put_all(struct out *o, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        put(o, text[i]);
    }
}

static void pad(struct out *o, char c, size_t have, size_t want)
{
    for (; have < want; have++) {
        put(o, c);
    }
}

/* A prefix ("-", "0x") and a body; zeros go between the two, blanks outside. */
static void put_field(struct out *o, const struct spec *s, const char *prefix, const char *body,
                      size_t len)
{
    size_t plen = strlen(prefix);
    bool zeros = s->zero && !s->left;

    if (!s->left && !zeros) {
        pad(o, ' ', plen + len, s->width);
    }
    put_all(o, prefix, plen);
    if (zeros) {
        pad(o, '0', plen + len, s->width);
    }
    put_all(o, body, len);
    if (s->left) {
        pad(o, ' ', plen + len, s->width);
    }
}

static void put_number(struct out *o, const struct spec *s, const char *prefix, uint64_t v,
                       unsigned base, const char *digits)
{
    char text[20]; /* 2^64 has 20 decimal digits */
    size_t at = sizeof text;

    do {
        text[--at] = digits[v % base];
        v /= base;
    } while (v);
    put_field(o, s, prefix, &text[at], sizeof text - at);
}

static uint64_t take_unsigned(struct out *o, const struct spec *s)
{
    switch (s->length) {
    case 'l':
    case 'z':
        return va_arg(o->ap, uint64_t);
    case 'h':
        return (uint16_t)va_arg(o->ap, unsigned);
    case 'b':
        return (uint8_t)va_arg(o->ap, unsigned);
    default:
        return va_arg(o->ap, unsigned);
    }
}

static int64_t take_signed(struct out *o, const struct spec *s)
{
    switch (s->length) {
    case 'l':
    case 'z':
        return va_arg(o->ap, int64_t);
    case 'h':
        return (int16_t)va_arg(o->ap, int);
    case 'b':
        return (int8_t)va_arg(o->ap, int);
    default:
        return va_arg(o->ap, int);
    }
}

static void put_signed(struct out *o, const struct spec *s)
{
    int64_t v = take_signed(o, s);
    uint64_t magnitude = v < 0 ? -(uint64_t)v : (uint64_t)v;

    put_number(o, s, v < 0 ? "-" : "", magnitude, 10, "0123456789");
}

static void put_hex(struct out *o, const struct spec *s, const char *prefix, const char *digits)
{
    uint64_t v = take_unsigned(o, s);

    put_number(o, s, s->alt && v ? prefix : "", v, 16, digits);
}

static void put_string(struct out *o, struct spec *s)
{
    const char *text = va_arg(o->ap, const char *);
    size_t len = 0;

    if (!text) {
        text = "(null)";
    }
    while (len < s->precision && text[len]) {
        len++;
    }
    s->zero = false;
    put_field(o, s, "", text, len);
}

static void put_conversion(struct out *o, struct spec *s, char conversion)
{
    char c;

    switch (conversion) {
    case 's':
        put_string(o, s);
        break;
    case 'c':
        c = (char)va_arg(o->ap, int);
        s->zero = false;
        put_field(o, s, "", &c, 1);
        break;
    case 'd':
    case 'i':
        put_signed(o, s);
        break;
    case 'u':
        put_number(o, s, "", take_unsigned(o, s), 10, "0123456789");
        break;
    case 'x':
        put_hex(o, s, "0x", "0123456789abcdef");
        break;
    case 'X':
        put_hex(o, s, "0X", "0123456789ABCDEF");
        break;
    case 'p':
        put_number(o, s, "0x", (uintptr_t)va_arg(o->ap, void *), 16, "0123456789abcdef");
        break;
    case '%':
        put(o, '%');
        break;
    default: /* a mistake in the format is shown, not hidden */
        put(o, '%');
        put(o, conversion);
        break;
    }
}

static const char *parse_flags(const char *f, struct spec *s)
{
    for (;; f++) {
        switch (*f) {
        case '0':
            s->zero = true;
            break;
        case '-':
            s->left = true;
            break;
        case '#':
            s->alt = true;
            break;
        default:
            return f;
        }
    }
}

static const char *parse_number(const char *f, struct out *o, int64_t *v)
{
    *v = 0;
    if (*f == '*') {
        *v = va_arg(o->ap, int);
        return f + 1;
    }
    for (; *f >= '0' && *f <= '9' && *v < INT32_MAX / 10; f++) {
        *v = *v * 10 + (*f - '0');
    }
    return f;
}

static const char *parse_length(const char *f, struct spec *s)
{
    for (; *f == 'l' || *f == 'z' || *f == 'h'; f++) {
        s->length = *f == 'h' && s->length == 'h' ? 'b' : *f;
    }
    return f;
}

/* Reads flags, width, precision and length behind a '%'; returns where the conversion letter is. */
static const char *parse_spec(const char *f, struct out *o, struct spec *s)
{
    int64_t v;

    *s = (struct spec){ .precision = SIZE_MAX };
    f = parse_number(parse_flags(f, s), o, &v);
    if (v < 0) { /* C: a negative '*' width means '-' */
        s->left = true;
        v = -v;
    }
    s->width = (size_t)v;
    if (*f == '.') {
        f = parse_number(f + 1, o, &v);
        s->precision = v < 0 ? SIZE_MAX : (size_t)v;
    }
    return parse_length(f, s);
}

size_t fmt_vprint(char *buf, size_t size, const char *fmt, va_list ap)
{
    struct out o = { .buf = buf, .size = size };
    struct spec s;

    va_copy(o.ap, ap);
    for (const char *f = fmt; *f; f++) {
        if (*f != '%') {
            put(&o, *f);
            continue;
        }
        f = parse_spec(f + 1, &o, &s);
        if (!*f) {
            break;
        }
        put_conversion(&o, &s, *f);
    }
    va_end(o.ap);
    if (size) {
        buf[o.len < size ? o.len : size - 1] = '\0';
    }
    return o.len;
}

size_t fmt_print(char *buf, size_t size, const char *fmt, ...)
{
    va_list ap;
    size_t len;

    va_start(ap, fmt);
    len = fmt_vprint(buf, size, fmt, ap);
    va_end(ap);
    return len;
}
