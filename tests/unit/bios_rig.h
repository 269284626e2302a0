/* A PC with a BIOS, the three modules that make one, and a guest that is a function; the test_bios
 * programs share it. */
#pragma once
#include "guest/boot.h"
#include "guest/start.h"
#include "lib/le.h"
#include "pc_rig.h"

#define RAM_BYTES (4 * MIB)
#define BIOS_AT   (MIB - BIOS_SIZE)
enum { FLOPPY_1440 = 1474560, SECTOR = 512, VGABIOS_LEN = 32 * 1024, RUNS_MAX = 200 };
enum { PORT_RTC = 0x70 };

static uint8_t bios[2 * BIOS_SIZE], vgabios[VGABIOS_LEN], floppy[SECTOR];
static struct boot_plan plan;
static char why[BOOT_WHY_MAX];

/* What the guest does each time it is let run; it must come to an end. */
static void (*guest)(unsigned run);
static unsigned runs;

void vcpu_run(struct vcpu *v)
{
    assert_ptr_equal(v, &pc.vcpu);
    assert_int_equal(pc.vm.stop, VM_RUNNING);
    assert_true(runs < RUNS_MAX);
    guest(runs++);
    assert_int_not_equal(pc.vm.stop, VM_RUNNING);
}

static inline void set_part(enum boot_role role, const char *options, const void *data,
                            uint64_t len)
{
    struct boot_module *b = &plan.module[role];

    *b = (struct boot_module){
        role, {options, strlen(options)},
         data, len
    };
    plan.part[role] = b;
}

/* Three good modules. */
static inline int setup(void **state)
{
    (void)state;
    pc_reset();
    memset(&plan, 0, sizeof plan);
    memset(why, 0, sizeof why);
    for (unsigned i = 0; i < sizeof bios; i++) {
        bios[i] = (uint8_t)(i * 7 + i / 251);
    }
    vgabios[0] = 0x55;
    vgabios[1] = 0xaa;
    vgabios[2] = sizeof vgabios / 512;
    floppy[510] = 0x55;
    floppy[511] = 0xaa;
    set_part(ROLE_BIOS, "", bios, BIOS_SIZE);
    set_part(ROLE_VGABIOS, "", vgabios, sizeof vgabios);
    set_part(ROLE_FLOPPY, "", floppy, FLOPPY_1440);
    runs = 0;
    return 0;
}

static inline int setup_loaded(void **state)
{
    (void)setup(state);
    pc_build(true, RAM_BYTES);
    if (!bios_load(&plan, &pc, why)) {
        fail_msg("%s", why);
    }
    return 0;
}
static inline void assert_at_reset(void)
{
    assert_int_equal(pc.vcpu.regs.rip, 0xfff0);
    assert_int_equal(rig.segs.seg[SEG_CS].base, 0xffff0000);
    assert_int_equal(rig.crs.cr0, CR0_ET);
}

static inline unsigned cmos(unsigned index)
{
    pc_out8(PORT_RTC, index);
    return pc_in8(PORT_RTC + 1);
}

static inline void set_cmos(unsigned index, unsigned value)
{
    pc_out8(PORT_RTC, index);
    pc_out8(PORT_RTC + 1, value);
}
