/* Exceptions and interrupts of the host. Handlers are registered while starting up and then only
 * read: no lock. */
#pragma once
#include <stdint.h>

enum {
    VEC_HOST_DB = 1,
    VEC_HOST_NMI = 2,
    VEC_HOST_DF = 8,
    VEC_HOST_MC = 18,
    VEC_FIRST_IRQ = 0x20,
    VEC_SPURIOUS = 0xff
};

struct trap_frame { /* layout known to isr.asm */
    uint64_t rax, rcx, rdx, rbx, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15;
    uint64_t vector, error, rip, cs, rflags, rsp, ss;
};
_Static_assert(sizeof(struct trap_frame) == 22 * 8, "known to isr.asm");

/* Calls fn with interrupts off when the host gets this vector (20h-FEh). */
void trap_set_irq(uint8_t vector, void (*fn)(void *ctx), void *ctx);

/* Points the IDT gates at the stubs and loads it on this CPU. */
void trap_load_idt(void);

/* The IDT's host-virtual address: the same on every CPU. */
uint64_t trap_idt_base(void);

/* Only isr.asm calls it. */
void trap_handle(struct trap_frame *f);
