/* The guest's VGA: registers, memory and what they show. It paints nothing: a painter asks for the
 * view. One VM owns it; no lock yet, since one vCPU runs. IBM PS/2 Hardware Interface Technical
 * Reference, "Video Subsystem", whose register names are used.
 *
 * How memory is kept. What a PC uses as plain bytes is plain RAM for the guest, without an exit:
 *  - In the odd/even (text, CGA) and chain-4 (mode 13h) layouts the byte at CPU offset o is byte
 *    o & FFFFh of vram. Nothing is spread over planes: text cells are character and attribute side
 *    by side from vram[0], mode 13h is a pixel a byte from vram[0]. The map mask is not applied.
 *  - In the planar layout each access traps, and plane p is the 64 KiB at p * VGA_PLANE_SIZE. If a
 *    write could do nothing but store its byte in one plane, the one that is read too, then that
 *    plane is plain RAM (this is how fonts are loaded, and how mode 6 works).
 *  - Contents are not converted when the layout changes: a program that switches from mode 13h to
 *    mode X finds other pixels than on a real VGA. Reads of plain RAM do not load the latches.
 * Fonts are in plane 2 and no flat layout reaches them. */
#pragma once
#include "devices/clock.h"
#include "devices/io_bus.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { VGA_PLANE_SIZE = 64 * 1024, VGA_VRAM_SIZE = 4 * VGA_PLANE_SIZE };

/* Where its ports and its memory are: the offsets of vga_io and vga_mem_io count from there. */
enum { VGA_IO_BASE = 0x3b0, VGA_IO_LEN = 0x30 };
enum { VGA_MEM_BASE = 0xa0000, VGA_MEM_LEN = 0x20000 };

/* The parts of VGA_MEM_LEN that are mapped one by one. */
enum vga_window {
    VGA_WINDOW_A0000, /* 64 KiB */
    VGA_WINDOW_B0000, /* 32 KiB */
    VGA_WINDOW_B8000, /* 32 KiB */
    VGA_WINDOW_COUNT
};
#define VGA_TRAPPED UINT32_MAX

/* Offset of a window from VGA_MEM_BASE, and its length, in bytes. */
static inline uint32_t vga_window_offset(enum vga_window w)
{
    return w == VGA_WINDOW_A0000 ? 0 : w == VGA_WINDOW_B0000 ? 0x10000 : 0x18000;
}

static inline uint32_t vga_window_size(enum vga_window w)
{
    return w == VGA_WINDOW_A0000 ? 0x10000 : 0x8000;
}

enum { VGA_SEQ_COUNT = 5, VGA_CRTC_COUNT = 25, VGA_GFX_COUNT = 9, VGA_ATTR_COUNT = 21 };

/* The registers, by their indices. Together with vram they decide the picture; reserved bits are 0.
 */
struct vga_regs {
    uint8_t misc, feature;
    uint8_t seq[VGA_SEQ_COUNT];
    uint8_t crtc[VGA_CRTC_COUNT];
    uint8_t gfx[VGA_GFX_COUNT];
    uint8_t attr[VGA_ATTR_COUNT];
    uint8_t attr_pas;    /* bit 5 of the attribute address, the palette address source: 20h shows */
    uint8_t dac_mask;    /* port 3C6h */
    uint8_t dac[256][3]; /* red, green, blue, 6 bits each */
};

struct vga {
    struct vga_regs regs;
    uint8_t seq_index, crtc_index, gfx_index, attr_index;
    bool attr_data;              /* the flip-flop: port 3C0h takes data next */
    uint8_t dac_read, dac_write; /* colours that port 3C9h goes on with */
    uint8_t dac_part;            /* 0-2: red, green, blue */
    uint8_t dac_hold[2];         /* a colour is stored whole, with its third byte */
    uint8_t dac_state;           /* what port 3C7h reads: 3 while colours are read, 0 otherwise */
    uint32_t latch;              /* plane p in bits 8p+7:8p */

    uint8_t *vram;                     /* VGA_VRAM_SIZE bytes, the owner's */
    uint32_t window[VGA_WINDOW_COUNT]; /* what it shows from where in vram, or VGA_TRAPPED */
    void (*remap)(void *ctx);          /* window[] has changed */
    void *ctx;
    const struct clock *clock;
    struct clock_scale quarter_lines; /* ticks of the clock to quarters of a scan line */

    /* Counters for painters, who compare them with what they last saw. */
    uint32_t regs_generation; /* a bit of a register that decides the picture has changed */
    uint32_t font_generation; /* plane 2 may have changed. Writes while it is plain RAM are not
                                 seen: they count once, when that ends */
};

/* Power on: blank, all windows trapped. vram is left as it is; remap is not called. */
void vga_init(struct vga *v, uint8_t *vram, const struct clock *clock, void (*remap)(void *ctx),
              void *ctx);

io_fn vga_io;     /* ports 3B0h-3DFh; dev is the struct vga */
io_fn vga_mem_io; /* guest-physical A0000h-BFFFFh, for what is trapped (and right for the rest) */

enum vga_kind { VGA_BLANK, VGA_TEXT, VGA_GRAPHICS };

/* Limits of a text view; more than that is cut off. */
enum { VGA_COLUMNS_MAX = 160, VGA_ROWS_MAX = 100 };

/* What the registers show. VGA_BLANK: all else is 0; otherwise there is a row at least. The address
 * of row r (of a bank in graphics) is (start + r * pitch) & mask, from row `split` on (r - split) *
 * pitch & mask. */
struct vga_view {
    enum vga_kind kind;
    unsigned start, pitch, mask; /* text: in cells from vram[0]; graphics: in bytes, see planar */
    unsigned split;              /* rows (text) or pixel rows; no split: rows or height */

    /* VGA_TEXT */
    unsigned columns, rows;
    unsigned cell_width, cell_height; /* pixels */
    bool blink;          /* attribute bit 7 blinks; otherwise it is the background's intensity */
    bool mono;           /* attributes are MDA's */
    bool cursor_visible; /* shown and on the screen: the four below are good */
    unsigned cursor_row, cursor_column;
    unsigned cursor_top, cursor_bottom; /* scan lines of the cell, inclusive */

    /* VGA_GRAPHICS */
    unsigned width, height;
    unsigned colours; /* 256, or 2 to the number of planes shown */
    unsigned banks; /* 1, or 2 or 4 as CGA has: pixel row y is row y / banks of bank y % banks, and
                       a bank is 2000h bytes */
    bool planar;    /* bytes of each plane at p * VGA_PLANE_SIZE; false: flat from vram[0], 8 bits a
                       pixel if there are 256 colours, otherwise 2 (CGA) */
};

void vga_view(const struct vga *v, struct vga_view *view);

/* The number of a cell of a text view, from vram[0]. Any row and column may be asked for. */
static inline unsigned vga_cell_at(const struct vga_view *view, unsigned row, unsigned column)
{
    unsigned first =
        row < view->split ? view->start + row * view->pitch : (row - view->split) * view->pitch;

    return (first + column) & view->mask;
}

/* The cell: character in bits 7:0, attribute in bits 15:8. */
static inline uint16_t vga_cell(const struct vga *v, const struct vga_view *view, unsigned row,
                                unsigned column)
{
    const uint8_t *cell = v->vram + 2 * vga_cell_at(view, row, column);

    return (uint16_t)(cell[1] << 8 | cell[0]);
}
