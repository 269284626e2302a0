#include "pc_rig.h"

enum { WRAP = 0x10000, VGA_MISC = 0x3c2, VGA_SEQ = 0x3c4, VGA_GFX = 0x3ce };

static int setup(void **state)
{
    (void)state;
    pc_build(true, 4 * MIB);
    rig.flushes = 0;
    return 0;
}

static int setup_plain(void **state)
{
    (void)state;
    pc_build(false, 4 * MIB);
    return 0;
}

/* The CPU and the core see the same at this address. */
static void assert_shows(uint64_t at, const void *host)
{
    hpa_t hpa;
    unsigned prot;

    assert_true(npt_lookup(&pc.vm.npt, GPA(at), &hpa, &prot));
    assert_ptr_equal(hpa_ptr(hpa), host);
    assert_int_equal(prot, NPT_RWX);
    assert_ptr_equal(vm_ram(&pc.vm, GPA(at), 1), host);
}

static void assert_trapped(uint64_t at)
{
    uint8_t byte = 0;
    hpa_t hpa;
    unsigned prot;

    assert_false(npt_lookup(&pc.vm.npt, GPA(at), &hpa, &prot));
    assert_null(vm_ram(&pc.vm, GPA(at), 1));
    assert_int_equal(vm_copy_in(&pc.vm, &byte, GPA(at), 1), ERR_RANGE);
    assert_int_equal(vm_copy_out(&pc.vm, GPA(at), &byte, 1), ERR_RANGE);
}

static void all_of_it_is_ram_but_the_video_memory(void **state)
{
    const uint8_t *low = hpa_ptr(pc.low);

    (void)state;
    for (uint64_t at = 0; at < 4 * MIB; at += PAGE_SIZE) {
        if (at >= E820_VGA && at < E820_SHADOW) {
            assert_trapped(at);
        } else {
            assert_shows(at, low + at);
            assert_shows(at + PAGE_SIZE - 1, low + at + PAGE_SIZE - 1);
        }
    }
    assert_trapped(4 * MIB);
    assert_int_equal(pc.low.v % (2 * MIB), 0); /* so that large pages can map the rest */
}

static void where_a_pc_has_roms_are_zeros(void **state)
{
    (void)state;
    for (uint64_t at = E820_SHADOW; at < MIB; at++) {
        assert_int_equal(*pc_ram(at, 1), 0);
    }
}

/* The tables of ACPI are ours to put there, and there is no video. */
static void a_guest_without_a_bios_has_a_hole_and_a_rom_area(void **state)
{
    (void)state;
    assert_trapped(E820_VGA);
    assert_trapped(E820_SHADOW - 1);
    assert_int_equal(*pc_ram(E820_SHADOW, 1), 0);
    assert_int_equal(*pc_ram(E820_ROM, 1), 0x7a);
    assert_int_equal(*pc_ram(MIB - 1, 1), 0);
    (void)pc_ram(MIB - 1, 2); /* one piece */
    assert_true(pc.vram.v == 0);
}

static void ram_may_lie_in_many_pieces(void **state)
{
    struct machine_config c = pc_config(true, 9 * MIB);
    uint64_t before = 0;
    unsigned pieces = 0;

    (void)state;
    pc_reset();
    pc_host.largest = 2 * MIB;
    assert_int_equal(machine_init(&pc, &c, pc_why), ERR_NONE);
    for (uint64_t at = MIB + WRAP; at < 9 * MIB; at += PAGE_SIZE) {
        const uint8_t *host = vm_ram(&pc.vm, GPA(at), PAGE_SIZE);

        assert_shows(at, host);
        pieces += hpa_of(host).v != before + PAGE_SIZE;
        before = hpa_of(host).v;
    }
    assert_int_equal(pieces, 5);
    assert_trapped(9 * MIB);
}

static void too_little_memory_is_told_and_nothing_kept(void **state)
{
    struct machine_config c = pc_config(true, 4 * MIB);

    (void)state;
    for (uint64_t limit = 0; limit < 4 * MIB + 300 * KIB; limit += 100 * KIB) {
        pc_reset();
        pc_host.limit = limit;
        assert_int_equal(machine_init(&pc, &c, pc_why), ERR_NOMEM);
        assert_said(pc_why, "a guest with 4 MiB could not be built");
        assert_int_equal(pc_host.held, 0);
    }
    /* more pieces than a machine can have */
    pc_reset();
    pc_host.largest = 2 * MIB;
    c.ram_bytes = 64 * MIB;
    assert_int_equal(machine_init(&pc, &c, pc_why), ERR_NOMEM);
    assert_int_equal(pc_host.held, 0);
}

static void with_a20_off_the_first_64_kib_are_seen_at_1_mib(void **state)
{
    uint8_t *low = hpa_ptr(pc.low);

    (void)state;
    assert_true(ram_a20(&pc));
    low[0] = 0x11;
    low[MIB] = 0x22;
    ram_set_a20(&pc, false);
    assert_false(ram_a20(&pc));
    assert_shows(MIB, low);
    assert_shows(MIB + WRAP - 1, low + WRAP - 1);
    assert_shows(MIB + WRAP, low + MIB + WRAP); /* above the HMA there is no wrap */
    assert_shows(0, low);
    assert_int_equal(*pc_ram(MIB, 1), 0x11);
    *pc_ram(MIB + 0x1234, 1) = 0x33;
    assert_int_equal(*pc_ram(0x1234, 1), 0x33);
    ram_set_a20(&pc, true);
    assert_shows(MIB, low + MIB);
    assert_shows(MIB + WRAP - 1, low + MIB + WRAP - 1);
    assert_int_equal(*pc_ram(MIB, 1), 0x22); /* it was only hidden */
}

static void only_a_change_of_a20_costs_a_flush(void **state)
{
    (void)state;
    ram_set_a20(&pc, true);
    assert_int_equal(rig.flushes, 0);
    ram_set_a20(&pc, false);
    ram_set_a20(&pc, false);
    assert_int_equal(rig.flushes, 1);
    ram_set_a20(&pc, true);
    assert_int_equal(rig.flushes, 2);
}

/* Port 92h, the controller's output port, and its own pair of commands. */
static void a20_is_on_the_ports_of_a_pc(void **state)
{
    (void)state;
    pc_out8(0x92, 0x00);
    assert_false(ram_a20(&pc));
    pc_out8(0x92, 0x02);
    assert_true(ram_a20(&pc));
    pc_out8(0x64, 0xd1);
    pc_out8(0x60, 0xdd);
    assert_false(ram_a20(&pc));
    assert_int_equal(pc_in8(0x92) & 2, 0);
    pc_out8(0x64, 0xdf);
    assert_true(ram_a20(&pc));
    assert_int_equal(pc.vm.stop, VM_RUNNING);
}

static void set_video(unsigned memory_mode, unsigned map)
{
    pc_out8(VGA_MISC, 0x63);
    pc_out16(VGA_SEQ, 4 | memory_mode << 8);
    pc_out16(VGA_GFX, 6 | map << 8);
}

static void video_memory_is_seen_where_the_vga_says(void **state)
{
    uint8_t *vram = hpa_ptr(pc.vram);

    (void)state;
    set_video(0x02, 0x0e); /* text: 32 KiB at B8000 */
    assert_trapped(0xa0000);
    assert_trapped(0xb0000);
    assert_trapped(0xb7fff);
    assert_shows(0xb8000, vram);
    assert_shows(0xbffff, vram + 0x7fff);
    *pc_ram(0xb8000, 1) = 'A';
    assert_int_equal(pc.vga.vram[0], 'A');
    set_video(0x02, 0x0a); /* MDA: at B0000 */
    assert_shows(0xb0000, vram);
    assert_shows(0xb7fff, vram + 0x7fff);
    assert_trapped(0xb8000);
    set_video(0x0e, 0x05); /* mode 13h: 64 KiB at A0000 */
    assert_shows(0xa0000, vram);
    assert_shows(0xaffff, vram + 0xffff);
    assert_trapped(0xb0000);
    assert_trapped(0xb8000);
    set_video(0x02, 0x02); /* all 128 KiB: 64 KiB twice */
    assert_shows(0xa0000, vram);
    assert_shows(0xb0000, vram);
    assert_shows(0xb8000, vram + 0x8000);
    assert_shows(0xbffff, vram + 0xffff);
}

static void planes_are_trapped_but_for_a_plain_one(void **state)
{
    const uint8_t *vram = hpa_ptr(pc.vram);

    (void)state;
    pc_out16(VGA_SEQ, 2 | 0x0f00);
    pc_out16(VGA_GFX, 8 | 0xff00);
    set_video(0x06, 0x05);
    assert_trapped(0xa0000);
    assert_trapped(0xaffff);
    pc_out16(VGA_SEQ, 2 | 0x0400); /* a font is loaded: plane 2 is written and read */
    pc_out16(VGA_GFX, 4 | 0x0200);
    assert_shows(0xa0000, vram + 2 * VGA_PLANE_SIZE);
    assert_shows(0xaffff, vram + 3 * VGA_PLANE_SIZE - 1);
    pc_out16(VGA_SEQ, 2 | 0x0300);
    assert_trapped(0xa0000);
}

static void only_a_window_that_changes_costs_a_flush(void **state)
{
    (void)state;
    set_video(0x02, 0x0e);
    rig.flushes = 0;
    set_video(0x02, 0x0e);
    ram_show_video(&pc);
    assert_int_equal(rig.flushes, 0);
    set_video(0x02, 0x0a); /* two of the three */
    assert_int_equal(rig.flushes, 2);
}

static void a_reset_of_the_devices_hides_video_and_switches_a20_on(void **state)
{
    const uint8_t *low = hpa_ptr(pc.low);

    (void)state;
    set_video(0x02, 0x0e);
    pc_out8(0x92, 0x00);
    *pc_ram(0xb8000, 1) = 'A';
    *pc_ram(0x500, 1) = 0x77;
    machine_reset_devices(&pc);
    assert_trapped(0xb8000);
    assert_shows(MIB, low + MIB);
    assert_int_equal(pc_in8(0x92) & 2, 2);
    assert_int_equal(*pc_ram(0x500, 1), 0x77); /* RAM stays as it is */
    set_video(0x02, 0x0e);
    assert_shows(0xb8000, hpa_ptr(pc.vram));
}

static void what_is_taken_apart_is_zeroed_and_no_ram(void **state)
{
    uint64_t held = pc_host.held;
    unsigned pieces = pc.vm.ram_count;
    const uint8_t *p;
    hpa_t at;

    (void)state;
    assert_true(ram_take(&pc, 2 * PAGE_SIZE, &at));
    assert_int_equal(pc_host.held, held + 2 * PAGE_SIZE);
    p = hpa_ptr(at);
    for (unsigned i = 0; i < 2 * PAGE_SIZE; i++) {
        assert_int_equal(p[i], 0);
    }
    assert_int_equal(pc.vm.ram_count, pieces);
    while (pc.piece_count < MACHINE_PIECES) {
        assert_true(ram_take(&pc, PAGE_SIZE, &at));
    }
    held = pc_host.held;
    assert_false(ram_take(&pc, PAGE_SIZE, &at));
    assert_int_equal(pc_host.held, held);
}

int main(void)
{
#define T(test)     cmocka_unit_test_setup_teardown(test, setup, pc_teardown)
#define PLAIN(test) cmocka_unit_test_setup_teardown(test, setup_plain, pc_teardown)
#define BARE(test)  cmocka_unit_test_teardown(test, pc_teardown)
    const struct CMUnitTest tests[] = {
        T(all_of_it_is_ram_but_the_video_memory),
        T(where_a_pc_has_roms_are_zeros),
        PLAIN(a_guest_without_a_bios_has_a_hole_and_a_rom_area),
        BARE(ram_may_lie_in_many_pieces),
        BARE(too_little_memory_is_told_and_nothing_kept),
        T(with_a20_off_the_first_64_kib_are_seen_at_1_mib),
        T(only_a_change_of_a20_costs_a_flush),
        T(a20_is_on_the_ports_of_a_pc),
        T(video_memory_is_seen_where_the_vga_says),
        T(planes_are_trapped_but_for_a_plain_one),
        T(only_a_window_that_changes_costs_a_flush),
        T(a_reset_of_the_devices_hides_video_and_switches_a20_on),
        T(what_is_taken_apart_is_zeroed_and_no_ram),
    };
    return cmocka_run_group_tests_name("ram", tests, NULL, NULL);
}
