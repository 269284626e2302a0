#include "hv/exit_table.h"
#include "vcpu_rig.h"

/* The run loop on a CPU that the test plays: each entry takes the next row of a script. What the
 * handlers do is said there as well. */
enum { START = 100000, ENTRIES_MAX = 16, NAP = 5000, LEN = 2, IRQ = 0x40 };

struct step {
    uint64_t ticks; /* in the guest; UNTIL: to the deadline */
    enum exit_action action;
    void (*also)(void); /* while it runs; may be NULL */
};
#define UNTIL UINT64_MAX

static struct virt_ops ops;
static struct clock test_clock;
static struct timer timer;

static struct {
    const struct step *script;
    unsigned entries;
    uint64_t tsc, nap_end;
    bool exits_wake; /* AMD-V: sleeps once; VT-x: as the exit found it */
    bool refuse;
    struct seen {
        uint64_t at, deadline;
        bool asleep;
        unsigned events; /* injected at it */
    } seen[ENTRIES_MAX];
    unsigned advanced;
    uint64_t polled_at, poll_again;
    unsigned polls, fired;
    uint64_t fired_at;
} cpu;

static uint64_t read_clock(void *ctx)
{
    (void)ctx;
    return cpu.tsc;
}

static enum err fake_run(struct vcpu *v, uint64_t deadline)
{
    const struct step *s = &cpu.script[cpu.entries];

    assert_true(cpu.entries < ENTRIES_MAX);
    assert_int_equal(rig.halted, v->halted);
    cpu.seen[cpu.entries++] = (struct seen){ cpu.tsc, deadline, rig.halted, rig.events };
    rig.events = 0;
    rig.halted &= !cpu.exits_wake;
    if (cpu.refuse) {
        return ERR_HW;
    }
    assert_true(s->ticks != UNTIL || (deadline != TIMER_OFF && deadline > cpu.tsc));
    v->stats.ticks_in_guest += s->ticks == UNTIL ? deadline - cpu.tsc : s->ticks;
    cpu.tsc = s->ticks == UNTIL ? deadline : cpu.tsc + s->ticks;
    v->now = cpu.tsc;
    v->exit = (struct vm_exit){ .kind = EXIT_CPUID, .insn_len = LEN };
    if (s->also) {
        s->also();
    }
    return ERR_NONE;
}

static void fake_advance(struct vcpu *v, unsigned insn_len)
{
    assert_int_equal(insn_len, LEN);
    v->regs.rip += insn_len;
    rig.irq_blocked = false; /* the shadow of STI ends */
    cpu.advanced++;
}

static enum exit_action do_as_scripted(struct vcpu *v, struct vm_exit *x)
{
    const struct step *s = &cpu.script[cpu.entries - 1];

    assert_ptr_equal(x, &v->exit);
    if (s->action == ACT_NAP) {
        v->nap_end = cpu.nap_end;
    }
    if (s->action == ACT_STOP) {
        vm_stop(v->vm, VM_POWER_OFF, "the end");
    }
    return s->action;
}

exit_fn *const exit_table[EXIT_KIND_COUNT] = { [EXIT_CPUID] = do_as_scripted };

static uint64_t host_poll(void *ctx, uint64_t now)
{
    assert_ptr_equal(ctx, &cpu);
    cpu.polls++;
    cpu.polled_at = now;
    return cpu.poll_again;
}

static void interrupt(void)
{
    lapic_deliver(&vcpu.lapic, IRQ, false);
}

static void fire(void *ctx, uint64_t now)
{
    (void)ctx;
    cpu.fired++;
    cpu.fired_at = now;
    interrupt();
}

/* An event wakes the guest on both. */
static void fake_inject(struct vcpu *v, const struct vm_event *e)
{
    rig_inject(v, e);
    rig.halted = false;
}

static int setup(void **state)
{
    rig_setup(state);
    memset(&cpu, 0, sizeof cpu);
    cpu.tsc = START;
    cpu.poll_again = TIMER_OFF;
    cpu.nap_end = START + NAP;
    ops = rig_ops;
    ops.run = fake_run;
    ops.advance = fake_advance;
    ops.inject = fake_inject;
    test_clock = (struct clock){ .now = read_clock, .hz = 1000000000 };
    vm.ops = &ops;
    vm.clock = &test_clock;
    vm.host_poll = host_poll;
    vm.host_ctx = &cpu;
    vm.host_next = TIMER_OFF;
    vcpu.nap_end = TIMER_OFF;
    timer_init(&timer, &vcpu.timers, fire, NULL);
    return 0;
}

static int setup_waking(void **state)
{
    (void)setup(state);
    cpu.exits_wake = true;
    return 0;
}

static void run(const struct step *script)
{
    cpu.script = script;
    vcpu_run(&vcpu);
}

static void assert_entry(unsigned i, uint64_t at, uint64_t deadline, bool asleep)
{
    assert_true(i < cpu.entries);
    assert_int_equal(cpu.seen[i].at, START + at);
    assert_int_equal(cpu.seen[i].deadline, deadline == TIMER_OFF ? TIMER_OFF : START + deadline);
    assert_int_equal(cpu.seen[i].asleep, asleep);
}

static void actions_move_rip_or_do_not(void **state)
{
    static const struct step script[] = {
        {10,  ACT_RESUME,  NULL},
        { 10, ACT_ADVANCE, NULL},
        { 10, ACT_RESUME,  NULL},
        { 10, ACT_STOP,    NULL},
    };

    (void)state;
    run(script);
    assert_int_equal(cpu.entries, 4);
    assert_int_equal(cpu.advanced, 1);
    assert_int_equal(vcpu.regs.rip, LEN);
    assert_int_equal(vcpu.stats.count[EXIT_CPUID], 4);
    assert_int_equal(vcpu.stats.launched, START);
    assert_int_equal(vcpu.stats.stopped, START + 40);
    assert_int_equal(vcpu.stats.ticks_halted, 0);
    assert_int_equal(vm.stop, VM_POWER_OFF);
}

static void a_refused_entry_ends_the_guest(void **state)
{
    (void)state;
    cpu.refuse = true;
    run((const struct step[]){
        {10, ACT_RESUME, NULL}
    });
    assert_int_equal(cpu.entries, 1);
    assert_int_equal(vm.stop, VM_KILLED);
}

static void a_nap_ends_at_its_end(void **state)
{
    static const struct step script[] = {
        {10,     ACT_NAP,    NULL},
        { UNTIL, ACT_RESUME, NULL},
        { 10,    ACT_STOP,   NULL},
    };

    (void)state;
    run(script);
    assert_entry(0, 0, TIMER_OFF, false);
    assert_entry(1, 10, NAP, true);
    assert_entry(2, NAP, TIMER_OFF, false);
    assert_false(vcpu.halted);
    assert_int_equal(cpu.advanced, 1); /* behind the PAUSE, once */
    assert_int_equal(cpu.seen[2].events, 0);
}

static void an_exit_in_between_does_not_end_a_nap(void **state)
{
    static const struct step script[] = {
        {10,     ACT_NAP,    NULL},
        { 1000,  ACT_RESUME, NULL},
        { 1000,  ACT_RESUME, NULL},
        { UNTIL, ACT_RESUME, NULL},
        { 10,    ACT_STOP,   NULL},
    };

    (void)state;
    run(script);
    assert_entry(2, 1010, NAP, true);
    assert_entry(3, 2010, NAP, true);
    assert_entry(4, NAP, TIMER_OFF, false);
}

static void an_interrupt_ends_a_nap_at_once(void **state)
{
    static const struct step script[] = {
        {10,     ACT_NAP,    NULL     },
        { 1000,  ACT_RESUME, interrupt},
        { 10000, ACT_STOP,   NULL     },
    };

    (void)state;
    run(script);
    assert_entry(1, 10, NAP, true);
    assert_entry(2, 1010, TIMER_OFF, false); /* the rest of the nap is forgotten */
    assert_int_equal(cpu.seen[2].events, 1);
    assert_int_equal(vcpu.stats.ticks_halted, 1000);
}

static void a_timer_of_the_guest_ends_a_nap(void **state)
{
    static const struct step script[] = {
        {10,     ACT_NAP,    NULL},
        { UNTIL, ACT_RESUME, NULL},
        { 10,    ACT_STOP,   NULL},
    };

    (void)state;
    timer_arm(&timer, START + 700);
    run(script);
    assert_entry(0, 0, 700, false);
    assert_entry(1, 10, 700, true);
    assert_entry(2, 700, TIMER_OFF, false);
    assert_int_equal(cpu.seen[2].events, 1);
    assert_int_equal(cpu.fired_at, START + 700);
}

static void what_already_waits_lets_no_nap_begin(void **state)
{
    static const struct step script[] = {
        {10,  ACT_NAP,  interrupt},
        { 10, ACT_STOP, NULL     },
    };

    (void)state;
    run(script);
    assert_entry(1, 10, TIMER_OFF, false);
    assert_int_equal(cpu.seen[1].events, 1);
}

static void interrupt_in_a_shadow(void)
{
    rig.irq_blocked = true;
    interrupt();
}

/* STI; HLT: the interrupt that could not come in between comes at once. */
static void what_waited_behind_sti_lets_no_sleep_begin(void **state)
{
    static const struct step script[] = {
        {10,  ACT_RESUME, interrupt_in_a_shadow},
        { 10, ACT_IDLE,   NULL                 },
        { 10, ACT_STOP,   NULL                 },
    };

    (void)state;
    run(script);
    assert_int_equal(cpu.seen[1].events, 0);
    assert_entry(2, 20, TIMER_OFF, false);
    assert_int_equal(cpu.seen[2].events, 1);
}

static void hlt_has_no_end_but_an_interrupt(void **state)
{
    static const struct step script[] = {
        {10,          ACT_IDLE,   NULL     },
        { 1000 * NAP, ACT_RESUME, NULL     },
        { 1000 * NAP, ACT_RESUME, interrupt},
        { 10,         ACT_STOP,   NULL     },
    };

    (void)state;
    vcpu.nap_end = START - 1; /* an old one */
    run(script);
    assert_entry(1, 10, TIMER_OFF, true);
    assert_entry(2, 10 + 1000 * NAP, TIMER_OFF, true);
    assert_entry(3, 10 + 2000 * NAP, TIMER_OFF, false);
    assert_int_equal(cpu.advanced, 1);
}

static void a_single_step_does_not_sleep(void **state)
{
    static const struct step script[] = {
        {10,  ACT_IDLE, NULL},
        { 10, ACT_NAP,  NULL},
        { 10, ACT_STOP, NULL},
    };

    (void)state;
    vcpu.regs_loaded = false;
    rig.hidden_rflags = RFLAGS_FIXED | RFLAGS_TF;
    run(script);
    assert_entry(1, 10, TIMER_OFF, false);
    assert_entry(2, 20, TIMER_OFF, false);
}

static void ticks_asleep_are_counted_apart(void **state)
{
    static const struct step script[] = {
        {30,     ACT_NAP,    NULL     },
        { 1000,  ACT_RESUME, NULL     },
        { UNTIL, ACT_RESUME, NULL     },
        { 50,    ACT_IDLE,   NULL     },
        { 7000,  ACT_RESUME, interrupt},
        { 90,    ACT_STOP,   NULL     },
    };

    (void)state;
    run(script);
    assert_int_equal(vcpu.stats.ticks_halted, NAP - 30 + 7000);
    assert_int_equal(vcpu.stats.ticks_in_guest, vcpu.stats.ticks_halted + 30 + 50 + 90);
}

static void console_work_is_done_when_it_is_due(void **state)
{
    static const struct step script[] = {
        {10,     ACT_NAP,    NULL},
        { UNTIL, ACT_RESUME, NULL},
        { UNTIL, ACT_RESUME, NULL},
        { 10,    ACT_STOP,   NULL},
    };

    (void)state;
    vm.host_next = START + 300;
    cpu.poll_again = START + NAP + 300;
    run(script);
    assert_entry(0, 0, 300, false);
    assert_entry(1, 10, 300, true);
    assert_entry(2, 300, NAP, true); /* it wakes nobody by itself */
    assert_entry(3, NAP, NAP + 300, false);
    assert_int_equal(cpu.polls, 1);
    assert_int_equal(cpu.polled_at, START + 300);
}

int main(void)
{
#define T(test)    cmocka_unit_test_setup(test, setup)
#define BOTH(test) T(test), cmocka_unit_test_setup(test, setup_waking)
    const struct CMUnitTest tests[] = {
        T(actions_move_rip_or_do_not),
        T(a_refused_entry_ends_the_guest),
        BOTH(a_nap_ends_at_its_end),
        BOTH(an_exit_in_between_does_not_end_a_nap),
        BOTH(an_interrupt_ends_a_nap_at_once),
        BOTH(a_timer_of_the_guest_ends_a_nap),
        BOTH(what_already_waits_lets_no_nap_begin),
        BOTH(what_waited_behind_sti_lets_no_sleep_begin),
        BOTH(hlt_has_no_end_but_an_interrupt),
        BOTH(a_single_step_does_not_sleep),
        BOTH(ticks_asleep_are_counted_apart),
        BOTH(console_work_is_done_when_it_is_due),
    };
    return cmocka_run_group_tests_name("vcpu", tests, NULL, NULL);
}
