/* Reads what a Multiboot2 boot loader leaves in memory, trusting none of its lengths.
 * Pure: no lock.
 * Multiboot2 Specification, "Boot information". */
#pragma once
#include "lib/addr.h"
#include "lib/cmdline.h"
#include "lib/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In EAX when a Multiboot2 loader enters the core. */
#define MB2_LOADER_MAGIC UINT32_C(0x36d76289)

enum { MB2_MODULE_MAX = 16, MB2_MMAP_MAX = 128, MB2_RSDP_V1_SIZE = 20, MB2_RSDP_V2_SIZE = 36 };

struct mb2_module {
    hpa_t start, end; /* end is the first byte behind the module; start == end: empty */
    struct slice cmdline;
};

/* Every other type is memory that is not free to use. */
enum { MB2_MMAP_RAM = 1 };

struct mb2_mmap {
    hpa_t base;
    uint64_t len; /* bytes; base + len does not wrap */
    uint32_t type;
};

enum { MB2_FB_INDEXED = 0, MB2_FB_RGB = 1, MB2_FB_TEXT = 2 };

struct mb2_colour {
    uint8_t shift, width; /* bits */
};

struct mb2_framebuffer {
    bool present;
    hpa_t addr;
    uint32_t pitch;         /* bytes from one line to the next */
    uint32_t width, height; /* pixels, or characters if the type is MB2_FB_TEXT */
    uint8_t bpp, type;
    struct mb2_colour red, green, blue; /* MB2_FB_RGB only */
};

struct mb2_info {
    struct slice cmdline, loader; /* the core's command line; the boot loader's name */
    struct mb2_module module[MB2_MODULE_MAX];
    unsigned module_count;
    struct mb2_mmap mmap[MB2_MMAP_MAX];
    unsigned mmap_count;
    struct mb2_framebuffer fb;
    uint8_t rsdp_v1[MB2_RSDP_V1_SIZE], rsdp_v2[MB2_RSDP_V2_SIZE]; /* copies, unchecked */
    bool has_rsdp_v1, has_rsdp_v2;
    bool efi32, efi64;      /* there is an EFI system table of this kind */
    bool efi_boot_services; /* and EFI's boot services still run */
    bool has_load_base;
    hpa_t load_base; /* where a relocatable core was put */
};

/* Fills *out from the boot information at `info`, of which `readable` bytes may be read. The slices
 * point into it: copy it before its memory is used again. ERR_INVAL if it breaks the specification,
 * ERR_NOMEM if it holds more than fits; then *why is a sentence that says what is wrong. */
enum err mb2_parse(const void *info, uint64_t readable, struct mb2_info *out,
                   const char **why) MUST_CHECK;
