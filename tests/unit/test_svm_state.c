#include "arch/x86_64/msr.h"
#include "arch/x86_64/percpu.h"
#include "hv/vm.h"
#include "svm/svm.h"
#include "svm/svm_check.h"
#include "svm/svm_exit.h"
#include "unit.h"
#include <string.h>

enum { ATTR_DATA = 0x93, ATTR_LDT = 0x82, ATTR_TSS = 0x8b };
#define CLEAN_ALL UINT64_C(0x3ff)
#define UNUSABLE  SEG_ATTR_UNUSABLE

struct svm_machine svm_machine;
static _Alignas(4096) struct vmcb vmcb;
static struct vm vm;
static struct vcpu vcpu;

/* The CPU's own registers. */
static struct {
    uint64_t pat, cr2;
    unsigned forgotten;
} cpu;

void msr_write(uint32_t msr, uint64_t v)
{
    assert_int_equal(msr, MSR_PAT);
    cpu.pat = v;
}

void cpu_write_cr2(uint64_t v)
{
    cpu.cr2 = v;
}

void cpu_forget_guest(void)
{
    cpu.forgotten++;
}

static int setup(void **state)
{
    (void)state;
    memset(&vmcb, 0, sizeof vmcb);
    memset(&vm, 0, sizeof vm);
    memset(&vcpu, 0, sizeof vcpu);
    memset(&cpu, 0, sizeof cpu);
    svm_machine = (struct svm_machine){
        .flush = VMCB_TLB_FLUSH_GUEST, .clean = CLEAN_ALL, .iopm = { 0x11000 }, .msrpm = { 0x15000 }
    };
    vm.npt.root = HPA(0x23000);
    vcpu.vm = &vm;
    vcpu.id = 4;
    svm_of(&vcpu)->vmcb = &vmcb;
    vmcb.clean = CLEAN_ALL;
    return 0;
}

/* hv/ keeps VMX's layout of the attributes; the VMCB has them without the gap. */
static const struct {
    uint32_t attr;
    uint16_t in_vmcb;
} attrs[] = {
    {0x009b,    0x09b}, /* 16-bit code */
    { 0xc09b,   0xc9b}, /* 32-bit: G and D/B */
    { 0xa09b,   0xa9b}, /* 64-bit: G and L */
    { 0x10fb,   0x1fb}, /* AVL, DPL 3 */
    { 0x4093,   0x493}, /* D/B only */
    { 0x8093,   0x893}, /* G only */
    { UNUSABLE, 0    },
};

static void attributes_are_the_same_both_ways(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(attrs); i++) {
        struct vcpu_segs segs = { 0 };

        segs.seg[SEG_DS].attr = attrs[i].attr;
        svm_set_segs(&vcpu, &segs);
        assert_int_equal(vmcb.ds.attr, attrs[i].in_vmcb);
        memset(&segs, 0, sizeof segs);
        svm_get_segs(&vcpu, &segs);
        assert_int_equal(segs.seg[SEG_DS].attr, attrs[i].attr);
    }
}

static void a_segment_that_cannot_be_used_is_not_present(void **state)
{
    struct vcpu_segs segs = { 0 };

    (void)state;
    segs.seg[SEG_FS].attr = UNUSABLE | 0xc0f3;
    svm_set_segs(&vcpu, &segs);
    assert_int_equal(vmcb.fs.attr, 0);
    vmcb.fs.attr = 0xc73; /* loaded from a descriptor whose P is clear */
    svm_get_segs(&vcpu, &segs);
    assert_int_equal(segs.seg[SEG_FS].attr, UNUSABLE | 0xc073);
}

static const struct vmcb_seg *field_of(enum seg seg)
{
    static const uint16_t offset[SEG_COUNT] = {
        [SEG_ES] = 0x400, [SEG_CS] = 0x410, [SEG_SS] = 0x420,   [SEG_DS] = 0x430,
        [SEG_FS] = 0x440, [SEG_GS] = 0x450, [SEG_LDTR] = 0x470, [SEG_TR] = 0x490,
    };

    return (const struct vmcb_seg *)(const void *)((const uint8_t *)&vmcb + offset[seg]);
}

static void each_segment_has_its_place(void **state)
{
    struct vcpu_segs segs = {
        .gdtr = {.limit = 0x7f,   .base = UINT64_C(0xffff800000001000)},
        .idtr = { .limit = 0xfff, .base = UINT64_C(0xffff800000002000)}
    };
    struct vcpu_segs got;

    (void)state;
    for (unsigned i = 0; i < SEG_COUNT; i++) {
        segs.seg[i] = (struct segment){ .sel = (uint16_t)(8 + 8 * i),
                                        .limit = 0xfff00000 + i,
                                        .base = UINT64_C(0xffff900000000000) + i,
                                        .attr = i == SEG_TR ? ATTR_TSS : ATTR_DATA | 0x4000 };
    }
    svm_set_segs(&vcpu, &segs);
    for (unsigned i = 0; i < SEG_COUNT; i++) {
        assert_int_equal(field_of(i)->sel, segs.seg[i].sel);
        assert_int_equal(field_of(i)->limit, segs.seg[i].limit);
        assert_int_equal(field_of(i)->base, segs.seg[i].base);
        assert_int_equal(field_of(i)->attr, i == SEG_TR ? 0x08b : 0x493);
    }
    assert_int_equal(vmcb.gdtr.limit, 0x7f);
    assert_int_equal(vmcb.gdtr.base, segs.gdtr.base);
    assert_int_equal(vmcb.idtr.limit, 0xfff);
    assert_int_equal(vmcb.idtr.base, segs.idtr.base);
    assert_int_equal(vmcb.clean, CLEAN_ALL & ~(VMCB_CLEAN_SEG | VMCB_CLEAN_DT));
    memset(&got, 0xff, sizeof got);
    svm_get_segs(&vcpu, &got);
    for (unsigned i = 0; i < SEG_COUNT; i++) {
        assert_int_equal(got.seg[i].sel, segs.seg[i].sel);
        assert_int_equal(got.seg[i].limit, segs.seg[i].limit);
        assert_int_equal(got.seg[i].base, segs.seg[i].base);
        assert_int_equal(got.seg[i].attr, segs.seg[i].attr);
    }
    assert_int_equal(got.gdtr.limit, 0x7f);
    assert_int_equal(got.gdtr.base, segs.gdtr.base);
    assert_int_equal(got.idtr.limit, 0xfff);
    assert_int_equal(got.idtr.base, segs.idtr.base);
}

/* The privilege level is the DPL of SS to hv/, a field of its own to the CPU: also when SS is null,
 * as in 64-bit mode. */
static void the_privilege_level_is_in_ss(void **state)
{
    (void)state;
    for (uint32_t cpl = 0; cpl < 4; cpl++) {
        uint32_t attr[] = { ATTR_DATA | 0xc000 | cpl << 5, UNUSABLE | cpl << 5 };

        for (unsigned i = 0; i < ARRAY_SIZE(attr); i++) {
            struct vcpu_segs segs = { 0 };

            segs.seg[SEG_SS].attr = attr[i];
            svm_set_segs(&vcpu, &segs);
            assert_int_equal(vmcb.cpl, cpl);
            svm_get_segs(&vcpu, &segs);
            assert_int_equal(segs.seg[SEG_SS].attr, attr[i]);
            vmcb.cpl = 3 - (uint8_t)cpl; /* what the CPU left counts */
            svm_get_segs(&vcpu, &segs);
            assert_int_equal(bits(segs.seg[SEG_SS].attr, 6, 5), 3 - cpl);
        }
    }
}

static void a_task_segment_in_use_is_busy(void **state)
{
    struct vcpu_segs segs;

    (void)state;
    vmcb.tr.attr = 0x089;
    svm_get_segs(&vcpu, &segs);
    assert_int_equal(segs.seg[SEG_TR].attr, 0x8b);
    vmcb.ldtr.attr = ATTR_LDT & ~2u;
    svm_get_segs(&vcpu, &segs);
    assert_int_equal(segs.seg[SEG_LDTR].attr, ATTR_LDT & ~2u);
}

static void set_crs(struct vcpu_crs crs)
{
    struct vcpu_crs got = { 0 };

    vmcb.clean = CLEAN_ALL;
    vmcb.tlb_control = VMCB_TLB_KEEP;
    svm_set_crs(&vcpu, &crs);
    svm_get_crs(&vcpu, &got);
    assert_int_equal(got.cr0, crs.cr0);
    assert_int_equal(got.cr3, crs.cr3);
    assert_int_equal(got.cr4, crs.cr4);
    assert_int_equal(got.efer, crs.efer);
    assert_int_equal(vmcb.cr0, crs.cr0);
    assert_int_equal(vmcb.cr3, crs.cr3);
    assert_int_equal(vmcb.clean, CLEAN_ALL & ~VMCB_CLEAN_CR);
    assert_int_equal(vmcb.tlb_control, svm_machine.flush);
}

static void lme_is_hidden_from_the_cpu_until_paging_is_on(void **state)
{
    const uint64_t cr0 = CR0_PE | CR0_ET;

    (void)state;
    set_crs((struct vcpu_crs){ .cr0 = cr0, .cr4 = CR4_PAE, .efer = EFER_LME | EFER_SCE });
    assert_int_equal(vmcb.efer, EFER_SVME | EFER_SCE);
    set_crs((struct vcpu_crs){ .cr0 = cr0 | CR0_PG,
                               .cr3 = 0x1000,
                               .cr4 = CR4_PAE,
                               .efer = EFER_LME | EFER_LMA | EFER_SCE });
    assert_int_equal(vmcb.efer, EFER_SVME | EFER_SCE | EFER_LME | EFER_LMA);
    set_crs((struct vcpu_crs){ .cr0 = cr0, .cr3 = 0x1000, .cr4 = CR4_PAE, .efer = EFER_LME });
    assert_int_equal(vmcb.efer, EFER_SVME);
}

static void machine_checks_are_on_in_hardware_only(void **state)
{
    (void)state;
    set_crs((struct vcpu_crs){ .cr0 = CR0_ET, .cr4 = CR4_PSE });
    assert_int_equal(vmcb.cr4, CR4_PSE | CR4_MCE);
    set_crs((struct vcpu_crs){ .cr0 = CR0_ET, .cr4 = CR4_MCE });
    assert_int_equal(vmcb.cr4, CR4_MCE);
}

static void svme_is_never_shown(void **state)
{
    struct vcpu_crs crs;

    (void)state;
    svm_init_vmcb(&vcpu);
    svm_get_crs(&vcpu, &crs);
    assert_int_equal(crs.efer, 0);
    set_crs((struct vcpu_crs){ .cr0 = CR0_ET, .efer = EFER_NXE });
    assert_int_equal(vmcb.efer, EFER_SVME | EFER_NXE);
}

/* CR0.TS and MP, and CR3, change without an exit. */
static void what_the_guest_changes_by_itself_is_read_from_the_vmcb(void **state)
{
    struct vcpu_crs crs;

    (void)state;
    set_crs((struct vcpu_crs){ .cr0 = CR0_ET | CR0_PE, .cr3 = 0x1000 });
    vmcb.cr0 |= CR0_TS;
    vmcb.cr3 = 0x7000;
    svm_get_crs(&vcpu, &crs);
    assert_int_equal(crs.cr0, CR0_ET | CR0_PE | CR0_TS);
    assert_int_equal(crs.cr3, 0x7000);
}

static void the_tlb_command_is_the_one_of_the_machine(void **state)
{
    (void)state;
    svm_machine.flush = VMCB_TLB_FLUSH_ALL;
    set_crs((struct vcpu_crs){ .cr0 = CR0_ET });
    vmcb.tlb_control = VMCB_TLB_KEEP;
    svm_init_vmcb(&vcpu);
    assert_int_equal(vmcb.tlb_control, VMCB_TLB_FLUSH_ALL);
}

static void cr2_goes_to_the_vmcb_and_the_register(void **state)
{
    (void)state;
    svm_set_cr2(&vcpu, UINT64_C(0xffff800012345678));
    assert_int_equal(vmcb.cr2, UINT64_C(0xffff800012345678));
    assert_int_equal(cpu.cr2, UINT64_C(0xffff800012345678));
    assert_int_equal(vmcb.clean, CLEAN_ALL & ~VMCB_CLEAN_CR2);
}

/* The vectors of intercepts lie in the order of the exit codes, from the first bit of the VMCB. */
static void intercepts_are_what_the_table_of_exits_says(void **state)
{
    enum { INTERCEPT_BITS = 0x24 * 8 };
    const uint8_t *word = (const uint8_t *)&vmcb;

    (void)state;
    svm_init_vmcb(&vcpu);
    for (unsigned code = 0; code < INTERCEPT_BITS; code++) {
        const struct svm_exit_row *row = svm_exit_row(code);
        bool wanted = row->kind != EXIT_UNKNOWN && !row->on_demand;

        assert_int_equal(word[code / 8] >> code % 8 & 1, wanted);
    }
    assert_int_equal(vmcb.cr_reads, BIT32(4) | BIT32(8));
    assert_int_equal(vmcb.cr_writes, BIT32(4) | BIT32(8));
    assert_int_equal(vmcb.exceptions, BIT32(18));
    assert_true(vmcb.intercepts[1] & 1); /* VMRUN, without which VMRUN fails */
}

static void what_is_on_demand_is_not_intercepted_at_first(void **state)
{
    enum { INTERCEPT_BITS = 0x24 * 8 };
    const uint8_t *word = (const uint8_t *)&vmcb;

    (void)state;
    svm_init_vmcb(&vcpu);
    for (unsigned code = 0; code < INTERCEPT_BITS; code++) {
        if (svm_exit_row(code)->on_demand) {
            assert_false(word[code / 8] >> code % 8 & 1);
        }
    }
}

static void a_new_vcpu_has_its_initial_values(void **state)
{
    (void)state;
    svm_init_vmcb(&vcpu);
    assert_int_equal(vmcb.iopm, 0x11000);
    assert_int_equal(vmcb.msrpm, 0x15000);
    assert_int_equal(vmcb.asid, 5);
    assert_int_equal(vmcb.tlb_control, VMCB_TLB_FLUSH_GUEST);
    assert_int_equal(svm_of(&vcpu)->vintr, BIT(24));
    assert_int_equal(vmcb.nested_ctl, 1);
    assert_int_equal(vmcb.nested_cr3, 0x23000);
    assert_int_equal(vmcb.efer, EFER_SVME);
    assert_int_equal(vmcb.dr6, 0xffff0ff0);
    assert_int_equal(vmcb.dr7, 0x400);
    assert_int_equal(vmcb.pat, UINT64_C(0x0007040600070406));
    assert_true(vcpu.regs_loaded);
    assert_int_equal(svm_of(&vcpu)->nmi, SVM_NMI_OPEN);
}

static void nothing_of_the_last_guest_is_left(void **state)
{
    (void)state;
    cpu.pat = 0x666;
    svm_init_vmcb(&vcpu);
    assert_int_equal(cpu.pat, UINT64_C(0x0007040600070406));
    assert_int_equal(cpu.forgotten, 1);
}

/* On the way into long mode and back. */
static void vmrun_takes_what_is_made_here(void **state)
{
    static const struct vcpu_crs way[] = {
        {.cr0 = CR0_ET          },
        {                                   .cr0 = CR0_ET | CR0_PE         },
        { .cr0 = CR0_ET | CR0_PE,                        .cr3 = 0x1000, .cr4 = 0, .efer = EFER_LME },
        {                                  .cr0 = CR0_ET | CR0_PE,             .cr3 = 0x1000, .cr4 = CR4_PAE, .efer = EFER_LME },
        {                                        .cr0 = CR0_ET | CR0_PE | CR0_PG,
         .cr3 = 0x1000,
         .cr4 = CR4_PAE,
         .efer = EFER_LME | EFER_LMA },
        {                                 .cr0 = CR0_ET | CR0_PE,                                                               .cr3 = 0x1000, .cr4 = CR4_PAE, .efer = EFER_LME },
        {                     .cr0 = CR0_ET | CR0_PE,.cr3 = 0x1000, .efer = 0 },
    };
    const char *broken[4];

    (void)state;
    svm_init_vmcb(&vcpu);
    for (unsigned i = 0; i < ARRAY_SIZE(way); i++) {
        set_crs(way[i]);
        assert_int_equal(svm_check(&vmcb, 40, broken, ARRAY_SIZE(broken)), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(attributes_are_the_same_both_ways, setup),
        cmocka_unit_test_setup(a_segment_that_cannot_be_used_is_not_present, setup),
        cmocka_unit_test_setup(each_segment_has_its_place, setup),
        cmocka_unit_test_setup(the_privilege_level_is_in_ss, setup),
        cmocka_unit_test_setup(a_task_segment_in_use_is_busy, setup),
        cmocka_unit_test_setup(lme_is_hidden_from_the_cpu_until_paging_is_on, setup),
        cmocka_unit_test_setup(machine_checks_are_on_in_hardware_only, setup),
        cmocka_unit_test_setup(svme_is_never_shown, setup),
        cmocka_unit_test_setup(what_the_guest_changes_by_itself_is_read_from_the_vmcb, setup),
        cmocka_unit_test_setup(the_tlb_command_is_the_one_of_the_machine, setup),
        cmocka_unit_test_setup(cr2_goes_to_the_vmcb_and_the_register, setup),
        cmocka_unit_test_setup(intercepts_are_what_the_table_of_exits_says, setup),
        cmocka_unit_test_setup(what_is_on_demand_is_not_intercepted_at_first, setup),
        cmocka_unit_test_setup(a_new_vcpu_has_its_initial_values, setup),
        cmocka_unit_test_setup(nothing_of_the_last_guest_is_left, setup),
        cmocka_unit_test_setup(vmrun_takes_what_is_made_here, setup),
    };
    return cmocka_run_group_tests_name("svm_state", tests, NULL, NULL);
}
