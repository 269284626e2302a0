#include "hv/alu.h"
#include "unit.h"

#define ALL_FLAGS (RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_OF)

/* What the CPU that runs this test makes of the same operation. The stack pointer steps over the
 * red zone before the flags are pushed. */
#define ON_CPU(text)                                                                               \
    __asm__("lea -128(%%rsp), %%rsp\n\tpush %[f]\n\tpopfq\n\t" text                                \
            "\n\tpushfq\n\tpop %[f]\n\tlea 128(%%rsp), %%rsp"                                      \
            : [a] "+r"(a), [f] "+r"(f)                                                             \
            : [b] "c"(b)                                                                           \
            : "cc", "memory")

struct cpu_result {
    uint64_t value, flags;
};
typedef struct cpu_result cpu_fn(unsigned size, uint64_t a, uint64_t b, uint64_t f);

#define CPU_FN(name, byte, word, dword, qword)                                                     \
    static struct cpu_result cpu_##name(unsigned size, uint64_t a, uint64_t b, uint64_t f)         \
    {                                                                                              \
        switch (size) {                                                                            \
        case 1:                                                                                    \
            ON_CPU(byte);                                                                          \
            break;                                                                                 \
        case 2:                                                                                    \
            ON_CPU(word);                                                                          \
            break;                                                                                 \
        case 4:                                                                                    \
            ON_CPU(dword);                                                                         \
            break;                                                                                 \
        default:                                                                                   \
            ON_CPU(qword);                                                                         \
        }                                                                                          \
        return (struct cpu_result){ a & size_mask(size), f & ALL_FLAGS };                          \
    }
#define CPU_TWO(n)                                                                                 \
    CPU_FN(n, #n " %b[b], %b[a]", #n " %w[b], %w[a]", #n " %k[b], %k[a]", #n " %q[b], %q[a]")
#define CPU_ONE(n) CPU_FN(n, #n " %b[a]", #n " %w[a]", #n " %k[a]", #n " %q[a]")
#define CPU_SHIFT(n)                                                                               \
    CPU_FN(n, #n " %%cl, %b[a]", #n " %%cl, %w[a]", #n " %%cl, %k[a]", #n " %%cl, %q[a]")
#define CPU_BIT(n) CPU_FN(n, "", #n " %w[b], %w[a]", #n " %k[b], %k[a]", #n " %q[b], %q[a]")

CPU_TWO(add)
CPU_TWO(or)
CPU_TWO(adc)
CPU_TWO(sbb)
CPU_TWO(and)
CPU_TWO(sub)
CPU_TWO(xor)
CPU_TWO(cmp)
CPU_TWO(test)
CPU_ONE(not )
CPU_ONE(neg)
CPU_ONE(inc)
CPU_ONE(dec)
CPU_BIT(bt)
CPU_BIT(bts)
CPU_BIT(btr)
CPU_BIT(btc)
CPU_SHIFT(rol)
CPU_SHIFT(ror)
CPU_SHIFT(rcl)
CPU_SHIFT(rcr)
CPU_SHIFT(shl)
CPU_SHIFT(shr)
CPU_SHIFT(sar)

#define DEFINED_BY_LOGIC (ALL_FLAGS & ~RFLAGS_AF)
/* Flags that only some counts define; see defined_by_count(). */
#define SHIFTED BIT(62)
#define ROTATED BIT(63)

static const struct {
    enum insn_op op;
    const char *name;
    cpu_fn *cpu;
    uint64_t defined; /* flags with a defined value */
    unsigned min_size;
} table[] = {
    {INSN_ADD,   "add",  cpu_add,  ALL_FLAGS,             1},
    { INSN_OR,   "or",   cpu_or,   DEFINED_BY_LOGIC,      1},
    { INSN_ADC,  "adc",  cpu_adc,  ALL_FLAGS,             1},
    { INSN_SBB,  "sbb",  cpu_sbb,  ALL_FLAGS,             1},
    { INSN_AND,  "and",  cpu_and,  DEFINED_BY_LOGIC,      1},
    { INSN_SUB,  "sub",  cpu_sub,  ALL_FLAGS,             1},
    { INSN_XOR,  "xor",  cpu_xor,  DEFINED_BY_LOGIC,      1},
    { INSN_CMP,  "cmp",  cpu_cmp,  ALL_FLAGS,             1},
    { INSN_TEST, "test", cpu_test, DEFINED_BY_LOGIC,      1},
    { INSN_NOT,  "not",  cpu_not,  ALL_FLAGS,             1},
    { INSN_NEG,  "neg",  cpu_neg,  ALL_FLAGS,             1},
    { INSN_INC,  "inc",  cpu_inc,  ALL_FLAGS,             1},
    { INSN_DEC,  "dec",  cpu_dec,  ALL_FLAGS,             1},
    { INSN_BT,   "bt",   cpu_bt,   RFLAGS_CF | RFLAGS_ZF, 2},
    { INSN_BTS,  "bts",  cpu_bts,  RFLAGS_CF | RFLAGS_ZF, 2},
    { INSN_BTR,  "btr",  cpu_btr,  RFLAGS_CF | RFLAGS_ZF, 2},
    { INSN_BTC,  "btc",  cpu_btc,  RFLAGS_CF | RFLAGS_ZF, 2},
    { INSN_ROL,  "rol",  cpu_rol,  ROTATED,               1},
    { INSN_ROR,  "ror",  cpu_ror,  ROTATED,               1},
    { INSN_RCL,  "rcl",  cpu_rcl,  ROTATED,               1},
    { INSN_RCR,  "rcr",  cpu_rcr,  ROTATED,               1},
    { INSN_SHL,  "shl",  cpu_shl,  SHIFTED,               1},
    { INSN_SHR,  "shr",  cpu_shr,  SHIFTED,               1},
    { INSN_SAR,  "sar",  cpu_sar,  SHIFTED,               1},
};

/* Intel SDM vol. 2, "RCL/RCR/ROL/ROR" and "SAL/SAR/SHL/SHR", "Flags Affected". */
static uint64_t defined_by_count(uint64_t kind, unsigned size, uint64_t b)
{
    uint64_t count = b & (size == 8 ? 63 : 31);
    uint64_t defined = ALL_FLAGS;

    if (count > 1) {
        defined &= ~RFLAGS_OF;
    }
    if (kind == SHIFTED && count > 0) {
        defined &= ~RFLAGS_AF;
    }
    return kind == SHIFTED && count >= 8 * size ? defined & ~RFLAGS_CF : defined;
}

static void check(unsigned row, unsigned size, uint64_t a, uint64_t b, uint64_t flags)
{
    struct cpu_result want = table[row].cpu(size, a, b, flags | RFLAGS_FIXED);
    uint64_t kind = table[row].defined;
    uint64_t defined = kind >= SHIFTED ? defined_by_count(kind, size, b) : kind;
    uint64_t got = 0, f = flags;

    assert_true(alu_compute(table[row].op, size, a, b, &f, &got));
    if (got != want.value || (f & defined) != (want.flags & defined)) {
        fail_msg("%s.%u %llx, %llx, flags %llx: %llx flags %llx, not %llx flags %llx",
                 table[row].name, size, (unsigned long long)a, (unsigned long long)b,
                 (unsigned long long)flags, (unsigned long long)got, (unsigned long long)f,
                 (unsigned long long)want.value, (unsigned long long)want.flags);
    }
}

static void agrees_with_this_cpu(void **state)
{
    static const uint64_t edge[] = {
        0,          1,          2,         0xF,     0x10,       0x7F,
        0x80,       0xFF,       0x7FFF,    0x8000,  0xFFFF,     0x7FFFFFFF,
        0x80000000, 0xFFFFFFFF, INT64_MAX, BIT(63), UINT64_MAX, 0x5AA5C33C96695AA5
    };
    static const uint64_t flags[] = { 0, ALL_FLAGS, RFLAGS_CF, ALL_FLAGS & ~RFLAGS_CF };

    (void)state;
    for (unsigned row = 0; row < ARRAY_SIZE(table); row++) {
        for (unsigned size = table[row].min_size; size <= 8; size *= 2) {
            for (unsigned i = 0; i < ARRAY_SIZE(edge) * ARRAY_SIZE(edge); i++) {
                for (unsigned j = 0; j < ARRAY_SIZE(flags); j++) {
                    check(row, size, edge[i / ARRAY_SIZE(edge)], edge[i % ARRAY_SIZE(edge)],
                          flags[j]);
                }
            }
        }
    }
}

static void shifts_and_rotations_agree_for_every_count(void **state)
{
    static const uint64_t edge[] = { 0, 1, 0x80, 0x8001, 0x80000001, BIT(63), 0x5AA5C33C96695AA5 };

    (void)state;
    for (unsigned row = 0; row < ARRAY_SIZE(table); row++) {
        for (unsigned size = 1; size <= 8 && table[row].defined >= SHIFTED; size *= 2) {
            for (unsigned i = 0; i < ARRAY_SIZE(edge) * 256; i++) {
                check(row, size, edge[i / 256], i % 256, 0);
                check(row, size, ~edge[i / 256], i % 256, ALL_FLAGS);
            }
        }
    }
}

static void other_flags_and_other_operations_are_left_alone(void **state)
{
    uint64_t f = RFLAGS_IF | RFLAGS_DF | RFLAGS_FIXED, got = 7;

    (void)state;
    assert_true(alu_compute(INSN_SUB, 4, 5, 5, &f, &got));
    assert_int_equal(f, RFLAGS_IF | RFLAGS_DF | RFLAGS_FIXED | RFLAGS_ZF | RFLAGS_PF);
    assert_int_equal(got, 0);
    f = 3;
    got = 7;
    assert_false(alu_compute(INSN_MOV, 4, 1, 2, &f, &got));
    assert_false(alu_compute(INSN_OTHER, 4, 1, 2, &f, &got));
    assert_false(alu_compute(INSN_OP_COUNT, 4, 1, 2, &f, &got));
    assert_int_equal(f, 3);
    assert_int_equal(got, 7);
}

static void registers_are_read_and_written_in_parts(void **state)
{
    uint64_t gpr[GPR_COUNT] = { [RAX] = 0x1122334455667788, [RSP] = 0xAABBCCDDEEFF0011 };

    (void)state;
    assert_int_equal(gpr_read(gpr, RAX, 1, false), 0x88);
    assert_int_equal(gpr_read(gpr, RAX, 1, true), 0x77);
    assert_int_equal(gpr_read(gpr, RSP, 1, false), 0x11);
    assert_int_equal(gpr_read(gpr, RAX, 2, false), 0x7788);
    assert_int_equal(gpr_read(gpr, RAX, 4, false), 0x55667788);
    assert_int_equal(gpr_read(gpr, RAX, 8, false), 0x1122334455667788);
    gpr_write(gpr, RAX, 1, true, 0xFFAB);
    assert_int_equal(gpr[RAX], 0x112233445566AB88);
    gpr_write(gpr, RAX, 1, false, 0xFFCD);
    assert_int_equal(gpr[RAX], 0x112233445566ABCD);
    gpr_write(gpr, RAX, 2, false, 0xFFF0123);
    assert_int_equal(gpr[RAX], 0x1122334455660123);
    gpr_write(gpr, RAX, 4, false, 0xF89ABCDEF);
    assert_int_equal(gpr[RAX], 0x89ABCDEF);
    gpr_write(gpr, RAX, 8, false, 0x8000000000000001);
    assert_int_equal(gpr[RAX], 0x8000000000000001);
    assert_int_equal(gpr[RSP], 0xAABBCCDDEEFF0011);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_this_cpu),
        cmocka_unit_test(shifts_and_rotations_agree_for_every_count),
        cmocka_unit_test(other_flags_and_other_operations_are_left_alone),
        cmocka_unit_test(registers_are_read_and_written_in_parts),
    };
    return cmocka_run_group_tests_name("alu", tests, NULL, NULL);
}
