#include "bios_rig.h"

enum { PORT_PIC_MASK = 0x21, PORT_KBC = 0x64, PORT_92 = 0x92, PORT_CF9 = 0xcf9 };
enum { SHUTDOWN_CODE = 0x0f, DATA_AREA = 0x400 };

/* Intel SDM vol. 3, "Processor State After Reset". */
static void a_cpu_starts_16_bytes_below_4_gib(void **state)
{
    struct vcpu *v = &pc.vcpu;

    (void)state;
    memset(&v->regs, 0x5a, sizeof v->regs);
    memset(&rig.crs, 0x5a, sizeof rig.crs);
    memset(&rig.segs, 0x5a, sizeof rig.segs);
    v->regs_loaded = false;
    rig.rip_set = 0;
    start_reset(v);
    assert_int_equal(rig.crs.cr0, 0x10);
    assert_int_equal(rig.crs.cr3 | rig.crs.cr4 | rig.crs.efer, 0);
    for (unsigned i = 0; i < SEG_COUNT; i++) {
        const struct segment *s = &rig.segs.seg[i];

        assert_int_equal(s->sel, i == SEG_CS ? 0xf000 : 0);
        assert_int_equal(s->base, i == SEG_CS ? 0xffff0000 : 0);
        assert_int_equal(s->limit, 0xffff);
        assert_int_equal(s->attr, i == SEG_CS     ? 0x9b
                                  : i == SEG_LDTR ? 0x82
                                  : i == SEG_TR   ? 0x8b
                                                  : 0x93);
    }
    assert_int_equal(rig.segs.gdtr.base | rig.segs.idtr.base, 0);
    assert_int_equal(rig.segs.gdtr.limit, 0xffff);
    assert_int_equal(rig.segs.idtr.limit, 0xffff);
    for (unsigned i = 0; i < GPR_COUNT; i++) {
        assert_int_equal(v->regs.gpr[i], 0);
    }
    assert_int_equal(v->regs.rip, 0xfff0);
    assert_int_equal(v->regs.rflags, 2);
    assert_true(v->regs_loaded);
    assert_int_equal(rig.rip_set, 1);
}

static void what_waited_for_the_cpu_is_gone_with_a_reset(void **state)
{
    struct vcpu *v = &pc.vcpu;

    (void)state;
    v->event = (struct vm_event){ .type = EVENT_FAULT, .vector = 13 };
    v->nmi_pending = true;
    v->halted = rig.halted = true;
    v->look = false;
    v->pv_eoi = v->kvm_system_time = 0x1001;
    v->pv_eoi_armed = true;
    v->osxsave = v->pke = true;
    v->idle.since = UINT64_MAX;
    start_reset(v);
    assert_int_equal(v->event.type, EVENT_NONE);
    assert_false(v->nmi_pending || v->halted || rig.halted);
    assert_true(v->look);
    assert_int_equal(v->pv_eoi | v->kvm_system_time, 0);
    assert_false(v->pv_eoi_armed);
    assert_false(v->osxsave || v->pke); /* CPUID shows what is in CR4 */
    assert_int_equal(v->idle.since, 0);
}

/* The ways to reset a PC, and whether they reset just the CPU. */
static void pulse(void)
{
    pc_out8(PORT_KBC, 0xfe);
}

static void pulse_92(void)
{
    pc_out8(PORT_92, pc_in8(PORT_92) & 0xfe);
    pc_out8(PORT_92, pc_in8(PORT_92) | 1);
}

static void triple_fault(void)
{
    vm_stop(&pc.vm, VM_TRIPLE_FAULT, "triple fault");
}

static void write_cf9(void)
{
    pc_out8(PORT_CF9, 2);
    pc_out8(PORT_CF9, 6);
}

static const struct {
    void (*ask)(void);
    bool hard;
} ways[] = {
    {pulse,         false},
    { pulse_92,     false},
    { triple_fault, false},
    { write_cf9,    true },
};

static unsigned way, code;

/* First it changes what a reset may or may not set right, then it asks for one. */
static void change_and_reset(void)
{
    memset(pc_ram(BIOS_AT, BIOS_SIZE), 0xee, BIOS_SIZE);
    *pc_ram(0x500, 1) = 0x77;
    pc_out8(0x20, 0x11); /* the PIC is set up, so that its mask is its own */
    pc_out8(PORT_PIC_MASK, 0x08);
    pc_out8(PORT_PIC_MASK, 0x04);
    pc_out8(PORT_PIC_MASK, 0x01);
    pc_out8(PORT_PIC_MASK, 0x5a);
    pc_out8(PORT_92, 0x00); /* A20 off */
    set_cmos(SHUTDOWN_CODE, code);
    pc.vcpu.regs.rip = 0x1234;
    ways[way].ask();
}

static void assert_went_on(void)
{
    assert_at_reset();
    assert_int_equal(*pc_ram(BIOS_AT, 1), 0xee);
    assert_int_equal(pc_in8(PORT_PIC_MASK), 0x5a);
    assert_false(ram_a20(&pc));
}

static void assert_started_again(void)
{
    assert_at_reset();
    assert_memory_equal(pc_ram(BIOS_AT, BIOS_SIZE), bios, BIOS_SIZE);
    assert_int_equal(pc_in8(PORT_PIC_MASK), 0xff);
    assert_true(ram_a20(&pc));
}

static bool goes_on(void)
{
    return !ways[way].hard && (code == 0x05 || code == 0x09 || code == 0x0a);
}

static void reset_once(unsigned run)
{
    if (run == 0) {
        change_and_reset();
        return;
    }
    if (goes_on()) {
        assert_went_on();
    } else {
        assert_started_again();
    }
    assert_int_equal(*pc_ram(0x500, 1), 0x77); /* RAM stays */
    assert_int_equal(cmos(SHUTDOWN_CODE), code);
    vm_stop(&pc.vm, VM_POWER_OFF, "off");
}

static void a_reset_starts_the_pc_again_or_goes_on_as_cmos_says(void **state)
{
    static const uint8_t codes[] = { 0x00, 0x01, 0x04, 0x05, 0x06, 0x09, 0x0a, 0x0b, 0x85, 0xff };

    (void)state;
    guest = reset_once;
    for (way = 0; way < ARRAY_SIZE(ways); way++) {
        for (unsigned i = 0; i < ARRAY_SIZE(codes); i++) {
            (void)setup_loaded(NULL);
            code = codes[i];
            bios_run(&pc);
            assert_int_equal(runs, 2);
            assert_int_equal(pc.vm.stop, VM_POWER_OFF);
            (void)pc_teardown(NULL);
        }
    }
}

static void reset_hard_and_then_the_cpu(unsigned run)
{
    if (run < 2) {
        code = 0x09;
        way = run == 0 ? 3 : 0;
        change_and_reset();
        return;
    }
    assert_went_on();
    vm_stop(&pc.vm, VM_POWER_OFF, "off");
}

static void a_hard_reset_is_one_only_once(void **state)
{
    (void)state;
    guest = reset_hard_and_then_the_cpu;
    bios_run(&pc);
    assert_int_equal(runs, 3);
}

static enum vm_stop stop_how;

static void just_stop(unsigned run)
{
    (void)run;
    vm_stop(&pc.vm, stop_how, "why");
}

static void who_stops_for_good_is_not_started_again(void **state)
{
    static const enum vm_stop how[] = { VM_POWER_OFF, VM_HALTED, VM_KILLED };

    (void)state;
    guest = just_stop;
    for (unsigned i = 0; i < ARRAY_SIZE(how); i++) {
        (void)setup_loaded(NULL);
        stop_how = how[i];
        bios_run(&pc);
        assert_int_equal(runs, 1);
        assert_int_equal(pc.vm.stop, how[i]);
        assert_string_equal(pc.vm.why, "why");
        (void)pc_teardown(NULL);
    }
}

static void reset_in_9_ms(unsigned run)
{
    (void)run;
    pc_now += 9 * PC_HZ / 1000;
    pulse();
}

static void a_pc_that_resets_itself_over_and_over_ends(void **state)
{
    (void)state;
    guest = reset_in_9_ms;
    bios_run(&pc);
    assert_int_equal(runs, 18); /* the first start was long ago, then 16 that are forgiven */
    assert_int_equal(pc.vm.stop, VM_RESET);
}

static void reset_each_second(unsigned run)
{
    pc_now += run % 10 == 9 ? PC_HZ : 9 * PC_HZ / 1000;
    if (run == 100) {
        vm_stop(&pc.vm, VM_POWER_OFF, "off");
    } else {
        pulse();
    }
}

static void resets_with_a_second_in_between_are_no_loop(void **state)
{
    (void)state;
    guest = reset_each_second;
    bios_run(&pc);
    assert_int_equal(runs, 101);
    assert_int_equal(pc.vm.stop, VM_POWER_OFF);
}

static unsigned seconds_before;

static void reset_after_a_while(unsigned run)
{
    if (run == 0) {
        set_cmos(0x0b, 0x22); /* the alarm's interrupt, in binary mode: no */
        seconds_before = cmos(0);
        pc_now += 3 * PC_HZ;
        pulse();
        return;
    }
    assert_int_equal(((cmos(0) >> 4) * 10 + (cmos(0) & 15)) % 60,
                     ((seconds_before >> 4) * 10 + (seconds_before & 15) + 3) % 60);
    vm_stop(&pc.vm, VM_POWER_OFF, "off");
}

static void the_clock_goes_on_through_a_reset(void **state)
{
    (void)state;
    guest = reset_after_a_while;
    bios_run(&pc);
    assert_int_equal(runs, 2);
}

/* --- the keys that the BIOS has room for --- */

static unsigned key_room(unsigned head, unsigned tail, unsigned start, unsigned end)
{
    uint8_t *area = pc_ram(DATA_AREA, 0x100);

    le16_write(area + 0x1a, (uint16_t)head);
    le16_write(area + 0x1c, (uint16_t)tail);
    le16_write(area + 0x80, (uint16_t)start);
    le16_write(area + 0x82, (uint16_t)end);
    return bios_key_room(&pc);
}

static void the_room_for_keys_is_what_the_data_area_says(void **state)
{
    (void)state;
    for (unsigned at = 0x1e; at < 0x3e; at += 2) {
        for (unsigned keys = 0; keys <= 15; keys++) {
            unsigned tail = 0x1e + (at - 0x1e + 2 * keys) % 0x20;

            assert_int_equal(key_room(at, tail, 0x1e, 0x3e), 15 - keys);
        }
    }
    assert_int_equal(key_room(0x1e, 0x1e, 0x1e, 0x5e), 31); /* a larger one */
    assert_int_equal(key_room(0x100, 0x102, 0x100, 0x104), 0);
}

static void a_data_area_that_makes_no_sense_is_a_system_without_it(void **state)
{
    static const uint16_t row[][4] = {
        {0x1e,    0x1e,   0,      0     },
        { 0x1e,   0x1e,   0x3e,   0x1e  },
        { 0x1e,   0x1e,   0x1e,   0x1e  },
        { 0x1d,   0x1e,   0x1e,   0x3e  },
        { 0x1e,   0x1d,   0x1e,   0x3e  },
        { 0x3e,   0x1e,   0x1e,   0x3e  },
        { 0x1e,   0x3e,   0x1e,   0x3e  },
        { 0xffff, 0xffff, 0xffff, 0xffff},
        { 0,      0,      0xffff, 0     },
    };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(row); i++) {
        assert_int_equal(key_room(row[i][0], row[i][1], row[i][2], row[i][3]), 15);
    }
}

/* All small rings, and some of the largest: the answer is never more than the ring. */
static void a_hostile_data_area_gives_some_room_at_most(void **state)
{
    static const uint16_t start[] = { 0, 1, 0x1e, 0xfff0 };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(start); i++) {
        for (unsigned size = 1; size < 16; size++) {
            for (unsigned head = 0; head < size; head++) {
                for (unsigned tail = 0; tail < size; tail++) {
                    unsigned room = key_room(start[i] + head, start[i] + tail, start[i],
                                             MIN(start[i] + size, 0xffff));

                    assert_true(room <= size / 2 || room == 15);
                }
            }
        }
    }
    assert_true(key_room(0, 0xfffe, 0, 0xffff) <= 0x7fff);
    assert_true(key_room(0xfffe, 0, 0, 0xffff) <= 0x7fff);
    memset(pc_ram(0, PAGE_SIZE), 0xff, PAGE_SIZE);
    assert_int_equal(bios_key_room(&pc), 15);
    memset(pc_ram(0, PAGE_SIZE), 0, PAGE_SIZE); /* before any BIOS has run */
    assert_int_equal(bios_key_room(&pc), 15);
}

int main(void)
{
#define T(test)      cmocka_unit_test_setup_teardown(test, setup, pc_teardown)
#define LOADED(test) cmocka_unit_test_setup_teardown(test, setup_loaded, pc_teardown)
    const struct CMUnitTest tests[] = {
        LOADED(a_cpu_starts_16_bytes_below_4_gib),
        LOADED(what_waited_for_the_cpu_is_gone_with_a_reset),
        T(a_reset_starts_the_pc_again_or_goes_on_as_cmos_says),
        LOADED(a_hard_reset_is_one_only_once),
        T(who_stops_for_good_is_not_started_again),
        LOADED(a_pc_that_resets_itself_over_and_over_ends),
        LOADED(resets_with_a_second_in_between_are_no_loop),
        LOADED(the_clock_goes_on_through_a_reset),
        LOADED(the_room_for_keys_is_what_the_data_area_says),
        LOADED(a_data_area_that_makes_no_sense_is_a_system_without_it),
        LOADED(a_hostile_data_area_gives_some_room_at_most),
    };
    return cmocka_run_group_tests_name("bios_reset", tests, NULL, NULL);
}
