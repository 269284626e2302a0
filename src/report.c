#include "report.h"
#include "console.h"
#include "hv/guest_mem.h"
#include "lib/bits.h"
#include "lib/fmt.h"
#include "lib/log.h"
#include "lib/mem.h"

enum { CODE_BYTES = 16, JSON_MAX = 1200 };

static const char *const stop_name[] = {
    [VM_RUNNING] = "not-started",       [VM_POWER_OFF] = "power-off", [VM_RESET] = "reset",
    [VM_TRIPLE_FAULT] = "triple-fault", [VM_HALTED] = "halted",       [VM_KILLED] = "killed",
};

struct json {
    char text[JSON_MAX];
    size_t len;
    bool comma;
};

static void json_number(struct json *j, const char *key, uint64_t value)
{
    j->len += fmt_print(j->text + j->len, sizeof j->text - j->len, "%s\"%s\": %llu",
                        j->comma ? ", " : "", key, (unsigned long long)value);
    j->len = MIN(j->len, sizeof j->text - 1);
    j->comma = true;
}

static void json_raw(struct json *j, const char *text)
{
    j->len += fmt_print(j->text + j->len, sizeof j->text - j->len, "%s", text);
    j->len = MIN(j->len, sizeof j->text - 1);
}

static void json_head(struct json *j, const char *backend, const char *stop)
{
    j->len =
        fmt_print(j->text, sizeof j->text,
                  "PXHV-STATS {\"backend\": \"%s\", \"stop\": \"%s\", \"exits\": {", backend, stop);
}

static void print_json(struct machine *m, const struct report_figures *f)
{
    struct json j = { 0 };
    const struct exit_stats *s = &m->vcpu.stats;
    uint64_t total = s->stopped - s->launched;

    json_head(&j, m->vm.ops->id, stop_name[m->vm.stop]);
    for (unsigned k = 0; k < EXIT_KIND_COUNT; k++) {
        if (s->count[k]) {
            json_number(&j, exit_kind_name((enum exit_kind)k), s->count[k]);
        }
    }
    json_raw(&j, "}");
    j.comma = true;
    json_number(&j, "uart_exits", s->uart);
    json_number(&j, "uart_bytes", m->com1.bytes_out);
    json_number(&j, "npt_ram_faults", s->npt_ram);
    json_number(&j, "resident_kib", f->resident_kib);
    json_number(&j, "ticks_to_guest", f->ticks_to_guest);
    json_number(&j, "ticks_in_guest", s->ticks_in_guest);
    json_number(&j, "ticks_halted", s->ticks_halted);
    json_number(&j, "ticks_in_host", total - MIN(total, s->ticks_in_guest));
    json_number(&j, "tsc_hz", m->vm.clock->hz);
    json_raw(&j, "}\n");
    console_print(j.text, j.len);
}

void report_not_started(const char *backend)
{
    struct json j = { 0 };

    json_head(&j, backend, stop_name[VM_RUNNING]);
    json_raw(&j, "}}\n");
    console_print(j.text, j.len);
}

static void log_registers(struct machine *m)
{
    struct vcpu *v = &m->vcpu;
    const uint64_t *g = v->regs.gpr;
    struct vcpu_crs c;

    m->vm.ops->load_regs(v);
    m->vm.ops->get_crs(v, &c);
#define X(x) (unsigned long long)(x)
    log_error("  rip %016llx rflags %08llx", X(v->regs.rip), X(v->regs.rflags));
    for (unsigned i = 0; i < GPR_COUNT; i += 4) {
        static const char *const name[] = {
            "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
            "r8 ", "r9 ", "r10", "r11", "r12", "r13", "r14", "r15"
        };

        log_error("  %s %016llx %s %016llx %s %016llx %s %016llx", name[i], X(g[i]), name[i + 1],
                  X(g[i + 1]), name[i + 2], X(g[i + 2]), name[i + 3], X(g[i + 3]));
    }
    log_error("  cr0 %llx cr3 %llx cr4 %llx efer %llx", X(c.cr0), X(c.cr3), X(c.cr4), X(c.efer));
#undef X
}

/* Looks at the code without touching the guest: no page fault is queued for it. */
static void log_code(struct machine *m)
{
    struct vcpu *v = &m->vcpu;
    struct guest_view view;
    char text[3 * CODE_BYTES + 1];
    unsigned count = 0;
    size_t len = 0;
    uint8_t code[CODE_BYTES];

    guest_view_load(v, &view);
    count = guest_peek(v, &view, guest_linear(&view, SEG_CS, v->regs.rip), code, sizeof code);
    for (unsigned i = 0; i < count; i++) {
        len += fmt_print(text + len, sizeof text - len, " %02x", code[i]);
    }
    log_error("  code at rip:%s", count ? text : " not in RAM");
}

/* Once each, with how often they were touched altogether. */
static void log_seen(const char *what, const struct vm_seen *seen)
{
    char text[120] = "";
    size_t len = 0;

    if (!seen->total) {
        return;
    }
    for (unsigned i = 0; i < seen->count && len + 12 < sizeof text; i++) {
        len += fmt_print(text + len, sizeof text - len, " %x", seen->id[i]);
    }
    log_info("  %s, %llu times:%s%s", what, (unsigned long long)seen->total, text,
             len + 12 < sizeof text ? "" : " ...");
}

static void log_exits(const struct machine *m)
{
    const struct exit_stats *s = &m->vcpu.stats;
    uint64_t ms = (s->stopped - s->launched) / (m->vm.clock->hz / 1000);

    log_info("It ran for %llu.%03llu s. Exits by reason:", (unsigned long long)(ms / 1000),
             (unsigned long long)(ms % 1000));
    for (unsigned k = 0; k < EXIT_KIND_COUNT; k++) {
        if (s->count[k]) {
            log_info("  %-10s %llu", exit_kind_name((enum exit_kind)k),
                     (unsigned long long)s->count[k]);
        }
    }
    log_seen("ports where nothing is", &m->vm.ports);
    log_seen("pages where nothing is", &m->vm.mmio_holes);
    log_seen("MSR reads refused", &m->vm.msrs_read);
    log_seen("MSR writes refused", &m->vm.msrs_written);
}

void report_stop(struct machine *m, const struct report_figures *f)
{
    bool killed = m->vm.stop == VM_KILLED;
    bool bad = killed || m->vm.stop == VM_TRIPLE_FAULT;

    if (bad) {
        log_error("Guest stopped: %s", m->vm.why);
        log_registers(m);
        log_code(m);
        if (killed) {
            m->vm.ops->dump(&m->vcpu);
        }
    } else {
        log_info("Guest stopped: %s", m->vm.why);
    }
    log_exits(m);
    if (console_lost()) {
        log_warn("%llu bytes of output found the serial port's buffer full and were lost",
                 (unsigned long long)console_lost());
    }
    print_json(m, f);
}
