#include "arch/x86_64/multiboot2.h"
#include "lib/bits.h"
#include "lib/le.h"
#include "lib/mem.h"
#include "lib/range.h"

enum { INFO_HEADER = 8, TAG_HEADER = 8, TAG_ALIGN = 8, TAG_END = 0 };

/* A tag whose `size` bytes, header included, can all be read. */
struct tag {
    const uint8_t *at;
    uint32_t size;
};

/* Returns NULL, or what is wrong with the tag. */
typedef const char *tag_fn(struct mb2_info *out, struct tag t);

static const char too_many_modules[] = "there are more than 16 boot modules";
static const char too_many_ranges[] = "the memory map has more than 128 entries";

/* The text from `at` to its NUL; false if the tag ends before. */
static bool tag_text(struct tag t, uint32_t at, struct slice *out)
{
    for (uint32_t end = at; end < t.size; end++) {
        if (!t.at[end]) {
            *out = (struct slice){ (const char *)t.at + at, end - at };
            return true;
        }
    }
    return false;
}

static const char *on_cmdline(struct mb2_info *out, struct tag t)
{
    return tag_text(t, 8, &out->cmdline) ? NULL : "the core's command line has no end";
}

static const char *on_loader(struct mb2_info *out, struct tag t)
{
    return tag_text(t, 8, &out->loader) ? NULL : "the boot loader's name has no end";
}

static const char *on_module(struct mb2_info *out, struct tag t)
{
    struct mb2_module m = { .start = HPA(le32_read(t.at + 8)), .end = HPA(le32_read(t.at + 12)) };

    if (out->module_count == MB2_MODULE_MAX) {
        return too_many_modules;
    }
    if (m.end.v < m.start.v) {
        return "a boot module ends before it starts";
    }
    if (!tag_text(t, 16, &m.cmdline)) {
        return "a boot module's command line has no end";
    }
    out->module[out->module_count++] = m;
    return NULL;
}

static const char *on_mmap(struct mb2_info *out, struct tag t)
{
    uint32_t entry_size = le32_read(t.at + 8);

    /* The specification promises a multiple of 8; an entry of version 0 has 24 bytes. */
    if (entry_size < 24 || entry_size % 8 || (t.size - 16) % entry_size) {
        return "the memory map's entry size makes no sense";
    }
    for (uint64_t at = 16; at < t.size; at += entry_size) {
        struct mb2_mmap m = { .base = HPA(le64_read(t.at + at)),
                              .len = le64_read(t.at + at + 8),
                              .type = le32_read(t.at + at + 16) };
        uint64_t end;

        if (out->mmap_count == MB2_MMAP_MAX) {
            return too_many_ranges;
        }
        if (!range_end(m.base.v, m.len, &end)) {
            return "an entry of the memory map wraps around";
        }
        out->mmap[out->mmap_count++] = m;
    }
    return NULL;
}

static struct mb2_colour colour(const uint8_t *at)
{
    return (struct mb2_colour){ .shift = at[0], .width = at[1] };
}

static const char *on_framebuffer(struct mb2_info *out, struct tag t)
{
    struct mb2_framebuffer fb = {
        .present = true,
        .addr = HPA(le64_read(t.at + 8)),
        .pitch = le32_read(t.at + 16),
        .width = le32_read(t.at + 20),
        .height = le32_read(t.at + 24),
        .bpp = t.at[28],
        .type = t.at[29],
    };

    if (fb.type == MB2_FB_RGB) {
        if (t.size < 38) {
            return "the framebuffer tag is too short for its colours";
        }
        fb.red = colour(t.at + 32);
        fb.green = colour(t.at + 34);
        fb.blue = colour(t.at + 36);
    }
    out->fb = fb;
    return NULL;
}

static const char *on_efi32(struct mb2_info *out, struct tag t)
{
    (void)t;
    out->efi32 = true;
    return NULL;
}

static const char *on_efi64(struct mb2_info *out, struct tag t)
{
    (void)t;
    out->efi64 = true;
    return NULL;
}

static const char *on_rsdp_v1(struct mb2_info *out, struct tag t)
{
    memcpy(out->rsdp_v1, t.at + 8, MB2_RSDP_V1_SIZE);
    out->has_rsdp_v1 = true;
    return NULL;
}

static const char *on_rsdp_v2(struct mb2_info *out, struct tag t)
{
    memcpy(out->rsdp_v2, t.at + 8, MB2_RSDP_V2_SIZE);
    out->has_rsdp_v2 = true;
    return NULL;
}

static const char *on_boot_services(struct mb2_info *out, struct tag t)
{
    (void)t;
    out->efi_boot_services = true;
    return NULL;
}

static const char *on_load_base(struct mb2_info *out, struct tag t)
{
    out->load_base = HPA(le32_read(t.at + 8));
    out->has_load_base = true;
    return NULL;
}

/* By tag type: the size up to which the tag's function reads unasked, and the function. */
static const struct {
    uint32_t min_size;
    tag_fn *fn;
} tag_table[] = {
    [1] = {9,                     on_cmdline      },
    [2] = { 9,                    on_loader       },
    [3] = { 17,                   on_module       },
    [6] = { 16,                   on_mmap         },
    [8] = { 32,                   on_framebuffer  },
    [11] = { 12,                   on_efi32        },
    [12] = { 16,                   on_efi64        },
    [14] = { 8 + MB2_RSDP_V1_SIZE, on_rsdp_v1      },
    [15] = { 8 + MB2_RSDP_V2_SIZE, on_rsdp_v2      },
    [18] = { 8,                    on_boot_services},
    [21] = { 12,                   on_load_base    },
};

static const char *parse_tag(struct mb2_info *out, uint32_t type, struct tag t)
{
    if (type >= ARRAY_SIZE(tag_table) || !tag_table[type].fn) {
        return NULL;
    }
    if (t.size < tag_table[type].min_size) {
        return "a tag is too short for its type";
    }
    return tag_table[type].fn(out, t);
}

static const char *parse_tags(struct mb2_info *out, const uint8_t *info, uint32_t total)
{
    uint64_t at = INFO_HEADER;

    while (range_fits(at, TAG_HEADER, total)) {
        uint32_t type = le32_read(info + at);
        struct tag t = { .at = info + at, .size = le32_read(info + at + 4) };
        const char *why;

        if (t.size < TAG_HEADER || !range_fits(at, t.size, total)) {
            return "a tag's size is wrong";
        }
        if (type == TAG_END) {
            return t.size == TAG_HEADER ? NULL : "the end tag has a wrong size";
        }
        why = parse_tag(out, type, t);
        if (why) {
            return why;
        }
        at += ((uint64_t)t.size + TAG_ALIGN - 1) & ~(uint64_t)(TAG_ALIGN - 1);
    }
    return "the end tag is missing";
}

enum err mb2_parse(const void *info, uint64_t readable, struct mb2_info *out, const char **why)
{
    uint32_t total;

    memset(out, 0, sizeof *out);
    if ((uintptr_t)info % TAG_ALIGN) {
        *why = "the boot information is not aligned";
        return ERR_INVAL;
    }
    if (readable < INFO_HEADER + TAG_HEADER) {
        *why = "the boot information is cut off";
        return ERR_INVAL;
    }
    total = le32_read(info);
    if (total < INFO_HEADER + TAG_HEADER || total > readable) {
        *why = "the boot information's size is wrong";
        return ERR_INVAL;
    }
    *why = parse_tags(out, info, total);
    if (!*why) {
        return ERR_NONE;
    }
    return *why == too_many_modules || *why == too_many_ranges ? ERR_NOMEM : ERR_INVAL;
}
