/* The host's 16550 serial port. Output goes into a ring that uart16550_poll drains as the chip has
 * room, so that nobody waits for the wire. One CPU uses it: no lock. National PC16550D data sheet.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { UART16550_RING = 64 * 1024, UART16550_FIFO = 16 };

struct uart16550 {
    uint16_t port;
    bool present;
    unsigned fifo;       /* bytes that the chip takes at once: 16, or 1 where it has no FIFO */
    uint64_t byte_ticks; /* TSC ticks that a byte needs on the wire */
    uint64_t next_send;  /* TSC tick at which the chip is worth another look */
    uint32_t head, tail; /* of the ring: bytes put and sent, modulo 2^32 */
    uint64_t lost;       /* bytes that found the ring full */
    uint8_t ring[UART16550_RING];
};

/* Looks for the chip by a loopback of two bytes and sets 115,200 baud, 8N1, FIFOs on, interrupt on
 * input only. A port that is not there stays unused and costs nothing. True if it is there. */
bool uart16550_init(struct uart16550 *u, uint16_t port);

/* How fast the TSC runs, once that is known; until then each poll looks at the chip. */
void uart16550_set_clock(struct uart16550 *u, uint64_t tsc_hz);

/* Asks for an interrupt as soon as the chip has sent what it has (thr_empty), or just on input. */
void uart16550_set_irq(struct uart16550 *u, bool thr_empty);

/* Request To Send: off asks the other end to wait, if it looks at that line. */
void uart16550_set_rts(struct uart16550 *u, bool on);

/* Queues text as it is. Never waits: with the ring full the byte is counted as lost. */
void uart16550_put(struct uart16550 *u, uint8_t byte);

/* Sends what the chip can take. Returns the TSC tick at which to call again, UINT64_MAX if there is
 * nothing left to send. Touches the chip only when it may have room. */
uint64_t uart16550_poll(struct uart16550 *u, uint64_t now);

/* Waits until everything is on the wire, or the chip stops taking bytes. */
void uart16550_flush(struct uart16550 *u);

/* The next byte received, if there is one. */
bool uart16550_get(struct uart16550 *u, uint8_t *byte);

/* Room left in the ring, in bytes. */
uint32_t uart16550_room(const struct uart16550 *u);
