/* Decoder of guest instructions: lengths for all, operands for those that touch MMIO. Pure
 * functions over bytes that the caller fetched: no lock. */
#pragma once
#include "hv/regs.h"
#include <stdbool.h>
#include <stdint.h>

enum { INSN_MAX_LEN = 15, INSN_NO_REG = 0xFF };

enum insn_mode { INSN_16 = 16, INSN_32 = 32, INSN_64 = 64 }; /* of the code segment */

enum insn_result {
    INSN_OK,
    INSN_TRUNCATED, /* goes on behind `count`: fetch more bytes */
    INSN_INVALID,   /* no instruction that this decoder knows, or over 15 bytes */
};

/* What an instruction does. ADD to CMP stand in the order of their opcodes, ADD to SAR are what
 * alu_compute() does. */
enum insn_op {
    INSN_OTHER, /* length, prefixes, opcode and ModRM fields are known, the operation is not */
    INSN_ADD,
    INSN_OR,
    INSN_ADC,
    INSN_SBB,
    INSN_AND,
    INSN_SUB,
    INSN_XOR,
    INSN_CMP,
    INSN_TEST,
    INSN_NOT,
    INSN_NEG,
    INSN_INC,
    INSN_DEC,
    INSN_BT,
    INSN_BTS,
    INSN_BTR,
    INSN_BTC,
    INSN_ROL,
    INSN_ROR,
    INSN_RCL,
    INSN_RCR,
    INSN_SHL,
    INSN_SHR,
    INSN_SAR,
    INSN_MOV,
    INSN_MOVZX,
    INSN_MOVSX,    /* and MOVSXD */
    INSN_MOV_SREG, /* from segment register `reg` */
    INSN_PUSH,     /* of memory or by ModRM, likewise POP: not the short forms */
    INSN_POP,
    INSN_XCHG,
    INSN_XADD,
    INSN_CMPXCHG,
    INSN_STOS,
    INSN_LODS,
    INSN_SCAS,
    INSN_MOVS,
    INSN_CMPS,
    INSN_INS,
    INSN_OUTS,
    INSN_OP_COUNT
};

/* The operands in the order of the manual: the first is the destination. "rm" is memory if has_mem,
 * else the register `rm`. */
enum insn_form {
    INSN_RM,
    INSN_RM_REG,
    INSN_RM_IMM,
    INSN_RM_CL,
    INSN_REG_RM,
    INSN_STRING, /* see insn_effective_address and insn_string_dest; the register is rAX */
};

enum insn_map { INSN_MAP_1, INSN_MAP_0F, INSN_MAP_0F38, INSN_MAP_0F3A, INSN_MAP_OTHER };

struct insn_mem {
    uint8_t base, index; /* enum gpr, or INSN_NO_REG */
    uint8_t scale;       /* 1, 2, 4 or 8 */
    bool rip_relative;
    enum seg seg; /* the override, else the default. In 64-bit mode only FS and GS have a base */
    int64_t disp;
};

struct insn {
    uint8_t len;       /* bytes */
    uint8_t opcode;    /* its last byte, in `map` */
    uint8_t op_size;   /* bytes: 1, 2, 4 or 8; of the register operand */
    uint8_t addr_size; /* bytes: 2, 4 or 8 */
    uint8_t mem_size;  /* bytes accessed; differs from op_size for MOVZX and MOVSX; 0: unknown */
    uint8_t rep;       /* 0, 0xF2 (REPNE) or 0xF3 (REP) */
    uint8_t reg;       /* enum gpr, or a control or debug register if the opcode says so */
    uint8_t rm;        /* enum gpr, if there is ModRM and no memory operand */
    bool reg_high;     /* reg 0 to 3 means AH, CH, DH, BH */
    bool lock, vex;    /* vex: any of VEX and EVEX */
    bool has_mem;      /* mem is valid */
    bool read, write;  /* what it does to memory; both false for INSN_OTHER */
    enum insn_map map;
    enum insn_op op;
    enum insn_form form;
    struct insn_mem mem;
    uint64_t imm; /* sign-extended from its size */
};

/* Decodes the instruction at bytes[0] and reads no byte at or behind bytes[count]. *out is valid
 * only for INSN_OK. Opcodes follow Intel SDM vol. 2, "Opcode Map"; 3DNow! and SSE4a too. A near
 * branch with prefix 66 in 64-bit mode has the length that Intel's CPUs give it (AMD's differ).
 * Some of what CPUs refuse with #UD passes: as INSN_OTHER, or with a LOCK that is not allowed. */
enum insn_result insn_decode(const uint8_t *bytes, unsigned count, enum insn_mode mode,
                             struct insn *out);

/* The offset of the memory operand in its segment, masked to the address size. Valid if has_mem.
 * next_rip is the address behind the instruction. For BT, BTS, BTR, BTC with a register it is the
 * operand that holds the bit, which lies outside the one that ModRM names if the bit number says
 * so. For MOVS and CMPS it is the source (rSI). */
uint64_t insn_effective_address(const struct insn *in, const uint64_t gpr[GPR_COUNT],
                                uint64_t next_rip);

/* The second memory operand of MOVS and CMPS: an offset in ES (rDI). */
uint64_t insn_string_dest(const struct insn *in, const uint64_t gpr[GPR_COUNT]);
