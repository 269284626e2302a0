/* A guest's screen on the host's VGA: the chip's registers and memory are made equal to those of
 * the guest's VGA model, as far as they decide the picture. One CPU uses it: no lock. IBM Personal
 * System/2 Hardware Interface Technical Reference, "Video Subsystem".
 *
 * Bytes compared in each call, all of them in RAM; video memory is never read, and written eight
 * bytes at a time where they differ:
 *   text                      32 KiB, and 64 KiB of fonts in a call that is told of another font
 *   CGA's four colours        32 KiB
 *   mode 13h                  64 KiB
 *   16 colours, mode X        256 KiB, some 10 microseconds; CGA's mode 6 has one plane: 32 KiB
 * A change between these layouts clears the chip's memory first, by 8,192 writes: milliseconds on a
 * real chip, where a write takes up to a microsecond. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VGA_SCREEN_WINDOW_HPA UINT64_C(0xa0000)
enum {
    VGA_SCREEN_WINDOW_BYTES = 128 * 1024,
    VGA_SCREEN_PLANE_BYTES = 64 * 1024,
    VGA_SCREEN_MEMORY_BYTES = 4 * VGA_SCREEN_PLANE_BYTES,
    VGA_SCREEN_FONT_BYTES = 8 * 1024
};

/* IBM's VGA registers by index. The palette address source, bit 5 of the attribute index, is not
 * among them: who wants it off sets "screen off", bit 5 of seq[1]. */
struct vga_screen_regs {
    uint8_t misc;
    uint8_t seq[5];
    uint8_t crtc[25];
    uint8_t gfx[9];
    uint8_t attr[21];
    uint8_t dac_mask;
    uint8_t dac[256][3]; /* red, green, blue, six bits each */
};

/* How the bytes of a guest's memory lie in the four planes. */
enum vga_screen_layout {
    VGA_SCREEN_NONE, /* nothing of a guest is shown */
    VGA_SCREEN_TEXT,
    VGA_SCREEN_ODD_EVEN,
    VGA_SCREEN_CHAIN_4,
    VGA_SCREEN_PLANAR
};

struct vga_screen {
    volatile uint8_t *window;      /* NULL: there is no VGA in text mode, nothing is done */
    uint8_t *shadow;               /* what the chip's memory holds, laid out as the guest's vram */
    enum vga_screen_layout layout; /* of what the chip shows */
    struct vga_screen_regs shown;  /* the chip's registers now */
    struct vga_screen_regs host;   /* those of the host's text mode */
    uint8_t font[VGA_SCREEN_FONT_BYTES]; /* of the host's text mode */
};

/* Saves the host's own text mode: registers, palette, font. window: host-virtual address of A0000h,
 * VGA_SCREEN_WINDOW_BYTES mapped uncached, or NULL. shadow: VGA_SCREEN_MEMORY_BYTES, lent for good.
 * False if there is no VGA in a colour text mode: the other functions then do nothing. */
bool vga_screen_init(struct vga_screen *s, volatile uint8_t *window, uint8_t *shadow);

/* Makes the screen show a guest: its registers if regs_changed; in a text mode its fonts if
 * font_changed; what differs of its memory always. The first call, and the first after another
 * layout or after vga_screen_leave, does it all by itself.
 *
 * vram has VGA_SCREEN_MEMORY_BYTES: plane p from p * VGA_SCREEN_PLANE_BYTES, but in the odd/even
 * (text, CGA) and chain-4 (mode 13h) layouts the bytes as the CPU sees them, flat from vram[0], and
 * fonts in plane 2. A text mode is odd/even whatever the sequencer says, so that the planar
 * accesses that load a font do not disturb the screen.
 *
 * All values may be a hostile guest's. What decides the picture is taken over, but nothing that
 * decides CPU accesses or raises interrupts, and no clock but VGA's own two. Timings that no
 * monitor knows give no picture until the guest or vga_screen_leave sets others; monitors that they
 * could harm have not been made since the 1990s. While a guest holds its sequencer or CRTC in reset
 * the screen is dark. */
void vga_screen_show(struct vga_screen *s, const struct vga_screen_regs *guest, const uint8_t *vram,
                     bool regs_changed, bool font_changed);

/* Sets the host's own text mode again: registers, palette, font, the cursor as vga_screen_init
 * found it. The text is for the caller to paint. */
void vga_screen_leave(struct vga_screen *s);
