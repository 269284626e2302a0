#include "mmio_rig.h"

static void moves_have_the_size_of_their_operand(void **state)
{
    (void)state;
    set_reg(UINT64_C(0x8877665544332211));
    vcpu.regs.gpr[RAX] = UINT64_MAX;
    RUN("\x8a\x03"); /* mov al, [ebx] */
    assert_true(vcpu.regs.gpr[RAX] == UINT64_C(0xffffffffffffff11));
    RUN("\x66\x8b\x03"); /* mov ax, [ebx] */
    assert_true(vcpu.regs.gpr[RAX] == UINT64_C(0xffffffffffff2211));
    RUN("\x8b\x03"); /* mov eax, [ebx] */
    assert_int_equal(vcpu.regs.gpr[RAX], 0x44332211);
    RUN("\x8a\x23"); /* mov ah, [ebx] */
    assert_int_equal(vcpu.regs.gpr[RAX], 0x44331111);
    assert_int_equal(dev.last.offset, 0x10);
    assert_int_equal(dev.last.size, 1);
    vcpu.regs.gpr[RAX] = UINT64_C(0xaaaaaaaaaaaaaaaa);
    RUN("\x88\x23"); /* mov [ebx], ah */
    assert_true(get_reg() == UINT64_C(0x88776655443322aa));
    RUN("\x89\x03"); /* mov [ebx], eax */
    assert_true(get_reg() == UINT64_C(0x88776655aaaaaaaa));
    RUN("\xc6\x03\x5a");         /* mov byte [ebx], 0x5a */
    RUN("\x66\xc7\x03\x34\x12"); /* mov word [ebx], 0x1234 */
    assert_true(get_reg() == UINT64_C(0x88776655aaaa1234));
    assert_int_equal(dev.last.value, 0x1234);
}

static void absolute_addresses_need_no_modrm(void **state)
{
    (void)state;
    set_reg(0x12345678);
    RUN("\xa1\x10\x00\x00\xd0"); /* mov eax, [0xd0000010] */
    assert_int_equal(vcpu.regs.gpr[RAX], 0x12345678);
    vcpu.regs.gpr[RAX] = 0x99;
    RUN("\xa2\x10\x00\x00\xd0"); /* mov [0xd0000010], al */
    assert_int_equal(get_reg(), 0x12345699);
}

static void movzx_and_movsx_extend(void **state)
{
    (void)state;
    set_reg(0x80f0);
    vcpu.regs.gpr[RAX] = UINT64_MAX;
    RUN("\x0f\xb6\x03"); /* movzx eax, byte [ebx] */
    assert_int_equal(vcpu.regs.gpr[RAX], 0xf0);
    RUN("\x0f\xbe\x03"); /* movsx eax, byte [ebx] */
    assert_int_equal(vcpu.regs.gpr[RAX], 0xfffffff0);
    RUN("\x0f\xbf\x03"); /* movsx eax, word [ebx] */
    assert_int_equal(vcpu.regs.gpr[RAX], 0xffff80f0);
    vcpu.regs.gpr[RAX] = UINT64_MAX;
    RUN("\x66\x0f\xb6\x03"); /* movzx ax, byte [ebx] */
    assert_true(vcpu.regs.gpr[RAX] == UINT64_C(0xffffffffffff00f0));
}

static void arithmetic_reads_computes_and_writes_back(void **state)
{
    (void)state;
    set_reg(0xfffffff0);
    RUN("\x83\x0b\x0f"); /* or dword [ebx], 15 */
    assert_int_equal(get_reg(), 0xffffffff);
    RUN("\xff\x03"); /* inc dword [ebx] */
    assert_int_equal(get_reg(), 0);
    assert_true(vcpu.regs.rflags & RFLAGS_ZF);
    RUN("\xf6\x13"); /* not byte [ebx] */
    assert_int_equal(get_reg(), 0xff);
    vcpu.regs.gpr[RAX] = 1;
    RUN("\x03\x03"); /* add eax, [ebx] */
    assert_int_equal(vcpu.regs.gpr[RAX], 0x100);
    RUN("\x29\x03"); /* sub [ebx], eax */
    assert_int_equal(get_reg(), 0xffffffff);
    assert_true(vcpu.regs.rflags & RFLAGS_CF);
    assert_int_equal(dev.last.size, 4);
}

static void comparisons_only_read(void **state)
{
    (void)state;
    set_reg(5);
    vcpu.regs.gpr[RAX] = 5;
    RUN("\x39\x03"); /* cmp [ebx], eax */
    assert_true(vcpu.regs.rflags & RFLAGS_ZF);
    vcpu.regs.gpr[RAX] = 4;
    RUN("\x3b\x03"); /* cmp eax, [ebx]: 4 - 5 */
    assert_true((vcpu.regs.rflags & RFLAGS_CF) && !(vcpu.regs.rflags & RFLAGS_ZF));
    RUN("\xf7\x03\x02\x00\x00\x00"); /* test dword [ebx], 2 */
    assert_true(vcpu.regs.rflags & RFLAGS_ZF);
    RUN("\x0f\xba\x23\x02"); /* bt dword [ebx], 2 */
    assert_true(vcpu.regs.rflags & RFLAGS_CF);
    assert_int_equal(vcpu.regs.gpr[RAX], 4);
    assert_int_equal(dev.writes, 0);
}

static void exchanges_do_both(void **state)
{
    (void)state;
    set_reg(1);
    vcpu.regs.gpr[RCX] = UINT64_C(0xffffffff00000002);
    RUN("\x87\x0b"); /* xchg [ebx], ecx */
    assert_int_equal(get_reg(), 2);
    assert_int_equal(vcpu.regs.gpr[RCX], 1);
    RUN("\xf0\x0f\xc1\x0b"); /* lock xadd [ebx], ecx */
    assert_int_equal(get_reg(), 3);
    assert_int_equal(vcpu.regs.gpr[RCX], 2);
    vcpu.regs.gpr[RAX] = 3;
    RUN("\x0f\xb1\x0b"); /* cmpxchg [ebx], ecx: equal */
    assert_int_equal(get_reg(), 2);
    assert_true(vcpu.regs.rflags & RFLAGS_ZF);
    vcpu.regs.gpr[RAX] = 7;
    RUN("\x0f\xb1\x0b"); /* and not */
    assert_int_equal(get_reg(), 2);
    assert_int_equal(vcpu.regs.gpr[RAX], 2);
    assert_false(vcpu.regs.rflags & RFLAGS_ZF);
}

static void shifts_take_1_a_byte_or_cl(void **state)
{
    (void)state;
    set_reg(0x81);
    vcpu.regs.gpr[RCX] = 0xffff04;
    RUN("\xd0\x23"); /* shl byte [ebx], 1 */
    assert_int_equal(get_reg(), 0x02);
    assert_true(vcpu.regs.rflags & RFLAGS_CF);
    RUN("\xd2\x03"); /* rol byte [ebx], cl */
    assert_int_equal(get_reg(), 0x20);
    assert_int_equal(dev.last.size, 1);
    RUN("\xc1\x2b\x05"); /* shr dword [ebx], 5 */
    assert_int_equal(get_reg(), 0x01);
    RUN("\xd1\x1b"); /* rcr dword [ebx], 1 */
    assert_int_equal(get_reg(), 0);
    assert_true(vcpu.regs.rflags & RFLAGS_CF);
    RUN("\xd1\x1b");
    assert_int_equal(get_reg(), 0x80000000);
    RUN("\xd3\x3b"); /* sar dword [ebx], cl */
    assert_int_equal(get_reg(), 0xf8000000);
    vcpu.regs.gpr[RCX] = 0x20;
    RUN("\xd3\x23"); /* shl dword [ebx], cl: 32 is 0 */
    assert_int_equal(get_reg(), 0xf8000000);
}

static void a_selector_has_two_bytes(void **state)
{
    (void)state;
    rig.segs.seg[SEG_ES].sel = 0x1234;
    set_reg(UINT64_MAX);
    RUN("\x8c\x03"); /* mov [ebx], es */
    assert_true(get_reg() == UINT64_C(0xffffffffffff1234));
    assert_int_equal(dev.last.size, 2);
}

static void the_local_apic_is_the_vcpus_own(void **state)
{
    (void)state;
    vcpu.regs.gpr[RAX] = 0x20;
    assert_int_equal(exit_at(LAPIC_BASE_GPA + 0x80, "\xa3\x80\x00\xe0\xfe", 5), ACT_ADVANCE);
    assert_int_equal(vcpu.lapic.tpr, 0x20);
    vcpu.regs.gpr[RAX] = 0;
    assert_int_equal(exit_at(LAPIC_BASE_GPA + 0x80, "\xa1\x80\x00\xe0\xfe", 5), ACT_ADVANCE);
    assert_int_equal(vcpu.regs.gpr[RAX], 0x20);
    assert_int_equal(vm.mmio_holes.total, 0);
}

static void a_hole_reads_ones_and_is_counted_by_page(void **state)
{
    (void)state;
    assert_int_equal(exit_at(0xe0000ffe, "\x8b\x03", 2), ACT_ADVANCE);
    assert_int_equal(vcpu.regs.gpr[RAX], 0xffffffff);
    assert_int_equal(exit_at(0xe0000000, "\x89\x03", 2), ACT_ADVANCE);
    assert_int_equal(exit_at(DEV + DEV_LEN - 2, "\x8b\x03", 2), ACT_ADVANCE); /* half outside */
    assert_int_equal(vm.mmio_holes.count, 2);
    assert_int_equal(vm.mmio_holes.total, 3);
    assert_int_equal(dev.reads + dev.writes, 0);
    assert_nothing_queued();
}

static void real_mode_code_is_16_bits_with_a_segment_base(void **state)
{
    (void)state;
    rig.crs.cr0 = CR0_ET;
    rig.segs.seg[SEG_CS] = (struct segment){ .sel = 0x700, .base = 0x7000, .attr = 0x9b };
    vcpu.regs.rip = 0x1000;
    memcpy(ram_low + 0x8000, "\xa1\x10\x00", 3); /* mov ax, [0x10] */
    set_reg(0x4321);
    vcpu.exit.mmio = (struct exit_mmio){ .gpa = GPA(REG), .read = true };
    assert_int_equal(on_mmio(&vcpu, &vcpu.exit), ACT_ADVANCE);
    assert_int_equal(vcpu.regs.gpr[RAX], 0x4321);
    assert_int_equal(vcpu.exit.insn_len, 3);
}

static void in_64_bit_code_operands_have_8_bytes(void **state)
{
    (void)state;
    set_reg(UINT64_C(0x8877665544332211));
    RUN("\x48\x8b\x03"); /* mov rax, [rbx] */
    assert_true(vcpu.regs.gpr[RAX] == UINT64_C(0x8877665544332211));
    RUN("\x4c\x63\x03"); /* movsxd r8, dword [rbx] */
    assert_int_equal(vcpu.regs.gpr[R8], 0x44332211);
    RUN("\x48\xc7\x03\xff\xff\xff\xff"); /* mov qword [rbx], -1 */
    assert_true(get_reg() == UINT64_MAX);
    RUN("\x48\x83\x23\xf0"); /* and qword [rbx], -16 */
    assert_true(get_reg() == UINT64_MAX - 15);
}

/* The code's second page is fetched only if the instruction reaches into it. */
static void code_may_end_at_a_page_or_fault_in_the_next(void **state)
{
    (void)state;
    rig_unmap(0x9000);
    vcpu.regs.rip = 0x8ffe;
    RUN("\x8b\x03");
    vcpu.regs.rip = 0x8fff;
    assert_int_equal(exit_at(REG, "\x8b", 1), ACT_RESUME);
    assert_queued(VEC_PF, true, 0x10);
    assert_int_equal(rig.cr2, 0x9000);
    assert_int_equal(dev.reads, 1);
}

static void assert_killed(const char *code, size_t len)
{
    assert_int_equal(exit_at(REG, code, len), ACT_STOP);
    assert_int_equal(vm.stop, VM_KILLED);
    assert_int_equal(dev.reads + dev.writes, 0);
    assert_int_equal(vcpu.event.type, EVENT_NONE);
    vm.stop = VM_RUNNING;
}

static void what_is_not_emulated_stops_this_vm(void **state)
{
    (void)state;
    assert_killed("\x0f\x11\x03", 3); /* movups [ebx], xmm0 */
    assert_killed("\xf7\x23", 2);     /* mul dword [ebx] */
    assert_killed("\x8c\x33", 2);     /* mov [ebx], a seventh segment register */
    assert_killed("\x8e\xdb", 2);     /* mov ds, bx: its descriptor lies in the device */
    assert_killed("\x90", 1);
}

/* The CPU read something else there: a page table, or other code than ours. */
static void an_instruction_without_memory_operand_is_not_emulated(void **state)
{
    (void)state;
    assert_killed("\x89\xd8", 2);     /* mov eax, ebx */
    assert_killed("\xb8\1\0\0\0", 5); /* mov eax, 1 */
    assert_killed("\x0f\xb6\xc3", 3); /* movzx eax, bl */
    assert_killed("\x87\xd8", 2);     /* xchg eax, ebx */
    assert_killed("\x0f\xc1\xd8", 3); /* xadd eax, ebx */
    assert_killed("\x0f\xb1\xd8", 3); /* cmpxchg eax, ebx */
    assert_killed("\x01\xd8", 2);     /* add eax, ebx */
    assert_killed("\xd1\xe0", 2);     /* shl eax, 1 */
    assert_killed("\xff\xf0", 2);     /* push eax */
    assert_killed("\x8f\xc0", 2);     /* pop eax */
    assert_killed("\x8c\xd8", 2);     /* mov eax, ds */
}

static void bytes_that_are_no_instruction_stop_this_vm(void **state)
{
    (void)state;
    assert_int_equal(
        exit_at(REG, "\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66", 15),
        ACT_RESUME);
    assert_int_equal(vm.stop, VM_KILLED);
}

static void code_outside_of_ram_stops_this_vm(void **state)
{
    (void)state;
    vcpu.regs.rip = RAM_END;
    vcpu.exit.mmio = (struct exit_mmio){ .gpa = GPA(REG), .read = true };
    assert_int_equal(on_mmio(&vcpu, &vcpu.exit), ACT_RESUME);
    assert_int_equal(vm.stop, VM_KILLED);
}

static void exits_that_no_data_access_made_stop_this_vm(void **state)
{
    (void)state;
    vcpu.exit.mmio = (struct exit_mmio){ .gpa = GPA(DEV), .fetch = true };
    assert_int_equal(on_mmio(&vcpu, &vcpu.exit), ACT_STOP);
    assert_int_equal(vm.stop, VM_KILLED);
    assert_int_equal(vcpu.stats.npt_ram, 0);
    vm.stop = VM_RUNNING;
    vcpu.exit.mmio = (struct exit_mmio){ .gpa = GPA(DEV), .write = true, .tables = true };
    assert_int_equal(on_mmio(&vcpu, &vcpu.exit), ACT_STOP);
    assert_int_equal(vm.stop, VM_KILLED);
    vm.stop = VM_RUNNING;
    vcpu.exit.mmio = (struct exit_mmio){ .gpa = GPA(0x5000), .read = true };
    assert_int_equal(on_mmio(&vcpu, &vcpu.exit), ACT_STOP);
    assert_int_equal(vm.stop, VM_KILLED);
    assert_int_equal(vcpu.stats.npt_ram, 1);
    vm.stop = VM_RUNNING;
    vcpu.event = (struct vm_event){ .type = EVENT_IRQ, .vector = 0x40 };
    assert_int_equal(exit_at(REG, "\x8b\x03", 2), ACT_STOP);
    assert_int_equal(vm.stop, VM_KILLED);
    assert_int_equal(dev.reads, 0);
}

int main(void)
{
#define T(test)  cmocka_unit_test_setup(test, setup)
#define TL(test) cmocka_unit_test_setup(test, setup_long)
    const struct CMUnitTest tests[] = {
        T(moves_have_the_size_of_their_operand),
        T(absolute_addresses_need_no_modrm),
        T(movzx_and_movsx_extend),
        T(arithmetic_reads_computes_and_writes_back),
        T(comparisons_only_read),
        T(exchanges_do_both),
        T(shifts_take_1_a_byte_or_cl),
        T(a_selector_has_two_bytes),
        T(the_local_apic_is_the_vcpus_own),
        T(a_hole_reads_ones_and_is_counted_by_page),
        T(real_mode_code_is_16_bits_with_a_segment_base),
        TL(in_64_bit_code_operands_have_8_bytes),
        TL(code_may_end_at_a_page_or_fault_in_the_next),
        T(what_is_not_emulated_stops_this_vm),
        T(an_instruction_without_memory_operand_is_not_emulated),
        T(bytes_that_are_no_instruction_stop_this_vm),
        T(code_outside_of_ram_stops_this_vm),
        T(exits_that_no_data_access_made_stop_this_vm),
    };
    return cmocka_run_group_tests_name("mmio", tests, NULL, NULL);
}
