#include "drivers/vga_screen.h"
#include "arch/x86_64/cpu.h"
#include "lib/bits.h"
#include "lib/le.h"
#include "lib/mem.h"

/* Ports: "VGA Function", "Registers". CRTC and status are where a colour adapter has them. */
enum {
    ATTR = 0x3c0,
    ATTR_READ = 0x3c1,
    MISC_WRITE = 0x3c2,
    SEQ = 0x3c4,
    DAC_MASK = 0x3c6,
    DAC_READ_INDEX = 0x3c7,
    DAC_WRITE_INDEX = 0x3c8,
    DAC_DATA = 0x3c9,
    MISC_READ = 0x3cc,
    GFX = 0x3ce,
    CRTC = 0x3d4,
    STATUS_1 = 0x3da
};
enum {
    MISC_COLOUR = 0x01,
    MISC_RAM = 0x02,
    MISC_28_MHZ = 0x04,
    MISC_ODD_EVEN_PAGE = 0x20,
    MISC_SYNC = 0xc0
};
enum { SEQ_RESET, SEQ_CLOCKING, SEQ_MAP_MASK, SEQ_FONT, SEQ_MEMORY_MODE };
enum {
    RESET_SYNCHRONOUS = 0x01,
    RESET_NONE = 0x03,
    CLOCKING_SCREEN_OFF = 0x20,
    MEMORY_EXTENDED = 0x02,
    MEMORY_SEQUENTIAL = 0x04,
    MEMORY_CHAIN_4 = 0x08
};
enum { GFX_READ_MAP = 4, GFX_MODE, GFX_MISC, GFX_DONT_CARE, GFX_BIT_MASK };
enum {
    MODE_ODD_EVEN = 0x10,
    MODE_SHIFT = 0x60,
    MISC_GRAPHICS = 0x01,
    MISC_CHAIN_ODD_EVEN = 0x02,
    MISC_MAP_A0000 = 0x04, /* 64 KiB */
    MISC_MAP_B8000 = 0x0c, /* 32 KiB */
    MISC_MAP_32K = 0x08    /* set in both maps of that size */
};
enum { CRTC_BLANKING_END = 0x03, CRTC_RETRACE_END = 0x11, CRTC_MODE = 0x17 };
enum { RETRACE_NO_INTERRUPT = 0x20, RETRACE_PROTECT = 0x80, CRTC_RUN = 0x80 };
enum { ATTR_PALETTE = 16, ATTR_SHOW = 0x20, ATTR_PLANE_ENABLE = 0x12 };
enum { FONT_PLANE = 2, FONT_AT = FONT_PLANE * VGA_SCREEN_PLANE_BYTES, B8000_AT = 0x18000 };
enum { ALL_PLANES = 0x0f, DAC_BITS = 0x3f };

/* The registers that decide how the CPU reaches the planes; the picture's bits are not in it. */
struct access {
    uint8_t memory_mode, mode, misc;
    uint8_t planes[4]; /* map masks under which the layout's pieces are written */
};
static const struct access layouts[] = {
    [VGA_SCREEN_TEXT] = {MEMORY_EXTENDED,                                       MODE_ODD_EVEN, MISC_CHAIN_ODD_EVEN, { 0x03 }      },
    [VGA_SCREEN_ODD_EVEN] = { MEMORY_EXTENDED,                                      MODE_ODD_EVEN, MISC_CHAIN_ODD_EVEN, { 0x03 }      },
    [VGA_SCREEN_CHAIN_4] = { MEMORY_EXTENDED | MEMORY_SEQUENTIAL | MEMORY_CHAIN_4,
                         0,                                                                    0,
                         { ALL_PLANES }                                                                                           },
    [VGA_SCREEN_PLANAR] = { MEMORY_EXTENDED | MEMORY_SEQUENTIAL,                  0,             0,                   { 1, 2, 4, 8 }},
};

/* The bits that decide the picture. */
static const uint8_t crtc_bits[25] = {
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0xff, 0x3f, 0x7f, 0xff,
    0xff, 0xff, 0xff, 0xff, 0x4f, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xef, 0xff,
};
static const uint8_t attr_bits[21] = {
    0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f,
    0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0xef, 0xff, 0x3f, 0x0f, 0x0f,
};
enum { CLOCKING_BITS = 0x3d, FONT_BITS = 0x3f, CRTC_READABLE = 0x80 /* in register 3 */ };

/* --- the chip --- */

static void write_reg(uint16_t port, unsigned index, uint8_t v)
{
    io_out16(port, (uint16_t)((unsigned)v << 8 | index));
}

static uint8_t read_reg(uint16_t port, unsigned index)
{
    io_out8(port, (uint8_t)index);
    return io_in8((uint16_t)(port + 1));
}

/* Writes one register of a bank unless it has the value. */
static void set_reg(uint16_t port, uint8_t *shown, unsigned index, uint8_t v)
{
    if (shown[index] != v) {
        shown[index] = v;
        write_reg(port, index, v);
    }
}

/* Reading STATUS_1 makes ATTR take an index next. The palette can be reached only while it is not
 * shown: "Attribute Controller Registers", "Address Register". */
static void write_attr(unsigned index, uint8_t v)
{
    io_in8(STATUS_1);
    io_out8(ATTR, (uint8_t)(index < ATTR_PALETTE ? index : index | ATTR_SHOW));
    io_out8(ATTR, v);
}

static void show_palette(void)
{
    io_in8(STATUS_1);
    io_out8(ATTR, ATTR_SHOW);
}

static void read_registers(struct vga_screen_regs *r)
{
    for (unsigned i = 0; i < sizeof r->seq; i++) {
        r->seq[i] = read_reg(SEQ, i);
    }
    for (unsigned i = 0; i < sizeof r->crtc; i++) {
        r->crtc[i] = read_reg(CRTC, i);
    }
    for (unsigned i = 0; i < sizeof r->gfx; i++) {
        r->gfx[i] = read_reg(GFX, i);
    }
    for (unsigned i = 0; i < sizeof r->attr; i++) {
        io_in8(STATUS_1);
        io_out8(ATTR, (uint8_t)i);
        r->attr[i] = io_in8(ATTR_READ);
    }
    show_palette();
    r->dac_mask = io_in8(DAC_MASK);
    io_out8(DAC_READ_INDEX, 0);
    for (unsigned i = 0; i < sizeof r->dac; i++) {
        r->dac[i / 3][i % 3] = io_in8(DAC_DATA);
    }
}

static void set_bank(uint16_t port, uint8_t *shown, const uint8_t *want, unsigned count, bool all)
{
    for (unsigned i = 0; i < count; i++) {
        if (all || shown[i] != want[i]) {
            shown[i] = want[i];
            write_reg(port, i, want[i]);
        }
    }
}

static void set_attributes(struct vga_screen_regs *shown, const struct vga_screen_regs *want,
                           bool all)
{
    bool any = false;

    for (unsigned i = 0; i < sizeof want->attr; i++) {
        if (all || shown->attr[i] != want->attr[i]) {
            shown->attr[i] = want->attr[i];
            write_attr(i, want->attr[i]);
            any = true;
        }
    }
    if (any) {
        show_palette();
    }
}

static void set_dac(struct vga_screen_regs *shown, const struct vga_screen_regs *want)
{
    unsigned next = ARRAY_SIZE(want->dac); /* the chip steps to the next entry by itself */

    if (shown->dac_mask != want->dac_mask) {
        shown->dac_mask = want->dac_mask;
        io_out8(DAC_MASK, want->dac_mask);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(want->dac); i++) {
        if (memcmp(shown->dac[i], want->dac[i], sizeof want->dac[i]) == 0) {
            continue;
        }
        memcpy(shown->dac[i], want->dac[i], sizeof want->dac[i]);
        if (i != next) {
            io_out8(DAC_WRITE_INDEX, (uint8_t)i);
        }
        for (unsigned part = 0; part < sizeof want->dac[i]; part++) {
            io_out8(DAC_DATA, want->dac[i][part]);
        }
        next = i + 1;
    }
}

/* Writes the registers that differ, or all. Clocks change while the sequencer is in reset, and CRTC
 * registers 0-7 while they are not protected: "Clocking Mode Register", "Vertical Retrace End
 * Register". */
static void set_registers(struct vga_screen *s, const struct vga_screen_regs *want, bool all)
{
    struct vga_screen_regs *shown = &s->shown;
    unsigned clocking = shown->seq[SEQ_CLOCKING] ^ want->seq[SEQ_CLOCKING];

    if (all || shown->misc != want->misc || clocking & ~(unsigned)CLOCKING_SCREEN_OFF) {
        shown->misc = want->misc;
        shown->seq[SEQ_CLOCKING] = want->seq[SEQ_CLOCKING];
        write_reg(SEQ, SEQ_RESET, RESET_SYNCHRONOUS);
        io_out8(MISC_WRITE, want->misc);
        write_reg(SEQ, SEQ_CLOCKING, want->seq[SEQ_CLOCKING]);
        write_reg(SEQ, SEQ_RESET, RESET_NONE);
    }
    set_bank(SEQ, shown->seq, want->seq, sizeof want->seq, all);
    if (all) {
        write_reg(CRTC, CRTC_RETRACE_END, want->crtc[CRTC_RETRACE_END] & ~RETRACE_PROTECT & 0xff);
    }
    set_bank(CRTC, shown->crtc, want->crtc, sizeof want->crtc, all);
    set_bank(GFX, shown->gfx, want->gfx, sizeof want->gfx, all);
    set_attributes(shown, want, all);
    set_dac(shown, want);
}

/* --- its memory --- */

static volatile uint64_t *chip_memory(const struct vga_screen *s)
{
    uint32_t at = s->shown.gfx[GFX_MISC] & MISC_MAP_32K ? B8000_AT : 0;

    return (volatile uint64_t *)(s->window + at);
}

static void select_planes(struct vga_screen *s, uint8_t planes)
{
    set_reg(SEQ, s->shown.seq, SEQ_MAP_MASK, planes);
}

static struct access access_now(const struct vga_screen *s)
{
    return (struct access){ .memory_mode = s->shown.seq[SEQ_MEMORY_MODE],
                            .mode = s->shown.gfx[GFX_MODE],
                            .misc = s->shown.gfx[GFX_MISC] };
}

static void set_access(struct vga_screen *s, const struct access *a)
{
    set_reg(SEQ, s->shown.seq, SEQ_MEMORY_MODE, a->memory_mode);
    set_reg(GFX, s->shown.gfx, GFX_MODE, a->mode);
    set_reg(GFX, s->shown.gfx, GFX_MISC, a->misc);
}

/* Makes each plane reachable by itself, at A0000h; the picture stays. */
static void open_planes(struct vga_screen *s)
{
    const struct access *planar = &layouts[VGA_SCREEN_PLANAR];
    struct access a = access_now(s);

    a.memory_mode = planar->memory_mode;
    a.mode = (uint8_t)((a.mode & MODE_SHIFT) | planar->mode);
    a.misc = (uint8_t)((a.misc & MISC_GRAPHICS) | planar->misc | MISC_MAP_A0000);
    set_access(s, &a);
}

static void clear_memory(struct vga_screen *s)
{
    struct access back = access_now(s);
    volatile uint64_t *chip;

    open_planes(s);
    select_planes(s, ALL_PLANES);
    chip = chip_memory(s);
    for (unsigned i = 0; i < VGA_SCREEN_PLANE_BYTES / sizeof *chip; i++) {
        chip[i] = 0;
    }
    memset(s->shadow, 0, VGA_SCREEN_MEMORY_BYTES);
    set_access(s, &back);
}

/* Writes what differs of len bytes of vram from `at` on, which the window shows from its start. */
static void copy_changed(struct vga_screen *s, const uint8_t *vram, uint32_t at, uint32_t len,
                         uint8_t planes)
{
    volatile uint64_t *chip = chip_memory(s);

    for (uint32_t i = 0; i < len; i += sizeof *chip) {
        uint64_t v = le64_read(vram + at + i);

        if (UNLIKELY(v != le64_read(s->shadow + at + i))) {
            le64_write(s->shadow + at + i, v);
            select_planes(s, planes);
            chip[i / sizeof *chip] = v;
        }
    }
}

static void copy_fonts(struct vga_screen *s, const uint8_t *vram)
{
    struct access back = access_now(s);

    open_planes(s);
    copy_changed(s, vram, FONT_AT, VGA_SCREEN_PLANE_BYTES, BIT32(FONT_PLANE));
    set_access(s, &back);
}

/* Where in its plane the host's font is: "Character Map Select Register", map B. */
static uint32_t font_at(const struct vga_screen *s)
{
    uint32_t map = s->host.seq[SEQ_FONT];

    return (map & 3) << 14 | (map & 0x10) << 9;
}

/* "Color Plane Enable Register": planes that pixels of 16 colours are not made of. CGA's mode 6 has
 * just one, and emulators put the others in its place. */
static uint8_t planes_shown(const struct vga_screen *s)
{
    bool by_plane = s->layout == VGA_SCREEN_PLANAR && !(s->shown.gfx[GFX_MODE] & MODE_SHIFT);

    return by_plane ? s->shown.attr[ATTR_PLANE_ENABLE] & ALL_PLANES : ALL_PLANES;
}

static void copy_memory(struct vga_screen *s, const uint8_t *vram)
{
    const uint8_t *planes = layouts[s->layout].planes;
    bool half = s->shown.gfx[GFX_MISC] & MISC_MAP_32K;
    uint32_t len = half ? VGA_SCREEN_PLANE_BYTES / 2 : VGA_SCREEN_PLANE_BYTES;

    for (unsigned i = 0; i < sizeof layouts->planes; i++) {
        if (planes[i] & planes_shown(s)) {
            copy_changed(s, vram, i * VGA_SCREEN_PLANE_BYTES, len, planes[i]);
        }
    }
}

/* --- what a guest shows --- */

static bool held_in_reset(const struct vga_screen_regs *guest)
{
    return (guest->seq[SEQ_RESET] & RESET_NONE) != RESET_NONE ||
           !(guest->crtc[CRTC_MODE] & CRTC_RUN);
}

static enum vga_screen_layout layout_of(const struct vga_screen_regs *guest)
{
    if (!(guest->gfx[GFX_MISC] & MISC_GRAPHICS)) {
        return VGA_SCREEN_TEXT;
    }
    if (guest->seq[SEQ_MEMORY_MODE] & MEMORY_CHAIN_4) {
        return VGA_SCREEN_CHAIN_4;
    }
    return guest->seq[SEQ_MEMORY_MODE] & MEMORY_SEQUENTIAL ? VGA_SCREEN_PLANAR
                                                           : VGA_SCREEN_ODD_EVEN;
}

/* Where the driver writes: B8000h for text, otherwise a window of the size that the guest's has,
 * since emulators know CGA's modes by it. */
static uint8_t map_of(const struct vga_screen_regs *guest, enum vga_screen_layout layout)
{
    bool half = layout == VGA_SCREEN_TEXT || guest->gfx[GFX_MISC] & MISC_MAP_32K;

    return half ? MISC_MAP_B8000 : MISC_MAP_A0000;
}

/* Write mode 0, with nothing done to a byte on its way. */
static void plain_writes(struct vga_screen_regs *r)
{
    memset(r->gfx, 0, GFX_MODE);
    r->gfx[GFX_DONT_CARE] = ALL_PLANES;
    r->gfx[GFX_BIT_MASK] = 0xff;
}

/* The chip's registers that make the guest's picture, and through which the driver writes. */
static void picture_of(const struct vga_screen *s, const struct vga_screen_regs *guest,
                       struct vga_screen_regs *want)
{
    enum vga_screen_layout layout = layout_of(guest);
    const struct access *a = &layouts[layout];

    want->misc = (uint8_t)((guest->misc & (MISC_28_MHZ | MISC_SYNC)) | MISC_COLOUR | MISC_RAM |
                           MISC_ODD_EVEN_PAGE);
    want->seq[SEQ_RESET] = RESET_NONE;
    want->seq[SEQ_CLOCKING] = guest->seq[SEQ_CLOCKING] & CLOCKING_BITS;
    want->seq[SEQ_MAP_MASK] = s->shown.seq[SEQ_MAP_MASK]; /* select_planes takes care of it */
    want->seq[SEQ_FONT] = guest->seq[SEQ_FONT] & FONT_BITS;
    want->seq[SEQ_MEMORY_MODE] = a->memory_mode;
    plain_writes(want);
    want->gfx[GFX_MODE] = (uint8_t)((guest->gfx[GFX_MODE] & MODE_SHIFT) | a->mode);
    want->gfx[GFX_MISC] =
        (uint8_t)((guest->gfx[GFX_MISC] & MISC_GRAPHICS) | a->misc | map_of(guest, layout));
    for (unsigned i = 0; i < sizeof want->crtc; i++) {
        want->crtc[i] = guest->crtc[i] & crtc_bits[i];
    }
    want->crtc[CRTC_BLANKING_END] |= CRTC_READABLE;
    want->crtc[CRTC_RETRACE_END] |= RETRACE_NO_INTERRUPT;
    for (unsigned i = 0; i < sizeof want->attr; i++) {
        want->attr[i] = guest->attr[i] & attr_bits[i];
    }
    want->dac_mask = guest->dac_mask;
    for (unsigned i = 0; i < sizeof want->dac; i++) {
        want->dac[i / 3][i % 3] = guest->dac[i / 3][i % 3] & DAC_BITS;
    }
}

/* --- what the core calls --- */

bool vga_screen_init(struct vga_screen *s, volatile uint8_t *window, uint8_t *shadow)
{
    struct access back;
    uint8_t misc = window ? io_in8(MISC_READ) : 0xff;

    *s = (struct vga_screen){ .shadow = shadow };
    if (misc == 0xff || !(misc & MISC_COLOUR)) { /* a floating bus reads all ones */
        return false;
    }
    s->host.misc = misc;
    read_registers(&s->host);
    if (s->host.gfx[GFX_MISC] & MISC_GRAPHICS) {
        return false;
    }
    s->host.seq[SEQ_RESET] = RESET_NONE;
    s->shown = s->host;
    s->window = window;
    back = access_now(s);
    open_planes(s);
    set_reg(GFX, s->shown.gfx, GFX_READ_MAP, FONT_PLANE);
    for (unsigned i = 0; i < sizeof s->font; i += sizeof(uint64_t)) {
        le64_write(s->font + i, chip_memory(s)[(font_at(s) + i) / sizeof(uint64_t)]);
    }
    set_reg(GFX, s->shown.gfx, GFX_READ_MAP, s->host.gfx[GFX_READ_MAP]);
    set_access(s, &back);
    return true;
}

void vga_screen_show(struct vga_screen *s, const struct vga_screen_regs *guest, const uint8_t *vram,
                     bool regs_changed, bool font_changed)
{
    struct vga_screen_regs want;
    bool fresh;

    if (!s->window) {
        return;
    }
    if (held_in_reset(guest)) {
        s->layout = VGA_SCREEN_NONE;
        set_reg(SEQ, s->shown.seq, SEQ_CLOCKING, s->shown.seq[SEQ_CLOCKING] | CLOCKING_SCREEN_OFF);
        return;
    }
    fresh = s->layout != layout_of(guest);
    s->layout = layout_of(guest);
    if (fresh || regs_changed) {
        picture_of(s, guest, &want);
        want.seq[SEQ_CLOCKING] |= fresh ? CLOCKING_SCREEN_OFF : 0;
        set_registers(s, &want, fresh);
    }
    if (fresh) {
        clear_memory(s);
    }
    if (s->layout == VGA_SCREEN_TEXT && (fresh || font_changed)) {
        copy_fonts(s, vram);
    }
    copy_memory(s, vram);
    if (fresh) {
        set_reg(SEQ, s->shown.seq, SEQ_CLOCKING, guest->seq[SEQ_CLOCKING] & CLOCKING_BITS);
    }
}

void vga_screen_leave(struct vga_screen *s)
{
    struct vga_screen_regs dark = s->host;

    if (!s->window) {
        return;
    }
    s->layout = VGA_SCREEN_NONE;
    dark.seq[SEQ_CLOCKING] |= CLOCKING_SCREEN_OFF;
    plain_writes(&dark);
    set_registers(s, &dark, true);
    open_planes(s);
    select_planes(s, BIT32(FONT_PLANE));
    for (unsigned i = 0; i < sizeof s->font; i += sizeof(uint64_t)) {
        chip_memory(s)[(font_at(s) + i) / sizeof(uint64_t)] = le64_read(s->font + i);
    }
    set_registers(s, &s->host, false);
}
