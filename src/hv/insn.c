#include "hv/insn.h"
#include "hv/insn_table.h"
#include "lib/bits.h"

enum { REX = 0x40, REX_W = 8, REX_R = 4, REX_X = 2, REX_B = 1 };

struct decoder {
    const uint8_t *bytes;
    unsigned pos, limit;
    enum insn_mode mode;
    uint8_t rex; /* 0, or REX with its bits; VEX and EVEX leave their bits in the same form */
    bool past_end, op_prefix, addr_prefix, seg_prefix;
    uint8_t modrm;
    struct insn *out;
};

/* Behind the limit it yields zeros and notes it: the end of the decoding is one check. */
static uint8_t peek(struct decoder *d)
{
    if (d->pos >= d->limit) {
        d->past_end = true;
        return 0;
    }
    return d->bytes[d->pos];
}

static uint8_t next(struct decoder *d)
{
    uint8_t b = peek(d);

    d->pos++;
    return b;
}

/* A little-endian number of 0 to 8 bytes, sign-extended. */
static uint64_t next_signed(struct decoder *d, unsigned size)
{
    uint64_t v = 0;

    for (unsigned i = 0; i < size; i++) {
        v |= (uint64_t)next(d) << 8 * i;
    }
    if (size > 0 && v & BIT(8 * size - 1)) {
        v |= ~size_mask(size);
    }
    return v;
}

/* In 64-bit mode the overrides of ES, CS, SS and DS are ignored (Intel SDM vol. 1, "Segmentation in
 * 64-Bit Mode"). */
static void take_seg(struct decoder *d, enum seg seg)
{
    if (d->mode != INSN_64 || seg == SEG_FS || seg == SEG_GS) {
        d->seg_prefix = true;
        d->out->mem.seg = seg;
    }
}

static bool take_legacy_prefix(struct decoder *d, uint8_t b)
{
    switch (b) {
    case 0x26:
    case 0x2E:
    case 0x36:
    case 0x3E:
        take_seg(d, (enum seg)(b >> 3 & 3));
        return true;
    case 0x64:
    case 0x65:
        take_seg(d, b == 0x64 ? SEG_FS : SEG_GS);
        return true;
    case 0x66:
        d->op_prefix = true;
        return true;
    case 0x67:
        d->addr_prefix = true;
        return true;
    case 0xF0:
        d->out->lock = true;
        return true;
    case 0xF2:
    case 0xF3:
        d->out->rep = b;
        return true;
    default:
        return false;
    }
}

/* Returns the first byte that is no prefix. A REX that does not stand right before the opcode is
 * ignored (Intel SDM vol. 2, "REX Prefixes"). */
static uint8_t take_prefixes(struct decoder *d)
{
    for (;;) {
        uint8_t b = next(d);

        if (d->mode == INSN_64 && (b & 0xF0) == REX) {
            d->rex = b;
        } else if (take_legacy_prefix(d, b)) {
            d->rex = 0;
        } else {
            return b;
        }
    }
}

/* Outside 64-bit mode C4, C5 and 62 are LES, LDS and BOUND unless a register would be their
 * operand. 8F is POP with /0, else the XOP prefix of some AMD CPUs, whose maps take_vex refuses. */
static bool is_vex(struct decoder *d, uint8_t b)
{
    if (b == 0x8F) {
        return (peek(d) & 31) >= 8;
    }
    return (b == 0xC4 || b == 0xC5 || b == 0x62) &&
           (d->mode == INSN_64 || (peek(d) & 0xC0) == 0xC0);
}

/* Takes the rest of a VEX (C5: 2 bytes, C4: 3) or EVEX (62: 4) prefix and the opcode; returns the
 * length attributes (Intel SDM vol. 2, "The VEX Prefix" and "Instruction Encoding", EVEX). */
static uint8_t take_vex(struct decoder *d, uint8_t prefix)
{
    static const uint8_t map_attr[8] = { ATTR_BAD, 0,          ATTR_MODRM, ATTR_MODRM | IMM_8,
                                         ATTR_BAD, ATTR_MODRM, ATTR_MODRM, ATTR_BAD };
    uint8_t first = next(d);
    unsigned map = INSN_MAP_0F, width = 0, extend = first >> 5 ^ 7;

    if (prefix == 0xC5) {
        extend &= REX_R;
    } else {
        map = first & (prefix == 0x62 ? 7 : 31);
        width = next(d) >> 7 ? REX_W : 0;
    }
    if (prefix == 0x62) {
        next(d);
    }
    if (d->mode == INSN_64) {
        d->rex = (uint8_t)(REX | width | extend);
    }
    d->out->vex = true;
    d->out->opcode = next(d);
    d->out->map = map <= INSN_MAP_0F3A ? (enum insn_map)map : INSN_MAP_OTHER;
    if (map == INSN_MAP_0F) {
        return insn_attr_0f[d->out->opcode];
    }
    return map < ARRAY_SIZE(map_attr) ? map_attr[map] : ATTR_BAD;
}

/* Takes the opcode, of which `b` is the first byte; returns its length attributes. */
static uint8_t take_opcode(struct decoder *d, uint8_t b)
{
    struct insn *out = d->out;

    if (is_vex(d, b)) {
        return take_vex(d, b);
    }
    out->opcode = b;
    if (b != 0x0F) {
        out->map = INSN_MAP_1;
        return insn_attr_1[b];
    }
    out->opcode = next(d);
    if (out->opcode == 0x38) {
        out->map = INSN_MAP_0F38;
        out->opcode = next(d);
        return ATTR_MODRM;
    }
    if (out->opcode == 0x3A) {
        out->map = INSN_MAP_0F3A;
        out->opcode = next(d);
        return ATTR_MODRM | IMM_8;
    }
    out->map = INSN_MAP_0F;
    return insn_attr_0f[out->opcode];
}

static void set_sizes(struct decoder *d)
{
    bool small = d->mode == INSN_16;

    d->out->op_size = small == d->op_prefix ? 4 : 2;
    d->out->addr_size = small == d->addr_prefix ? 4 : 2;
    if (d->mode == INSN_64) {
        d->out->addr_size = d->addr_prefix ? 4 : 8;
        if (d->rex & REX_W) {
            d->out->op_size = 8;
        }
    }
}

static void default_seg(struct decoder *d, enum seg seg)
{
    if (!d->seg_prefix) {
        d->out->mem.seg = seg;
    }
}

/* Intel SDM vol. 2, "16-Bit Addressing Forms with the ModR/M Byte". */
static void take_mem16(struct decoder *d, unsigned mod, unsigned rm)
{
    static const uint8_t base[8] = { RBX, RBX, RBP, RBP, RSI, RDI, RBP, RBX };
    static const uint8_t index[4] = { RSI, RDI, RSI, RDI };
    struct insn_mem *mem = &d->out->mem;

    mem->base = mod == 0 && rm == 6 ? INSN_NO_REG : base[rm];
    mem->index = rm < 4 ? index[rm] : INSN_NO_REG;
    default_seg(d, mem->base == RBP ? SEG_SS : SEG_DS);
    mem->disp = (int64_t)next_signed(d, mem->base == INSN_NO_REG ? 2 : mod);
}

/* Intel SDM vol. 2, "32-Bit Addressing Forms with the SIB Byte". */
static void take_sib(struct decoder *d, unsigned mod)
{
    struct insn_mem *mem = &d->out->mem;
    uint8_t sib = next(d);
    unsigned index = (sib >> 3 & 7) | (d->rex & REX_X ? 8 : 0);
    unsigned base = sib & 7;

    mem->scale = (uint8_t)(1 << (sib >> 6));
    mem->index = index == RSP ? INSN_NO_REG : (uint8_t)index;
    mem->base = (uint8_t)(base | (d->rex & REX_B ? 8 : 0));
    if (base == RBP && mod == 0) {
        mem->base = INSN_NO_REG;
    }
}

/* Intel SDM vol. 2, "32-Bit Addressing Forms with the ModR/M Byte" and "RIP-Relative Addressing".
 */
static void take_mem32(struct decoder *d, unsigned mod, unsigned rm)
{
    static const uint8_t disp_size[3] = { 0, 1, 4 };
    struct insn_mem *mem = &d->out->mem;
    unsigned size = disp_size[mod];

    mem->index = INSN_NO_REG;
    if (rm == RSP) {
        take_sib(d, mod);
    } else if (rm == RBP && mod == 0) {
        mem->base = INSN_NO_REG;
        mem->rip_relative = d->mode == INSN_64;
    } else {
        mem->base = (uint8_t)(rm | (d->rex & REX_B ? 8 : 0));
    }
    if (mem->base == INSN_NO_REG) {
        size = 4;
    }
    default_seg(d, mem->base == RSP || mem->base == RBP ? SEG_SS : SEG_DS);
    mem->disp = (int64_t)next_signed(d, size);
}

static void take_modrm(struct decoder *d, bool regs_only)
{
    unsigned mod, rm;

    d->modrm = next(d);
    mod = d->modrm >> 6;
    rm = d->modrm & 7;
    d->out->reg = (uint8_t)((d->modrm >> 3 & 7) | (d->rex & REX_R ? 8 : 0));
    if (mod == 3 || regs_only) {
        d->out->rm = (uint8_t)(rm | (d->rex & REX_B ? 8 : 0));
        return;
    }
    d->out->has_mem = true;
    if (d->out->addr_size == 2) {
        take_mem16(d, mod, rm);
    } else {
        take_mem32(d, mod, rm);
    }
}

/* Bytes of an immediate of this class. */
static unsigned imm_size(const struct decoder *d, unsigned imm)
{
    static const uint8_t size[][3] = {
  /* for operand sizes 2, 4, 8 */
        [IMM_NONE] = {0,  0, 0},
          [IMM_8] = { 1, 1, 1},
          [IMM_16] = { 2, 2, 2},
        [IMM_24] = { 3, 3, 3},
          [IMM_Z] = { 2, 4, 4},
          [IMM_V] = { 2, 4, 8},
        [IMM_FAR] = { 4, 6, 6},
          [IMM_BRANCH] = { 2, 4, 4}
    };

    if (imm == IMM_SSE4A) {
        imm = d->op_prefix || d->out->rep == 0xF2 ? IMM_16 : IMM_NONE;
    } else if (imm == IMM_TEST_8 || imm == IMM_TEST_Z) {
        bool is_test = (d->modrm >> 3 & 7) < 2;

        imm = is_test ? (imm == IMM_TEST_8 ? IMM_8 : IMM_Z) : IMM_NONE;
    } else if (imm == IMM_BRANCH && d->mode == INSN_64) {
        return 4;
    }
    return size[imm][d->out->op_size >> 2];
}

static void take_imm(struct decoder *d, unsigned imm)
{
    if (imm == IMM_MOFFS) {
        d->out->has_mem = true;
        d->out->mem.disp = (int64_t)next_signed(d, d->out->addr_size);
        if (d->out->addr_size != 8) { /* an address, not a displacement */
            d->out->mem.disp &= (int64_t)size_mask(d->out->addr_size);
        }
    } else if (imm == IMM_ONE) {
        d->out->imm = 1;
    } else {
        d->out->imm = next_signed(d, imm_size(d, imm));
    }
}

/* rDI of STOS, SCAS and INS lies in ES whatever the prefixes say. */
static void describe_string(struct insn *out)
{
    bool dest_only = out->op == INSN_STOS || out->op == INSN_SCAS || out->op == INSN_INS;

    out->has_mem = true;
    out->reg = RAX;
    out->mem.base = dest_only ? RDI : RSI;
    if (dest_only) {
        out->mem.seg = SEG_ES;
    }
}

static struct insn_desc find_desc(const struct decoder *d)
{
    struct insn_desc desc = { 0 };
    const struct insn *out = d->out;

    if (out->vex || out->map > INSN_MAP_0F) {
        return desc;
    }
    if (out->map == INSN_MAP_1 && out->opcode == 0x63 && d->mode != INSN_64) {
        return desc; /* ARPL */
    }
    desc = out->map == INSN_MAP_1 ? insn_desc_1[out->opcode] : insn_desc_0f[out->opcode];
    if (desc.group != GROUP_NONE) {
        const struct insn_group_desc *row = &insn_group[desc.group][d->modrm >> 3 & 7];

        desc.op = row->op;
        desc.form = row->form;
    }
    return desc;
}

/* Fills in what the instruction does. */
static void describe(const struct decoder *d)
{
    struct insn *out = d->out;
    struct insn_desc desc = find_desc(d);
    unsigned access;

    out->op = (enum insn_op)desc.op;
    out->form = (enum insn_form)desc.form;
    if (out->op == INSN_OTHER) {
        return;
    }
    if (desc.size == 1) {
        out->op_size = 1;
        if (d->rex == 0 && out->reg >= 4) {
            out->reg = (uint8_t)(out->reg - 4);
            out->reg_high = true;
        }
    }
    if (out->op == INSN_MOV_SREG) {
        out->reg &= 7; /* REX.R does nothing to a segment register */
    }
    if ((out->op == INSN_PUSH || out->op == INSN_POP) && d->mode == INSN_64 && out->op_size == 4) {
        out->op_size = 8;
    }
    out->mem_size = desc.mem != 0 ? MIN(desc.mem, out->op_size) : out->op_size;
    if (out->form == INSN_STRING) {
        describe_string(out);
    }
    access = out->form == INSN_REG_RM ? ACCESS_R : insn_access[out->op];
    out->read = out->has_mem && access & ACCESS_R;
    out->write = out->has_mem && access & ACCESS_W;
}

enum insn_result insn_decode(const uint8_t *bytes, unsigned count, enum insn_mode mode,
                             struct insn *out)
{
    struct decoder d = {
        .bytes = bytes, .limit = MIN(count, INSN_MAX_LEN), .mode = mode, .out = out
    };
    uint8_t attr;

    *out = (struct insn){
        .mem = {.base = INSN_NO_REG, .index = INSN_NO_REG, .scale = 1, .seg = SEG_DS}
    };
    attr = take_opcode(&d, take_prefixes(&d));
    set_sizes(&d);
    if (attr & ATTR_MODRM) {
        take_modrm(&d, attr & ATTR_REGS);
    }
    take_imm(&d, attr & IMM_MASK);

    if (d.past_end) {
        return count < INSN_MAX_LEN ? INSN_TRUNCATED : INSN_INVALID;
    }
    if (attr & ATTR_BAD || (attr & ATTR_NO64 && mode == INSN_64)) {
        return INSN_INVALID;
    }
    out->len = (uint8_t)d.pos;
    describe(&d);
    return INSN_OK;
}

/* How far from the ModRM operand, in bytes, the operand lies that holds the bit with the signed
 * number `bit` (Intel SDM vol. 2, "BT"). */
static uint64_t bit_string_offset(uint64_t bit, unsigned size)
{
    int64_t number = size == 8   ? (int64_t)bit
                     : size == 4 ? (int32_t)lo32(bit)
                                 : (int16_t)(uint16_t)bit;

    return (uint64_t)((number - (number & (int64_t)(8 * size - 1))) / 8);
}

uint64_t insn_effective_address(const struct insn *in, const uint64_t gpr[GPR_COUNT],
                                uint64_t next_rip)
{
    const struct insn_mem *mem = &in->mem;
    uint64_t at = (uint64_t)mem->disp;

    if (mem->rip_relative) {
        at += next_rip;
    }
    if (mem->base != INSN_NO_REG) {
        at += gpr[mem->base];
    }
    if (mem->index != INSN_NO_REG) {
        at += gpr[mem->index] * mem->scale;
    }
    if (in->op >= INSN_BT && in->op <= INSN_BTC && in->form == INSN_RM_REG) {
        at += bit_string_offset(gpr[in->reg], in->op_size);
    }
    return at & size_mask(in->addr_size);
}

uint64_t insn_string_dest(const struct insn *in, const uint64_t gpr[GPR_COUNT])
{
    return gpr[RDI] & size_mask(in->addr_size);
}
