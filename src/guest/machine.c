#include "guest/machine.h"
#include "guest/acpi_tables.h"
#include "lib/bits.h"
#include "lib/fmt.h"
#include "lib/mem.h"
#include "mm/frame.h"
#include "mm/paging.h"

enum { IRQ_PIT = 0, IRQ_COM1 = 4, IRQ_RTC = 8, IRQ_SCI = 9, IOAPIC_PIN_PIT = 2 };
enum {
    PORT_PIC1 = 0x20,
    PORT_PIT = 0x40,
    PORT_61 = 0x61,
    PORT_I8042 = 0x64,
    PORT_RTC = 0x70,
    PORT_92 = 0x92,
    PORT_PIC2 = 0xa0,
    PORT_COM1 = 0x3f8,
    PORT_ELCR = 0x4d0,
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
    return pic_pending(ctx);
}

static uint8_t extint_ack(void *ctx)
{
    return pic_ack(ctx);
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

static void on_reset(void *ctx)
{
    vm_stop(ctx, VM_RESET, "the guest asked for a reset");
}

static enum err add_devices(struct machine *m)
{
    const struct io_range pio[] = {
        {PORT_PIC1,         2, pic_master_io,       &m->pic,   "pic"     },
        { PORT_PIT,         4, pit_io,              &m->pit,   "pit"     },
        { PORT_61,          1, pit_port61_io,       &m->pit,   "port 61h"},
        { PORT_I8042,       1, reset_i8042_io,      &m->reset, "port 64h"},
        { PORT_RTC,         2, rtc_io,              &m->rtc,   "rtc"     },
        { PORT_92,          1, reset_port92_io,     &m->reset, "port 92h"},
        { PORT_PIC2,        2, pic_slave_io,        &m->pic,   "pic"     },
        { PORT_COM1,        8, uart_io,             &m->com1,  "com1"    },
        { PORT_ELCR,        2, pic_elcr_io,         &m->pic,   "elcr"    },
        { PORT_PM_EVENT,    4, acpi_pm_event_io,    &m->pm,    "acpi"    },
        { PORT_PM_CONTROL,  2, acpi_pm_control_io,  &m->pm,    "acpi"    },
        { PORT_PCI_ADDRESS, 4, pci_host_address_io, &m->pci,   "pci"     },
        { PORT_PCI_DATA,    4, pci_host_data_io,    &m->pci,   "pci"     },
    };
    enum err e = io_bus_add(&m->vm.mmio, &(struct io_range){ IOAPIC_BASE_GPA, PAGE_SIZE,
                                                             ioapic_mmio, &m->ioapic, "ioapic" });

    for (unsigned i = 0; i < ARRAY_SIZE(pio) && e == ERR_NONE; i++) {
        e = io_bus_add(&m->vm.pio, &pio[i]);
    }
    return e;
}

static void init_devices(struct machine *m, const struct machine_config *c)
{
    struct timer_queue *timers = &m->vcpu.timers;

    pic_init(&m->pic, pic_intr, m);
    ioapic_init(&m->ioapic, ioapic_send, m);
    pit_init(&m->pit, isa_irq(m, IRQ_PIT), c->clock, timers);
    rtc_init(&m->rtc, c->epoch, isa_irq(m, IRQ_RTC), c->clock, timers);
    uart_init(&m->com1, c->console, isa_irq(m, IRQ_COM1));
    acpi_pm_init(&m->pm, isa_irq(m, IRQ_SCI), on_power_off, &m->vm);
    reset_ports_init(&m->reset, on_reset, &m->vm);
    pci_host_init(&m->pci, reset_cf9_io, &m->reset);
    m->vm.uart_dev = &m->com1;
}

/* Firmware leaves the local APIC in virtual-wire mode: the PIC's interrupts pass through LINT0. */
static void set_virtual_wire(struct lapic *l)
{
    lapic_mmio(
        l, &(struct io_access){ .offset = LAPIC_SVR, .size = 4, .write = true, .value = SVR_ON });
    lapic_mmio(l, &(struct io_access){
                      .offset = LAPIC_LVT0, .size = 4, .write = true, .value = LVT_EXTINT });
}

static enum err init_vcpu(struct machine *m, const struct machine_config *c)
{
    struct vcpu *v = &m->vcpu;

    v->vm = &m->vm;
    v->misc_enable = MISC_ENABLE_FAST_STRINGS;
    v->extint = (struct vcpu_extint){ extint_pending, extint_ack, &m->pic };
    timer_queue_init(&v->timers);
    lapic_init(&v->lapic, v->id, true, c->clock, &v->timers, &lapic_ops, v);
    set_virtual_wire(&v->lapic);
    m->vm.vcpu[m->vm.vcpu_count++] = v;
    return c->ops->vcpu_init(v);
}

/* Maps [at, at + len) of the guest to this piece of host memory, but not the hole for video memory.
 * Where a PC has ROMs there are zeros: a guest that looks for their signatures finds none. */
static enum err map_piece(struct vm *vm, uint64_t at, hpa_t host, uint64_t len)
{
    uint64_t hole = at == 0 ? E820_SHADOW : 0;
    hpa_t rest = hpa_add(host, hole);
    enum err e = ERR_NONE;

    if (hole) {
        memset(hpa_ptr(rest), 0, MIB - E820_SHADOW);
        e = vm_add_ram(vm, GPA(0), hpa_ptr(host), host, E820_VGA);
    }
    if (e == ERR_NONE) {
        e = vm_add_ram(vm, GPA(at + hole), hpa_ptr(rest), rest, len - hole);
    }
    return e;
}

/* Takes host memory in pieces of 2 MiB, as few as there are, so that large pages map it. */
static enum err add_ram(struct machine *m, uint64_t bytes)
{
    uint64_t at = 0;

    while (bytes) {
        uint64_t room = ALIGN_DOWN(frame_largest(2 * MIB), 2 * MIB);
        uint64_t until_hole = at < E820_LOW_MAX ? E820_LOW_MAX - at : UINT64_MAX;
        uint64_t len = MIN(MIN(bytes, room), until_hole);
        struct machine_piece *p = &m->piece[m->piece_count];
        enum err e;

        /* The first piece takes two entries of the VM's list: below and above the hole. */
        if (len < MIN(bytes, 2 * MIB) || m->piece_count + 2 > VM_RAM_MAX ||
            !frame_alloc_piece(len, 2 * MIB, &p->at)) {
            return ERR_NOMEM;
        }
        p->len = len;
        m->piece_count++;
        e = map_piece(&m->vm, at, p->at, len);
        if (e != ERR_NONE) {
            return e;
        }
        at += len;
        at = at == E820_LOW_MAX ? E820_HIGH : at;
        bytes -= len;
    }
    return ERR_NONE;
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
    vm->ops = c->ops;
    vm->clock = c->clock;
    vm->cpuid = c->cpuid;
    vm->boot_tsc = clock_now(c->clock);
    vm->epoch = c->epoch;
    vm->host_poll = c->host_poll;
    vm->host_ctx = c->host_ctx;
    e = npt_init(&vm->npt, c->ops->npt_format(), &frame_npt);
    if (e == ERR_NONE) {
        e = add_ram(m, c->ram_bytes);
    }
    if (e == ERR_NONE) {
        e = init_vcpu(m, c);
    }
    if (e == ERR_NONE) {
        init_devices(m, c);
        e = add_devices(m);
    }
    if (e == ERR_NONE) {
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
    for (unsigned i = 0; i < m->piece_count; i++) {
        frame_free_piece(m->piece[i].at, m->piece[i].len);
    }
    memset(m, 0, sizeof *m);
}
