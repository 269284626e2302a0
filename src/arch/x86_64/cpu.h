/* The instructions that C cannot say: the only inline assembly outside vmx/ and svm/. They act on
 * the CPU that executes them: no lock. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct cpuid_regs {
    uint32_t eax, ebx, ecx, edx;
};

static inline struct cpuid_regs cpu_cpuid(uint32_t leaf, uint32_t subleaf)
{
    struct cpuid_regs r;

    __asm__ volatile("cpuid"
                     : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
                     : "a"(leaf), "c"(subleaf));
    return r;
}

static inline uint64_t cpu_rdtsc(void)
{
    uint32_t lo;
    uint32_t hi;

    __asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
    return (uint64_t)hi << 32 | lo;
}

static inline uint64_t msr_read(uint32_t msr)
{
    uint32_t lo;
    uint32_t hi;

    __asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr));
    return (uint64_t)hi << 32 | lo;
}

static inline void msr_write(uint32_t msr, uint64_t v)
{
    __asm__ volatile("wrmsr" ::"c"(msr), "a"((uint32_t)v), "d"((uint32_t)(v >> 32)) : "memory");
}

/* False, with nothing changed, where the instruction raises #GP (isr.asm, fix-up table). */
bool msr_read_safe(uint32_t msr, uint64_t *value);
bool msr_write_safe(uint32_t msr, uint64_t value);
bool xsetbv_safe(uint32_t index, uint64_t value);

static inline uint8_t io_in8(uint16_t port)
{
    uint8_t v;

    __asm__ volatile("inb %w1, %b0" : "=a"(v) : "Nd"(port));
    return v;
}

static inline uint32_t io_in32(uint16_t port)
{
    uint32_t v;

    __asm__ volatile("inl %w1, %0" : "=a"(v) : "Nd"(port));
    return v;
}

static inline void io_out8(uint16_t port, uint8_t v)
{
    __asm__ volatile("outb %b0, %w1" ::"a"(v), "Nd"(port));
}

static inline void io_out16(uint16_t port, uint16_t v)
{
    __asm__ volatile("outw %w0, %w1" ::"a"(v), "Nd"(port));
}

static inline uint16_t io_in16(uint16_t port)
{
    uint16_t v;

    __asm__ volatile("inw %w1, %w0" : "=a"(v) : "Nd"(port));
    return v;
}

#define CPU_CR(n)                                                                                  \
    static inline uint64_t cpu_read_cr##n(void)                                                    \
    {                                                                                              \
        uint64_t v;                                                                                \
        __asm__ volatile("mov %%cr" #n ", %0" : "=r"(v));                                          \
        return v;                                                                                  \
    }                                                                                              \
    static inline void cpu_write_cr##n(uint64_t v)                                                 \
    {                                                                                              \
        __asm__ volatile("mov %0, %%cr" #n ::"r"(v) : "memory");                                   \
    }
CPU_CR(0)
CPU_CR(2)
CPU_CR(3)
CPU_CR(4)
#undef CPU_CR

/* GDTR and IDTR as LGDT, SGDT and the like take them. */
struct cpu_table_ptr {
    uint16_t limit;
    uint64_t base;
} __attribute__((packed));

static inline void cpu_lgdt(const struct cpu_table_ptr *p)
{
    __asm__ volatile("lgdt %0" ::"m"(*p));
}

static inline void cpu_lidt(const struct cpu_table_ptr *p)
{
    __asm__ volatile("lidt %0" ::"m"(*p));
}

static inline void cpu_ltr(uint16_t selector)
{
    __asm__ volatile("ltr %w0" ::"r"(selector));
}

static inline void cpu_cli(void)
{
    __asm__ volatile("cli" ::: "memory");
}

/* Lets pending interrupts in for one moment. */
static inline void cpu_interrupt_window(void)
{
    __asm__ volatile("sti; nop; cli" ::: "memory");
}

/* Sleeps until an interrupt has been handled; returns with interrupts off. */
static inline void cpu_sleep(void)
{
    __asm__ volatile("sti; hlt; cli" ::: "memory");
}

_Noreturn static inline void cpu_halt_forever(void)
{
    for (;;) {
        __asm__ volatile("cli; hlt");
    }
}

static inline void cpu_pause(void)
{
    __asm__ volatile("pause");
}
