#include "pc_console.h"
#include "console.h"
#include "drivers/vga_screen.h"
#include "guest/bios.h"
#include "lib/bits.h"
#include "lib/fmt.h"
#include "lib/le.h"
#include "lib/mem.h"
#include "mm/frame.h"
#include "mm/paging.h"
#include "term/term_keys.h"
#include "term/term_screen.h"

enum {
    PAINTS_PER_SECOND = 25,
    TYPES_PER_SECOND = 1000,
    ESC_ENDS_PER_SECOND = 20,
    BUSY_PER_SECOND = 10
};
enum { BACKLOG_MAX = 1024 }; /* bytes on the serial line that are worth waiting for: 90 ms */
enum { KEYS_MAX = 64, KEY_ROOM = 4 };
enum { SEQ_CLOCKING = 1, CLOCKING_SCREEN_OFF = 0x20 };

static struct {
    struct machine *machine;
    uint64_t next_paint; /* host TSC tick */
    struct {
        struct key_event event[KEYS_MAX];
        unsigned head, tail; /* modulo 2^32 */
    } keys;                  /* that the terminal's bytes became, and the guest has not taken */
    struct key_event host_key;
    bool host_key_waits;
    struct term_keys term_keys;
    uint64_t escape_ends; /* tick at which an ESC was just that */
    struct term_screen mirror;
    uint64_t lost;   /* console_lost() then */
    uint32_t prints; /* console_prints() of what the mirror knows */
    uint16_t cell[TERM_ROWS_MAX * TERM_COLUMNS_MAX];
} pc;

static struct {
    volatile uint8_t *memory; /* NULL: there is none, or it is in use already */
    struct vga_screen vga;
    bool present;
    bool shows;                 /* it has the guest's picture */
    uint32_t regs, font;        /* generations that it shows */
    struct vga_screen_regs now; /* the guest's registers in the driver's words */
} host;

void pc_console_init(volatile uint8_t *vga_memory)
{
    host.memory = vga_memory;
}

/* Only who runs such a guest needs the memory. */
static void find_vga(void)
{
    hpa_t shadow;

    if (frame_alloc_piece(VGA_VRAM_SIZE, PAGE_SIZE, &shadow)) {
        host.present = vga_screen_init(&host.vga, host.memory, hpa_ptr(shadow));
        if (!host.present) {
            frame_free_piece(shadow, VGA_VRAM_SIZE);
        }
    }
    host.memory = NULL;
}

static void no_put(void *ctx, uint8_t byte)
{
    (void)ctx;
    (void)byte;
}

static bool no_get(void *ctx, uint8_t *byte)
{
    (void)ctx;
    (void)byte;
    return false;
}

struct uart_port pc_console_no_wire(void)
{
    return (struct uart_port){ .put = no_put, .get = no_get };
}

static void put_serial(void *ctx, const char *text, size_t len)
{
    (void)ctx;
    console_put_serial(text, len);
}

/* What stands on the terminal scrolls out of its picture and is kept, not painted over. */
static void make_room(void)
{
    for (unsigned i = 0; i < TERM_ROWS_MAX; i++) {
        console_put_serial("\r\n", 2);
    }
}

void pc_console_attach(struct machine *m)
{
    memset(&pc, 0, sizeof pc);
    pc.machine = m;
    term_screen_init(&pc.mirror);
    term_keys_init(&pc.term_keys);
    pc.lost = console_lost();
    pc.prints = console_prints() - 1; /* the log is on the terminal */
    idle_hold(&m->vcpu, clock_now(m->config.clock) + m->config.clock->hz / BUSY_PER_SECOND);
    host.shows = false;
    if (host.memory) {
        find_vga();
    }
}

/* Copies cells, four at once; true if one was different. */
static bool copy_cells(uint16_t *to, const uint8_t *from, size_t count)
{
    enum { AT_ONCE = 4 };
    bool changed = false;
    size_t i = 0;

    for (; i + AT_ONCE <= count; i += AT_ONCE) {
        uint64_t now = le64_read(from + 2 * i);

        changed |= le64_read(to + i) != now;
        le64_write(to + i, now);
    }
    for (; i < count; i++) {
        uint16_t now = le16_read(from + 2 * i);

        changed |= to[i] != now;
        to[i] = now;
    }
    return changed;
}

/* True if the text has changed since the last time. */
static bool fill_cells(const struct vga *vga, const struct vga_view *view, struct term_cells *out)
{
    bool changed = false;

    *out = (struct term_cells){
        .cell = pc.cell,
        .columns = MIN(view->columns, TERM_COLUMNS_MAX),
        .rows = MIN(view->rows, TERM_ROWS_MAX),
        .cursor_row = view->cursor_row,
        .cursor_column = view->cursor_column,
        .cursor_visible = view->cursor_visible,
        .blink = view->blink,
    };
    for (unsigned row = 0; row < out->rows; row++) {
        uint16_t *to = pc.cell + (size_t)row * out->columns;
        size_t first = vga_cell_at(view, row, 0);

        if (first + out->columns <= view->mask + 1) {
            changed |= copy_cells(to, vga->vram + 2 * first, out->columns);
            continue;
        }
        for (unsigned i = 0; i < out->columns; i++) { /* the row goes round the end of memory */
            changed |= copy_cells(to + i, vga->vram + 2 * (size_t)vga_cell_at(view, row, i), 1);
        }
    }
    return changed;
}

/* On the terminal. */
static void mirror(struct machine *m, uint64_t now)
{
    const struct vga *vga = &m->vga;
    struct vga_view view;
    struct term_cells cells;
    char text[TERM_MESSAGE_MAX + 1];

    if (pc.lost != console_lost()) { /* a picture larger than the line's buffer */
        pc.lost = console_lost();
        term_screen_forget(&pc.mirror);
    }
    if (pc.prints != console_prints()) {
        pc.prints = console_prints();
        make_room();
        term_screen_forget(&pc.mirror);
    }
    vga_view(vga, &view);
    if (view.kind == VGA_TEXT) {
        if (fill_cells(vga, &view, &cells)) { /* whoever writes to the screen is not idle */
            idle_hold(&m->vcpu, now + m->config.clock->hz / BUSY_PER_SECOND);
        }
        term_screen_draw(&pc.mirror, &cells, put_serial, NULL);
    } else if (view.kind == VGA_GRAPHICS) {
        fmt_print(text, sizeof text, "[graphics, %u x %u, %u colours: %s]", view.width, view.height,
                  view.colours,
                  host.present ? "on the computer's own screen" : "there is no VGA to show them");
        term_screen_message(&pc.mirror, text, put_serial, NULL);
    }
}

void pc_console_detach(void)
{
    mirror(pc.machine, 0); /* the last words count */
    term_screen_leave(&pc.mirror, put_serial, NULL);
    if (host.shows) {
        vga_screen_leave(&host.vga);
        console_own_screen(true);
    }
    pc.machine = NULL;
}

static void take_regs(const struct vga_regs *from, struct vga_screen_regs *to)
{
    _Static_assert(sizeof to->seq == sizeof from->seq && sizeof to->crtc == sizeof from->crtc &&
                       sizeof to->gfx == sizeof from->gfx && sizeof to->attr == sizeof from->attr &&
                       sizeof to->dac == sizeof from->dac,
                   "the same registers");
    to->misc = from->misc;
    to->dac_mask = from->dac_mask;
    memcpy(to->seq, from->seq, sizeof to->seq);
    to->seq[SEQ_CLOCKING] |= from->attr_pas ? 0 : CLOCKING_SCREEN_OFF;
    memcpy(to->crtc, from->crtc, sizeof to->crtc);
    memcpy(to->gfx, from->gfx, sizeof to->gfx);
    memcpy(to->attr, from->attr, sizeof to->attr);
    memcpy(to->dac, from->dac, sizeof to->dac);
}

/* On the host's own screen, from the first picture on that the guest shows. */
static void paint(struct machine *m)
{
    const struct vga *vga = &m->vga;
    bool regs = !host.shows || host.regs != vga->regs_generation;
    bool font = !host.shows || host.font != vga->font_generation;
    struct vga_view view;

    if (!host.present) {
        return;
    }
    if (!host.shows) {
        vga_view(vga, &view);
        if (view.kind == VGA_BLANK) {
            return;
        }
        host.shows = true;
        console_own_screen(false);
    }
    if (regs) {
        take_regs(&vga->regs, &host.now);
    }
    host.regs = vga->regs_generation;
    host.font = vga->font_generation;
    vga_screen_show(&host.vga, &host.now, vga->vram, regs, font);
}

static void queue_key(void *ctx, struct key_event event)
{
    (void)ctx;
    if (pc.keys.head - pc.keys.tail < KEYS_MAX) {
        pc.keys.event[pc.keys.head++ % KEYS_MAX] = event;
    }
}

/* The keys that have come out of the terminal's bytes; false if some are left. */
static bool press_keys(struct machine *m)
{
    while (pc.keys.tail != pc.keys.head) {
        if (!i8042_key(&m->i8042, pc.keys.event[pc.keys.tail % KEYS_MAX])) {
            return false;
        }
        pc.keys.tail++;
    }
    return true;
}

/* A key of the host's keyboard goes to the guest as it comes, as between a keyboard and a PC. False
 * if the guest does not take it now. */
static bool pass_host_keys(struct machine *m)
{
    for (unsigned i = 0; i < KEYS_MAX; i++) { /* a dead controller may give keys without end */
        if (!pc.host_key_waits && !console_host_key(&pc.host_key)) {
            return true;
        }
        pc.host_key_waits = !i8042_key(&m->i8042, pc.host_key);
        if (pc.host_key_waits) {
            return false;
        }
    }
    return false;
}

/* What comes over the line may be a whole text: it waits for the guest's BIOS to have room. False
 * if there is more, or the end of an escape sequence is awaited. */
static bool pass_typed(struct machine *m, uint64_t now)
{
    uint64_t hz = m->config.clock->hz;
    uint8_t byte;

    if (!press_keys(m) || !i8042_idle(&m->i8042) || bios_key_room(m) < KEY_ROOM) {
        return false;
    }
    if (console_typed(&byte)) {
        term_keys_byte(&pc.term_keys, byte, queue_key, NULL);
        pc.escape_ends = now + hz / ESC_ENDS_PER_SECOND;
        (void)press_keys(m);
        return false;
    }
    if (term_keys_waiting(&pc.term_keys) && now >= pc.escape_ends) {
        term_keys_timeout(&pc.term_keys, queue_key, NULL);
        return press_keys(m);
    }
    return !term_keys_waiting(&pc.term_keys);
}

uint64_t pc_console_poll(void *ctx, uint64_t now)
{
    struct machine *m = ctx;
    uint64_t hz = m->config.clock->hz;
    uint64_t next;
    bool done = pass_host_keys(m);

    done = pass_typed(m, now) && done;
    if (now >= pc.next_paint) {
        paint(m);
        /* A slow line gets fewer pictures, not older ones. */
        if (console_backlog() <= BACKLOG_MAX) {
            mirror(m, now);
        }
        if (m->config.watch_idle) {
            idle_look(&m->vcpu, now);
        }
        pc.next_paint = now + hz / PAINTS_PER_SECOND;
    }
    next = MIN(console_poll(NULL, now), pc.next_paint);
    return done ? next : MIN(next, now + hz / TYPES_PER_SECOND);
}
