#include "lib/log.h"
#include "lib/bits.h"
#include "lib/fmt.h"
#include <stdarg.h>
#include <stdint.h>

enum { RING_SIZE = 32 * 1024, LINE_MAX = 255 };

/* Positions count all bytes ever logged; a byte's place is its position modulo RING_SIZE. [first,
 * end) holds whole lines only, each with its '\n'. */
static char ring[RING_SIZE];
static struct {
    uint64_t first, end;
    enum log_level level;
    struct log_sink *sinks;
} the_log = { .level = LOG_INFO };

static char *ring_at(uint64_t pos)
{
    return &ring[pos % RING_SIZE];
}

static void ring_add(const char *line, size_t len)
{
    while (the_log.end + len - the_log.first > RING_SIZE) {
        while (*ring_at(the_log.first++) != '\n') {
        }
    }
    for (size_t i = 0; i < len; i++) {
        *ring_at(the_log.end++) = line[i];
    }
}

/* Copies the line at `pos` out of the ring, where it may wrap; returns its length. */
static size_t ring_line(uint64_t pos, char line[LINE_MAX + 1])
{
    size_t len = 0;

    do {
        line[len] = *ring_at(pos + len);
    } while (line[len++] != '\n');
    return len;
}

void log_print(enum log_level level, const char *fmt, ...)
{
    static const char *const prefix[] = { [LOG_ERROR] = "error: ", [LOG_WARN] = "warning: " };
    const char *start = level <= LOG_WARN ? prefix[level] : "";
    char line[LINE_MAX + 1];
    size_t len;
    va_list ap;

    if (level > the_log.level) {
        return;
    }
    len = fmt_print(line, sizeof line, "%s", start);
    va_start(ap, fmt);
    len += fmt_vprint(line + len, sizeof line - len, fmt, ap);
    va_end(ap);
    len = MIN(len, (size_t)LINE_MAX);
    /* '\n' ends a line in the ring, so there is none inside. */
    while (len && line[len - 1] == '\n') {
        len--;
    }
    for (size_t i = 0; i < len; i++) {
        if (line[i] == '\n') {
            line[i] = ' ';
        }
    }
    line[len++] = '\n';
    ring_add(line, len);
    for (struct log_sink *s = the_log.sinks; s; s = s->next) {
        s->write(s, line, len);
    }
}

void log_set_level(enum log_level level)
{
    the_log.level = level;
}

void log_add_sink(struct log_sink *sink)
{
    char line[LINE_MAX + 1];

    for (uint64_t pos = the_log.first; pos < the_log.end;) {
        size_t len = ring_line(pos, line);

        sink->write(sink, line, len);
        pos += len;
    }
    sink->next = the_log.sinks;
    the_log.sinks = sink;
}

void log_tail(unsigned lines, void (*fn)(void *ctx, const char *text, size_t len), void *ctx)
{
    char line[LINE_MAX + 1];
    uint64_t pos = the_log.end;

    /* Back over the '\n' of each line and on to the one before it. */
    for (; lines && pos > the_log.first; lines--) {
        do {
            pos--;
        } while (pos > the_log.first && *ring_at(pos - 1) != '\n');
    }
    while (pos < the_log.end) {
        size_t len = ring_line(pos, line);

        fn(ctx, line, len);
        pos += len;
    }
}
