/* Checks a Linux bzImage, decides where it goes in guest memory, and fills its boot parameters. The
 * image is never trusted. Pure: no lock.
 * Linux Documentation, "The Linux/x86 Boot Protocol". */
#pragma once
#include "guest/e820.h"
#include "lib/addr.h"
#include "lib/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    LINUX_ENTRY64 = 0x200, /* the 64-bit entry point, from the start of the loaded kernel */
    LINUX_ZERO_PAGE_SIZE = 4096,
    LINUX_TABLE_PAGES = 6, /* PML4, PDPT and four PDs: 4 GiB of identity map in 2 MiB pages */
    LINUX_WHY_MAX = 160,
};

/* The checked fields of a setup header, and where the kernel lies in the file. */
struct linux_image {
    uint64_t kernel_at, kernel_len; /* bytes from the start of the file; inside it */
    uint32_t header_end;            /* the setup header is [0x1f1, header_end) in the file */
    uint64_t pref_address;
    uint64_t init_size; /* bytes the running kernel needs from its start on; >= kernel_len */
    uint32_t alignment; /* a power of two */
    bool relocatable;
    uint32_t initrd_max;  /* the last address that an initrd may use */
    uint32_t cmdline_max; /* bytes without the NUL */
};

/* Where everything goes: guest-physical addresses. */
struct linux_layout {
    gpa_t kernel, entry;
    gpa_t initrd; /* 0 if there is none */
    uint64_t initrd_len;
    gpa_t zero_page, cmdline, page_tables, gdt; /* all below 640 KiB, each page-aligned */
};

/* ERR_INVAL, with a sentence in *why, unless the file is a 64-bit bzImage that holds what its
 * header promises. */
enum err linux_check(const uint8_t *image, uint64_t size, struct linux_image *out,
                     const char **why) MUST_CHECK;

/* Places the parts of a guest whose RAM below 4 GiB ends at low_end (e820_low_end()). cmdline_len
 * is without the NUL. ERR_NOMEM or ERR_RANGE, with a sentence in why, if something does not fit. */
enum err linux_place(const struct linux_image *k, uint64_t low_end, uint64_t cmdline_len,
                     uint64_t initrd_len, struct linux_layout *out,
                     char why[LINUX_WHY_MAX]) MUST_CHECK;

/* Builds the zero page (struct boot_params). `image` is the file that linux_check() accepted. */
void linux_fill_zero_page(uint8_t page[LINUX_ZERO_PAGE_SIZE], const uint8_t *image,
                          const struct linux_image *k, const struct linux_layout *at,
                          const struct e820_map *map, gpa_t rsdp);
