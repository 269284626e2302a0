#include "devices/vga_priv.h"
#include "lib/bits.h"

/* A vertical register: bits 7:0 of its own, bits 8 and 9 from the overflow register. */
static unsigned vertical(const struct vga_regs *r, unsigned index, unsigned bit8, unsigned bit9)
{
    unsigned overflow = r->crtc[CRTC_OVERFLOW];

    return r->crtc[index] | (overflow >> bit8 & 1) << 8 | (overflow >> bit9 & 1) << 9;
}

struct vga_lines vga_lines(const struct vga_regs *r)
{
    unsigned twice = r->crtc[CRTC_MODE] & CRTC_LINES_TWICE ? 2 : 1;
    unsigned compare = r->crtc[CRTC_LINE_COMPARE] |
                       (r->crtc[CRTC_OVERFLOW] & OVERFLOW_LINE_COMPARE ? 0x100U : 0U) |
                       (r->crtc[CRTC_MAX_SCAN_LINE] & MAX_SCAN_LINE_COMPARE ? 0x200U : 0U);

    return (struct vga_lines){
        .total = (vertical(r, CRTC_V_TOTAL, 0, 5) + 2) * twice,
        .shown = (vertical(r, CRTC_V_DISPLAY_END, 1, 6) + 1) * twice,
        .retrace = vertical(r, CRTC_V_RETRACE_START, 2, 7) * twice,
        .compare = (compare + 1) * twice,
    };
}

static bool is_blank(const struct vga_regs *r)
{
    return !r->attr_pas || r->seq[SEQ_RESET] != RESET_NONE ||
           r->seq[SEQ_CLOCKING] & CLOCKING_SCREEN_OFF || !(r->crtc[CRTC_MODE] & CRTC_RUN);
}

static unsigned pair(const struct vga_regs *r, unsigned high)
{
    return (unsigned)r->crtc[high] << 8 | r->crtc[high + 1];
}

/* Of the first cell or pixel, in counts of the CRTC; byte panning adds up to three. */
static unsigned start_address(const struct vga_regs *r)
{
    return pair(r, CRTC_START_HIGH) + (r->crtc[CRTC_PRESET_ROW_SCAN] >> 5);
}

static void view_cursor(const struct vga_regs *r, struct vga_view *w)
{
    unsigned at = (pair(r, CRTC_CURSOR_HIGH) - w->start) & w->mask;
    unsigned top = r->crtc[CRTC_CURSOR_START] & 0x1f;
    unsigned bottom = r->crtc[CRTC_CURSOR_END] & 0x1f;

    if (r->crtc[CRTC_CURSOR_START] & CURSOR_OFF || top > bottom || top >= w->cell_height ||
        w->pitch == 0 || at / w->pitch >= w->rows || at % w->pitch >= w->columns) {
        return;
    }
    w->cursor_visible = true;
    w->cursor_row = at / w->pitch;
    w->cursor_column = at % w->pitch;
    w->cursor_top = top;
    w->cursor_bottom = MIN(bottom, w->cell_height - 1);
}

static void view_text(const struct vga_regs *r, struct vga_view *w)
{
    struct vga_lines lines = vga_lines(r);
    unsigned twice = r->crtc[CRTC_MAX_SCAN_LINE] & SCAN_DOUBLE ? 2 : 1;
    unsigned row_lines;

    w->cell_width = r->seq[SEQ_CLOCKING] & CLOCKING_8_DOTS ? 8 : 9;
    w->cell_height = (r->crtc[CRTC_MAX_SCAN_LINE] & ROW_SCANS) + 1;
    row_lines = w->cell_height * twice;
    w->columns = MIN(r->crtc[CRTC_H_DISPLAY_END] + 1U, VGA_COLUMNS_MAX);
    w->rows = MIN(lines.shown / row_lines, VGA_ROWS_MAX);
    w->split = MIN(lines.compare / row_lines, w->rows);
    w->start = start_address(r);
    w->pitch = r->crtc[CRTC_OFFSET] * 2U;
    w->mask = VGA_PLANE_SIZE / 2 - 1;
    w->blink = r->attr[ATTR_MODE] & ATTR_BLINK;
    w->mono = r->attr[ATTR_MODE] & ATTR_MONO;
    view_cursor(r, w);
}

static unsigned colours_of(const struct vga_regs *r)
{
    unsigned shown = r->attr[ATTR_PLANE_ENABLE];

    if (r->gfx[GFX_MODE] & MODE_256) {
        return 256;
    }
    return 1U << ((shown & 1) + (shown >> 1 & 1) + (shown >> 2 & 1) + (shown >> 3 & 1));
}

/* CGA's way: successive rows are in banks, of which the row scan counter chooses one. */
static unsigned banks_of(const struct vga_regs *r, unsigned row_scans)
{
    if (r->crtc[CRTC_MODE] & CRTC_ROW_SCAN_13 || row_scans < 2) {
        return 1;
    }
    return r->crtc[CRTC_MODE] & CRTC_ROW_SCAN_14 || row_scans < 4 ? 2 : 4;
}

/* Bytes that one count of the CRTC's address stands for. */
static unsigned address_unit(const struct vga_regs *r)
{
    if (vga_is_planar(r)) {
        return 1;
    }
    return r->seq[SEQ_MEMORY_MODE] & MEMORY_CHAIN4 ? 4 : 2;
}

static void view_graphics(const struct vga_regs *r, struct vga_view *w)
{
    struct vga_lines lines = vga_lines(r);
    unsigned twice = r->crtc[CRTC_MAX_SCAN_LINE] & SCAN_DOUBLE ? 2 : 1;
    unsigned row_scans = (r->crtc[CRTC_MAX_SCAN_LINE] & ROW_SCANS) + 1;
    unsigned row_lines;

    w->banks = banks_of(r, row_scans);
    row_lines = row_scans / w->banks * twice;
    w->width = (r->crtc[CRTC_H_DISPLAY_END] + 1U) * (r->attr[ATTR_MODE] & ATTR_HALF_PEL ? 4 : 8);
    w->height = lines.shown / row_lines;
    w->split = MIN(lines.compare / row_lines, w->height);
    w->start = start_address(r) * address_unit(r);
    w->pitch = r->crtc[CRTC_OFFSET] * 2U * address_unit(r);
    w->mask = VGA_PLANE_SIZE - 1;
    w->planar = vga_is_planar(r);
    w->colours = colours_of(r);
}

void vga_view(const struct vga *v, struct vga_view *view)
{
    const struct vga_regs *r = &v->regs;

    *view = (struct vga_view){ .kind = VGA_BLANK };
    if (is_blank(r)) {
        return;
    }
    if (r->gfx[GFX_MISC] & MISC_GRAPHICS) {
        view->kind = VGA_GRAPHICS;
        view_graphics(r, view);
    } else {
        view->kind = VGA_TEXT;
        view_text(r, view);
    }
    if (view->rows == 0 && view->height == 0) { /* a row is higher than the screen */
        *view = (struct vga_view){ .kind = VGA_BLANK };
    }
}
