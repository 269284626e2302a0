/* The states in which a guest's boot CPU starts, as constant tables. No lock. */
#pragma once
#include "hv/regs.h"
#include "lib/addr.h"

struct vcpu;

/* Where the small tables of a protected- or long-mode start lie in guest memory. */
struct start_tables {
    gpa_t gdt, page_tables; /* page_tables: PML4, PDPT and four PDs, six pages */
};

enum { START_TABLE_PAGES = 6, START_CS64 = 0x10, START_DS = 0x18, START_CS32 = 0x20 };

enum start_mode { START_REAL, START_PROT, START_LONG, START_RESET, START_MODES };

/* Writes the GDT and, for long mode, an identity map of the first 4 GiB; false if they do not lie
 * in RAM. */
bool start_write_tables(const struct vcpu *v, const struct start_tables *at);

/* Sets all registers: general ones 0, RSP as given, interrupts off. In real mode CS is entry >> 4,
 * so entry is a multiple of 16 below 1 MiB. START_RESET is start_reset()'s. */
void start_set_state(struct vcpu *v, enum start_mode mode, const struct start_tables *at,
                     gpa_t entry, uint64_t rsp);

/* The state after a reset: real mode, 16 bytes below 4 GiB (Intel SDM vol. 3, "Processor State
 * After Reset"). What waited for the CPU is gone. */
void start_reset(struct vcpu *v);
