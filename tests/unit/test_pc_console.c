#include "console.h"
#include "drivers/vga_screen.h"
#include "lib/le.h"
#include "pc_console.h"
#include "pc_rig.h"
#include "term/term_screen.h"

enum { MS = PC_HZ / 1000, STEP = MS / 10, OUT_MAX = 1 << 20, IN_MAX = 4096, KEYS_MAX = 256 };
enum { BACKLOG_MAX = 1024, PAINTS = 25, PASTE = 2000 };

/* --- the host: a terminal, a keyboard, a screen --- */

static struct {
    char out[OUT_MAX]; /* what the terminal was sent */
    size_t out_len;
    unsigned sends; /* polls in which something was sent */
    uint32_t backlog, prints;
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
    unsigned count;
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
        *event = (struct key_event){ KEY_F1, true };
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

void vcpu_run(struct vcpu *v)
{
    (void)v;
    fail();
}

/* --- the guest: a BIOS that takes scan codes at IRQ 1, and a program that reads its keys --- */

enum {
    BDA = 0x400,
    HEAD = 0x1a,
    TAIL = 0x1c,
    START = 0x80,
    END = 0x82,
    RING = 0x1e,
    RING_END = 0x3e
};

static struct {
    bool has_area;    /* a BIOS; else a program that counts scan codes by itself */
    bool reads_ports; /* interrupts are on */
    uint8_t scan[16 * PASTE];
    unsigned scans;
    bool shift;
    unsigned lost; /* keys that beeped */
    char text[2 * PASTE];
    unsigned chars;
} dos;

static uint8_t *area(unsigned offset)
{
    return pc_ram(BDA + offset, 2);
}

static void start_bios(void)
{
    le16_write(area(HEAD), RING);
    le16_write(area(TAIL), RING);
    le16_write(area(START), RING);
    le16_write(area(END), RING_END);
    dos.has_area = dos.reads_ports = true;
}

static unsigned next_entry(unsigned at)
{
    return at + 2 == RING_END ? RING : at + 2;
}

/* A US keyboard; 0 for other keys. */
static char character(uint8_t scan, bool shift)
{
    static const char plain[] = " \0331234567890-=\b\tqwertyuiop[]\r asdfghjkl;'` \\zxcvbnm,./ *  ";
    static const char shifted[] =
        " \033!@#$%^&*()_+\b\tQWERTYUIOP{}\r ASDFGHJKL:\"~ |ZXCVBNM<>? *  ";

    return scan < sizeof plain - 1 ? (shift ? shifted : plain)[scan] : 0;
}

/* INT 9. */
static void on_irq1(void)
{
    uint8_t scan = pc_in8(0x60);
    unsigned tail = le16_read(area(TAIL));

    assert_true(dos.scans < sizeof dos.scan);
    dos.scan[dos.scans++] = scan;
    if ((scan & 0x7f) == 0x2a || (scan & 0x7f) == 0x36) {
        dos.shift = !(scan & 0x80);
    } else if (dos.has_area && !(scan & 0x80)) {
        if (next_entry(tail) == le16_read(area(HEAD))) {
            dos.lost++;
            return;
        }
        *pc_ram(BDA + tail, 1) = (uint8_t)character(scan, dos.shift);
        le16_write(area(TAIL), (uint16_t)next_entry(tail));
    }
}

/* INT 16h: the program takes a key if there is one. */
static void read_key(void)
{
    unsigned head = le16_read(area(HEAD));

    if (head != le16_read(area(TAIL))) {
        assert_true(dos.chars < sizeof dos.text - 1);
        dos.text[dos.chars++] = (char)*pc_ram(BDA + head, 1);
        le16_write(area(HEAD), (uint16_t)next_entry(head));
    }
}

/* --- time --- */

static void poll(void)
{
    size_t before = line.out_len;

    next_poll = pc_console_poll(&pc, pc_now);
    line.sends += line.out_len != before;
}

/* The console is polled when it wants to be. */
static void run_for(uint64_t ticks)
{
    for (uint64_t end = pc_now + ticks; pc_now < end; pc_now += STEP) {
        if (pc_now >= pc.vcpu.timers.next) {
            timer_run(&pc.vcpu.timers, pc_now);
        }
        if (pc_now >= next_poll) {
            poll();
        }
        if (dos.reads_ports && pc.i8042.wire) {
            on_irq1();
        }
    }
}

/* Bytes come over the line: an interrupt. */
static void type_bytes(const char *bytes, unsigned len)
{
    assert_true(line.in_head + len <= IN_MAX);
    memcpy(line.in + line.in_head, bytes, len);
    line.in_head += len;
    next_poll = 0;
}

static void type(const char *text)
{
    type_bytes(text, (unsigned)strlen(text));
}

static void press_host_key(uint8_t key, bool down)
{
    line.key[line.key_head++] = (struct key_event){ key, down };
    next_poll = 0;
}

/* --- what the guest's VGA shows --- */

static const struct vga_regs text_80x25 = {
    .misc = 0x67,
    .seq = {3,          0, 3, 0, 2 },
    .crtc = { [1] = 79,
            [7] = 0x1f,
            [9] = 0x4f,
            [10] = 13,
            [11] = 14,
            [0x12] = 0x8f,
            [0x13] = 40,
            [0x17] = 0xa3,
            [0x18] = 0xff },
    .gfx = { [6] = 0x0e,         [8] = 0xff },
    .attr = { [0x10] = 0x0c,  [0x12] = 0x0f },
    .attr_pas = 0x20,
    .dac_mask = 0xff,
    .dac = { [7] = { 42, 42, 42 }},
};

static const struct vga_regs mode_13h = {
    .misc = 0x63,
    .seq = {3,             1, 15, 0, 14 },
    .crtc = { [1] = 79,
            [7] = 0x1f,
            [9] = 0x41,
            [0x12] = 0x8f,
            [0x13] = 40,
            [0x17] = 0xa3,
            [0x18] = 0xff },
    .gfx = { [5] = 0x40,     [6] = 0x05,       [8] = 0xff },
    .attr = { [0x10] = 0x41, [0x12] = 0x0f     },
    .attr_pas = 0x20,
};

static void set_mode(const struct vga_regs *regs)
{
    pc.vga.regs = *regs;
    pc.vga.regs_generation++;
}

static void put_text(unsigned cell, const char *text)
{
    for (; *text; cell++, text++) {
        pc.vga.vram[2 * cell] = (uint8_t)*text;
        pc.vga.vram[2 * cell + 1] = 0x07;
    }
}

static void start_text(void)
{
    set_mode(&text_80x25);
    for (unsigned i = 0; i < VGA_PLANE_SIZE / 2; i++) {
        put_text(i, " ");
    }
}

/* How often this is in what was sent since `from`. */
static unsigned sent_since(size_t from, const char *text)
{
    unsigned count = 0;

    line.out[line.out_len] = 0;
    for (const char *at = line.out + from; (at = strstr(at, text)); at += strlen(text)) {
        count++;
    }
    return count;
}

static unsigned sent(const char *text)
{
    return sent_since(0, text);
}

static int begin(bool vga_found)
{
    pc_build(true, 4 * MIB);
    memset(&line, 0, sizeof line);
    memset(&screen, 0, sizeof screen);
    memset(&hold, 0, sizeof hold);
    memset(&dos, 0, sizeof dos);
    line.next = TIMER_OFF;
    screen.found = vga_found;
    next_poll = 0;
    pc_console_init(vga_memory);
    pc_console_attach(&pc);
    return 0;
}

static int setup(void **state)
{
    (void)state;
    return begin(true);
}

static int setup_without_vga(void **state)
{
    (void)state;
    return begin(false);
}

/* The memory for the host's screen is kept for good. */
static int teardown(void **state)
{
    pc_console_detach();
    assert_false(line.screen_is_theirs);
    frame_free_piece(hpa_of(screen.shadow), VGA_VRAM_SIZE);
    return pc_teardown(state);
}

/* --- keys --- */

#define assert_scans(...)                                                                          \
    do {                                                                                           \
        static const uint8_t want[] = { __VA_ARGS__ };                                             \
        assert_int_equal(dos.scans, sizeof want);                                                  \
        assert_memory_equal(dos.scan, want, sizeof want);                                          \
        dos.scans = 0;                                                                             \
    } while (0)

static void typed_bytes_become_scan_codes(void **state)
{
    (void)state;
    start_bios();
    type("a");
    run_for(20 * MS);
    assert_scans(0x1e, 0x9e);
    type("A");
    run_for(20 * MS);
    assert_scans(0x2a, 0x1e, 0x9e, 0xaa);
    type("\x03"); /* Ctrl+C */
    run_for(20 * MS);
    assert_scans(0x1d, 0x2e, 0xae, 0x9d);
    type("\r");
    run_for(100 * MS);
    assert_scans(0x1c, 0x9c);
    type("\x1b[A");
    run_for(100 * MS);
    assert_scans(0xe0, 0x48, 0xe0, 0xc8);
}

static void a_lone_esc_is_a_key_after_50_ms(void **state)
{
    uint64_t began;

    (void)state;
    start_bios();
    run_for(10 * MS);
    type("\x1b");
    began = pc_now;
    while (dos.scans < 2) {
        run_for(STEP);
        assert_true(pc_now - began < 60 * MS);
    }
    assert_true(pc_now - began >= 50 * MS);
    assert_scans(0x01, 0x81);
}

static void what_follows_an_esc_in_time_belongs_to_it(void **state)
{
    (void)state;
    start_bios();
    type("\x1b");
    run_for(45 * MS);
    type("["); /* each byte waits anew */
    run_for(45 * MS);
    type("B");
    run_for(20 * MS);
    assert_scans(0xe0, 0x50, 0xe0, 0xd0);
    type("\x1b");
    run_for(45 * MS);
    type("x"); /* Alt+X */
    run_for(20 * MS);
    assert_scans(0x38, 0x2d, 0xad, 0xb8);
}

static void make_paste(char text[PASTE + 1])
{
    static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz0123456789 ,.;'[]=-/"
                                   "ABCDEFGHIJKLMNOPQRSTUVWXYZ!@#$%^&()_+{}:\"<>|~`\r";
    unsigned seed = 1;

    for (unsigned i = 0; i < PASTE; i++) {
        seed = seed * 1103515245 + 12345;
        text[i] = alphabet[(seed >> 16) % (sizeof alphabet - 1)];
    }
    text[PASTE] = 0;
}

/* Programs that take a key now and then, and ones that take many after a while. */
static void a_paste_loses_nothing_in_a_buffer_of_15_keys(void **state)
{
    static const struct {
        unsigned every_ms, keys;
    } row[] = {
        {1,    1 },
        { 10,  1 },
        { 55,  3 },
        { 300, 40},
    };
    char text[PASTE + 1];

    make_paste(text);
    for (unsigned i = 0; i < ARRAY_SIZE(row); i++) {
        uint64_t end;

        if (i) {
            setup(state);
        }
        start_bios();
        type(text);
        end = pc_now + PASTE * 100 * MS;
        while (dos.chars < PASTE && pc_now < end) {
            run_for(row[i].every_ms * MS);
            for (unsigned key = 0; key < row[i].keys; key++) {
                read_key();
            }
        }
        assert_int_equal(dos.lost, 0);
        assert_int_equal(dos.chars, PASTE);
        assert_memory_equal(dos.text, text, PASTE);
        run_for(50 * MS);
        assert_false(dos.shift);
        if (i + 1 < ARRAY_SIZE(row)) {
            teardown(state);
        }
    }
}

/* A program that has the keyboard for itself has no such buffer, but it may be slow. */
static void a_paste_loses_nothing_without_a_bios(void **state)
{
    char text[PASTE + 1];
    unsigned chars = 0;
    bool shift = false;

    (void)state;
    make_paste(text);
    type(text);
    for (unsigned i = 0; i < 8 * PASTE && (i < 100 || pc.i8042.wire); i++) {
        dos.reads_ports = true;
        run_for(STEP); /* one byte at the most */
        dos.reads_ports = false;
        run_for(i % 100 ? 2 * MS : 30 * MS);
    }
    for (unsigned i = 0; i < dos.scans; i++) {
        uint8_t scan = dos.scan[i];

        if ((scan & 0x7f) == 0x2a) {
            shift = scan == 0x2a;
        } else if (!(scan & 0x80)) {
            assert_true(chars < PASTE);
            assert_int_equal(character(scan, shift), text[chars]);
            chars++;
        }
    }
    assert_int_equal(chars, PASTE);
}

static void a_paste_waits_while_the_keyboard_is_off(void **state)
{
    (void)state;
    start_bios();
    pc_out8(0x60, 0xf5); /* no scanning */
    run_for(5 * MS);
    assert_scans(0xfa);
    type("dir");
    run_for(500 * MS);
    assert_int_equal(dos.scans, 0);
    pc_out8(0x60, 0xf4);
    run_for(500 * MS);
    assert_scans(0xfa, 0x20, 0xa0, 0x17, 0x97, 0x13, 0x93);
}

static void keys_of_the_host_pass_at_once(void **state)
{
    (void)state;
    press_host_key(KEY_F1, true);
    poll();
    assert_true(pc_in8(0x64) & 1);
    assert_int_equal(pc_in8(0x60), 0x3b);
    press_host_key(KEY_F1, false);
    press_host_key(KEY_DOWN, true);
    press_host_key(KEY_DOWN, false);
    dos.reads_ports = true;
    run_for(20 * MS);
    assert_scans(0xbb, 0xe0, 0x50, 0xe0, 0xd0);
}

/* They are for the guest to see, such as Ctrl+Break when nobody reads keys. */
static void keys_of_the_host_do_not_wait_for_the_bios(void **state)
{
    (void)state;
    start_bios();
    type("0123456789012345678901234567890123456789");
    run_for(1000 * MS); /* nobody takes the keys */
    dos.scans = 0;
    assert_true(line.in_tail < line.in_head);
    press_host_key(KEY_LEFT_CTRL, true);
    press_host_key(KEY_LEFT_CTRL, false);
    run_for(10 * MS);
    assert_scans(0x1d, 0x9d);
    assert_int_equal(dos.lost, 0);
}

static void a_key_that_the_guest_does_not_take_now_is_kept(void **state)
{
    (void)state;
    start_bios();
    pc_out8(0x60, 0xf5);
    run_for(5 * MS);
    dos.scans = 0;
    press_host_key(KEY_F1, true);
    press_host_key(KEY_F1, false);
    run_for(50 * MS);
    assert_int_equal(dos.scans, 0);
    assert_true(next_poll <= pc_now + MS); /* it is tried again soon */
    pc_out8(0x60, 0xf4);
    run_for(20 * MS);
    assert_scans(0xfa, 0x3b, 0xbb);
}

static void a_keyboard_without_end_does_not_keep_the_poll(void **state)
{
    (void)state;
    line.key_forever = true;
    dos.reads_ports = false;
    poll();
    assert_true(next_poll > pc_now);
}

static void with_nothing_to_do_it_asks_for_the_next_picture(void **state)
{
    (void)state;
    poll();
    assert_int_equal(next_poll, pc_now + PC_HZ / PAINTS);
    line.next = pc_now + 7;
    poll();
    assert_int_equal(next_poll, pc_now + 7); /* the console's own wish */
    line.next = TIMER_OFF;
    type("x");
    poll();
    assert_true(next_poll <= pc_now + MS);
}

/* --- pictures --- */

static void text_appears_on_both_screens(void **state)
{
    (void)state;
    start_text();
    put_text(80 * 2 + 5, "C:\\>ver");
    run_for(MS);
    assert_int_equal(sent("C:\\>ver"), 1);
    assert_int_equal(screen.shown, 1);
    assert_ptr_equal(screen.vram, pc.vga.vram);
    assert_int_equal(screen.regs.misc, 0x67);
    assert_int_equal(screen.regs.crtc[1], 79);
    assert_int_equal(screen.regs.seq[4], 2);
    assert_int_equal(screen.regs.gfx[6], 0x0e);
    assert_int_equal(screen.regs.attr[0x10], 0x0c);
    assert_int_equal(screen.regs.dac_mask, 0xff);
    assert_int_equal(screen.regs.dac[7][2], 42);
}

static void a_picture_comes_25_times_a_second_at_most(void **state)
{
    (void)state;
    start_text();
    for (unsigned i = 0; i < 1000; i++) {
        put_text(0, (const char[]){ (char)('a' + i % 26), 0 });
        next_poll = 0; /* somebody else needs it each millisecond */
        run_for(MS);
    }
    assert_int_equal(screen.shown, PAINTS);
    assert_int_equal(line.sends, PAINTS);
}

static void nothing_is_sent_of_what_has_not_changed(void **state)
{
    size_t before;

    (void)state;
    start_text();
    put_text(0, "hello");
    run_for(100 * MS);
    before = line.out_len;
    run_for(1000 * MS);
    assert_int_equal(line.out_len, before);
    put_text(4, "p");
    run_for(40 * MS);
    assert_in_range(line.out_len - before, 1, 40);
}

static void a_slow_line_gets_fewer_pictures(void **state)
{
    unsigned shown;

    (void)state;
    start_text();
    run_for(40 * MS);
    shown = screen.shown;
    line.sends = 0;
    line.backlog = BACKLOG_MAX + 1;
    put_text(0, "old");
    run_for(400 * MS);
    assert_int_equal(line.sends, 0);
    assert_int_equal(screen.shown, shown + 10); /* the other screen is not slow */
    put_text(0, "new");
    line.backlog = BACKLOG_MAX;
    run_for(40 * MS);
    assert_int_equal(sent("old"), 0);
    assert_int_equal(sent("new"), 1);
}

static void a_line_of_the_log_makes_it_paint_anew(void **state)
{
    size_t before;

    (void)state;
    start_text();
    put_text(0, "hello");
    run_for(200 * MS);
    assert_int_equal(sent("hello"), 1);
    before = line.out_len;
    line.prints++;
    run_for(200 * MS);
    assert_int_equal(sent_since(before, "hello"), 1);
    assert_int_equal(sent_since(before, "\r\n"), TERM_ROWS_MAX); /* the log scrolls out */
    before = line.out_len;
    run_for(200 * MS);
    assert_int_equal(line.out_len, before);
}

static void graphics_are_one_sentence(void **state)
{
    size_t before;

    (void)state;
    start_text();
    put_text(0, "hello");
    run_for(40 * MS);
    set_mode(&mode_13h);
    before = line.out_len;
    for (unsigned i = 0; i < 25; i++) {
        pc.vga.vram[i]++;
        run_for(40 * MS);
    }
    assert_int_equal(sent("[graphics, 320 x 200, 256 colours: on the computer's own screen]"), 1);
    assert_true(line.out_len - before < 120);
    before = line.out_len;
    line.prints++; /* unless somebody wrote over it */
    run_for(40 * MS);
    assert_int_equal(sent_since(before, "[graphics, 320 x 200"), 1);
    before = line.out_len;
    start_text();
    put_text(0, "hello");
    run_for(40 * MS);
    assert_int_equal(sent_since(before, "hello"), 1);
}

static void a_blank_screen_shows_nothing_yet(void **state)
{
    (void)state;
    run_for(200 * MS);
    assert_int_equal(screen.shown, 0);
    assert_false(line.screen_is_theirs);
    assert_int_equal(sent("\x1b["), 0);
    start_text();
    run_for(40 * MS);
    assert_true(line.screen_is_theirs);
    pc.vga.regs.seq[1] |= 0x20; /* off for a while: it stays the guest's */
    run_for(80 * MS);
    assert_true(line.screen_is_theirs);
}

static void the_host_screen_is_told_what_has_changed(void **state)
{
    (void)state;
    start_text();
    run_for(200 * MS);
    assert_int_equal(screen.shown, 5);
    assert_int_equal(screen.regs_told, 1);
    assert_int_equal(screen.fonts_told, 1);
    pc.vga.regs.crtc[15] = 9;
    pc.vga.regs_generation++;
    run_for(80 * MS);
    assert_int_equal(screen.regs_told, 2);
    assert_int_equal(screen.regs.crtc[15], 9);
    pc.vga.font_generation++;
    run_for(80 * MS);
    assert_int_equal(screen.regs_told, 2);
    assert_int_equal(screen.fonts_told, 2);
}

static void whoever_writes_to_the_screen_is_not_idle(void **state)
{
    (void)state;
    start_text();
    run_for(80 * MS);
    hold.count = 0;
    run_for(400 * MS);
    assert_int_equal(hold.count, 0);
    for (unsigned cell = 0; cell < 2000; cell += 333) { /* each counts, and its colour */
        put_text(cell, "x");
        run_for(40 * MS);
        assert_int_equal(hold.count, 1);
        assert_in_range(hold.until, pc_now + 50 * MS, pc_now + 100 * MS);
        pc.vga.vram[2 * cell + 1] = 0x17;
        run_for(40 * MS);
        assert_int_equal(hold.count, 2);
        hold.count = 0;
    }
    put_text(2000, "x"); /* below the last row */
    run_for(40 * MS);
    assert_int_equal(hold.count, 0);
}

static void a_picture_may_go_round_the_end_of_memory(void **state)
{
    enum { START_CELL = 0x8000 - 3 };

    (void)state;
    start_text();
    pc.vga.regs.crtc[12] = START_CELL >> 8;
    pc.vga.regs.crtc[13] = START_CELL & 0xff;
    put_text(START_CELL, "FRE");
    put_text(0, "EDOS");
    run_for(MS);
    assert_int_equal(sent("FREEDOS"), 1);
}

/* Any registers, any cursor: ASan sees what is read and written. */
static void hostile_registers_do_no_harm(void **state)
{
    unsigned seed = 7;

    (void)state;
    for (unsigned i = 0; i < 3000; i++) {
        uint8_t *reg = (uint8_t *)&pc.vga.regs;

        for (unsigned j = 0; j < offsetof(struct vga_regs, dac); j++) {
            seed = seed * 1103515245 + 12345;
            reg[j] = (uint8_t)(seed >> 16);
        }
        pc.vga.regs.attr_pas = 0x20;
        pc.vga.regs.seq[0] = 3;
        pc.vga.regs.seq[1] &= 0x1f;
        pc.vga.regs.crtc[0x17] |= 0x80;
        pc.vga.regs.gfx[6] &= i % 8 ? 0x0e : 0x0f;
        pc_now += 40 * MS;
        line.out_len = 0;
        poll();
    }
    assert_int_equal(screen.shown, 3000);
}

/* --- coming and going --- */

static void leaving_gives_both_screens_back(void **state)
{
    size_t before;

    (void)state;
    start_text();
    put_text(0, "hello");
    run_for(40 * MS);
    before = line.out_len;
    pc_console_detach();
    assert_int_equal(screen.left, 1);
    assert_false(line.screen_is_theirs);
    assert_int_equal(sent_since(before, "\x1b[25;1H") + sent_since(before, "\x1b[25H"), 1);
    pc_console_attach(&pc); /* another guest: everything anew, once */
    before = line.out_len;
    run_for(80 * MS);
    assert_int_equal(sent_since(before, "hello"), 1);
    assert_true(line.screen_is_theirs);
    assert_true(screen.regs_told == 2 && screen.fonts_told == 2);
}

static void without_a_vga_there_is_the_terminal(void **state)
{
    (void)state;
    start_text();
    put_text(0, "hello");
    run_for(80 * MS);
    assert_int_equal(screen.shown, 0);
    assert_false(line.screen_is_theirs);
    assert_int_equal(sent("hello"), 1);
    pc_console_detach();
    assert_int_equal(screen.left, 0);
    pc_console_attach(&pc);
}

/* Nor is half an escape sequence. */
static void keys_for_another_guest_are_dropped(void **state)
{
    (void)state;
    start_bios();
    type("\x1b");
    run_for(20 * MS);
    pc_console_attach(&pc);
    run_for(200 * MS);
    assert_int_equal(dos.scans, 0);
    pc_out8(0x60, 0xf5); /* takes none */
    run_for(5 * MS);
    type("x");
    press_host_key(KEY_F1, true);
    run_for(20 * MS);
    assert_int_equal(line.in_tail, line.in_head);
    assert_int_equal(line.key_tail, line.key_head);
    pc_console_attach(&pc);
    pc_out8(0x60, 0xf4);
    run_for(200 * MS);
    assert_scans(0xfa, 0xfa);
}

static void the_guests_serial_port_is_wired_to_nothing(void **state)
{
    struct uart_port port = pc_console_no_wire();
    size_t before = line.out_len;
    uint8_t byte;

    (void)state;
    type("x");
    port.put(port.ctx, 'A');
    assert_false(port.get(port.ctx, &byte));
    assert_true(!port.ready || port.ready(port.ctx));
    assert_int_equal(line.out_len, before);
    assert_int_equal(line.in_tail, 0);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(typed_bytes_become_scan_codes),
        T(a_lone_esc_is_a_key_after_50_ms),
        T(what_follows_an_esc_in_time_belongs_to_it),
        T(a_paste_loses_nothing_in_a_buffer_of_15_keys),
        T(a_paste_loses_nothing_without_a_bios),
        T(a_paste_waits_while_the_keyboard_is_off),
        T(keys_of_the_host_pass_at_once),
        T(keys_of_the_host_do_not_wait_for_the_bios),
        T(a_key_that_the_guest_does_not_take_now_is_kept),
        T(a_keyboard_without_end_does_not_keep_the_poll),
        T(with_nothing_to_do_it_asks_for_the_next_picture),
        T(text_appears_on_both_screens),
        T(a_picture_comes_25_times_a_second_at_most),
        T(nothing_is_sent_of_what_has_not_changed),
        T(a_slow_line_gets_fewer_pictures),
        T(a_line_of_the_log_makes_it_paint_anew),
        T(graphics_are_one_sentence),
        T(a_blank_screen_shows_nothing_yet),
        T(the_host_screen_is_told_what_has_changed),
        T(whoever_writes_to_the_screen_is_not_idle),
        T(a_picture_may_go_round_the_end_of_memory),
        T(hostile_registers_do_no_harm),
        T(leaving_gives_both_screens_back),
        T(keys_for_another_guest_are_dropped),
        T(the_guests_serial_port_is_wired_to_nothing),
        cmocka_unit_test_setup_teardown(without_a_vga_there_is_the_terminal, setup_without_vga,
                                        teardown),
    };
    return cmocka_run_group_tests_name("pc_console", tests, NULL, NULL);
}
