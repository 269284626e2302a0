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

static unsigned cmos(unsigned index)
{
    pc_out8(PORT_RTC, index);
    return pc_in8(PORT_RTC + 1);
}

static void set_cmos(unsigned index, unsigned value)
{
    pc_out8(PORT_RTC, index);
    pc_out8(PORT_RTC + 1, value);
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

/* --- start and reset --- */

/* Intel SDM vol. 3, "Processor State After Reset". */
static void a_cpu_starts_16_bytes_below_4_gib(void **state)
{
    struct vcpu *v = &pc.vcpu;

    (void)state;
    memset(&v->regs, 0x5a, sizeof v->regs);
    memset(&rig.crs, 0x5a, sizeof rig.crs);
    memset(&rig.segs, 0x5a, sizeof rig.segs);
    v->regs_loaded = false;
    rig.rip_set = 0;
    start_reset(v);
    assert_int_equal(rig.crs.cr0, 0x10);
    assert_int_equal(rig.crs.cr3 | rig.crs.cr4 | rig.crs.efer, 0);
    for (unsigned i = 0; i < SEG_COUNT; i++) {
        const struct segment *s = &rig.segs.seg[i];

        assert_int_equal(s->sel, i == SEG_CS ? 0xf000 : 0);
        assert_int_equal(s->base, i == SEG_CS ? 0xffff0000 : 0);
        assert_int_equal(s->limit, 0xffff);
        assert_int_equal(s->attr, i == SEG_CS     ? 0x9b
                                  : i == SEG_LDTR ? 0x82
                                  : i == SEG_TR   ? 0x8b
                                                  : 0x93);
    }
    assert_int_equal(rig.segs.gdtr.base | rig.segs.idtr.base, 0);
    assert_int_equal(rig.segs.gdtr.limit, 0xffff);
    assert_int_equal(rig.segs.idtr.limit, 0xffff);
    for (unsigned i = 0; i < GPR_COUNT; i++) {
        assert_int_equal(v->regs.gpr[i], 0);
    }
    assert_int_equal(v->regs.rip, 0xfff0);
    assert_int_equal(v->regs.rflags, 2);
    assert_true(v->regs_loaded);
    assert_int_equal(rig.rip_set, 1);
}

static void what_waited_for_the_cpu_is_gone_with_a_reset(void **state)
{
    struct vcpu *v = &pc.vcpu;

    (void)state;
    v->event = (struct vm_event){ .type = EVENT_FAULT, .vector = 13 };
    v->nmi_pending = true;
    v->halted = rig.halted = true;
    v->look = false;
    v->pv_eoi = v->kvm_system_time = 0x1001;
    v->pv_eoi_armed = true;
    v->osxsave = v->pke = true;
    v->idle.since = UINT64_MAX;
    start_reset(v);
    assert_int_equal(v->event.type, EVENT_NONE);
    assert_false(v->nmi_pending || v->halted || rig.halted);
    assert_true(v->look);
    assert_int_equal(v->pv_eoi | v->kvm_system_time, 0);
    assert_false(v->pv_eoi_armed);
    assert_false(v->osxsave || v->pke); /* CPUID shows what is in CR4 */
    assert_int_equal(v->idle.since, 0);
}

/* The ways to reset a PC, and whether they reset just the CPU. */
static void pulse(void)
{
    pc_out8(PORT_KBC, 0xfe);
}

static void pulse_92(void)
{
    pc_out8(PORT_92, pc_in8(PORT_92) & 0xfe);
    pc_out8(PORT_92, pc_in8(PORT_92) | 1);
}

static void triple_fault(void)
{
    vm_stop(&pc.vm, VM_TRIPLE_FAULT, "triple fault");
}

static void write_cf9(void)
{
    pc_out8(PORT_CF9, 2);
    pc_out8(PORT_CF9, 6);
}

static const struct {
    void (*ask)(void);
    bool hard;
} ways[] = {
    {pulse,         false},
    { pulse_92,     false},
    { triple_fault, false},
    { write_cf9,    true },
};

static unsigned way, code;

/* First it changes what a reset may or may not set right, then it asks for one. */
static void change_and_reset(void)
{
    memset(pc_ram(BIOS_AT, BIOS_SIZE), 0xee, BIOS_SIZE);
    *pc_ram(0x500, 1) = 0x77;
    pc_out8(0x20, 0x11); /* the PIC is set up, so that its mask is its own */
    pc_out8(PORT_PIC_MASK, 0x08);
    pc_out8(PORT_PIC_MASK, 0x04);
    pc_out8(PORT_PIC_MASK, 0x01);
    pc_out8(PORT_PIC_MASK, 0x5a);
    pc_out8(PORT_92, 0x00); /* A20 off */
    set_cmos(SHUTDOWN_CODE, code);
    pc.vcpu.regs.rip = 0x1234;
    ways[way].ask();
}

static void assert_went_on(void)
{
    assert_at_reset();
    assert_int_equal(*pc_ram(BIOS_AT, 1), 0xee);
    assert_int_equal(pc_in8(PORT_PIC_MASK), 0x5a);
    assert_false(ram_a20(&pc));
}

static void assert_started_again(void)
{
    assert_at_reset();
    assert_memory_equal(pc_ram(BIOS_AT, BIOS_SIZE), bios, BIOS_SIZE);
    assert_int_equal(pc_in8(PORT_PIC_MASK), 0xff);
    assert_true(ram_a20(&pc));
}

static bool goes_on(void)
{
    return !ways[way].hard && (code == 0x05 || code == 0x09 || code == 0x0a);
}

static void reset_once(unsigned run)
{
    if (run == 0) {
        change_and_reset();
        return;
    }
    if (goes_on()) {
        assert_went_on();
    } else {
        assert_started_again();
    }
    assert_int_equal(*pc_ram(0x500, 1), 0x77); /* RAM stays */
    assert_int_equal(cmos(SHUTDOWN_CODE), code);
    vm_stop(&pc.vm, VM_POWER_OFF, "off");
}

static void a_reset_starts_the_pc_again_or_goes_on_as_cmos_says(void **state)
{
    static const uint8_t codes[] = { 0x00, 0x01, 0x04, 0x05, 0x06, 0x09, 0x0a, 0x0b, 0x85, 0xff };

    (void)state;
    guest = reset_once;
    for (way = 0; way < ARRAY_SIZE(ways); way++) {
        for (unsigned i = 0; i < ARRAY_SIZE(codes); i++) {
            (void)setup_loaded(NULL);
            code = codes[i];
            bios_run(&pc);
            assert_int_equal(runs, 2);
            assert_int_equal(pc.vm.stop, VM_POWER_OFF);
            (void)pc_teardown(NULL);
        }
    }
}

static void reset_hard_and_then_the_cpu(unsigned run)
{
    if (run < 2) {
        code = 0x09;
        way = run == 0 ? 3 : 0;
        change_and_reset();
        return;
    }
    assert_went_on();
    vm_stop(&pc.vm, VM_POWER_OFF, "off");
}

static void a_hard_reset_is_one_only_once(void **state)
{
    (void)state;
    guest = reset_hard_and_then_the_cpu;
    bios_run(&pc);
    assert_int_equal(runs, 3);
}

static enum vm_stop stop_how;

static void just_stop(unsigned run)
{
    (void)run;
    vm_stop(&pc.vm, stop_how, "why");
}

static void who_stops_for_good_is_not_started_again(void **state)
{
    static const enum vm_stop how[] = { VM_POWER_OFF, VM_HALTED, VM_KILLED };

    (void)state;
    guest = just_stop;
    for (unsigned i = 0; i < ARRAY_SIZE(how); i++) {
        (void)setup_loaded(NULL);
        stop_how = how[i];
        bios_run(&pc);
        assert_int_equal(runs, 1);
        assert_int_equal(pc.vm.stop, how[i]);
        assert_string_equal(pc.vm.why, "why");
        (void)pc_teardown(NULL);
    }
}

static void reset_in_9_ms(unsigned run)
{
    (void)run;
    pc_now += 9 * PC_HZ / 1000;
    pulse();
}

static void a_pc_that_resets_itself_over_and_over_ends(void **state)
{
    (void)state;
    guest = reset_in_9_ms;
    bios_run(&pc);
    assert_int_equal(runs, 18); /* the first start was long ago, then 16 that are forgiven */
    assert_int_equal(pc.vm.stop, VM_RESET);
}

static void reset_each_second(unsigned run)
{
    pc_now += run % 10 == 9 ? PC_HZ : 9 * PC_HZ / 1000;
    if (run == 100) {
        vm_stop(&pc.vm, VM_POWER_OFF, "off");
    } else {
        pulse();
    }
}

static void resets_with_a_second_in_between_are_no_loop(void **state)
{
    (void)state;
    guest = reset_each_second;
    bios_run(&pc);
    assert_int_equal(runs, 101);
    assert_int_equal(pc.vm.stop, VM_POWER_OFF);
}

static unsigned seconds_before;

static void reset_after_a_while(unsigned run)
{
    if (run == 0) {
        set_cmos(0x0b, 0x22); /* the alarm's interrupt, in binary mode: no */
        seconds_before = cmos(0);
        pc_now += 3 * PC_HZ;
        pulse();
        return;
    }
    assert_int_equal(((cmos(0) >> 4) * 10 + (cmos(0) & 15)) % 60,
                     ((seconds_before >> 4) * 10 + (seconds_before & 15) + 3) % 60);
    vm_stop(&pc.vm, VM_POWER_OFF, "off");
}

static void the_clock_goes_on_through_a_reset(void **state)
{
    (void)state;
    guest = reset_after_a_while;
    bios_run(&pc);
    assert_int_equal(runs, 2);
}

/* --- the keys that the BIOS has room for --- */

static unsigned key_room(unsigned head, unsigned tail, unsigned start, unsigned end)
{
    uint8_t *area = pc_ram(DATA_AREA, 0x100);

    le16_write(area + 0x1a, (uint16_t)head);
    le16_write(area + 0x1c, (uint16_t)tail);
    le16_write(area + 0x80, (uint16_t)start);
    le16_write(area + 0x82, (uint16_t)end);
    return bios_key_room(&pc);
}

static void the_room_for_keys_is_what_the_data_area_says(void **state)
{
    (void)state;
    for (unsigned at = 0x1e; at < 0x3e; at += 2) {
        for (unsigned keys = 0; keys <= 15; keys++) {
            unsigned tail = 0x1e + (at - 0x1e + 2 * keys) % 0x20;

            assert_int_equal(key_room(at, tail, 0x1e, 0x3e), 15 - keys);
        }
    }
    assert_int_equal(key_room(0x1e, 0x1e, 0x1e, 0x5e), 31); /* a larger one */
    assert_int_equal(key_room(0x100, 0x102, 0x100, 0x104), 0);
}

static void a_data_area_that_makes_no_sense_is_a_system_without_it(void **state)
{
    static const uint16_t row[][4] = {
        {0x1e,    0x1e,   0,      0     },
        { 0x1e,   0x1e,   0x3e,   0x1e  },
        { 0x1e,   0x1e,   0x1e,   0x1e  },
        { 0x1d,   0x1e,   0x1e,   0x3e  },
        { 0x1e,   0x1d,   0x1e,   0x3e  },
        { 0x3e,   0x1e,   0x1e,   0x3e  },
        { 0x1e,   0x3e,   0x1e,   0x3e  },
        { 0xffff, 0xffff, 0xffff, 0xffff},
        { 0,      0,      0xffff, 0     },
    };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(row); i++) {
        assert_int_equal(key_room(row[i][0], row[i][1], row[i][2], row[i][3]), 15);
    }
}

/* All small rings, and some of the largest: the answer is never more than the ring. */
static void a_hostile_data_area_gives_some_room_at_most(void **state)
{
    static const uint16_t start[] = { 0, 1, 0x1e, 0xfff0 };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(start); i++) {
        for (unsigned size = 1; size < 16; size++) {
            for (unsigned head = 0; head < size; head++) {
                for (unsigned tail = 0; tail < size; tail++) {
                    unsigned room = key_room(start[i] + head, start[i] + tail, start[i],
                                             MIN(start[i] + size, 0xffff));

                    assert_true(room <= size / 2 || room == 15);
                }
            }
        }
    }
    assert_true(key_room(0, 0xfffe, 0, 0xffff) <= 0x7fff);
    assert_true(key_room(0xfffe, 0, 0, 0xffff) <= 0x7fff);
    memset(pc_ram(0, PAGE_SIZE), 0xff, PAGE_SIZE);
    assert_int_equal(bios_key_room(&pc), 15);
    memset(pc_ram(0, PAGE_SIZE), 0, PAGE_SIZE); /* before any BIOS has run */
    assert_int_equal(bios_key_room(&pc), 15);
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
        LOADED(a_cpu_starts_16_bytes_below_4_gib),
        LOADED(what_waited_for_the_cpu_is_gone_with_a_reset),
        T(a_reset_starts_the_pc_again_or_goes_on_as_cmos_says),
        LOADED(a_hard_reset_is_one_only_once),
        T(who_stops_for_good_is_not_started_again),
        LOADED(a_pc_that_resets_itself_over_and_over_ends),
        LOADED(resets_with_a_second_in_between_are_no_loop),
        LOADED(the_clock_goes_on_through_a_reset),
        LOADED(the_room_for_keys_is_what_the_data_area_says),
        LOADED(a_data_area_that_makes_no_sense_is_a_system_without_it),
        LOADED(a_hostile_data_area_gives_some_room_at_most),
    };
    return cmocka_run_group_tests_name("bios", tests, NULL, NULL);
}
