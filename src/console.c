#include "console.h"
#include "arch/x86_64/cpu.h"
#include "drivers/ps2_keyboard.h"
#include "drivers/uart16550.h"
#include "drivers/vga_text.h"
#include "lib/log.h"

enum { COM1 = 0x3f8, TYPED_MAX = 4096, POLL_WITHOUT_IRQ_HZ = 100, GUEST_ROOM = 4096 };

static struct uart16550 serial;
static struct vga_text screen;
static struct ps2_keyboard keyboard;
static bool has_keyboard;
static uint32_t prints;
static struct {
    struct vm *vm;
    struct uart *uart;
    uint64_t poll_ticks; /* how often input is looked for: an interrupt may not be there */
    uint64_t next_input;
    bool stalled;        /* input waits in the chip; no interrupt tells of it again */
    bool full;           /* the guest was told to wait for room */
    uint32_t head, tail; /* of typed, modulo 2^32 */
    uint8_t typed[TYPED_MAX];
} front;

static void put(uint8_t byte)
{
    uart16550_put(&serial, byte);
    vga_text_put(&screen, byte);
}

void console_print(const char *text, size_t len)
{
    prints++;
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '\n') {
            put('\r');
        }
        put((uint8_t)text[i]);
    }
    (void)uart16550_poll(&serial, cpu_rdtsc());
    if (front.vm) {
        front.vm->host_next = 0;
    }
}

static void log_write(struct log_sink *sink, const char *text, size_t len)
{
    (void)sink;
    console_print(text, len);
}

void console_init(volatile uint16_t *vga_cells)
{
    static struct log_sink sink = { .write = log_write };

    vga_text_init(&screen, vga_cells);
    uart16550_init(&serial, COM1);
    log_add_sink(&sink);
}

void console_move_vga(volatile uint16_t *vga_cells)
{
    screen.cell = vga_cells;
}

void console_set_clock(uint64_t tsc_hz)
{
    uart16550_set_clock(&serial, tsc_hz);
    front.poll_ticks = tsc_hz / POLL_WITHOUT_IRQ_HZ;
}

void console_find_keyboard(void)
{
    has_keyboard = ps2_keyboard_init(&keyboard);
    if (has_keyboard) {
        ps2_keyboard_set_irq(&keyboard, true);
    }
}

bool console_can_type(void)
{
    return serial.present || has_keyboard;
}

/* What was typed stays in the controller until host_poll, which follows each host interrupt. */
void console_keyboard_irq(void *ctx)
{
    (void)ctx;
}

void console_put_serial(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        uart16550_put(&serial, (uint8_t)text[i]);
    }
}

uint32_t console_backlog(void)
{
    return serial.present ? UART16550_RING - uart16550_room(&serial) : 0;
}

uint32_t console_prints(void)
{
    return prints;
}

bool console_host_key(struct key_event *event)
{
    return has_keyboard && ps2_keyboard_get(&keyboard, event);
}

void console_own_screen(bool own)
{
    vga_text_hide(&screen, !own);
}

uint64_t console_lost(void)
{
    return serial.lost;
}

/* Takes what fits. The rest stays in the chip, and the other end is asked to wait. */
static void take_input(void)
{
    uint8_t byte;

    while (front.head - front.tail < TYPED_MAX && uart16550_get(&serial, &byte)) {
        front.typed[front.head++ % TYPED_MAX] = byte;
    }
    if (front.stalled != (front.head - front.tail == TYPED_MAX)) {
        front.stalled = !front.stalled;
        uart16550_set_rts(&serial, !front.stalled);
    }
}

void console_expect_irq(void)
{
    uart16550_set_irq(&serial, true);
}

void console_irq(void *ctx)
{
    (void)ctx;
    if (front.poll_ticks) { /* interrupts work: nobody needs to look */
        front.poll_ticks = 0;
        uart16550_set_irq(&serial, false);
    }
    take_input();
}

void console_attach(struct vm *vm, struct uart *uart)
{
    struct key_event stale;

    for (unsigned i = 0; i < TYPED_MAX && console_host_key(&stale); i++) {
        /* it was typed for somebody else */
    }
    front.vm = vm;
    front.uart = uart;
}

static void guest_put(void *ctx, uint8_t byte)
{
    (void)ctx;
    put(byte);
    if (serial.next_send < front.vm->host_next) {
        front.vm->host_next = serial.next_send;
    }
}

/* The log and the rest of a FIFO still fit when the guest is told to wait: nothing is lost. */
static bool guest_ready(void *ctx)
{
    (void)ctx;
    front.full = serial.present && uart16550_room(&serial) < GUEST_ROOM;
    return !front.full;
}

bool console_typed(uint8_t *byte)
{
    if (front.head == front.tail) {
        return false;
    }
    *byte = front.typed[front.tail++ % TYPED_MAX];
    if (front.stalled) {
        take_input();
    }
    return true;
}

static bool guest_get(void *ctx, uint8_t *byte)
{
    (void)ctx;
    return console_typed(byte);
}

struct uart_port console_guest_port(void)
{
    return (struct uart_port){ .put = guest_put, .get = guest_get, .ready = guest_ready };
}

uint64_t console_poll(void *ctx, uint64_t now)
{
    uint64_t next = uart16550_poll(&serial, now);

    (void)ctx;
    if (serial.present && front.poll_ticks && now >= front.next_input) {
        take_input();
        front.next_input = now + front.poll_ticks;
    }
    if (front.stalled) {
        take_input();
    }
    if (front.uart && front.full && guest_ready(NULL)) {
        uart_output_ready(front.uart);
    }
    if (front.uart && front.head != front.tail) {
        uart_input_ready(front.uart);
    }
    if (serial.present && front.poll_ticks && front.next_input < next) {
        next = front.next_input;
    }
    return next;
}

void console_flush(void)
{
    uart16550_flush(&serial);
}

uint8_t console_key(void)
{
    struct key_event event;
    uint8_t byte;

    console_flush();
    for (;;) {
        take_input();
        if (console_typed(&byte)) {
            return byte;
        }
        if (console_host_key(&event) && event.down && ps2_keyboard_ascii(event.key)) {
            return (uint8_t)ps2_keyboard_ascii(event.key);
        }
        cpu_pause();
    }
}
