#include "guest/bios.h"
#include "guest/boot.h"
#include "guest/ram.h"
#include "guest/start.h"
#include "lib/bits.h"
#include "lib/fmt.h"
#include "lib/le.h"
#include "lib/log.h"
#include "lib/mem.h"
#include "mm/paging.h"

#define BIOS_AT    (MIB - BIOS_SIZE)     /* where SeaBIOS runs */
#define BIOS_ALIAS (4 * GIB - BIOS_SIZE) /* where the CPU starts: the same, and never changed */
#define RAM_LEAST  (3 * MIB)
#define RAM_USUAL  (64 * MIB)

enum { ROM_SIGNATURE = 0xaa55, ROM_MAX = 64 * 1024, BOOT_SIGNATURE_AT = 510 };
enum { E820_FILE_ENTRY = 20, BIOS_OWN_RAM = 512 * 1024 };
enum { QUICK_RESETS_MAX = 16 };
enum { CMOS_SHUTDOWN = 0x0f, CMOS_EXTENDED_LOW = 0x17, CMOS_OVER_16M = 0x34 };

static const uint32_t floppy_sizes[] = {
    163840, 184320, 327680, 368640, 737280, 1228800, 1474560, 2949120,
};

static bool is_floppy_size(uint64_t bytes)
{
    for (unsigned i = 0; i < ARRAY_SIZE(floppy_sizes); i++) {
        if (bytes == floppy_sizes[i]) {
            return true;
        }
    }
    return false;
}

/* idle=off is all that there is. */
static bool parse(struct slice rest, bool *idle, char why[BOOT_WHY_MAX])
{
    struct slice word;

    *idle = true;
    while (cmdline_next(&rest, &word)) {
        if (slice_is(word, "idle=off") || slice_is(word, "idle=on")) {
            *idle = slice_is(word, "idle=on");
        } else {
            fmt_print(why, BOOT_WHY_MAX,
                      "the bios module's option '%.*s' is unknown: idle=on|off is",
                      (int)MIN(word.len, 40), word.at);
            return false;
        }
    }
    return true;
}

static bool check_floppy(const struct boot_module *floppy, char why[BOOT_WHY_MAX])
{
    if (!is_floppy_size(floppy->len)) {
        fmt_print(why, BOOT_WHY_MAX,
                  "the floppy has %llu bytes, which no floppy has: 160, 180, 320, 360, 720, 1200, "
                  "1440 or 2880 KiB are",
                  (unsigned long long)floppy->len);
        return false;
    }
    if (le16_read(floppy->data + BOOT_SIGNATURE_AT) != ROM_SIGNATURE) {
        fmt_print(why, BOOT_WHY_MAX,
                  "the floppy cannot be booted: its first sector does not end with 55h AAh");
        return false;
    }
    return true;
}

bool bios_check(const struct boot_plan *plan, const struct virt_ops *ops, char why[BOOT_WHY_MAX])
{
    const struct boot_module *bios = plan->part[ROLE_BIOS];
    const struct boot_module *vga = plan->part[ROLE_VGABIOS];
    bool idle;

    if (!parse(bios->cmdline, &idle, why)) {
        return false;
    }
    if (!ops->real_mode()) {
        fmt_print(why, BOOT_WHY_MAX,
                  "a BIOS starts in real mode, and this CPU has no unrestricted guest mode, which "
                  "that needs");
        return false;
    }
    if (bios->len != BIOS_SIZE) {
        fmt_print(why, BOOT_WHY_MAX,
                  "the bios module has %llu bytes and must have 131072: SeaBIOS' bios.bin, not "
                  "bios-256k.bin",
                  (unsigned long long)bios->len);
        return false;
    }
    if (vga->len < 3 || vga->len > ROM_MAX || le16_read(vga->data) != ROM_SIGNATURE) {
        fmt_print(why, BOOT_WHY_MAX,
                  "the vgabios module is no option ROM (55h AAh, at most 64 KiB): "
                  "vgabios-isavga.bin of SeaBIOS is one");
        return false;
    }
    return check_floppy(plan->part[ROLE_FLOPPY], why);
}

/* The first MiB, the floppy, which SeaBIOS keeps in RAM, and SeaBIOS itself. */
uint64_t bios_least_ram(const struct boot_plan *plan)
{
    uint64_t need = MIB + plan->part[ROLE_FLOPPY]->len + BIOS_OWN_RAM;

    return MAX(RAM_LEAST, ALIGN_DOWN(need + MIB - 1, MIB));
}

uint64_t bios_default_ram(void)
{
    return RAM_USUAL;
}

bool bios_watches_idle(const struct boot_plan *plan)
{
    char why[BOOT_WHY_MAX];
    bool idle;

    return parse(plan->part[ROLE_BIOS]->cmdline, &idle, why) && idle;
}

static bool dma_read(void *ctx, uint64_t gpa, void *to, size_t len)
{
    return vm_copy_in(ctx, to, GPA(gpa), len) == ERR_NONE;
}

static bool dma_write(void *ctx, uint64_t gpa, const void *from, size_t len)
{
    return vm_copy_out(ctx, GPA(gpa), from, len) == ERR_NONE;
}

/* The RAM of the machine's map, as QEMU's etc/e820 has it: SeaBIOS takes its own parts out of it.
 */
static uint32_t write_ram_map(struct machine *m)
{
    const uint64_t low = e820_low_end(m->config.ram_bytes);
    const struct e820_entry entry[] = {
        {GPA(0),          low,                       E820_RAM},
        { GPA(E820_HIGH), m->config.ram_bytes - low, E820_RAM},
    };
    uint32_t len = 0;

    for (unsigned i = 0; i < ARRAY_SIZE(entry) && entry[i].len; i++) {
        le64_write(m->ram_map + len, entry[i].base.v);
        le64_write(m->ram_map + len + 8, entry[i].len);
        le32_write(m->ram_map + len + 16, entry[i].type);
        len += E820_FILE_ENTRY;
    }
    return len;
}

static enum err add_files(const struct boot_plan *plan, struct machine *m)
{
    const struct boot_module *vga = plan->part[ROLE_VGABIOS];
    const struct boot_module *floppy = plan->part[ROLE_FLOPPY];
    const uint16_t one = 1;
    struct fw_cfg *f = &m->fw_cfg;
    enum err e;

    fw_cfg_init(f, (struct guest_dma){ dma_read, dma_write, &m->vm });
    e = fw_cfg_add_item(f, FW_CFG_NB_CPUS, &one, sizeof one);
    if (e == ERR_NONE) {
        e = fw_cfg_add_item(f, FW_CFG_MAX_CPUS, &one, sizeof one);
    }
    if (e == ERR_NONE) {
        e = fw_cfg_add_file(f, "etc/e820", m->ram_map, write_ram_map(m));
    }
    if (e == ERR_NONE) {
        e = fw_cfg_add_file(f, "vgaroms/vgabios.bin", vga->data, (uint32_t)vga->len);
    }
    return e == ERR_NONE
               ? fw_cfg_add_file(f, "floppyimg/floppy", floppy->data, (uint32_t)floppy->len)
               : e;
}

/* Memory size, for a BIOS that does not ask fw_cfg. */
static void set_cmos(struct machine *m)
{
    uint64_t kib = MIN((m->config.ram_bytes - MIB) / KIB, 0xffff);
    uint64_t blocks = e820_low_end(m->config.ram_bytes);

    blocks = MIN((blocks - MIN(blocks, 16 * MIB)) / (64 * KIB), 0xffff);
    rtc_set_cmos(&m->rtc, CMOS_EXTENDED_LOW, (uint8_t)kib);
    rtc_set_cmos(&m->rtc, CMOS_EXTENDED_LOW + 1, (uint8_t)(kib >> 8));
    rtc_set_cmos(&m->rtc, CMOS_OVER_16M, (uint8_t)blocks);
    rtc_set_cmos(&m->rtc, CMOS_OVER_16M + 1, (uint8_t)(blocks >> 8));
}

/* The firmware runs in RAM and changes itself: each start gets it as it was loaded. */
static bool power_on(struct machine *m)
{
    void *to = vm_ram(&m->vm, GPA(BIOS_AT), BIOS_SIZE);

    if (!to) {
        return false;
    }
    memcpy(to, hpa_ptr(m->rom), BIOS_SIZE);
    start_reset(&m->vcpu);
    return true;
}

bool bios_load(const struct boot_plan *plan, struct machine *m, char why[BOOT_WHY_MAX])
{
    enum err e = ram_take(m, BIOS_SIZE, &m->rom) ? ERR_NONE : ERR_NOMEM;

    if (e == ERR_NONE) {
        memcpy(hpa_ptr(m->rom), plan->part[ROLE_BIOS]->data, BIOS_SIZE);
        e = vm_add_rom(&m->vm, GPA(BIOS_ALIAS), m->rom, BIOS_SIZE);
    }
    if (e == ERR_NONE) {
        e = add_files(plan, m);
    }
    if (e != ERR_NONE || !power_on(m)) {
        fmt_print(why, BOOT_WHY_MAX, "the BIOS could not be put into the guest: %s", err_name(e));
        return false;
    }
    set_cmos(m);
    return true;
}

/* IBM AT Technical Reference, "Shutdown": a program that set one of these wants to go on behind the
 * reset of the CPU, which is how a 286 leaves protected mode. */
static bool wants_to_go_on(const struct machine *m)
{
    uint8_t code = m->rtc.cmos[CMOS_SHUTDOWN];

    return !m->hard_reset && (code == 0x05 || code == 0x09 || code == 0x0a);
}

/* Starts the PC again. False if it gets nowhere: it resets itself over and over. */
static bool restart(struct machine *m)
{
    struct vm *vm = &m->vm;
    uint64_t now = clock_now(vm->clock);

    if (vm->stop != VM_RESET && vm->stop != VM_TRIPLE_FAULT) {
        return false;
    }
    if (wants_to_go_on(m)) {
        vm->stop = VM_RUNNING;
        start_reset(&m->vcpu);
        return true;
    }
    m->quick_resets = now - m->started < vm->clock->hz ? m->quick_resets + 1 : 0;
    if (m->quick_resets > QUICK_RESETS_MAX) {
        return false;
    }
    m->started = now;
    log_info("The guest's PC starts again: %s", vm->why);
    vm->stop = VM_RUNNING;
    m->hard_reset = false;
    machine_reset_devices(m);
    return power_on(m);
}

void bios_run(struct machine *m)
{
    do {
        vcpu_run(&m->vcpu);
    } while (restart(m));
}

/* IBM AT Technical Reference, "BIOS data area": where the ring of typed keys starts and ends, where
 * the next one is taken and put. */
unsigned bios_key_room(const struct machine *m)
{
    enum { AREA = 0x400, HEAD = 0x1a, TAIL = 0x1c, START = 0x80, END = 0x82, AREA_LEN = 0x100 };
    enum { ENTRY = 2, UNKNOWN = 15 };
    const uint8_t *area = vm_ram(&m->vm, GPA(AREA), AREA_LEN);
    unsigned head, tail, start, end, size;

    if (!area) {
        return UNKNOWN;
    }
    head = le16_read(area + HEAD);
    tail = le16_read(area + TAIL);
    start = le16_read(area + START);
    end = le16_read(area + END);
    if (start >= end || head < start || head >= end || tail < start || tail >= end) {
        return UNKNOWN; /* a system that does without it */
    }
    size = end - start;
    return ((head + size - tail - ENTRY) % size) / ENTRY;
}
