/* The PC's 80 x 25 text screen, for the log and for the guest's console. One CPU uses it: no lock.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VGA_TEXT_HPA UINT64_C(0xb8000)
enum { VGA_COLUMNS = 80, VGA_ROWS = 25 };

struct vga_text {
    volatile uint16_t *cell; /* where it is; NULL: there is no text screen, everything is dropped */
    bool hidden;             /* somebody else has the screen: only the shadow is written */
    unsigned row, column;
    uint16_t shadow[VGA_ROWS * VGA_COLUMNS];       /* so that scrolling never reads video memory */
    enum { VGA_PLAIN, VGA_ESCAPE, VGA_CSI } state; /* terminal sequences are swallowed */
};

/* Takes the screen over and clears it. */
void vga_text_init(struct vga_text *v, volatile uint16_t *cell);

/* Prints a byte: \r, \n, \b and \t do what they say, escape sequences are left out. */
void vga_text_put(struct vga_text *v, uint8_t byte);

/* Leaves the screen to somebody else, or takes it back and paints what was printed since. */
void vga_text_hide(struct vga_text *v, bool hidden);
