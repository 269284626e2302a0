#include "devices/uart.h"
#include "unit.h"

enum { DATA, IER, IIR, LCR, MCR, LSR, MSR, SCR, FCR = IIR };

static struct uart uart;
static char sent[512];
static size_t sent_count;
static const char *typed; /* what the other end still has for the guest */
static bool wire;
static unsigned rises;

static void put(void *ctx, uint8_t byte)
{
    (void)ctx;
    sent[sent_count++ % sizeof sent] = (char)byte;
}

static bool get(void *ctx, uint8_t *byte)
{
    (void)ctx;
    if (*typed == '\0') {
        return false;
    }
    *byte = (uint8_t)*typed++;
    return true;
}

static bool room;

static bool has_room(void *ctx)
{
    (void)ctx;
    return room;
}

static void set_wire(void *ctl, unsigned pin, bool level)
{
    (void)ctl;
    assert_int_equal(pin, 4);
    assert_true(level != wire); /* told of changes only */
    rises += level;
    wire = level;
}

static int setup(void **state)
{
    (void)state;
    sent_count = 0;
    typed = "";
    wire = false;
    rises = 0;
    uart_init(&uart, (struct uart_port){ .put = put, .get = get },
              (struct irq_line){ .set = set_wire, .pin = 4 });
    return 0;
}

static void out8(unsigned reg, unsigned value)
{
    struct io_access a = { .offset = reg, .size = 1, .write = true, .value = value };

    uart_io(&uart, &a);
}

static unsigned in8(unsigned reg)
{
    struct io_access a = { .offset = reg, .size = 1 };

    uart_io(&uart, &a);
    return a.value & 0xff;
}

static void type(const char *text)
{
    typed = text;
    uart_input_ready(&uart);
}

static void sends_and_is_always_ready(void **state)
{
    (void)state;
    assert_int_equal(in8(LSR), 0x60);
    out8(DATA, 'h');
    out8(DATA, 'i');
    assert_int_equal(in8(LSR), 0x60);
    assert_int_equal(sent_count, 2);
    assert_memory_equal(sent, "hi", 2);
    assert_int_equal(uart.bytes_out, 2);
}

static void registers_keep_their_bits(void **state)
{
    (void)state;
    out8(IER, 0xff);
    assert_int_equal(in8(IER), 0x0f);
    out8(IER, 0);
    assert_int_equal(in8(IER), 0);
    out8(MCR, 0xff);
    assert_int_equal(in8(MCR), 0x1f);
    out8(MCR, 0);
    out8(SCR, 0xa5);
    assert_int_equal(in8(SCR), 0xa5);
    out8(LCR, 0x83);
    out8(DATA, 0x12);
    out8(IER, 0x34);
    assert_int_equal(in8(DATA), 0x12);
    assert_int_equal(in8(IER), 0x34);
    out8(LCR, 0x03);
    assert_int_equal(in8(LCR), 0x03);
    assert_int_equal(in8(IER), 0);
    assert_int_equal(in8(DATA), 0);
    assert_int_equal(sent_count, 0);
    out8(LSR, 0xff);
    out8(MSR, 0xff);
    assert_int_equal(in8(LSR), 0x60);
    assert_int_equal(in8(MSR) & 0xf0, 0xb0);
}

/* What drivers look at to tell a 16550A from its relatives. */
static void is_a_16550a(void **state)
{
    (void)state;
    assert_int_equal(in8(IIR), 0x01);
    out8(FCR, 0x01);
    assert_int_equal(in8(IIR), 0xc1);
    out8(LCR, 0xbf);
    assert_int_not_equal(in8(IIR), 0); /* no EFR */
    out8(LCR, 0x80);
    out8(FCR, 0x21);
    assert_int_equal(in8(IIR) >> 5, 6); /* no 64-byte FIFO */
    out8(LCR, 0x03);
    out8(FCR, 0x00);
    assert_int_equal(in8(IIR), 0x01);
    out8(FCR, 0xc6); /* without the enable bit nothing is programmed */
    assert_int_equal(in8(IIR), 0x01);
}

static void modem_lines_are_on_and_loop_back(void **state)
{
    (void)state;
    assert_int_equal(in8(MSR), 0xb0);
    out8(MCR, 0x1a);
    assert_int_equal(in8(MSR) & 0xf0, 0x90);
    out8(MCR, 0x15);
    assert_int_equal(in8(MSR), 0x60 | 0x0b); /* RI rose: that is not reported */
    assert_int_equal(in8(MSR), 0x60);
    out8(MCR, 0x11);
    assert_int_equal(in8(MSR), 0x24); /* but its end is */
    out8(MCR, 0x00);
    assert_int_equal(in8(MSR), 0xb9);
    out8(MCR, 0x11);
    out8(MCR, 0x13);
    assert_int_equal(in8(MSR), 0x39); /* both changes are told */
}

static void loopback_counts_the_fifo(void **state)
{
    unsigned count = 0;

    (void)state;
    type("xyz");
    assert_int_equal(in8(DATA), 'x');
    out8(FCR, 0x01);
    out8(MCR, 0x10);
    out8(FCR, 0x07);
    for (unsigned i = 0; i < 256; i++) {
        out8(DATA, i);
    }
    assert_int_equal(sent_count, 0);
    assert_int_equal(in8(LSR), 0x63);
    assert_int_equal(in8(LSR), 0x61); /* the overrun was told */
    while (in8(LSR) & 0x01) {
        assert_int_equal(in8(DATA), count++);
    }
    assert_int_equal(count, 16);
    out8(MCR, 0x00);
    assert_int_equal(uart.bytes_out, 0);
}

static void loopback_without_a_fifo_overwrites(void **state)
{
    (void)state;
    out8(MCR, 0x10);
    out8(DATA, 'a');
    out8(DATA, 'b');
    assert_int_equal(in8(LSR), 0x63);
    assert_int_equal(in8(DATA), 'b');
    assert_int_equal(in8(LSR), 0x60);
}

static void loopback_leaves_input_outside(void **state)
{
    (void)state;
    out8(MCR, 0x10);
    type("a");
    assert_int_equal(in8(LSR), 0x60);
    out8(MCR, 0x00);
    assert_int_equal(in8(LSR), 0x61);
    assert_int_equal(in8(DATA), 'a');
}

static void out2_opens_the_gate_to_the_wire(void **state)
{
    (void)state;
    out8(IER, 0x02);
    assert_false(wire);
    out8(MCR, 0x08);
    assert_true(wire);
    out8(MCR, 0x18);
    assert_false(wire);
    out8(MCR, 0x08);
    out8(MCR, 0x07);
    assert_false(wire);
}

static void thre_interrupts_when_it_is_enabled(void **state)
{
    (void)state;
    out8(MCR, 0x08);
    for (unsigned i = 0; i < 3; i++) {
        out8(IER, 0x02);
        assert_true(wire);
        assert_int_equal(in8(IIR), 0x02);
        assert_false(wire);
        assert_int_equal(in8(IIR), 0x01);
        out8(IER, 0x02); /* 1 -> 1 is no news */
        assert_false(wire);
        out8(IER, 0x00);
    }
}

static void thre_interrupts_after_each_burst(void **state)
{
    unsigned before;

    (void)state;
    out8(MCR, 0x08);
    out8(FCR, 0x01);
    out8(IER, 0x02);
    assert_int_equal(in8(IIR), 0xc2);
    out8(DATA, 'a');
    assert_true(wire);
    before = rises;
    out8(DATA, 'b');
    assert_true(wire && rises == before + 1); /* a driver that ignored the first gets an edge */
    assert_int_equal(in8(IIR), 0xc2);
    assert_int_equal(in8(IIR), 0xc1);
}

static void reading_iir_clears_thre_only_if_it_was_reported(void **state)
{
    (void)state;
    out8(MCR, 0x08);
    out8(IER, 0x03);
    type("a");
    assert_int_equal(in8(IIR), 0x04);
    assert_int_equal(in8(DATA), 'a');
    assert_int_equal(in8(IIR), 0x02);
    assert_int_equal(in8(IIR), 0x01);
}

static void received_data_interrupts(void **state)
{
    (void)state;
    out8(MCR, 0x08);
    type("a");
    assert_false(wire);
    out8(IER, 0x01);
    assert_true(wire);
    assert_int_equal(in8(LSR), 0x61);
    assert_int_equal(in8(DATA), 'a');
    assert_false(wire);
    assert_int_equal(in8(IIR), 0x01);
}

static void each_character_without_a_fifo_is_an_edge(void **state)
{
    (void)state;
    out8(MCR, 0x08);
    out8(IER, 0x01);
    type("abc");
    assert_int_equal(rises, 1);
    assert_int_equal(in8(DATA), 'a');
    assert_int_equal(rises, 2);
    assert_int_equal(in8(DATA), 'b');
    assert_int_equal(in8(DATA), 'c');
    assert_int_equal(rises, 3);
    assert_false(wire);
}

static void below_the_trigger_level_is_a_timeout(void **state)
{
    static const unsigned level[] = { 1, 4, 8, 14 };
    static const char text[] = "0123456789abcdef";

    (void)state;
    out8(MCR, 0x08);
    out8(IER, 0x01);
    for (unsigned i = 0; i < 4; i++) {
        out8(FCR, i << 6 | 0x03);
        assert_false(wire);
        type(text + 16 - level[i]);
        assert_int_equal(in8(IIR), 0xc4);
        (void)in8(DATA);
        assert_int_equal(in8(IIR), level[i] > 1 ? 0xcc : 0xc1);
        out8(FCR, i << 6 | 0x03); /* the reset takes the rest away */
        assert_int_equal(in8(LSR), 0x60);
    }
    type("ab");
    rises = 0;
    assert_int_equal(in8(DATA), 'a');
    assert_int_equal(rises, 1); /* one character for each edge is enough */
    assert_int_equal(in8(DATA), 'b');
    assert_false(wire);
}

static void input_that_does_not_fit_follows(void **state)
{
    static const char text[] = "The quick brown fox jumps over the lazy dog";
    char got[sizeof text] = "";
    unsigned n = 0;

    (void)state;
    out8(FCR, 0x81);
    type(text);
    assert_ptr_equal(typed, text + 16);
    while (in8(LSR) & 0x01) {
        got[n++] = (char)in8(DATA);
    }
    assert_string_equal(got, text);
    assert_int_equal(in8(LSR), 0x60); /* and nothing was overrun */
}

static void switching_the_fifo_empties_it(void **state)
{
    (void)state;
    out8(FCR, 0x01);
    type("abcdef");
    out8(FCR, 0x00);
    assert_int_equal(in8(LSR), 0x60);
    type("g");
    out8(FCR, 0xc2); /* no enable bit, no reset */
    assert_int_equal(in8(DATA), 'g');
}

static void line_status_comes_first_and_modem_status_last(void **state)
{
    (void)state;
    out8(FCR, 0x01);
    out8(MCR, 0x10);
    for (unsigned i = 0; i < 17; i++) {
        out8(DATA, i);
    }
    out8(MCR, 0x08);
    out8(IER, 0x01);
    assert_int_equal(in8(IIR), 0xc4); /* line status is not enabled */
    out8(IER, 0x0f);
    assert_true(wire);
    assert_int_equal(in8(IIR), 0xc6);
    assert_int_equal(in8(LSR), 0x63);
    assert_int_equal(in8(IIR), 0xc4);
    out8(FCR, 0x03);
    assert_int_equal(in8(IIR), 0xc2);
    assert_int_equal(in8(IIR), 0xc0);
    assert_true(wire);
    (void)in8(MSR);
    assert_false(wire);
    assert_int_equal(in8(IIR), 0xc1);
}

static void wide_accesses_reach_one_register(void **state)
{
    struct io_access a = { .offset = 0, .size = 4, .write = true, .value = 0x0f0f0f41 };

    (void)state;
    uart_io(&uart, &a);
    assert_int_equal(sent_count, 1);
    assert_int_equal(sent[0], 'A');
    assert_int_equal(in8(IER), 0);
    a = (struct io_access){ .offset = LSR, .size = 2 };
    uart_io(&uart, &a);
    assert_true(a.value == (~UINT64_C(0xff) | 0x60));
}

static void waits_while_the_other_end_has_no_room(void **state)
{
    (void)state;
    uart.port.ready = has_room;
    room = true;
    out8(MCR, 0x08);
    out8(IER, 0x02);
    assert_true(wire);
    assert_int_equal(in8(IIR) & 0x0f, 0x02); /* reported, and so no longer pending */
    room = false;
    out8(DATA, 'x');
    assert_int_equal(in8(LSR) & 0x60, 0);
    assert_false(wire); /* the transmitter is busy now */
    room = true;
    uart_output_ready(&uart);
    assert_true(wire);
    assert_int_equal(in8(LSR) & 0x60, 0x60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(sends_and_is_always_ready, setup),
        cmocka_unit_test_setup(waits_while_the_other_end_has_no_room, setup),
        cmocka_unit_test_setup(registers_keep_their_bits, setup),
        cmocka_unit_test_setup(is_a_16550a, setup),
        cmocka_unit_test_setup(modem_lines_are_on_and_loop_back, setup),
        cmocka_unit_test_setup(loopback_counts_the_fifo, setup),
        cmocka_unit_test_setup(loopback_without_a_fifo_overwrites, setup),
        cmocka_unit_test_setup(loopback_leaves_input_outside, setup),
        cmocka_unit_test_setup(out2_opens_the_gate_to_the_wire, setup),
        cmocka_unit_test_setup(thre_interrupts_when_it_is_enabled, setup),
        cmocka_unit_test_setup(thre_interrupts_after_each_burst, setup),
        cmocka_unit_test_setup(reading_iir_clears_thre_only_if_it_was_reported, setup),
        cmocka_unit_test_setup(received_data_interrupts, setup),
        cmocka_unit_test_setup(each_character_without_a_fifo_is_an_edge, setup),
        cmocka_unit_test_setup(below_the_trigger_level_is_a_timeout, setup),
        cmocka_unit_test_setup(input_that_does_not_fit_follows, setup),
        cmocka_unit_test_setup(switching_the_fifo_empties_it, setup),
        cmocka_unit_test_setup(line_status_comes_first_and_modem_status_last, setup),
        cmocka_unit_test_setup(wide_accesses_reach_one_register, setup),
    };
    return cmocka_run_group_tests_name("uart", tests, NULL, NULL);
}
