#include "hv/exit_table.h"
#include "vcpu_rig.h"

/* A device at ports 0x100 to 0x10f that notes each access and answers with a pattern. */
enum { BASE = 0x100, PORTS = 16, LOG_MAX = 600 };
static struct {
    struct io_access log[LOG_MAX];
    unsigned count;
    uint64_t answer;
} dev;

static void access(void *ctx, struct io_access *a)
{
    assert_ptr_equal(ctx, &dev);
    assert_true(dev.count < LOG_MAX);
    dev.log[dev.count++] = *a;
    if (!a->write) {
        a->value = dev.answer++;
    }
}

static int with_device(void)
{
    memset(&dev, 0, sizeof dev);
    return io_bus_add(&vm.pio, &(struct io_range){ BASE, PORTS, access, &dev, "dev" }) == ERR_NONE
               ? 0
               : -1;
}

static int setup(void **state)
{
    rig_setup(state);
    return with_device();
}

static int setup_long(void **state)
{
    rig_setup_long(state);
    return with_device();
}

static enum exit_action in(uint16_t port, uint8_t size)
{
    struct vm_exit x = {
        .io = {.port = port, .size = size, .in = true}
    };

    return on_io(&vcpu, &x);
}

static enum exit_action out(uint16_t port, uint8_t size)
{
    struct vm_exit x = {
        .io = {.port = port, .size = size}
    };

    return on_io(&vcpu, &x);
}

static enum exit_action ins(uint8_t size, uint8_t addr_size, bool rep)
{
    struct vm_exit x = {
        .io = {.port = BASE,
               .size = size,
               .in = true,
               .string = true,
               .rep = rep,
               .addr_size = addr_size,
               .seg = SEG_ES}
    };

    return on_io(&vcpu, &x);
}

static enum exit_action outs(uint8_t size, uint8_t addr_size, enum seg seg, bool rep)
{
    struct vm_exit x = {
        .io = {.port = BASE,
               .size = size,
               .string = true,
               .rep = rep,
               .addr_size = addr_size,
               .seg = (uint8_t)seg}
    };

    return on_io(&vcpu, &x);
}

static void in_changes_as_much_of_rax_as_a_cpu_does(void **state)
{
    static const struct {
        uint8_t size;
        uint64_t rax;
    } row[] = {
        {1,  UINT64_C(0xaaaaaaaaaaaaaa44)},
        { 2, UINT64_C(0xaaaaaaaaaaaa3344)},
        { 4, UINT64_C(0x0000000011223344)}
    };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(row); i++) {
        dev.answer = UINT64_C(0xffffffff11223344); /* a device may leave high bits set */
        vcpu.regs.gpr[RAX] = UINT64_C(0xaaaaaaaaaaaaaaaa);
        assert_int_equal(in(BASE + 4, row[i].size), ACT_ADVANCE);
        assert_true(vcpu.regs.gpr[RAX] == row[i].rax);
        assert_int_equal(dev.log[i].size, row[i].size);
        assert_int_equal(dev.log[i].offset, 4);
        assert_false(dev.log[i].write);
    }
}

static void out_shows_the_device_no_more_than_the_operand(void **state)
{
    (void)state;
    vcpu.regs.gpr[RAX] = UINT64_C(0x8877665544332211);
    assert_int_equal(out(BASE, 1), ACT_ADVANCE);
    assert_int_equal(out(BASE + 2, 2), ACT_ADVANCE);
    assert_int_equal(out(BASE + 12, 4), ACT_ADVANCE);
    assert_int_equal(dev.log[0].value, 0x11);
    assert_int_equal(dev.log[1].value, 0x2211);
    assert_int_equal(dev.log[2].value, 0x44332211);
    assert_int_equal(dev.log[2].offset, 12);
    assert_true(dev.log[2].write);
    assert_true(vcpu.regs.gpr[RAX] == UINT64_C(0x8877665544332211));
}

static void a_port_without_device_floats_and_is_counted(void **state)
{
    static const struct {
        uint16_t port;
        uint8_t size;
    } hole[] = {
        {0x80,       1},
        { BASE - 1,  2},
        { BASE + 14, 4},
        { 0xffff,    4},
        { 0,         1}
    };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(hole); i++) {
        vcpu.regs.gpr[RAX] = 0;
        assert_int_equal(in(hole[i].port, hole[i].size), ACT_ADVANCE);
        assert_true(vcpu.regs.gpr[RAX] == size_mask(hole[i].size));
        assert_int_equal(out(hole[i].port, hole[i].size), ACT_ADVANCE);
    }
    assert_int_equal(vm.ports.count, ARRAY_SIZE(hole));
    assert_int_equal(vm.ports.total, 2 * ARRAY_SIZE(hole));
    assert_int_equal(dev.count, 0);
    assert_nothing_queued();
}

static void exits_of_the_serial_port_are_counted_apart(void **state)
{
    (void)state;
    out(BASE, 1);
    assert_int_equal(vcpu.stats.uart, 0);
    vm.uart_dev = &dev;
    out(BASE, 1);
    in(BASE, 1);
    in(0x80, 1);
    assert_int_equal(vcpu.stats.uart, 2);
}

static void ins_writes_es_rdi_and_outs_reads_its_segment(void **state)
{
    (void)state;
    rig.segs.seg[SEG_ES].base = 0x1000;
    rig.segs.seg[SEG_GS].base = 0x2000;
    vcpu.regs.gpr[RDI] = 0x10;
    vcpu.regs.gpr[RSI] = 0x20;
    dev.answer = 0xbeef;
    assert_int_equal(ins(2, 4, false), ACT_ADVANCE);
    assert_memory_equal(ram_low + 0x1010, "\xef\xbe\0", 3);
    assert_int_equal(vcpu.regs.gpr[RDI], 0x12);
    memcpy(ram_low + 0x2020, "\x78\x56\x34\x12", 4);
    assert_int_equal(outs(4, 4, SEG_GS, false), ACT_ADVANCE);
    assert_int_equal(dev.log[1].value, 0x12345678);
    assert_int_equal(vcpu.regs.gpr[RSI], 0x24);
    assert_int_equal(vcpu.regs.gpr[RCX], 0); /* counts only with REP */
}

static void rep_counts_down_and_stops_at_zero(void **state)
{
    (void)state;
    vcpu.regs.gpr[RCX] = 5;
    vcpu.regs.gpr[RDI] = 0x2000;
    dev.answer = 'a';
    assert_int_equal(ins(1, 4, true), ACT_ADVANCE);
    assert_memory_equal(ram_low + 0x2000, "abcde\0", 6);
    assert_int_equal(vcpu.regs.gpr[RCX], 0);
    assert_int_equal(vcpu.regs.gpr[RDI], 0x2005);
    assert_int_equal(ins(1, 4, true), ACT_ADVANCE); /* count 0: nothing happens */
    assert_int_equal(dev.count, 5);
    assert_int_equal(vcpu.regs.gpr[RDI], 0x2005);
}

static void with_df_it_goes_down(void **state)
{
    (void)state;
    vcpu.regs_loaded = false; /* the flags are fetched first */
    rig.hidden_rflags = RFLAGS_FIXED | RFLAGS_DF;
    vcpu.regs.gpr[RCX] = 3;
    vcpu.regs.gpr[RSI] = 0x2004;
    memcpy(ram_low + 0x2000, "\1\0\2\0\3\0", 6);
    assert_int_equal(outs(2, 4, SEG_DS, true), ACT_ADVANCE);
    assert_int_equal(dev.log[0].value, 3);
    assert_int_equal(dev.log[2].value, 1);
    assert_int_equal(vcpu.regs.gpr[RSI], 0x1ffe);
}

static void registers_are_used_at_the_address_size(void **state)
{
    (void)state;
    vcpu.regs.gpr[RCX] = UINT64_C(0x1111222233330002);
    vcpu.regs.gpr[RDI] = UINT64_C(0x111122223333ffff);
    dev.answer = 'a';
    assert_int_equal(ins(1, 2, true), ACT_ADVANCE);
    assert_int_equal(ram_low[0xffff], 'a');
    assert_int_equal(ram_low[0], 'b'); /* DI wraps */
    assert_true(vcpu.regs.gpr[RCX] == UINT64_C(0x1111222233330000));
    assert_true(vcpu.regs.gpr[RDI] == UINT64_C(0x1111222233330001));
    vcpu.regs.gpr[RCX] = UINT64_C(0x1111222200000001);
    vcpu.regs.gpr[RDI] = UINT64_C(0x1111222200003000);
    assert_int_equal(ins(1, 4, true), ACT_ADVANCE);
    assert_int_equal(vcpu.regs.gpr[RCX], 0);
    assert_int_equal(vcpu.regs.gpr[RDI], 0x3001);
}

/* So that interrupts get in; the rest is another exit of the same instruction. */
static void a_long_rep_is_done_in_batches(void **state)
{
    (void)state;
    vcpu.regs.gpr[RCX] = 600;
    vcpu.regs.gpr[RDI] = 0x2000;
    assert_int_equal(ins(1, 4, true), ACT_RESUME);
    assert_int_equal(dev.count, 256);
    assert_int_equal(vcpu.regs.gpr[RCX], 344);
    assert_int_equal(vcpu.regs.gpr[RDI], 0x2100);
    assert_nothing_queued();
    assert_int_equal(ins(1, 4, true), ACT_RESUME);
    assert_int_equal(ins(1, 4, true), ACT_ADVANCE);
    assert_int_equal(dev.count, 600);
    assert_int_equal(ram_low[0x2000 + 599], 599 & 0xff);
    assert_int_equal(ram_low[0x2000 + 600], 0);
}

static void a_page_fault_in_the_middle_leaves_the_rest_to_do(void **state)
{
    (void)state;
    rig_unmap(0x9000);
    vcpu.regs.gpr[RCX] = 8;
    vcpu.regs.gpr[RDI] = 0x8ffd;
    dev.answer = 'a';
    assert_int_equal(ins(1, 8, true), ACT_RESUME);
    assert_queued(VEC_PF, true, 2);
    assert_int_equal(rig.cr2, 0x9000);
    assert_int_equal(dev.count, 3); /* the fourth is not taken from the device */
    assert_int_equal(vcpu.regs.gpr[RCX], 5);
    assert_int_equal(vcpu.regs.gpr[RDI], 0x9000);
    assert_memory_equal(ram_low + 0x8ffd, "abc", 3);
}

static void outs_from_a_missing_page_writes_nothing(void **state)
{
    (void)state;
    rig_unmap(0x9000);
    vcpu.regs.gpr[RSI] = 0x9ffe;
    assert_int_equal(outs(2, 8, SEG_DS, false), ACT_RESUME);
    assert_queued(VEC_PF, true, 0);
    assert_int_equal(dev.count, 0);
    assert_int_equal(vcpu.regs.gpr[RSI], 0x9ffe);
}

static void an_element_may_cross_pages(void **state)
{
    (void)state;
    memcpy(ram_low + 0x4000 + 9 * 8, "\x07\xb0", 2); /* page 9 lies at 0xb000 */
    dev.answer = 0x44332211;
    vcpu.regs.gpr[RDI] = 0x8ffe;
    assert_int_equal(ins(4, 8, false), ACT_ADVANCE);
    assert_memory_equal(ram_low + 0x8ffe, "\x11\x22", 2);
    assert_memory_equal(ram_low + 0xb000, "\x33\x44", 2);
}

static void a_non_canonical_address_is_a_gp(void **state)
{
    (void)state;
    vcpu.regs.gpr[RDI] = UINT64_C(0x0000800000000000);
    assert_int_equal(ins(1, 8, false), ACT_RESUME);
    assert_queued(VEC_GP, true, 0);
    assert_int_equal(dev.count, 0);
}

static void string_io_to_what_is_no_ram_stops_this_vm(void **state)
{
    (void)state;
    vcpu.regs.gpr[RSI] = 0xfee00000;
    assert_int_equal(outs(1, 4, SEG_DS, false), ACT_RESUME);
    assert_int_equal(vm.stop, VM_KILLED);
    assert_int_equal(dev.count, 0);
}

int main(void)
{
#define T(test)  cmocka_unit_test_setup(test, setup)
#define TL(test) cmocka_unit_test_setup(test, setup_long)
    const struct CMUnitTest tests[] = {
        T(in_changes_as_much_of_rax_as_a_cpu_does),
        T(out_shows_the_device_no_more_than_the_operand),
        T(a_port_without_device_floats_and_is_counted),
        T(exits_of_the_serial_port_are_counted_apart),
        T(ins_writes_es_rdi_and_outs_reads_its_segment),
        T(rep_counts_down_and_stops_at_zero),
        T(with_df_it_goes_down),
        T(registers_are_used_at_the_address_size),
        T(a_long_rep_is_done_in_batches),
        TL(a_page_fault_in_the_middle_leaves_the_rest_to_do),
        TL(outs_from_a_missing_page_writes_nothing),
        TL(an_element_may_cross_pages),
        TL(a_non_canonical_address_is_a_gp),
        T(string_io_to_what_is_no_ram_stops_this_vm),
    };
    return cmocka_run_group_tests_name("io", tests, NULL, NULL);
}
