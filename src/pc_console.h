/* The screen and the keyboard of a guest that is a PC, on the host's consoles: its VGA is painted
 * to the host's and mirrored to the serial line, and keys come from both. One guest at a time, on
 * the CPU that runs it: no lock. */
#pragma once
#include "guest/machine.h"
#include <stdint.h>

/* The host's VGA has its memory A0000h-BFFFFh at this host-virtual address; NULL: there is none. */
void pc_console_init(volatile uint8_t *vga_memory);

/* Puts a machine's screen in front. */
void pc_console_attach(struct machine *m);

/* Gives the host's screen and the terminal back to the log. */
void pc_console_detach(void);

/* For machine_config.host_poll, with the struct machine: console_poll(), and paints and types. */
uint64_t pc_console_poll(void *ctx, uint64_t now);

/* What the guest's serial port is wired to: nothing, since its screen is on the line. */
struct uart_port pc_console_no_wire(void);
