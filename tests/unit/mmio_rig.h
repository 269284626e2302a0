/* The rig of vcpu_rig.h with a device at DEV, which on_mmio() reaches; the test_mmio programs share
 * it. */
#pragma once
#include "hv/alu.h"
#include "hv/exit_table.h"
#include "vcpu_rig.h"

/* A device of 4 KiB of memory that notes what is done to it. */
enum { CODE = 0x8000, DEV_LEN = 0x1000 };
#define DEV UINT64_C(0xd0000000)
#define REG (DEV + 0x10) /* what RBX points to */

static struct {
    uint8_t mem[DEV_LEN];
    unsigned reads, writes;
    struct io_access last;
} dev;

static inline void access(void *ctx, struct io_access *a)
{
    assert_ptr_equal(ctx, &dev);
    assert_true(a->offset + a->size <= DEV_LEN);
    dev.last = *a;
    if (a->write) {
        dev.writes++;
        memcpy(dev.mem + a->offset, &a->value, a->size);
    } else {
        dev.reads++;
        a->value = UINT64_MAX; /* high bits may be anything */
        memcpy(&a->value, dev.mem + a->offset, a->size);
    }
}

static inline int prepare(void)
{
    memset(&dev, 0, sizeof dev);
    vcpu.regs.rip = CODE;
    vcpu.regs.gpr[RBX] = REG;
    return io_bus_add(&vm.mmio, &(struct io_range){ DEV, DEV_LEN, access, &dev, "dev" }) == ERR_NONE
               ? 0
               : -1;
}

static inline int setup(void **state)
{
    rig_setup(state);
    return prepare();
}

/* 64-bit code; the page at 0xf000 is the device. */
static inline int setup_long(void **state)
{
    rig_setup_long(state);
    memcpy(ram_low + 0x4000 + 0xf * 8, &(uint64_t){ DEV | 7 }, 8);
    prepare();
    vcpu.regs.gpr[RBX] = 0xf010;
    return 0;
}

static inline enum exit_action exit_at(uint64_t gpa, const char *code, size_t len)
{
    memcpy(ram_low + vcpu.regs.rip, code, len);
    vcpu.exit = (struct vm_exit){
        .kind = EXIT_MMIO, .mmio = {.gpa = GPA(gpa), .read = true}
    };
    return on_mmio(&vcpu, &vcpu.exit);
}

/* Executes the instruction, which touches the device at REG. */
#define RUN(code)                                                                                  \
    do {                                                                                           \
        assert_int_equal(exit_at(REG, code, sizeof(code) - 1), ACT_ADVANCE);                       \
        assert_int_equal(vcpu.exit.insn_len, sizeof(code) - 1);                                    \
        assert_nothing_queued();                                                                   \
    } while (0)

static inline void set_reg(uint64_t value)
{
    memcpy(dev.mem + 0x10, &value, 8);
}

static inline uint64_t get_reg(void)
{
    uint64_t value;

    memcpy(&value, dev.mem + 0x10, 8);
    return value;
}
