#include "lib/panic.h"
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/panic_frame.h"
#include "lib/fmt.h"
#include "lib/log.h"
#include <stdarg.h>

enum { BACKTRACE_MAX = 24, SYMBOL_MAX = 96, LAST_LINES = 12 };

/* Made by tools/symbols.py from the linked image; offsets from image_text, sorted. */
extern const uint32_t symbol_count;
extern const uint32_t symbol_offset[];
extern const char *const symbol_name[];
extern const char image_text[], image_rodata[], image_stacks[], image_end[];

static void (*show)(const char *text, size_t len);
static void (*last_act)(void);
static bool panicking;

void panic_set_hooks(void (*print)(const char *text, size_t len), void (*last)(void))
{
    show = print;
    last_act = last;
}

void symbol_format(char *buf, size_t size, uint64_t addr)
{
    uint64_t text = (uintptr_t)image_text;
    uint32_t lo = 0;
    uint32_t hi = symbol_count;

    if (addr < text || addr >= (uintptr_t)image_rodata || symbol_count == 0) {
        fmt_print(buf, size, "%#llx", (unsigned long long)addr);
        return;
    }
    while (lo + 1 < hi) {
        uint32_t mid = (lo + hi) / 2;

        if (symbol_offset[mid] <= addr - text) {
            lo = mid;
        } else {
            hi = mid;
        }
    }
    fmt_print(buf, size, "%s+%#llx", symbol_name[lo],
              (unsigned long long)(addr - text - symbol_offset[lo]));
}

/* Frames lie on one of our stacks; anything else ends the walk. */
static void backtrace(uint64_t rip, uint64_t rbp)
{
    char name[SYMBOL_MAX];

    for (unsigned i = 0; i < BACKTRACE_MAX && rip; i++) {
        symbol_format(name, sizeof name, rip);
        log_error("  #%u %s", i, name);
        if (rbp < (uintptr_t)image_stacks || rbp > (uintptr_t)image_end - 16 || rbp % 8 != 0) {
            return;
        }
        rip = ((const uint64_t *)rbp)[1];
        rbp = ((const uint64_t *)rbp)[0];
    }
}

_Noreturn static void finish(void)
{
    if (last_act) {
        last_act();
    }
    cpu_halt_forever();
}

static void show_line(void *ctx, const char *text, size_t len)
{
    (void)ctx;
    show(text, len);
}

/* A guest's output may have pushed the last log lines off the screen: they come first. */
static void begin(void)
{
    static const char title[] = "\nThe last lines of the log:\n";

    cpu_cli();
    if (panicking) {
        finish(); /* a second one while the first is being told */
    }
    panicking = true;
    if (show) {
        show(title, sizeof title - 1);
        log_tail(LAST_LINES, show_line, NULL);
    }
}

_Noreturn void panic(const char *fmt, ...)
{
    char text[200];
    va_list ap;

    begin();
    va_start(ap, fmt);
    fmt_vprint(text, sizeof text, fmt, ap);
    va_end(ap);
    log_error("pxHV panic (a bug in pxHV, please report it): %s", text);
    backtrace((uintptr_t)__builtin_return_address(0), (uintptr_t)__builtin_frame_address(0));
    finish();
}

_Noreturn void __stack_chk_fail(void);
uint64_t __stack_chk_guard;

_Noreturn void __stack_chk_fail(void)
{
    panic("a stack buffer was overrun");
}

_Noreturn void panic_frame(const struct trap_frame *f)
{
    begin();
    log_error("pxHV panic (a bug in pxHV, please report it): exception %llu, error code %#llx",
              (unsigned long long)f->vector, (unsigned long long)f->error);
#define R(r) (unsigned long long)f->r
    log_error("  rip %016llx rsp %016llx rflags %08llx cr2 %016llx", R(rip), R(rsp), R(rflags),
              (unsigned long long)cpu_read_cr2());
    log_error("  rax %016llx rbx %016llx rcx %016llx rdx %016llx", R(rax), R(rbx), R(rcx), R(rdx));
    log_error("  rsi %016llx rdi %016llx rbp %016llx r8  %016llx", R(rsi), R(rdi), R(rbp), R(r8));
    log_error("  r9  %016llx r10 %016llx r11 %016llx r12 %016llx", R(r9), R(r10), R(r11), R(r12));
    log_error("  r13 %016llx r14 %016llx r15 %016llx", R(r13), R(r14), R(r15));
#undef R
    backtrace(f->rip, f->rbp);
    finish();
}
