/* hv/insn.c against Zydis, a decoder that others wrote from the same manuals: every opcode with
 * every ModRM byte, then random strings, each in three modes. The environment may set
 * PXHV_ZYDIS_SEED and PXHV_ZYDIS_COUNT (random strings a mode); what was compared is printed. */
#include "hv/insn.h"
#include "lib/bits.h"
#include "unit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <Zydis/Zydis.h>

enum {
    STRING_LEN = 18,  /* more than the 15 bytes that a CPU takes */
    CUT_EVERY = 16,   /* one valid string in so many is tried at every shorter length */
    LEAST = 10000000, /* strings that the systematic tests make at least */
    FAULTS_SHOWN = 20,
};

/* What only one of the two takes must be one of these. If it is a CPU that refuses it, with #UD,
 * then it never exits to be decoded, and its length is of no interest. */
enum difference {
    REFUSED_XOP,    /* XOP, TBM, LWP: of a few AMD families; none of it exits or is emulated */
    REFUSED_VIA,    /* PadLock: of VIA's CPUs only */
    REFUSED_KNC,    /* JKZD, JKNZD: of the first Xeon Phi only, which has no VT-x */
    TAKEN_LOCK,     /* LOCK where a CPU allows none, but AMD's for MOV to and from CR0 (CR8 then) */
    TAKEN_REGISTER, /* CR1, a seventh segment register, one register twice in a gather ... */
    TAKEN_PREFIX,   /* 66, F2, F3, LOCK or REX before VEX and EVEX */
    TAKEN_VEX,      /* VEX and EVEX with reserved bits, or with a mask that is not allowed */
    TAKEN_MAP,      /* an opcode that is not assigned: of VEX, EVEX, 0F 38, 0F 3A or 3DNow! */
    TAKEN_OPCODE,   /* a form of an opcode that is not assigned; taken_opcodes says which */
    DIFFERENCES,
    FAULT
};
static const char *const difference_name[DIFFERENCES] = {
    "refused: XOP",
    "refused: PadLock",
    "refused: KNC",
    "taken: LOCK",
    "taken: register",
    "taken: prefix",
    "taken: VEX bits",
    "taken: opcode of a wide map",
    "taken: form of an opcode",
};

/* The 256 opcodes of map 1, then those of map 0F: o if a ModRM.reg, a mod or a prefix of it is not
 * assigned. */
static const char taken_opcodes[] =
    "................................................................"
    "................................................................"
    ".............o.o................................................"
    "......oo.................ooo.ooo..............................oo"
    "oo................oooooo..oo............oo.o..oo.......o........"
    "................o.oooooo...o....oooooooooooooooo.ooooooooooooooo"
    "..............................................o...o.oo..o.o....."
    "...ooooo........ooooooooooooooooooooooooooooooooooooooooooooooo.";

static const struct {
    enum insn_mode mode;
    ZydisMachineMode machine;
    ZydisStackWidth stack;
} modes[] = {
    {INSN_16,  ZYDIS_MACHINE_MODE_LEGACY_16, ZYDIS_STACK_WIDTH_16},
    { INSN_32, ZYDIS_MACHINE_MODE_LEGACY_32, ZYDIS_STACK_WIDTH_32},
    { INSN_64, ZYDIS_MACHINE_MODE_LONG_64,   ZYDIS_STACK_WIDTH_64},
};

static struct {
    uint64_t strings, valid, operands, cut, faults;
    uint64_t differences[DIFFERENCES];
    uint64_t in_memory[INSN_OP_COUNT]; /* operations with a memory operand */
    bool taken[512];                   /* met of taken_opcodes */
} total;

/* The string at hand. */
struct subject {
    enum insn_mode mode;
    const uint8_t *bytes;
    struct insn in;
    ZydisDecodedInstruction z;
    ZydisDecodedOperand operand[ZYDIS_MAX_OPERAND_COUNT];
};

static ZydisDecoder zydis;
static uint8_t op_of_mnemonic[ZYDIS_MNEMONIC_MAX_VALUE + 1];
static uint64_t random_state;

/* Xorshift with a multiplication behind it (Vigna, "An experimental exploration of Marsaglia's
 * xorshift generators, scrambled"). */
static uint64_t random64(void)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return random_state * UINT64_C(0x2545F4914F6CDD1D);
}

static unsigned pick(unsigned n)
{
    return (unsigned)((random64() >> 32) * n >> 32);
}

static uint64_t from_environment(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);

    return text ? strtoull(text, NULL, 0) : otherwise;
}

static void start(unsigned mode)
{
    assert_true(ZYAN_SUCCESS(ZydisDecoderInit(&zydis, modes[mode].machine, modes[mode].stack)));
    random_state = from_environment("PXHV_ZYDIS_SEED", 1) * 2 + 1; /* never 0 */
}

static void expect(const struct subject *s, const char *what, uint64_t ours, uint64_t theirs)
{
    if (ours == theirs || total.faults++ >= FAULTS_SHOWN) {
        return;
    }
    printf("# mode %d,", s->mode);
    for (unsigned i = 0; i < STRING_LEN; i++) {
        printf(" %02x", s->bytes[i]);
    }
    printf(": %s: %#" PRIx64 ", Zydis says %#" PRIx64 "\n", what, ours, theirs);
}

static void no_faults(void)
{
    uint64_t faults = total.faults;

    total.faults = 0; /* the next test has its own */
    assert_int_equal(faults, 0);
}

/* Our decoder on a copy that ends where the memory does, so that ASan sees a read too far. */
static enum insn_result decode(const struct subject *s, unsigned count, struct insn *out)
{
    static uint8_t *copy;

    if (!copy) {
        copy = malloc(STRING_LEN);
        assert_non_null(copy);
    }
    memcpy(copy + STRING_LEN - count, s->bytes, count);
    return insn_decode(copy + STRING_LEN - count, count, s->mode, out);
}

static void check_cut(const struct subject *s)
{
    struct insn out;

    for (unsigned count = 0; count < s->z.length; count++) {
        expect(s, "a part of it", decode(s, count, &out), INSN_TRUNCATED);
    }
    expect(s, "just enough of it", decode(s, s->z.length, &out), INSN_OK);
    expect(s, "the length of just enough", out.len, s->z.length);
    total.cut++;
}

/* Zydis takes it and we do not. */
static enum difference why_refused(const struct subject *s)
{
    switch (s->z.meta.isa_set) {
    case ZYDIS_ISA_SET_PADLOCK_ACE:
    case ZYDIS_ISA_SET_PADLOCK_PHE:
    case ZYDIS_ISA_SET_PADLOCK_PMM:
    case ZYDIS_ISA_SET_PADLOCK_RNG:
        return REFUSED_VIA;
    case ZYDIS_ISA_SET_KNCJKBR:
        return REFUSED_KNC;
    default:
        return s->z.encoding == ZYDIS_INSTRUCTION_ENCODING_XOP ? REFUSED_XOP : FAULT;
    }
}

/* We take an opcode that is not assigned, or not with this ModRM or prefix. */
static enum difference why_opcode_taken(const struct subject *s)
{
    const struct insn *in = &s->in;
    unsigned at = in->opcode + (in->map == INSN_MAP_0F ? 256U : 0);

    expect(s, "the operation of what has none", in->op, INSN_OTHER);
    if (in->vex || in->map > INSN_MAP_0F || at == 256 + 0x0F) {
        return TAKEN_MAP;
    }
    total.taken[at] = true;
    return taken_opcodes[at] == 'o' ? TAKEN_OPCODE : FAULT;
}

/* We take it and Zydis does not. */
static enum difference why_taken(const struct subject *s, ZyanStatus status)
{
    const struct insn *in = &s->in;

    switch (status) {
    case ZYDIS_STATUS_ILLEGAL_LOCK:
        return in->lock ? TAKEN_LOCK : FAULT;
    case ZYDIS_STATUS_BAD_REGISTER:
        return TAKEN_REGISTER;
    case ZYDIS_STATUS_ILLEGAL_LEGACY_PFX:
    case ZYDIS_STATUS_ILLEGAL_REX:
        return in->vex ? TAKEN_PREFIX : FAULT;
    case ZYDIS_STATUS_INVALID_MAP:
    case ZYDIS_STATUS_MALFORMED_EVEX:
    case ZYDIS_STATUS_MALFORMED_MVEX:
    case ZYDIS_STATUS_INVALID_MASK:
        return in->vex ? TAKEN_VEX : FAULT;
    case ZYDIS_STATUS_DECODING_ERROR:
        return why_opcode_taken(s);
    default:
        return FAULT;
    }
}

/* By name; those of the string instructions have the size behind them. */
static void load_mnemonics(void)
{
    static const char *const name[INSN_OP_COUNT] = {
        "",        "add",  "or",   "adc",  "sbb",   "and",   "sub",   "xor",  "cmp", "test", "not",
        "neg",     "inc",  "dec",  "bt",   "bts",   "btr",   "btc",   "rol",  "ror", "rcl",  "rcr",
        "shl",     "shr",  "sar",  "mov",  "movzx", "movsx", "(mov)", "push", "pop", "xchg", "xadd",
        "cmpxchg", "stos", "lods", "scas", "movs",  "cmps",  "ins",   "outs",
    };

    for (unsigned m = 1; m <= ZYDIS_MNEMONIC_MAX_VALUE; m++) {
        const char *theirs = ZydisMnemonicGetString((ZydisMnemonic)m);

        for (unsigned op = INSN_ADD; op < INSN_OP_COUNT; op++) {
            size_t n = strlen(name[op]);
            const char *rest = theirs + MIN(n, strlen(theirs));

            if (strncmp(theirs, name[op], n) == 0 &&
                (!*rest || (op >= INSN_STOS && strchr("bwdq", *rest) && !rest[1]))) {
                op_of_mnemonic[m] = (uint8_t)op;
            }
        }
    }
    op_of_mnemonic[ZYDIS_MNEMONIC_MOVSXD] = INSN_MOVSX;
}

/* The operation if we should describe it: we do so for all its forms in memory. */
static enum insn_op op_of(const ZydisDecodedInstruction *z)
{
    enum insn_op op = (enum insn_op)op_of_mnemonic[z->mnemonic];
    bool is_string = z->meta.category == ZYDIS_CATEGORY_STRINGOP ||
                     z->meta.category == ZYDIS_CATEGORY_IOSTRINGOP;

    if (op == INSN_MOV && (z->opcode == 0x8C || z->opcode == 0x8E)) {
        return z->opcode == 0x8C ? INSN_MOV_SREG : INSN_OTHER;
    }
    if ((op == INSN_PUSH && z->opcode != 0xFF) || (op == INSN_POP && z->opcode != 0x8F)) {
        return INSN_OTHER; /* the forms without ModRM */
    }
    /* SSE has a MOVSD and a CMPSD of its own. */
    return is_string == (op >= INSN_STOS) ? op : INSN_OTHER;
}

/* As enum gpr; or the number of a segment, control or debug register. */
static uint8_t number_of(ZydisRegister r)
{
    if (r == ZYDIS_REGISTER_NONE) {
        return INSN_NO_REG;
    }
    if (ZydisRegisterGetClass(r) == ZYDIS_REGCLASS_GPR8) {
        r = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, r);
    }
    return (uint8_t)ZydisRegisterGetId(r);
}

static bool is_high(ZydisRegister r)
{
    return r >= ZYDIS_REGISTER_AH && r <= ZYDIS_REGISTER_BH;
}

static void check_mem(const struct subject *s, const ZydisDecodedOperand *o)
{
    const struct insn_mem *mem = &s->in.mem;
    const ZydisDecodedInstructionRaw *raw = &s->z.raw;
    bool rip = o->mem.base == ZYDIS_REGISTER_RIP || o->mem.base == ZYDIS_REGISTER_EIP;
    /* With 67 and REX.B Zydis 4.0 takes R13D, and no displacement. CPUs do not (Intel SDM vol. 2,
     * "Special Cases of REX Encodings"). */
    bool no_base = raw->sib.offset && raw->modrm.mod == 0 && raw->sib.base == 5;
    /* Zydis sign-extends the address of MOV A0 to A3, which has no ModRM; we do not. */
    uint64_t mask = raw->modrm.offset ? UINT64_MAX : size_mask(s->in.addr_size);

    expect(s, "RIP-relative", mem->rip_relative, rip);
    expect(s, "the base", mem->base, rip || no_base ? INSN_NO_REG : number_of(o->mem.base));
    expect(s, "the index", mem->index, number_of(o->mem.index));
    expect(s, "the displacement", (uint64_t)mem->disp & mask, (uint64_t)raw->disp.value & mask);
    if (mem->index != INSN_NO_REG) {
        expect(s, "the scale", mem->scale, o->mem.scale);
    }
    /* LEA and bound checks access no segment; 3E before CALL and JMP means two things. */
    if (o->mem.type == ZYDIS_MEMOP_TYPE_MEM && !(s->z.attributes & ZYDIS_ATTRIB_HAS_NOTRACK)) {
        expect(s, "the segment", mem->seg, number_of(o->mem.segment));
    }
}

/* The register that ModRM.reg or ModRM.rm names. */
static void check_register(const struct subject *s, const ZydisDecodedOperand *o)
{
    ZydisRegister r = o->reg.value;
    ZydisRegisterClass class = ZydisRegisterGetClass(r);
    bool gpr = class >= ZYDIS_REGCLASS_GPR8 && class <= ZYDIS_REGCLASS_GPR64;
    unsigned number = number_of(r), high = is_high(r) ? 4 : 0;

    if (o->encoding == ZYDIS_OPERAND_ENCODING_MODRM_RM && gpr) {
        expect(s, "has_mem", s->in.has_mem, false);
        expect(s, "rm", s->in.rm, number + high);
    } else if (o->encoding == ZYDIS_OPERAND_ENCODING_MODRM_REG) {
        if (s->in.op != INSN_OTHER) {
            expect(s, "reg", s->in.reg, number);
            expect(s, "reg_high", s->in.reg_high, high != 0);
        } else if (gpr || class == ZYDIS_REGCLASS_CONTROL || class == ZYDIS_REGCLASS_DEBUG) {
            expect(s, "reg", s->in.reg, number + high);
        }
    }
}

static void check_prefixes_and_imm(const struct subject *s)
{
    const ZydisDecodedInstructionRaw *raw = &s->z.raw;
    bool lock = false;
    uint8_t rep = 0;

    for (unsigned i = 0; i < raw->prefix_count; i++) {
        uint8_t value = raw->prefixes[i].value;

        lock |= value == 0xF0;
        rep = value == 0xF2 || value == 0xF3 ? value : rep;
    }
    expect(s, "lock", s->in.lock, lock);
    expect(s, "rep", s->in.rep, rep);
    if (raw->imm[0].size && !raw->imm[1].size) { /* not ENTER, not a far pointer */
        unsigned unused = 64U - raw->imm[0].size;

        expect(s, "imm", s->in.imm, (uint64_t)((int64_t)(raw->imm[0].value.u << unused) >> unused));
    }
}

/* MOVS and CMPS have two operands in memory; one is at ES:rDI, and struct insn does not name it. */
static bool is_second(enum insn_op op, unsigned memory)
{
    return (op == INSN_MOVS && memory == 0) || (op == INSN_CMPS && memory == 1);
}

/* The stack of PUSH and POP is the other operand that struct insn does not name. */
static bool is_stack(enum insn_op op, const ZydisDecodedOperand *o)
{
    return (op == INSN_PUSH || op == INSN_POP) && o->visibility == ZYDIS_OPERAND_VISIBILITY_HIDDEN;
}

/* What an operation that we describe does to memory, and the sizes. */
static void check_described(const struct subject *s)
{
    const struct insn *in = &s->in;
    unsigned actions = 0, memories = 0;
    bool imm = false;

    for (unsigned i = 0; i < s->z.operand_count; i++) {
        const ZydisDecodedOperand *o = &s->operand[i];

        imm |= o->type == ZYDIS_OPERAND_TYPE_IMMEDIATE;
        if (o->type != ZYDIS_OPERAND_TYPE_MEMORY || is_stack(in->op, o)) {
            continue;
        }
        /* MOVSXD with 66 reads two bytes by Intel's manual; Zydis 4.0 and AMD's CPUs read four. */
        if (in->op != INSN_MOVSX || in->opcode != 0x63 || in->op_size != 2) {
            expect(s, "mem_size", in->mem_size, o->size / 8U);
        }
        actions |= o->actions;
        if (is_second(in->op, memories++)) {
            expect(s, "the second base", RDI, number_of(o->mem.base));
            expect(s, "the second segment", SEG_ES, number_of(o->mem.segment));
        } else {
            check_mem(s, o);
        }
    }
    expect(s, "a form with an immediate", in->form == INSN_RM_IMM, imm);
    expect(s, "has_mem", in->has_mem, memories > 0);
    expect(s, "read", in->read, (actions & ZYDIS_OPERAND_ACTION_MASK_READ) != 0);
    expect(s, "write", in->write, (actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) != 0);
    expect(s, "op_size", in->op_size, s->z.operand_width / 8U);
    total.in_memory[in->op] += in->has_mem;
}

/* Both take it. */
static void check_operands(struct subject *s, const ZydisDecoderContext *context)
{
    bool memory = false;

    if (s->z.encoding != ZYDIS_INSTRUCTION_ENCODING_LEGACY) {
        expect(s, "the operation", s->in.op, INSN_OTHER); /* nothing more is told of these */
        return;
    }
    assert_true(ZYAN_SUCCESS(
        ZydisDecoderDecodeOperands(&zydis, context, &s->z, s->operand, s->z.operand_count)));
    for (unsigned i = 0; i < s->z.operand_count; i++) {
        const ZydisDecodedOperand *o = &s->operand[i];

        if (o->type == ZYDIS_OPERAND_TYPE_REGISTER) {
            check_register(s, o);
        } else if (o->type == ZYDIS_OPERAND_TYPE_MEMORY) {
            memory = true;
            if (o->encoding == ZYDIS_OPERAND_ENCODING_MODRM_RM) {
                expect(s, "has_mem", s->in.has_mem, true);
                check_mem(s, o);
            }
        }
    }
    if (memory && s->z.meta.isa_set != ZYDIS_ISA_SET_MPX) { /* 67 does nothing to MPX */
        expect(s, "addr_size", s->in.addr_size, s->z.address_width / 8U);
    }
    if (memory || s->in.op != INSN_OTHER) {
        expect(s, "the operation", s->in.op, op_of(&s->z));
    }
    check_prefixes_and_imm(s);
    if (s->in.op != INSN_OTHER) {
        check_described(s);
    }
    total.operands++;
}

static void compare(enum insn_mode mode, const uint8_t *bytes)
{
    struct subject s = { .mode = mode, .bytes = bytes };
    ZydisDecoderContext context;
    enum insn_result ours = decode(&s, STRING_LEN, &s.in);
    ZyanStatus status = ZydisDecoderDecodeInstruction(&zydis, &context, bytes, STRING_LEN, &s.z);
    bool theirs = ZYAN_SUCCESS(status);

    total.strings++;
    total.valid += theirs;
    if (theirs && ours == INSN_OK) {
        expect(&s, "the length", s.in.len, s.z.length);
        check_operands(&s, &context);
        if (total.valid % CUT_EVERY == 0) {
            check_cut(&s);
        }
    } else if (theirs || ours == INSN_OK) {
        enum difference d = theirs ? why_refused(&s) : why_taken(&s, status);

        if (d == FAULT) {
            expect(&s, "valid", !theirs, theirs);
        } else {
            total.differences[d]++;
        }
    }
}

struct text {
    uint8_t n, bytes[3];
};

/* Prefixes and the way to a map, then each opcode and ModRM byte of it; random bytes follow. */
static void whole_map(enum insn_mode mode, const struct text *prefix, const struct text *map)
{
    for (unsigned i = 0; i < 256 * 256; i++) {
        uint64_t tail[3] = { random64(), random64(), random64() };
        uint8_t bytes[STRING_LEN];
        unsigned n = prefix->n + map->n;

        memcpy(bytes, tail, STRING_LEN);
        memcpy(bytes, prefix->bytes, prefix->n);
        memcpy(bytes + prefix->n, map->bytes, map->n);
        bytes[n] = (uint8_t)(i >> 8);
        bytes[n + 1] = (uint8_t)i;
        compare(mode, bytes);
    }
}

static void every_opcode_with_every_modrm_agrees(void **state)
{
    static const struct text prefixes[] = {
        {0,  { 0 }         },
        { 1, { 0x66 }      },
        { 1, { 0x67 }      },
        { 1, { 0xF2 }      },
        { 1, { 0xF3 }      },
        { 1, { 0xF0 }      },
        { 2, { 0x66, 0x67 }},
        { 2, { 0x66, 0xF2 }},
        { 2, { 0x64, 0x36 }},
        { 1, { 0x48 }      },
        { 1, { 0x45 }      },
        { 2, { 0x66, 0x4A }},
        { 2, { 0x67, 0x43 }},
    };
    static const struct text maps[] = {
        {0,  { 0 }         },
        { 1, { 0x0F }      },
        { 2, { 0x0F, 0x38 }},
        { 2, { 0x0F, 0x3A }}
    };

    (void)state;
    for (unsigned mode = 0; mode < ARRAY_SIZE(modes); mode++) {
        start(mode);
        for (unsigned i = 0; i < ARRAY_SIZE(prefixes) * ARRAY_SIZE(maps); i++) {
            whole_map(modes[mode].mode, &prefixes[i / 4], &maps[i % 4]);
        }
    }
    no_faults();
}

/* The maps of VEX, EVEX and XOP, with each of the prefixes that these imply. */
static void every_vex_opcode_with_every_modrm_agrees(void **state)
{
    static const struct text maps[] = {
        {1,  { 0xC5 }      },
        { 2, { 0xC4, 0xE0 }},
        { 2, { 0xC4, 0xE1 }},
        { 2, { 0xC4, 0xE2 }},
        { 2, { 0xC4, 0xE3 }},
        { 2, { 0x62, 0xF1 }},
        { 2, { 0x62, 0xF2 }},
        { 2, { 0x62, 0xF3 }},
        { 2, { 0x62, 0xF5 }},
        { 2, { 0x62, 0xF6 }},
        { 2, { 0x8F, 0xE8 }},
        { 2, { 0x8F, 0xE9 }},
        { 2, { 0x8F, 0xEA }},
    };

    (void)state;
    for (unsigned mode = 0; mode < ARRAY_SIZE(modes); mode++) {
        start(mode);
        for (unsigned i = 0; i < ARRAY_SIZE(maps) * 4; i++) {
            const struct text *map = &maps[i / 4];
            struct text rest = { 1, { (uint8_t)(0x78 | (i & 3)) } }; /* vvvv unused; pp */

            if (map->bytes[0] == 0x62) {
                rest = (struct text){
                    2, {(uint8_t)(0x7C | (i & 3)), 0x48}
                };
            }
            whole_map(modes[mode].mode, map, &rest);
        }
    }
    no_faults();
}

/* Some prefixes, at times more than fit; a way to a map at times; anything. */
static void random_string(uint8_t *bytes)
{
    static const uint8_t prefix[] = { 0x66, 0x67, 0xF2, 0xF3, 0x2E, 0x36, 0x64, 0x65,
                                      0xF0, 0x48, 0x41, 0x44, 0x42, 0x4F, 0x40, 0x26 };
    static const struct {
        uint8_t first, keep, set; /* the first byte; of the second: what stays random, what is 1 */
    } way[] = {
        {0x0F,  0xFF, 0   },
        { 0x0F, 0xFF, 0   },
        { 0x0F, 0,    0x38},
        { 0x0F, 0,    0x3A},
        { 0xC5, 0xFF, 0   },
        { 0xC5, 0x07, 0xF8},
        { 0xC4, 0xE3, 0   },
        { 0xC4, 0xE3, 0xC0},
        { 0x62, 0xF7, 0   },
        { 0x62, 0x37, 0xC0},
        { 0x8F, 0xE3, 0x08},
    };
    unsigned n = 0, prefixes = pick(3) ? pick(3) : pick(STRING_LEN - 2), w = pick(16);

    for (unsigned i = 0; i < STRING_LEN; i++) {
        bytes[i] = (uint8_t)(random64() >> 32);
    }
    while (n < prefixes) {
        bytes[n++] = prefix[pick(ARRAY_SIZE(prefix))];
    }
    if (w < ARRAY_SIZE(way)) {
        bytes[n] = way[w].first;
        bytes[n + 1] = (uint8_t)((bytes[n + 1] & way[w].keep) | way[w].set);
    }
}

static void random_strings_agree(void **state)
{
    uint64_t count = from_environment("PXHV_ZYDIS_COUNT", 1500000);

    (void)state;
    for (unsigned mode = 0; mode < ARRAY_SIZE(modes); mode++) {
        start(mode);
        for (uint64_t i = 0; i < count; i++) {
            uint8_t bytes[STRING_LEN];

            random_string(bytes);
            compare(modes[mode].mode, bytes);
        }
    }
    no_faults();
}

/* The tests above have tested something, and no exception is listed for nothing. */
static void everything_was_met(void **state)
{
    (void)state;
    printf("# %" PRIu64 " strings, %" PRIu64 " valid, %" PRIu64 " with operands, %" PRIu64 " cut\n",
           total.strings, total.valid, total.operands, total.cut);
    for (unsigned d = 0; d < DIFFERENCES; d++) {
        printf("# %s: %" PRIu64 "\n", difference_name[d], total.differences[d]);
    }
    assert_true(total.strings >= LEAST);
    assert_true(total.valid > total.strings / 4 && total.operands > total.strings / 4);
    assert_true(total.cut >= total.valid / CUT_EVERY / 2);
    for (unsigned d = 0; d < DIFFERENCES; d++) {
        assert_true(total.differences[d] > 0);
    }
    for (unsigned op = INSN_ADD; op < INSN_OP_COUNT; op++) {
        assert_true(total.in_memory[op] > 0);
    }
    for (unsigned i = 0; i < 512; i++) {
        assert_int_equal(total.taken[i], taken_opcodes[i] == 'o');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_opcode_with_every_modrm_agrees),
        cmocka_unit_test(every_vex_opcode_with_every_modrm_agrees),
        cmocka_unit_test(random_strings_agree),
        cmocka_unit_test(everything_was_met),
    };

    printf("# PXHV_ZYDIS_SEED=%" PRIu64 "\n", from_environment("PXHV_ZYDIS_SEED", 1));
    load_mnemonics();
    return cmocka_run_group_tests_name("insn_zydis", tests, NULL, NULL);
}
