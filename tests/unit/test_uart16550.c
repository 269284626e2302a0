#include "arch/x86_64/cpu.h"
#include "drivers/uart16550.h"
#include "unit.h"

#include <string.h>

/* A small 16550: registers, loopback, a FIFO that the tests empty by hand. */
enum { COM1 = 0x3f8, LCR_DLAB = 0x80, MCR_LOOP = 0x10, LOG_MAX = 300 };
static struct {
    bool there, fifo;
    uint8_t lcr, mcr, ier, fcr, dll, dlm;
    unsigned in_fifo; /* bytes not yet on the wire */
    uint8_t received;
    bool has_data;
    char wire[LOG_MAX];
    unsigned sent, reads, writes;
} chip;

static uint8_t read_lsr(void)
{
    bool empty = chip.in_fifo == 0;

    return (uint8_t)((chip.has_data ? 0x01 : 0) | (empty ? 0x60 : 0));
}

uint8_t io_in8(uint16_t port)
{
    chip.reads++;
    assert_true(port >= COM1 && port < COM1 + 8);
    if (!chip.there) {
        return 0xff;
    }
    switch (port - COM1) {
    case 0:
        assert_false(chip.lcr & LCR_DLAB);
        chip.has_data = false;
        return chip.received;
    case 2:
        return chip.fifo && (chip.fcr & 1) ? 0xc1 : 0x01;
    case 5:
        return read_lsr();
    default:
        return 0;
    }
}

static void send(uint8_t v)
{
    if (chip.mcr & MCR_LOOP) {
        chip.received = v;
        chip.has_data = true;
        return;
    }
    assert_true(chip.in_fifo < (chip.fifo ? 16u : 1u)); /* an overrun loses what was there */
    chip.in_fifo++;
    if (chip.sent < LOG_MAX) {
        chip.wire[chip.sent] = (char)v;
    }
    chip.sent++;
}

void io_out8(uint16_t port, uint8_t v)
{
    chip.writes++;
    assert_true(port >= COM1 && port < COM1 + 8);
    switch (port - COM1) {
    case 0:
        if (chip.lcr & LCR_DLAB) {
            chip.dll = v;
        } else if (chip.there) {
            send(v);
        }
        break;
    case 1:
        *(chip.lcr & LCR_DLAB ? &chip.dlm : &chip.ier) = v;
        break;
    case 2:
        chip.fcr = v;
        break;
    case 3:
        chip.lcr = v;
        break;
    case 4:
        chip.mcr = v;
        break;
    default:
        break;
    }
}

static struct uart16550 u;

static int power_on(bool there, bool fifo)
{
    memset(&chip, 0, sizeof chip);
    memset(&u, 0, sizeof u);
    chip.there = there;
    chip.fifo = fifo;
    assert_int_equal(uart16550_init(&u, COM1), there);
    uart16550_set_clock(&u, 11520 * 100);
    return 0;
}

static int with_16550(void **state)
{
    (void)state;
    return power_on(true, true);
}

static int with_8250(void **state)
{
    (void)state;
    return power_on(true, false);
}

static int with_none(void **state)
{
    (void)state;
    return power_on(false, false);
}

static void put(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        uart16550_put(&u, (uint8_t)('a' + i % 26));
    }
}

static void it_is_set_to_115200_8n1_with_fifos_and_input_interrupts(void **state)
{
    (void)state;
    assert_true(u.present);
    assert_int_equal(chip.dll, 1);
    assert_int_equal(chip.dlm, 0);
    assert_int_equal(chip.lcr, 3);
    assert_int_equal(chip.mcr, 0x0b); /* DTR, RTS, OUT2; no loopback */
    assert_int_equal(chip.ier, 1);
    assert_int_equal(u.fifo, 16);
    assert_int_equal(chip.sent, 0); /* the loopback did not reach the wire */
    assert_false(chip.has_data);
    uart16550_set_irq(&u, true);
    assert_int_equal(chip.ier, 3);
    uart16550_set_irq(&u, false);
    assert_int_equal(chip.ier, 1);
}

static void a_missing_port_costs_nothing(void **state)
{
    uint8_t byte;

    (void)state;
    assert_false(u.present);
    assert_true(chip.reads < 10);
    chip.reads = chip.writes = 0;
    put(3);
    uart16550_set_irq(&u, true);
    assert_int_equal(uart16550_room(&u), UART16550_RING);
    assert_true(uart16550_poll(&u, 5) == UINT64_MAX);
    uart16550_flush(&u);
    assert_false(uart16550_get(&u, &byte));
    assert_int_equal(chip.reads + chip.writes, 0);
    assert_int_equal(u.lost, 0);
}

static void a_full_fifo_goes_out_at_once_and_the_rest_when_it_has_left(void **state)
{
    uint64_t next;

    (void)state;
    put(20);
    next = uart16550_poll(&u, 1000);
    assert_int_equal(chip.sent, 16);
    assert_int_equal(next, 1000 + 16 * 100); /* 100 ticks a byte */
    chip.reads = 0;
    assert_int_equal(uart16550_poll(&u, next - 1), next); /* too early: the chip is not asked */
    assert_int_equal(chip.reads, 0);
    assert_int_equal(uart16550_poll(&u, next), next + 100); /* no room yet: a byte's time */
    assert_int_equal(chip.sent, 16);
    chip.in_fifo = 0;
    assert_true(uart16550_poll(&u, next + 100) == UINT64_MAX);
    assert_memory_equal(chip.wire, "abcdefghijklmnopqrst", 20);
    assert_int_equal(chip.sent, 20);
}

static void a_chip_without_fifo_gets_one_byte_at_a_time(void **state)
{
    (void)state;
    assert_int_equal(u.fifo, 1);
    put(2);
    assert_int_equal(uart16550_poll(&u, 0), 100);
    assert_int_equal(chip.sent, 1);
    chip.in_fifo = 0;
    assert_true(uart16550_poll(&u, 100) == UINT64_MAX);
    assert_memory_equal(chip.wire, "ab", 2);
}

static void a_full_ring_loses_the_newest_and_counts_them(void **state)
{
    (void)state;
    put(UART16550_RING - 1);
    assert_int_equal(uart16550_room(&u), 1);
    put(3);
    assert_int_equal(uart16550_room(&u), 0);
    assert_int_equal(u.lost, 2);
    uart16550_poll(&u, 0);
    assert_int_equal(uart16550_room(&u), 16);
    assert_memory_equal(chip.wire, "abcdefghijklmnop", 16);
}

static void the_ring_goes_round_and_its_counters_may_wrap(void **state)
{
    (void)state;
    u.head = u.tail = UINT32_MAX - 4;
    put(10);
    assert_int_equal(uart16550_room(&u), UART16550_RING - 10);
    uart16550_poll(&u, 0);
    assert_int_equal(chip.sent, 10);
    assert_memory_equal(chip.wire, "abcdefghij", 10);
}

static void a_flush_gives_up_on_a_chip_that_takes_nothing(void **state)
{
    (void)state;
    chip.in_fifo = 1;
    put(4);
    uart16550_flush(&u);
    assert_int_equal(chip.sent, 0);
}

static void received_bytes_are_handed_out_once(void **state)
{
    uint8_t byte = 0;

    (void)state;
    assert_false(uart16550_get(&u, &byte));
    chip.received = 'x';
    chip.has_data = true;
    assert_true(uart16550_get(&u, &byte));
    assert_int_equal(byte, 'x');
    assert_false(uart16550_get(&u, &byte));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(it_is_set_to_115200_8n1_with_fifos_and_input_interrupts, with_16550),
        cmocka_unit_test_setup(a_missing_port_costs_nothing, with_none),
        cmocka_unit_test_setup(a_full_fifo_goes_out_at_once_and_the_rest_when_it_has_left,
                               with_16550),
        cmocka_unit_test_setup(a_chip_without_fifo_gets_one_byte_at_a_time, with_8250),
        cmocka_unit_test_setup(a_full_ring_loses_the_newest_and_counts_them, with_16550),
        cmocka_unit_test_setup(the_ring_goes_round_and_its_counters_may_wrap, with_16550),
        cmocka_unit_test_setup(a_flush_gives_up_on_a_chip_that_takes_nothing, with_16550),
        cmocka_unit_test_setup(received_bytes_are_handed_out_once, with_16550),
    };
    return cmocka_run_group_tests_name("uart16550", tests, NULL, NULL);
}
