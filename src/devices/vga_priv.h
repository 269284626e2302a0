/* What the three files of the VGA share: vga.c (registers), vga_mem.c (memory) and vga_view.c.
 * Nobody else includes it. No lock: see vga.h. */
#pragma once
#include "devices/vga.h"

/* IBM PS/2 Hardware Interface Technical Reference, "Video Subsystem", "Registers". */
enum { MISC_COLOUR = 0x01 /* I/O address select */, MISC_RAM = 0x02 };

enum { SEQ_RESET, SEQ_CLOCKING, SEQ_MAP_MASK, SEQ_FONT, SEQ_MEMORY_MODE };
enum {
    RESET_NONE = 0x03, /* neither asynchronous nor synchronous reset */
    CLOCKING_8_DOTS = 0x01,
    CLOCKING_SCREEN_OFF = 0x20,
    MEMORY_SEQUENTIAL = 0x04, /* odd/even is off */
    MEMORY_CHAIN4 = 0x08,
};

enum {
    GFX_SET_RESET,
    GFX_ENABLE_SET_RESET,
    GFX_COLOUR_COMPARE,
    GFX_DATA_ROTATE,
    GFX_READ_MAP,
    GFX_MODE,
    GFX_MISC,
    GFX_COLOUR_DONT_CARE,
    GFX_BIT_MASK,
};
enum {
    MODE_WRITE = 0x03,
    MODE_READ_COMPARE = 0x08,
    MODE_256 = 0x40,
    MODE_SHIFT = 0x60, /* both bits: how planes become pixels */
    MISC_GRAPHICS = 0x01,
};

enum {
    CRTC_H_DISPLAY_END = 0x01,
    CRTC_V_TOTAL = 0x06,
    CRTC_OVERFLOW = 0x07,
    CRTC_PRESET_ROW_SCAN = 0x08,
    CRTC_MAX_SCAN_LINE = 0x09,
    CRTC_CURSOR_START = 0x0a,
    CRTC_CURSOR_END = 0x0b,
    CRTC_START_HIGH = 0x0c,
    CRTC_START_LOW = 0x0d,
    CRTC_CURSOR_HIGH = 0x0e,
    CRTC_CURSOR_LOW = 0x0f,
    CRTC_V_RETRACE_START = 0x10,
    CRTC_V_RETRACE_END = 0x11,
    CRTC_V_DISPLAY_END = 0x12,
    CRTC_OFFSET = 0x13,
    CRTC_MODE = 0x17,
    CRTC_LINE_COMPARE = 0x18,
};
enum {
    CRTC_PROTECT = 0x80,          /* in V_RETRACE_END: registers 0-7 are read-only, but for ... */
    OVERFLOW_LINE_COMPARE = 0x10, /* ... this bit */
    MAX_SCAN_LINE_COMPARE = 0x40,
    CURSOR_OFF = 0x20,
    SCAN_DOUBLE = 0x80,
    ROW_SCANS = 0x1f,
    CRTC_ROW_SCAN_13 = 0x01, /* 0: bit 0 of the row scan counter is address bit 13 */
    CRTC_ROW_SCAN_14 = 0x02, /* 0: bit 1 is address bit 14 */
    CRTC_LINES_TWICE = 0x04, /* vertical registers count pairs of lines */
    CRTC_RUN = 0x80,
};

enum { ATTR_MODE = 0x10, ATTR_PLANE_ENABLE = 0x12 };
enum { ATTR_MONO = 0x02, ATTR_BLINK = 0x08, ATTR_HALF_PEL = 0x40, ATTR_PAS = 0x20 };

enum { FONT_PLANE = 2 };

/* Scan lines as the CRTC counts them: of a frame, shown, before the vertical retrace, before a
 * split screen's lower part. */
struct vga_lines {
    unsigned total, shown, retrace, compare;
};

/* vga_view.c */
struct vga_lines vga_lines(const struct vga_regs *r);

/* vga_mem.c: works window[] out again, tells the owner if it has changed. */
void vga_update_windows(struct vga *v);

/* Neither odd/even nor chain-4. */
static inline bool vga_is_planar(const struct vga_regs *r)
{
    return (r->seq[SEQ_MEMORY_MODE] & (MEMORY_SEQUENTIAL | MEMORY_CHAIN4)) == MEMORY_SEQUENTIAL;
}
