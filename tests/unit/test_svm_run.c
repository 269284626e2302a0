#include "arch/x86_64/host_timer.h"
#include "arch/x86_64/percpu.h"
#include "svm/svm.h"
#include "svm/svm_exit.h"
#include "vcpu_rig.h"

/* Exit codes as the manual numbers them. */
enum { WRITE_CR4 = 0x14, EXCP_DB = 0x41, PHYSICAL_INTR = 0x60, VINTR = 0x64, WRITE_CR0 = 0x65 };
enum { CPUID = 0x72, IRET = 0x74, IOIO = 0x7b, NPF = 0x400 };
enum {
    GUEST_AT = 0x5000,
    HOST_AT = 0x6000,
    CODE = 0x8000,
    START = 5000000,
    TICKS = 1000,
    DEADLINE = 123456
};
#define CLEAN_ALL UINT64_C(0x3ff)
#define CR_IS_MOV BIT(63)

struct svm_machine svm_machine;
static _Alignas(4096) struct vmcb vmcb;
static struct svm_vcpu *hw;

/* What the test's CPU does when it is entered, and what it saw. Why it leaves is in the VMCB by
 * then. */
static struct {
    void (*guest)(void); /* NULL: it only leaves */
    unsigned entries, naps, refusals;
    unsigned timer_irqs, device_irqs; /* that come in when the host next lets them */
    uint64_t tsc, armed, rflags;
    unsigned fired;
    struct percpu host;
} cpu;

void svm_enter(struct vcpu_regs *regs, uint64_t guest_vmcb, uint64_t host_vmcb)
{
    assert_ptr_equal(regs, &vcpu.regs);
    assert_int_equal(guest_vmcb, GUEST_AT);
    assert_int_equal(host_vmcb, HOST_AT);
    cpu.entries++;
    cpu.tsc += TICKS;
    cpu.rflags = vmcb.rflags;
    if (cpu.guest) {
        cpu.guest();
    }
}

uint64_t cpu_rdtsc(void)
{
    return cpu.tsc;
}

void *cpu_gs_word(void)
{
    return &cpu.host;
}

void cpu_interrupt_window(void)
{
    cpu.host.irq_count += cpu.timer_irqs + cpu.device_irqs;
    cpu.host.timer_irqs += cpu.timer_irqs;
    cpu.timer_irqs = cpu.device_irqs = 0;
}

void cpu_wait_for_interrupt(void)
{
    cpu.naps++;
    cpu.tsc += TICKS;
    cpu_interrupt_window();
}

void host_timer_arm(uint64_t deadline)
{
    cpu.armed = deadline;
}

void host_timer_fire(void)
{
    cpu.fired++;
}

void svm_set_cr2(struct vcpu *v, uint64_t at)
{
    rig_set_cr2(v, at);
}

void svm_report_refusal(const struct vmcb *c)
{
    assert_ptr_equal(c, &vmcb);
    cpu.refusals++;
}

static int turn_on(void)
{
    memset(&vmcb, 0, sizeof vmcb);
    memset(&cpu, 0, sizeof cpu);
    svm_machine = (struct svm_machine){ .clean = CLEAN_ALL };
    hw = svm_of(&vcpu);
    hw->vmcb = &vmcb;
    hw->vmcb_at = HPA(GUEST_AT);
    hw->host_at = HPA(HOST_AT);
    hw->vintr = VMCB_V_INTR_MASKING;
    vcpu.regs.rip = CODE;
    cpu.tsc = START;
    return 0;
}

/* 32-bit code, flat. */
static int setup(void **state)
{
    rig_setup(state);
    return turn_on();
}

static int setup_long(void **state)
{
    rig_setup_long(state);
    return turn_on();
}

static void run_exit(uint64_t code, enum exit_kind kind)
{
    vmcb.exit_code = code;
    assert_int_equal(svm_run(&vcpu, DEADLINE), ERR_NONE);
    assert_int_equal(vcpu.exit.kind, kind);
}

#define PUT_CODE(bytes) memcpy(ram_low + CODE, bytes, sizeof(bytes) - 1)

static void change_registers(void)
{
    assert_int_equal(vmcb.rax, 0x11);
    assert_int_equal(vmcb.rsp, 0x22);
    assert_int_equal(vmcb.rip, 0x33);
    assert_int_equal(vmcb.rflags, RFLAGS_FIXED | RFLAGS_CF);
    assert_int_equal(vmcb.vintr, UINT64_C(0x1234000001000000));
    assert_int_equal(vmcb.event, 0x80000040);
    assert_int_equal(vmcb.tlb_control, VMCB_TLB_FLUSH_GUEST);
    assert_int_equal(vmcb.clean, CLEAN_ALL & ~VMCB_CLEAN_SEG);
    vmcb.rax = 0xaa;
    vmcb.rsp = 0xbb;
    vmcb.rip = 0xcc;
    vmcb.rflags = RFLAGS_FIXED | RFLAGS_IF;
    vmcb.vintr = VMCB_V_IRQ; /* an exit may leave anything there */
}

static void registers_go_in_and_come_out(void **state)
{
    (void)state;
    vcpu.regs = (struct vcpu_regs){
        .gpr = {[RAX] = 0x11, [RSP] = 0x22},
          .rip = 0x33, .rflags = RFLAGS_FIXED | RFLAGS_CF
    };
    hw->vintr = UINT64_C(0x1234000001000000);
    vmcb.vintr = VMCB_V_IRQ;
    vmcb.event = 0x80000040;
    vmcb.tlb_control = VMCB_TLB_FLUSH_GUEST;
    vmcb.clean = CLEAN_ALL & ~VMCB_CLEAN_SEG;
    cpu.guest = change_registers;
    run_exit(NPF, EXIT_MMIO);
    assert_int_equal(vcpu.regs.gpr[RAX], 0xaa);
    assert_int_equal(vcpu.regs.gpr[RSP], 0xbb);
    assert_int_equal(vcpu.regs.rip, 0xcc);
    assert_int_equal(vcpu.regs.rflags, RFLAGS_FIXED | RFLAGS_IF);
    assert_int_equal(hw->vintr, UINT64_C(0x1234000001000000));
    /* The event is injected once, the TLB flushed once, and the CPU may keep the rest. */
    assert_int_equal(vmcb.event, 0);
    assert_int_equal(vmcb.tlb_control, VMCB_TLB_KEEP);
    assert_int_equal(vmcb.clean, CLEAN_ALL);
    assert_int_equal(cpu.armed, DEADLINE);
    assert_int_equal(vcpu.now, START + TICKS);
    assert_int_equal(vcpu.stats.ticks_in_guest, TICKS);
}

static const struct {
    unsigned timer_irqs, device_irqs;
    enum exit_kind kind;
} irqs[] = {
    {1,  0, EXIT_TIMER },
    { 0, 1, EXIT_EXTINT},
    { 1, 1, EXIT_EXTINT},
    { 2, 0, EXIT_TIMER },
};

static void an_interrupt_of_the_host_is_the_timers_or_a_devices(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(irqs); i++) {
        cpu.timer_irqs = irqs[i].timer_irqs;
        cpu.device_irqs = irqs[i].device_irqs;
        run_exit(PHYSICAL_INTR, irqs[i].kind);
        assert_int_equal(cpu.timer_irqs + cpu.device_irqs, 0);
        assert_false(vcpu.look);
    }
}

static void a_halted_guest_sleeps_instead(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(irqs); i++) {
        setup(state);
        svm_set_halted(&vcpu, true);
        cpu.timer_irqs = irqs[i].timer_irqs;
        cpu.device_irqs = irqs[i].device_irqs;
        run_exit(NPF, irqs[i].kind);
        assert_int_equal(cpu.entries, 0);
        assert_int_equal(cpu.naps, 1);
        assert_int_equal(cpu.armed, DEADLINE);
        assert_int_equal(vcpu.now, START + TICKS);
        assert_int_equal(vcpu.stats.ticks_in_guest, TICKS);
        run_exit(NPF, EXIT_MMIO); /* only once */
        assert_int_equal(cpu.entries, 1);
        assert_int_equal(cpu.naps, 1);
    }
}

static void a_guest_that_was_woken_does_not_sleep(void **state)
{
    (void)state;
    svm_set_halted(&vcpu, true);
    svm_set_halted(&vcpu, false);
    run_exit(NPF, EXIT_MMIO);
    assert_int_equal(cpu.entries, 1);
    assert_int_equal(cpu.naps, 0);
}

static void changed_nested_tables_are_flushed_once_and_at_an_entry(void **state)
{
    (void)state;
    svm_machine.flush = VMCB_TLB_FLUSH_GUEST;
    svm_flush_npt(&vcpu);
    svm_set_halted(&vcpu, true);
    run_exit(NPF, EXIT_TIMER); /* no entry: it still waits */
    assert_int_equal(vmcb.tlb_control, VMCB_TLB_FLUSH_GUEST);
    run_exit(NPF, EXIT_MMIO);
    assert_int_equal(vmcb.tlb_control, VMCB_TLB_KEEP);
}

static void leaving_soon_is_a_timer_that_is_due(void **state)
{
    (void)state;
    hw->leave_soon = true;
    run_exit(NPF, EXIT_MMIO); /* something else came first */
    assert_int_equal(cpu.fired, 1);
    assert_true(hw->leave_soon);
    assert_false(vcpu.look);
    cpu.timer_irqs = 1;
    run_exit(PHYSICAL_INTR, EXIT_TIMER);
    assert_true(vcpu.look && !hw->leave_soon);
    assert_int_equal(cpu.fired, 2);
    run_exit(NPF, EXIT_MMIO);
    assert_int_equal(cpu.fired, 2);
    assert_int_equal(cpu.armed, DEADLINE);
}

static void a_wanted_window_looks_at_each_exit(void **state)
{
    (void)state;
    run_exit(NPF, EXIT_MMIO);
    assert_false(vcpu.look);
    hw->vintr |= VMCB_V_IRQ;
    run_exit(NPF, EXIT_MMIO);
    assert_true(vcpu.look);
}

static void a_refused_entry_is_reported_and_its_vmcb_kept(void **state)
{
    static const uint64_t code[] = { UINT64_MAX, UINT32_MAX, UINT64_MAX - 1, UINT32_MAX - 2 };

    for (unsigned i = 0; i < ARRAY_SIZE(code); i++) {
        setup(state);
        vmcb.exit_code = code[i];
        vmcb.event = 0x80000040;
        assert_int_equal(svm_run(&vcpu, DEADLINE), ERR_HW);
        assert_int_equal(cpu.refusals, 1);
        assert_int_equal(vmcb.event, 0x80000040); /* for the dump */
    }
}

static void an_exit_that_nobody_knows_is_told_as_it_came(void **state)
{
    static const uint64_t code[] = { 0x65 + BIT(32), 0x401, 0x8f, 0xffffffef };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(code); i++) {
        vmcb.exit_info1 = 0x1234 + i;
        run_exit(code[i], EXIT_UNKNOWN);
        assert_int_equal(vcpu.exit.hw_reason, lo32(code[i]));
        assert_int_equal(vcpu.exit.hw_info, 0x1234 + i);
        assert_int_equal(cpu.refusals, 0);
    }
}

static void an_interrupted_event_is_taken_back(void **state)
{
    (void)state;
    vmcb.exit_int_info = 0x40;
    run_exit(NPF, EXIT_MMIO);
    assert_nothing_queued();
    vmcb.exit_int_info = 0x80000040;
    vmcb.exit_info2 = 0x12345678;
    run_exit(NPF, EXIT_MMIO);
    assert_int_equal(vcpu.event.type, EVENT_IRQ);
    assert_int_equal(vcpu.event.vector, 0x40);
    assert_true(vcpu.look);
    assert_int_equal(vcpu.exit.mmio.gpa.v, 0x12345678);
}

/* Where the CPU does not tell, the bytes do. CPUID with a prefix here: three. */
static void the_length_is_the_cpus_or_the_instructions(void **state)
{
    (void)state;
    PUT_CODE("\x66\x0f\xa2");
    vmcb.next_rip = CODE + 9;
    run_exit(CPUID, EXIT_CPUID);
    assert_int_equal(vcpu.exit.insn_len, 3); /* this CPU does not have the field */
    svm_machine.next_rip = true;
    run_exit(CPUID, EXIT_CPUID);
    assert_int_equal(vcpu.exit.insn_len, 9);
    vmcb.next_rip = 0; /* it has, but not at this exit */
    run_exit(CPUID, EXIT_CPUID);
    assert_int_equal(vcpu.exit.insn_len, 3);
    vcpu.regs.rip = RAM_END; /* nothing is fetched without need */
    vmcb.next_rip = RAM_END + 2;
    run_exit(CPUID, EXIT_CPUID);
    assert_int_equal(vcpu.exit.insn_len, 2);
}

static void port_io_tells_its_length(void **state)
{
    (void)state;
    vcpu.regs.rip = RAM_END; /* no bytes to fetch */
    vmcb.exit_info1 = 0x03f80000 | 1 << 4 | 1;
    vmcb.exit_info2 = RAM_END + 2;
    vmcb.next_rip = RAM_END + 7;
    run_exit(IOIO, EXIT_IO);
    assert_int_equal(vcpu.exit.insn_len, 2);
    assert_int_equal(vcpu.exit.io.port, 0x3f8);
    vcpu.regs.rip = 0xffffffff; /* wraps behind its first byte */
    vmcb.exit_info2 = 1;
    run_exit(IOIO, EXIT_IO);
    assert_int_equal(vcpu.exit.insn_len, 2);
}

static void string_io_takes_its_operands_from_the_instruction(void **state)
{
    (void)state;
    PUT_CODE("\x64\x67\xf3\x6e"); /* REP OUTSB, FS:SI */
    svm_machine.next_rip = svm_machine.decode_assists = true;
    vmcb.exit_info1 = 0x00800000 | 1 << 4 | 1 << 3 | 1 << 2;
    vmcb.exit_info2 = vmcb.next_rip = CODE + 4;
    run_exit(IOIO, EXIT_IO);
    assert_int_equal(vcpu.exit.insn_len, 4);
    assert_int_equal(vcpu.exit.io.addr_size, 2);
    assert_int_equal(vcpu.exit.io.seg, SEG_FS);
    assert_true(vcpu.exit.io.string && vcpu.exit.io.rep && !vcpu.exit.io.in);
}

static void a_mov_to_a_cr_is_the_cpus_or_the_instructions(void **state)
{
    (void)state;
    PUT_CODE("\x0f\x22\xe3"); /* MOV CR4, EBX */
    svm_machine.next_rip = true;
    vmcb.exit_info1 = CR_IS_MOV | 6;
    vmcb.next_rip = CODE + 4;
    run_exit(WRITE_CR4, EXIT_CR); /* without decode assists info1 means nothing */
    assert_int_equal(vcpu.exit.cr.gpr, RBX);
    assert_int_equal(vcpu.exit.insn_len, 3);
    svm_machine.decode_assists = true;
    run_exit(WRITE_CR4, EXIT_CR);
    assert_int_equal(vcpu.exit.cr.gpr, RSI);
    assert_int_equal(vcpu.exit.insn_len, 4);
}

static void assert_lmsw(uint16_t word, uint8_t len)
{
    run_exit(WRITE_CR0, EXIT_CR);
    assert_int_equal(vcpu.exit.cr.access, CR_LMSW);
    assert_int_equal(vcpu.exit.cr.lmsw_source, word);
    assert_int_equal(vcpu.exit.insn_len, len);
}

static void lmsw_brings_its_word_from_a_register_or_memory(void **state)
{
    (void)state;
    PUT_CODE("\x0f\x01\xf3"); /* LMSW BX */
    vcpu.regs.gpr[RBX] = 0xffff1234;
    assert_lmsw(0x1234, 3);
    PUT_CODE("\x3e\x0f\x01\x76\x0f"); /* LMSW DS:[ESI + 15] */
    vcpu.regs.gpr[RSI] = 0x1000;
    rig.segs.seg[SEG_DS].base = 0xeff0;
    ram_low[RAM_PIECE - 1] = 0x34; /* on two pages */
    ram_high[0] = 0x12;
    assert_lmsw(0x1234, 5);
}

static void lmsw_counts_from_the_next_instruction_in_64_bit_code(void **state)
{
    (void)state;
    PUT_CODE("\x0f\x01\x35\x00\x01\x00\x00"); /* LMSW [RIP + 100h] */
    ram_low[CODE + 0x107] = 0x0b;
    assert_lmsw(0x0b, 7);
}

static void what_cannot_be_fetched_is_the_guests_page_fault(void **state)
{
    enum { FETCH = 0x10, PAGE = 0x7000 };

    (void)state;
    rig_unmap(CODE);
    run_exit(CPUID, EXIT_FETCH);
    assert_queued(VEC_PF, true, FETCH);
    assert_int_equal(rig.cr2, CODE);
    setup_long(state);
    PUT_CODE("\x0f\x01\x33"); /* LMSW [RBX] */
    vcpu.regs.gpr[RBX] = PAGE;
    rig_unmap(PAGE);
    run_exit(WRITE_CR0, EXIT_FETCH);
    assert_queued(VEC_PF, true, 0);
    assert_int_equal(rig.cr2, PAGE);
}

static void a_step_is_a_window_and_not_an_exit(void **state)
{
    (void)state;
    vmcb.shadow = 1;
    svm_want_window(&vcpu, false, true);
    vmcb.dr6 |= BIT(14);
    run_exit(EXCP_DB, EXIT_WINDOW);
    assert_int_equal(cpu.rflags, RFLAGS_FIXED | RFLAGS_TF);
    assert_int_equal(vcpu.regs.rflags, RFLAGS_FIXED);
    assert_true(vcpu.look);
    assert_nothing_queued();
}

static void another_exit_of_a_stepped_instruction_is_one(void **state)
{
    (void)state;
    PUT_CODE("\x0f\xa2");
    vmcb.shadow = 1;
    svm_want_window(&vcpu, false, true);
    run_exit(CPUID, EXIT_CPUID);
    assert_int_equal(vcpu.exit.insn_len, 2);
    assert_int_equal(vcpu.regs.rflags, RFLAGS_FIXED);
    assert_true(vcpu.look);
    svm_advance(&vcpu, vcpu.exit.insn_len);
    assert_nothing_queued();
    assert_true(svm_can_inject(&vcpu, EVENT_NMI)); /* the shadow is over as well */
}

static void the_exit_of_iret_ends_the_block_of_nmis(void **state)
{
    (void)state;
    hw->nmi = SVM_NMI_BLOCKED;
    run_exit(VINTR, EXIT_WINDOW);
    assert_int_equal(hw->nmi, SVM_NMI_BLOCKED);
    run_exit(IRET, EXIT_WINDOW);
    assert_int_equal(hw->nmi, SVM_NMI_IRET);
    assert_int_equal(hw->iret_rip, CODE);
}

static void advance_wraps_rip_outside_64_bit_code(void **state)
{
    static const struct {
        uint64_t efer;
        uint16_t cs;
        bool wraps;
    } row[] = {
        {0,         0xc9b, true }, /* 32-bit */
        { EFER_LMA, 0xc9b, true }, /* compatibility mode */
        { 0,        0xa9b, true }, /* L means nothing there */
        { EFER_LMA, 0xa9b, false},
    };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(row); i++) {
        vmcb.efer = row[i].efer;
        vmcb.cs.attr = row[i].cs;
        vcpu.regs.rip = 0xfffffffe;
        svm_advance(&vcpu, 2);
        assert_int_equal(vcpu.regs.rip, row[i].wraps ? 0 : BIT(32));
    }
}

static void advance_ends_the_shadow_and_rf_and_steps_with_tf(void **state)
{
    (void)state;
    vmcb.shadow = 1;
    svm_advance(&vcpu, 2);
    assert_int_equal(vmcb.shadow, 0);
    assert_int_equal(vcpu.regs.rip, CODE + 2);
    assert_nothing_queued();
    vcpu.regs.rflags |= RFLAGS_RF;
    svm_advance(&vcpu, 2);
    assert_int_equal(vcpu.regs.rflags, RFLAGS_FIXED);
    assert_nothing_queued();
    vcpu.regs.rflags |= RFLAGS_TF;
    svm_advance(&vcpu, 2);
    assert_queued(VEC_DB, false, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(registers_go_in_and_come_out, setup),
        cmocka_unit_test_setup(an_interrupt_of_the_host_is_the_timers_or_a_devices, setup),
        cmocka_unit_test_setup(a_halted_guest_sleeps_instead, setup),
        cmocka_unit_test_setup(a_guest_that_was_woken_does_not_sleep, setup),
        cmocka_unit_test_setup(changed_nested_tables_are_flushed_once_and_at_an_entry, setup),
        cmocka_unit_test_setup(leaving_soon_is_a_timer_that_is_due, setup),
        cmocka_unit_test_setup(a_wanted_window_looks_at_each_exit, setup),
        cmocka_unit_test_setup(a_refused_entry_is_reported_and_its_vmcb_kept, setup),
        cmocka_unit_test_setup(an_exit_that_nobody_knows_is_told_as_it_came, setup),
        cmocka_unit_test_setup(an_interrupted_event_is_taken_back, setup),
        cmocka_unit_test_setup(the_length_is_the_cpus_or_the_instructions, setup),
        cmocka_unit_test_setup(port_io_tells_its_length, setup),
        cmocka_unit_test_setup(string_io_takes_its_operands_from_the_instruction, setup),
        cmocka_unit_test_setup(a_mov_to_a_cr_is_the_cpus_or_the_instructions, setup),
        cmocka_unit_test_setup(lmsw_brings_its_word_from_a_register_or_memory, setup),
        cmocka_unit_test_setup(lmsw_counts_from_the_next_instruction_in_64_bit_code, setup_long),
        cmocka_unit_test_setup(what_cannot_be_fetched_is_the_guests_page_fault, setup_long),
        cmocka_unit_test_setup(a_step_is_a_window_and_not_an_exit, setup),
        cmocka_unit_test_setup(another_exit_of_a_stepped_instruction_is_one, setup),
        cmocka_unit_test_setup(the_exit_of_iret_ends_the_block_of_nmis, setup),
        cmocka_unit_test_setup(advance_wraps_rip_outside_64_bit_code, setup),
        cmocka_unit_test_setup(advance_ends_the_shadow_and_rf_and_steps_with_tf, setup),
    };
    return cmocka_run_group_tests_name("svm_run", tests, NULL, NULL);
}
