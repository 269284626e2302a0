#include "hv/cpuid.h"
#include "hv/exit_table.h"
#include "hv/vcpu.h"
#include "hv/vm.h"
#include "lib/bits.h"
#include "lib/mem.h"

/* Feature bits by CPUID leaf and register: Intel SDM vol. 2, "CPUID"; AMD APM vol. 3, appendix E. A
 * bit that is not listed is hidden, so that a CPU newer than this table shows nothing that we do
 * not know. */
#define LEAF1_ECX_KEEP                                                                             \
    (BIT32(0) | BIT32(1) | BIT32(9) | BIT32(12) | BIT32(13) | BIT32(17) | BIT32(19) | BIT32(20) |  \
     BIT32(22) | BIT32(23) | BIT32(25) | BIT32(26) | BIT32(28) | BIT32(29) | BIT32(30))
#define LEAF1_ECX_X2APIC     BIT32(21)
#define LEAF1_ECX_DEADLINE   BIT32(24)
#define LEAF1_ECX_OSXSAVE    BIT32(27)
#define LEAF1_ECX_HYPERVISOR BIT32(31)
/* FPU VME DE PSE TSC MSR PAE CX8 SEP PGE CMOV PAT PSE36 CLFSH MMX FXSR SSE SSE2 SS */
#define LEAF1_EDX_KEEP                                                                             \
    (BIT32(0) | BIT32(1) | BIT32(2) | BIT32(3) | BIT32(4) | BIT32(5) | BIT32(6) | BIT32(8) |       \
     BIT32(11) | BIT32(13) | BIT32(15) | BIT32(16) | BIT32(17) | BIT32(19) | BIT32(23) |           \
     BIT32(24) | BIT32(25) | BIT32(26) | BIT32(27))
#define LEAF1_EDX_APIC BIT32(9)
/* FSGSBASE BMI1 AVX2 SMEP BMI2 ERMS INVPCID AVX512* RDSEED ADX SMAP CLFLUSHOPT CLWB SHA */
#define LEAF7_EBX_KEEP                                                                             \
    (BIT32(0) | BIT32(3) | BIT32(5) | BIT32(7) | BIT32(8) | BIT32(9) | BIT32(10) | BIT32(16) |     \
     BIT32(17) | BIT32(18) | BIT32(19) | BIT32(20) | BIT32(21) | BIT32(23) | BIT32(24) |           \
     BIT32(28) | BIT32(29) | BIT32(30) | BIT32(31))
/* AVX512_VBMI UMIP PKU VBMI2 GFNI VAES VPCLMULQDQ VNNI BITALG VPOPCNTDQ RDPID */
#define LEAF7_ECX_KEEP                                                                             \
    (BIT32(1) | BIT32(2) | BIT32(3) | BIT32(6) | BIT32(8) | BIT32(9) | BIT32(10) | BIT32(11) |     \
     BIT32(12) | BIT32(14) | BIT32(22))
#define LEAF7_EBX_INVPCID BIT32(10)
#define LEAF7_ECX_RDPID   BIT32(22)
#define EXT1_EDX_RDTSCP   BIT32(27)
/* Leaf 0Dh, subleaf 1: XSAVEOPT, and XGETBV with ECX = 1. Not the compacted format (XSAVEC,
 * XSAVES): Bochs 2.7 loses AVX registers with it, and the standard one does all that a guest needs.
 */
#define XSAVE_KINDS     (BIT32(0) | BIT32(2))
#define LEAF7_ECX_OSPKE BIT32(4)
/* 4VNNIW 4FMAPS FSRM VP2INTERSECT MD_CLEAR SERIALIZE */
#define LEAF7_EDX_KEEP (BIT32(2) | BIT32(3) | BIT32(4) | BIT32(8) | BIT32(10) | BIT32(14))
/* LAHF ABM SSE4A MISALIGN PREFETCHW XOP FMA4 TBM */
#define EXT1_ECX_KEEP                                                                              \
    (BIT32(0) | BIT32(5) | BIT32(6) | BIT32(7) | BIT32(8) | BIT32(11) | BIT32(16) | BIT32(21))
/* SYSCALL NX MMXEXT PDPE1GB RDTSCP LM 3DNow! and AMD's copies of leaf 1, whose bits 19 and 25 mean
 * something else here (MP, FFXSR) */
#define EXT1_EDX_KEEP                                                                              \
    ((LEAF1_EDX_KEEP & ~(BIT32(19) | BIT32(25))) | BIT32(20) | BIT32(22) | BIT32(26) | BIT32(27) | \
     BIT32(29) | BIT32(30) | BIT32(31))
#define EXT7_INVARIANT_TSC BIT32(8)
#define THERMAL_ARAT       BIT32(2) /* leaf 6: our APIC timer runs always */
/* XCR0: x87 SSE AVX, AVX-512's three, PKRU */
enum { XSAVE_LEGACY = 576 }; /* bytes: legacy region and header */
#define XCR0_KEEP (BIT(0) | BIT(1) | BIT(2) | BIT(5) | BIT(6) | BIT(7) | BIT(9))

static void set_text(struct cpuid_regs *r, uint32_t max, const char text[static 12])
{
    uint32_t word[3];

    memcpy(word, text, sizeof word);
    *r = (struct cpuid_regs){ .eax = max, .ebx = word[0], .ecx = word[1], .edx = word[2] };
}

/* Leaf 2: once, data and instruction cache of 32 KiB, 256 KiB, 8 MiB and the TLBs that go with
 * them. A real CPU says "see leaf 4" here (FFh), and then the C library of each program that a
 * guest starts executes CPUID some sixty times more. Leaf 4 tells the host's true sizes. */
static const struct cpuid_regs cache_descriptors = {
    .eax = 0x76035a01, .ebx = 0x00e4302c, .ecx = 0, .edx = 0x21b2
};

static void build_basic(struct cpuid_table *t,
                        struct cpuid_regs (*read)(uint32_t leaf, uint32_t subleaf), uint64_t tsc_hz)
{
    struct cpuid_regs *b = t->basic;
    uint32_t max = read(0, 0).eax;
    uint32_t divide = (uint32_t)(tsc_hz >> 32) + 1; /* the crystal's rate is a 32-bit number */

    b[0] = read(0, 0);
    b[0].eax = CPUID_BASIC_MAX;
    b[1] = read(1, 0);
    b[1].ebx = (b[1].ebx & 0x0000ff00) | 1 << 16; /* CLFLUSH size; one logical CPU with APIC ID 0 */
    b[1].ecx =
        (b[1].ecx & LEAF1_ECX_KEEP) | LEAF1_ECX_X2APIC | LEAF1_ECX_DEADLINE | LEAF1_ECX_HYPERVISOR;
    b[1].edx &= LEAF1_EDX_KEEP;
    b[2] = cache_descriptors;
    b[6].eax = THERMAL_ARAT;
    if (max >= 7) {
        b[7] = read(7, 0);
        b[7] = (struct cpuid_regs){ .ebx = b[7].ebx & LEAF7_EBX_KEEP,
                                    .ecx = b[7].ecx & LEAF7_ECX_KEEP,
                                    .edx = b[7].edx & LEAF7_EDX_KEEP };
    }
    b[0x15] = (struct cpuid_regs){ .eax = 1, .ebx = divide, .ecx = (uint32_t)(tsc_hz / divide) };
    b[0x16].eax = b[0x16].ebx = (uint32_t)(tsc_hz / 1000000);
    b[0x16].ecx = 100;
    for (unsigned i = 0; i < ARRAY_SIZE(t->cache) && max >= 4; i++) {
        t->cache[i] = read(4, i);
        t->cache[i].eax &= 0x3fff; /* shared by one CPU, one core in the package */
        if ((t->cache[i].eax & 0x1f) == 0) {
            t->cache[i] = (struct cpuid_regs){ 0 };
            break;
        }
    }
    t->topology[0] = (struct cpuid_regs){ .ebx = 1, .ecx = 0x100 };
    t->topology[1] = (struct cpuid_regs){ .ebx = 1, .ecx = 0x201 };
}

static void build_ext(struct cpuid_table *t,
                      struct cpuid_regs (*read)(uint32_t leaf, uint32_t subleaf))
{
    uint32_t max = read(0x80000000, 0).eax;

    for (uint32_t i = 0; i <= CPUID_EXT_MAX && 0x80000000 + i <= max; i++) {
        t->ext[i] = read(0x80000000 + i, 0);
    }
    t->ext[0].eax = 0x80000000 + CPUID_EXT_MAX;
    t->ext[1].ecx &= EXT1_ECX_KEEP;
    t->ext[1].edx &= EXT1_EDX_KEEP;
    t->ext[7] = (struct cpuid_regs){ .edx = t->ext[7].edx & EXT7_INVARIANT_TSC };
    t->ext[8] = (struct cpuid_regs){ .eax = t->ext[8].eax & 0xffff };
    if (max < 0x80000008) {
        t->ext[8].eax = 36 | 48 << 8;
    }
}

/* Size in bytes of the XSAVE area for what XCR0 enables (Intel SDM vol. 1, "Standard Form of the
 * Extended Region"). */
static uint32_t xsave_size(const struct cpuid_table *t, uint64_t xcr0)
{
    uint32_t size = XSAVE_LEGACY;

    for (unsigned i = 2; i < CPUID_SUBLEAVES; i++) {
        if (xcr0 & BIT(i)) {
            size = MAX(size, t->xsave[i].eax + t->xsave[i].ebx);
        }
    }
    return size;
}

static void build_xsave(struct cpuid_table *t,
                        struct cpuid_regs (*read)(uint32_t leaf, uint32_t subleaf))
{
    struct cpuid_regs main;

    if (!(t->basic[1].ecx & BIT32(26)) || read(0, 0).eax < 0xd) {
        return;
    }
    main = read(0xd, 0);
    t->xcr0_mask = make64(main.edx, main.eax) & XCR0_KEEP;
    main.eax = lo32(t->xcr0_mask);
    main.edx = hi32(t->xcr0_mask);
    t->xsave[0] = main;
    t->xsave[1].eax = read(0xd, 1).eax & XSAVE_KINDS;
    for (unsigned i = 2; i < CPUID_SUBLEAVES; i++) {
        if (t->xcr0_mask & BIT(i)) {
            t->xsave[i] = read(0xd, i);
        }
    }
    t->xsave[0].ecx = xsave_size(t, t->xcr0_mask);
}

/* CR4 and EFER bits stand and fall with the CPUID bits that announce them. */
static void build_masks(struct cpuid_table *t)
{
    const struct {
        uint32_t word, bit;
        uint64_t cr4;
    } rule[] = {
        {t->basic[1].edx,  1,  CR4_VME | CR4_PVI},
        { t->basic[1].edx, 2,  CR4_DE           },
        { t->basic[1].edx, 3,  CR4_PSE          },
        { t->basic[1].edx, 6,  CR4_PAE          },
        { t->basic[1].edx, 13, CR4_PGE          },
        { t->basic[1].edx, 24, CR4_OSFXSR       },
        { t->basic[1].edx, 25, CR4_OSXMMEXCPT   },
        { t->basic[1].ecx, 17, CR4_PCIDE        },
        { t->basic[1].ecx, 26, CR4_OSXSAVE      },
        { t->basic[7].ebx, 0,  CR4_FSGSBASE     },
        { t->basic[7].ebx, 7,  CR4_SMEP         },
        { t->basic[7].ebx, 20, CR4_SMAP         },
        { t->basic[7].ecx, 2,  CR4_UMIP         },
        { t->basic[7].ecx, 3,  CR4_PKE          },
    };

    t->cr4_mask = CR4_TSD | CR4_MCE | CR4_PCE;
    for (unsigned i = 0; i < ARRAY_SIZE(rule); i++) {
        t->cr4_mask |= rule[i].word & BIT32(rule[i].bit) ? rule[i].cr4 : 0;
    }
    t->efer_mask = t->ext[1].edx & BIT32(11) ? EFER_SCE : 0;
    t->efer_mask |= t->ext[1].edx & BIT32(20) ? EFER_NXE : 0;
    t->efer_mask |= t->ext[1].edx & BIT32(29) ? EFER_LME | EFER_LMA : 0;
}

void cpuid_build(struct cpuid_table *t, struct cpuid_regs (*read)(uint32_t leaf, uint32_t subleaf),
                 uint64_t tsc_hz)
{
    *t = (struct cpuid_table){ 0 };
    build_basic(t, read, tsc_hz);
    build_ext(t, read);
    build_xsave(t, read);
    build_masks(t);
    set_text(&t->hv[0], 0x40000001, "pxHV pxHV px");
    set_text(&t->kvm[0], 0x40000100 + CPUID_KVM_MAX, "KVMKVMKVM\0\0\0");
    t->kvm[1].eax = CPUID_KVM_CLOCK | CPUID_KVM_PV_EOI | CPUID_KVM_CLOCK_STABLE;
}

void cpuid_show_kvm_first(struct cpuid_table *t, uint64_t tsc_hz)
{
    enum { TIMING = 0x10, TSC_KHZ_HZ = 1000 };

    t->hv[0] = t->kvm[0];
    t->hv[0].eax = 0x40000000 + TIMING;
    t->hv[1] = t->kvm[1];
    t->hv[TIMING].eax = lo32(tsc_hz / TSC_KHZ_HZ);
}

void cpuid_hide_rdtscp(struct cpuid_table *t)
{
    t->ext[1].edx &= ~EXT1_EDX_RDTSCP;
    t->basic[7].ecx &= ~LEAF7_ECX_RDPID;
}

void cpuid_hide_invpcid(struct cpuid_table *t)
{
    t->basic[7].ebx &= ~LEAF7_EBX_INVPCID;
}

const struct cpuid_regs *cpuid_find(const struct cpuid_table *t, uint32_t leaf, uint32_t subleaf)
{
    static const struct cpuid_regs zero;

    if (leaf <= CPUID_BASIC_MAX) {
        switch (leaf) {
        case 4:
            return subleaf < ARRAY_SIZE(t->cache) ? &t->cache[subleaf] : &zero;
        case 7:
            return subleaf == 0 ? &t->basic[7] : &zero;
        case 0xb:
            return subleaf < ARRAY_SIZE(t->topology) ? &t->topology[subleaf] : &zero;
        case 0xd:
            return subleaf < CPUID_SUBLEAVES ? &t->xsave[subleaf] : &zero;
        default:
            return &t->basic[leaf];
        }
    }
    if (leaf - 0x80000000 <= CPUID_EXT_MAX) {
        return &t->ext[leaf - 0x80000000];
    }
    if (leaf - 0x40000000 <= CPUID_HV_MAX) {
        return &t->hv[leaf - 0x40000000];
    }
    if (leaf - 0x40000100 <= CPUID_KVM_MAX) {
        return &t->kvm[leaf - 0x40000100];
    }
    return &zero;
}

/* Bits that follow the vCPU's own state. */
static void add_dynamic(const struct vcpu *v, uint32_t leaf, uint32_t subleaf, struct cpuid_regs *r)
{
    if (leaf == 1) {
        r->ebx |= v->lapic.id << 24;
        r->ecx |= v->osxsave ? LEAF1_ECX_OSXSAVE : 0;
        r->edx |= v->lapic.base & BIT(11) ? LEAF1_EDX_APIC : 0;
    } else if (leaf == 7 && subleaf == 0) {
        r->ecx |= v->pke ? LEAF7_ECX_OSPKE : 0;
    } else if (leaf == 0xb) {
        r->edx = v->lapic.id;
        r->ecx = (r->ecx & 0xff00) | (subleaf & 0xff);
    } else if (leaf == 0xd && subleaf == 0 && v->vm->cpuid->xcr0_mask) {
        r->ebx = xsave_size(v->vm->cpuid, cpu_xgetbv0());
    }
}

/* Leaves with subleaves or with bits that follow the vCPU's state. */
#define LEAVES_NOT_PLAIN (BIT(1) | BIT(4) | BIT(7) | BIT(0xb) | BIT(0xd))

static void answer(uint64_t *gpr, const struct cpuid_regs *r)
{
    gpr[RAX] = r->eax;
    gpr[RBX] = r->ebx;
    gpr[RCX] = r->ecx;
    gpr[RDX] = r->edx;
}

static __attribute__((noinline)) enum exit_action answer_any(struct vcpu *v)
{
    uint32_t leaf = lo32(v->regs.gpr[RAX]);
    uint32_t subleaf = lo32(v->regs.gpr[RCX]);
    struct cpuid_regs r = *cpuid_find(v->vm->cpuid, leaf, subleaf);

    add_dynamic(v, leaf, subleaf, &r);
    answer(v->regs.gpr, &r);
    return ACT_ADVANCE;
}

enum exit_action on_cpuid(struct vcpu *v, struct vm_exit *x)
{
    uint32_t leaf = lo32(v->regs.gpr[RAX]);

    (void)x;
    if (leaf > CPUID_BASIC_MAX || (LEAVES_NOT_PLAIN >> leaf & 1)) {
        return answer_any(v);
    }
    answer(v->regs.gpr, &v->vm->cpuid->basic[leaf]);
    return ACT_ADVANCE;
}
