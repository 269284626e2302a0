#include "guest/boot.h"
#include "guest/start.h"
#include "lib/le.h"
#include "pc_rig.h"

#define RAM_BYTES  (4 * MIB)
#define BIOS_AT    (MIB - BIOS_SIZE)
#define BIOS_ALIAS (4 * GIB - BIOS_SIZE)
enum { FLOPPY_1440 = 1474560, SECTOR = 512, VGABIOS_LEN = 32 * 1024, RUNS_MAX = 200 };
enum { PORT_PIC_MASK = 0x21, PORT_RTC = 0x70, PORT_KBC = 0x64, PORT_92 = 0x92, PORT_CF9 = 0xcf9 };
enum { SHUTDOWN_CODE = 0x0f, DATA_AREA = 0x400 };

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

static void set_part(enum boot_role role, const char *options, const void *data, uint64_t len)
{
    struct boot_module *b = &plan.module[role];

    *b = (struct boot_module){
        role, {options, strlen(options)},
             data, len
    };
    plan.part[role] = b;
}

/* Three good modules. */
static int setup(void **state)
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

static int setup_loaded(void **state)
{
    (void)setup(state);
    pc_build(true, RAM_BYTES);
    if (!bios_load(&plan, &pc, why)) {
        fail_msg("%s", why);
    }
    return 0;
}

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

static void assert_at_reset(void)
{
    assert_int_equal(pc.vcpu.regs.rip, 0xfff0);
    assert_int_equal(rig.segs.seg[SEG_CS].base, 0xffff0000);
    assert_int_equal(rig.crs.cr0, CR0_ET);
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

static void assert_ram_map(uint64_t ram_bytes, uint64_t low, uint64_t high)
{
    uint8_t entry[40];
    uint32_t len;
    unsigned key;

    setup_loaded(NULL);
    pc.config.ram_bytes = ram_bytes; /* it need not really be there */
    free(hpa_ptr(pc.rom));           /* a second copy takes its place */
    pc_host.held -= BIOS_SIZE;
    pc.piece_count--;
    pc.vm.npt.fmt = NULL;
    (void)low;
    (void)high;
    (void)entry;
    (void)len;
    (void)key;
}

int main(void)
{
    (void)assert_ram_map;
    return 0;
}
