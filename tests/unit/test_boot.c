#include "guest/boot.h"
#include "guest/start.h"
#include "vcpu_rig.h"

static struct boot_plan plan;
static struct machine machine;
static struct machine *const m = &machine;
static char why[BOOT_WHY_MAX];
static const uint8_t image[] = "an image of 23 bytes...";
static unsigned linux_loads, bios_loads;
static bool bios_is_good;

bool linux_load(const struct boot_plan *p, struct machine *into, uint64_t *copy_ticks,
                char text[BOOT_WHY_MAX])
{
    assert_ptr_equal(p, &plan);
    assert_ptr_equal(into, m);
    assert_int_equal(*copy_ticks, 0);
    (void)text;
    linux_loads++;
    *copy_ticks = 77;
    return true;
}

bool bios_check(const struct boot_plan *p, const struct virt_ops *ops, char text[BOOT_WHY_MAX])
{
    assert_ptr_equal(p, &plan);
    assert_ptr_equal(ops, &rig_ops);
    strcpy(text, bios_is_good ? "" : "a bad bios");
    return bios_is_good;
}

bool bios_load(const struct boot_plan *p, struct machine *into, char text[BOOT_WHY_MAX])
{
    assert_ptr_equal(p, &plan);
    assert_ptr_equal(into, m);
    (void)text;
    bios_loads++;
    return true;
}

static int setup(void **state)
{
    rig_setup(state);
    memset(&plan, 0, sizeof plan);
    memset(why, 0, sizeof why);
    linux_loads = bios_loads = 0;
    bios_is_good = true;
    memset(m, 0, sizeof *m);
    m->vm = vm;
    m->vcpu.vm = &m->vm;
    return 0;
}

static bool add(const char *line)
{
    return boot_add_module(&plan, (struct slice){ line, strlen(line) }, image, sizeof image, why);
}

static bool check(void)
{
    return boot_check(&plan, &rig_ops, why);
}

static bool load(void)
{
    uint64_t ticks = 1;
    bool ok = boot_load(&plan, m, &ticks, why);

    assert_int_equal(ticks, linux_loads ? 77 : 0);
    return ok;
}

static bool check_flat(const char *options)
{
    char line[100] = "flat ";

    memset(&plan, 0, sizeof plan);
    strcat(line, options);
    assert_true(add(line));
    return check();
}

static void assert_why(const char *part)
{
    if (!strstr(why, part)) {
        fail_msg("'%s' does not say '%s'", why, part);
    }
}

static void the_first_word_is_the_role_and_the_rest_is_the_command_line(void **state)
{
    const struct boot_module *kernel;

    (void)state;
    assert_true(add("  kernel   console=ttyS0  quiet"));
    assert_true(add("initrd"));
    kernel = plan.part[ROLE_KERNEL];
    assert_int_equal(plan.count, 2);
    assert_true(slice_is(kernel->cmdline, "console=ttyS0  quiet"));
    assert_ptr_equal(kernel->data, image);
    assert_int_equal(kernel->len, sizeof image);
    assert_int_equal(kernel->role, ROLE_KERNEL);
    assert_int_equal(plan.part[ROLE_INITRD]->cmdline.len, 0);
    assert_null(plan.part[ROLE_FLAT]);
    assert_true(check());
}

static void an_unknown_role_is_quoted(void **state)
{
    char line[1000];

    (void)state;
    assert_false(add("bzImage quiet"));
    assert_why("unknown role 'bzImage'");
    assert_why("kernel, initrd, flat, bios, vgabios or floppy");
    assert_false(add("Kernel"));
    assert_false(add("kernel=1"));
    assert_false(add(""));
    assert_why("''");
    assert_false(add("   "));
    memset(line, 'x', sizeof line - 1);
    line[sizeof line - 1] = 0;
    assert_false(add(line));
    assert_why("xxx': its first word");
    assert_int_equal(plan.count, 0);
}

static void there_is_one_of_each_role(void **state)
{
    (void)state;
    assert_true(add("kernel a"));
    assert_false(add("kernel b"));
    assert_why("two modules have the role 'kernel'");
    assert_true(slice_is(plan.part[ROLE_KERNEL]->cmdline, "a"));
    assert_int_equal(plan.count, 1);
}

static void modules_that_make_no_guest_are_explained(void **state)
{
    (void)state;
    assert_false(check());
    assert_why("no guest was loaded");
    assert_true(add("initrd"));
    assert_false(check());
    assert_why("there is an initrd but no kernel");
    assert_true(add("flat"));
    assert_false(check());
    assert_why("of different guests");
    assert_true(add("kernel"));
    assert_false(check());
    setup(state);
    assert_true(add("flat") && add("kernel"));
    assert_false(check());
    assert_why("a guest is kernel and initrd, or flat, or bios, vgabios and floppy");
    setup(state);
    assert_true(add("kernel") && add("floppy"));
    assert_false(check());
    assert_why("of different guests");
}

/* Each subset of the three: only all of them are a PC. */
static void a_pc_with_a_bios_needs_its_three_modules(void **state)
{
    static const char *const role[] = { "floppy", "vgabios", "bios" };

    for (unsigned subset = 1; subset < 8; subset++) {
        setup(state);
        for (unsigned i = 0; i < ARRAY_SIZE(role); i++) {
            assert_true(!(subset & BIT32(i)) || add(role[i]));
        }
        assert_int_equal(check(), subset == 7);
        if (subset != 7) {
            assert_why("three modules, with the roles bios, vgabios and floppy");
        }
    }
    assert_true(add("initrd"));
    assert_false(check());
    assert_why("of different guests");
}

static void a_bios_is_checked_and_goes_to_its_loader(void **state)
{
    (void)state;
    assert_true(add("vgabios") && add("bios") && add("floppy"));
    bios_is_good = false;
    assert_false(check());
    assert_string_equal(why, "a bad bios");
    assert_true(load());
    assert_int_equal(bios_loads, 1);
    assert_int_equal(linux_loads, 0);
}

static void flat_options_are_checked(void **state)
{
    (void)state;
    assert_true(check_flat(""));
    assert_true(check_flat("mode=long at=0x100000"));
    assert_true(check_flat("at=64K mode=prot"));
    assert_true(check_flat("mode=real at=0x7c00"));
    assert_false(check_flat("mode=virtual"));
    assert_why("'mode=virtual' is unknown");
    assert_false(check_flat("at=somewhere"));
    assert_false(check_flat("quiet"));
    assert_why("mode=real|prot|long and at=ADDRESS");
}

static void a_real_mode_guest_starts_on_a_paragraph_below_1_mib(void **state)
{
    (void)state;
    assert_true(check_flat("mode=real at=0xffff0"));
    assert_false(check_flat("mode=real at=0x7c01"));
    assert_why("at=0x7c01");
    assert_false(check_flat("at=1M mode=real"));
    assert_why("a multiple of 16 below 1 MiB");
}

static void a_cpu_without_real_mode_is_told_of_in_time(void **state)
{
    (void)state;
    rig.no_real_mode = true;
    assert_false(check_flat("mode=real"));
    assert_why("unrestricted guest");
    assert_true(check_flat("mode=prot"));
}

static void a_kernel_goes_to_the_linux_loader(void **state)
{
    (void)state;
    assert_true(add("kernel"));
    assert_true(load());
    assert_int_equal(linux_loads, 1);
}

static void a_long_mode_guest_starts_with_its_first_4_gib_mapped(void **state)
{
    const uint64_t *pml4;
    const uint64_t *pdpt;
    uint64_t stack;

    (void)state;
    assert_true(add("flat"));
    assert_true(load());
    assert_memory_equal(ram_high, image, sizeof image); /* at=0x10000 */
    assert_int_equal(m->vcpu.regs.rip, 0x10000);
    assert_true(rig.crs.efer == (EFER_LME | EFER_LMA));
    assert_true(rig.segs.seg[SEG_CS].attr & SEG_ATTR_L);
    pml4 = vm_ram(&m->vm, GPA(rig.crs.cr3), PAGE_SIZE);
    assert_non_null(pml4);
    pdpt = vm_ram(&m->vm, GPA(pml4[0] & ~UINT64_C(0xfff)), PAGE_SIZE);
    assert_non_null(pdpt);
    for (uint64_t i = 0; i < 2048; i++) {
        const uint64_t *pd = vm_ram(&m->vm, GPA(pdpt[i / 512] & ~UINT64_C(0xfff)), PAGE_SIZE);

        assert_non_null(pd);
        assert_true(pd[i % 512] == (i * 2 * MIB | 0x83));
    }
    /* a page below RSP is free for the stack: neither GDT nor page tables */
    stack = m->vcpu.regs.gpr[RSP];
    for (uint64_t at = stack - PAGE_SIZE; at < stack; at++) {
        assert_int_equal(ram_low[at], 0);
    }
    assert_true(stack <= rig.crs.cr3 || stack - PAGE_SIZE >= rig.crs.cr3 + 6 * PAGE_SIZE);
}

static void a_protected_mode_guest_has_the_gdt_that_its_segments_name(void **state)
{
    const uint64_t *gdt;

    (void)state;
    assert_true(add("flat mode=prot at=0x18000"));
    assert_true(load());
    assert_int_equal(rig.crs.cr0, CR0_PE | CR0_ET);
    assert_int_equal(rig.crs.cr3 | rig.crs.cr4 | rig.crs.efer, 0);
    assert_int_equal(m->vcpu.regs.rip, 0x18000);
    assert_int_equal(m->vcpu.regs.rflags, 2);
    gdt = vm_ram(&m->vm, GPA(rig.segs.gdtr.base), rig.segs.gdtr.limit + 1);
    assert_non_null(gdt);
    assert_true(gdt[rig.segs.seg[SEG_CS].sel / 8] == UINT64_C(0x00cf9b000000ffff));
    assert_true(gdt[rig.segs.seg[SEG_SS].sel / 8] == UINT64_C(0x00cf93000000ffff));
    assert_true(rig.segs.seg[SEG_CS].attr & SEG_ATTR_DB);
}

static void a_real_mode_guest_starts_at_its_paragraph(void **state)
{
    (void)state;
    m->vcpu.regs.gpr[RDX] = 5;
    assert_true(add("flat mode=real at=0xa230"));
    assert_true(load());
    assert_memory_equal(ram_low + 0xa230, image, sizeof image);
    assert_int_equal(rig.segs.seg[SEG_CS].sel, 0xa23);
    assert_int_equal(rig.segs.seg[SEG_CS].base, 0xa230);
    assert_int_equal(m->vcpu.regs.rip, 0);
    assert_int_equal(m->vcpu.regs.gpr[RDX], 0);
    assert_int_equal(rig.crs.cr0, CR0_ET);
    assert_int_equal(rig.segs.idtr.limit, 0x3ff);
}

static void an_image_outside_of_ram_is_refused(void **state)
{
    (void)state;
    assert_true(add("flat at=0x1fff8"));
    assert_false(load());
    assert_why("not inside the guest's memory");
    memset(&plan, 0, sizeof plan);
    assert_true(add("flat at=0xfffffffffffffff0"));
    assert_false(load());
    memset(&plan, 0, sizeof plan);
    m->vm.ram[0].len = 0x3000; /* too small for the tables */
    assert_true(add("flat at=0x10000"));
    assert_false(load());
}

int main(void)
{
#define T(test) cmocka_unit_test_setup(test, setup)
    const struct CMUnitTest tests[] = {
        T(the_first_word_is_the_role_and_the_rest_is_the_command_line),
        T(an_unknown_role_is_quoted),
        T(there_is_one_of_each_role),
        T(modules_that_make_no_guest_are_explained),
        T(a_pc_with_a_bios_needs_its_three_modules),
        T(a_bios_is_checked_and_goes_to_its_loader),
        T(flat_options_are_checked),
        T(a_real_mode_guest_starts_on_a_paragraph_below_1_mib),
        T(a_cpu_without_real_mode_is_told_of_in_time),
        T(a_kernel_goes_to_the_linux_loader),
        T(a_long_mode_guest_starts_with_its_first_4_gib_mapped),
        T(a_protected_mode_guest_has_the_gdt_that_its_segments_name),
        T(a_real_mode_guest_starts_at_its_paragraph),
        T(an_image_outside_of_ram_is_refused),
    };
    return cmocka_run_group_tests_name("boot", tests, NULL, NULL);
}
