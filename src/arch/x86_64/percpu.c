#include "arch/x86_64/percpu.h"
#include "arch/x86_64/msr.h"
#include "arch/x86_64/trap.h"
#include "lib/bits.h"

enum { STACK_SIZE = 4 * 4096 }; /* boot_tables.asm */
extern char boot_stack_top[], stack_df[], stack_nmi[], stack_mc[];

#define CR4_OSXSAVE_BIT BIT(18)
#define CR4_SMEP_BIT    BIT(20)
#define CR4_SMAP_BIT    BIT(21)
#define CR4_UMIP_BIT    BIT(11)
#define CR4_OSFXSR_BIT  BIT(9)
#define CR4_PGE_BIT     BIT(7)
#define CR4_MCE_BIT     BIT(6)

static void make_gdt(struct percpu *p)
{
    uint64_t at = (uintptr_t)&p->tss;

    p->gdt[0] = 0;
    p->gdt[SEL_CODE / 8] = UINT64_C(0x00209b0000000000);
    p->gdt[SEL_DATA / 8] = UINT64_C(0x0000930000000000);
    /* Intel SDM vol. 3, "TSS Descriptor in 64-bit mode": type 9, present, 16 bytes. */
    p->gdt[SEL_TSS / 8] = UINT64_C(0x0000890000000000) | (sizeof p->tss - 1) |
                          (bits(at, 23, 0) << 16) | (bits(at, 31, 24) << 56);
    p->gdt[SEL_TSS / 8 + 1] = at >> 32;
}

void cpu_tables_load(struct percpu *p, unsigned id)
{
    struct cpu_table_ptr gdt = { .limit = sizeof p->gdt - 1, .base = (uintptr_t)p->gdt };

    p->self = p;
    p->id = id;
    p->tss.rsp[0] = (uintptr_t)boot_stack_top;
    p->tss.ist[IST_DF - 1] = (uintptr_t)stack_df + STACK_SIZE;
    p->tss.ist[IST_NMI - 1] = (uintptr_t)stack_nmi + STACK_SIZE;
    p->tss.ist[IST_MC - 1] = (uintptr_t)stack_mc + STACK_SIZE;
    p->tss.io_map_base = sizeof p->tss;
    make_gdt(p);
    cpu_lgdt(&gdt);
    cpu_load_cs(SEL_CODE);
    cpu_load_data_segments(SEL_DATA);
    cpu_ltr(SEL_TSS);
    msr_write(MSR_GS_BASE, (uintptr_t)p);
    trap_load_idt();
}

static void reset_fpu(void)
{
    /* FCW and MXCSR as after a reset (Intel SDM vol. 1, "FXSAVE Area"). The rest are zeros, which
     * XRSTOR takes for "initial". */
    static const uint8_t initial[1024]
        __attribute__((aligned(64))) = { [0] = 0x7f, [1] = 0x03, [24] = 0x80, [25] = 0x1f };
    struct cpuid_regs leaf;

    cpu_fninit();
    cpu_fxrstor(initial);
    if (cpu_read_cr4() & CR4_OSXSAVE_BIT) {
        leaf = cpu_cpuid(0xd, 0);
        xsetbv_safe(0, make64(leaf.edx, leaf.eax));
        cpu_xrstor(initial);
        xsetbv_safe(0, 1);
    }
}

void cpu_forget_guest(void)
{
    if (cpu_cpuid(0x80000001, 0).edx & BIT32(27)) { /* RDTSCP */
        msr_write(MSR_TSC_AUX, 0);
    }
    cpu_write_cr2(0);
    cpu_clear_debug_registers();
    reset_fpu();
}

void cpu_features_enable(void)
{
    struct cpuid_regs leaf1 = cpu_cpuid(1, 0);
    struct cpuid_regs leaf7 = { 0 };
    uint64_t cr4 = cpu_read_cr4() | CR4_PGE_BIT | CR4_MCE_BIT | CR4_OSFXSR_BIT;

    if (cpu_cpuid(0, 0).eax >= 7) {
        leaf7 = cpu_cpuid(7, 0);
    }
    cr4 |= leaf1.ecx & BIT(26) ? CR4_OSXSAVE_BIT : 0;
    cr4 |= leaf7.ebx & BIT(7) ? CR4_SMEP_BIT : 0;
    cr4 |= leaf7.ebx & BIT(20) ? CR4_SMAP_BIT : 0;
    cr4 |= leaf7.ecx & BIT(2) ? CR4_UMIP_BIT : 0;
    cpu_write_cr4(cr4);
}
