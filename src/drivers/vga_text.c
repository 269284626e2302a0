#include "drivers/vga_text.h"
#include "arch/x86_64/cpu.h"
#include "lib/mem.h"

enum { GREY_ON_BLACK = 0x0700, CELLS = VGA_ROWS * VGA_COLUMNS, TAB = 8 };
enum { CRTC_INDEX = 0x3d4, CRTC_CURSOR_HIGH = 0x0e, CRTC_CURSOR_LOW = 0x0f };

static void repaint(struct vga_text *v)
{
    for (unsigned i = 0; i < CELLS && !v->hidden; i++) {
        v->cell[i] = v->shadow[i];
    }
}

static void move_cursor(const struct vga_text *v)
{
    unsigned at = v->row * VGA_COLUMNS + v->column;

    if (v->hidden) {
        return;
    }
    io_out16(CRTC_INDEX, (uint16_t)((at & 0xff00) | CRTC_CURSOR_HIGH));
    io_out16(CRTC_INDEX, (uint16_t)(at << 8 | CRTC_CURSOR_LOW));
}

void vga_text_init(struct vga_text *v, volatile uint16_t *cell)
{
    *v = (struct vga_text){ .cell = cell };
    for (unsigned i = 0; i < CELLS; i++) {
        v->shadow[i] = GREY_ON_BLACK | ' ';
    }
    if (cell) {
        repaint(v);
        move_cursor(v);
    }
}

static void scroll(struct vga_text *v)
{
    memmove(v->shadow, v->shadow + VGA_COLUMNS, (CELLS - VGA_COLUMNS) * sizeof v->shadow[0]);
    for (unsigned i = CELLS - VGA_COLUMNS; i < CELLS; i++) {
        v->shadow[i] = GREY_ON_BLACK | ' ';
    }
    repaint(v);
}

static void new_line(struct vga_text *v)
{
    if (v->row + 1 < VGA_ROWS) {
        v->row++;
    } else {
        scroll(v);
    }
}

static void put_cell(struct vga_text *v, uint8_t byte)
{
    unsigned at = v->row * VGA_COLUMNS + v->column;

    v->shadow[at] = (uint16_t)(GREY_ON_BLACK | byte);
    if (!v->hidden) {
        v->cell[at] = v->shadow[at];
    }
    if (++v->column == VGA_COLUMNS) {
        v->column = 0;
        new_line(v);
    }
}

/* ECMA-48: ESC [ parameters final. Anything else behind ESC is one byte long for us. */
static bool swallow(struct vga_text *v, uint8_t byte)
{
    if (v->state == VGA_PLAIN) {
        v->state = byte == 0x1b ? VGA_ESCAPE : VGA_PLAIN;
        return byte == 0x1b;
    }
    if (v->state == VGA_ESCAPE) {
        v->state = byte == '[' ? VGA_CSI : VGA_PLAIN;
    } else if (byte >= 0x40 && byte <= 0x7e) {
        v->state = VGA_PLAIN;
    }
    return true;
}

void vga_text_put(struct vga_text *v, uint8_t byte)
{
    if (!v->cell || swallow(v, byte)) {
        return;
    }
    switch (byte) {
    case '\n':
        new_line(v);
        v->column = 0;
        break;
    case '\r':
        v->column = 0;
        break;
    case '\b':
        v->column -= v->column > 0;
        break;
    case '\t':
        do {
            put_cell(v, ' ');
        } while (v->column % TAB);
        break;
    default:
        if (byte >= ' ') {
            put_cell(v, byte);
        }
    }
    if (byte == '\n' || byte == '\r' || byte == '\b') {
        move_cursor(v);
    }
}

void vga_text_hide(struct vga_text *v, bool hidden)
{
    v->hidden = hidden;
    if (v->cell && !hidden) {
        repaint(v);
        move_cursor(v);
    }
}
