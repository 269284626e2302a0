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

/* XCR0, which only a guest changes. With CR4.OSXSAVE. */
static inline uint64_t cpu_xgetbv0(void)
{
    uint32_t lo;
    uint32_t hi;

    __asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
    return (uint64_t)hi << 32 | lo;
}

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

/* Call the host's own handlers of what has ended a guest. */
static inline void cpu_raise_nmi(void)
{
    __asm__ volatile("int $2");
}

static inline void cpu_raise_machine_check(void)
{
    __asm__ volatile("int $18");
}

/* Lets pending interrupts in for one moment. */
static inline void cpu_interrupt_window(void)
{
    __asm__ volatile("sti; nop; cli" ::: "memory");
}

/* Sleeps until an interrupt has been handled. STI holds interrupts off until HLT has begun: none
 * gets lost between the two. */
static inline void cpu_wait_for_interrupt(void)
{
    __asm__ volatile("sti; hlt; cli" ::: "memory");
}

/* All loads and stores before it are done before anything after it starts: RDTSC and those WRMSRs
 * that do not serialize need it (Intel SDM vol. 2, "RDTSC"; vol. 3, "TSC-Deadline Mode"). */
static inline void cpu_fence(void)
{
    __asm__ volatile("mfence; lfence" ::: "memory");
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

/* Points the data segments at `data`, FS and GS at nothing; CS is loaded by cpu_load_cs (isr.asm).
 */
static inline void cpu_load_data_segments(uint16_t data)
{
    __asm__ volatile(
        "mov %w0, %%ds; mov %w0, %%es; mov %w0, %%ss; mov %w1, %%fs; mov %w1, %%gs" ::"r"(data),
        "r"(0)
        : "memory");
}
void cpu_load_cs(uint16_t code);

static inline void *cpu_gs_word(void)
{
    void *p;

    __asm__("mov %%gs:0, %0" : "=r"(p));
    return p;
}

static inline void cpu_fninit(void)
{
    __asm__ volatile("fninit");
}

/* From a 16-byte-aligned area: x87, MXCSR, XMM. */
static inline void cpu_fxrstor(const void *area)
{
    __asm__ volatile("fxrstor64 (%0)" ::"r"(area) : "memory");
}

/* From a 64-byte-aligned area, all components. */
static inline void cpu_xrstor(const void *area)
{
    __asm__ volatile("xrstor64 (%0)" ::"r"(area), "a"(UINT32_MAX), "d"(UINT32_MAX) : "memory");
}

/* The debug registers that no VM entry or exit touches. */
static inline void cpu_clear_debug_registers(void)
{
    __asm__ volatile(
        "mov %0, %%dr0; mov %0, %%dr1; mov %0, %%dr2; mov %0, %%dr3; mov %1, %%dr6" ::"r"(
            UINT64_C(0)),
        "r"(UINT64_C(0xffff0ff0)));
}
