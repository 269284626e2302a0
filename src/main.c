/* The whole order of start-up, top to bottom, and the life of the guest that GRUB's menu chose. */
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/panic_frame.h"
#include "console.h"
#include "drivers/cmos_clock.h"
#include "drivers/power.h"
#include "drivers/vga_text.h"
#include "guest/bios.h"
#include "guest/boot.h"
#include "host.h"
#include "lib/bits.h"
#include "lib/fmt.h"
#include "lib/log.h"
#include "lib/mem.h"
#include "mm/frame.h"
#include "mm/paging.h"
#include "options.h"
#include "pc_console.h"
#include "report.h"
#include "svm/svm.h"
#include "version.h"
#include "vmx/vmx.h"

enum { RAM_RESERVE = 8 * 1024 * 1024, WHY_MAX = 200 };
#define RAM_DEFAULT (UINT64_C(1) * GIB)

static const struct virt_ops *const backends[] = { &vmx_ops, &svm_ops };

struct core {
    struct host host;
    struct options options;
    const struct virt_ops *ops;
    bool on; /* the extension is on */
    struct boot_plan plan;
    struct cpuid_table cpuid;
    uint64_t entered; /* TSC when GRUB handed over */
};

_Noreturn void kmain(uint64_t info, uint64_t load_offset, uint64_t entered);

static const char *backend_id(const struct core *c)
{
    return c->ops ? c->ops->id : "none";
}

/* Leaves the virtualization extension first: with VT-x on, a CPU ignores the INIT that a reset may
 * be. Both come back only if nothing worked, and then say so. */
static void end_machine(struct core *c, void (*how)(void), const char *what)
{
    if (c->on) {
        c->ops->cpu_off();
        c->on = false;
    }
    how();
    log_error("this computer cannot be %s by software", what);
}

/* The user decides what comes next, or on-stop= did. Returns to run the guest again. A guest that
 * never started is no reason to reset: the same would happen again for ever. */
static void what_next(struct core *c, bool started, bool success)
{
    static const char question[] = "pxHV: r = run the guest again, b = reboot, p = power off\n";

    console_flush();
    if (c->options.on_stop == ON_STOP_EXIT) {
        power_exit_emulator(success);
    } else if (c->options.on_stop == ON_STOP_RESET && started) {
        end_machine(c, power_reset, "reset");
    } else if (c->options.on_stop == ON_STOP_POWEROFF) {
        end_machine(c, power_off, "powered off");
    }
    if (!console_can_type()) {
        log_error(
            "there is no serial port and no keyboard to type on: switch this computer off by its "
            "button");
        cpu_halt_forever();
    }
    for (;;) {
        console_print(question, sizeof question - 1);
        switch (console_key()) {
        case 'r':
            return;
        case 'b':
            end_machine(c, power_reset, "reset");
            break;
        case 'p':
            end_machine(c, power_off, "powered off");
            break;
        default:
            break;
        }
    }
}

/* Nothing can run: says why, and lets the user choose between the ways out. */
_Noreturn static void give_up(struct core *c, const char *why)
{
    for (;;) {
        log_error("%s", why);
        report_not_started(backend_id(c));
        what_next(c, false, false);
    }
}

static void panic_last_act(void)
{
    console_flush();
    power_exit_emulator(false);
}

_Noreturn static void give_up_without_backend(struct core *c)
{
    char why[WHY_MAX];

    if (!c->options.backend) {
        give_up(c,
                "this CPU has neither Intel VT-x (VMX) nor AMD-V (SVM), so it cannot run a guest "
                "(QEMU emulates AMD-V: -cpu max)");
    }
    fmt_print(why, sizeof why,
              "this CPU does not have what backend=%s asks for: leave that option out",
              c->options.backend);
    give_up(c, why);
}

/* Takes the first backend that this CPU has; tells everything that is missing. */
static const struct virt_ops *choose_backend(struct core *c)
{
    static struct preflight report;

    for (unsigned i = 0; i < ARRAY_SIZE(backends); i++) {
        if (c->options.backend && strcmp(c->options.backend, backends[i]->id) != 0) {
            continue;
        }
        memset(&report, 0, sizeof report);
        backends[i]->probe(&report);
        if (!report.present) {
            continue;
        }
        preflight_log(&report);
        if (!preflight_ok(&report)) {
            give_up(c, "this computer cannot run a guest: see the missing items above");
        }
        return backends[i];
    }
    give_up_without_backend(c);
}

static void read_modules(struct core *c)
{
    char why[WHY_MAX];

    for (unsigned i = 0; i < c->host.mb.module_count; i++) {
        const struct mb2_module *m = &c->host.mb.module[i];

        if (!boot_add_module(&c->plan, m->cmdline, hpa_ptr(m->start), m->end.v - m->start.v, why)) {
            give_up(c, why);
        }
    }
    if (!boot_check(&c->plan, c->ops, why)) {
        give_up(c, why);
    }
}

static bool has_bios(const struct core *c)
{
    return c->plan.part[ROLE_BIOS];
}

/* What mem= says, or what is usual for such a guest, or what there is. */
static uint64_t guest_bytes(struct core *c)
{
    uint64_t usual = has_bios(c) ? bios_default_ram() : RAM_DEFAULT;
    uint64_t least = has_bios(c) ? bios_least_ram(&c->plan) : 0;
    uint64_t spare = frame_bytes_free() - MIN(frame_bytes_free(), RAM_RESERVE);
    uint64_t room = ALIGN_DOWN(spare, 2 * MIB);
    char why[WHY_MAX];

    if (c->options.mem > room) {
        fmt_print(why, sizeof why,
                  "mem=%lluM is more than this computer has to give: %llu MiB are free",
                  (unsigned long long)(c->options.mem / MIB), (unsigned long long)(room / MIB));
        give_up(c, why);
    }
    room = c->options.mem ? c->options.mem : MIN(room, usual);
    if (room < least) {
        fmt_print(why, sizeof why,
                  "a guest with this BIOS and this floppy needs at least %llu MiB of memory, and "
                  "there are %llu",
                  (unsigned long long)(least / MIB), (unsigned long long)(room / MIB));
        give_up(c, why);
    }
    return room;
}

static void turn_on(struct core *c)
{
    enum err e = c->on ? ERR_NONE : c->ops->cpu_on();

    if (e != ERR_NONE) {
        give_up(c, e == ERR_NOMEM ? "there is no memory left for the core's own tables"
                                  : "the CPU refused to turn its virtualization extension on");
    }
    c->on = true;
}

/* Builds, runs and takes apart one guest. True if it ended as guests should. */
static bool run_guest(struct core *c, uint64_t bytes)
{
    struct machine_config config = {
        .ops = c->ops,
        .clock = &c->host.clock,
        .cpuid = &c->cpuid,
        .console = has_bios(c) ? pc_console_no_wire() : console_guest_port(),
        .host_poll = has_bios(c) ? pc_console_poll : console_poll,
        .epoch = cmos_clock_read(),
        .ram_bytes = bytes,
        .bios = has_bios(c),
        .watch_idle = has_bios(c) && bios_watches_idle(&c->plan),
    };
    struct report_figures figures;
    struct machine *m;
    uint64_t copy_ticks;
    hpa_t at;
    uint64_t size = (sizeof *m + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
    char why[WHY_MAX];
    bool good;

    if (!frame_alloc_piece(size, PAGE_SIZE, &at)) {
        give_up(c, "there is no memory left for a guest");
    }
    m = hpa_ptr(at);
    memset(m, 0, size);
    config.host_ctx = m;
    if (machine_init(m, &config, why) != ERR_NONE || !boot_load(&c->plan, m, &copy_ticks, why)) {
        give_up(c, why);
    }
    log_info("Guest launched! (%s, %llu MiB)", c->ops->name, (unsigned long long)(bytes / MIB));
    if (has_bios(c)) {
        console_attach(&m->vm, NULL);
        pc_console_attach(m);
        bios_run(m);
        pc_console_detach();
    } else {
        console_attach(&m->vm, &m->com1);
        vcpu_run(&m->vcpu);
    }
    console_attach(NULL, NULL);
    if (m->vm.stop == VM_HALTED && c->plan.part[ROLE_FLAT]) {
        log_info("Guest executed HLT!");
    }
    figures.resident_kib = host_resident_kib(&c->host, bytes);
    figures.ticks_to_guest = m->vcpu.stats.launched - c->entered - copy_ticks;
    report_stop(m, &figures);
    good = m->vm.stop != VM_TRIPLE_FAULT && m->vm.stop != VM_KILLED;
    machine_free(m);
    frame_free_piece(at, size);
    return good;
}

_Noreturn void kmain(uint64_t info, uint64_t load_offset, uint64_t entered)
{
    static struct core core;
    struct core *c = &core;
    const char *why;
    char wrong[OPTIONS_WHY_MAX];
    uint64_t bytes;

    c->entered = entered;
    console_init((volatile uint16_t *)VGA_TEXT_HPA); /* the boot map is one to one */
    panic_set_hooks(console_print, panic_last_act);
    host_catch_faults();
    log_info("pxHV %s, a hypervisor for Linux and for kernels of one's own", PXHV_VERSION);
    if (!host_read(&c->host, info, load_offset, &why)) {
        give_up(c, why);
    }
    if (!options_parse(c->host.mb.cmdline, &c->options, wrong)) {
        give_up(c, wrong);
    }
    log_set_level(c->options.log);
    if (!host_start(&c->host, load_offset, &why)) {
        give_up(c, why);
    }
    c->ops = choose_backend(c);
    log_info("backend: %s (%s)", c->ops->id, c->ops->name);
    read_modules(c);
    bytes = guest_bytes(c);
    turn_on(c);
    cpuid_build(&c->cpuid, cpu_cpuid, c->host.clock.hz);
    c->ops->limit_cpuid(&c->cpuid);
    if (has_bios(c)) {
        cpuid_show_kvm_first(&c->cpuid, c->host.clock.hz);
    }
    for (;;) {
        what_next(c, true, run_guest(c, bytes));
        turn_on(c);
        c->entered = cpu_rdtsc(); /* the figures of the next run start here */
    }
}
