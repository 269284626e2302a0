/* The log: a ring of text in memory, with sinks (serial, screen) that get each line as it comes
 * and, when they are added late, all that the ring still holds. One CPU logs for now: no lock. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

struct log_sink {
    void (*write)(struct log_sink *sink, const char *text, size_t len);
    struct log_sink *next; /* the log's own */
};

/* One line; no '\n' at its end is needed, one inside becomes a blank. Lines over 255 bytes are cut;
 * warnings and errors say so at their start. */
void log_print(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Lines above this level are not kept and not shown. The default is LOG_INFO. */
void log_set_level(enum log_level level);

/* Adds a sink and replays the ring to it. The sink must live for ever. */
void log_add_sink(struct log_sink *sink);

/* Calls fn with each of the last `lines` lines, the oldest first. Here as in a sink, the text ends
 * in '\n'. */
void log_tail(unsigned lines, void (*fn)(void *ctx, const char *text, size_t len), void *ctx);

#define log_error(...) log_print(LOG_ERROR, __VA_ARGS__)
#define log_warn(...)  log_print(LOG_WARN, __VA_ARGS__)
#define log_info(...)  log_print(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_print(LOG_DEBUG, __VA_ARGS__)
