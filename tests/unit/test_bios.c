#include "bios_rig.h"

#define BIOS_ALIAS (4 * GIB - BIOS_SIZE)

static bool check(void)
{
    why[0] = 0;
    return bios_check(&plan, &rig_ops, why);
}

static void assert_refused(const char *sentence)
{
    assert_false(check());
    assert_string_equal(why, sentence);
}

static void three_good_modules_are_taken(void **state)
{
    (void)state;
    assert_true(check());
    assert_string_equal(why, "");
}

static void an_unknown_option_is_quoted(void **state)
{
    (void)state;
    set_part(ROLE_BIOS, "idle=off", bios, BIOS_SIZE);
    assert_true(check());
    set_part(ROLE_BIOS, " idle=on  idle=off ", bios, BIOS_SIZE);
    assert_true(check());
    set_part(ROLE_BIOS, "idle=off fast", bios, BIOS_SIZE);
    assert_refused("the bios module's option 'fast' is unknown: idle=on|off is");
    set_part(ROLE_BIOS, "idle=maybe", bios, BIOS_SIZE);
    assert_refused("the bios module's option 'idle=maybe' is unknown: idle=on|off is");
    set_part(ROLE_BIOS, "0123456789012345678901234567890123456789x", bios, BIOS_SIZE);
    assert_refused("the bios module's option '0123456789012345678901234567890123456789' is "
                   "unknown: idle=on|off is");
}

static void a_cpu_without_real_mode_is_told_of(void **state)
{
    (void)state;
    rig.no_real_mode = true;
    assert_refused("a BIOS starts in real mode, and this CPU has no unrestricted guest mode, which "
                   "that needs");
}

static void a_bios_of_another_size_is_told_of(void **state)
{
    (void)state;
    set_part(ROLE_BIOS, "", bios, 2 * BIOS_SIZE);
    assert_refused("the bios module has 262144 bytes and must have 131072: SeaBIOS' bios.bin, not "
                   "bios-256k.bin");
    set_part(ROLE_BIOS, "", bios, BIOS_SIZE - 1);
    assert_false(check());
    set_part(ROLE_BIOS, "", bios, BIOS_SIZE + 1);
    assert_false(check());
    set_part(ROLE_BIOS, "", NULL, 0);
    assert_refused("the bios module has 0 bytes and must have 131072: SeaBIOS' bios.bin, not "
                   "bios-256k.bin");
}

/* Copies of just the length that is said: ASan sees who reads further. */
static bool check_vgabios(uint8_t first, uint8_t second, uint64_t len)
{
    uint8_t *copy = calloc(1, len ? len : 1);
    bool ok;

    for (unsigned i = 0; i < len && i < 2; i++) {
        copy[i] = i ? second : first;
    }
    set_part(ROLE_VGABIOS, "", len ? copy : NULL, len);
    ok = check();
    free(copy);
    assert_true(ok || strcmp(why, "the vgabios module is no option ROM (55h AAh, at most 64 KiB): "
                                  "vgabios-isavga.bin of SeaBIOS is one") == 0);
    return ok;
}

static void a_vgabios_is_an_option_rom_of_64_kib_at_most(void **state)
{
    (void)state;
    assert_true(check_vgabios(0x55, 0xaa, 3));
    assert_true(check_vgabios(0x55, 0xaa, 64 * 1024));
    assert_false(check_vgabios(0x55, 0xaa, 64 * 1024 + 1));
    assert_false(check_vgabios(0x55, 0xaa, 2));
    assert_false(check_vgabios(0x55, 0xaa, 1));
    assert_false(check_vgabios(0, 0, 0));
    assert_false(check_vgabios(0xaa, 0x55, 512));
    assert_false(check_vgabios(0x55, 0xab, 512));
    assert_false(check_vgabios(0x7f, 'E', 512));
}

static const uint64_t kib[] = { 160, 180, 320, 360, 720, 1200, 1440, 2880 };

static void the_eight_sizes_of_floppies_are_taken(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(kib); i++) {
        set_part(ROLE_FLOPPY, "", floppy, kib[i] * KIB);
        assert_true(check());
    }
}

static void a_floppy_of_an_odd_size_is_told_of(void **state)
{
    static const uint64_t odd[] = { 1,    512,        640 * KIB,      800 * KIB,
                                    MIB,  1680 * KIB, 1722 * KIB,     2 * MIB,
                                    5760, 1440000,    UINT64_MAX - 1, GIB + 1440 * KIB };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(odd); i++) {
        set_part(ROLE_FLOPPY, "", floppy, odd[i]);
        assert_false(check());
    }
    for (unsigned i = 0; i < ARRAY_SIZE(kib); i++) {
        set_part(ROLE_FLOPPY, "", floppy, kib[i] * KIB - 1);
        assert_false(check());
        set_part(ROLE_FLOPPY, "", floppy, kib[i] * KIB + 1);
        assert_false(check());
        set_part(ROLE_FLOPPY, "", floppy, kib[i] * KIB + (UINT64_C(1) << 32));
        assert_false(check());
    }
    set_part(ROLE_FLOPPY, "", NULL, 0);
    assert_refused("the floppy has 0 bytes, which no floppy has: 160, 180, 320, 360, 720, 1200, "
                   "1440 or 2880 KiB are");
}

static void a_floppy_that_cannot_be_booted_is_told_of(void **state)
{
    (void)state;
    floppy[510] = 0xaa;
    floppy[511] = 0x55;
    assert_refused("the floppy cannot be booted: its first sector does not end with 55h AAh");
    floppy[510] = 0x55;
    assert_false(check());
    floppy[511] = 0xaa;
    assert_true(check());
}

static void the_least_ram_has_room_for_the_floppy(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(kib); i++) {
        uint64_t least;

        set_part(ROLE_FLOPPY, "", floppy, kib[i] * KIB);
        least = bios_least_ram(&plan);
        assert_true(least >= 3 * MIB);
        assert_true(least >= MIB + kib[i] * KIB + 512 * KIB);
        assert_true(least == 3 * MIB || least - MIB < MIB + kib[i] * KIB + 512 * KIB);
        assert_int_equal(least % MIB, 0);
    }
    set_part(ROLE_FLOPPY, "", floppy, FLOPPY_1440);
    assert_int_equal(bios_least_ram(&plan), 3 * MIB);
    assert_int_equal(bios_default_ram(), 64 * MIB);
}

static bool watches(const char *options)
{
    set_part(ROLE_BIOS, options, bios, BIOS_SIZE);
    return bios_watches_idle(&plan);
}

static void polling_is_watched_unless_the_options_say_no(void **state)
{
    (void)state;
    assert_true(watches(""));
    assert_true(watches("idle=on"));
    assert_false(watches("idle=off"));
    assert_false(watches("idle=on idle=off"));
    assert_true(watches("idle=off idle=on"));
    assert_false(watches("idle"));
}

/* --- what is loaded --- */

/* The file's key in the directory; its length too. */
static unsigned find_file(const char *name, uint32_t *len)
{
    uint32_t count = 0;
    unsigned key = 0;

    pc_out16(0x510, 0x19);
    for (unsigned i = 0; i < 4; i++) {
        count = count << 8 | pc_in8(0x511);
    }
    for (; count; count--) {
        uint8_t entry[64];

        for (unsigned i = 0; i < sizeof entry; i++) {
            entry[i] = pc_in8(0x511);
        }
        if (strcmp((const char *)entry + 8, name) == 0) {
            *len = __builtin_bswap32(le32_read(entry));
            key = __builtin_bswap16(le16_read(entry + 4));
        }
    }
    assert_int_not_equal(key, 0);
    return key;
}

static void read_file(unsigned key, void *to, unsigned len)
{
    uint8_t *out = to;

    pc_out16(0x510, key);
    for (unsigned i = 0; i < len; i++) {
        out[i] = pc_in8(0x511);
    }
}

static void the_bios_is_in_ram_and_below_4_gib(void **state)
{
    hpa_t hpa;
    unsigned prot;

    (void)state;
    assert_memory_equal(pc_ram(BIOS_AT, BIOS_SIZE), bios, BIOS_SIZE);
    for (uint64_t at = 0; at < BIOS_SIZE; at += PAGE_SIZE) {
        assert_true(npt_lookup(&pc.vm.npt, GPA(BIOS_ALIAS + at), &hpa, &prot));
        assert_int_equal(prot, NPT_R | NPT_X);
        assert_memory_equal(hpa_ptr(hpa), bios + at, PAGE_SIZE);
    }
    assert_null(vm_ram(&pc.vm, GPA(BIOS_ALIAS), 1));
    assert_at_reset();
    /* the guest's copy is its own, and so is ours of the module */
    memset(pc_ram(BIOS_AT, BIOS_SIZE), 0xee, BIOS_SIZE);
    bios[BIOS_SIZE - PAGE_SIZE]++;
    assert_int_equal(*(uint8_t *)hpa_ptr(hpa), bios[BIOS_SIZE - PAGE_SIZE] - 1);
}

static void the_floppy_and_the_video_bios_are_files(void **state)
{
    uint8_t head[SECTOR];
    uint32_t len;
    unsigned key = find_file("floppyimg/floppy", &len);

    (void)state;
    assert_int_equal(len, FLOPPY_1440);
    read_file(key, head, sizeof head);
    assert_memory_equal(head, floppy, sizeof head);
    key = find_file("vgaroms/vgabios.bin", &len);
    assert_int_equal(len, VGABIOS_LEN);
    read_file(key, head, sizeof head);
    assert_memory_equal(head, vgabios, sizeof head);
    read_file(0x05, head, 2); /* CPUs */
    assert_int_equal(le16_read(head), 1);
    read_file(0x0f, head, 2);
    assert_int_equal(le16_read(head), 1);
}

static void dma_goes_to_the_guests_ram_and_no_further(void **state)
{
    enum { CONTROL = 0x7000, TO = 0x8000, ERROR = 1, READ = 2, SELECT = 8 };
    uint8_t *control = pc_ram(CONTROL, 16);
    uint32_t len;
    unsigned key = find_file("vgaroms/vgabios.bin", &len);
    static const uint64_t to[] = { TO, 0xa0000, RAM_BYTES - 1, BIOS_ALIAS, UINT64_MAX };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(to); i++) {
        le32_write(control, __builtin_bswap32(key << 16 | SELECT | READ));
        le32_write(control + 4, __builtin_bswap32(SECTOR));
        le64_write(control + 8, __builtin_bswap64(to[i]));
        (void)pc_io(0x518, 4, true, __builtin_bswap32(CONTROL));
        assert_int_equal(__builtin_bswap32(le32_read(control)), to[i] == TO ? 0 : ERROR);
    }
    assert_memory_equal(pc_ram(TO, SECTOR), vgabios, SECTOR);
}

/* A PC that is said to have that much memory; it need not be there. */
static void load_with(uint64_t ram_bytes)
{
    (void)setup(NULL);
    pc_build(true, RAM_BYTES);
    pc.config.ram_bytes = ram_bytes;
    assert_true(bios_load(&plan, &pc, why));
}

static void assert_ram_map(uint64_t ram_bytes, uint64_t low, uint64_t high)
{
    uint8_t entry[2][20];
    uint32_t len;
    unsigned key;

    load_with(ram_bytes);
    key = find_file("etc/e820", &len);
    assert_int_equal(len, (high ? 2 : 1) * sizeof entry[0]);
    read_file(key, entry, sizeof entry);
    assert_int_equal(le64_read(entry[0]), 0);
    assert_int_equal(le64_read(entry[0] + 8), low);
    assert_int_equal(le32_read(entry[0] + 16), 1);
    if (high) {
        assert_int_equal(le64_read(entry[1]), 4 * GIB);
        assert_int_equal(le64_read(entry[1] + 8), high);
        assert_int_equal(le32_read(entry[1] + 16), 1);
    }
    (void)pc_teardown(NULL);
}

static void the_map_has_the_ram_on_both_sides_of_the_hole(void **state)
{
    (void)state;
    assert_ram_map(3 * MIB, 3 * MIB, 0);
    assert_ram_map(3 * GIB, 3 * GIB, 0);
    assert_ram_map(3 * GIB + 2 * MIB, 3 * GIB, 2 * MIB);
    assert_ram_map(8 * GIB, 3 * GIB, 5 * GIB);
}

static void assert_cmos(uint64_t ram_bytes, unsigned kib_over_1m, unsigned blocks_over_16m)
{
    load_with(ram_bytes);
    assert_int_equal(cmos(0x17) | cmos(0x18) << 8, kib_over_1m);
    assert_int_equal(cmos(0x34) | cmos(0x35) << 8, blocks_over_16m);
    (void)pc_teardown(NULL);
}

static void the_memory_size_is_in_cmos(void **state)
{
    (void)state;
    assert_cmos(3 * MIB, 2048, 0);
    assert_cmos(16 * MIB, 15360, 0);
    assert_cmos(17 * MIB, 16384, 16);
    assert_cmos(64 * MIB, 64512, 768);
    assert_cmos(100 * MIB, 0xffff, 1344);
    assert_cmos(8 * GIB, 0xffff, 48896); /* not what lies above 4 GiB */
}

static void no_memory_for_a_copy_of_the_bios_is_told(void **state)
{
    (void)state;
    pc_build(true, RAM_BYTES);
    pc_host.limit = pc_host.held + BIOS_SIZE - 1;
    assert_false(bios_load(&plan, &pc, why));
    assert_said(why, "the BIOS could not be put into the guest: ");
    assert_true(strlen(why) > strlen("the BIOS could not be put into the guest: "));
}

int main(void)
{
#define T(test)      cmocka_unit_test_setup_teardown(test, setup, pc_teardown)
#define LOADED(test) cmocka_unit_test_setup_teardown(test, setup_loaded, pc_teardown)
    const struct CMUnitTest tests[] = {
        T(three_good_modules_are_taken),
        T(an_unknown_option_is_quoted),
        T(a_cpu_without_real_mode_is_told_of),
        T(a_bios_of_another_size_is_told_of),
        T(a_vgabios_is_an_option_rom_of_64_kib_at_most),
        T(the_eight_sizes_of_floppies_are_taken),
        T(a_floppy_of_an_odd_size_is_told_of),
        T(a_floppy_that_cannot_be_booted_is_told_of),
        T(the_least_ram_has_room_for_the_floppy),
        T(polling_is_watched_unless_the_options_say_no),
        LOADED(the_bios_is_in_ram_and_below_4_gib),
        LOADED(the_floppy_and_the_video_bios_are_files),
        LOADED(dma_goes_to_the_guests_ram_and_no_further),
        T(the_map_has_the_ram_on_both_sides_of_the_hole),
        T(the_memory_size_is_in_cmos),
        T(no_memory_for_a_copy_of_the_bios_is_told),
    };
    return cmocka_run_group_tests_name("bios", tests, NULL, NULL);
}
