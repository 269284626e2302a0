#include "hv/inject.h"
#include "hv/pv_eoi.h"
#include "vcpu_rig.h"

static struct {
    bool waits;
    unsigned acks;
} pic;

static bool pic_pending(void *ctx)
{
    (void)ctx;
    return pic.waits;
}

static uint8_t pic_ack(void *ctx)
{
    (void)ctx;
    pic.acks++;
    pic.waits = false;
    return 0x30;
}

static int setup(void **state)
{
    memset(&pic, 0, sizeof pic);
    rig_setup(state);
    vcpu.extint = (struct vcpu_extint){ pic_pending, pic_ack, NULL };
    rig_apic_write(0x350, 7 << 8); /* LINT0: ExtINT, as the BIOS leaves it */
    vcpu.look = false;
    return 0;
}

/* One entry. */
static void enter(void)
{
    rig.events = 0;
    inject_pending(&vcpu);
    assert_int_equal(vcpu.event.type, EVENT_NONE);
}

static void assert_injected(enum event_type type, uint8_t vector)
{
    assert_int_equal(rig.events, 1);
    assert_int_equal(rig.event[0].type, type);
    assert_int_equal(rig.event[0].vector, vector);
}

static void assert_windows(bool irq, bool nmi)
{
    assert_int_equal(rig.window_irq, irq);
    assert_int_equal(rig.window_nmi, nmi);
}

static bool in_service(uint8_t vector)
{
    return vcpu.lapic.isr.word[vector / 32] & BIT32(vector % 32);
}

static void nothing_pending_injects_nothing(void **state)
{
    (void)state;
    vcpu.look = vcpu.halted = true;
    rig.window_irq = rig.window_nmi = true;
    enter();
    assert_int_equal(rig.events, 0);
    assert_windows(false, false);
    assert_false(vcpu.look);
    assert_true(vcpu.halted);
}

static void faults_have_codes_only_in_protected_mode(void **state)
{
    (void)state;
    vcpu_fault(&vcpu, VEC_UD);
    assert_queued(VEC_UD, false, 0);
    vcpu.event.type = EVENT_NONE;
    vcpu_fault_code(&vcpu, VEC_GP, 0x18);
    assert_queued(VEC_GP, true, 0x18);
    vcpu.event.type = EVENT_NONE;
    vcpu_page_fault(&vcpu, UINT64_C(0xffff800012345678), 6);
    assert_queued(VEC_PF, true, 6);
    assert_true(rig.cr2 == UINT64_C(0xffff800012345678));
    vcpu.event.type = EVENT_NONE;
    rig.crs.cr0 = CR0_ET;
    vcpu_fault_code(&vcpu, VEC_GP, 0x18);
    assert_queued(VEC_GP, false, 0);
    vcpu_fault_code(&vcpu, VEC_GP, 0);
    assert_queued(VEC_DF, false, 0);
}

static void raise(uint8_t vector)
{
    if (vector == VEC_PF) {
        vcpu_page_fault(&vcpu, 0x5000, 2);
    } else if (vector >= VEC_TS && vector <= VEC_GP) {
        vcpu_fault_code(&vcpu, vector, 8);
    } else {
        vcpu_fault(&vcpu, vector);
    }
}

/* Intel SDM vol. 3, "Interrupt 8 - Double Fault Exception (#DF)", the table of conditions. */
static void two_faults_make_a_double_fault_as_in_the_manual(void **state)
{
    enum { BENIGN, CONTRIBUTORY, PAGE };
    static const struct {
        uint8_t vector, class;
    } fault[] = {
        {VEC_DE,  CONTRIBUTORY},
        { VEC_DB, BENIGN      },
        { VEC_UD, BENIGN      },
        { VEC_NM, BENIGN      },
        { VEC_TS, CONTRIBUTORY},
        { VEC_NP, CONTRIBUTORY},
        { VEC_SS, CONTRIBUTORY},
        { VEC_GP, CONTRIBUTORY},
        { VEC_PF, PAGE        },
        { VEC_AC, BENIGN      }
    };
    static const bool is_double[3][3] = {
        [CONTRIBUTORY] = {[CONTRIBUTORY] = true},
        [PAGE] = { [CONTRIBUTORY] = true,        [PAGE] = true }
    };

    for (unsigned i = 0; i < ARRAY_SIZE(fault); i++) {
        for (unsigned k = 0; k < ARRAY_SIZE(fault); k++) {
            setup(state);
            raise(fault[i].vector);
            raise(fault[k].vector);
            if (is_double[fault[i].class][fault[k].class]) {
                assert_queued(VEC_DF, true, 0);
            } else {
                assert_int_equal(vcpu.event.vector, fault[k].vector);
            }
            assert_int_equal(vm.stop, VM_RUNNING);
        }
    }
}

static void a_fault_in_a_double_fault_stops_the_vm(void **state)
{
    (void)state;
    raise(VEC_PF);
    raise(VEC_GP);
    raise(VEC_PF);
    assert_int_equal(vm.stop, VM_TRIPLE_FAULT);
}

static void a_fault_while_an_interrupt_is_delivered_stops_the_vm(void **state)
{
    (void)state;
    vcpu.event = (struct vm_event){ .type = EVENT_IRQ, .vector = 0x40 };
    raise(VEC_GP);
    assert_int_equal(vm.stop, VM_KILLED);
}

static void a_fault_goes_first_and_the_rest_waits_for_windows(void **state)
{
    (void)state;
    vcpu.halted = true;
    vcpu_fault_code(&vcpu, VEC_GP, 0x10);
    vcpu.nmi_pending = true;
    lapic_deliver(&vcpu.lapic, 0x40, false);
    enter();
    assert_injected(EVENT_FAULT, VEC_GP);
    assert_true(rig.event[0].has_code && rig.event[0].code == 0x10);
    assert_windows(true, true);
    assert_false(vcpu.halted);
    enter(); /* the NMI window */
    assert_injected(EVENT_NMI, VEC_NMI);
    assert_windows(true, false);
    enter(); /* the interrupt window */
    assert_injected(EVENT_IRQ, 0x40);
    assert_windows(false, false);
    assert_true(in_service(0x40));
}

static void a_software_event_comes_back_whole(void **state)
{
    struct vm_event e = { .type = EVENT_SOFT_INT, .vector = 0x80, .insn_len = 2 };

    (void)state;
    vcpu.event = e;
    enter();
    assert_injected(EVENT_SOFT_INT, 0x80);
    assert_int_equal(rig.event[0].insn_len, 2);
}

static void a_blocked_nmi_does_not_hold_up_an_interrupt(void **state)
{
    (void)state;
    rig.nmi_blocked = true;
    vcpu.nmi_pending = true;
    lapic_deliver(&vcpu.lapic, 0x40, false);
    enter();
    assert_injected(EVENT_IRQ, 0x40);
    assert_windows(false, true);
    assert_true(vcpu.nmi_pending);
}

static void a_blocked_interrupt_asks_for_a_window_and_stays(void **state)
{
    (void)state;
    rig.irq_blocked = true;
    vcpu.halted = true;
    lapic_deliver(&vcpu.lapic, 0x40, false);
    enter();
    assert_int_equal(rig.events, 0);
    assert_windows(true, false);
    assert_int_equal(lapic_pending(&vcpu.lapic), 0x40);
    assert_true(vcpu.halted);
    pic.waits = true;
    enter();
    assert_int_equal(pic.acks, 0);
    assert_windows(true, false);
    rig.irq_blocked = false;
    enter();
    assert_int_equal(rig.events, 1);
    assert_false(vcpu.halted);
}

static void the_pic_comes_first_and_the_apic_gets_a_window(void **state)
{
    (void)state;
    pic.waits = true;
    lapic_deliver(&vcpu.lapic, 0x40, false);
    enter();
    assert_injected(EVENT_IRQ, 0x30);
    assert_int_equal(pic.acks, 1);
    assert_false(in_service(0x30) || in_service(0x40));
    assert_windows(true, false); /* nothing else would tell that 0x40 waits */
    enter();
    assert_injected(EVENT_IRQ, 0x40);
    assert_windows(false, false);
}

static void a_masked_lint0_keeps_the_pic_out(void **state)
{
    (void)state;
    rig_apic_write(0x350, 1 << 16 | 7 << 8);
    pic.waits = true;
    enter();
    assert_int_equal(rig.events, 0);
    assert_windows(false, false);
    vcpu.extint.pending = NULL; /* and there may be no PIC at all */
    enter();
    assert_int_equal(rig.events, 0);
}

static void a_vector_below_the_priority_waits_without_a_window(void **state)
{
    (void)state;
    lapic_deliver(&vcpu.lapic, 0x50, false);
    enter();
    lapic_deliver(&vcpu.lapic, 0x40, false);
    enter();
    assert_int_equal(rig.events, 0);
    assert_windows(false, false); /* its EOI makes us look again */
    vcpu.look = false;
    rig_apic_write(0xb0, 0);
    assert_true(vcpu.look);
    enter();
    assert_injected(EVENT_IRQ, 0x40);
}

enum { FLAG = 0x2004 };

static int setup_pv_eoi(void **state)
{
    setup(state);
    ram_low[FLAG] = 0xf0;
    assert_true(pv_eoi_enable(&vcpu, FLAG | 1));
    return 0;
}

static void pv_eoi_takes_ram_only(void **state)
{
    (void)state;
    assert_false(pv_eoi_enable(&vcpu, FLAG | 3)); /* a reserved bit */
    assert_false(pv_eoi_enable(&vcpu, RAM_END | 1));
    assert_false(pv_eoi_enable(&vcpu, UINT64_MAX - 2));
    assert_int_equal(vcpu.pv_eoi, 0);
    assert_true(pv_eoi_enable(&vcpu, (RAM_END - 4) | 1));
    assert_true(pv_eoi_enable(&vcpu, 0));
    assert_true(pv_eoi_enable(&vcpu, RAM_END)); /* off: any address */
}

/* Its flag may lie in a window of video memory, which the guest can close. */
static void pv_eoi_without_its_memory_does_nothing(void **state)
{
    struct vm_ram all[2] = { vm.ram[0], vm.ram[1] };

    (void)state;
    vm.ram[0].host = vm.ram[1].host = NULL;
    lapic_deliver(&vcpu.lapic, 0x40, false);
    enter();
    assert_false(vcpu.pv_eoi_armed);
    vm.ram[0] = all[0];
    vm.ram[1] = all[1];
    vcpu.pv_eoi_armed = true;
    vm.ram[0].host = vm.ram[1].host = NULL;
    pv_eoi_collect(&vcpu);
    assert_false(vcpu.pv_eoi_armed);
    vcpu.pv_eoi_armed = true;
    assert_true(pv_eoi_enable(&vcpu, 0));
    assert_false(vcpu.pv_eoi_armed);
}

static void an_interrupt_alone_may_be_ended_without_an_exit(void **state)
{
    (void)state;
    lapic_deliver(&vcpu.lapic, 0x40, false);
    enter();
    assert_true(vcpu.pv_eoi_armed);
    assert_int_equal(ram_low[FLAG], 0xf1);
    enter(); /* not ended yet */
    assert_true(in_service(0x40));
    ram_low[FLAG] = 0xf0;
    lapic_deliver(&vcpu.lapic, 0x31, false); /* lower: deliverable because 0x40 has ended */
    enter();
    assert_false(in_service(0x40));
    assert_injected(EVENT_IRQ, 0x31);
}

static void nothing_is_offered_while_it_is_off(void **state)
{
    (void)state;
    lapic_deliver(&vcpu.lapic, 0x40, false);
    enter();
    assert_false(vcpu.pv_eoi_armed);
    assert_int_equal(ram_low[FLAG], 0);
}

static void a_level_triggered_interrupt_must_exit(void **state)
{
    (void)state;
    lapic_deliver(&vcpu.lapic, 0x40, true);
    enter();
    assert_false(vcpu.pv_eoi_armed);
    assert_int_equal(ram_low[FLAG], 0xf0);
}

static void an_interrupt_with_another_behind_it_must_exit(void **state)
{
    (void)state;
    lapic_deliver(&vcpu.lapic, 0x41, false);
    lapic_deliver(&vcpu.lapic, 0x40, false);
    enter();
    assert_injected(EVENT_IRQ, 0x41);
    assert_false(vcpu.pv_eoi_armed);
    assert_int_equal(ram_low[FLAG], 0xf0);
}

static void the_offer_is_withdrawn_when_another_comes(void **state)
{
    (void)state;
    lapic_deliver(&vcpu.lapic, 0x40, false);
    enter();
    lapic_deliver(&vcpu.lapic, 0x35, false); /* waits for the end of 0x40 */
    enter();
    assert_int_equal(rig.events, 0);
    assert_int_equal(ram_low[FLAG], 0xf0);
    assert_false(vcpu.pv_eoi_armed);
    rig_apic_write(0xb0, 0); /* so the guest ends it the loud way */
    enter();
    assert_injected(EVENT_IRQ, 0x35);
    assert_false(in_service(0x40));
}

static void switching_it_off_takes_the_offer_back(void **state)
{
    (void)state;
    lapic_deliver(&vcpu.lapic, 0x40, false);
    enter();
    assert_true(pv_eoi_enable(&vcpu, 0));
    assert_int_equal(ram_low[FLAG], 0xf0); /* else the guest thinks that it has ended 0x40 */
    assert_true(in_service(0x40));
    rig_apic_write(0xb0, 0);
    assert_false(in_service(0x40));
}

static void an_end_noted_before_it_is_moved_counts(void **state)
{
    (void)state;
    lapic_deliver(&vcpu.lapic, 0x40, false);
    enter();
    ram_low[FLAG] = 0;
    assert_true(pv_eoi_enable(&vcpu, (FLAG + 64) | 1));
    assert_false(in_service(0x40));
    assert_int_equal(ram_low[FLAG + 64], 0);
}

int main(void)
{
#define T(test)  cmocka_unit_test_setup(test, setup)
#define PV(test) cmocka_unit_test_setup(test, setup_pv_eoi)
    const struct CMUnitTest tests[] = {
        T(nothing_pending_injects_nothing),
        T(faults_have_codes_only_in_protected_mode),
        T(two_faults_make_a_double_fault_as_in_the_manual),
        T(a_fault_in_a_double_fault_stops_the_vm),
        T(a_fault_while_an_interrupt_is_delivered_stops_the_vm),
        T(a_fault_goes_first_and_the_rest_waits_for_windows),
        T(a_software_event_comes_back_whole),
        T(a_blocked_nmi_does_not_hold_up_an_interrupt),
        T(a_blocked_interrupt_asks_for_a_window_and_stays),
        T(the_pic_comes_first_and_the_apic_gets_a_window),
        T(a_masked_lint0_keeps_the_pic_out),
        T(a_vector_below_the_priority_waits_without_a_window),
        T(pv_eoi_takes_ram_only),
        T(pv_eoi_without_its_memory_does_nothing),
        T(nothing_is_offered_while_it_is_off),
        PV(an_interrupt_alone_may_be_ended_without_an_exit),
        PV(a_level_triggered_interrupt_must_exit),
        PV(an_interrupt_with_another_behind_it_must_exit),
        PV(the_offer_is_withdrawn_when_another_comes),
        PV(switching_it_off_takes_the_offer_back),
        PV(an_end_noted_before_it_is_moved_counts),
    };
    return cmocka_run_group_tests_name("inject", tests, NULL, NULL);
}
