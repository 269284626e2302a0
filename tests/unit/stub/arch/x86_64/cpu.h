/* Stands before src/arch/x86_64/cpu.h in the include path of unit tests: what a process cannot
 * execute, or what a test wants to watch, is a function that the test brings along. Declarations
 * only: no lock. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct cpuid_regs {
    uint32_t eax, ebx, ecx, edx;
};

struct cpuid_regs cpu_cpuid(uint32_t leaf, uint32_t subleaf);
uint64_t cpu_rdtsc(void);
uint64_t msr_read(uint32_t msr);
void msr_write(uint32_t msr, uint64_t v);
void *cpu_gs_word(void);
uint8_t io_in8(uint16_t port);
void io_out8(uint16_t port, uint8_t v);
uint16_t io_in16(uint16_t port);
void io_out16(uint16_t port, uint16_t v);
void cpu_write_cr2(uint64_t v);
uint64_t cpu_xgetbv0(void);
bool xsetbv_safe(uint32_t index, uint64_t value);
void cpu_interrupt_window(void);
void cpu_wait_for_interrupt(void);
void cpu_clear_debug_registers(void);

static inline void cpu_pause(void) {}
static inline void cpu_raise_machine_check(void) {}
static inline void cpu_fence(void) {}
