#include "lapic_rig.h"

static void power_on_state(void **state)
{
    (void)state;
    power_on();
    assert_true(rdmsr(MSR_BASE) == XON);
    assert_int_equal(rd(ID), 0x25000000);
    assert_int_equal(rd(VERSION), 0x50014);
    assert_int_equal(rd(SVR), 0xff);
    assert_int_equal(rd(DFR), 0xffffffff);
    for (unsigned r = LVTT; r <= LVTERR; r++) {
        assert_int_equal(rd(r), MASKED);
    }
    assert_int_equal(lapic_pending(&apic), -1);
    assert_false(lapic_extint_enabled(&apic));
    lapic_init(&apic, 1, false, &hand_clock, &queue, &ops, NULL);
    assert_true(rdmsr(MSR_BASE) == (BASE | 0x800));
}

static void xapic_destinations(void **state)
{
    (void)state;
    assert_true(lapic_matches(&apic, 0x25, false));
    assert_false(lapic_matches(&apic, 0x24, false));
    assert_false(lapic_matches(&apic, 0x01, true)); /* no logical ID yet */
    wr(LDR, 0x32ffffff);
    assert_int_equal(rd(LDR), 0x32000000);
    assert_true(lapic_matches(&apic, 0x10, true));
    assert_false(lapic_matches(&apic, 0x0d, true));
    wr(DFR, 0);
    assert_int_equal(rd(DFR), 0x0fffffff);
    assert_true(lapic_matches(&apic, 0x36, true));
    assert_true(lapic_matches(&apic, 0xf2, true)); /* in every cluster */
    assert_false(lapic_matches(&apic, 0x34, true));
    assert_false(lapic_matches(&apic, 0x22, true));
    assert_true(wrmsr(MSR_BASE, OFF));
    assert_false(lapic_matches(&apic, 0x25, false));
}

static void x2apic_destinations(void **state)
{
    (void)state;
    assert_true(rdmsr(0x800 + LDR) == 0x20020);
    assert_true(lapic_matches(&apic, 0x25, false));
    assert_false(lapic_matches(&apic, 0x125, false));
    assert_false(lapic_matches(&apic, 0xff, false));
    assert_true(lapic_matches(&apic, 0xffffffff, false));
    assert_true(lapic_matches(&apic, 0x20030, true));
    assert_false(lapic_matches(&apic, 0x10020, true));
    assert_false(lapic_matches(&apic, 0x20010, true));
}

static void odd_mmio_is_ignored(void **state)
{
    struct io_access a = { .offset = TPR * 16, .size = 8, .write = true, .value = 0x20 };

    (void)state;
    lapic_mmio(&apic, &a);
    a = (struct io_access){ .offset = TPR * 16 + 4, .size = 4, .write = true, .value = 0x20 };
    lapic_mmio(&apic, &a);
    assert_int_equal(rd(TPR), 0);
    a = (struct io_access){ .offset = ID * 16, .size = 1, .value = 7 };
    lapic_mmio(&apic, &a);
    assert_int_equal(a.value, 0);
    wr(ID, 0x01000000);
    assert_int_equal(rd(ID), 0x25000000);
    wr(TPR, 0xfff);
    assert_int_equal(rd(TPR), 0xff);
    assert_int_equal(rd(EOI), 0);
    wr(ESR, 0);
    assert_int_equal(rd(ESR), 0);
    assert_true(wrmsr(MSR_BASE, X2ON));
    assert_int_equal(rd(VERSION), 0);
    wr(TPR, 0);
    assert_int_equal(rdmsr(0x800 + TPR), 0xff);
}

static void base_msr_transitions(void **state)
{
    (void)state;
    assert_false(wrmsr(MSR_BASE, BASE | 0x500)); /* EXTD without EN */
    assert_false(wrmsr(MSR_BASE, XON | 1));
    assert_false(wrmsr(MSR_BASE, XON | 0x200));
    assert_false(wrmsr(MSR_BASE, XON + 0x1000)); /* it can't be moved */
    assert_false(wrmsr(MSR_BASE, XON | UINT64_C(1) << 63));
    assert_true(rdmsr(MSR_BASE) == XON);
    assert_false(readable(VERSION)); /* no MSRs in xAPIC mode */
    assert_false(wr2(TPR, 0));
    assert_true(wrmsr(MSR_BASE, X2ON));
    assert_true(rdmsr(0x800 + SVR) == 0x1ff); /* kept */
    assert_false(wrmsr(MSR_BASE, XON));
    assert_true(wr2(ICR, 0x40041));
    kicks = 0;
    assert_true(wrmsr(MSR_BASE, OFF));
    assert_int_equal(kicks, 1); /* a PIC may have waited for this */
    assert_false(readable(VERSION));
    assert_int_equal(rd(VERSION), 0);
    lapic_deliver(&apic, 0x40, false);
    assert_int_equal(lapic_pending(&apic), -1);
    assert_false(wrmsr(MSR_BASE, X2ON)); /* not in one step */
    assert_true(wrmsr(MSR_BASE, XON));
    assert_int_equal(rd(SVR), 0xff); /* as after a reset */
    assert_int_equal(rd(ICR), 0);
}

static void x2apic_refuses_what_a_cpu_refuses(void **state)
{
    static const struct {
        unsigned reg;
        bool read, write;
        uint64_t good, bad;
    } rows[] = {
        {ID,        true,  false, 0,          0          },
        { VERSION,  true,  false, 0,          0          },
        { TPR,      true,  true,  0xff,       0x100      },
        { 9,        false, false, 0,          0          },
        { PPR,      true,  false, 0,          0          },
        { EOI,      false, true,  0,          1          },
        { LDR,      true,  false, 0,          0          },
        { DFR,      false, false, 0,          0          },
        { SVR,      true,  true,  0x1ff,      0x11ff     },
        { ISR + 7,  true,  false, 0,          0          },
        { TMR,      true,  false, 0,          0          },
        { IRR + 3,  true,  false, 0,          0          },
        { ESR,      true,  true,  0,          1          },
        { 0x2f,     false, false, 0,          0          },
        { ICR,      true,  true,  0x40041,    0x100041   },
        { ICR2,     false, false, 0,          0          },
        { LVTT,     true,  true,  0x300ef,    0x801ef    },
        { 0x33,     true,  true,  0x107fe,    0x8000     },
        { 0x34,     true,  true,  0x10400,    0x2000     },
        { LINT0,    true,  true,  0x1a700,    0x20000    },
        { LVTERR,   true,  true,  0x100fe,    0x700      },
        { INITIAL,  true,  true,  0xffffffff, 0x100000000},
        { CURRENT,  true,  false, 0,          0          },
        { DIVIDE,   true,  true,  0xb,        4          },
        { SELF_IPI, false, true,  0x41,       0x141      },
        { 0x40,     false, false, 0,          0          },
        { 0xff,     false, false, 0,          0          },
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(readable(rows[i].reg), rows[i].read);
        assert_int_equal(wr2(rows[i].reg, rows[i].good), rows[i].write);
        assert_false(wr2(rows[i].reg, rows[i].write ? rows[i].bad : 1));
        if (rows[i].read && rows[i].write) {
            assert_true(rdmsr(0x800 + rows[i].reg) == rows[i].good);
            assert_int_equal(wr2(rows[i].reg, rows[i].good | UINT64_C(1) << 32),
                             rows[i].reg == ICR); /* the only one of 64 bits */
        }
    }
    assert_true(wr2(LINT0, 0x15751)); /* status and remote IRR are read-only, not reserved */
    assert_true(rdmsr(0x800 + LINT0) == 0x10751);
    assert_false(wrmsr(0x900, 0));
    assert_false(wrmsr(0x7ff, 0));
}

static void x2apic_icr_is_one_msr(void **state)
{
    (void)state;
    assert_true(wr2(ICR, UINT64_C(0x12345678) << 32 | 0x1041));
    assert_int_equal(ipis, 1);
    assert_true(last_ipi == (UINT64_C(0x12345678) << 32 | 0x41));
    assert_true(rdmsr(0x800 + ICR) == last_ipi);
    assert_true(wr2(ICR, UINT64_C(0x25) << 32 | 0x42));
    assert_int_equal(take(), 0x42);
    assert_int_equal(ipis, 1);
    assert_true(wr2(SELF_IPI, 0x77));
    assert_int_equal(take(), 0x77);
    assert_true(wr2(SELF_IPI, 0x07));
    assert_true(wr2(ESR, 0));
    assert_int_equal(rdmsr(0x800 + ESR), 0x20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(power_on_state, setup),
        cmocka_unit_test_setup(xapic_destinations, setup),
        cmocka_unit_test_setup(x2apic_destinations, setup_x2),
        cmocka_unit_test_setup(odd_mmio_is_ignored, setup),
        cmocka_unit_test_setup(base_msr_transitions, setup),
        cmocka_unit_test_setup(x2apic_refuses_what_a_cpu_refuses, setup_x2),
        cmocka_unit_test_setup(x2apic_icr_is_one_msr, setup_x2),
    };
    return cmocka_run_group_tests_name("lapic_regs", tests, NULL, NULL);
}
