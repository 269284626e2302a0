/* The host's consoles (serial port, text screen) as one: the log and the front guest's 16550 come
 * out on all of them, and what is typed goes to that guest or to the prompt. One CPU uses it: no
 * lock. */
#pragma once
#include "devices/uart.h"
#include "hv/vm.h"
#include "lib/key.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Looks for the serial port and takes the text screen (NULL: there is none); the log goes to both
 * from here on. */
void console_init(volatile uint16_t *vga_cells);

/* The text screen's memory has moved to another host-virtual address. */
void console_move_vga(volatile uint16_t *vga_cells);

/* How fast the TSC runs: the serial port is then looked at only when it may have room. */
void console_set_clock(uint64_t tsc_hz);

/* Looks for the host's own keyboard. */
void console_find_keyboard(void);

/* The handler of its interrupt: what was typed is fetched by console_host_key(). */
void console_keyboard_irq(void *ctx);

/* False if there is no serial port and no keyboard, and so no way to answer a prompt. */
bool console_can_type(void);

/* Bytes of output that found the serial port's ring full: log lines only, since a guest is made to
 * wait. */
uint64_t console_lost(void);

/* The serial port's interrupt is routed. The first one that comes proves it; until then input is
 * looked for a hundred times a second. */
void console_expect_irq(void);

/* The handler of that interrupt: takes the bytes in, for console_poll to pass on. */
void console_irq(void *ctx);

/* Text as it is ("\n" becomes "\r\n"), on all consoles, past the log. */
void console_print(const char *text, size_t len);

/* Bytes for the terminal on the serial port only, as they are. */
void console_put_serial(const char *text, size_t len);

/* Bytes that wait for the serial line; with no line there are none. */
uint32_t console_backlog(void);

/* How often console_print() has put something on the serial port: whoever paints there knows by it
 * that its picture is gone. */
uint32_t console_prints(void);

/* The next byte typed on the serial port. */
bool console_typed(uint8_t *byte);

/* The next event of the host's own keyboard. */
bool console_host_key(struct key_event *event);

/* False: somebody else has the text screen; what is printed is kept. True: it is shown again. */
void console_own_screen(bool own);

/* Puts a guest in front: its 16550 is uart, its VM is woken when there is work. NULL takes it away.
 */
void console_attach(struct vm *vm, struct uart *uart);

/* The guest's end of the wire, for machine_config. */
struct uart_port console_guest_port(void);

/* For machine_config.host_poll: moves bytes both ways. */
uint64_t console_poll(void *ctx, uint64_t now);

/* Waits until all output is on the wire. */
void console_flush(void);

/* Waits for a key. */
uint8_t console_key(void);
