#include "drivers/uart16550.h"
#include "arch/x86_64/cpu.h"

enum { RBR = 0, THR = 0, DLL = 0, IER = 1, DLM = 1, FCR = 2, IIR = 2, LCR = 3, MCR = 4, LSR = 5 };
enum {
    IER_RX = 1,
    IER_THR_EMPTY = 2,
    LCR_8N1 = 3,
    LCR_DLAB = 0x80,
    FCR_ON_CLEAR = 0x07,
    MCR_DTR_OUT2 = 0x09,
    MCR_RTS = 0x02,
    MCR_LOOP = 0x10,
    LSR_DATA = 0x01,
    LSR_THR_EMPTY = 0x20,
    LSR_IDLE = 0x40,
    IIR_FIFO = 0xc0
};
enum { BAUD = 115200, BITS_PER_BYTE = 10, LOOPBACK_TRIES = 100000, FLUSH_TRIES = 10000000 };

static void out(const struct uart16550 *u, unsigned reg, uint8_t v)
{
    io_out8((uint16_t)(u->port + reg), v);
}

static uint8_t in(const struct uart16550 *u, unsigned reg)
{
    return io_in8((uint16_t)(u->port + reg));
}

/* A byte sent in loopback mode comes back; a floating bus returns all ones, a dead chip nothing. */
static bool loopback(const struct uart16550 *u, uint8_t byte)
{
    if (in(u, LSR) == 0xff) {
        return false;
    }
    out(u, THR, byte);
    for (unsigned i = 0; i < LOOPBACK_TRIES; i++) {
        if (in(u, LSR) & LSR_DATA) {
            return in(u, RBR) == byte;
        }
    }
    return false;
}

bool uart16550_init(struct uart16550 *u, uint16_t port)
{
    u->port = port;
    out(u, IER, 0);
    out(u, LCR, LCR_DLAB);
    out(u, DLL, 1); /* 115,200 baud */
    out(u, DLM, 0);
    out(u, LCR, LCR_8N1);
    out(u, FCR, FCR_ON_CLEAR);
    out(u, MCR, MCR_LOOP);
    u->present = loopback(u, 0xae) && loopback(u, 0x51);
    out(u, MCR, MCR_DTR_OUT2 | MCR_RTS);
    if (u->present) {
        out(u, FCR, FCR_ON_CLEAR);
        u->fifo = (in(u, IIR) & IIR_FIFO) == IIR_FIFO ? UART16550_FIFO : 1;
        out(u, IER, IER_RX);
    }
    return u->present;
}

void uart16550_set_clock(struct uart16550 *u, uint64_t tsc_hz)
{
    u->byte_ticks = tsc_hz / (BAUD / BITS_PER_BYTE);
}

void uart16550_set_irq(struct uart16550 *u, bool thr_empty)
{
    if (u->present) {
        out(u, IER, IER_RX | (thr_empty ? IER_THR_EMPTY : 0));
    }
}

void uart16550_set_rts(struct uart16550 *u, bool on)
{
    if (u->present) {
        out(u, MCR, MCR_DTR_OUT2 | (on ? MCR_RTS : 0));
    }
}

uint32_t uart16550_room(const struct uart16550 *u)
{
    return UART16550_RING - (u->head - u->tail);
}

void uart16550_put(struct uart16550 *u, uint8_t byte)
{
    if (!u->present) {
        return;
    }
    if (uart16550_room(u) == 0) {
        u->lost++;
        return;
    }
    u->ring[u->head++ % UART16550_RING] = byte;
}

uint64_t uart16550_poll(struct uart16550 *u, uint64_t now)
{
    if (u->head == u->tail) {
        return UINT64_MAX;
    }
    if (now < u->next_send) {
        return u->next_send;
    }
    if (in(u, LSR) & LSR_THR_EMPTY) {
        u->next_send = now;
        for (unsigned i = 0; i < u->fifo && u->tail != u->head; i++) {
            out(u, THR, u->ring[u->tail++ % UART16550_RING]);
            u->next_send += u->byte_ticks;
        }
    } else {
        u->next_send = now + u->byte_ticks;
    }
    return u->head == u->tail ? UINT64_MAX : u->next_send;
}

void uart16550_flush(struct uart16550 *u)
{
    if (!u->present) {
        return;
    }
    for (unsigned tries = 0; tries < FLUSH_TRIES && u->head != u->tail; tries++) {
        if (in(u, LSR) & LSR_THR_EMPTY) {
            tries = 0;
            out(u, THR, u->ring[u->tail++ % UART16550_RING]);
        }
    }
    for (unsigned tries = 0; tries < FLUSH_TRIES && !(in(u, LSR) & LSR_IDLE); tries++) {
        cpu_pause();
    }
}

bool uart16550_get(struct uart16550 *u, uint8_t *byte)
{
    uint8_t lsr = u->present ? in(u, LSR) : 0;

    if (!(lsr & LSR_DATA) || lsr == 0xff) { /* a port that has gone away reads all ones */
        return false;
    }
    *byte = in(u, RBR);
    return true;
}
