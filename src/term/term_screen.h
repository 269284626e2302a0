/* Shows a PC's text screen on a terminal at the other end of a slow line: sends only what changed,
 * as ECMA-48 and UTF-8. Lock: the caller's, one struct term_screen at a time. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TERM_COLUMNS_MAX 132
#define TERM_ROWS_MAX    60
#define TERM_MESSAGE_MAX 79

/* A PC's text screen. A cell is the character in its low byte, the attribute in its high byte.
 * Cells may change while they are read. What lies beyond the two maxima is not shown. */
struct term_cells {
    const uint16_t *cell; /* rows * columns of them, the first row first */
    unsigned columns, rows;
    unsigned cursor_row, cursor_column; /* from 0; a cursor outside the screen is not shown */
    bool cursor_visible;
    bool blink; /* attribute bit 7 blinks; else it is a bright background */
};

/* Takes bytes for the terminal, as they are: no "\n" to "\r\n". */
typedef void term_put_fn(void *ctx, const char *text, size_t len);

enum term_shows {
    TERM_PLAIN,   /* nothing of ours */
    TERM_UNKNOWN, /* ours, but another wrote over it */
    TERM_PICTURE,
    TERM_MESSAGE
};

/* What the terminal shows, as far as we know. All of it is the module's own. */
struct term_screen {
    enum term_shows shows;
    unsigned columns, rows;
    bool blink;
    bool cursor_shown;
    /* Where the terminal's cursor is; column >= columns: not known. */
    unsigned row, column;
    /* The colours that the next character gets, as the PC numbers them. */
    uint8_t foreground, background;
    bool blinking;
    char message[TERM_MESSAGE_MAX + 1];
    uint16_t cell[TERM_ROWS_MAX][TERM_COLUMNS_MAX];
};

void term_screen_init(struct term_screen *s);

/* Makes the terminal show these cells and this cursor. The first time, and after a change of size
 * or of `blink`, a message, _forget or _leave, that is everything: colours reset, the terminal
 * asked for this size, cleared, painted. No cells (rows or columns 0): nothing is done. The
 * terminal must have at least this many rows and columns; a larger one shows the picture in its
 * upper left corner. */
void term_screen_draw(struct term_screen *s, const struct term_cells *cells, term_put_fn *put,
                      void *ctx);

/* Shows one line of printable ASCII (cut to TERM_MESSAGE_MAX) instead of the picture; nothing is
 * sent while the same line is shown already. */
void term_screen_message(struct term_screen *s, const char *text, term_put_fn *put, void *ctx);

/* Something else wrote to the terminal: the next draw or message starts anew. */
void term_screen_forget(struct term_screen *s);

/* Gives the terminal back: plain colours, its cursor shown, on a new line below what we showed.
 * Sends nothing if nothing of ours is there. */
void term_screen_leave(struct term_screen *s, term_put_fn *put, void *ctx);
