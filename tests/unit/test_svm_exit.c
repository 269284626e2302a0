#include "hv/vcpu.h"
#include "lib/bits.h"
#include "svm/svm_exit.h"
#include "unit.h"

static struct vm_exit decode(struct svm_exit_raw raw)
{
    const struct svm_exit_row *row = svm_exit_row(raw.code);
    struct vm_exit x = { .kind = row->kind };

    if (row->decode) {
        row->decode(&raw, &x);
    }
    return x;
}

/* The instruction whose bytes are given. */
static const struct insn *insn(enum insn_mode mode, const uint8_t *bytes, unsigned count)
{
    static struct insn in;

    assert_int_equal(insn_decode(bytes, count, mode, &in), INSN_OK);
    assert_int_equal(in.len, count);
    return &in;
}
#define INSN(mode, ...)                                                                            \
    insn(mode, (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))

/* Every code that pxHV's intercepts can cause, by its number in the manual. */
static const struct {
    uint16_t code;
    enum exit_kind kind;
} known[] = {
    {0x04,   EXIT_CR       },
    { 0x08,  EXIT_CR       },
    { 0x14,  EXIT_CR       },
    { 0x18,  EXIT_CR       },
    { 0x52,  EXIT_EXCEPTION},
    { 0x60,  EXIT_EXTINT   },
    { 0x61,  EXIT_NMI      },
    { 0x64,  EXIT_WINDOW   },
    { 0x65,  EXIT_CR       },
    { 0x6f,  EXIT_REFUSED  },
    { 0x72,  EXIT_CPUID    },
    { 0x73,  EXIT_REFUSED  },
    { 0x74,  EXIT_WINDOW   },
    { 0x76,  EXIT_IGNORED  },
    { 0x77,  EXIT_PAUSE    },
    { 0x78,  EXIT_HLT      },
    { 0x7a,  EXIT_REFUSED  },
    { 0x7b,  EXIT_IO       },
    { 0x7c,  EXIT_MSR_READ },
    { 0x7f,  EXIT_SHUTDOWN },
    { 0x80,  EXIT_REFUSED  },
    { 0x81,  EXIT_HYPERCALL},
    { 0x82,  EXIT_REFUSED  },
    { 0x83,  EXIT_REFUSED  },
    { 0x84,  EXIT_REFUSED  },
    { 0x85,  EXIT_REFUSED  },
    { 0x86,  EXIT_REFUSED  },
    { 0x89,  EXIT_IGNORED  },
    { 0x8a,  EXIT_REFUSED  },
    { 0x8b,  EXIT_REFUSED  },
    { 0x8d,  EXIT_XSETBV   },
    { 0x8e,  EXIT_REFUSED  },
    { 0x400, EXIT_MMIO     },
};

static enum exit_kind known_kind(unsigned code)
{
    for (unsigned i = 0; i < ARRAY_SIZE(known); i++) {
        if (known[i].code == code) {
            return known[i].kind;
        }
    }
    return EXIT_UNKNOWN;
}

static void each_code_has_its_kind_and_all_others_are_unknown(void **state)
{
    (void)state;
    for (unsigned code = 0; code < 0x500; code++) {
        assert_int_equal(svm_exit_row(code)->kind, known_kind(code));
    }
}

/* Zeros: nothing is fetched, nothing decoded. Beyond the table too. */
static void a_code_that_is_not_named_needs_nothing(void **state)
{
    static const uint64_t code[] = { 0x00,       0x2f,           0x63,      0x66,  0x75,
                                     0x8f,       0x90,           0x3ff,     0x401, BIT(32),
                                     UINT32_MAX, BIT(32) | 0x72, UINT64_MAX };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(code); i++) {
        const struct svm_exit_row *row = svm_exit_row(code[i]);

        assert_int_equal(row->kind, EXIT_UNKNOWN);
        assert_int_equal(row->needs, SVM_NEEDS_NOTHING);
        assert_null(row->decode);
        assert_false(row->on_demand);
    }
}

/* The VMCB has an intercept bit for CRs, exceptions and the rest, where these numbers say. */
static bool has_intercept(unsigned code)
{
    return code < 0x20 || code >= SVM_EXIT_EXCP_FIRST;
}

static void what_can_exit_is_intercepted_or_on_demand(void **state)
{
    enum { PAUSE = 0x77 }; /* asked for of a guest that may be idle */
    unsigned always = 0;

    (void)state;
    for (unsigned code = 0; code < SVM_EXIT_ROWS; code++) {
        const struct svm_exit_row *row = &svm_exit_rows[code];

        assert_int_equal(row->on_demand,
                         code == SVM_EXIT_VINTR || code == SVM_EXIT_IRET || code == PAUSE);
        assert_true(row->kind == EXIT_UNKNOWN || has_intercept(code));
        always += row->kind != EXIT_UNKNOWN && !row->on_demand;
    }
    assert_int_equal(always, ARRAY_SIZE(known) - 4); /* a nested fault needs no intercept */
    assert_false(svm_exit_row(SVM_EXIT_NPF)->on_demand);
    assert_int_equal(svm_exit_rows[0x80].kind, EXIT_REFUSED); /* VMRUN demands that it exits */
}

/* What is stepped over has a length from somewhere; a fault or an event has none. */
static void what_is_stepped_over_asks_for_its_length(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(known); i++) {
        enum exit_kind kind = known[i].kind;
        bool stepped = kind == EXIT_CR || kind == EXIT_CPUID || kind == EXIT_IGNORED ||
                       kind == EXIT_HLT || kind == EXIT_PAUSE || kind == EXIT_IO ||
                       kind == EXIT_MSR_READ || kind == EXIT_HYPERCALL || kind == EXIT_XSETBV;
        enum svm_needs needs = svm_exit_row(known[i].code)->needs;

        assert_int_equal(needs != SVM_NEEDS_NOTHING, stepped);
        assert_int_equal(needs == SVM_NEEDS_CR, kind == EXIT_CR);
        assert_int_equal(needs == SVM_NEEDS_IO, kind == EXIT_IO);
    }
}

static bool wants(uint64_t code, uint64_t info1, bool next_rip, bool decode_assists)
{
    return svm_wants_insn(svm_exit_row(code), info1, next_rip, decode_assists);
}

static void the_instruction_is_fetched_only_if_the_cpu_does_not_tell(void **state)
{
    const uint64_t mov = BIT(63) | 3;

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        bool next_rip = i & 1;
        bool assists = i & 2;

        assert_false(wants(0x60, 0, next_rip, assists));           /* an interrupt */
        assert_false(wants(0x400, UINT64_MAX, next_rip, assists)); /* a nested fault */
        assert_false(wants(0x82, 0, next_rip, assists));           /* refused: stays there */
        assert_int_equal(wants(0x72, 0, next_rip, assists), !next_rip);
        assert_int_equal(wants(0x7c, 1, next_rip, assists), !next_rip);
        assert_false(wants(0x7b, 0x03f80211, next_rip, assists)); /* IN tells it always */
        assert_true(wants(0x7b, 0x03f80215, next_rip, assists));  /* INS: where to */
        assert_int_equal(wants(0x14, mov, next_rip, assists), !(next_rip && assists));
        assert_int_equal(wants(0x65, mov, next_rip, assists), !(next_rip && assists));
        assert_true(wants(0x65, 3, next_rip, assists)); /* LMSW: from where */
    }
}

static void ports_have_size_direction_and_number(void **state)
{
    struct exit_io io = decode((struct svm_exit_raw){ .code = 0x7b, .info1 = 0x03f80211 }).io;

    (void)state;
    assert_int_equal(io.port, 0x3f8);
    assert_int_equal(io.size, 1);
    assert_true(io.in && !io.string && !io.rep);
    io = decode((struct svm_exit_raw){ .code = 0x7b, .info1 = 0x00800120 }).io;
    assert_int_equal(io.port, 0x80);
    assert_int_equal(io.size, 2);
    assert_false(io.in || io.string || io.rep);
    io = decode((struct svm_exit_raw){ .code = 0x7b, .info1 = UINT64_C(0xffffffffffff0040) }).io;
    assert_int_equal(io.port, 0xffff);
    assert_int_equal(io.size, 4);
    assert_false(io.in || io.string || io.rep);
}

static void string_io_has_address_size_and_segment(void **state)
{
    struct svm_exit_raw raw = { .code = 0x7b, .info1 = 0x03f8041c };
    struct exit_io io;

    (void)state;
    raw.insn = INSN(INSN_64, 0xf3, 0x65, 0x6e); /* REP OUTSB from GS */
    io = decode(raw).io;
    assert_true(io.string && io.rep && !io.in);
    assert_int_equal(io.size, 1);
    assert_int_equal(io.addr_size, 8);
    assert_int_equal(io.seg, SEG_GS);
    raw.info1 = 0x03f80225;
    raw.insn = INSN(INSN_32, 0x66, 0x67, 0x6d); /* INSW with 16-bit addresses */
    io = decode(raw).io;
    assert_true(io.string && io.in && !io.rep);
    assert_int_equal(io.size, 2);
    assert_int_equal(io.addr_size, 2);
    raw.info1 = 0x03f80124;
    raw.insn = INSN(INSN_16, 0x67, 0x6f); /* OUTSW with 32-bit addresses */
    io = decode(raw).io;
    assert_int_equal(io.addr_size, 4);
    assert_int_equal(io.seg, SEG_DS);
}

static void control_registers_come_from_the_code_and_the_assists(void **state)
{
    static const struct {
        uint16_t code;
        uint8_t cr;
        enum cr_access access;
    } row[] = {
        {0x04,  4, CR_MOV_FROM},
        { 0x08, 8, CR_MOV_FROM},
        { 0x14, 4, CR_MOV_TO  },
        { 0x18, 8, CR_MOV_TO  },
        { 0x65, 0, CR_MOV_TO  }
    };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(row); i++) {
        struct svm_exit_raw raw = { .code = row[i].code, .info1 = BIT(63) | R13 };
        struct exit_cr cr = decode(raw).cr;

        assert_int_equal(cr.cr, row[i].cr);
        assert_int_equal(cr.access, row[i].access);
        assert_int_equal(cr.gpr, R13);
    }
}

static void control_registers_come_from_the_instruction_without_assists(void **state)
{
    struct svm_exit_raw raw = { .code = 0x14 };
    struct exit_cr cr;

    (void)state;
    raw.insn = INSN(INSN_64, 0x41, 0x0f, 0x22, 0xe7); /* MOV CR4, R15 */
    cr = decode(raw).cr;
    assert_int_equal(cr.cr, 4);
    assert_int_equal(cr.access, CR_MOV_TO);
    assert_int_equal(cr.gpr, R15);
    raw.code = 0x08;
    raw.insn = INSN(INSN_64, 0x44, 0x0f, 0x20, 0xc3); /* MOV RBX, CR8 */
    cr = decode(raw).cr;
    assert_int_equal(cr.cr, 8);
    assert_int_equal(cr.access, CR_MOV_FROM);
    assert_int_equal(cr.gpr, RBX);
    raw.code = 0x18;
    raw.insn = INSN(INSN_32, 0xf0, 0x0f, 0x22, 0xc1); /* LOCK MOV CR0, ECX is MOV CR8, ECX */
    cr = decode(raw).cr;
    assert_int_equal(cr.cr, 8);
    assert_int_equal(cr.gpr, RCX);
    raw.code = 0x65;
    raw.insn = INSN(INSN_16, 0x0f, 0x22, 0xc4); /* MOV CR0, ESP */
    cr = decode(raw).cr;
    assert_int_equal(cr.cr, 0);
    assert_int_equal(cr.access, CR_MOV_TO);
    assert_int_equal(cr.gpr, RSP);
}

static void lmsw_is_told_from_a_mov(void **state)
{
    struct svm_exit_raw raw = { .code = 0x65, .lmsw_source = 0xabcd };
    struct exit_cr cr;

    (void)state;
    assert_false(svm_is_lmsw(INSN(INSN_64, 0x0f, 0x22, 0xc0)));       /* MOV CR0, RAX */
    assert_false(svm_is_lmsw(INSN(INSN_64, 0x01, 0xf0)));             /* ADD EAX, ESI */
    assert_false(svm_is_lmsw(INSN(INSN_64, 0x0f, 0x38, 0x01, 0xf0))); /* PHADDW */
    raw.insn = INSN(INSN_16, 0x0f, 0x01, 0xf3);                       /* LMSW BX */
    assert_true(svm_is_lmsw(raw.insn));
    cr = decode(raw).cr;
    assert_int_equal(cr.cr, 0);
    assert_int_equal(cr.access, CR_LMSW);
    assert_int_equal(cr.lmsw_source, 0xabcd);
    raw.insn = INSN(INSN_32, 0x0f, 0x01, 0x36); /* LMSW [ESI] */
    assert_int_equal(decode(raw).cr.access, CR_LMSW);
}

static void msr_reads_and_writes_are_told_apart(void **state)
{
    (void)state;
    assert_int_equal(decode((struct svm_exit_raw){ .code = 0x7c, .info1 = 0 }).kind, EXIT_MSR_READ);
    assert_int_equal(decode((struct svm_exit_raw){ .code = 0x7c, .info1 = 1 }).kind,
                     EXIT_MSR_WRITE);
}

/* EXITINFO1 has the bits of a page fault's error code, and bit 32: the address is the final one. */
static void nested_faults_have_address_and_kind(void **state)
{
    struct svm_exit_raw raw = { .code = 0x400,
                                .info1 = BIT(32) | 4,
                                .info2 = UINT64_C(0xffeefee00300) };
    struct exit_mmio m = decode(raw).mmio;

    (void)state;
    assert_true(m.gpa.v == UINT64_C(0xffeefee00300));
    assert_true(m.read && !m.write && !m.fetch);
    raw.info1 = BIT(32) | 6;
    m = decode(raw).mmio;
    assert_true(m.write && !m.read && !m.fetch);
    raw.info1 = BIT(32) | 0x14;
    m = decode(raw).mmio;
    assert_true(m.fetch && !m.read && !m.write);
    raw.info1 = BIT(32) | 0x15; /* present: a page that must not be executed */
    m = decode(raw).mmio;
    assert_true(m.fetch && !m.read && !m.write);
    assert_true(!m.tables);
}

static void refused_instructions_say_how(void **state)
{
    static const uint8_t ud[] = {
        0x73, 0x7a, 0x80, 0x82, 0x83, 0x84, 0x85, 0x86, 0x8a, 0x8b, 0x8e
    };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(ud); i++) {
        assert_int_equal(decode((struct svm_exit_raw){ .code = ud[i] }).refused.vector, VEC_UD);
    }
    assert_int_equal(decode((struct svm_exit_raw){ .code = 0x6f }).refused.vector, VEC_GP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_code_has_its_kind_and_all_others_are_unknown),
        cmocka_unit_test(a_code_that_is_not_named_needs_nothing),
        cmocka_unit_test(what_can_exit_is_intercepted_or_on_demand),
        cmocka_unit_test(what_is_stepped_over_asks_for_its_length),
        cmocka_unit_test(the_instruction_is_fetched_only_if_the_cpu_does_not_tell),
        cmocka_unit_test(ports_have_size_direction_and_number),
        cmocka_unit_test(string_io_has_address_size_and_segment),
        cmocka_unit_test(control_registers_come_from_the_code_and_the_assists),
        cmocka_unit_test(control_registers_come_from_the_instruction_without_assists),
        cmocka_unit_test(lmsw_is_told_from_a_mov),
        cmocka_unit_test(msr_reads_and_writes_are_told_apart),
        cmocka_unit_test(nested_faults_have_address_and_kind),
        cmocka_unit_test(refused_instructions_say_how),
    };
    return cmocka_run_group_tests_name("svm_exit", tests, NULL, NULL);
}
