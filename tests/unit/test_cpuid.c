#include "hv/cpuid.h"
#include "hv/exit_table.h"
#include "hv/vcpu.h"
#include "hv/vm.h"
#include "unit.h"

#include <string.h>

/* A host whose CPUID the tests write: `fill` in every register of every leaf, but for the leaves
 * that they set. */
enum { SET_MAX = 24 };
static struct {
    uint32_t leaf, subleaf;
    struct cpuid_regs r;
} set[SET_MAX];
static unsigned set_count;
static uint32_t fill;

static struct cpuid_table t;
static uint64_t xcr0;

uint64_t cpu_xgetbv0(void)
{
    return xcr0;
}

static struct cpuid_regs host(uint32_t leaf, uint32_t subleaf)
{
    for (unsigned i = 0; i < set_count; i++) {
        if (set[i].leaf == leaf && set[i].subleaf == subleaf) {
            return set[i].r;
        }
    }
    return (struct cpuid_regs){ fill, fill, fill, fill };
}

static void say(uint32_t leaf, uint32_t subleaf, uint32_t eax, uint32_t ebx, uint32_t ecx,
                uint32_t edx)
{
    assert_true(set_count < SET_MAX);
    set[set_count].leaf = leaf;
    set[set_count].subleaf = subleaf;
    set[set_count++].r = (struct cpuid_regs){ eax, ebx, ecx, edx };
}

static void build(uint64_t hz)
{
    cpuid_build(&t, host, hz);
}

/* Every bit that there is. */
static int all_ones(void **state)
{
    (void)state;
    set_count = 0;
    fill = UINT32_MAX;
    build(2400000000);
    return 0;
}

/* The oldest CPU: no feature, and no leaf above 1 or 80000000h. */
static int nothing(void **state)
{
    (void)state;
    set_count = 0;
    fill = 0;
    say(0, 0, 1, 0x756e6547, 0x6c65746e, 0x49656e69);
    say(0x80000000, 0, 0x80000000, 0, 0, 0);
    build(1000000000);
    return 0;
}

static void assert_hidden(uint32_t word, const uint8_t *bit, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (word & BIT32(bit[i])) {
            fail_msg("bit %u shows", bit[i]);
        }
    }
}
#define HIDDEN(word, ...)                                                                          \
    assert_hidden(word, (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))

static void what_we_do_not_offer_is_hidden_on_a_cpu_with_everything(void **state)
{
    const struct cpuid_regs *seven = cpuid_find(&t, 7, 0);
    const struct cpuid_regs *ext = cpuid_find(&t, 0x80000001, 0);

    (void)state;
    /* DTES64 MONITOR DS-CPL VMX SMX EIST TM2 SDBG xTPR PDCM DCA OSXSAVE(own) */
    HIDDEN(cpuid_find(&t, 1, 0)->ecx, 2, 3, 4, 5, 6, 7, 8, 10, 11, 14, 15, 16, 18, 27);
    /* MCE APIC(own) MTRR MCA PSN DS ACPI HTT TM PBE */
    HIDDEN(cpuid_find(&t, 1, 0)->edx, 7, 9, 10, 12, 14, 18, 20, 21, 22, 28, 29, 30, 31);
    /* TSC_ADJUST SGX HLE RTM PQM MPX PQE PT and the FDP bits */
    HIDDEN(seven->ebx, 1, 2, 4, 6, 11, 12, 13, 14, 15, 22, 25, 27);
    /* WAITPKG SHSTK TME LA57 MAWAU KL bus-lock CLDEMOTE MOVDIR ENQCMD SGX_LC PKS OSPKE(own) */
    HIDDEN(seven->ecx, 0, 4, 5, 7, 13, 15, 16, 17, 18, 19, 20, 21, 23, 24, 25, 27, 28, 29, 30, 31);
    /* UINTR SRBDS HYBRID TSXLDTRK PCONFIG LBR IBT AMX SPEC_CTRL STIBP L1D_FLUSH ARCH_CAP CORE SSBD
     */
    HIDDEN(seven->edx, 5, 9, 11, 13, 15, 16, 18, 19, 20, 22, 24, 25, 26, 27, 28, 29, 30, 31);
    assert_int_equal(seven->eax, 0); /* no more subleaves */
    /* CMP SVM EXTAPIC CR8LEG OSVW IBS SKINIT WDT LWP TCE NODEID TOPO PERFCTR DBX PERFTSC MWAITX */
    HIDDEN(ext->ecx, 1, 2, 3, 4, 9, 10, 12, 13, 15, 17, 19, 22, 23, 24, 26, 27, 28, 29, 30, 31);
    /* MCE APIC MTRR MCA MP FFXSR: EFER.FFXSR is refused */
    HIDDEN(ext->edx, 7, 9, 10, 12, 14, 18, 19, 21, 25, 28);
}

static void leaves_of_power_performance_and_tracing_are_empty(void **state)
{
    static const struct cpuid_regs zero;
    static const uint32_t leaf[] = { 3,    5,    8,    9,          0xa,       0xc,  0xe,
                                     0xf,  0x10, 0x11, 0x12,       0x13,      0x14, 0x17,
                                     0x18, 0x1f, 0x20, 0x3fffffff, 0xffffffff };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(leaf); i++) {
        assert_memory_equal(cpuid_find(&t, leaf[i], 0), &zero, sizeof zero);
    }
    assert_int_equal(cpuid_find(&t, 6, 0)->eax, BIT32(2)); /* ARAT and nothing else */
    assert_int_equal(cpuid_find(&t, 6, 0)->ecx, 0);
    assert_int_equal(cpuid_find(&t, 0x80000007, 0)->eax, 0);
    assert_int_equal(cpuid_find(&t, 0x80000007, 0)->edx, BIT32(8)); /* invariant TSC */
    assert_int_equal(cpuid_find(&t, 0x80000008, 0)->eax, 0xffff);
    assert_int_equal(cpuid_find(&t, 0x80000008, 0)->ebx, 0);
}

static void leaves_end_where_the_table_says(void **state)
{
    static const struct cpuid_regs zero;

    (void)state;
    assert_int_equal(cpuid_find(&t, 0, 0)->eax, CPUID_BASIC_MAX);
    assert_int_equal(cpuid_find(&t, 0x80000000, 0)->eax, 0x80000008);
    assert_int_equal(cpuid_find(&t, 0x40000000, 0)->eax, 0x40000001);
    assert_int_equal(cpuid_find(&t, 0x40000100, 0)->eax, 0x40000101);
    assert_memory_equal(cpuid_find(&t, 0x80000009, 0), &zero, sizeof zero);
    assert_memory_equal(cpuid_find(&t, 0x40000002, 0), &zero, sizeof zero);
    assert_memory_equal(cpuid_find(&t, 0x40000102, 0), &zero, sizeof zero);
    for (uint32_t leaf = 4; leaf <= 0xd; leaf++) {
        if (leaf == 4 || leaf == 7 || leaf == 0xb || leaf == 0xd) {
            assert_memory_equal(cpuid_find(&t, leaf, 32), &zero, sizeof zero);
            assert_memory_equal(cpuid_find(&t, leaf, UINT32_MAX), &zero, sizeof zero);
        }
    }
    assert_memory_equal(cpuid_find(&t, 7, 1), &zero, sizeof zero);
}

static void assert_always_there(void)
{
    uint32_t ecx = cpuid_find(&t, 1, 0)->ecx;

    assert_true(ecx & BIT32(21)); /* x2APIC */
    assert_true(ecx & BIT32(24)); /* TSC deadline */
    assert_true(ecx & BIT32(31)); /* a hypervisor */
    assert_memory_equal(&cpuid_find(&t, 0x40000100, 0)->ebx, "KVMK", 4);
    assert_memory_equal(&cpuid_find(&t, 0x40000000, 0)->ebx, "pxHV", 4);
    /* PV EOI, the clock, the clock's flag that it is stable, and nothing else */
    assert_int_equal(cpuid_find(&t, 0x40000101, 0)->eax, BIT32(3) | BIT32(6) | BIT32(24));
}

static void what_we_bring_ourselves_is_there_on_every_cpu(void **state)
{
    all_ones(state);
    assert_always_there();
    nothing(state);
    assert_always_there();
}

static void a_cpu_without_anything_gives_a_guest_without_anything(void **state)
{
    (void)state;
    assert_memory_equal(&cpuid_find(&t, 0, 0)->ebx, "Genu", 4);
    assert_int_equal(cpuid_find(&t, 1, 0)->edx, 0);
    assert_int_equal(cpuid_find(&t, 7, 0)->ebx, 0);
    assert_int_equal(cpuid_find(&t, 4, 0)->eax, 0);
    assert_int_equal(cpuid_find(&t, 0x80000001, 0)->edx, 0);
    assert_int_equal(cpuid_find(&t, 0x80000008, 0)->eax, 36 | 48 << 8); /* what such CPUs have */
    assert_int_equal(t.xcr0_mask, 0);
    assert_true(t.cr4_mask == (CR4_TSD | CR4_MCE | CR4_PCE));
    assert_int_equal(t.efer_mask, 0);
}

/* A host leaf is read only if the host has it: above its limit CPUID answers with other data. */
static void leaves_above_the_hosts_limit_are_not_read(void **state)
{
    (void)state;
    set_count = 0;
    fill = UINT32_MAX;
    say(0, 0, 3, 0, 0, 0);
    say(0x80000000, 0, 0x80000004, 0, 0, 0);
    build(1000000000);
    assert_int_equal(cpuid_find(&t, 4, 0)->eax, 0);
    assert_int_equal(cpuid_find(&t, 7, 0)->ebx, 0);
    assert_int_equal(cpuid_find(&t, 0xd, 0)->eax, 0);
    assert_int_equal(t.xcr0_mask, 0);
    assert_int_equal(cpuid_find(&t, 0x80000004, 0)->edx, UINT32_MAX);
    assert_int_equal(cpuid_find(&t, 0x80000005, 0)->edx, 0);
    assert_int_equal(cpuid_find(&t, 0x80000007, 0)->edx, 0);
    assert_int_equal(cpuid_find(&t, 0x80000008, 0)->eax, 36 | 48 << 8);
}

static void masks_follow_the_bits_one_by_one(void **state)
{
    static const struct {
        uint32_t leaf;
        unsigned reg, bit; /* register: 1 EBX, 2 ECX, 3 EDX */
        uint64_t cr4, efer;
    } rule[] = {
        {1,           3, 1,  CR4_VME | CR4_PVI, 0                  },
        { 1,          3, 2,  CR4_DE,            0                  },
        { 1,          3, 3,  CR4_PSE,           0                  },
        { 1,          3, 6,  CR4_PAE,           0                  },
        { 1,          3, 13, CR4_PGE,           0                  },
        { 1,          3, 24, CR4_OSFXSR,        0                  },
        { 1,          3, 25, CR4_OSXMMEXCPT,    0                  },
        { 1,          2, 17, CR4_PCIDE,         0                  },
        { 1,          2, 26, CR4_OSXSAVE,       0                  },
        { 7,          1, 0,  CR4_FSGSBASE,      0                  },
        { 7,          1, 7,  CR4_SMEP,          0                  },
        { 7,          1, 20, CR4_SMAP,          0                  },
        { 7,          2, 2,  CR4_UMIP,          0                  },
        { 7,          2, 3,  CR4_PKE,           0                  },
        { 0x80000001, 3, 11, 0,                 EFER_SCE           },
        { 0x80000001, 3, 20, 0,                 EFER_NXE           },
        { 0x80000001, 3, 29, 0,                 EFER_LME | EFER_LMA},
    };

    (void)state;
    fill = 0;
    for (unsigned i = 0; i < ARRAY_SIZE(rule); i++) {
        uint32_t r[4] = { 0 };

        r[rule[i].reg] = BIT32(rule[i].bit);
        set_count = 0;
        say(0, 0, 0x16, 0, 0, 0);
        say(0x80000000, 0, 0x80000008, 0, 0, 0);
        say(rule[i].leaf, 0, 0, r[1], r[2], r[3]);
        build(1000000000);
        assert_true(t.cr4_mask == (CR4_TSD | CR4_MCE | CR4_PCE | rule[i].cr4));
        assert_true(t.efer_mask == rule[i].efer);
    }
}

static void no_mask_allows_what_cpuid_hides(void **state)
{
    (void)state;
    assert_true(t.cr4_mask & CR4_SMAP);
    assert_false(t.cr4_mask & (CR4_VMXE | CR4_SMXE | CR4_LA57 | CR4_CET | CR4_PKS));
    assert_true(t.efer_mask == (EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE));
    assert_true(t.xcr0_mask == 0x2e7);
}

static void assert_one_bit_less(const struct cpuid_regs *was, uint32_t leaf, uint32_t subleaf,
                                uint32_t eax, uint32_t ebx, uint32_t ecx, uint32_t edx)
{
    const struct cpuid_regs *r = cpuid_find(&t, leaf, subleaf);

    assert_int_equal(was->eax ^ r->eax, eax);
    assert_int_equal(was->ebx ^ r->ebx, ebx);
    assert_int_equal(was->ecx ^ r->ecx, ecx);
    assert_int_equal(was->edx ^ r->edx, edx);
}

static void what_a_backend_cannot_turn_on_is_hidden(void **state)
{
    struct cpuid_table was = t;

    (void)state;
    cpuid_hide_rdtscp(&t);
    cpuid_hide_invpcid(&t);
    assert_one_bit_less(&was.ext[1], 0x80000001, 0, 0, 0, 0, BIT32(27)); /* RDTSCP */
    assert_one_bit_less(&was.basic[7], 7, 0, 0, BIT32(10) /* INVPCID */, BIT32(22) /* RDPID */, 0);
    assert_memory_equal(&was.basic[1], &t.basic[1], sizeof t.basic[1]);
    was = t;
    cpuid_hide_rdtscp(&t); /* what is hidden stays so */
    cpuid_hide_invpcid(&t);
    assert_memory_equal(&was, &t, sizeof t);
}

static void the_guests_cpu_is_alone_in_its_package(void **state)
{
    (void)state;
    set_count = 0;
    fill = 0;
    say(0, 0, 0x16, 0, 0, 0);
    say(1, 0, 0x806f8, 0x1f400800, 0, BIT32(28));
    say(4, 0, 0xfc01c121, 0x02c0003f, 63, 0);
    say(4, 1, 0, 1, 1, 1);
    build(1000000000);
    assert_int_equal(cpuid_find(&t, 1, 0)->eax, 0x806f8);
    assert_int_equal(cpuid_find(&t, 1, 0)->ebx, 0x00010800); /* CLFLUSH size stays */
    assert_int_equal(cpuid_find(&t, 4, 0)->eax, 0x121 & 0x3fff);
    assert_int_equal(cpuid_find(&t, 4, 0)->ebx, 0x02c0003f);
    assert_int_equal(cpuid_find(&t, 4, 1)->ebx, 0); /* the list ends here */
    assert_int_equal(cpuid_find(&t, 0xb, 0)->ebx, 1);
    assert_int_equal(cpuid_find(&t, 0xb, 1)->ebx, 1);
}

/* Leaf 15h: crystal rate times ratio, with a rate of 32 bits. */
static void the_tsc_rate_is_told_also_above_4_29_ghz(void **state)
{
    static const uint64_t hz[] = { 1000000,
                                   2400000000,
                                   4294967295,
                                   UINT64_C(4294967296),
                                   UINT64_C(5700000000),
                                   UINT64_C(9000000000) };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(hz); i++) {
        const struct cpuid_regs *r = cpuid_find(&t, 0x15, 0);
        uint64_t told;

        build(hz[i]);
        told = (uint64_t)r->ecx * r->ebx / r->eax;
        assert_true(told <= hz[i] && hz[i] - told < r->ebx);
        assert_true(hz[i] > UINT32_MAX || (told == hz[i] && r->ebx == 1));
        assert_int_equal(cpuid_find(&t, 0x16, 0)->eax, hz[i] / 1000000);
    }
}

static struct vm vm;
static struct vcpu vcpu;

static void ask(uint32_t leaf, uint32_t subleaf)
{
    for (unsigned i = 0; i < GPR_COUNT; i++) {
        vcpu.regs.gpr[i] = UINT64_MAX;
    }
    vcpu.regs.gpr[RAX] = make64(0xdead, leaf);
    vcpu.regs.gpr[RCX] = make64(0xdead, subleaf);
    assert_int_equal(on_cpuid(&vcpu, &vcpu.exit), ACT_ADVANCE);
    assert_int_equal(hi32(vcpu.regs.gpr[RAX]) | hi32(vcpu.regs.gpr[RBX]) |
                         hi32(vcpu.regs.gpr[RCX]) | hi32(vcpu.regs.gpr[RDX]),
                     0);
    assert_true(vcpu.regs.gpr[RSI] == UINT64_MAX);
}

/* AVX at 576, AVX-512's three behind a gap, PKRU at the end and not aligned to 64. */
static int with_xsave(void **state)
{
    (void)state;
    set_count = 0;
    fill = 0;
    say(0, 0, 0x16, 0, 0, 0);
    say(1, 0, 0, 0, BIT32(26), 0);
    say(0xd, 0, 0x602e7, 2440, 11008, 0); /* AMX too, which we hide */
    say(0xd, 1, 0x1f, 0, 0x1900, 0);
    say(0xd, 2, 256, 576, 0, 0);
    say(0xd, 5, 64, 1088, 0, 0);
    say(0xd, 6, 512, 1152, 2, 0);
    say(0xd, 7, 1024, 1664, 2, 0);
    say(0xd, 9, 8, 2688, 0, 0);
    say(0xd, 17, 64, 2752, 2, 0);
    say(0xd, 18, 8192, 2816, 6, 0);
    build(1000000000);
    memset(&vm, 0, sizeof vm);
    memset(&vcpu, 0, sizeof vcpu);
    vm.cpuid = &t;
    vcpu.vm = &vm;
    xcr0 = 1;
    return 0;
}

static void xsave_offers_what_we_allow_and_its_size(void **state)
{
    (void)state;
    assert_true(t.xcr0_mask == 0x2e7);
    ask(0xd, 0);
    assert_int_equal(vcpu.regs.gpr[RAX], 0x2e7);
    assert_int_equal(vcpu.regs.gpr[RCX], 2696); /* to the end of PKRU, without AMX */
    assert_int_equal(vcpu.regs.gpr[RDX], 0);
    ask(0xd, 1);
    /* XSAVEOPT, XGETBV 1: no compacted format, no supervisor state, no XFD */
    assert_int_equal(vcpu.regs.gpr[RAX], 5);
    assert_int_equal(vcpu.regs.gpr[RBX], 0);
    assert_int_equal(vcpu.regs.gpr[RCX], 0);
    ask(0xd, 2);
    assert_int_equal(vcpu.regs.gpr[RAX], 256);
    assert_int_equal(vcpu.regs.gpr[RBX], 576);
    ask(0xd, 18);
    assert_int_equal(vcpu.regs.gpr[RAX], 0);
}

static void the_xsave_size_follows_xcr0(void **state)
{
    static const struct {
        uint32_t xcr0, size;
    } row[] = {
        {0x1,    576 },
        { 0x3,   576 },
        { 0x7,   832 },
        { 0x207, 2696},
        { 0xe7,  2688},
        { 0x2e7, 2696}
    };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(row); i++) {
        xcr0 = row[i].xcr0;
        ask(0xd, 0);
        assert_int_equal(vcpu.regs.gpr[RBX], row[i].size);
        assert_int_equal(vcpu.regs.gpr[RCX], 2696);
    }
}

static void some_bits_follow_the_vcpu(void **state)
{
    (void)state;
    vcpu.lapic.id = 5;
    ask(1, 0);
    assert_int_equal(vcpu.regs.gpr[RBX] >> 24, 5);
    assert_false(vcpu.regs.gpr[RCX] & BIT(27));
    assert_false(vcpu.regs.gpr[RDX] & BIT(9));
    vcpu.osxsave = vcpu.pke = true;
    vcpu.lapic.base = BIT(11);
    ask(1, 0);
    assert_true(vcpu.regs.gpr[RCX] & BIT(27));
    assert_true(vcpu.regs.gpr[RDX] & BIT(9));
    ask(7, 0);
    assert_true(vcpu.regs.gpr[RCX] & BIT(4));
    ask(7, 1);
    assert_int_equal(vcpu.regs.gpr[RCX], 0);
    ask(0xb, 1);
    assert_int_equal(vcpu.regs.gpr[RCX], 0x201);
    assert_int_equal(vcpu.regs.gpr[RDX], 5);
    ask(0xb, 0x105);
    assert_int_equal(vcpu.regs.gpr[RCX], 5); /* no such level: type 0, and the number again */
    assert_int_equal(vcpu.regs.gpr[RDX], 5);
}

static void every_leaf_is_answered(void **state)
{
    static const uint32_t from[] = { 0, 0x3ffffff0, 0x400000f0, 0x7ffffff0, 0xfffffff0 };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(from); i++) {
        for (uint32_t k = 0; k < 0x30; k++) {
            ask(from[i] + k, 0);
            ask(from[i] + k, UINT32_MAX);
        }
    }
    ask(0x15, 0);
    assert_int_equal(vcpu.regs.gpr[RCX], 1000000000);
    ask(0x40000000, 0);
    assert_int_equal(vcpu.regs.gpr[RAX], 0x40000001);
}

/* SeaBIOS looks nowhere else. */
static void a_bios_finds_kvm_first_and_the_tscs_rate(void **state)
{
    const struct cpuid_regs *first;

    (void)state;
    cpuid_show_kvm_first(&t, UINT64_C(2345678901));
    first = cpuid_find(&t, 0x40000000, 0);
    assert_int_equal(first->eax, 0x40000010);
    assert_memory_equal(&first->ebx, "KVMKVMKVM\0\0\0", 12);
    assert_int_equal(cpuid_find(&t, 0x40000001, 0)->eax, cpuid_find(&t, 0x40000101, 0)->eax);
    assert_int_equal(cpuid_find(&t, 0x40000010, 0)->eax, 2345678);
    assert_int_equal(cpuid_find(&t, 0x40000011, 0)->eax, 0);
    assert_memory_equal(&cpuid_find(&t, 0x40000100, 0)->ebx, "KVMKVMKVM\0\0\0", 12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_bios_finds_kvm_first_and_the_tscs_rate, all_ones),
        cmocka_unit_test_setup(what_we_do_not_offer_is_hidden_on_a_cpu_with_everything, all_ones),
        cmocka_unit_test_setup(leaves_of_power_performance_and_tracing_are_empty, all_ones),
        cmocka_unit_test_setup(leaves_end_where_the_table_says, all_ones),
        cmocka_unit_test(what_we_bring_ourselves_is_there_on_every_cpu),
        cmocka_unit_test_setup(a_cpu_without_anything_gives_a_guest_without_anything, nothing),
        cmocka_unit_test(leaves_above_the_hosts_limit_are_not_read),
        cmocka_unit_test(masks_follow_the_bits_one_by_one),
        cmocka_unit_test_setup(no_mask_allows_what_cpuid_hides, all_ones),
        cmocka_unit_test_setup(what_a_backend_cannot_turn_on_is_hidden, all_ones),
        cmocka_unit_test(the_guests_cpu_is_alone_in_its_package),
        cmocka_unit_test_setup(the_tsc_rate_is_told_also_above_4_29_ghz, nothing),
        cmocka_unit_test_setup(xsave_offers_what_we_allow_and_its_size, with_xsave),
        cmocka_unit_test_setup(the_xsave_size_follows_xcr0, with_xsave),
        cmocka_unit_test_setup(some_bits_follow_the_vcpu, with_xsave),
        cmocka_unit_test_setup(every_leaf_is_answered, with_xsave),
    };
    return cmocka_run_group_tests_name("cpuid", tests, NULL, NULL);
}
