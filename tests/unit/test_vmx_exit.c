#include "hv/vcpu.h"
#include "lib/bits.h"
#include "unit.h"
#include "vmx/vmx_exit.h"

static struct vm_exit decode(unsigned reason, struct vmx_exit_raw raw)
{
    const struct vmx_exit_row *row = &vmx_exit_rows[reason];
    struct vm_exit x = { .kind = row->kind };

    if (row->decode) {
        row->decode(&raw, &x);
    }
    return x;
}

/* Every basic exit reason that pxHV's controls can cause, by its number in the manual. */
static void each_reason_has_its_kind(void **state)
{
    static const enum exit_kind kind[VMX_EXIT_ROWS] = {
        [0] = EXIT_EXCEPTION, [1] = EXIT_EXTINT,   [2] = EXIT_SHUTDOWN,   [7] = EXIT_WINDOW,
        [8] = EXIT_WINDOW,    [10] = EXIT_CPUID,   [11] = EXIT_REFUSED,   [12] = EXIT_HLT,
        [13] = EXIT_IGNORED,  [15] = EXIT_REFUSED, [18] = EXIT_HYPERCALL, [19] = EXIT_REFUSED,
        [20] = EXIT_REFUSED,  [21] = EXIT_REFUSED, [22] = EXIT_REFUSED,   [23] = EXIT_REFUSED,
        [24] = EXIT_REFUSED,  [25] = EXIT_REFUSED, [26] = EXIT_REFUSED,   [27] = EXIT_REFUSED,
        [28] = EXIT_CR,       [30] = EXIT_IO,      [31] = EXIT_MSR_READ,  [32] = EXIT_MSR_WRITE,
        [36] = EXIT_REFUSED,  [39] = EXIT_REFUSED, [40] = EXIT_PAUSE,     [48] = EXIT_MMIO,
        [50] = EXIT_REFUSED,  [52] = EXIT_TIMER,   [53] = EXIT_REFUSED,   [54] = EXIT_IGNORED,
        [55] = EXIT_XSETBV,
    };

    (void)state;
    for (unsigned i = 0; i < VMX_EXIT_ROWS; i++) {
        assert_int_equal(vmx_exit_rows[i].kind, kind[i]);
    }
}

/* Zeros: unknown, no field read, nothing decoded. */
static void a_reason_that_is_not_named_is_unknown(void **state)
{
    static const uint8_t reason[] = { 3, 4, 9, 14, 16, 17, 29, 33, 34, 41, 43, 44, 47, 49, 57, 63 };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(reason); i++) {
        assert_int_equal(vmx_exit_rows[reason[i]].kind, EXIT_UNKNOWN);
        assert_int_equal(vmx_exit_rows[reason[i]].needs, 0);
        assert_null(vmx_exit_rows[reason[i]].decode);
    }
}

/* A failed entry has bit 31 set: as an index it is outside the table, whatever its low bits are. */
static void bit_31_never_names_a_row(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < VMX_EXIT_ROWS; i++) {
        assert_true((BIT32(31) | i) >= VMX_EXIT_ROWS);
    }
}

/* An instruction that is stepped over, or may be, has a length. A fault or an event has none. */
static void what_is_stepped_over_reads_its_length(void **state)
{
    (void)state;
    for (unsigned i = 0; i < VMX_EXIT_ROWS; i++) {
        const struct vmx_exit_row *row = &vmx_exit_rows[i];
        bool event = row->kind == EXIT_UNKNOWN || row->kind == EXIT_EXCEPTION ||
                     row->kind == EXIT_EXTINT || row->kind == EXIT_SHUTDOWN ||
                     row->kind == EXIT_WINDOW || row->kind == EXIT_TIMER || row->kind == EXIT_MMIO;

        assert_int_equal(!(row->needs & VMX_RAW_LEN), event);
    }
}

static void what_is_decoded_is_read_before(void **state)
{
    (void)state;
    assert_int_equal(vmx_exit_rows[0].needs, VMX_RAW_INTR);
    assert_int_equal(vmx_exit_rows[28].needs, VMX_RAW_LEN | VMX_RAW_QUAL);
    assert_int_equal(vmx_exit_rows[30].needs, VMX_RAW_LEN | VMX_RAW_QUAL | VMX_RAW_INFO);
    assert_int_equal(vmx_exit_rows[48].needs, VMX_RAW_QUAL | VMX_RAW_PHYS);
}

static void refused_instructions_say_how(void **state)
{
    static const uint8_t ud[] = { 11, 19, 20, 21, 22, 23, 24, 25, 26, 27, 36, 39, 50, 53 };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(ud); i++) {
        struct vm_exit x = decode(ud[i], (struct vmx_exit_raw){ 0 });

        assert_int_equal(x.refused.vector, VEC_UD);
    }
    assert_int_equal(decode(15, (struct vmx_exit_raw){ 0 }).refused.vector, VEC_GP); /* RDPMC */
}

static void an_exception_and_an_nmi_are_told_apart(void **state)
{
    struct vm_exit x = decode(0, (struct vmx_exit_raw){ .intr_info = 0x80000202 });

    (void)state;
    assert_int_equal(x.kind, EXIT_NMI);
    x = decode(0, (struct vmx_exit_raw){ .intr_info = 0x80000312 });
    assert_int_equal(x.kind, EXIT_EXCEPTION);
    assert_int_equal(x.hw_info, 0x80000312);
}

static void ports_have_size_direction_and_number(void **state)
{
    struct exit_io io = decode(30, (struct vmx_exit_raw){ .qual = 0x03f80008 }).io;

    (void)state;
    assert_int_equal(io.port, 0x3f8);
    assert_int_equal(io.size, 1);
    assert_true(io.in && !io.string && !io.rep);
    io = decode(30, (struct vmx_exit_raw){ .qual = UINT64_C(0xffffffffffff0003) }).io;
    assert_int_equal(io.port, 0xffff);
    assert_int_equal(io.size, 4);
    assert_false(io.in || io.string || io.rep);
    io = decode(30, (struct vmx_exit_raw){ .qual = 0x00800041 }).io; /* immediate operand */
    assert_int_equal(io.port, 0x80);
    assert_int_equal(io.size, 2);
}

static void string_io_has_address_size_and_segment(void **state)
{
    for (unsigned i = 0; i < 3; i++) {
        struct exit_io io =
            decode(30, (struct vmx_exit_raw){ .qual = 0x30, .insn_info = i << 7 | SEG_GS << 15 })
                .io;

        assert_true(io.string && io.rep && !io.in);
        assert_int_equal(io.addr_size, 2u << i);
        assert_int_equal(io.seg, SEG_GS);
    }
    (void)state;
}

static void control_registers_have_all_four_accesses(void **state)
{
    struct exit_cr cr = decode(28, (struct vmx_exit_raw){ .qual = 0xf08 }).cr;

    (void)state;
    assert_int_equal(cr.cr, 8);
    assert_int_equal(cr.access, CR_MOV_TO);
    assert_int_equal(cr.gpr, R15);
    cr = decode(28, (struct vmx_exit_raw){ .qual = 0x413 }).cr;
    assert_int_equal(cr.cr, 3);
    assert_int_equal(cr.access, CR_MOV_FROM);
    assert_int_equal(cr.gpr, RSP);
    assert_int_equal(decode(28, (struct vmx_exit_raw){ .qual = 0x20 }).cr.access, CR_CLTS);
    cr = decode(28, (struct vmx_exit_raw){ .qual = 0xabcd0030 }).cr;
    assert_int_equal(cr.access, CR_LMSW);
    assert_int_equal(cr.lmsw_source, 0xabcd);
}

static void ept_violations_have_address_and_kind(void **state)
{
    struct vmx_exit_raw raw = { .guest_phys = 0xfee00300, .qual = 0x182 };
    struct exit_mmio m = decode(48, raw).mmio;

    (void)state;
    assert_int_equal(m.gpa.v, 0xfee00300);
    assert_true(m.write && !m.read && !m.fetch);
    raw.qual = 0x181;
    m = decode(48, raw).mmio;
    assert_true(m.read && !m.write && !m.fetch);
    raw.qual = 0x184;
    m = decode(48, raw).mmio;
    assert_true(m.fetch && !m.read && !m.write && !m.tables);
    m = decode(48, (struct vmx_exit_raw){ .qual = 0x182 }).mmio; /* of a linear address: its page */
    assert_true(m.write && !m.tables);
    m = decode(48, (struct vmx_exit_raw){ .qual = 0x82 }).mmio; /* ... and an entry for it */
    assert_true(m.write && m.tables);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_reason_has_its_kind),
        cmocka_unit_test(a_reason_that_is_not_named_is_unknown),
        cmocka_unit_test(bit_31_never_names_a_row),
        cmocka_unit_test(what_is_stepped_over_reads_its_length),
        cmocka_unit_test(what_is_decoded_is_read_before),
        cmocka_unit_test(refused_instructions_say_how),
        cmocka_unit_test(an_exception_and_an_nmi_are_told_apart),
        cmocka_unit_test(ports_have_size_direction_and_number),
        cmocka_unit_test(string_io_has_address_size_and_segment),
        cmocka_unit_test(control_registers_have_all_four_accesses),
        cmocka_unit_test(ept_violations_have_address_and_kind),
    };
    return cmocka_run_group_tests_name("vmx_exit", tests, NULL, NULL);
}
