#include "devices/uart.h"

/* PC16550D data sheet, "Register Addresses"; the two divisor bytes are reached with LCR_DLAB. */
enum { RBR_THR, IER, IIR_FCR, LCR, MCR, LSR, MSR, SCR };

enum {
    IER_RX = 0x01,
    IER_THRE = 0x02,
    IER_LINE = 0x04,
    IER_MODEM = 0x08,
    IER_ALL = 0x0f,

    IIR_MODEM = 0x00,
    IIR_NONE = 0x01,
    IIR_THRE = 0x02,
    IIR_RX = 0x04,
    IIR_LINE = 0x06,
    IIR_TIMEOUT = 0x0c,
    IIR_FIFO_ON = 0xc0,

    FCR_ENABLE = 0x01,
    FCR_CLEAR_RX = 0x02,
    FCR_KEPT = 0xc9,

    LCR_DLAB = 0x80,

    MCR_DTR = 0x01,
    MCR_RTS = 0x02,
    MCR_OUT1 = 0x04,
    MCR_OUT2 = 0x08,
    MCR_LOOP = 0x10,
    MCR_ALL = 0x1f,

    LSR_DR = 0x01,
    LSR_OVERRUN = 0x02,
    LSR_THRE = 0x20,
    LSR_TEMT = 0x40,

    MSR_DELTA_RI = 0x04,
    MSR_DELTAS = 0x0f,
    MSR_CTS = 0x10,
    MSR_DSR = 0x20,
    MSR_RI = 0x40,
    MSR_DCD = 0x80,
};

static bool fifo_on(const struct uart *u)
{
    return u->fcr & FCR_ENABLE;
}

static unsigned capacity(const struct uart *u)
{
    return fifo_on(u) ? UART_FIFO : 1;
}

static unsigned trigger_level(const struct uart *u)
{
    static const uint8_t level[] = { 1, 4, 8, 14 };

    return fifo_on(u) ? level[u->fcr >> 6] : 1;
}

static bool can_send(const struct uart *u)
{
    return !u->port.ready || (u->mcr & MCR_LOOP) || u->port.ready(u->port.ctx);
}

/* The pending source of the highest priority ("Interrupt Identification Register"). */
static uint8_t source(const struct uart *u)
{
    if ((u->ier & IER_LINE) && u->lsr) {
        return IIR_LINE;
    }
    if ((u->ier & IER_RX) && u->rx_count >= trigger_level(u)) {
        return IIR_RX;
    }
    if ((u->ier & IER_RX) && u->timeout_irq) {
        return IIR_TIMEOUT;
    }
    if ((u->ier & IER_THRE) && u->thr_empty_irq && can_send(u)) {
        return IIR_THRE;
    }
    if ((u->ier & IER_MODEM) && (u->msr & MSR_DELTAS)) {
        return IIR_MODEM;
    }
    return IIR_NONE;
}

/* On a PC the OUT2 pin opens the gate to the interrupt wire; loopback holds that pin inactive. */
static void update_irq(struct uart *u)
{
    bool level = source(u) != IIR_NONE && (u->mcr & (MCR_OUT2 | MCR_LOOP)) == MCR_OUT2;

    if (level != u->irq_level) {
        u->irq_level = level;
        irq_set(&u->irq, level);
    }
}

static void receive(struct uart *u, uint8_t byte)
{
    if (u->rx_count < capacity(u)) {
        u->rx[(u->rx_head + u->rx_count) % UART_FIFO] = byte;
        u->rx_count++;
        return;
    }
    u->lsr |= LSR_OVERRUN;
    if (!fifo_on(u)) {
        u->rx[u->rx_head] = byte; /* the holding register is overwritten, a full FIFO is not */
    }
}

static void clear_rx(struct uart *u)
{
    u->rx_head = 0;
    u->rx_count = 0;
    u->timeout_irq = false;
}

/* Takes in what waits at the other end and shows the result on the wire. The time-out is not timed:
 * who waits for a character should have it at once. */
void uart_input_ready(struct uart *u)
{
    uint8_t byte;

    while (!(u->mcr & MCR_LOOP) && u->rx_count < capacity(u) && u->port.get(u->port.ctx, &byte)) {
        receive(u, byte);
    }
    u->timeout_irq = fifo_on(u) && u->rx_count > 0;
    update_irq(u);
}

void uart_output_ready(struct uart *u)
{
    update_irq(u);
}

static uint8_t read_rbr(struct uart *u)
{
    uint8_t byte;

    if (u->rx_count == 0) {
        return 0;
    }
    byte = u->rx[u->rx_head];
    u->rx_head = (uint8_t)((u->rx_head + 1) % UART_FIFO);
    u->rx_count--;
    /* The wire falls before the rest, or the next character, raises it again: a driver that takes
     * one character for each edge needs that edge. */
    u->timeout_irq = false;
    update_irq(u);
    return byte;
}

static uint8_t read_iir(struct uart *u)
{
    uint8_t iir = source(u);

    if (iir == IIR_THRE) {
        u->thr_empty_irq = false;
    }
    return (uint8_t)(iir | (fifo_on(u) ? IIR_FIFO_ON : 0));
}

static uint8_t read_lsr(struct uart *u)
{
    uint8_t lsr = (uint8_t)(u->lsr | (can_send(u) ? LSR_THRE | LSR_TEMT : 0) |
                            (u->rx_count > 0 ? LSR_DR : 0));

    u->lsr = 0;
    return lsr;
}

static uint8_t read_msr(struct uart *u)
{
    uint8_t msr = u->msr;

    u->msr &= (uint8_t)~MSR_DELTAS;
    return msr;
}

static void write_thr(struct uart *u, uint8_t byte)
{
    u->thr_empty_irq = false;
    update_irq(u); /* each byte that leaves is an edge of its own */
    if (u->mcr & MCR_LOOP) {
        receive(u, byte);
    } else {
        u->bytes_out++;
        u->port.put(u->port.ctx, byte);
    }
    u->thr_empty_irq = true;
}

static void write_ier(struct uart *u, uint8_t value)
{
    if ((value & IER_THRE) && !(u->ier & IER_THRE)) {
        u->thr_empty_irq = true; /* it is empty, or will be: see can_send() */
    }
    u->ier = value & IER_ALL;
}

/* The other bits count only together with the enable bit ("FIFO Control Register"). */
static void write_fcr(struct uart *u, uint8_t value)
{
    uint8_t fcr = value & FCR_ENABLE ? value & FCR_KEPT : 0;

    if (((fcr ^ u->fcr) & FCR_ENABLE) || (fcr && (value & FCR_CLEAR_RX))) {
        clear_rx(u);
    }
    u->fcr = fcr;
}

/* The modem lines: those of the other end are always on; loopback shows the UART its own. */
static uint8_t modem_lines(const struct uart *u)
{
    if (!(u->mcr & MCR_LOOP)) {
        return MSR_DCD | MSR_DSR | MSR_CTS;
    }
    return (uint8_t)((u->mcr & MCR_RTS ? MSR_CTS : 0) | (u->mcr & MCR_DTR ? MSR_DSR : 0) |
                     (u->mcr & MCR_OUT1 ? MSR_RI : 0) | (u->mcr & MCR_OUT2 ? MSR_DCD : 0));
}

static void write_mcr(struct uart *u, uint8_t value)
{
    uint8_t before = u->msr & (uint8_t)~MSR_DELTAS;
    unsigned changed;

    u->mcr = value & MCR_ALL;
    changed = (unsigned)(before ^ modem_lines(u)) >> 4;
    if (!(before & MSR_RI)) {
        changed &= ~(unsigned)MSR_DELTA_RI; /* of the ring indicator only the end is reported */
    }
    u->msr = (uint8_t)(modem_lines(u) | (u->msr & MSR_DELTAS) | changed);
}

static uint8_t read_register(struct uart *u, unsigned reg)
{
    bool dlab = u->lcr & LCR_DLAB;

    switch (reg) {
    case RBR_THR:
        return dlab ? u->dll : read_rbr(u);
    case IER:
        return dlab ? u->dlm : u->ier;
    case IIR_FCR:
        return read_iir(u);
    case LCR:
        return u->lcr;
    case MCR:
        return u->mcr;
    case LSR:
        return read_lsr(u);
    case MSR:
        return read_msr(u);
    default:
        return u->scr;
    }
}

static void write_register(struct uart *u, unsigned reg, uint8_t value)
{
    switch (reg) {
    case RBR_THR:
        if (u->lcr & LCR_DLAB) {
            u->dll = value;
        } else {
            write_thr(u, value);
        }
        break;
    case IER:
        if (u->lcr & LCR_DLAB) {
            u->dlm = value;
        } else {
            write_ier(u, value);
        }
        break;
    case IIR_FCR:
        write_fcr(u, value);
        break;
    case LCR:
        u->lcr = value;
        break;
    case MCR:
        write_mcr(u, value);
        break;
    case SCR:
        u->scr = value;
        break;
    default: /* LSR and MSR are for reading */
        break;
    }
}

void uart_init(struct uart *u, struct uart_port port, struct irq_line irq)
{
    *u = (struct uart){ .port = port, .irq = irq, .msr = MSR_DCD | MSR_DSR | MSR_CTS };
}

void uart_io(void *dev, struct io_access *a)
{
    struct uart *u = dev;
    unsigned reg = a->offset & 7;

    if (a->write) {
        write_register(u, reg, (uint8_t)a->value);
    } else {
        a->value = io_byte_reply(read_register(u, reg));
    }
    uart_input_ready(u);
}
