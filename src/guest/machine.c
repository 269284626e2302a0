#include "guest/machine.h"
#include "guest/acpi_tables.h"
#include "guest/ram.h"
#include "lib/bits.h"
#include "lib/fmt.h"
#include "lib/mem.h"
#include "mm/frame.h"
#include "mm/paging.h"

enum { IRQ_PIT = 0, IRQ_KEYBOARD = 1, IRQ_COM1 = 4, IRQ_RTC = 8, IRQ_SCI = 9, IOAPIC_PIN_PIT = 2 };
enum {
    PORT_PIC1 = 0x20,
    PORT_PIT = 0x40,
    PORT_61 = 0x61,
    PORT_I8042_DATA = 0x60,
    PORT_I8042 = 0x64,
    PORT_RTC = 0x70,
    PORT_92 = 0x92,
    PORT_PIC2 = 0xa0,
    PORT_VGA = 0x3b0,
    PORT_COM1 = 0x3f8,
    PORT_ELCR = 0x4d0,
    PORT_FW_CFG = 0x510,
    PORT_FW_CFG_DMA = 0x514,
    PORT_PM_EVENT = 0x600,
    PORT_PM_CONTROL = 0x604,
    PORT_PCI_ADDRESS = 0xcf8,
    PORT_RESET = 0xcf9,
    PORT_PCI_DATA = 0xcfc
};
enum { IOAPIC_ID = 1, RTC_CENTURY = 0x32, RESET_VALUE = 0x06, MISC_ENABLE_FAST_STRINGS = 1 };
enum { LAPIC_SVR = 0xf0, LAPIC_LVT0 = 0x350, SVR_ON = 0x1ff, LVT_EXTINT = 0x700 };

extern const uint8_t guest_dsdt[], guest_dsdt_end[];

/* An ISA interrupt reaches both the PIC and the I/O APIC. */
static void set_isa_irq(void *ctx, unsigned pin, bool level)
{
    struct machine *m = ctx;

    pic_set_pin(&m->pic, pin, level);
    ioapic_set_pin(&m->ioapic, pin == IRQ_PIT ? IOAPIC_PIN_PIT : pin, level);
}

static struct irq_line isa_irq(struct machine *m, unsigned pin)
{
    return (struct irq_line){ .set = set_isa_irq, .ctl = m, .pin = pin };
}

static void pic_intr(void *ctx, bool level)
{
    struct machine *m = ctx;

    if (level) {
        lapic_lint(&m->vcpu.lapic, 0);
    }
}

static bool extint_pending(void *ctx)
{
    return pic_pending(&((struct machine *)ctx)->pic);
}

static uint8_t extint_ack(void *ctx)
{
    struct machine *m = ctx;

    if (pic_serves(&m->pic, IRQ_PIT)) {
        pit_acked(&m->pit);
    }
    return pic_ack(&m->pic);
}

static void lapic_kick(void *ctx)
{
    ((struct vcpu *)ctx)->look = true;
}

static void lapic_nmi(void *ctx)
{
    struct vcpu *v = ctx;

    v->nmi_pending = true;
    v->look = true;
}

static struct machine *machine_of(struct vcpu *v)
{
    return (struct machine *)((char *)v - offsetof(struct machine, vcpu));
}

static void lapic_ended(void *ctx, uint8_t vector)
{
    ioapic_eoi(&machine_of(ctx)->ioapic, vector);
}

/* There is no other CPU yet that an IPI could be for. */
static void lapic_ipi(void *ctx, uint64_t icr)
{
    (void)ctx;
    (void)icr;
}

static const struct lapic_ops lapic_ops = {
    .kick = lapic_kick, .nmi = lapic_nmi, .eoi = lapic_ended, .ipi = lapic_ipi
};

enum { DELIVER_FIXED = 0, DELIVER_LOWEST = 1, DELIVER_NMI = 4, DELIVER_EXTINT = 7 };

static void ioapic_send(void *ctx, uint32_t dest, bool logical, unsigned delivery, uint8_t vector,
                        bool level)
{
    struct machine *m = ctx;

    if (!lapic_matches(&m->vcpu.lapic, dest, logical)) {
        return;
    }
    if (delivery == DELIVER_FIXED || delivery == DELIVER_LOWEST) {
        lapic_deliver(&m->vcpu.lapic, vector, level);
    } else if (delivery == DELIVER_NMI) {
        lapic_nmi(&m->vcpu);
    } else if (delivery == DELIVER_EXTINT) {
        m->vcpu.look = true;
    }
}

static void on_power_off(void *ctx)
{
    vm_stop(ctx, VM_POWER_OFF, "the guest powered off");
}

/* Port CF9h resets all of the PC. */
static void on_reset(void *ctx)
{
    struct machine *m = ctx;

    m->hard_reset = true;
    vm_stop(&m->vm, VM_RESET, "the guest asked for a reset");
}

/* The pulse of the keyboard controller, and port 92h, reset the CPU alone. */
static void on_cpu_reset(void *ctx)
{
    vm_stop(&((struct machine *)ctx)->vm, VM_RESET, "the guest asked for a reset");
}

static void on_a20(void *ctx, bool on)
{
    ram_set_a20(ctx, on);
}

static const struct i8042_ops i8042_ops = { .a20 = on_a20, .reset = on_cpu_reset };

static void on_video_change(void *ctx)
{
    ram_show_video(ctx);
}

static enum err add_ranges(struct io_bus *bus, const struct io_range *range, unsigned count)
{
    enum err e = ERR_NONE;

    for (unsigned i = 0; i < count && e == ERR_NONE; i++) {
        e = io_bus_add(bus, &range[i]);
    }
    return e;
}

/* What a PC with a BIOS has more, or other. */
static enum err add_bios_devices(struct machine *m)
{
    const struct io_range pio[] = {
        {PORT_I8042_DATA,  1,          i8042_data_io,    &m->i8042,  "i8042"   },
        { PORT_I8042,      1,          i8042_command_io, &m->i8042,  "i8042"   },
        { PORT_92,         1,          i8042_port92_io,  &m->i8042,  "port 92h"},
        { VGA_IO_BASE,     VGA_IO_LEN, vga_io,           &m->vga,    "vga"     },
        { PORT_FW_CFG,     2,          fw_cfg_io,        &m->fw_cfg, "fw_cfg"  },
        { PORT_FW_CFG_DMA, 8,          fw_cfg_dma_io,    &m->fw_cfg, "fw_cfg"  },
    };
    const struct io_range mmio = { VGA_MEM_BASE, VGA_MEM_LEN, vga_mem_io, &m->vga, "vga" };
    enum err e = add_ranges(&m->vm.mmio, &mmio, 1);

    return e == ERR_NONE ? add_ranges(&m->vm.pio, pio, ARRAY_SIZE(pio)) : e;
}

static enum err add_plain_devices(struct machine *m)
{
    const struct io_range pio[] = {
        {PORT_I8042, 1, reset_i8042_io,  &m->reset, "port 64h"},
        { PORT_92,   1, reset_port92_io, &m->reset, "port 92h"},
    };

    return add_ranges(&m->vm.pio, pio, ARRAY_SIZE(pio));
}

static enum err add_devices(struct machine *m)
{
    const struct io_range pio[] = {
        {PORT_PIC1,         2, pic_master_io,       &m->pic,  "pic"     },
        { PORT_PIT,         4, pit_io,              &m->pit,  "pit"     },
        { PORT_61,          1, pit_port61_io,       &m->pit,  "port 61h"},
        { PORT_RTC,         2, rtc_io,              &m->rtc,  "rtc"     },
        { PORT_PIC2,        2, pic_slave_io,        &m->pic,  "pic"     },
        { PORT_COM1,        8, uart_io,             &m->com1, "com1"    },
        { PORT_ELCR,        2, pic_elcr_io,         &m->pic,  "elcr"    },
        { PORT_PM_EVENT,    4, acpi_pm_event_io,    &m->pm,   "acpi"    },
        { PORT_PM_CONTROL,  2, acpi_pm_control_io,  &m->pm,   "acpi"    },
        { PORT_PCI_ADDRESS, 4, pci_host_address_io, &m->pci,  "pci"     },
        { PORT_PCI_DATA,    4, pci_host_data_io,    &m->pci,  "pci"     },
    };
    const struct io_range mmio = { IOAPIC_BASE_GPA, PAGE_SIZE, ioapic_mmio, &m->ioapic, "ioapic" };
    enum err e = add_ranges(&m->vm.mmio, &mmio, 1);

    if (e == ERR_NONE) {
        e = add_ranges(&m->vm.pio, pio, ARRAY_SIZE(pio));
    }
    if (e != ERR_NONE) {
        return e;
    }
    return m->config.bios ? add_bios_devices(m) : add_plain_devices(m);
}

/* Firmware leaves the local APIC in virtual-wire mode: the PIC's interrupts pass through LINT0. */
static void set_virtual_wire(struct lapic *l)
{
    lapic_mmio(
        l, &(struct io_access){ .offset = LAPIC_SVR, .size = 4, .write = true, .value = SVR_ON });
    lapic_mmio(l, &(struct io_access){
                      .offset = LAPIC_LVT0, .size = 4, .write = true, .value = LVT_EXTINT });
}

/* Power on, and reset: all devices but the clock, which a battery drives. */
static void init_devices(struct machine *m)
{
    const struct machine_config *c = &m->config;
    struct vcpu *v = &m->vcpu;

    lapic_init(&v->lapic, v->id, true, c->clock, &v->timers, &lapic_ops, v);
    set_virtual_wire(&v->lapic);
    pic_init(&m->pic, pic_intr, m);
    ioapic_init(&m->ioapic, ioapic_send, m);
    pit_init(&m->pit, isa_irq(m, IRQ_PIT), c->clock, &v->timers);
    uart_init(&m->com1, c->console, isa_irq(m, IRQ_COM1));
    acpi_pm_init(&m->pm, isa_irq(m, IRQ_SCI), on_power_off, &m->vm);
    reset_ports_init(&m->reset, on_reset, m);
    pci_host_init(&m->pci, reset_cf9_io, &m->reset);
    m->vm.uart_dev = &m->com1;
    if (c->bios) {
        i8042_init(&m->i8042, isa_irq(m, IRQ_KEYBOARD), &i8042_ops, m, c->clock, &v->timers);
        vga_init(&m->vga, hpa_ptr(m->vram), c->clock, on_video_change, m);
        ram_set_a20(m, true);
        ram_show_video(m);
    }
}

void machine_reset_devices(struct machine *m)
{
    uint64_t alarm = m->rtc.timer.deadline;

    timer_queue_init(&m->vcpu.timers);
    m->rtc.timer.deadline = TIMER_OFF; /* it is in no queue now */
    timer_arm(&m->rtc.timer, alarm);
    init_devices(m);
}

static enum err init_vcpu(struct machine *m)
{
    struct vcpu *v = &m->vcpu;

    v->vm = &m->vm;
    v->misc_enable = MISC_ENABLE_FAST_STRINGS;
    v->extint = (struct vcpu_extint){ extint_pending, extint_ack, m };
    v->nap_end = TIMER_OFF;
    timer_queue_init(&v->timers);
    m->vm.vcpu[m->vm.vcpu_count++] = v;
    return m->config.ops->vcpu_init(v);
}

static enum err add_acpi(struct machine *m)
{
    const struct acpi_machine a = {
        .pm1a_event = PORT_PM_EVENT,
        .pm1a_control = PORT_PM_CONTROL,
        .reset_port = PORT_RESET,
        .reset_value = RESET_VALUE,
        .sci_irq = IRQ_SCI,
        .pit_gsi = IOAPIC_PIN_PIT,
        .century_index = RTC_CENTURY,
        .lapic = LAPIC_BASE_GPA,
        .ioapic = IOAPIC_BASE_GPA,
        .ioapic_id = IOAPIC_ID,
        .cpus = m->vm.vcpu_count,
    };
    size_t size = MIB - E820_ROM;
    size_t used;

    m->rsdp = GPA(E820_ROM);
    return acpi_tables_build(&a, guest_dsdt, (size_t)(guest_dsdt_end - guest_dsdt),
                             vm_ram(&m->vm, m->rsdp, size), size, m->rsdp, &used);
}

enum err machine_init(struct machine *m, const struct machine_config *c, char why[MACHINE_WHY_MAX])
{
    struct vm *vm = &m->vm;
    enum err e = e820_build(&m->map, c->ram_bytes);

    if (e != ERR_NONE) {
        fmt_print(why, MACHINE_WHY_MAX, "a guest cannot have %llu KiB of memory",
                  (unsigned long long)(c->ram_bytes / KIB));
        return e;
    }
    m->config = *c;
    vm->ops = c->ops;
    vm->clock = c->clock;
    vm->cpuid = c->cpuid;
    vm->boot_tsc = clock_now(c->clock);
    vm->epoch = c->epoch;
    vm->host_poll = c->host_poll;
    vm->host_ctx = c->host_ctx;
    e = npt_init(&vm->npt, c->ops->npt_format(), &frame_npt);
    if (e == ERR_NONE) {
        e = ram_build(m, c->ram_bytes);
    }
    if (e == ERR_NONE) {
        e = init_vcpu(m);
    }
    if (e == ERR_NONE) {
        rtc_init(&m->rtc, c->epoch, isa_irq(m, IRQ_RTC), c->clock, &m->vcpu.timers);
        init_devices(m);
        e = add_devices(m);
    }
    if (e == ERR_NONE && !c->bios) { /* a BIOS lies where these would be */
        e = add_acpi(m);
    }
    if (e != ERR_NONE) {
        fmt_print(why, MACHINE_WHY_MAX, "a guest with %llu MiB could not be built: %s",
                  (unsigned long long)(c->ram_bytes / MIB), err_name(e));
        machine_free(m);
    }
    return e;
}

void machine_free(struct machine *m)
{
    if (m->vm.vcpu_count) {
        m->vm.ops->vcpu_free(&m->vcpu);
    }
    npt_free(&m->vm.npt);
    ram_free(m);
    memset(m, 0, sizeof *m);
}
