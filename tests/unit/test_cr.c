#include "hv/cr.h"
#include "hv/exit_table.h"
#include "vcpu_rig.h"

static bool xsetbv_works;
static uint64_t xcr0_set;

bool xsetbv_safe(uint32_t index, uint64_t value)
{
    assert_int_equal(index, 0);
    xcr0_set = value;
    return xsetbv_works;
}

/* A CPU with all that pxHV offers. */
static int setup(void **state)
{
    rig_setup(state);
    cpuid.cr4_mask = CR4_TSD | CR4_PSE | CR4_PAE | CR4_PGE | CR4_PCIDE | CR4_OSXSAVE | CR4_PKE;
    cpuid.efer_mask = EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE;
    cpuid.xcr0_mask = 0x2e7;
    xsetbv_works = true;
    vcpu.osxsave = true;
    xcr0_set = 0;
    return 0;
}

#define PAGED (CR0_PE | CR0_PG | CR0_ET)
static const struct vcpu_crs real = { .cr0 = CR0_ET };
static const struct vcpu_crs long_mode = {
    .cr0 = PAGED, .cr3 = 0x1000, .cr4 = CR4_PAE, .efer = EFER_LME | EFER_LMA
};

static void assert_same(const struct vcpu_crs *a, const struct vcpu_crs *b)
{
    assert_memory_equal(a, b, sizeof *a);
}

static bool cr0(const struct vcpu_crs *from, uint64_t value, bool cs_long, struct vcpu_crs *to)
{
    bool ok;

    *to = *from;
    ok = cr_write_cr0(to, value, cs_long);
    if (!ok) {
        assert_same(to, from);
    }
    return ok;
}

static bool cr4(const struct vcpu_crs *from, uint64_t value, struct vcpu_crs *to)
{
    bool ok;

    *to = *from;
    ok = cr_write_cr4(&cpuid, to, value);
    if (!ok) {
        assert_same(to, from);
    }
    return ok;
}

static bool efer(const struct vcpu_crs *from, uint64_t value, struct vcpu_crs *to)
{
    bool ok;

    *to = *from;
    ok = cr_write_efer(&cpuid, to, value);
    if (!ok) {
        assert_same(to, from);
    }
    return ok;
}

static void cr0_refuses_what_contradicts_itself(void **state)
{
    struct vcpu_crs c;

    (void)state;
    assert_false(cr0(&real, CR0_PG, false, &c));
    assert_false(cr0(&real, CR0_PE | CR0_NW, false, &c));
    assert_true(cr0(&real, CR0_PE | CR0_NW | CR0_CD, false, &c));
    assert_true(cr0(&real, CR0_PE | CR0_CD, false, &c));
    assert_false(cr0(&real, CR0_PE | BIT(32), false, &c));
    assert_false(cr0(&real, CR0_PE | BIT(63), false, &c));
}

static void cr0_keeps_its_defined_bits_and_et_is_one(void **state)
{
    struct vcpu_crs c;

    (void)state;
    assert_true(cr0(&real, UINT32_MAX, false, &c));
    assert_int_equal(c.cr0, 0xe005003f);
    assert_true(cr0(&real, 0, false, &c));
    assert_int_equal(c.cr0, CR0_ET);
}

static void paging_with_lme_starts_long_mode(void **state)
{
    struct vcpu_crs from = { .cr0 = CR0_PE | CR0_ET, .cr4 = CR4_PAE, .efer = EFER_LME };
    struct vcpu_crs c;

    (void)state;
    assert_true(cr0(&from, PAGED, false, &c));
    assert_true(c.efer == (EFER_LME | EFER_LMA));
    assert_false(cr0(&from, PAGED, true, &c)); /* from code with CS.L */
    from.cr4 = 0;
    assert_false(cr0(&from, PAGED, false, &c)); /* without PAE */
    from.efer = 0;
    assert_true(cr0(&from, PAGED, false, &c)); /* 32-bit paging */
    assert_int_equal(c.efer, 0);
}

static void paging_off_ends_long_mode_from_compatibility_code_only(void **state)
{
    struct vcpu_crs from = long_mode;
    struct vcpu_crs c;

    (void)state;
    assert_false(cr0(&from, CR0_PE, true, &c));
    assert_true(cr0(&from, CR0_PE, false, &c));
    assert_true(c.efer == EFER_LME);
    from.cr4 |= CR4_PCIDE;
    assert_false(cr0(&from, CR0_PE, false, &c));
    assert_true(cr0(&long_mode, PAGED | CR0_WP, true, &c)); /* PG stays: nothing changes */
    assert_true(c.efer == (EFER_LME | EFER_LMA));
}

static void cr4_allows_what_cpuid_offers(void **state)
{
    struct vcpu_crs c;

    (void)state;
    assert_true(cr4(&real, CR4_PSE | CR4_OSXSAVE, &c));
    assert_true(c.cr4 == (CR4_PSE | CR4_OSXSAVE));
    assert_false(cr4(&real, CR4_VMXE, &c));
    assert_false(cr4(&real, CR4_SMEP, &c));
    assert_false(cr4(&real, BIT(63), &c));
}

static void cr4_keeps_pae_in_long_mode(void **state)
{
    struct vcpu_crs c;

    (void)state;
    assert_false(cr4(&long_mode, 0, &c));
    assert_false(cr4(&long_mode, CR4_PGE, &c));
    assert_true(cr4(&long_mode, CR4_PAE | CR4_PGE, &c));
}

static void pcide_needs_long_mode_and_pcid_zero(void **state)
{
    struct vcpu_crs from = long_mode;
    struct vcpu_crs c;

    (void)state;
    assert_false(cr4(&real, CR4_PCIDE, &c));
    assert_true(cr4(&from, CR4_PAE | CR4_PCIDE, &c));
    from.cr3 |= 1;
    assert_false(cr4(&from, CR4_PAE | CR4_PCIDE, &c));
    from.cr4 |= CR4_PCIDE; /* set already: CR3 may hold what it likes */
    assert_true(cr4(&from, CR4_PAE | CR4_PCIDE | CR4_PGE, &c));
}

static void efer_allows_what_cpuid_offers_and_lma_is_read_only(void **state)
{
    struct vcpu_crs c;

    (void)state;
    assert_true(efer(&real, EFER_SCE | EFER_LME | EFER_NXE, &c));
    assert_true(c.efer == (EFER_SCE | EFER_LME | EFER_NXE));
    assert_false(efer(&real, EFER_SVME, &c));
    assert_false(efer(&real, BIT(1), &c));
    assert_true(efer(&real, EFER_LMA, &c));
    assert_int_equal(c.efer, 0);
    assert_true(efer(&long_mode, EFER_LME | EFER_SCE, &c));
    assert_true(c.efer == (EFER_LME | EFER_LMA | EFER_SCE));
    cpuid.efer_mask = EFER_SCE;
    assert_false(efer(&real, EFER_LME, &c));
}

static void lme_does_not_change_while_paging(void **state)
{
    struct vcpu_crs paged = { .cr0 = PAGED };
    struct vcpu_crs c;

    (void)state;
    assert_false(efer(&long_mode, EFER_SCE, &c));
    assert_false(efer(&paged, EFER_LME, &c));
    assert_true(efer(&paged, EFER_NXE, &c));
}

static void xcr0_has_x87_and_no_half_features(void **state)
{
    static const uint64_t good[] = { 1, 3, 7, 0xe7, 0x2e7, 0x201 };
    static const uint64_t bad[] = { 0,    2,    4,    5,    6,    0x27,  0x47,       0x87,
                                    0x67, 0xe3, 0xe1, 0x0b, 0x13, 0x107, BIT(63) | 1 };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(good); i++) {
        assert_true(cr_xcr0_valid(&cpuid, good[i]));
    }
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_false(cr_xcr0_valid(&cpuid, bad[i]));
    }
    cpuid.xcr0_mask = 3;
    assert_false(cr_xcr0_valid(&cpuid, 7));
}

static enum exit_action cr_exit(enum cr_access access, uint8_t cr, uint8_t gpr)
{
    struct vm_exit x = {
        .kind = EXIT_CR, .cr = {.cr = cr, .gpr = gpr, .access = access}
    };

    return on_cr(&vcpu, &x);
}

static void a_refused_write_is_a_gp_and_changes_nothing(void **state)
{
    (void)state;
    vcpu.regs.gpr[RBX] = CR0_PG;
    assert_int_equal(cr_exit(CR_MOV_TO, 0, RBX), ACT_RESUME);
    assert_queued(VEC_GP, true, 0);
    assert_int_equal(rig.crs_written, 0);
}

static void cr4_writes_are_seen_by_cpuid(void **state)
{
    (void)state;
    vcpu.regs.gpr[R15] = CR4_OSXSAVE | CR4_PKE;
    assert_int_equal(cr_exit(CR_MOV_TO, 4, R15), ACT_ADVANCE);
    assert_true(vcpu.osxsave && vcpu.pke);
    vcpu.regs.gpr[R15] = 0;
    assert_int_equal(cr_exit(CR_MOV_TO, 4, R15), ACT_ADVANCE);
    assert_false(vcpu.osxsave || vcpu.pke);
    assert_int_equal(cr_exit(CR_MOV_FROM, 4, RDI), ACT_ADVANCE);
    assert_int_equal(vcpu.regs.gpr[RDI], 0);
}

static void cr3_has_no_bits_above_the_guests_physical_ones(void **state)
{
    (void)state;
    rig_setup_long(state);
    vcpu.regs.gpr[RAX] = BIT(63) | 0x5000;
    assert_int_equal(cr_exit(CR_MOV_TO, 3, RAX), ACT_ADVANCE);
    assert_int_equal(rig.crs.cr3, 0x5000); /* "do not flush" is not kept */
    vcpu.regs.gpr[RAX] = BIT(40);
    assert_int_equal(cr_exit(CR_MOV_TO, 3, RAX), ACT_RESUME);
    assert_queued(VEC_GP, true, 0);
    assert_int_equal(rig.crs.cr3, 0x5000);
}

static void the_stack_pointer_is_fetched_before_it_is_used(void **state)
{
    (void)state;
    vcpu.regs_loaded = false;
    rig.hidden_rsp = 0x5000;
    assert_int_equal(cr_exit(CR_MOV_TO, 3, RSP), ACT_ADVANCE);
    assert_int_equal(rig.crs.cr3, 0x5000);
    vcpu.regs_loaded = false;
    assert_int_equal(cr_exit(CR_MOV_FROM, 0, RSP), ACT_ADVANCE);
    assert_int_equal(vcpu.regs.gpr[RSP], rig.crs.cr0);
    assert_true(vcpu.regs_loaded); /* and written back */
}

/* "MOV - Move to/from Control Registers": 32 bits wide outside 64-bit mode. */
static void the_upper_half_counts_in_64_bit_code_only(void **state)
{
    (void)state;
    vcpu.regs.gpr[RAX] = make64(0xdead, CR0_PE | CR0_WP);
    assert_int_equal(cr_exit(CR_MOV_TO, 0, RAX), ACT_ADVANCE);
    assert_int_equal(rig.crs.cr0, CR0_PE | CR0_WP | CR0_ET);
    rig.segs.seg[SEG_CS].attr = 0xa09b; /* L, which counts in long mode only */
    assert_int_equal(cr_exit(CR_MOV_TO, 0, RAX), ACT_ADVANCE);
    rig.crs.efer = EFER_LME | EFER_LMA;
    assert_int_equal(cr_exit(CR_MOV_TO, 0, RAX), ACT_RESUME);
    assert_queued(VEC_GP, true, 0);
}

static void pae_entries_are_read_when_paging_changes(void **state)
{
    const struct vcpu_crs pae = { .cr0 = CR0_PE | CR0_PG, .cr4 = CR4_PAE, .cr3 = 0x1000 };
    struct vcpu_crs to = pae;

    (void)state;
    assert_false(cr_loads_pdptes(&pae, &to));
    to.cr0 |= CR0_NE;
    assert_false(cr_loads_pdptes(&pae, &to));
    to.cr0 |= CR0_CD;
    assert_true(cr_loads_pdptes(&pae, &to));
    to = pae;
    to.cr4 |= CR4_PGE;
    assert_true(cr_loads_pdptes(&pae, &to));
    to = pae;
    to.cr3 = 0x2000;
    assert_true(cr_loads_pdptes(&pae, &to));
    to.efer = EFER_LME | EFER_LMA;
    assert_false(cr_loads_pdptes(&pae, &to));
}

static void clts_and_lmsw_change_four_bits(void **state)
{
    struct vm_exit x = {
        .cr = {.access = CR_LMSW, .lmsw_source = 0xfff0}
    };

    (void)state;
    rig.crs.cr0 = CR0_PE | CR0_ET | CR0_NE | CR0_TS | CR0_WP;
    assert_int_equal(cr_exit(CR_CLTS, 0, 0), ACT_ADVANCE);
    assert_int_equal(rig.crs.cr0, CR0_PE | CR0_ET | CR0_NE | CR0_WP);
    assert_int_equal(on_cr(&vcpu, &x), ACT_ADVANCE);
    assert_int_equal(rig.crs.cr0, CR0_PE | CR0_ET | CR0_NE | CR0_WP); /* PE is not cleared */
    x.cr.lmsw_source = 0xf;
    assert_int_equal(on_cr(&vcpu, &x), ACT_ADVANCE);
    assert_int_equal(rig.crs.cr0, 0xf | CR0_ET | CR0_NE | CR0_WP);
}

static void cr8_is_the_task_priority(void **state)
{
    (void)state;
    vcpu.regs.gpr[RCX] = 9;
    assert_int_equal(cr_exit(CR_MOV_TO, 8, RCX), ACT_ADVANCE);
    assert_int_equal(vcpu.lapic.tpr, 0x90);
    assert_int_equal(cr_exit(CR_MOV_FROM, 8, RDX), ACT_ADVANCE);
    assert_int_equal(vcpu.regs.gpr[RDX], 9);
    vcpu.regs.gpr[RCX] = 16;
    assert_int_equal(cr_exit(CR_MOV_TO, 8, RCX), ACT_RESUME);
    assert_queued(VEC_GP, true, 0);
    assert_int_equal(vcpu.lapic.tpr, 0x90);
}

static enum exit_action xsetbv(uint64_t rcx, uint64_t rdx, uint64_t rax)
{
    vcpu.regs.gpr[RCX] = rcx;
    vcpu.regs.gpr[RDX] = rdx;
    vcpu.regs.gpr[RAX] = rax;
    return on_xsetbv(&vcpu, &vcpu.exit);
}

static void xsetbv_takes_edx_eax_for_ecx_0(void **state)
{
    (void)state;
    assert_int_equal(xsetbv(make64(1, 0), make64(1, 0), make64(1, 0x2e7)), ACT_ADVANCE);
    assert_int_equal(xcr0_set, 0x2e7);
    assert_nothing_queued();
    assert_int_equal(xsetbv(1, 0, 7), ACT_RESUME);
    assert_queued(VEC_GP, true, 0);
    assert_int_equal(xcr0_set, 0x2e7);
}

static void a_bad_xcr0_never_reaches_the_cpu(void **state)
{
    (void)state;
    assert_int_equal(xsetbv(0, 0, 0), ACT_RESUME);
    assert_int_equal(xcr0_set, 0);
    assert_queued(VEC_GP, true, 0);
    vcpu.event.type = EVENT_NONE;
    xsetbv_works = false; /* what the CPU refuses is a #GP for the guest, too */
    assert_int_equal(xsetbv(0, 0, 7), ACT_RESUME);
    assert_queued(VEC_GP, true, 0);
}

static void xsetbv_is_for_the_kernel_of_a_guest_with_osxsave(void **state)
{
    (void)state;
    vcpu.osxsave = false;
    assert_int_equal(xsetbv(0, 0, 7), ACT_RESUME);
    assert_queued(VEC_UD, false, 0);
    vcpu.event.type = EVENT_NONE;
    vcpu.osxsave = true;
    rig.segs.seg[SEG_SS].attr = 3 << 5;
    assert_int_equal(xsetbv(0, 0, 7), ACT_RESUME);
    assert_queued(VEC_GP, true, 0);
    assert_int_equal(xcr0_set, 0);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup(test, setup)
    const struct CMUnitTest tests[] = {
        T(cr0_refuses_what_contradicts_itself),
        T(cr0_keeps_its_defined_bits_and_et_is_one),
        T(paging_with_lme_starts_long_mode),
        T(paging_off_ends_long_mode_from_compatibility_code_only),
        T(cr4_allows_what_cpuid_offers),
        T(cr4_keeps_pae_in_long_mode),
        T(pcide_needs_long_mode_and_pcid_zero),
        T(efer_allows_what_cpuid_offers_and_lma_is_read_only),
        T(lme_does_not_change_while_paging),
        T(xcr0_has_x87_and_no_half_features),
        T(a_refused_write_is_a_gp_and_changes_nothing),
        T(cr4_writes_are_seen_by_cpuid),
        T(cr3_has_no_bits_above_the_guests_physical_ones),
        T(the_stack_pointer_is_fetched_before_it_is_used),
        T(the_upper_half_counts_in_64_bit_code_only),
        T(pae_entries_are_read_when_paging_changes),
        T(clts_and_lmsw_change_four_bits),
        T(cr8_is_the_task_priority),
        T(xsetbv_takes_edx_eax_for_ecx_0),
        T(a_bad_xcr0_never_reaches_the_cpu),
        T(xsetbv_is_for_the_kernel_of_a_guest_with_osxsave),
    };
    return cmocka_run_group_tests_name("cr", tests, NULL, NULL);
}
