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
    void *ctx;
};

struct uart {
    uint8_t ier, fcr, lcr, mcr, lsr, msr, scr, dll, dlm;
    bool thr_empty_irq; /* the THRE interrupt is pending */
    bool timeout_irq;   /* characters wait below the trigger level */
    uint8_t rx[16];
    uint8_t rx_head, rx_count;
    struct uart_port port;
    struct irq_line irq;
    uint64_t bytes_out;
};

void uart_init(struct uart *u, struct uart_port port, struct irq_line irq);

/* There may be input: fills the receive FIFO from port.get and raises the interrupt. */
void uart_input_ready(struct uart *u);

io_fn uart_io; /* eight ports; dev is the struct uart */
