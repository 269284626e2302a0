#include "vcpu_rig.h"
#include "vmx/ept.h"

static void ram_is_ram_to_its_last_byte(void **state)
{
    (void)state;
    vm.ram[1].gpa = GPA(0x100000);
    assert_ptr_equal(vm_ram(&vm, GPA(0), 1), ram_low);
    assert_ptr_equal(vm_ram(&vm, GPA(0), RAM_PIECE), ram_low);
    assert_ptr_equal(vm_ram(&vm, GPA(RAM_PIECE - 1), 1), ram_low + RAM_PIECE - 1);
    assert_ptr_equal(vm_ram(&vm, GPA(0x100008), 8), ram_high + 8);
    assert_null(vm_ram(&vm, GPA(RAM_PIECE - 1), 2));
    assert_null(vm_ram(&vm, GPA(RAM_PIECE), 1));
    assert_null(vm_ram(&vm, GPA(0xfffff), 1));
    assert_null(vm_ram(&vm, GPA(0xfffff), 2));
    assert_null(vm_ram(&vm, GPA(8), SIZE_MAX));
    assert_null(vm_ram(&vm, GPA(UINT64_MAX), 1));
    assert_null(vm_ram(&vm, GPA(UINT64_MAX - 7), 16));
}

static void a_pointer_never_spans_two_pieces(void **state)
{
    (void)state;
    assert_null(vm_ram(&vm, GPA(RAM_PIECE - 4), 8));
    assert_non_null(vm_ram(&vm, GPA(RAM_PIECE - 4), 4));
    assert_ptr_equal(vm_ram(&vm, GPA(RAM_PIECE), 4), ram_high);
}

static void copies_cross_pieces(void **state)
{
    char out[16] = { 0 };

    (void)state;
    assert_int_equal(vm_copy_out(&vm, GPA(RAM_PIECE - 5), "hello, world", 12), ERR_NONE);
    assert_memory_equal(ram_low + RAM_PIECE - 5, "hello", 5);
    assert_memory_equal(ram_high, ", world", 8);
    assert_int_equal(vm_copy_in(&vm, out, GPA(RAM_PIECE - 5), 12), ERR_NONE);
    assert_string_equal(out, "hello, world");
}

static void a_copy_that_leaves_ram_copies_nothing(void **state)
{
    uint8_t byte[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
    static const uint64_t bad[] = { RAM_END - 7, RAM_END, UINT64_MAX, UINT64_MAX - 6 };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_int_equal(vm_copy_out(&vm, GPA(bad[i]), byte, 8), ERR_RANGE);
        assert_int_equal(vm_copy_in(&vm, byte, GPA(bad[i]), 8), ERR_RANGE);
    }
    assert_int_equal(byte[0], 1);
    assert_int_equal(ram_high[RAM_PIECE - 7], 0);
    assert_int_equal(vm_copy_in(&vm, byte, GPA(0), SIZE_MAX), ERR_RANGE);
    vm.ram[1].gpa = GPA(RAM_PIECE + PAGE_SIZE); /* a hole between them */
    assert_int_equal(vm_copy_out(&vm, GPA(RAM_PIECE - 4), byte, 8), ERR_RANGE);
    assert_int_equal(ram_low[RAM_PIECE - 4], 0);
}

static void nothing_can_be_copied_anywhere(void **state)
{
    (void)state;
    assert_int_equal(vm_copy_in(&vm, ram_low, GPA(UINT64_MAX), 0), ERR_NONE);
    assert_int_equal(vm_copy_out(&vm, GPA(RAM_END), ram_low, 0), ERR_NONE);
}

static _Alignas(4096) uint64_t table[4][512];
static unsigned tables, tables_max;

static bool table_alloc(void *ctx, hpa_t *frame)
{
    (void)ctx;
    if (tables == tables_max) {
        return false;
    }
    *frame = HPA(tables++ * PAGE_SIZE);
    return true;
}

static uint64_t *table_at(void *ctx, hpa_t frame)
{
    (void)ctx;
    return table[frame.v / PAGE_SIZE];
}

static const struct npt_frames frames = { .alloc = table_alloc, .table = table_at };

static struct npt_format format;

/* No RAM yet, but tables for it: 4 KiB pages in the first 2 MiB. */
static int setup_empty(void **state)
{
    rig_setup(state);
    memset(table, 0, sizeof table);
    tables = 0;
    tables_max = 4;
    format = ept_format(0);
    vm.ram_count = 0;
    return npt_init(&vm.npt, &format, &frames) == ERR_NONE ? 0 : -1;
}

static void added_ram_is_mapped_and_counted(void **state)
{
    hpa_t hpa;
    unsigned prot;

    (void)state;
    assert_int_equal(vm_add_ram(&vm, GPA(0x1000), ram_low, HPA(0x77000), 0x2000), ERR_NONE);
    assert_int_equal(vm.ram_bytes, 0x2000);
    assert_true(npt_lookup(&vm.npt, GPA(0x2fff), &hpa, &prot));
    assert_int_equal(hpa.v, 0x78fff);
    assert_int_equal(prot, NPT_RWX);
    assert_ptr_equal(vm_ram(&vm, GPA(0x2fff), 1), ram_low + 0x1fff);
    /* refused: overlap, no whole page, no room for a table, no room for a piece */
    assert_int_equal(vm_add_ram(&vm, GPA(0x2000), ram_low, HPA(0), 0x1000), ERR_OVERLAP);
    assert_int_equal(vm_add_ram(&vm, GPA(0x9000), ram_low, HPA(0), 0x800), ERR_RANGE);
    assert_int_equal(vm_add_ram(&vm, GPA(GIB), ram_low, HPA(0), 0x1000), ERR_NOMEM);
    assert_int_equal(vm.ram_count, 1);
    assert_int_equal(vm.ram_bytes, 0x2000);
    vm.ram_count = VM_RAM_MAX;
    assert_int_equal(vm_add_ram(&vm, GPA(0x8000), ram_low, HPA(0), 0x1000), ERR_NOMEM);
    assert_false(npt_lookup(&vm.npt, GPA(0x8000), &hpa, &prot));
}

static void a_rom_is_mapped_without_writes_and_is_no_ram(void **state)
{
    uint8_t byte;
    hpa_t hpa;
    unsigned prot;

    (void)state;
    assert_int_equal(vm_add_rom(&vm, GPA(0x10000), HPA(0x77000), 0x2000), ERR_NONE);
    assert_true(npt_lookup(&vm.npt, GPA(0x11fff), &hpa, &prot));
    assert_int_equal(hpa.v, 0x78fff);
    assert_int_equal(prot, NPT_R | NPT_X);
    assert_int_equal(vm.ram_count, 0);
    assert_int_equal(vm.ram_bytes, 0);
    assert_null(vm_ram(&vm, GPA(0x10000), 1));
    assert_int_equal(vm_copy_in(&vm, &byte, GPA(0x10000), 1), ERR_RANGE);
    assert_int_equal(vm_add_rom(&vm, GPA(0x11000), HPA(0), 0x1000), ERR_OVERLAP);
    assert_int_equal(vm_add_rom(&vm, GPA(0x20000), HPA(0), 0x800), ERR_RANGE);
}

/* Three pages; the window is the middle one. */
static void add_window(void)
{
    assert_int_equal(vm_add_ram(&vm, GPA(0), ram_low, HPA(0x77000), PAGE_SIZE), ERR_NONE);
    assert_int_equal(vm_add_ram(&vm, GPA(0x1000), ram_low + 0x1000, HPA(0x78000), PAGE_SIZE),
                     ERR_NONE);
    assert_int_equal(vm_add_ram(&vm, GPA(0x2000), ram_low + 0x2000, HPA(0x79000), PAGE_SIZE),
                     ERR_NONE);
}

static void a_window_shows_other_memory(void **state)
{
    uint8_t byte[2] = { 1, 2 };
    hpa_t hpa;
    unsigned prot;

    (void)state;
    add_window();
    assert_int_equal(vm_show(&vm, GPA(0x1000), ram_high, HPA(0x5000)), ERR_NONE);
    assert_ptr_equal(vm_ram(&vm, GPA(0x1ffe), 2), ram_high + 0xffe);
    assert_true(npt_lookup(&vm.npt, GPA(0x1fff), &hpa, &prot));
    assert_int_equal(hpa.v, 0x5fff);
    assert_int_equal(prot, NPT_RWX);
    assert_int_equal(vm_copy_out(&vm, GPA(0x1fff), byte, 2), ERR_NONE);
    assert_int_equal(ram_high[0xfff], 1);
    assert_int_equal(ram_low[0x2000], 2);
    assert_int_equal(ram_low[0x1fff], 0);
    assert_int_equal(vm.ram_bytes, 3 * PAGE_SIZE);
}

static void a_window_that_shows_nothing_is_no_ram(void **state)
{
    uint8_t byte[2] = { 1, 2 };
    hpa_t hpa;
    unsigned prot;

    (void)state;
    add_window();
    assert_int_equal(vm_show(&vm, GPA(0x1000), NULL, HPA(0)), ERR_NONE);
    assert_false(npt_lookup(&vm.npt, GPA(0x1000), &hpa, &prot));
    assert_null(vm_ram(&vm, GPA(0x1000), 1));
    assert_int_equal(vm_copy_in(&vm, byte, GPA(0x1010), 2), ERR_RANGE);
    assert_int_equal(vm_copy_out(&vm, GPA(0x1010), byte, 2), ERR_RANGE);
    /* nor is what only reaches into it, from either side */
    assert_int_equal(vm_copy_in(&vm, byte, GPA(0xfff), 2), ERR_RANGE);
    assert_int_equal(vm_copy_out(&vm, GPA(0xfff), byte, 2), ERR_RANGE);
    assert_int_equal(vm_copy_out(&vm, GPA(0x1fff), byte, 2), ERR_RANGE);
    assert_int_equal(byte[0], 1);
    assert_int_equal(ram_low[0xfff], 0);
    assert_int_equal(ram_low[0x2000], 0);
    assert_int_equal(vm_show(&vm, GPA(0x1000), ram_low + 0x1000, HPA(0x78000)), ERR_NONE);
    assert_int_equal(vm_copy_out(&vm, GPA(0x1fff), byte, 2), ERR_NONE);
    assert_int_equal(ram_low[0x1fff], 1);
    assert_true(npt_lookup(&vm.npt, GPA(0x1000), &hpa, &prot));
    assert_int_equal(hpa.v, 0x78000);
}

static struct vcpu *flushed[VM_VCPU_MAX];

static void note_flush(struct vcpu *v)
{
    flushed[rig.flushes++] = v;
}

static void what_changes_is_flushed_on_each_vcpu(void **state)
{
    static struct vcpu other;
    struct virt_ops ops = rig_ops;

    (void)state;
    add_window();
    ops.flush_npt = note_flush;
    vm.ops = &ops;
    vm.vcpu[0] = &vcpu;
    vm.vcpu[1] = &other;
    vm.vcpu_count = 2;
    assert_int_equal(vm_show(&vm, GPA(0x1000), NULL, HPA(0)), ERR_NONE);
    assert_int_equal(rig.flushes, 2);
    assert_ptr_equal(flushed[0], &vcpu);
    assert_ptr_equal(flushed[1], &other);
    assert_int_equal(vm_show(&vm, GPA(0x1000), ram_high, HPA(0x5000)), ERR_NONE);
    assert_int_equal(rig.flushes, 4);
    vm.ops = &rig_ops;
}

static void only_a_whole_piece_is_a_window(void **state)
{
    hpa_t hpa;
    unsigned prot;

    (void)state;
    vm.vcpu[0] = &vcpu;
    vm.vcpu_count = 1;
    assert_int_equal(vm_add_ram(&vm, GPA(0), ram_low, HPA(0x77000), 0x2000), ERR_NONE);
    assert_int_equal(vm_show(&vm, GPA(0x1000), NULL, HPA(0)), ERR_RANGE);
    assert_int_equal(vm_show(&vm, GPA(0x2000), NULL, HPA(0)), ERR_RANGE);
    assert_true(npt_lookup(&vm.npt, GPA(0x1000), &hpa, &prot));
    assert_int_equal(rig.flushes, 0);
}

static void the_first_reason_to_stop_stands(void **state)
{
    (void)state;
    vm_stop(&vm, VM_RESET, "reset by %s %u", "port", 0x64u);
    vm_kill(&vm, "something else");
    vm_stop(&vm, VM_POWER_OFF, "off");
    assert_int_equal(vm.stop, VM_RESET);
    assert_string_equal(vm.why, "reset by port 100");
}

static void a_long_reason_is_cut(void **state)
{
    char text[400];

    (void)state;
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = 0;
    vm_kill(&vm, "%s", text);
    assert_int_equal(vm.stop, VM_KILLED);
    assert_true(strlen(vm.why) < sizeof vm.why && strlen(vm.why) > 100);
}

static void each_id_is_news_once_and_a_flood_is_only_counted(void **state)
{
    struct vm_seen seen = { 0 };

    (void)state;
    assert_true(vm_seen_first(&seen, 0));
    assert_false(vm_seen_first(&seen, 0));
    for (uint32_t i = 1; i < VM_SEEN_MAX; i++) {
        assert_true(vm_seen_first(&seen, i));
    }
    for (uint32_t i = 0; i < 1000; i++) {
        assert_false(vm_seen_first(&seen, i));
    }
    assert_int_equal(seen.count, VM_SEEN_MAX);
    assert_int_equal(seen.total, 2 + VM_SEEN_MAX - 1 + 1000);
}

int main(void)
{
#define T(test)     cmocka_unit_test_setup(test, rig_setup)
#define EMPTY(test) cmocka_unit_test_setup(test, setup_empty)
    const struct CMUnitTest tests[] = {
        T(ram_is_ram_to_its_last_byte),
        T(a_pointer_never_spans_two_pieces),
        T(copies_cross_pieces),
        T(a_copy_that_leaves_ram_copies_nothing),
        T(nothing_can_be_copied_anywhere),
        EMPTY(added_ram_is_mapped_and_counted),
        EMPTY(a_rom_is_mapped_without_writes_and_is_no_ram),
        EMPTY(a_window_shows_other_memory),
        EMPTY(a_window_that_shows_nothing_is_no_ram),
        EMPTY(what_changes_is_flushed_on_each_vcpu),
        EMPTY(only_a_whole_piece_is_a_window),
        T(the_first_reason_to_stop_stands),
        T(a_long_reason_is_cut),
        T(each_id_is_news_once_and_a_flood_is_only_counted),
    };
    return cmocka_run_group_tests_name("vm", tests, NULL, NULL);
}
