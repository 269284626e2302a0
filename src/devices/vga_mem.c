#include "devices/vga_priv.h"
#include "lib/bits.h"

/* Planar accesses work on all four planes at once: plane p is bits 8p+7:8p of a uint32_t. */

/* The byte in each plane. */
static uint32_t in_all_planes(uint8_t byte)
{
    return byte * UINT32_C(0x01010101);
}

/* FFh in each plane whose bit is set. */
static uint32_t planes(unsigned set)
{
    static const uint32_t mask[16] = {
        0x00000000, 0x000000ff, 0x0000ff00, 0x0000ffff, 0x00ff0000, 0x00ff00ff,
        0x00ffff00, 0x00ffffff, 0xff000000, 0xff0000ff, 0xff00ff00, 0xff00ffff,
        0xffff0000, 0xffff00ff, 0xffffff00, 0xffffffff,
    };
    return mask[set & 15];
}

/* --- what an address shows --- */

/* Graphics controller, "Miscellaneous Register", memory map: the part of A0000h-BFFFFh that is
 * decoded, as offsets. Addresses within a plane or a flat layout count from its start. */
struct map {
    uint32_t start, len;
};
static const struct map maps[4] = {
    {0x00000,  0x20000},
    { 0x00000, 0x10000},
    { 0x10000, 0x8000 },
    { 0x18000, 0x8000 }
};

static const struct map *memory_map(const struct vga_regs *r)
{
    return &maps[bits(r->gfx[GFX_MISC], 3, 2)];
}

static bool is_decoded(const struct vga_regs *r, uint64_t offset)
{
    const struct map *m = memory_map(r);

    return (r->misc & MISC_RAM) && offset >= m->start && offset - m->start < m->len;
}

/* The plane that planar accesses read and write as plain bytes, or -1: only one plane is written,
 * the same is read, and nothing is done to the byte on its way. */
static int plain_plane(const struct vga_regs *r)
{
    unsigned plane = r->gfx[GFX_READ_MAP];
    bool same = r->seq[SEQ_MAP_MASK] == BIT32(plane);
    bool set_reset = r->gfx[GFX_ENABLE_SET_RESET] & BIT32(plane);

    if (!same || set_reset || r->gfx[GFX_MODE] & (MODE_WRITE | MODE_READ_COMPARE) ||
        r->gfx[GFX_DATA_ROTATE] != 0 || r->gfx[GFX_BIT_MASK] != 0xff) {
        return -1;
    }
    return (int)plane;
}

/* The offset into vram of what a window shows as plain RAM, or VGA_TRAPPED. Nothing but registers
 * decides it. */
static uint32_t window_shows(const struct vga_regs *r, enum vga_window w)
{
    uint32_t base = 0;

    if (!is_decoded(r, vga_window_offset(w))) {
        return VGA_TRAPPED;
    }
    if (vga_is_planar(r)) {
        int plane = plain_plane(r);

        if (plane < 0) {
            return VGA_TRAPPED;
        }
        base = (uint32_t)plane * VGA_PLANE_SIZE;
    }
    return base + (vga_window_offset(w) - memory_map(r)->start) % VGA_PLANE_SIZE;
}

static bool shows_font(uint32_t at)
{
    return at / VGA_PLANE_SIZE == FONT_PLANE;
}

void vga_update_windows(struct vga *v)
{
    bool changed = false;
    bool font_left = false;

    for (unsigned w = 0; w < VGA_WINDOW_COUNT; w++) {
        uint32_t shows = window_shows(&v->regs, w);

        if (shows != v->window[w]) {
            font_left |= shows_font(v->window[w]);
            v->window[w] = shows;
            changed = true;
        }
    }
    v->font_generation += font_left;
    if (changed) {
        v->remap(v->ctx);
    }
}

/* --- planar accesses: "Graphics Controller Registers", "Graphics Mode Register" --- */

static uint32_t load_planes(const struct vga *v, uint32_t at)
{
    uint32_t value = 0;

    for (unsigned p = 0; p < 4; p++) {
        value |= (uint32_t)v->vram[p * VGA_PLANE_SIZE + at] << 8 * p;
    }
    return value;
}

static void store_planes(struct vga *v, uint32_t at, uint32_t value)
{
    unsigned enabled = v->regs.seq[SEQ_MAP_MASK];

    for (unsigned p = 0; p < 4; p++) {
        if (enabled & BIT32(p)) {
            v->vram[p * VGA_PLANE_SIZE + at] = (uint8_t)(value >> 8 * p);
        }
    }
    v->font_generation += enabled >> FONT_PLANE & 1;
}

static uint8_t planar_read(struct vga *v, uint32_t at)
{
    const uint8_t *gfx = v->regs.gfx;
    uint32_t differs;

    v->latch = load_planes(v, at);
    if (!(gfx[GFX_MODE] & MODE_READ_COMPARE)) {
        return (uint8_t)(v->latch >> 8 * gfx[GFX_READ_MAP]);
    }
    /* A bit is set where all planes that matter have the colour. */
    differs = (v->latch ^ planes(gfx[GFX_COLOUR_COMPARE])) & planes(gfx[GFX_COLOUR_DONT_CARE]);
    differs |= differs >> 16;
    differs |= differs >> 8;
    return (uint8_t)~differs;
}

static uint8_t rotate_right(uint8_t byte, unsigned by)
{
    return (uint8_t)(byte >> by | byte << (8 - by));
}

/* "Data Rotate Register", function select. */
static uint32_t combine(unsigned function, uint32_t data, uint32_t latch)
{
    switch (function) {
    case 1:
        return data & latch;
    case 2:
        return data | latch;
    case 3:
        return data ^ latch;
    default:
        return data;
    }
}

static void planar_write(struct vga *v, uint32_t at, uint8_t byte)
{
    const uint8_t *gfx = v->regs.gfx;
    uint8_t rotated = rotate_right(byte, gfx[GFX_DATA_ROTATE] & 7);
    uint32_t set = planes(gfx[GFX_SET_RESET]);
    uint32_t by_set = planes(gfx[GFX_ENABLE_SET_RESET]);
    uint8_t mask = gfx[GFX_BIT_MASK];
    uint32_t data, masked;

    switch (gfx[GFX_MODE] & MODE_WRITE) {
    case 0:
        data = (in_all_planes(rotated) & ~by_set) | (set & by_set);
        break;
    case 1:
        store_planes(v, at, v->latch);
        return;
    case 2:
        data = planes(byte);
        break;
    default:
        data = set;
        mask &= rotated;
        break;
    }
    masked = in_all_planes(mask);
    data = combine(gfx[GFX_DATA_ROTATE] >> 3, data, v->latch);
    store_planes(v, at, (data & masked) | (v->latch & ~masked));
}

/* --- any access --- */

static enum vga_window window_of(uint64_t offset)
{
    return offset < 0x10000   ? VGA_WINDOW_A0000
           : offset < 0x18000 ? VGA_WINDOW_B0000
                              : VGA_WINDOW_B8000;
}

/* The offset into vram of the byte that an address shows as plain RAM, or VGA_TRAPPED. An access
 * may straddle windows, and one of them may be plain. */
static uint32_t plain_address(const struct vga *v, uint64_t offset)
{
    enum vga_window w = window_of(offset);

    if (v->window[w] == VGA_TRAPPED) {
        return VGA_TRAPPED;
    }
    return v->window[w] + ((uint32_t)offset - vga_window_offset(w));
}

/* Where in each plane an address is. */
static uint32_t planar_address(const struct vga *v, uint64_t offset)
{
    return (uint32_t)(offset - memory_map(&v->regs)->start) % VGA_PLANE_SIZE;
}

static uint8_t read_byte(struct vga *v, uint64_t offset)
{
    uint32_t plain;

    if (!is_decoded(&v->regs, offset)) {
        return 0xff;
    }
    plain = plain_address(v, offset);
    return plain != VGA_TRAPPED ? v->vram[plain] : planar_read(v, planar_address(v, offset));
}

static void write_byte(struct vga *v, uint64_t offset, uint8_t byte)
{
    uint32_t plain;

    if (!is_decoded(&v->regs, offset)) {
        return;
    }
    plain = plain_address(v, offset);
    if (plain != VGA_TRAPPED) {
        v->vram[plain] = byte;
    } else {
        planar_write(v, planar_address(v, offset), byte);
    }
}

void vga_mem_io(void *dev, struct io_access *a)
{
    struct vga *v = dev;

    /* The bus is a byte wide: the latches see each byte by itself. */
    if (!a->write) {
        a->value = ~UINT64_C(0);
    }
    for (unsigned i = 0; i < a->size; i++) {
        if (a->write) {
            write_byte(v, a->offset + i, (uint8_t)(a->value >> 8 * i));
        } else {
            a->value &= ~(UINT64_C(0xff) << 8 * i) | (uint64_t)read_byte(v, a->offset + i) << 8 * i;
        }
    }
}
