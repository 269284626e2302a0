/* The opcode tables behind hv/insn.h: how long an opcode's instruction is, and what it does.
 * Constants: no lock. */
#pragma once
#include "hv/insn.h"
#include <stdint.h>

/* Length attributes of an opcode: an immediate class in the low four bits, and flags. */
enum {
    IMM_NONE,
    IMM_8,
    IMM_16,
    IMM_24,     /* ENTER: a word and a byte */
    IMM_Z,      /* 2 or 4 bytes by operand size */
    IMM_V,      /* 2, 4 or 8 bytes by operand size */
    IMM_FAR,    /* selector and offset */
    IMM_BRANCH, /* as IMM_Z, but always 4 bytes in 64-bit mode */
    IMM_MOFFS,  /* an address: 2, 4 or 8 bytes by address size */
    IMM_TEST_8, /* 8 bits, for ModRM /0 and /1 only */
    IMM_TEST_Z, /* as IMM_Z, for ModRM /0 and /1 only */
    IMM_SSE4A,  /* two bytes if there is prefix 66 or F2 */
    IMM_ONE,    /* none, and the operand is 1 */
    IMM_MASK = 0x0F,
    ATTR_MODRM = 0x10,
    ATTR_REGS = 0x20, /* ModRM names two registers whatever its mod field says */
    ATTR_NO64 = 0x40, /* invalid in 64-bit mode */
    ATTR_BAD = 0x80,  /* no such instruction */
};

extern const uint8_t insn_attr_1[256];
extern const uint8_t insn_attr_0f[256];

enum {
    GROUP_NONE,
    GROUP_ALU,
    GROUP_SHIFT,
    GROUP_SHIFT_CL,
    GROUP_TEST,
    GROUP_INC,
    GROUP_INC_PUSH,
    GROUP_POP,
    GROUP_MOV,
    GROUP_BT,
    GROUP_COUNT
};

/* What an opcode does. A zero entry is INSN_OTHER. */
struct insn_desc {
    uint8_t op;    /* enum insn_op */
    uint8_t form;  /* enum insn_form */
    uint8_t size;  /* of the operand: 1, or 0 for the effective operand size */
    uint8_t mem;   /* the most bytes of memory accessed; 0: as the operand */
    uint8_t group; /* not GROUP_NONE: op and form come from insn_group */
};
extern const struct insn_desc insn_desc_1[256];
extern const struct insn_desc insn_desc_0f[256];

struct insn_group_desc {
    uint8_t op, form;
};
extern const struct insn_group_desc insn_group[GROUP_COUNT][8]; /* by ModRM.reg */

/* What an operation does to memory if memory is its first operand, or for a string instruction. */
enum { ACCESS_R = 1, ACCESS_W = 2, ACCESS_RW = 3 };
extern const uint8_t insn_access[INSN_OP_COUNT];
