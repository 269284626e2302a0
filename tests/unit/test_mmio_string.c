/* Instructions with two operands in memory, of which one is a device: strings, PUSH and POP. */
#include "mmio_rig.h"

static void strings_go_between_device_and_ram(void **state)
{
    (void)state;
    vcpu.regs.gpr[RSI] = REG;
    vcpu.regs.gpr[RDI] = 0x2000;
    vcpu.regs.gpr[RCX] = 2;
    set_reg(UINT64_C(0x8877665544332211));
    RUN("\xf3\xa5"); /* rep movsd */
    assert_memory_equal(ram_low + 0x2000, "\x11\x22\x33\x44\x55\x66\x77\x88\0", 9);
    assert_int_equal(vcpu.regs.gpr[RCX], 0);
    assert_int_equal(vcpu.regs.gpr[RSI], REG + 8);
    assert_int_equal(vcpu.regs.gpr[RDI], 0x2008);
    vcpu.regs.rflags |= RFLAGS_DF;
    vcpu.regs.gpr[RSI] = 0x2000;
    vcpu.regs.gpr[RDI] = REG;
    RUN("\xa4"); /* movsb, downwards */
    assert_int_equal(get_reg() & 0xff, 0x11);
    assert_int_equal(vcpu.regs.gpr[RSI], 0x1fff);
    assert_int_equal(vcpu.regs.gpr[RDI], REG - 1);
    vcpu.regs.gpr[RSI] = REG;
    RUN("\xad"); /* lodsd */
    assert_int_equal(vcpu.regs.gpr[RAX], 0x44332211);
}

static void a_long_rep_stos_is_done_in_batches(void **state)
{
    (void)state;
    vcpu.regs.gpr[RAX] = 0x5a;
    vcpu.regs.gpr[RDI] = DEV;
    vcpu.regs.gpr[RCX] = 300;
    assert_int_equal(exit_at(DEV, "\xf3\xaa", 2), ACT_RESUME);
    assert_nothing_queued();
    assert_int_equal(dev.writes, 256);
    assert_int_equal(vcpu.regs.gpr[RCX], 44);
    assert_int_equal(exit_at(DEV + 256, "\xf3\xaa", 2), ACT_ADVANCE);
    assert_int_equal(dev.writes, 300);
    assert_int_equal(dev.mem[299], 0x5a);
    assert_int_equal(exit_at(DEV, "\xf3\xaa", 2), ACT_ADVANCE); /* count 0 */
    assert_int_equal(dev.writes, 300);
}

/* rAX is compared with what is there, and rDI moves on. */
static void scas_compares_with_rax(void **state)
{
    (void)state;
    set_reg(0x1234);
    vcpu.regs.gpr[RDI] = REG;
    vcpu.regs.gpr[RSI] = 7;
    vcpu.regs.gpr[RAX] = 0x33;
    RUN("\xae"); /* scasb: 33h - 34h */
    assert_true((vcpu.regs.rflags & RFLAGS_CF) && !(vcpu.regs.rflags & RFLAGS_ZF));
    assert_int_equal(vcpu.regs.gpr[RDI], REG + 1);
    vcpu.regs.gpr[RDI] = REG;
    vcpu.regs.gpr[RAX] = 0x99991234;
    vcpu.regs.rflags |= RFLAGS_DF;
    RUN("\x66\xaf"); /* scasw, downwards */
    assert_true(vcpu.regs.rflags & RFLAGS_ZF);
    assert_int_equal(vcpu.regs.gpr[RDI], REG - 2);
    assert_int_equal(vcpu.regs.gpr[RSI], 7);
    assert_int_equal(vcpu.regs.gpr[RAX], 0x99991234);
    assert_int_equal(dev.writes, 0);
}

static void repne_scas_ends_with_the_first_that_is_equal(void **state)
{
    (void)state;
    set_reg(UINT64_C(0x8877665544332211));
    vcpu.regs.gpr[RDI] = REG;
    vcpu.regs.gpr[RCX] = 8;
    vcpu.regs.gpr[RAX] = 0x33;
    RUN("\xf2\xae");
    assert_int_equal(vcpu.regs.gpr[RCX], 5);
    assert_int_equal(vcpu.regs.gpr[RDI], REG + 3);
    assert_true(vcpu.regs.rflags & RFLAGS_ZF);
    RUN("\xf2\xae"); /* and there is no other */
    assert_int_equal(vcpu.regs.gpr[RCX], 0);
    assert_int_equal(vcpu.regs.gpr[RDI], REG + 8);
    assert_false(vcpu.regs.rflags & RFLAGS_ZF);
    vcpu.regs.rflags |= RFLAGS_ZF | RFLAGS_CF;
    RUN("\xf2\xae"); /* a count of 0 changes no flag */
    assert_true((vcpu.regs.rflags & RFLAGS_ZF) && (vcpu.regs.rflags & RFLAGS_CF));
    assert_int_equal(dev.reads, 8);
}

static void repe_ends_with_the_first_that_differs(void **state)
{
    (void)state;
    vcpu.regs.gpr[RDI] = REG;
    vcpu.regs.gpr[RCX] = 300;
    vcpu.regs.gpr[RAX] = 0;
    dev.mem[0x10 + 270] = 1;
    assert_int_equal(exit_at(REG, "\xf3\xae", 2), ACT_RESUME); /* a batch */
    assert_int_equal(vcpu.regs.gpr[RCX], 44);
    assert_int_equal(exit_at(REG + 256, "\xf3\xae", 2), ACT_ADVANCE);
    assert_int_equal(vcpu.regs.gpr[RCX], 29);
    assert_int_equal(vcpu.regs.gpr[RDI], REG + 271);
    assert_false(vcpu.regs.rflags & RFLAGS_ZF);
    assert_true(vcpu.regs.rflags & RFLAGS_CF); /* 0 - 1 */
    assert_nothing_queued();
}

/* The source less the destination; either may be the device. */
static void cmps_compares_source_with_destination(void **state)
{
    (void)state;
    set_reg(UINT64_C(0x0000000300000002));
    memcpy(ram_low + 0x2000, "\2\0\0\0\4\0\0\0", 8);
    vcpu.regs.gpr[RSI] = REG;
    vcpu.regs.gpr[RDI] = 0x2000;
    vcpu.regs.gpr[RCX] = 9;
    RUN("\xf3\xa7"); /* repe cmpsd: 2 - 2, 3 - 4 */
    assert_int_equal(vcpu.regs.gpr[RCX], 7);
    assert_int_equal(vcpu.regs.gpr[RSI], REG + 8);
    assert_int_equal(vcpu.regs.gpr[RDI], 0x2008);
    assert_true(vcpu.regs.rflags & RFLAGS_CF);
    vcpu.regs.gpr[RSI] = 0x2004;
    vcpu.regs.gpr[RDI] = REG + 4;
    RUN("\xa6"); /* cmpsb: 4 - 3 */
    assert_false(vcpu.regs.rflags & (RFLAGS_CF | RFLAGS_ZF));
    vcpu.regs.gpr[RSI] = REG;
    vcpu.regs.gpr[RDI] = REG + 4;
    vcpu.regs.gpr[RCX] = 4;
    RUN("\xf2\xa6"); /* repne cmpsb between two places of it: 2 - 3, 0 - 0 */
    assert_int_equal(vcpu.regs.gpr[RCX], 2);
    assert_true(vcpu.regs.rflags & RFLAGS_ZF);
    assert_int_equal(dev.writes, 0);
    assert_memory_equal(ram_low + 0x2000, "\2\0\0\0\4\0\0\0", 8);
}

static void a_string_that_faults_leaves_the_device_alone(void **state)
{
    (void)state;
    rig_unmap(0x9000);
    vcpu.regs.gpr[RSI] = 0xf010;
    vcpu.regs.gpr[RDI] = 0x9000;
    assert_int_equal(exit_at(REG, "\xa5", 1), ACT_RESUME); /* movsd */
    assert_queued(VEC_PF, true, 2);
    assert_int_equal(rig.cr2, 0x9000);
    assert_int_equal(dev.reads, 0);
    assert_int_equal(vcpu.regs.gpr[RSI], 0xf010);
}

static void a_comparison_needs_no_right_to_write(void **state)
{
    (void)state;
    memcpy(ram_low + 0x4000 + 0xf * 8, &(uint64_t){ DEV | 5 }, 8);
    set_reg(0x12);
    vcpu.regs.gpr[RDI] = 0xf010;
    vcpu.regs.gpr[RAX] = 0x12;
    RUN("\xae"); /* scasb */
    assert_true(vcpu.regs.rflags & RFLAGS_ZF);
    vcpu.regs.gpr[RDI] = 0xf010;
    assert_int_equal(exit_at(REG, "\xaa", 1), ACT_RESUME); /* stosb does */
    assert_queued(VEC_PF, true, 3);
}

static void push_and_pop_go_between_device_and_stack(void **state)
{
    (void)state;
    set_reg(UINT64_C(0x8877665544332211));
    vcpu.regs.gpr[RSP] = 0x2010;
    RUN("\xff\x33"); /* push dword [ebx] */
    assert_int_equal(vcpu.regs.gpr[RSP], 0x200c);
    assert_memory_equal(ram_low + 0x2008, "\0\0\0\0\x11\x22\x33\x44\0", 9);
    RUN("\x66\xff\x73\x04"); /* push word [ebx+4] */
    assert_int_equal(vcpu.regs.gpr[RSP], 0x200a);
    assert_memory_equal(ram_low + 0x200a, "\x55\x66\x11\x22", 4);
    RUN("\x8f\x03"); /* pop dword [ebx] */
    assert_int_equal(vcpu.regs.gpr[RSP], 0x200e);
    assert_int_equal(get_reg(), UINT64_C(0x8877665522116655));
    assert_int_equal(dev.last.size, 4);
}

static void the_stack_may_be_the_device(void **state)
{
    (void)state;
    set_reg(UINT64_C(0x8877665544332211));
    vcpu.regs.gpr[RBX] = 0x3000;
    vcpu.regs.gpr[RSP] = REG + 4;
    RUN("\x8f\x03"); /* pop dword [ebx] */
    assert_memory_equal(ram_low + 0x3000, "\x55\x66\x77\x88\0", 5);
    assert_int_equal(vcpu.regs.gpr[RSP], REG + 8);
    RUN("\xff\x33"); /* push dword [ebx] */
    assert_int_equal(vcpu.regs.gpr[RSP], REG + 4);
    vcpu.regs.gpr[RSP] = REG;
    RUN("\x8f\x04\x24"); /* pop dword [esp]: the new one */
    assert_int_equal(get_reg(), UINT64_C(0x4433221144332211));
    RUN("\xff\x34\x24"); /* push dword [esp]: the old one */
    assert_int_equal(vcpu.regs.gpr[RSP], REG);
}

static void a_16_bit_stack_wraps(void **state)
{
    (void)state;
    rig.segs.seg[SEG_SS] = (struct segment){ .base = 0x10000, .limit = 0xffff, .attr = 0x93 };
    set_reg(0x4321);
    vcpu.regs.gpr[RSP] = 0xabcd0000;
    RUN("\x66\xff\x33"); /* push word [ebx] */
    assert_int_equal(vcpu.regs.gpr[RSP], 0xabcdfffe);
    assert_memory_equal(ram_high + 0xfffe, "\x21\x43", 2);
    set_reg(0);
    RUN("\x66\x8f\x03"); /* pop word [ebx] */
    assert_int_equal(vcpu.regs.gpr[RSP], 0xabcd0000);
    assert_int_equal(get_reg(), 0x4321);
}

static void a_64_bit_stack_moves_by_8(void **state)
{
    (void)state;
    set_reg(UINT64_C(0x8877665544332211));
    memcpy(ram_low + 0x2000 + 4 * 8, &(uint64_t){ 0x3007 }, 8); /* the same again at 4 GiB */
    vcpu.regs.gpr[RSP] = 0x10000a008;
    RUN("\xff\x33"); /* push qword [rbx] */
    assert_int_equal(vcpu.regs.gpr[RSP], 0x10000a000);
    assert_memory_equal(ram_low + 0xa000, "\x11\x22\x33\x44\x55\x66\x77\x88", 8);
}

static void a_stack_that_faults_leaves_all_as_it_was(void **state)
{
    (void)state;
    rig_unmap(0x9000);
    vcpu.regs.gpr[RSP] = 0x9008;
    assert_int_equal(exit_at(REG, "\xff\x33", 2), ACT_RESUME); /* push qword [rbx] */
    assert_queued(VEC_PF, true, 2);
    assert_int_equal(rig.cr2, 0x9000);
    assert_int_equal(vcpu.regs.gpr[RSP], 0x9008);
    vcpu.event.type = EVENT_NONE;
    assert_int_equal(exit_at(REG, "\x8f\x03", 2), ACT_RESUME); /* pop qword [rbx] */
    assert_queued(VEC_PF, true, 0);
    assert_int_equal(rig.cr2, 0x9008);
    assert_int_equal(vcpu.regs.gpr[RSP], 0x9008);
    vcpu.event.type = EVENT_NONE;
    vcpu.regs.gpr[RBX] = 0x9000;
    vcpu.regs.gpr[RSP] = 0xf010;
    assert_int_equal(exit_at(REG, "\x8f\x03", 2), ACT_RESUME); /* from the device to nowhere */
    assert_queued(VEC_PF, true, 2);
    assert_int_equal(vcpu.regs.gpr[RSP], 0xf010);
    assert_int_equal(dev.reads + dev.writes, 0);
}

int main(void)
{
#define T(test)  cmocka_unit_test_setup(test, setup)
#define TL(test) cmocka_unit_test_setup(test, setup_long)
    const struct CMUnitTest tests[] = {
        T(strings_go_between_device_and_ram),
        T(a_long_rep_stos_is_done_in_batches),
        T(scas_compares_with_rax),
        T(repne_scas_ends_with_the_first_that_is_equal),
        T(repe_ends_with_the_first_that_differs),
        T(cmps_compares_source_with_destination),
        TL(a_string_that_faults_leaves_the_device_alone),
        TL(a_comparison_needs_no_right_to_write),
        T(push_and_pop_go_between_device_and_stack),
        T(the_stack_may_be_the_device),
        T(a_16_bit_stack_wraps),
        TL(a_64_bit_stack_moves_by_8),
        TL(a_stack_that_faults_leaves_all_as_it_was),
    };
    return cmocka_run_group_tests_name("mmio_string", tests, NULL, NULL);
}
