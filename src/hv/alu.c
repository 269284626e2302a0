#include "hv/alu.h"

#define ARITH_FLAGS (RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_OF)

/* One operation at work: a and b are masked to the size. Each function returns the new first
 * operand (of which only the low bytes count) and updates flags. */
struct alu {
    uint64_t a, b, flags;
    unsigned size, top; /* bytes; number of the sign bit */
};
typedef uint64_t alu_fn(struct alu *x);

static uint64_t flag_if(uint64_t flag, uint64_t condition)
{
    return condition ? flag : 0;
}

/* Even parity of the low byte; 0x9669 holds the answer for each half of it. */
static uint64_t even_parity(uint64_t r)
{
    return UINT64_C(0x9669) >> ((r ^ r >> 4) & 15) & 1;
}

/* Flags of `r`. carries has a bit set where a carry or borrow left that place. */
static uint64_t set_flags(struct alu *x, uint64_t r, uint64_t carries, uint64_t overflow)
{
    uint64_t sign = BIT(x->top);

    x->flags &= ~ARITH_FLAGS;
    x->flags |= flag_if(RFLAGS_CF, carries & sign) | flag_if(RFLAGS_PF, even_parity(r)) |
                flag_if(RFLAGS_AF, carries & BIT(3)) |
                flag_if(RFLAGS_ZF, (r & size_mask(x->size)) == 0) | flag_if(RFLAGS_SF, r & sign) |
                flag_if(RFLAGS_OF, overflow & sign);
    return r;
}

static uint64_t add(struct alu *x, uint64_t a, uint64_t b, uint64_t carry)
{
    uint64_t r = a + b + carry;

    return set_flags(x, r, (a & b) | ((a | b) & ~r), (a ^ r) & (b ^ r));
}

static uint64_t sub(struct alu *x, uint64_t a, uint64_t b, uint64_t borrow)
{
    uint64_t r = a - b - borrow;

    return set_flags(x, r, (~a & b) | ((~a | b) & r), (a ^ b) & (a ^ r));
}

static uint64_t do_add(struct alu *x)
{
    return add(x, x->a, x->b, 0);
}

static uint64_t do_adc(struct alu *x)
{
    return add(x, x->a, x->b, x->flags & RFLAGS_CF);
}

static uint64_t do_sub(struct alu *x)
{
    return sub(x, x->a, x->b, 0);
}

static uint64_t do_sbb(struct alu *x)
{
    return sub(x, x->a, x->b, x->flags & RFLAGS_CF);
}

static uint64_t do_cmp(struct alu *x)
{
    sub(x, x->a, x->b, 0);
    return x->a;
}

static uint64_t do_neg(struct alu *x)
{
    return sub(x, 0, x->a, 0);
}

static uint64_t do_or(struct alu *x)
{
    return set_flags(x, x->a | x->b, 0, 0);
}

static uint64_t do_and(struct alu *x)
{
    return set_flags(x, x->a & x->b, 0, 0);
}

static uint64_t do_xor(struct alu *x)
{
    return set_flags(x, x->a ^ x->b, 0, 0);
}

static uint64_t do_test(struct alu *x)
{
    set_flags(x, x->a & x->b, 0, 0);
    return x->a;
}

static uint64_t do_not(struct alu *x)
{
    return ~x->a;
}

/* INC and DEC leave the carry flag alone. */
static uint64_t keep_carry(struct alu *x, uint64_t old_flags, uint64_t r)
{
    x->flags = (x->flags & ~RFLAGS_CF) | (old_flags & RFLAGS_CF);
    return r;
}

static uint64_t do_inc(struct alu *x)
{
    uint64_t old = x->flags;

    return keep_carry(x, old, add(x, x->a, 1, 0));
}

static uint64_t do_dec(struct alu *x)
{
    uint64_t old = x->flags;

    return keep_carry(x, old, sub(x, x->a, 1, 0));
}

/* The mask of the bit that b names; its old value goes to the carry flag. */
static uint64_t test_bit(struct alu *x)
{
    uint64_t mask = BIT(x->b & x->top);

    x->flags = (x->flags & ~RFLAGS_CF) | flag_if(RFLAGS_CF, x->a & mask);
    return mask;
}

static uint64_t do_bt(struct alu *x)
{
    test_bit(x);
    return x->a;
}

static uint64_t do_bts(struct alu *x)
{
    return x->a | test_bit(x);
}

static uint64_t do_btr(struct alu *x)
{
    return x->a & ~test_bit(x);
}

static uint64_t do_btc(struct alu *x)
{
    return x->a ^ test_bit(x);
}

/* Intel SDM vol. 2, "RCL/RCR/ROL/ROR" and "SAL/SAR/SHL/SHR". Both go bit by bit, which is right for
 * every count, also for those above the size of the operand. */
static unsigned shift_count(const struct alu *x)
{
    return (unsigned)x->b & (x->size == 8 ? 63 : 31);
}

/* What moves in at the other end. */
enum shift_in { IN_ZERO, IN_SIGN, IN_ROUND, IN_CARRY };

/* Shifts change all flags, rotations only these two; both none if the count is 0. */
static uint64_t shifted(struct alu *x, enum shift_in in, uint64_t r, uint64_t carry, uint64_t over)
{
    if (shift_count(x) == 0) {
        return x->a;
    }
    if (in == IN_ZERO || in == IN_SIGN) {
        set_flags(x, r, 0, 0);
    }
    x->flags &= ~(RFLAGS_CF | RFLAGS_OF);
    x->flags |= flag_if(RFLAGS_CF, carry) | flag_if(RFLAGS_OF, over >> x->top & 1);
    return r;
}

static uint64_t left(struct alu *x, enum shift_in in)
{
    uint64_t r = x->a;
    uint64_t carry = x->flags & RFLAGS_CF;

    for (unsigned n = shift_count(x); n; n--) {
        uint64_t out = r >> x->top & 1;

        r = r << 1 | (in == IN_ROUND ? out : in == IN_CARRY ? carry : 0);
        carry = out;
    }
    return shifted(x, in, r, carry, r ^ carry << x->top);
}

static uint64_t right(struct alu *x, enum shift_in in)
{
    uint64_t r = x->a;
    uint64_t carry = x->flags & RFLAGS_CF;

    for (unsigned n = shift_count(x); n; n--) {
        uint64_t out = r & 1;
        uint64_t sign = r >> x->top;

        r >>= 1;
        r |= (in == IN_SIGN ? sign : in == IN_ROUND ? out : in == IN_CARRY ? carry : 0) << x->top;
        carry = out;
    }
    return shifted(x, in, r, carry, r ^ r << 1);
}

static uint64_t do_rol(struct alu *x)
{
    return left(x, IN_ROUND);
}

static uint64_t do_ror(struct alu *x)
{
    return right(x, IN_ROUND);
}

static uint64_t do_rcl(struct alu *x)
{
    return left(x, IN_CARRY);
}

static uint64_t do_rcr(struct alu *x)
{
    return right(x, IN_CARRY);
}

static uint64_t do_shl(struct alu *x)
{
    return left(x, IN_ZERO);
}

static uint64_t do_shr(struct alu *x)
{
    return right(x, IN_ZERO);
}

static uint64_t do_sar(struct alu *x)
{
    return right(x, IN_SIGN);
}

bool alu_compute(enum insn_op op, unsigned size, uint64_t a, uint64_t b, uint64_t *rflags,
                 uint64_t *result)
{
    static alu_fn *const table[INSN_OP_COUNT] = {
        [INSN_ADD] = do_add,   [INSN_OR] = do_or,   [INSN_ADC] = do_adc, [INSN_SBB] = do_sbb,
        [INSN_AND] = do_and,   [INSN_SUB] = do_sub, [INSN_XOR] = do_xor, [INSN_CMP] = do_cmp,
        [INSN_TEST] = do_test, [INSN_NOT] = do_not, [INSN_NEG] = do_neg, [INSN_INC] = do_inc,
        [INSN_DEC] = do_dec,   [INSN_BT] = do_bt,   [INSN_BTS] = do_bts, [INSN_BTR] = do_btr,
        [INSN_BTC] = do_btc,   [INSN_ROL] = do_rol, [INSN_ROR] = do_ror, [INSN_RCL] = do_rcl,
        [INSN_RCR] = do_rcr,   [INSN_SHL] = do_shl, [INSN_SHR] = do_shr, [INSN_SAR] = do_sar,
    };
    uint64_t mask = size_mask(size);
    struct alu x = {
        .a = a & mask, .b = b & mask, .flags = *rflags, .size = size, .top = 8 * size - 1
    };

    if (op >= INSN_OP_COUNT || !table[op]) {
        return false;
    }
    *result = table[op](&x) & mask;
    *rflags = x.flags;
    return true;
}

uint64_t gpr_read(const uint64_t gpr[GPR_COUNT], unsigned reg, unsigned size, bool high)
{
    return gpr[reg] >> (high ? 8 : 0) & size_mask(size);
}

void gpr_write(uint64_t gpr[GPR_COUNT], unsigned reg, unsigned size, bool high, uint64_t value)
{
    unsigned shift = high ? 8 : 0;
    uint64_t mask = size_mask(size) << shift;

    if (size == 4) {
        gpr[reg] = 0;
    }
    gpr[reg] = (gpr[reg] & ~mask) | (value << shift & mask);
}
