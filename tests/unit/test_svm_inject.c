#include "hv/inject.h"
#include "svm/svm.h"
#include "svm/svm_exit.h"
#include "vcpu_rig.h"

/* Bits of the VMCB as the manual numbers them. */
#define VINTR_EXITS  BIT32(4) /* intercepts[0] */
#define IRET_EXITS   BIT32(20)
#define OTHER_EXITS  UINT32_C(0xa8080003)
#define CLEAN_ALL    UINT64_C(0x3ff)
#define MC_ONLY      BIT32(18)
#define STEP_FAULTS  UINT32_C(0xfffe3) /* vectors 0 to 19, but NMI, #BP, #OF */
#define DR6_STEP     BIT(14)
#define V_IRQ_WANTED UINT64_C(0x011f0100)
#define V_IRQ_NONE   UINT64_C(0x01000000)
enum { IRET_AT = 0x1234, EXIT_DB = 0x41, EXIT_PHYSICAL = 0x60 };

static _Alignas(4096) struct vmcb vmcb;
static struct svm_vcpu *hw;
struct svm_machine svm_machine;
static struct virt_ops ops;

void svm_set_cr2(struct vcpu *v, uint64_t at)
{
    rig_set_cr2(v, at);
}

static int setup(void **state)
{
    rig_setup(state);
    memset(&svm_machine, 0, sizeof svm_machine);
    memset(&vmcb, 0, sizeof vmcb);
    ops = rig_ops;
    ops.can_inject = svm_can_inject;
    ops.inject = svm_inject;
    ops.want_window = svm_want_window;
    vm.ops = &ops;
    hw = svm_of(&vcpu);
    hw->vmcb = &vmcb;
    hw->vintr = V_IRQ_NONE;
    vmcb.intercepts[0] = OTHER_EXITS;
    vmcb.exceptions = MC_ONLY;
    vmcb.clean = CLEAN_ALL;
    vmcb.dr6 = DR6_RESET;
    vmcb.cr0 = CR0_PE;
    return 0;
}

/* In an NMI handler, right before its IRET. */
static void stand_at_iret(void)
{
    hw->nmi = SVM_NMI_IRET;
    hw->iret_rip = vcpu.regs.rip = IRET_AT;
}

static void an_interrupt_needs_if_and_no_shadow(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        bool enabled = i & 1;
        bool shadow = i & 2;

        vcpu.regs.rflags = RFLAGS_FIXED | (enabled ? RFLAGS_IF : 0);
        vmcb.shadow = shadow;
        for (enum svm_nmi nmi = SVM_NMI_OPEN; nmi <= SVM_NMI_IRET; nmi++) {
            hw->nmi = nmi;
            assert_int_equal(svm_can_inject(&vcpu, EVENT_IRQ), enabled && !shadow);
        }
    }
    vmcb.shadow = 2; /* another bit of that word */
    vcpu.regs.rflags |= RFLAGS_IF;
    assert_true(svm_can_inject(&vcpu, EVENT_IRQ));
}

static void an_nmi_needs_no_if_but_no_shadow(void **state)
{
    (void)state;
    assert_true(svm_can_inject(&vcpu, EVENT_NMI));
    vmcb.shadow = 1;
    assert_false(svm_can_inject(&vcpu, EVENT_NMI));
}

static void an_nmi_waits_until_the_iret_is_done(void **state)
{
    (void)state;
    vcpu.regs.rflags |= RFLAGS_IF;
    hw->nmi = SVM_NMI_BLOCKED;
    assert_false(svm_can_inject(&vcpu, EVENT_NMI));
    stand_at_iret();
    assert_false(svm_watch(&vcpu)); /* an exit before it is done */
    assert_false(svm_can_inject(&vcpu, EVENT_NMI));
    assert_true(hw->watch);
    vcpu.regs.rip = 0x5678;
    assert_false(svm_watch(&vcpu));
    assert_true(svm_can_inject(&vcpu, EVENT_NMI));
    assert_false(hw->watch);
    vcpu.regs.rip = IRET_AT; /* by now it is an instruction like others */
    assert_true(svm_can_inject(&vcpu, EVENT_NMI));
}

static void an_event_is_one_word(void **state)
{
    static const struct {
        struct vm_event event;
        uint64_t word;
    } row[] = {
        {{ .type = EVENT_IRQ, .vector = 0xfe },                                            0x800000fe},
        { { .type = EVENT_NMI, .vector = 2 },                                              0x80000202},
        { { .type = EVENT_FAULT, .vector = VEC_UD, .code = 7 },                            0x80000306},
        { { .type = EVENT_FAULT, .vector = VEC_GP, .has_code = true },                     0x80000b0d},
        { { .type = EVENT_FAULT, .vector = VEC_PF, .has_code = true, .code = 0x80000015 },
         UINT64_C(0x8000001580000b0e)                                                                },
    };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(row); i++) {
        svm_inject(&vcpu, &row[i].event);
        assert_int_equal(vmcb.event, row[i].word);
    }
}

static void an_nmi_blocks_the_next_and_waits_for_iret(void **state)
{
    (void)state;
    svm_inject(&vcpu, &(struct vm_event){ .type = EVENT_IRQ, .vector = 0x40 });
    svm_inject(&vcpu, &(struct vm_event){ .type = EVENT_FAULT, .vector = VEC_UD });
    assert_int_equal(hw->nmi, SVM_NMI_OPEN);
    assert_int_equal(vmcb.intercepts[0], OTHER_EXITS);
    assert_int_equal(vmcb.clean, CLEAN_ALL);
    svm_inject(&vcpu, &(struct vm_event){ .type = EVENT_NMI, .vector = VEC_NMI });
    assert_int_equal(hw->nmi, SVM_NMI_BLOCKED);
    assert_int_equal(vmcb.intercepts[0], OTHER_EXITS | IRET_EXITS);
    assert_int_equal(vmcb.clean, CLEAN_ALL & ~VMCB_CLEAN_INTERCEPTS);
    assert_false(svm_can_inject(&vcpu, EVENT_NMI));
    stand_at_iret(); /* an interrupt comes first: the handler is not left yet */
    svm_inject(&vcpu, &(struct vm_event){ .type = EVENT_IRQ, .vector = 0x40 });
    assert_int_equal(hw->nmi, SVM_NMI_BLOCKED);
    assert_int_equal(vmcb.intercepts[0], OTHER_EXITS | IRET_EXITS);

    vmcb.clean = CLEAN_ALL;
    vcpu.regs.rip = IRET_AT;
    svm_on_iret(&vcpu);
    assert_int_equal(hw->nmi, SVM_NMI_IRET);
    assert_int_equal(hw->iret_rip, IRET_AT);
    assert_int_equal(vmcb.intercepts[0], OTHER_EXITS);
    assert_int_equal(vmcb.clean, CLEAN_ALL & ~VMCB_CLEAN_INTERCEPTS);
}

static void what_an_exit_interrupted_is_delivered_again(void **state)
{
    static const struct {
        uint64_t info;
        struct vm_event event;
    } row[] = {
        {0x80000051,                    { .type = EVENT_IRQ, .vector = 0x51 }           },
        { 0x80000202,                   { .type = EVENT_NMI, .vector = 2 }              },
        { 0x80000306,                   { .type = EVENT_FAULT, .vector = VEC_UD }       },
        { UINT64_C(0x0000001880000301), { .type = EVENT_FAULT, .vector = VEC_DB }       },
        { UINT64_C(0x8000001880000b0d),
         { .type = EVENT_FAULT, .vector = VEC_GP, .has_code = true, .code = 0x80000018 }},
        { UINT64_C(0x0000000080000b08),
         { .type = EVENT_FAULT, .vector = VEC_DF, .has_code = true }                    },
    };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(row); i++) {
        const struct vm_event *e = &row[i].event;

        setup(NULL);
        svm_take_back_event(&vcpu, row[i].info);
        assert_true(vcpu.look);
        assert_int_equal(vcpu.event.type, e->type);
        assert_int_equal(vcpu.event.vector, e->vector);
        assert_int_equal(vcpu.event.has_code, e->has_code);
        assert_int_equal(vcpu.event.code, e->code);
    }
}

/* RIP stands at INT3, INTO and INT n still: they are executed again. */
static void a_software_interrupt_is_not_delivered_twice(void **state)
{
    static const uint64_t info[] = { 0x80000303, 0x80000304, 0x80000480, 0x80000402, 0x8000040e };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(info); i++) {
        svm_take_back_event(&vcpu, info[i]);
        assert_nothing_queued();
        assert_false(vcpu.look);
    }
}

static void the_interrupt_window_is_a_virtual_interrupt(void **state)
{
    (void)state;
    svm_want_window(&vcpu, false, false);
    assert_int_equal(vmcb.clean, CLEAN_ALL); /* no change */
    svm_want_window(&vcpu, true, false);
    assert_int_equal(hw->vintr, V_IRQ_WANTED);
    assert_int_equal(vmcb.intercepts[0], OTHER_EXITS | VINTR_EXITS);
    assert_int_equal(vmcb.clean, CLEAN_ALL & ~(VMCB_CLEAN_TPR | VMCB_CLEAN_INTERCEPTS));
    assert_false(hw->stepping || hw->leave_soon);
    vmcb.clean = CLEAN_ALL;
    svm_want_window(&vcpu, true, false);
    assert_int_equal(vmcb.clean, CLEAN_ALL);
    svm_want_window(&vcpu, false, false);
    assert_int_equal(hw->vintr, V_IRQ_NONE);
    assert_int_equal(vmcb.intercepts[0], OTHER_EXITS);
    assert_int_equal(vmcb.clean, CLEAN_ALL & ~(VMCB_CLEAN_TPR | VMCB_CLEAN_INTERCEPTS));
}

static void a_blocked_nmi_needs_no_window(void **state)
{
    (void)state;
    for (unsigned event = 0; event < 2; event++) {
        hw->nmi = SVM_NMI_BLOCKED; /* the IRET exits anyway */
        vmcb.event = event ? VMCB_EVENT_VALID | 0x40 : 0;
        svm_want_window(&vcpu, false, true);
        assert_false(hw->stepping || hw->leave_soon);
        assert_int_equal(vcpu.regs.rflags, RFLAGS_FIXED);
        assert_int_equal(vmcb.exceptions, MC_ONLY);
        assert_int_equal(vmcb.clean, CLEAN_ALL);
    }
}

/* A TF would get into the stack frame of that event. */
static void an_nmi_behind_another_event_leaves_soon(void **state)
{
    (void)state;
    svm_inject(&vcpu, &(struct vm_event){ .type = EVENT_IRQ, .vector = 0x40 });
    svm_want_window(&vcpu, false, true);
    assert_true(hw->leave_soon);
    assert_false(hw->stepping);
    assert_int_equal(vcpu.regs.rflags, RFLAGS_FIXED);
    assert_int_equal(vmcb.exceptions, MC_ONLY);
}

static void assert_stepping(void)
{
    assert_true(hw->stepping);
    assert_false(hw->leave_soon);
    assert_int_equal(vcpu.regs.rflags, RFLAGS_FIXED | RFLAGS_TF);
    assert_int_equal(vmcb.exceptions, STEP_FAULTS);
    assert_int_equal(vmcb.clean, CLEAN_ALL & ~(VMCB_CLEAN_INTERCEPTS | VMCB_CLEAN_DR));
}

static void an_nmi_steps_out_of_a_shadow_and_over_the_iret(void **state)
{
    (void)state;
    vmcb.shadow = 1;
    svm_want_window(&vcpu, false, true);
    assert_stepping();
    setup(state);
    stand_at_iret();
    svm_want_window(&vcpu, false, true);
    assert_stepping();
}

static void start_step(void)
{
    svm_want_window(&vcpu, false, true);
    assert_true(hw->stepping);
    vmcb.clean = CLEAN_ALL;
}

/* The guest's breakpoints `hits` are hit as well; true is what svm_watch must say. */
static void trap(uint64_t hits)
{
    vmcb.exit_code = EXIT_DB;
    vmcb.dr6 |= DR6_STEP | hits;
    vcpu.look = false;
    assert_true(svm_watch(&vcpu));
    assert_false(hw->stepping);
    assert_true(vcpu.look);
    assert_int_equal(vmcb.exceptions, MC_ONLY);
    assert_int_equal(vmcb.clean, CLEAN_ALL & ~(VMCB_CLEAN_INTERCEPTS | VMCB_CLEAN_DR));
}

static void the_guest_sees_nothing_of_a_step(void **state)
{
    (void)state;
    start_step();
    trap(0);
    assert_nothing_queued();
    assert_int_equal(vcpu.regs.rflags, RFLAGS_FIXED);
    assert_int_equal(vmcb.dr6, DR6_RESET);
    assert_int_equal(hw->nmi, SVM_NMI_OPEN);
}

static void a_guest_that_steps_itself_gets_its_trap(void **state)
{
    (void)state;
    vcpu.regs.rflags |= RFLAGS_TF;
    start_step();
    trap(0);
    assert_queued(VEC_DB, false, 0);
    assert_int_equal(vcpu.regs.rflags, RFLAGS_FIXED | RFLAGS_TF);
    assert_int_equal(vmcb.dr6, DR6_RESET | DR6_STEP);
}

static void a_guest_gets_its_breakpoints_without_the_step(void **state)
{
    (void)state;
    vmcb.dr6 = DR6_RESET | 1; /* of an earlier one */
    start_step();
    trap(2);
    assert_queued(VEC_DB, false, 0);
    assert_int_equal(vmcb.dr6, DR6_RESET | 3);
    setup(state);
    vmcb.dr6 = DR6_RESET | 1;
    start_step();
    trap(0);
    assert_nothing_queued();
    assert_int_equal(vmcb.dr6, DR6_RESET | 1);
    start_step();
    trap(1); /* the same again */
    assert_queued(VEC_DB, false, 0);
}

static void iret_loads_tf_as_the_guest_wants_it(void **state)
{
    for (unsigned i = 0; i < 4; i++) {
        bool before = i & 1;
        uint64_t loaded = RFLAGS_FIXED | (i & 2 ? RFLAGS_TF : 0);

        setup(state);
        stand_at_iret();
        vcpu.regs.rflags |= before ? RFLAGS_TF : 0;
        start_step();
        vcpu.regs.rflags = loaded;
        vcpu.regs.rip = 0x5678;
        trap(0);
        assert_int_equal(vcpu.regs.rflags, loaded);
        assert_int_equal(hw->nmi, SVM_NMI_OPEN);
        assert_int_equal(vcpu.event.type, before ? EVENT_FAULT : EVENT_NONE);
    }
}

/* A #DB that is a fault: the guest's breakpoint on the IRET itself, before it executes. */
static void a_breakpoint_on_the_iret_is_no_iret(void **state)
{
    (void)state;
    stand_at_iret();
    start_step();
    vmcb.exit_code = EXIT_DB;
    vmcb.dr6 |= 1; /* and no BS */
    assert_true(svm_watch(&vcpu));
    assert_queued(VEC_DB, false, 0);
    assert_int_equal(vmcb.dr6, DR6_RESET | 1);
    assert_int_equal(vcpu.regs.rflags, RFLAGS_FIXED); /* else our TF is in the #DB's frame */
    assert_int_equal(hw->nmi, SVM_NMI_IRET);
}

/* Of whatever kind. The step is tried again; #MC is the host's. */
static void another_exit_ends_a_step_and_is_handled(void **state)
{
    static const uint64_t code[] = { 0x18, 0x52, EXIT_PHYSICAL, 0x72, 0x7f, 0x400 };

    for (unsigned i = 0; i < ARRAY_SIZE(code); i++) {
        for (unsigned own_tf = 0; own_tf < 2; own_tf++) {
            uint64_t rflags = RFLAGS_FIXED | (own_tf ? RFLAGS_TF : 0);

            setup(state);
            stand_at_iret();
            vcpu.regs.rflags = rflags;
            start_step();
            vmcb.exit_code = code[i];
            vmcb.exit_info2 = 0x5000;
            vcpu.look = false;
            assert_false(svm_watch(&vcpu));
            assert_nothing_queued();
            assert_false(hw->stepping);
            assert_true(vcpu.look);
            assert_int_equal(vcpu.regs.rflags, rflags);
            assert_int_equal(vmcb.exceptions, MC_ONLY);
            assert_int_equal(vmcb.dr6, DR6_RESET);
            assert_int_equal(hw->nmi, SVM_NMI_IRET);
            assert_int_equal(rig.cr2, 0);
        }
    }
}

static void a_fault_ends_a_step_and_is_passed_on(void **state)
{
    static const struct {
        uint8_t vector;
        bool has_code;
    } row[] = {
        {VEC_DE,  false},
        { 5,      false}, /* #BR */
        { VEC_UD, false},
        { VEC_NM, false},
        { VEC_DF, true },
        { VEC_TS, true },
        { VEC_NP, true },
        { 12,     true }, /* #SS */
        { VEC_GP, true },
        { VEC_PF, true },
        { 16,     false}, /* #MF */
        { VEC_AC, true },
        { 19,     false}, /* #XF */
    };

    for (unsigned i = 0; i < ARRAY_SIZE(row); i++) {
        for (unsigned pe = 0; pe < 2; pe++) {
            bool has_code = row[i].has_code && pe;

            setup(state);
            vmcb.cr0 = pe;
            stand_at_iret();
            start_step();
            vmcb.exit_code = 0x40u + row[i].vector;
            vmcb.exit_info1 = UINT64_C(0xf00000018);
            vmcb.exit_info2 = UINT64_C(0xffff800000005678);
            vcpu.look = false;
            assert_true(svm_watch(&vcpu));
            assert_queued(row[i].vector, has_code, has_code ? 0x18 : 0);
            assert_int_equal(vcpu.regs.rflags, RFLAGS_FIXED); /* what the fault would save */
            assert_int_equal(rig.cr2, row[i].vector == VEC_PF ? vmcb.exit_info2 : 0);
            assert_int_equal(vmcb.exceptions, MC_ONLY);
            assert_int_equal(hw->nmi, SVM_NMI_IRET);
        }
    }
}

static void an_emulated_instruction_ends_rf_and_traps_with_tf(void **state)
{
    (void)state;
    vcpu.regs.rflags |= RFLAGS_RF;
    svm_finish_insn(&vcpu);
    assert_nothing_queued();
    assert_int_equal(vcpu.regs.rflags, RFLAGS_FIXED);
    assert_int_equal(vmcb.clean, CLEAN_ALL);
    vcpu.regs.rflags |= RFLAGS_RF | RFLAGS_TF;
    svm_finish_insn(&vcpu);
    assert_queued(VEC_DB, false, 0);
    assert_int_equal(vcpu.regs.rflags, RFLAGS_FIXED | RFLAGS_TF);
    assert_int_equal(vmcb.dr6, DR6_RESET | DR6_STEP);
    assert_int_equal(vmcb.clean, CLEAN_ALL & ~VMCB_CLEAN_DR);
}

static void enter(void)
{
    vmcb.event = 0; /* as each exit leaves it */
    inject_pending(&vcpu);
}

/* The life of two: the second comes while the first is handled. */
static void a_second_nmi_comes_in_right_behind_the_first_ones_iret(void **state)
{
    (void)state;
    vcpu.nmi_pending = true;
    enter();
    assert_int_equal(vmcb.event, 0x80000202);
    vcpu.nmi_pending = true;
    enter();
    assert_int_equal(vmcb.event, 0);
    assert_false(hw->stepping);
    vcpu.regs.rip = IRET_AT;
    svm_on_iret(&vcpu);
    enter();
    assert_int_equal(vmcb.event, 0);
    assert_true(hw->stepping);
    vmcb.clean = CLEAN_ALL;
    vcpu.regs.rip = 0x5678;
    vcpu.regs.rflags = RFLAGS_FIXED;
    trap(0);
    enter();
    assert_int_equal(vmcb.event, 0x80000202);
    assert_false(vcpu.nmi_pending || hw->stepping);
    assert_int_equal(hw->nmi, SVM_NMI_BLOCKED);
}

/* QEMU's emulation may deliver an interrupt twice unless the guest leaves at once. */
static void an_interrupt_leaves_soon_in_qemu(void **state)
{
    static const struct {
        bool qemu;
        enum event_type type;
        bool leaves;
    } cases[] = {
        {true,   EVENT_IRQ,   true },
        { true,  EVENT_NMI,   false},
        { true,  EVENT_FAULT, false},
        { false, EVENT_IRQ,   false},
    };

    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        setup(state);
        svm_machine.injects_twice = cases[i].qemu;
        svm_inject(&vcpu, &(struct vm_event){ .type = cases[i].type, .vector = 8 });
        assert_int_equal(hw->leave_soon, cases[i].leaves);
    }
}

static void a_reset_leaves_nothing_pending_or_blocked(void **state)
{
    (void)state;
    vmcb.shadow = 1;
    vmcb.dr7 = 0x403;
    hw->nmi = SVM_NMI_BLOCKED;
    vmcb.intercepts[0] |= IRET_EXITS;
    svm_inject(&vcpu, &(struct vm_event){ .type = EVENT_IRQ, .vector = 8 });
    svm_reset(&vcpu);
    assert_int_equal(vmcb.event, 0);
    assert_int_equal(vmcb.shadow, 0);
    assert_int_equal(vmcb.dr7, DR7_RESET);
    assert_int_equal(vmcb.dr6, DR6_RESET);
    assert_int_equal(vmcb.clean, 0);
    assert_int_equal(vmcb.intercepts[0], OTHER_EXITS);
    assert_true(svm_can_inject(&vcpu, EVENT_NMI));
}

static void pause_exits_come_and_go(void **state)
{
    (void)state;
    svm_want_pause(&vcpu, true);
    assert_int_equal(vmcb.intercepts[0], OTHER_EXITS | BIT32(23));
    assert_int_equal(vmcb.clean, CLEAN_ALL & ~UINT64_C(1));
    svm_want_pause(&vcpu, false);
    assert_int_equal(vmcb.intercepts[0], OTHER_EXITS & ~BIT32(23));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(an_interrupt_leaves_soon_in_qemu, setup),
        cmocka_unit_test_setup(a_reset_leaves_nothing_pending_or_blocked, setup),
        cmocka_unit_test_setup(pause_exits_come_and_go, setup),
        cmocka_unit_test_setup(an_interrupt_needs_if_and_no_shadow, setup),
        cmocka_unit_test_setup(an_nmi_needs_no_if_but_no_shadow, setup),
        cmocka_unit_test_setup(an_nmi_waits_until_the_iret_is_done, setup),
        cmocka_unit_test_setup(an_event_is_one_word, setup),
        cmocka_unit_test_setup(an_nmi_blocks_the_next_and_waits_for_iret, setup),
        cmocka_unit_test_setup(what_an_exit_interrupted_is_delivered_again, setup),
        cmocka_unit_test_setup(a_software_interrupt_is_not_delivered_twice, setup),
        cmocka_unit_test_setup(the_interrupt_window_is_a_virtual_interrupt, setup),
        cmocka_unit_test_setup(a_blocked_nmi_needs_no_window, setup),
        cmocka_unit_test_setup(an_nmi_behind_another_event_leaves_soon, setup),
        cmocka_unit_test_setup(an_nmi_steps_out_of_a_shadow_and_over_the_iret, setup),
        cmocka_unit_test_setup(the_guest_sees_nothing_of_a_step, setup),
        cmocka_unit_test_setup(a_guest_that_steps_itself_gets_its_trap, setup),
        cmocka_unit_test_setup(a_guest_gets_its_breakpoints_without_the_step, setup),
        cmocka_unit_test_setup(a_breakpoint_on_the_iret_is_no_iret, setup),
        cmocka_unit_test_setup(iret_loads_tf_as_the_guest_wants_it, setup),
        cmocka_unit_test_setup(another_exit_ends_a_step_and_is_handled, setup),
        cmocka_unit_test_setup(a_fault_ends_a_step_and_is_passed_on, setup),
        cmocka_unit_test_setup(an_emulated_instruction_ends_rf_and_traps_with_tf, setup),
        cmocka_unit_test_setup(a_second_nmi_comes_in_right_behind_the_first_ones_iret, setup),
    };
    return cmocka_run_group_tests_name("svm_inject", tests, NULL, NULL);
}
