/* The PC's ways to reset: port CF9h, the keyboard controller's pulse command (64h <- FEh, F0h-FFh
 * with bit 0 clear) and port 92h bit 0. One VM owns it; no lock. */
#pragma once
#include "devices/io_bus.h"
#include <stdint.h>

struct reset_ports {
    uint8_t cf9, port92;
    void (*reset)(void *ctx);
    void *ctx;
};

void reset_ports_init(struct reset_ports *r, void (*reset)(void *ctx), void *ctx);
io_fn reset_cf9_io;    /* port CF9h, 1 byte: bit 1 chooses, a 0->1 of bit 2 resets */
io_fn reset_i8042_io;  /* port 64h: status reads 0 (nothing there to read, ready to be written) */
io_fn reset_port92_io; /* port 92h: bit 1 is A20, kept and read back */
