#include "guest/linux.h"
#include "lib/bits.h"
#include "lib/fmt.h"
#include "lib/le.h"
#include "lib/mem.h"
#include "lib/range.h"

/* "The Real-Mode Kernel Header": offsets are the same in the file and in the zero page. */
enum {
    HDR_START = 0x1f1,
    HDR_SETUP_SECTS = 0x1f1,
    HDR_SYSSIZE = 0x1f4,
    HDR_BOOT_FLAG = 0x1fe,
    HDR_JUMP_LEN = 0x201, /* the jump over the header, and with it where the header ends */
    HDR_MAGIC = 0x202,
    HDR_VERSION = 0x206,
    HDR_LOADER = 0x210,
    HDR_LOADFLAGS = 0x211,
    HDR_RAMDISK_IMAGE = 0x218,
    HDR_RAMDISK_SIZE = 0x21c,
    HDR_CMD_LINE_PTR = 0x228,
    HDR_INITRD_MAX = 0x22c,
    HDR_ALIGNMENT = 0x230,
    HDR_RELOCATABLE = 0x234,
    HDR_XLOADFLAGS = 0x236,
    HDR_CMDLINE_SIZE = 0x238,
    HDR_PAYLOAD_OFFSET = 0x248,
    HDR_PAYLOAD_LENGTH = 0x24c,
    HDR_SETUP_DATA = 0x250,
    HDR_PREF_ADDRESS = 0x258,
    HDR_INIT_SIZE = 0x260,
    HDR_NEEDED_END = 0x264, /* behind init_size, the last field read here */
};

/* "Zero Page": the fields outside the header. */
enum {
    ZP_ACPI_RSDP = 0x070,
    ZP_E820_COUNT = 0x1e8,
    ZP_HDR_ROOM_END = 0x290,
    ZP_E820_TABLE = 0x2d0,
    ZP_E820_ENTRY = 20,
};

enum {
    BOOT_FLAG = 0xaa55,
    VERSION_MIN = 0x020c, /* 2.12: the first with xloadflags */
    LOADED_HIGH = 1,
    XLF_KERNEL_64 = 1,
    LOADER_UNDEFINED = 0xff,
    SECTOR = 512,
    PARAGRAPH = 16,
};

/* Fixed places in the guest's first 640 KiB. The command line comes last and may grow to the end of
 * its room; page 0 stays empty, so that a NULL dereference finds nothing of ours. */
enum {
    AT_GDT = 0x1000,
    AT_ZERO_PAGE = 0x2000,
    AT_PAGE_TABLES = 0x3000,
    AT_CMDLINE = 0x10000,
    AT_CMDLINE_END = 0x20000,
};
_Static_assert(AT_PAGE_TABLES + LINUX_TABLE_PAGES * 4096 <= AT_CMDLINE, "low memory layout");

static enum err fail(const char **why, const char *text)
{
    *why = text;
    return ERR_INVAL;
}

static enum err check_kind(const uint8_t *image, uint64_t size, const char **why)
{
    if (size < HDR_NEEDED_END) {
        return fail(why, "the kernel file is truncated: it ends inside its setup header");
    }
    if (le16_read(image + HDR_BOOT_FLAG) != BOOT_FLAG ||
        memcmp(image + HDR_MAGIC, "HdrS", 4) != 0) {
        return fail(why, "the kernel file is not a Linux bzImage");
    }
    if (le16_read(image + HDR_VERSION) < VERSION_MIN) {
        return fail(why, "the kernel is too old: its boot protocol is before 2.12");
    }
    if (!(le16_read(image + HDR_XLOADFLAGS) & XLF_KERNEL_64)) {
        return fail(why, "the kernel is not a 64-bit one: it has no 64-bit entry point");
    }
    if (!(image[HDR_LOADFLAGS] & LOADED_HIGH)) {
        return fail(why, "the kernel is a zImage, which can't be loaded high");
    }
    return ERR_NONE;
}

/* The sizes in the header against the file's: setup part, kernel, payload. */
static enum err check_sizes(const uint8_t *image, uint64_t size, struct linux_image *out,
                            const char **why)
{
    uint64_t sectors = image[HDR_SETUP_SECTS] ? image[HDR_SETUP_SECTS] : 4;
    uint64_t payload_at = le32_read(image + HDR_PAYLOAD_OFFSET);
    uint64_t payload_len = le32_read(image + HDR_PAYLOAD_LENGTH);

    out->header_end = HDR_MAGIC + (uint32_t)image[HDR_JUMP_LEN];
    out->kernel_at = (sectors + 1) * SECTOR;
    out->kernel_len = (uint64_t)le32_read(image + HDR_SYSSIZE) * PARAGRAPH;
    if (out->header_end < HDR_NEEDED_END || out->header_end > ZP_HDR_ROOM_END ||
        out->header_end > out->kernel_at) {
        return fail(why, "the kernel's setup header has an impossible length");
    }
    if (out->kernel_len <= LINUX_ENTRY64) {
        return fail(why, "the kernel's header says that the kernel is empty");
    }
    if (!range_fits(out->kernel_at, out->kernel_len, size)) {
        return fail(why, "the kernel file is truncated: its header promises more than there is");
    }
    if (!range_fits(payload_at, payload_len, out->kernel_len)) {
        return fail(why, "the kernel's header is wrong: its payload lies outside the kernel");
    }
    return ERR_NONE;
}

static enum err check_placement(const uint8_t *image, struct linux_image *out, const char **why)
{
    out->pref_address = le64_read(image + HDR_PREF_ADDRESS);
    out->init_size = le32_read(image + HDR_INIT_SIZE);
    out->alignment = le32_read(image + HDR_ALIGNMENT);
    out->relocatable = image[HDR_RELOCATABLE] != 0;
    out->initrd_max = le32_read(image + HDR_INITRD_MAX);
    out->cmdline_max = le32_read(image + HDR_CMDLINE_SIZE);
    if (out->init_size < out->kernel_len) {
        return fail(why, "the kernel's header is wrong: init_size is less than the kernel's size");
    }
    if (!out->alignment || (out->alignment & (out->alignment - 1))) {
        return fail(why, "the kernel's header is wrong: kernel_alignment is no power of two");
    }
    if (out->pref_address >= 4 * GIB) {
        return fail(why, "the kernel wants to run above 4 GiB, where this loader puts none");
    }
    if (!out->relocatable && out->pref_address < MIB) {
        return fail(why, "the kernel wants to run below 1 MiB and can't be moved");
    }
    return ERR_NONE;
}

enum err linux_check(const uint8_t *image, uint64_t size, struct linux_image *out, const char **why)
{
    enum err e = check_kind(image, size, why);

    if (!e) {
        e = check_sizes(image, size, out, why);
    }
    if (!e) {
        e = check_placement(image, out, why);
    }
    return e;
}

/* A relocatable kernel that is loaded below pref_address moves itself up to it, and RAM above 1 MiB
 * is in one piece: where pref_address does not fit, nothing lower does. */
static uint64_t kernel_place(const struct linux_image *k)
{
    uint64_t at = MAX(k->pref_address, MIB);

    return k->relocatable ? ALIGN_DOWN(at + k->alignment - 1, k->alignment) : at;
}

/* As high as possible in [floor, limit), page-aligned. */
static bool place_high(uint64_t floor, uint64_t limit, uint64_t len, uint64_t *at)
{
    if (limit < floor || len > limit - floor) {
        return false;
    }
    *at = ALIGN_DOWN(limit - len, PAGE_SIZE);
    return *at >= floor;
}

enum err linux_place(const struct linux_image *k, uint64_t low_end, uint64_t cmdline_len,
                     uint64_t initrd_len, struct linux_layout *out, char why[LINUX_WHY_MAX])
{
    uint64_t initrd_end = MIN((uint64_t)k->initrd_max + 1, low_end);
    uint64_t cmdline_max = MIN(k->cmdline_max, (uint64_t)(AT_CMDLINE_END - AT_CMDLINE - 1));
    uint64_t kernel = kernel_place(k), kernel_end = kernel + k->init_size, initrd = 0;

    if (cmdline_len > cmdline_max) {
        fmt_print(why, LINUX_WHY_MAX,
                  "the kernel's command line is too long: %lu bytes, at most %lu", cmdline_len,
                  cmdline_max);
        return ERR_RANGE;
    }
    if (kernel_end > low_end) {
        fmt_print(why, LINUX_WHY_MAX,
                  "too little guest memory for the kernel: it needs %lu MiB, there are %lu MiB",
                  (kernel_end + MIB - 1) / MIB, low_end / MIB);
        return ERR_NOMEM;
    }
    if (initrd_len && !place_high(kernel_end, initrd_end, initrd_len, &initrd) &&
        !place_high(MIB, MIN(kernel, initrd_end), initrd_len, &initrd)) {
        fmt_print(why, LINUX_WHY_MAX,
                  "the initrd does not fit: its %lu KiB are more than the kernel leaves free in "
                  "%lu MiB",
                  initrd_len / KIB, low_end / MIB);
        return ERR_NOMEM;
    }
    *out = (struct linux_layout){
        .kernel = GPA(kernel),
        .entry = GPA(kernel + LINUX_ENTRY64),
        .initrd = GPA(initrd),
        .initrd_len = initrd_len,
        .zero_page = GPA(AT_ZERO_PAGE),
        .cmdline = GPA(AT_CMDLINE),
        .page_tables = GPA(AT_PAGE_TABLES),
        .gdt = GPA(AT_GDT),
    };
    return ERR_NONE;
}

static void fill_e820(uint8_t *page, const struct e820_map *map)
{
    uint8_t *to = page + ZP_E820_TABLE;

    page[ZP_E820_COUNT] = (uint8_t)map->count;
    for (unsigned i = 0; i < map->count; i++, to += ZP_E820_ENTRY) {
        le64_write(to, map->entry[i].base.v);
        le64_write(to + 8, map->entry[i].len);
        le32_write(to + 16, map->entry[i].type);
    }
}

void linux_fill_zero_page(uint8_t page[LINUX_ZERO_PAGE_SIZE], const uint8_t *image,
                          const struct linux_image *k, const struct linux_layout *at,
                          const struct e820_map *map, gpa_t rsdp)
{
    memset(page, 0, LINUX_ZERO_PAGE_SIZE);
    memcpy(page + HDR_START, image + HDR_START, k->header_end - HDR_START);
    page[HDR_LOADER] = LOADER_UNDEFINED;
    le32_write(page + HDR_RAMDISK_IMAGE, lo32(at->initrd.v));
    le32_write(page + HDR_RAMDISK_SIZE, lo32(at->initrd_len));
    le32_write(page + HDR_CMD_LINE_PTR, lo32(at->cmdline.v));
    /* A pointer for us to set: what stands there in the file means nothing. */
    le64_write(page + HDR_SETUP_DATA, 0);
    le64_write(page + ZP_ACPI_RSDP, rsdp.v);
    fill_e820(page, map);
}
