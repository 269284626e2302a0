/* The console of a PC between a terminal, a host's keyboard and a host's screen that the test
 * plays; the test_pc programs share it. */
#pragma once
#include "console.h"
#include "drivers/vga_screen.h"
#include "pc_console.h"
#include "pc_rig.h"

enum { MS = PC_HZ / 1000, STEP = MS / 10, OUT_MAX = 1 << 20, IN_MAX = 4096, KEYS_MAX = 256 };
enum { PAINTS = 25 };

/* --- the host: a terminal, a keyboard, a screen --- */

static struct {
    char out[OUT_MAX]; /* what the terminal was sent */
    size_t out_len;
    unsigned sends; /* polls in which something was sent */
    uint32_t backlog, prints;
    uint64_t lost;
    uint8_t in[IN_MAX];
    unsigned in_head, in_tail;
    struct key_event key[KEYS_MAX];
    unsigned key_head, key_tail;
    bool key_forever; /* a keyboard without end */
    uint64_t next;    /* of console_poll() */
    bool screen_is_theirs;
} line;

static struct {
    bool found;
    uint8_t *shadow;
    unsigned shown, regs_told, fonts_told, left;
    struct vga_screen_regs regs;
    const uint8_t *vram;
} screen;

static struct {
    unsigned count, looks;
    uint64_t until;
} hold;

static uint8_t vga_memory[1]; /* only its address is used */
static uint64_t next_poll;

void console_put_serial(const char *text, size_t len)
{
    assert_true(len < OUT_MAX - line.out_len);
    memcpy(line.out + line.out_len, text, len);
    line.out_len += len;
}

uint32_t console_backlog(void)
{
    return line.backlog;
}

uint64_t console_lost(void)
{
    return line.lost;
}

uint32_t console_prints(void)
{
    return line.prints;
}

bool console_typed(uint8_t *byte)
{
    if (line.in_head == line.in_tail) {
        return false;
    }
    *byte = line.in[line.in_tail++];
    return true;
}

bool console_host_key(struct key_event *event)
{
    if (line.key_forever) {
        *event = (struct key_event){ KEY_NONE, true }; /* which no such keyboard has */
        return true;
    }
    if (line.key_head == line.key_tail) {
        return false;
    }
    *event = line.key[line.key_tail++];
    return true;
}

void console_own_screen(bool own)
{
    assert_int_equal(own, line.screen_is_theirs); /* only when it changes */
    line.screen_is_theirs = !own;
}

uint64_t console_poll(void *ctx, uint64_t now)
{
    (void)ctx;
    assert_int_equal(now, pc_now);
    return line.next;
}

bool vga_screen_init(struct vga_screen *s, volatile uint8_t *window, uint8_t *shadow)
{
    assert_ptr_equal(window, vga_memory);
    assert_non_null(s);
    screen.shadow = shadow;
    return screen.found;
}

void vga_screen_show(struct vga_screen *s, const struct vga_screen_regs *guest, const uint8_t *vram,
                     bool regs_changed, bool font_changed)
{
    (void)s;
    assert_true(line.screen_is_theirs);
    screen.shown++;
    screen.regs_told += regs_changed;
    screen.fonts_told += font_changed;
    screen.regs = *guest;
    screen.vram = vram;
}

void vga_screen_leave(struct vga_screen *s)
{
    (void)s;
    assert_true(line.screen_is_theirs);
    screen.left++;
}

void idle_hold(struct vcpu *v, uint64_t until)
{
    assert_ptr_equal(v, &pc.vcpu);
    hold.count++;
    hold.until = until;
}

void idle_look(struct vcpu *v, uint64_t now)
{
    assert_ptr_equal(v, &pc.vcpu);
    assert_int_equal(now, pc_now);
    hold.looks++;
}

void vcpu_run(struct vcpu *v)
{
    (void)v;
    fail();
}

/* --- time --- */

static void (*on_irq1)(void); /* what the guest does at it; NULL: nothing */

static inline void poll(void)
{
    size_t before = line.out_len;

    next_poll = pc_console_poll(&pc, pc_now);
    line.sends += line.out_len != before;
}

/* The console is polled when it wants to be. */
static inline void run_for(uint64_t ticks)
{
    for (uint64_t end = pc_now + ticks; pc_now < end; pc_now += STEP) {
        if (pc_now >= pc.vcpu.timers.next) {
            timer_run(&pc.vcpu.timers, pc_now);
        }
        if (pc_now >= next_poll) {
            poll();
        }
        if (on_irq1 && pc.i8042.wire) {
            on_irq1();
        }
    }
}

/* Bytes come over the line: an interrupt. */
static inline void type_bytes(const char *bytes, unsigned len)
{
    assert_true(line.in_head + len <= IN_MAX);
    memcpy(line.in + line.in_head, bytes, len);
    line.in_head += len;
    next_poll = 0;
}

static inline void type(const char *text)
{
    type_bytes(text, (unsigned)strlen(text));
}

static inline void press_host_key(uint8_t key, bool down)
{
    line.key[line.key_head++] = (struct key_event){ key, down };
    next_poll = 0;
}

static inline int begin(bool vga_found)
{
    pc_build(true, 4 * MIB);
    memset(&line, 0, sizeof line);
    memset(&screen, 0, sizeof screen);
    memset(&hold, 0, sizeof hold);
    on_irq1 = NULL;
    line.next = TIMER_OFF;
    screen.found = vga_found;
    next_poll = 0;
    pc_console_init(vga_memory);
    pc_console_attach(&pc);
    return 0;
}

static inline int setup(void **state)
{
    (void)state;
    return begin(true);
}

static inline int setup_without_vga(void **state)
{
    (void)state;
    return begin(false);
}

/* The memory for the host's screen is kept for good. */
static inline int teardown(void **state)
{
    pc_console_detach();
    assert_false(line.screen_is_theirs);
    if (screen.found) { /* else it has been given back */
        frame_free_piece(hpa_of(screen.shadow), VGA_VRAM_SIZE);
    }
    return pc_teardown(state);
}
