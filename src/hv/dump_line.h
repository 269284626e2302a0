/* Lines of NAME=value in the log, as many on each as a text screen is wide: for the post-mortem
 * dumps of the backends. The line is the caller's: no lock. */
#pragma once
#include <stddef.h>
#include <stdint.h>

enum { DUMP_LINE_SIZE = 80 }; /* with its NUL */

/* Starts as zeros. */
struct dump_line {
    char text[DUMP_LINE_SIZE];
    size_t used;
};

/* Adds a value in hexadecimal; a line that has no room for it is logged first. The name has at most
 * 60 characters. */
void dump_line_add(struct dump_line *line, const char *name, uint64_t value);

/* Logs what has not been logged yet. */
void dump_line_end(struct dump_line *line);
