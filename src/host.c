#include "host.h"
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/lapic_host.h"
#include "arch/x86_64/msr.h"
#include "arch/x86_64/percpu.h"
#include "arch/x86_64/trap.h"
#include "arch/x86_64/tsc.h"
#include "console.h"
#include "drivers/power.h"
#include "drivers/vga_text.h"
#include "lib/bits.h"
#include "lib/log.h"
#include "lib/mem.h"
#include "lib/range.h"
#include "mm/frame.h"
#include "mm/paging.h"
#include "pc_console.h"

#define VGA_HPA      UINT64_C(0xa0000)
#define VGA_LEN      UINT64_C(0x20000)
#define BOOT_MAP_END (UINT64_C(4) * GIB)
#define RAM_END      BIT(46) /* what the direct map can show */
#define IMAGE_VMA    UINT64_C(0xffffffff80000000)
#define IMAGE_LMA    UINT64_C(0x200000)
#define APIC_BASE_X2 BIT(10)
#define APIC_BASE_ON BIT(11)
enum {
    IRQ_KEYBOARD = 1,
    IRQ_COM1 = 4,
    VECTOR_COM1 = 0x30,
    VECTOR_KEYBOARD = 0x32,
    IOAPIC_LAST = 0xfe0 /* its registers end in the page */
};

extern const char image_end[];

static struct percpu boot_cpu;

void host_catch_faults(void)
{
    cpu_tables_load(&boot_cpu, 0);
}

/* Host-physical memory below 4 GiB, through the boot map. */
static const void *boot_map(void *ctx, uint64_t hpa, uint64_t len)
{
    (void)ctx;
    return hpa && range_fits(hpa, len, BOOT_MAP_END) ? (const void *)(uintptr_t)hpa : NULL;
}

static bool keep_text(struct host *h, struct slice *s)
{
    char *to = h->text + h->text_used;

    if (s->len > sizeof h->text - h->text_used) {
        return false;
    }
    memcpy(to, s->at, s->len);
    h->text_used += s->len;
    s->at = to;
    return true;
}

static bool keep_texts(struct host *h)
{
    bool ok = keep_text(h, &h->mb.cmdline) && keep_text(h, &h->mb.loader);

    for (unsigned i = 0; i < h->mb.module_count; i++) {
        ok = ok && keep_text(h, &h->mb.module[i].cmdline);
    }
    return ok;
}

/* Everything that the memory map calls RAM, above the first MiB, but not what is in use. */
static bool find_ram(struct host *h)
{
    bool ok = true;

    for (unsigned i = 0; i < h->mb.mmap_count; i++) {
        const struct mb2_mmap *m = &h->mb.mmap[i];

        if (m->type == MB2_MMAP_RAM && m->base.v < RAM_END &&
            pmm_add(&h->ram, m->base.v, MIN(m->len, RAM_END - m->base.v)) != ERR_NONE) {
            log_warn("the memory map's range at %#llx is left out: it overlaps another one",
                     (unsigned long long)m->base.v);
        }
    }
    for (unsigned i = 0; i < h->mb.mmap_count; i++) { /* a range that is both is not ours */
        const struct mb2_mmap *m = &h->mb.mmap[i];

        if (m->type != MB2_MMAP_RAM) {
            ok &= pmm_reserve(&h->ram, m->base.v, m->len) == ERR_NONE;
        }
    }
    ok &= pmm_reserve(&h->ram, 0, MIB) == ERR_NONE;
    ok &= pmm_reserve(&h->ram, h->image, h->image_len) == ERR_NONE;
    for (unsigned i = 0; i < h->mb.module_count; i++) {
        const struct mb2_module *m = &h->mb.module[i];

        ok &= pmm_reserve(&h->ram, m->start.v, m->end.v - m->start.v) == ERR_NONE;
    }
    h->free_at_start = h->ram.free;
    return ok;
}

static void read_power(const struct acpi_root *root, const struct acpi_fadt *f)
{
    struct power_acpi p = { 0 };
    struct acpi_s5 s5;
    const char *why;

    if (!f->hardware_reduced) {
        p.pm1a_control = f->pm1a_cnt;
        p.pm1b_control = f->pm1b_cnt;
        p.smi_command = f->smi_cmd;
        p.acpi_enable = f->acpi_enable;
    }
    p.has_s5 = f->dsdt.v && acpi_read_s5(root, f->dsdt, &s5, &why) == ERR_NONE;
    if (p.has_s5) {
        p.slp_typ_a = s5.slp_typ_a;
        p.slp_typ_b = s5.slp_typ_b;
    }
    if (f->can_reset && f->reset_space == ACPI_SPACE_IO && f->reset_addr <= UINT16_MAX) {
        p.reset_port = (uint16_t)f->reset_addr;
        p.reset_value = f->reset_value;
    }
    power_init(&p);
}

/* Without ACPI there are no host interrupts (the serial port is polled) and no power-off. */
static void read_acpi(struct host *h)
{
    struct acpi_memory mem = { .map = boot_map };
    struct acpi_root root;
    struct acpi_fadt fadt;
    const char *why = "GRUB passed no RSDP";
    enum err e = ERR_INVAL;

    if (h->mb.has_rsdp_v2) {
        e = acpi_open(&root, mem, h->mb.rsdp_v2, sizeof h->mb.rsdp_v2, &why);
    }
    if (e != ERR_NONE && h->mb.has_rsdp_v1) {
        e = acpi_open(&root, mem, h->mb.rsdp_v1, sizeof h->mb.rsdp_v1, &why);
    }
    if (e != ERR_NONE) {
        log_warn("no ACPI: %s", why);
        return;
    }
    h->has_madt = acpi_read_madt(&root, &h->madt, &why) == ERR_NONE;
    if (!h->has_madt) {
        log_warn("ACPI: %s", why);
    }
    if (acpi_read_fadt(&root, &fadt, &why) == ERR_NONE) {
        read_power(&root, &fadt);
    } else {
        log_warn("ACPI: %s", why);
    }
}

bool host_read(struct host *h, uint64_t info, uint64_t load_offset, const char **why)
{
    h->image = IMAGE_LMA + load_offset;
    h->image_len = (uintptr_t)image_end - IMAGE_VMA - IMAGE_LMA;
    if (!boot_map(NULL, info, 8)) {
        *why = "the boot information is not below 4 GiB";
        return false;
    }
    if (mb2_parse((const void *)(uintptr_t)info, BOOT_MAP_END - info, &h->mb, why) != ERR_NONE) {
        return false;
    }
    if (!keep_texts(h)) {
        *why = "the command lines are longer than 16 KiB";
        return false;
    }
    read_acpi(h);
    if (!find_ram(h)) {
        *why = "the memory map has too many pieces";
        return false;
    }
    return true;
}

static uint64_t lapic_address(void)
{
    return ALIGN_DOWN(msr_read(MSR_APIC_BASE), PAGE_SIZE) & (RAM_END - 1);
}

/* Firmware chose these addresses: one that lies in RAM or nowhere is a device that we do without.
 */
static void map_devices(struct host *h)
{
    uint64_t ioapic = h->madt.ioapic.v;

    h->has_vga = paging_map(HPA(VGA_HPA), VGA_LEN, PAGE_DEVICE) == ERR_NONE;
    h->has_lapic = (msr_read(MSR_APIC_BASE) & APIC_BASE_X2) ||
                   paging_map(HPA(lapic_address()), PAGE_SIZE, PAGE_DEVICE) == ERR_NONE;
    h->has_ioapic =
        h->has_madt && h->madt.has_ioapic && ioapic && ioapic % 16 == 0 &&
        ioapic % PAGE_SIZE <= IOAPIC_LAST &&
        paging_map(HPA(ALIGN_DOWN(ioapic, PAGE_SIZE)), PAGE_SIZE, PAGE_DEVICE) == ERR_NONE;
}

static enum err map_modules(const struct host *h)
{
    for (unsigned i = 0; i < h->mb.module_count; i++) {
        const struct mb2_module *m = &h->mb.module[i];
        uint64_t from = ALIGN_DOWN(m->start.v, PAGE_SIZE);
        uint64_t to = ALIGN_DOWN(m->end.v + PAGE_SIZE - 1, PAGE_SIZE);

        if (from < to) {
            enum err e = paging_map(HPA(from), to - from, PAGE_READ_ONLY);

            if (e != ERR_NONE) {
                return e;
            }
        }
    }
    return ERR_NONE;
}

/* Sends an ISA interrupt to this handler. False if it is not on the I/O APIC that we know. */
static bool route(const struct host *h, unsigned irq, uint8_t vector, void (*handler)(void *ctx))
{
    const struct acpi_isa_irq *line = &h->madt.isa[irq];

    if (line->gsi < h->madt.ioapic_gsi) {
        return false;
    }
    trap_set_irq(vector, handler, NULL);
    ioapic_host_route(line->gsi - h->madt.ioapic_gsi, vector, line->level, line->active_low);
    return true;
}

static void start_interrupts(const struct host *h)
{
    uint64_t base = msr_read(MSR_APIC_BASE);
    bool x2 = base & APIC_BASE_X2;

    pic_host_mask();
    if (!(base & APIC_BASE_ON) || !h->has_lapic) {
        log_warn("the local APIC is off: the serial port is polled");
        return;
    }
    lapic_host_init(x2 ? NULL : hpa_ptr(HPA(lapic_address())));
    if (h->has_ioapic) {
        ioapic_host_init(hpa_ptr(h->madt.ioapic));
        if (route(h, IRQ_COM1, VECTOR_COM1, console_irq)) {
            console_expect_irq();
        }
        (void)route(h, IRQ_KEYBOARD, VECTOR_KEYBOARD, console_keyboard_irq);
    }
}

static uint64_t read_tsc(void *ctx)
{
    (void)ctx;
    return cpu_rdtsc();
}

bool host_start(struct host *h, uint64_t load_offset, const char **why)
{
    enum { SLOWEST_HZ = 1000000 };
    enum err e = paging_init(&h->ram, load_offset);

    if (e == ERR_NONE) {
        map_devices(h);
        e = map_modules(h);
    }
    if (e != ERR_NONE) {
        *why = e == ERR_NOMEM ? "there is too little memory below 4 GiB for the page tables"
                              : "the memory map and the modules contradict each other";
        return false;
    }
    paging_load();
    console_move_vga(h->has_vga ? hpa_ptr(HPA(VGA_TEXT_HPA)) : NULL);
    frame_init(&h->ram);
    pc_console_init(h->has_vga ? hpa_ptr(HPA(VGA_HPA)) : NULL);
    cpu_features_enable();
    h->clock = (struct clock){ .now = read_tsc, .hz = tsc_hz_find() };
    if (h->clock.hz < SLOWEST_HZ) {
        *why = "there is no PIT and no CPUID leaf that tells how fast the time-stamp counter runs";
        return false;
    }
    console_set_clock(h->clock.hz);
    console_find_keyboard();
    start_interrupts(h);
    return true;
}

uint64_t host_resident_kib(const struct host *h, uint64_t guest_bytes)
{
    return (h->image_len + h->free_at_start - h->ram.free - guest_bytes) / KIB;
}
