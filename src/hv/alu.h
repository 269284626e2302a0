/* Guest arithmetic: integer operations with their flags, and general registers in parts. Pure
 * functions: no lock. */
#pragma once
#include "hv/insn.h"
#include "hv/regs.h"
#include <stdbool.h>
#include <stdint.h>

#define RFLAGS_PF BIT(2)
#define RFLAGS_AF BIT(4)
#define RFLAGS_ZF BIT(6)
#define RFLAGS_SF BIT(7)
#define RFLAGS_OF BIT(11)

/* Does `a` op `b` on the low `size` bytes (1, 2, 4 or 8) for ADD to SAR of enum insn_op; false,
 * with nothing changed, for another op. *result is the new value of the first operand,
 * zero-extended: `a` itself for CMP, TEST and BT. Of the flags only those that the instruction
 * changes are changed; one it leaves undefined keeps its value (AF of AND, OR, XOR, TEST and the
 * shifts is cleared, OF of a shift or rotation by more than one is that of its last step). */
bool alu_compute(enum insn_op op, unsigned size, uint64_t a, uint64_t b, uint64_t *rflags,
                 uint64_t *result);

/* The low `size` bytes (1, 2, 4 or 8) of a register; bits 15:8 if `high` (then size is 1). */
uint64_t gpr_read(const uint64_t gpr[GPR_COUNT], unsigned reg, unsigned size, bool high);

/* Writes them. As on the CPU, 4 bytes clear the upper half and 1 or 2 leave the rest. */
void gpr_write(uint64_t gpr[GPR_COUNT], unsigned reg, unsigned size, bool high, uint64_t value);
