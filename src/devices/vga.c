#include "devices/vga_priv.h"
#include "lib/bits.h"
#include <stddef.h>

enum { STATUS0_SENSE = 0x10, STATUS1_DISABLED = 0x01, STATUS1_RETRACE = 0x08 };
enum { DAC_WRITING = 0, DAC_READING = 3 };

/* The bits that a register has, and those of them that change the picture. The others steer what
 * the CPU reads and writes, and change for each pixel of some programs. */
struct reg_bits {
    uint8_t valid, picture;
};

static const struct reg_bits seq_bits[VGA_SEQ_COUNT] = {
    {0x03,  0x03},
    { 0x3d, 0x3d},
    { 0x0f, 0x00},
    { 0x3f, 0x3f},
    { 0x0e, 0x0c},
};

static const struct reg_bits gfx_bits[VGA_GFX_COUNT] = {
    {0x0f,  0x00         },
    { 0x0f, 0x00         },
    { 0x0f, 0x00         },
    { 0x1f, 0x00         },
    { 0x03, 0x00         },
    { 0x7b, MODE_SHIFT   },
    { 0x0f, MISC_GRAPHICS},
    { 0x0f, 0x00         },
    { 0xff, 0x00         },
};

static const uint8_t crtc_valid[VGA_CRTC_COUNT] = {
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0xff, 0x3f, 0x7f, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xef, 0xff,
};

static const uint8_t attr_valid[VGA_ATTR_COUNT] = {
    0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f,
    0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0xef, 0xff, 0x3f, 0x0f, 0x0f,
};

static const struct reg_bits misc_bits = { 0xef, 0xcd };

/* Stores the bits that the register has. */
static void set_reg(struct vga *v, uint8_t *reg, struct reg_bits b, uint8_t value)
{
    uint8_t changed = (uint8_t)((*reg ^ value) & b.valid);

    *reg = (uint8_t)(*reg ^ changed);
    v->regs_generation += (changed & b.picture) != 0;
}

/* --- the ports; an index without a register reads 0 and takes nothing --- */

static uint8_t misc_read(struct vga *v)
{
    return v->regs.misc;
}

static void misc_write(struct vga *v, uint8_t value)
{
    set_reg(v, &v->regs.misc, misc_bits, value);
    vga_update_windows(v);
}

static uint8_t feature_read(struct vga *v)
{
    return v->regs.feature;
}

static void feature_write(struct vga *v, uint8_t value)
{
    set_reg(v, &v->regs.feature, (struct reg_bits){ 0x08, 0x08 }, value);
}

/* "Input Status Register 0": the monitor's sense switch says yes. */
static uint8_t status0_read(struct vga *v)
{
    (void)v;
    return STATUS0_SENSE;
}

static uint8_t seq_index_read(struct vga *v)
{
    return v->seq_index;
}

static void seq_index_write(struct vga *v, uint8_t value)
{
    v->seq_index = value;
}

static uint8_t seq_read(struct vga *v)
{
    return v->seq_index < VGA_SEQ_COUNT ? v->regs.seq[v->seq_index] : 0;
}

static void seq_write(struct vga *v, uint8_t value)
{
    if (v->seq_index < VGA_SEQ_COUNT) {
        set_reg(v, &v->regs.seq[v->seq_index], seq_bits[v->seq_index], value);
        vga_update_windows(v);
    }
}

static uint8_t gfx_index_read(struct vga *v)
{
    return v->gfx_index;
}

static void gfx_index_write(struct vga *v, uint8_t value)
{
    v->gfx_index = value;
}

static uint8_t gfx_read(struct vga *v)
{
    return v->gfx_index < VGA_GFX_COUNT ? v->regs.gfx[v->gfx_index] : 0;
}

static void gfx_write(struct vga *v, uint8_t value)
{
    if (v->gfx_index < VGA_GFX_COUNT) {
        set_reg(v, &v->regs.gfx[v->gfx_index], gfx_bits[v->gfx_index], value);
        vga_update_windows(v);
    }
}

static uint8_t crtc_index_read(struct vga *v)
{
    return v->crtc_index;
}

static void crtc_index_write(struct vga *v, uint8_t value)
{
    v->crtc_index = value;
}

static uint8_t crtc_read(struct vga *v)
{
    return v->crtc_index < VGA_CRTC_COUNT ? v->regs.crtc[v->crtc_index] : 0;
}

static void crtc_write(struct vga *v, uint8_t value)
{
    unsigned i = v->crtc_index;
    uint8_t valid;

    if (i >= VGA_CRTC_COUNT) {
        return;
    }
    valid = crtc_valid[i];
    if (i <= CRTC_OVERFLOW && v->regs.crtc[CRTC_V_RETRACE_END] & CRTC_PROTECT) {
        valid = i == CRTC_OVERFLOW ? OVERFLOW_LINE_COMPARE : 0;
    }
    set_reg(v, &v->regs.crtc[i], (struct reg_bits){ valid, 0xff }, value);
}

static uint8_t attr_index_read(struct vga *v)
{
    return v->attr_index | v->regs.attr_pas;
}

static uint8_t attr_read(struct vga *v)
{
    return v->attr_index < VGA_ATTR_COUNT ? v->regs.attr[v->attr_index] : 0;
}

/* One port for address and data: reading input status 1 makes it the address's turn. The palette
 * takes data whatever the palette address source is, as programs expect of later chips. */
static void attr_write(struct vga *v, uint8_t value)
{
    if (!v->attr_data) {
        v->attr_index = value & 0x1f;
        set_reg(v, &v->regs.attr_pas, (struct reg_bits){ ATTR_PAS, ATTR_PAS }, value);
    } else if (v->attr_index < VGA_ATTR_COUNT) {
        set_reg(v, &v->regs.attr[v->attr_index],
                (struct reg_bits){ attr_valid[v->attr_index], 0xff }, value);
    }
    v->attr_data = !v->attr_data;
}

/* --- "Video Digital-to-Analog Converter" --- */

static uint8_t dac_mask_read(struct vga *v)
{
    return v->regs.dac_mask;
}

static void dac_mask_write(struct vga *v, uint8_t value)
{
    set_reg(v, &v->regs.dac_mask, (struct reg_bits){ 0xff, 0xff }, value);
}

static uint8_t dac_state_read(struct vga *v)
{
    return v->dac_state;
}

static void dac_read_index_write(struct vga *v, uint8_t value)
{
    v->dac_read = value;
    v->dac_part = 0;
    v->dac_state = DAC_READING;
}

static uint8_t dac_write_index_read(struct vga *v)
{
    return v->dac_write;
}

static void dac_write_index_write(struct vga *v, uint8_t value)
{
    v->dac_write = value;
    v->dac_part = 0;
    v->dac_state = DAC_WRITING;
}

static uint8_t dac_data_read(struct vga *v)
{
    uint8_t value = v->regs.dac[v->dac_read][v->dac_part];

    if (++v->dac_part == 3) {
        v->dac_part = 0;
        v->dac_read++;
    }
    return value;
}

static void dac_data_write(struct vga *v, uint8_t value)
{
    const struct reg_bits six = { 0x3f, 0x3f };
    uint8_t *colour = v->regs.dac[v->dac_write];

    if (v->dac_part < 2) {
        v->dac_hold[v->dac_part++] = value;
        return;
    }
    set_reg(v, &colour[0], six, v->dac_hold[0]);
    set_reg(v, &colour[1], six, v->dac_hold[1]);
    set_reg(v, &colour[2], six, value);
    v->dac_part = 0;
    v->dac_write++;
}

/* --- input status 1 --- */

/* Both dot clocks give this rate in all standard modes. A retrace is 2 lines long there; here it
 * lasts 16, for a guest whose every look at it is an exit. */
enum { LINE_HZ = 31469, RETRACE_LINES = 16 };

/* "Input Status Register 1". Each line ends with a quarter of blanking. */
static uint8_t status1_read(struct vga *v)
{
    struct vga_lines l = vga_lines(&v->regs);
    uint64_t quarter = clock_convert(v->quarter_lines, clock_now(v->clock));
    uint64_t line;

    if (l.shown > l.retrace || l.retrace >= l.total || l.total < 100) {
        l = (struct vga_lines){ .total = 449, .shown = 400, .retrace = 412 };
    }
    v->attr_data = false;
    line = quarter / 4 % l.total;
    return (uint8_t)((line >= l.shown || quarter % 4 == 3 ? STATUS1_DISABLED : 0) |
                     (line >= l.retrace && line < l.retrace + RETRACE_LINES ? STATUS1_RETRACE : 0));
}

/* --- port dispatch --- */

struct port {
    uint8_t (*read)(struct vga *v); /* NULL: the port floats */
    void (*write)(struct vga *v, uint8_t value);
};

enum { MONO_END = 0x10, GENERAL_END = 0x20, COLOUR_TO_MONO = 0x20 };

/* By offset from 3B0h. What is at 3Bxh and at 3Dxh is here once, at 3Bxh. */
static const struct port ports[GENERAL_END] = {
    [0x04] = {crtc_index_read,       crtc_index_write     },
    [0x05] = { crtc_read,            crtc_write           },
    [0x0a] = { status1_read,         feature_write        },
    [0x10] = { attr_index_read,      attr_write           },
    [0x11] = { attr_read,            NULL                 },
    [0x12] = { status0_read,         misc_write           },
    [0x14] = { seq_index_read,       seq_index_write      },
    [0x15] = { seq_read,             seq_write            },
    [0x16] = { dac_mask_read,        dac_mask_write       },
    [0x17] = { dac_state_read,       dac_read_index_write },
    [0x18] = { dac_write_index_read, dac_write_index_write},
    [0x19] = { dac_data_read,        dac_data_write       },
    [0x1a] = { feature_read,         NULL                 },
    [0x1c] = { misc_read,            NULL                 },
    [0x1e] = { gfx_index_read,       gfx_index_write      },
    [0x1f] = { gfx_read,             gfx_write            },
};

/* Bit 0 of the miscellaneous output register says which of 3Bxh and 3Dxh answers. */
static const struct port *find_port(const struct vga *v, uint64_t offset)
{
    static const struct port floats = { NULL, NULL };
    bool colour = v->regs.misc & MISC_COLOUR;

    if (offset >= VGA_IO_LEN || (offset < MONO_END && colour) ||
        (offset >= GENERAL_END && !colour)) {
        return &floats;
    }
    return &ports[offset < GENERAL_END ? offset : offset - COLOUR_TO_MONO];
}

void vga_io(void *dev, struct io_access *a)
{
    struct vga *v = dev;

    /* The bus is a byte wide: a wider access is one of each port in turn. */
    if (!a->write) {
        a->value = ~UINT64_C(0);
    }
    for (unsigned i = 0; i < a->size; i++) {
        const struct port *p = find_port(v, a->offset + i);

        if (a->write && p->write) {
            p->write(v, (uint8_t)(a->value >> 8 * i));
        } else if (!a->write && p->read) {
            a->value &= ~(UINT64_C(0xff) << 8 * i) | (uint64_t)p->read(v) << 8 * i;
        }
    }
}

void vga_init(struct vga *v, uint8_t *vram, const struct clock *clock, void (*remap)(void *ctx),
              void *ctx)
{
    *v = (struct vga){
        .regs = {.dac_mask = 0xff},
        .vram = vram,
        .window = { VGA_TRAPPED, VGA_TRAPPED, VGA_TRAPPED },
        .remap = remap,
        .ctx = ctx,
        .clock = clock,
        .quarter_lines = clock_scale(clock->hz, UINT64_C(4) * LINE_HZ),
    };
}
