#include "hv/insn_table.h"

/* Intel SDM vol. 2, "Opcode Map": one row is eight opcodes. Prefixes and escape bytes stand as 0;
 * they are never looked up. */
#define M   ATTR_MODRM
#define M1  (ATTR_MODRM | IMM_ONE)
#define M8  (ATTR_MODRM | IMM_8)
#define MZ  (ATTR_MODRM | IMM_Z)
#define MM  (ATTR_MODRM | ATTR_REGS)
#define N   ATTR_NO64
#define NM  (ATTR_NO64 | ATTR_MODRM)
#define NM8 (ATTR_NO64 | ATTR_MODRM | IMM_8)
#define N8  (ATTR_NO64 | IMM_8)
#define NF  (ATTR_NO64 | IMM_FAR)
#define I8  IMM_8
#define I16 IMM_16
#define I24 IMM_24
#define IZ  IMM_Z
#define IV  IMM_V
#define J   IMM_BRANCH
#define A   IMM_MOFFS
#define MT8 (ATTR_MODRM | IMM_TEST_8)
#define MTZ (ATTR_MODRM | IMM_TEST_Z)
#define M4A (ATTR_MODRM | IMM_SSE4A)
#define BAD ATTR_BAD

/* clang-format off */
const uint8_t insn_attr_1[256] = {
    /* 00 */ M,   M,   M,   M,   I8,  IZ,  N,   N,
    /* 08 */ M,   M,   M,   M,   I8,  IZ,  N,   0,
    /* 10 */ M,   M,   M,   M,   I8,  IZ,  N,   N,
    /* 18 */ M,   M,   M,   M,   I8,  IZ,  N,   N,
    /* 20 */ M,   M,   M,   M,   I8,  IZ,  0,   N,
    /* 28 */ M,   M,   M,   M,   I8,  IZ,  0,   N,
    /* 30 */ M,   M,   M,   M,   I8,  IZ,  0,   N,
    /* 38 */ M,   M,   M,   M,   I8,  IZ,  0,   N,
    /* 40 */ 0,   0,   0,   0,   0,   0,   0,   0,
    /* 48 */ 0,   0,   0,   0,   0,   0,   0,   0,
    /* 50 */ 0,   0,   0,   0,   0,   0,   0,   0,
    /* 58 */ 0,   0,   0,   0,   0,   0,   0,   0,
    /* 60 */ N,   N,   NM,  M,   0,   0,   0,   0,
    /* 68 */ IZ,  MZ,  I8,  M8,  0,   0,   0,   0,
    /* 70 */ I8,  I8,  I8,  I8,  I8,  I8,  I8,  I8,
    /* 78 */ I8,  I8,  I8,  I8,  I8,  I8,  I8,  I8,
    /* 80 */ M8,  MZ,  NM8, M8,  M,   M,   M,   M,
    /* 88 */ M,   M,   M,   M,   M,   M,   M,   M,
    /* 90 */ 0,   0,   0,   0,   0,   0,   0,   0,
    /* 98 */ 0,   0,   NF,  0,   0,   0,   0,   0,
    /* A0 */ A,   A,   A,   A,   0,   0,   0,   0,
    /* A8 */ I8,  IZ,  0,   0,   0,   0,   0,   0,
    /* B0 */ I8,  I8,  I8,  I8,  I8,  I8,  I8,  I8,
    /* B8 */ IV,  IV,  IV,  IV,  IV,  IV,  IV,  IV,
    /* C0 */ M8,  M8,  I16, 0,   NM,  NM,  M8,  MZ,
    /* C8 */ I24, 0,   I16, 0,   0,   I8,  N,   0,
    /* D0 */ M1,  M1,  M,   M,   N8,  N8,  N,   0,
    /* D8 */ M,   M,   M,   M,   M,   M,   M,   M,
    /* E0 */ I8,  I8,  I8,  I8,  I8,  I8,  I8,  I8,
    /* E8 */ J,   J,   NF,  I8,  0,   0,   0,   0,
    /* F0 */ 0,   0,   0,   0,   0,   0,   MT8, MTZ,
    /* F8 */ 0,   0,   0,   0,   0,   0,   M,   M,
};

const uint8_t insn_attr_0f[256] = {
    /* 00 */ M,   M,   M,   M,   BAD, 0,   0,   0,
    /* 08 */ 0,   0,   BAD, 0,   BAD, M,   0,   M8,
    /* 10 */ M,   M,   M,   M,   M,   M,   M,   M,
    /* 18 */ M,   M,   M,   M,   M,   M,   M,   M,
    /* 20 */ MM,  MM,  MM,  MM,  BAD, BAD, BAD, BAD,
    /* 28 */ M,   M,   M,   M,   M,   M,   M,   M,
    /* 30 */ 0,   0,   0,   0,   0,   0,   BAD, 0,
    /* 38 */ 0,   BAD, 0,   BAD, BAD, BAD, BAD, BAD,
    /* 40 */ M,   M,   M,   M,   M,   M,   M,   M,
    /* 48 */ M,   M,   M,   M,   M,   M,   M,   M,
    /* 50 */ M,   M,   M,   M,   M,   M,   M,   M,
    /* 58 */ M,   M,   M,   M,   M,   M,   M,   M,
    /* 60 */ M,   M,   M,   M,   M,   M,   M,   M,
    /* 68 */ M,   M,   M,   M,   M,   M,   M,   M,
    /* 70 */ M8,  M8,  M8,  M8,  M,   M,   M,   0,
    /* 78 */ M4A, M,   M,   M,   M,   M,   M,   M,
    /* 80 */ J,   J,   J,   J,   J,   J,   J,   J,
    /* 88 */ J,   J,   J,   J,   J,   J,   J,   J,
    /* 90 */ M,   M,   M,   M,   M,   M,   M,   M,
    /* 98 */ M,   M,   M,   M,   M,   M,   M,   M,
    /* A0 */ 0,   0,   0,   M,   M8,  M,   BAD, BAD,
    /* A8 */ 0,   0,   0,   M,   M8,  M,   M,   M,
    /* B0 */ M,   M,   M,   M,   M,   M,   M,   M,
    /* B8 */ M,   M,   M8,  M,   M,   M,   M,   M,
    /* C0 */ M,   M,   M8,  M,   M8,  M8,  M8,  M,
    /* C8 */ 0,   0,   0,   0,   0,   0,   0,   0,
    /* D0 */ M,   M,   M,   M,   M,   M,   M,   M,
    /* D8 */ M,   M,   M,   M,   M,   M,   M,   M,
    /* E0 */ M,   M,   M,   M,   M,   M,   M,   M,
    /* E8 */ M,   M,   M,   M,   M,   M,   M,   M,
    /* F0 */ M,   M,   M,   M,   M,   M,   M,   M,
    /* F8 */ M,   M,   M,   M,   M,   M,   M,   M,
};

#define BYTE(o, f)     { .op = INSN_##o, .form = INSN_##f, .size = 1 }
#define FULL(o, f)     { .op = INSN_##o, .form = INSN_##f }
#define LOAD(o, bytes) { .op = INSN_##o, .form = INSN_REG_RM, .mem = (bytes) }
#define WORD(o, f)     { .op = INSN_##o, .form = INSN_##f, .mem = 2 }
#define PORT(o)        { .op = INSN_##o, .form = INSN_STRING, .mem = 4 }
#define BYTE_GROUP(g)  { .size = 1, .group = GROUP_##g }
#define FULL_GROUP(g)  { .group = GROUP_##g }
#define ALU(at, o)                                                                                 \
    [(at)] = BYTE(o, RM_REG), [(at) + 1] = FULL(o, RM_REG),                                        \
    [(at) + 2] = BYTE(o, REG_RM), [(at) + 3] = FULL(o, REG_RM)

const struct insn_desc insn_desc_1[256] = {
    ALU(0x00, ADD), ALU(0x08, OR),  ALU(0x10, ADC), ALU(0x18, SBB),
    ALU(0x20, AND), ALU(0x28, SUB), ALU(0x30, XOR), ALU(0x38, CMP),
    [0x63] = LOAD(MOVSX, 4), /* 64-bit mode only: see describe() */
    [0x6C] = BYTE(INS, STRING),  [0x6D] = PORT(INS),
    [0x6E] = BYTE(OUTS, STRING), [0x6F] = PORT(OUTS),
    [0x80] = BYTE_GROUP(ALU),    [0x81] = FULL_GROUP(ALU),
    [0x82] = BYTE_GROUP(ALU),    [0x83] = FULL_GROUP(ALU),
    [0x84] = BYTE(TEST, RM_REG), [0x85] = FULL(TEST, RM_REG),
    [0x86] = BYTE(XCHG, RM_REG), [0x87] = FULL(XCHG, RM_REG),
    [0x88] = BYTE(MOV, RM_REG),  [0x89] = FULL(MOV, RM_REG),
    [0x8A] = BYTE(MOV, REG_RM),  [0x8B] = FULL(MOV, REG_RM),
    [0x8C] = WORD(MOV_SREG, RM), [0x8F] = FULL_GROUP(POP),
    [0xA0] = BYTE(MOV, REG_RM),  [0xA1] = FULL(MOV, REG_RM),
    [0xA2] = BYTE(MOV, RM_REG),  [0xA3] = FULL(MOV, RM_REG),
    [0xA4] = BYTE(MOVS, STRING), [0xA5] = FULL(MOVS, STRING),
    [0xA6] = BYTE(CMPS, STRING), [0xA7] = FULL(CMPS, STRING),
    [0xAA] = BYTE(STOS, STRING), [0xAB] = FULL(STOS, STRING),
    [0xAC] = BYTE(LODS, STRING), [0xAD] = FULL(LODS, STRING),
    [0xAE] = BYTE(SCAS, STRING), [0xAF] = FULL(SCAS, STRING),
    [0xC0] = BYTE_GROUP(SHIFT),  [0xC1] = FULL_GROUP(SHIFT),
    [0xC6] = BYTE_GROUP(MOV),    [0xC7] = FULL_GROUP(MOV),
    [0xD0] = BYTE_GROUP(SHIFT),  [0xD1] = FULL_GROUP(SHIFT),
    [0xD2] = BYTE_GROUP(SHIFT_CL), [0xD3] = FULL_GROUP(SHIFT_CL),
    [0xF6] = BYTE_GROUP(TEST),   [0xF7] = FULL_GROUP(TEST),
    [0xFE] = BYTE_GROUP(INC),    [0xFF] = FULL_GROUP(INC_PUSH),
};

const struct insn_desc insn_desc_0f[256] = {
    [0xA3] = FULL(BT, RM_REG),       [0xAB] = FULL(BTS, RM_REG),
    [0xB3] = FULL(BTR, RM_REG),      [0xBB] = FULL(BTC, RM_REG),
    [0xBA] = FULL_GROUP(BT),
    [0xB0] = BYTE(CMPXCHG, RM_REG),  [0xB1] = FULL(CMPXCHG, RM_REG),
    [0xC0] = BYTE(XADD, RM_REG),     [0xC1] = FULL(XADD, RM_REG),
    [0xB6] = LOAD(MOVZX, 1),         [0xB7] = LOAD(MOVZX, 2),
    [0xBE] = LOAD(MOVSX, 1),         [0xBF] = LOAD(MOVSX, 2),
};

/* /6 is SHL as well. */
#define SHIFTS(f)                                                                                  \
    { { INSN_ROL, (f) }, { INSN_ROR, (f) }, { INSN_RCL, (f) }, { INSN_RCR, (f) },                  \
      { INSN_SHL, (f) }, { INSN_SHR, (f) }, { INSN_SHL, (f) }, { INSN_SAR, (f) } }

const struct insn_group_desc insn_group[GROUP_COUNT][8] = {
    [GROUP_ALU] = { { INSN_ADD, INSN_RM_IMM }, { INSN_OR, INSN_RM_IMM },
                    { INSN_ADC, INSN_RM_IMM }, { INSN_SBB, INSN_RM_IMM },
                    { INSN_AND, INSN_RM_IMM }, { INSN_SUB, INSN_RM_IMM },
                    { INSN_XOR, INSN_RM_IMM }, { INSN_CMP, INSN_RM_IMM } },
    [GROUP_SHIFT] = SHIFTS(INSN_RM_IMM),
    [GROUP_SHIFT_CL] = SHIFTS(INSN_RM_CL),
    [GROUP_TEST] = { { INSN_TEST, INSN_RM_IMM }, { INSN_TEST, INSN_RM_IMM },
                     { INSN_NOT, INSN_RM }, { INSN_NEG, INSN_RM } },
    [GROUP_INC] = { { INSN_INC, INSN_RM }, { INSN_DEC, INSN_RM } },
    [GROUP_INC_PUSH] = { { INSN_INC, INSN_RM }, { INSN_DEC, INSN_RM },
                         [6] = { INSN_PUSH, INSN_RM } },
    [GROUP_POP] = { { INSN_POP, INSN_RM } },
    [GROUP_MOV] = { { INSN_MOV, INSN_RM_IMM } },
    [GROUP_BT] = { [4] = { INSN_BT, INSN_RM_IMM },  { INSN_BTS, INSN_RM_IMM },
                   { INSN_BTR, INSN_RM_IMM }, { INSN_BTC, INSN_RM_IMM } },
};
/* clang-format on */

const uint8_t insn_access[INSN_OP_COUNT] = {
    [INSN_ADD] = ACCESS_RW,  [INSN_OR] = ACCESS_RW,   [INSN_ADC] = ACCESS_RW,
    [INSN_SBB] = ACCESS_RW,  [INSN_AND] = ACCESS_RW,  [INSN_SUB] = ACCESS_RW,
    [INSN_XOR] = ACCESS_RW,  [INSN_CMP] = ACCESS_R,   [INSN_TEST] = ACCESS_R,
    [INSN_NOT] = ACCESS_RW,  [INSN_NEG] = ACCESS_RW,  [INSN_INC] = ACCESS_RW,
    [INSN_DEC] = ACCESS_RW,  [INSN_BT] = ACCESS_R,    [INSN_BTS] = ACCESS_RW,
    [INSN_BTR] = ACCESS_RW,  [INSN_BTC] = ACCESS_RW,  [INSN_MOV] = ACCESS_W,
    [INSN_XCHG] = ACCESS_RW, [INSN_XADD] = ACCESS_RW, [INSN_CMPXCHG] = ACCESS_RW,
    [INSN_STOS] = ACCESS_W,  [INSN_LODS] = ACCESS_R,  [INSN_SCAS] = ACCESS_R,
    [INSN_MOVS] = ACCESS_RW, [INSN_CMPS] = ACCESS_R,  [INSN_INS] = ACCESS_W,
    [INSN_OUTS] = ACCESS_R,  [INSN_ROL] = ACCESS_RW,  [INSN_ROR] = ACCESS_RW,
    [INSN_RCL] = ACCESS_RW,  [INSN_RCR] = ACCESS_RW,  [INSN_SHL] = ACCESS_RW,
    [INSN_SHR] = ACCESS_RW,  [INSN_SAR] = ACCESS_RW,  [INSN_MOV_SREG] = ACCESS_W,
    [INSN_PUSH] = ACCESS_R,  [INSN_POP] = ACCESS_W,
};
