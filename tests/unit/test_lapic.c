#include "lapic_rig.h"

static void higher_classes_interrupt_lower_ones(void **state)
{
    (void)state;
    lapic_deliver(&apic, 0x41, false);
    lapic_deliver(&apic, 0xe1, false);
    lapic_deliver(&apic, 0x20, false);
    assert_int_equal(kicks, 3);
    assert_int_equal(rd(IRR + 7), 2);
    assert_int_equal(take(), 0xe1);
    assert_int_equal(rd(IRR + 7), 0);
    assert_int_equal(rd(ISR + 7), 2);
    assert_int_equal(rd(PPR), 0xe0);
    assert_int_equal(take(), -1);
    lapic_deliver(&apic, 0xef, false); /* of the same class */
    assert_int_equal(take(), -1);
    lapic_deliver(&apic, 0xf0, false);
    assert_int_equal(take(), 0xf0);
}

static void eoi_ends_the_highest_in_service(void **state)
{
    (void)state;
    lapic_deliver(&apic, 0x31, false);
    assert_int_equal(take(), 0x31);
    lapic_deliver(&apic, 0x32, false);
    lapic_deliver(&apic, 0x52, false);
    assert_int_equal(take(), 0x52);
    kicks = 0;
    wr(EOI, 0);
    assert_int_equal(rd(ISR + 2), 0);
    assert_int_equal(rd(ISR + 1), 1 << 17);
    assert_int_equal(kicks, 0); /* 0x32 is still held back by 0x31 */
    wr(EOI, 0);
    assert_int_equal(kicks, 1);
    assert_int_equal(take(), 0x32);
    wr(EOI, 0);
    wr(EOI, 0); /* one too many */
    assert_int_equal(rd(PPR), 0);
    assert_int_equal(eois, 0);
}

static void vectors_of_one_class_come_one_by_one(void **state)
{
    (void)state;
    lapic_deliver(&apic, 0x41, false);
    lapic_deliver(&apic, 0x42, false);
    assert_int_equal(take(), 0x42);
    wr(TPR, 0x45); /* of the class in service: the task priority is shown */
    assert_int_equal(rd(PPR), 0x45);
    wr(TPR, 0);
    assert_int_equal(take(), -1);
    wr(EOI, 0);
    assert_int_equal(take(), 0x41);
}

static void tpr_and_cr8_hold_back(void **state)
{
    (void)state;
    wr(TPR, 0x4f);
    assert_int_equal(lapic_get_cr8(&apic), 4);
    assert_int_equal(rd(PPR), 0x4f);
    lapic_deliver(&apic, 0x4f, false);
    assert_int_equal(lapic_pending(&apic), -1);
    kicks = 0;
    lapic_set_cr8(&apic, 4);
    assert_int_equal(rd(TPR), 0x40);
    assert_int_equal(kicks, 0);
    lapic_set_cr8(&apic, 3);
    assert_int_equal(kicks, 1);
    assert_int_equal(take(), 0x4f);
    lapic_set_cr8(&apic, 15);
    assert_int_equal(rd(PPR), 0xf0);
    lapic_deliver(&apic, 0xff, false);
    kicks = 0;
    wr(TPR, 0xe0);
    assert_int_equal(kicks, 1);
}

static void level_vectors_tell_at_eoi(void **state)
{
    (void)state;
    lapic_deliver(&apic, 0x61, true);
    assert_int_equal(rd(TMR + 3), 2);
    assert_int_equal(take(), 0x61);
    lapic_eoi(&apic);
    assert_int_equal(eois, 1);
    assert_int_equal(last_eoi, 0x61);
    lapic_deliver(&apic, 0x61, false);
    assert_int_equal(rd(TMR + 3), 0);
    take();
    lapic_eoi(&apic);
    assert_int_equal(eois, 1);
}

static void software_disabled_takes_nothing_and_masks_lvt(void **state)
{
    (void)state;
    wr(LINT0, 0x700);
    lapic_deliver(&apic, 0x50, false);
    wr(SVR, 0xff);
    assert_int_equal(rd(LINT0), 0x10700);
    wr(LINT0, 0x700);
    assert_int_equal(rd(LINT0), 0x10700);
    lapic_deliver(&apic, 0x90, false);
    assert_int_equal(take(), 0x50); /* what was pending is held */
    assert_int_equal(take(), -1);
}

static void illegal_vectors_set_esr(void **state)
{
    (void)state;
    wr(LVTERR, 0xfe);
    lapic_deliver(&apic, 15, false);
    assert_int_equal(rd(ESR), 0); /* not before it is latched */
    assert_int_equal(take(), 0xfe);
    wr(EOI, 0);
    wr(ICR, 0x40005);
    assert_int_equal(take(), -1); /* one error interrupt until the ESR is written */
    wr(ESR, 0);
    assert_int_equal(rd(ESR), 0x60);
    wr(ESR, 0);
    assert_int_equal(rd(ESR), 0);
    assert_int_equal(rd(0x2f), 0); /* there is no CMCI entry */
    wr(ESR, 0);
    assert_int_equal(rd(ESR), 0x80);
    wr(SELF_IPI, 0x41); /* of x2APIC mode only */
    wr(ESR, 0);
    assert_int_equal(rd(ESR), 0x80);
    wr(LVTERR, 3); /* must not go round in circles */
    wr(ICR, 0x40005);
    wr(ESR, 0);
    assert_int_equal(rd(ESR), 0x60);
    assert_int_equal(rd(IRR), 0);
}

static void lint_pins_follow_the_lvt(void **state)
{
    (void)state;
    lapic_lint(&apic, 0);
    lapic_lint(&apic, 1);
    assert_int_equal(kicks + nmis, 0);
    wr(LINT0, 0x700);
    assert_true(lapic_extint_enabled(&apic));
    kicks = 0;
    lapic_lint(&apic, 0);
    assert_int_equal(kicks, 1);
    wr(LINT0, 0x51);
    assert_false(lapic_extint_enabled(&apic));
    lapic_lint(&apic, 0);
    assert_int_equal(take(), 0x51);
    wr(LINT1, 0x400);
    lapic_lint(&apic, 1);
    assert_int_equal(nmis, 1);
    wr(LVTERR, 0xfe);
    lapic_lint(&apic, 2); /* there is none */
    assert_int_equal(take(), -1);
    wr(LINT0, MASKED | 0x700);
    assert_false(lapic_extint_enabled(&apic));
    assert_true(wrmsr(MSR_BASE, OFF));
    lapic_lint(&apic, 1);
    assert_int_equal(nmis, 2);
    assert_true(lapic_extint_enabled(&apic));
}

static void unmasking_lint0_kicks(void **state)
{
    (void)state;
    kicks = 0;
    wr(LINT0, 0x700);
    assert_int_equal(kicks, 1);
}

static void icr_reaches_those_meant(void **state)
{
    static const struct {
        uint32_t dest, icr;
        int taken;
        unsigned nmi, ipi;
    } rows[] = {
        {0x25,  0x00041, 0x41, 0, 0}, /* the destination field: itself, another, all */
        { 0x07, 0x00041, -1,   0, 1},
        { 0xff, 0x00041, 0x41, 0, 1},
        { 0x02, 0x00841, 0x41, 0, 1}, /* logical: its bit may be others' too */
        { 0x04, 0x00841, -1,   0, 1},
        { 0,    0x40041, 0x41, 0, 0}, /* shorthands: self, all, all but self */
        { 0,    0x80041, 0x41, 0, 1},
        { 0,    0xc0041, -1,   0, 1},
        { 0xff, 0x00141, 0x41, 0, 0}, /* lowest priority: one takes it */
        { 0x07, 0x00141, -1,   0, 1},
        { 0x25, 0x00400, -1,   1, 0}, /* NMI */
        { 0xff, 0x00400, -1,   1, 1},
        { 0x25, 0x04500, -1,   0, 1}, /* INIT, taken back; start-up */
        { 0,    0x88500, -1,   0, 0},
        { 0,    0xc4608, -1,   0, 1},
        { 0x25, 0x00200, -1,   0, 0}, /* SMI, reserved modes */
        { 0x07, 0x00200, -1,   0, 0},
        { 0x07, 0x00300, -1,   0, 0},
        { 0x07, 0x00700, -1,   0, 0},
    };

    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        setup(state);
        wr(LDR, 0x02000000);
        wr(ICR2, rows[i].dest << 24);
        wr(ICR, rows[i].icr | 1 << 12);
        assert_int_equal(rd(ICR), rows[i].icr); /* always idle */
        assert_int_equal(take(), rows[i].taken);
        assert_int_equal(nmis, rows[i].nmi);
        assert_int_equal(ipis, rows[i].ipi);
        if (ipis) {
            assert_true(last_ipi == ((uint64_t)rows[i].dest << 56 | rows[i].icr));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(higher_classes_interrupt_lower_ones, setup),
        cmocka_unit_test_setup(eoi_ends_the_highest_in_service, setup),
        cmocka_unit_test_setup(vectors_of_one_class_come_one_by_one, setup),
        cmocka_unit_test_setup(tpr_and_cr8_hold_back, setup),
        cmocka_unit_test_setup(level_vectors_tell_at_eoi, setup),
        cmocka_unit_test_setup(software_disabled_takes_nothing_and_masks_lvt, setup),
        cmocka_unit_test_setup(illegal_vectors_set_esr, setup),
        cmocka_unit_test_setup(lint_pins_follow_the_lvt, setup),
        cmocka_unit_test_setup(unmasking_lint0_kicks, setup),
        cmocka_unit_test_setup(icr_reaches_those_meant, setup),
    };
    return cmocka_run_group_tests_name("lapic", tests, NULL, NULL);
}
