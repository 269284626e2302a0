#include "term/term_screen.h"
#include "lib/bits.h"
#include "lib/fmt.h"
#include "lib/le.h"
#include "lib/mem.h"
#include "term/cp437.h"

/* ECMA-48, "Control functions"; the two that are not in it (the cursor's visibility and the scroll
 * region) are DEC's, VT220 Programmer Reference Manual, "Text cursor enable mode" and "Set top and
 * bottom margins"; the size request is xterm's, "Window manipulation". */
#define CSI         "\033["
#define RESET_PEN   CSI "0m"
#define CLEAR       CSI "H" CSI "J"
#define CLEAR_LINE  CSI "K"
#define NO_REGION   CSI "r"
#define SHOW_CURSOR CSI "?25h"
#define HIDE_CURSOR CSI "?25l"

/* A cell of a cleared screen: light grey on black. */
#define BLANK 0x0720

/* How many 8-byte groups of cells a scroll must spare to be worth its control functions. */
#define SCROLL_PAYS 8

/* What is on its way to the terminal: pieces of a few bytes, gathered. */
struct out {
    term_put_fn *put;
    void *ctx;
    unsigned len;
    char buf[128];
};

static void out_flush(struct out *o)
{
    if (o->len) {
        o->put(o->ctx, o->buf, o->len);
        o->len = 0;
    }
}

static void out_bytes(struct out *o, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (o->len == sizeof o->buf) {
            out_flush(o);
        }
        o->buf[o->len++] = text[i];
    }
}

static void out_text(struct out *o, const char *text)
{
    out_bytes(o, text, strlen(text));
}

__attribute__((format(printf, 2, 3))) static void out_fmt(struct out *o, const char *fmt, ...)
{
    char text[40];
    va_list ap;

    va_start(ap, fmt);
    size_t len = fmt_vprint(text, sizeof text, fmt, ap);
    va_end(ap);
    out_bytes(o, text, MIN(len, sizeof text - 1));
}

static const uint16_t *row_of(const struct term_cells *cells, unsigned row)
{
    return cells->cell + (size_t)row * cells->columns;
}

static bool is_blank(uint16_t cell)
{
    return cp437_unicode[cell & 0xff] == ' ';
}

static unsigned background(const struct term_screen *s, uint16_t cell)
{
    return s->blink ? cell >> 12 & 7 : cell >> 12;
}

/* Cells that look the same have the same look: in a blank only the background shows. */
static uint16_t look(const struct term_screen *s, uint16_t cell)
{
    return is_blank(cell) ? (uint16_t)(background(s, cell) << 12 | ' ') : cell;
}

/* The number of 8-byte groups (and single cells at the end) in which two rows differ. */
static unsigned differences(const uint16_t *a, const uint16_t *b, unsigned columns)
{
    unsigned n = 0, i = 0;

    for (; i + 4 <= columns; i += 4) {
        n += le64_read(a + i) != le64_read(b + i);
    }
    for (; i < columns; i++) {
        n += a[i] != b[i];
    }
    return n;
}

/* The PC has blue in bit 0 and red in bit 2, ANSI the other way round. */
static unsigned ansi_colour(unsigned pc)
{
    return (pc & 2) | (pc & 1) << 2 | (pc >> 2 & 1);
}

/* Bright colours are 90 to 97 and 100 to 107, which mean just that: bold is another font, another
 * colour or both, as the terminal likes, and there is no bold background. The dark colour goes
 * before, for terminals (minicom) that know only those. */
static void out_colour(struct out *o, unsigned base, unsigned pc, char *separator)
{
    unsigned ansi = ansi_colour(pc & 7);

    out_fmt(o, "%c%u", *separator, base + ansi);
    *separator = ';';
    if (pc & 8) {
        out_fmt(o, ";%u", base + 60 + ansi);
    }
}

static void set_pen(struct term_screen *s, struct out *o, unsigned fg, unsigned bg, bool blinking)
{
    char separator = '[';

    if (fg == s->foreground && bg == s->background && blinking == s->blinking) {
        return;
    }
    out_text(o, "\033");
    if (blinking != s->blinking) {
        out_fmt(o, "%c%u", separator, blinking ? 5u : 25u);
        separator = ';';
    }
    if (fg != s->foreground) {
        out_colour(o, 30, fg, &separator);
    }
    if (bg != s->background) {
        out_colour(o, 40, bg, &separator);
    }
    out_text(o, "m");
    s->foreground = (uint8_t)fg;
    s->background = (uint8_t)bg;
    s->blinking = blinking;
}

/* A blank takes any pen with its background; the rest of the pen stays for the next character. */
static void set_pen_for(struct term_screen *s, struct out *o, uint16_t cell)
{
    if (is_blank(cell)) {
        set_pen(s, o, s->foreground, background(s, cell), s->blinking);
    } else {
        set_pen(s, o, cell >> 8 & 0xf, background(s, cell), s->blink && cell >> 15);
    }
}

static bool pen_fits(const struct term_screen *s, uint16_t cell)
{
    return background(s, cell) == s->background &&
           (is_blank(cell) ||
            ((cell >> 8 & 0xf) == s->foreground && (s->blink && cell >> 15) == s->blinking));
}

/* After the last column the cursor is somewhere: terminals differ in when they wrap. */
static void put_cell(struct term_screen *s, struct out *o, uint16_t cell)
{
    char text[3];

    set_pen_for(s, o, cell);
    out_bytes(o, text, utf8_encode(cp437_unicode[cell & 0xff], text));
    s->column++;
}

static void move_to(struct term_screen *s, struct out *o, unsigned row, unsigned column)
{
    bool here = s->row == row && s->column < s->columns;

    if (here && s->column == column) {
        return;
    }
    if (here && column == 0) {
        out_text(o, "\r");
    } else if (here && column + 1 == s->column) {
        out_text(o, "\b");
    } else if (here && column == s->column + 1) {
        out_text(o, CSI "C");
    } else if (here && column > s->column) {
        out_fmt(o, CSI "%uC", column - s->column);
    } else if (column == 0) {
        out_fmt(o, CSI "%uH", row + 1);
    } else {
        out_fmt(o, CSI "%u;%uH", row + 1, column + 1);
    }
    s->row = row;
    s->column = column;
}

/* Goes right to `column` by writing again what stands there, if that is no longer than a movement:
 * up to three characters of one byte and of this pen, or four (a movement by one is shorter). */
static void skip_to(struct term_screen *s, struct out *o, unsigned row, unsigned column)
{
    const uint16_t *old = s->cell[row];
    bool write = s->row == row && s->column < column && column - s->column <= 4;

    for (unsigned i = s->column; write && i < column; i++) {
        write = cp437_unicode[old[i] & 0xff] < 0x80 && pen_fits(s, old[i]);
    }
    while (write && s->column < column) {
        put_cell(s, o, old[s->column]);
    }
    move_to(s, o, row, column);
}

/* Makes one row of the terminal, and of the shadow, what `row` is. */
static void draw_row(struct term_screen *s, struct out *o, unsigned y, const uint16_t *row)
{
    uint16_t *old = s->cell[y];
    unsigned end = s->columns, blank_from = s->columns;

    while (end > 0 && look(s, row[end - 1]) == look(s, old[end - 1])) {
        end--;
    }
    while (blank_from > 0 && look(s, row[blank_from - 1]) == ' ') {
        blank_from--;
    }
    for (unsigned x = 0; x < end; x++) {
        if (look(s, row[x]) == look(s, old[x])) {
            continue;
        }
        skip_to(s, o, y, x);
        /* Only on black: some terminals clear in the pen's colour, some in their own. */
        if (x >= blank_from && end - x > strlen(CLEAR_LINE)) {
            set_pen_for(s, o, BLANK);
            out_text(o, CLEAR_LINE);
            break;
        }
        put_cell(s, o, row[x]);
    }
    memcpy(old, row, s->columns * sizeof *row);
}

static void blank_row(uint16_t row[TERM_COLUMNS_MAX])
{
    for (unsigned x = 0; x < TERM_COLUMNS_MAX; x++) {
        row[x] = BLANK;
    }
}

/* How much must be drawn if the terminal first scrolls up by n rows; counts no further than limit.
 */
static unsigned cost_after_scroll(const struct term_screen *s, const struct term_cells *cells,
                                  unsigned n, unsigned limit)
{
    uint16_t blank[TERM_COLUMNS_MAX];
    unsigned cost = 0;

    blank_row(blank);
    for (unsigned y = 0; y < s->rows && cost < limit; y++) {
        const uint16_t *old = y + n < s->rows ? s->cell[y + n] : blank;

        cost += differences(row_of(cells, y), old, s->columns);
    }
    return cost;
}

/* By how many rows the picture seems to have scrolled up, if doing the same to the terminal spares
 * bytes; else 0. By all of them: clearing it does. A wrong guess costs bytes, never the picture. */
static unsigned find_scroll(const struct term_screen *s, const struct term_cells *cells,
                            unsigned cost)
{
    unsigned best = 0;

    if (cost <= SCROLL_PAYS) {
        return 0;
    }
    cost -= SCROLL_PAYS;
    for (unsigned n = 1; n <= s->rows; n++) {
        unsigned c = cost_after_scroll(s, cells, n, cost);

        if (c < cost) {
            cost = c;
            best = n;
        }
    }
    return best;
}

/* By newlines, since not all terminals know "scroll up". The region makes it work on a terminal
 * with more rows; setting and resetting it moves the cursor, on most. */
static void scroll_up(struct term_screen *s, struct out *o, unsigned n)
{
    unsigned kept = s->rows - n;

    set_pen_for(s, o, BLANK);
    if (kept) {
        out_fmt(o, CSI "1;%ur" CSI "%uH", s->rows, s->rows);
        for (unsigned i = 0; i < n; i++) {
            out_text(o, "\n");
        }
        out_text(o, NO_REGION);
        s->column = s->columns;
    } else {
        out_text(o, CLEAR);
        s->row = 0;
        s->column = 0;
    }
    memmove(s->cell, s->cell + n, kept * sizeof s->cell[0]);
    for (unsigned y = kept; y < s->rows; y++) {
        blank_row(s->cell[y]);
    }
}

/* Makes the terminal's cells what they shall be, which is `cost` away. */
static void draw_cells(struct term_screen *s, struct out *o, const struct term_cells *cells,
                       unsigned cost)
{
    unsigned n = find_scroll(s, cells, cost);

    if (n) {
        scroll_up(s, o, n);
    }
    for (unsigned y = 0; y < s->rows; y++) {
        const uint16_t *from = row_of(cells, y);
        uint16_t row[TERM_COLUMNS_MAX];

        if (differences(from, s->cell[y], s->columns)) {
            memcpy(row, from, s->columns * sizeof *row);
            draw_row(s, o, y, row);
        }
    }
}

static void show_cursor(struct term_screen *s, struct out *o, bool show)
{
    if (show != s->cursor_shown) {
        out_text(o, show ? SHOW_CURSOR : HIDE_CURSOR);
        s->cursor_shown = show;
    }
}

/* An empty screen of the right size, light grey on black, the cursor hidden in its corner. */
static void start(struct term_screen *s, struct out *o)
{
    out_fmt(o, CSI "0;37;40m" CSI "8;%u;%ut", s->rows, s->columns);
    out_text(o, NO_REGION HIDE_CURSOR CLEAR);
    s->shows = TERM_PICTURE;
    s->cursor_shown = false;
    s->row = 0;
    s->column = 0;
    s->foreground = BLANK >> 8;
    s->background = 0;
    s->blinking = false;
    for (unsigned y = 0; y < s->rows; y++) {
        blank_row(s->cell[y]);
    }
}

void term_screen_init(struct term_screen *s)
{
    memset(s, 0, sizeof *s);
}

void term_screen_draw(struct term_screen *s, const struct term_cells *cells, term_put_fn *put,
                      void *ctx)
{
    struct out o = { .put = put, .ctx = ctx };
    unsigned rows = MIN(cells->rows, TERM_ROWS_MAX);
    unsigned columns = MIN(cells->columns, TERM_COLUMNS_MAX);
    bool cursor =
        cells->cursor_visible && cells->cursor_row < rows && cells->cursor_column < columns;

    if (rows == 0 || columns == 0) {
        return;
    }
    if (s->shows != TERM_PICTURE || s->rows != rows || s->columns != columns ||
        s->blink != cells->blink) {
        s->rows = rows;
        s->columns = columns;
        s->blink = cells->blink;
        start(s, &o);
    }
    unsigned cost = cost_after_scroll(s, cells, 0, ~0u);
    if (cost) {
        draw_cells(s, &o, cells, cost);
    }
    if (cursor) {
        move_to(s, &o, cells->cursor_row, cells->cursor_column);
    }
    show_cursor(s, &o, cursor);
    out_flush(&o);
}

void term_screen_message(struct term_screen *s, const char *text, term_put_fn *put, void *ctx)
{
    struct out o = { .put = put, .ctx = ctx };

    if (s->shows == TERM_MESSAGE && strncmp(s->message, text, TERM_MESSAGE_MAX) == 0) {
        return;
    }
    fmt_print(s->message, sizeof s->message, "%s", text);
    out_text(&o, RESET_PEN NO_REGION CLEAR);
    out_text(&o, s->message);
    out_text(&o, "\r\n" SHOW_CURSOR);
    s->shows = TERM_MESSAGE;
    out_flush(&o);
}

void term_screen_forget(struct term_screen *s)
{
    if (s->shows != TERM_PLAIN) {
        s->shows = TERM_UNKNOWN;
    }
}

void term_screen_leave(struct term_screen *s, term_put_fn *put, void *ctx)
{
    struct out o = { .put = put, .ctx = ctx };

    if (s->shows == TERM_PLAIN) {
        return;
    }
    out_text(&o, RESET_PEN SHOW_CURSOR);
    if (s->shows == TERM_PICTURE) {
        out_fmt(&o, CSI "%uH", s->rows);
    }
    if (s->shows != TERM_MESSAGE) {
        out_text(&o, "\r\n");
    }
    s->shows = TERM_PLAIN;
    out_flush(&o);
}
