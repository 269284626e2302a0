/* The guest's 16550A with both FIFOs. Its output goes to a callback that never blocks; its input
 * comes from a callback. One VM owns it; no lock yet, since one vCPU runs. National PC16550D data
 * sheet. */
#pragma once
#include "devices/io_bus.h"
#include "devices/irq.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The other end of the wire. */
struct uart_port {
    void (*put)(void *ctx, uint8_t byte);  /* the guest sent a byte */
    bool (*get)(void *ctx, uint8_t *byte); /* the next byte typed, if there is one */
    /* True if a FIFO of bytes can be put; NULL: always. While it is false the transmitter is busy.
     */
    bool (*ready)(void *ctx);
    void *ctx;
};

enum { UART_FIFO = 16 };

struct uart {
    uint8_t ier, fcr, lcr, mcr, scr, dll, dlm;
    uint8_t lsr;        /* error bits only: the others follow from the state */
    uint8_t msr;        /* modem lines and what has changed of them */
    bool thr_empty_irq; /* the THRE interrupt is pending */
    bool timeout_irq;   /* characters wait in the FIFO, maybe below the trigger level */
    bool irq_level;     /* what the wire has */
    uint8_t rx[UART_FIFO];
    uint8_t rx_head, rx_count;
    struct uart_port port;
    struct irq_line irq;
    uint64_t bytes_out;
};

void uart_init(struct uart *u, struct uart_port port, struct irq_line irq);

/* There may be input: fills the receive FIFO from port.get and raises the interrupt. Each access of
 * the guest does the same, so input that did not fit is not forgotten. */
void uart_input_ready(struct uart *u);

/* port.ready() has become true: the guest may be told that the transmitter is empty. */
void uart_output_ready(struct uart *u);

io_fn uart_io; /* eight ports; dev is the struct uart */
