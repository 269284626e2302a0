#include "guest/ram.h"
#include "guest/machine.h"
#include "lib/bits.h"
#include "lib/mem.h"
#include "lib/panic.h"
#include "mm/frame.h"
#include "mm/paging.h"

enum { WRAP = 64 * 1024 };

static gpa_t window_at(unsigned i)
{
    return GPA(VGA_MEM_BASE + vga_window_offset((enum vga_window)i));
}

static bool take_piece(struct machine *m, uint64_t len, uint64_t align, hpa_t *at)
{
    struct machine_piece *p = &m->piece[m->piece_count];

    if (m->piece_count == MACHINE_PIECES || !frame_alloc_piece(len, align, &p->at)) {
        return false;
    }
    p->len = len;
    m->piece_count++;
    *at = p->at;
    return true;
}

bool ram_take(struct machine *m, uint64_t bytes, hpa_t *at)
{
    if (!take_piece(m, bytes, PAGE_SIZE, at)) {
        return false;
    }
    memset(hpa_ptr(*at), 0, bytes);
    return true;
}

static enum err map_part(struct machine *m, uint64_t at, hpa_t piece, uint64_t len)
{
    hpa_t from = hpa_add(piece, at);

    return vm_add_ram(&m->vm, GPA(at), hpa_ptr(from), from, len);
}

/* Maps the guest's first piece, but not the hole for video memory. Where a PC has ROMs there are
 * zeros: a guest that looks for their signatures finds none. The part that A20 hides is mapped by
 * itself, as it may change. */
static enum err map_first_piece(struct machine *m, hpa_t piece, uint64_t len)
{
    uint64_t rest = m->config.bios ? MIB + WRAP : E820_SHADOW;
    enum err e = map_part(m, 0, piece, E820_VGA);

    memset(hpa_ptr(hpa_add(piece, E820_SHADOW)), 0, MIB - E820_SHADOW);
    if (e == ERR_NONE && m->config.bios) {
        m->low = piece;
        e = map_part(m, E820_SHADOW, piece, MIB - E820_SHADOW);
    }
    if (e == ERR_NONE && m->config.bios) {
        e = map_part(m, MIB, piece, WRAP);
    }
    return e == ERR_NONE ? map_part(m, rest, piece, len - rest) : e;
}

static enum err add_video(struct machine *m)
{
    enum err e = ERR_NONE;

    if (!ram_take(m, VGA_VRAM_SIZE, &m->vram)) {
        return ERR_NOMEM;
    }
    for (unsigned i = 0; i < VGA_WINDOW_COUNT && e == ERR_NONE; i++) {
        e = vm_add_ram(&m->vm, window_at(i), hpa_ptr(m->vram), m->vram,
                       vga_window_size((enum vga_window)i));
    }
    return e;
}

enum err ram_build(struct machine *m, uint64_t bytes)
{
    uint64_t at = 0;

    while (bytes) {
        uint64_t room = ALIGN_DOWN(frame_largest(2 * MIB), 2 * MIB);
        uint64_t until_hole = at < E820_LOW_MAX ? E820_LOW_MAX - at : UINT64_MAX;
        uint64_t len = MIN(MIN(bytes, room), until_hole);
        hpa_t piece;
        enum err e;

        if (len < MIN(bytes, 2 * MIB) || !take_piece(m, len, 2 * MIB, &piece)) {
            return ERR_NOMEM;
        }
        e = at ? vm_add_ram(&m->vm, GPA(at), hpa_ptr(piece), piece, len)
               : map_first_piece(m, piece, len);
        if (e != ERR_NONE) {
            return e;
        }
        at += len;
        at = at == E820_LOW_MAX ? E820_HIGH : at;
        bytes -= len;
    }
    return m->config.bios ? add_video(m) : ERR_NONE;
}

void ram_free(struct machine *m)
{
    for (unsigned i = 0; i < m->piece_count; i++) {
        frame_free_piece(m->piece[i].at, m->piece[i].len);
    }
}

/* Each of these was mapped in pages of 4 KiB when the machine was built, which is all that vm_show
 * asks for. */
static void show(struct machine *m, gpa_t at, bool something, hpa_t from)
{
    if (vm_show(&m->vm, at, something ? hpa_ptr(from) : NULL, from) != ERR_NONE) {
        panic("guest memory at %#llx is not a window", (unsigned long long)at.v);
    }
}

void ram_set_a20(struct machine *m, bool on)
{
    hpa_t at = on ? hpa_add(m->low, MIB) : m->low;

    if (on != m->a20) {
        m->a20 = on;
        show(m, GPA(MIB), true, at);
    }
}

bool ram_a20(const struct machine *m)
{
    return m->a20;
}

void ram_show_video(struct machine *m)
{
    for (unsigned i = 0; i < VGA_WINDOW_COUNT; i++) {
        uint32_t offset = m->vga.window[i];

        if (offset != m->shown[i]) {
            bool something = offset != VGA_TRAPPED;

            m->shown[i] = offset;
            show(m, window_at(i), something, something ? hpa_add(m->vram, offset) : HPA(0));
        }
    }
}
