#include "guest/linux.h"
#include "lib/bits.h"
#include "lib/le.h"
#include "unit.h"
#include <asm/bootparam.h> /* the kernel's own words for the zero page and the setup header */
#include <stdlib.h>
#include <string.h>

enum { SETUP_SECTS = 3, KERNEL_LEN = 0x1000, FILE_LEN = (SETUP_SECTS + 1) * 512 + KERNEL_LEN };
enum { HDR = 0x1f1 };

static uint8_t file[FILE_LEN + 64];
static struct setup_header *const hdr = (struct setup_header *)(void *)&file[HDR];
static struct linux_image image;
static const char *why;
static char text[LINUX_WHY_MAX];

static int setup(void **state)
{
    (void)state;
    memset(file, 0, sizeof file);
    file[0x200] = 0xeb;
    file[0x201] = 0x6a;
    hdr->setup_sects = SETUP_SECTS;
    hdr->syssize = KERNEL_LEN / 16;
    hdr->boot_flag = 0xaa55;
    memcpy(&hdr->header, "HdrS", 4);
    hdr->version = 0x020f;
    hdr->loadflags = LOADED_HIGH;
    hdr->initrd_addr_max = 0x7fffffff;
    hdr->kernel_alignment = 0x200000;
    hdr->relocatable_kernel = 1;
    hdr->xloadflags = XLF_KERNEL_64;
    hdr->cmdline_size = 2047;
    hdr->payload_offset = 0x300;
    hdr->payload_length = KERNEL_LEN - 0x300;
    hdr->pref_address = 16 * MIB;
    hdr->init_size = (uint32_t)(40 * MIB);
    hdr->setup_data = 0x1234;
    return 0;
}

/* Checks a copy in a block of exactly `size` bytes. */
static enum err check(uint64_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    enum err e;

    assert_non_null(copy);
    memcpy(copy, file, size);
    why = "";
    e = linux_check(copy, size, &image, &why);
    free(copy);
    return e;
}

static void refused(const char *sentence)
{
    assert_int_equal(check(FILE_LEN), ERR_INVAL);
    assert_string_equal(why, sentence);
    setup(NULL);
}

static void reads_a_good_header(void **state)
{
    (void)state;
    assert_int_equal(check(FILE_LEN), ERR_NONE);
    assert_int_equal(image.kernel_at, 2048);
    assert_int_equal(image.kernel_len, KERNEL_LEN);
    assert_int_equal(image.header_end, 0x26c);
    assert_int_equal(image.pref_address, 16 * MIB);
    assert_int_equal(image.init_size, 40 * MIB);
    assert_int_equal(image.alignment, 0x200000);
    assert_true(image.relocatable);
    assert_int_equal(image.initrd_max, 0x7fffffff);
    assert_int_equal(image.cmdline_max, 2047);
    /* A signature behind the kernel does no harm. */
    assert_int_equal(check(FILE_LEN + 64), ERR_NONE);
    assert_int_equal(image.kernel_len, KERNEL_LEN);
    hdr->version = 0x020c;
    assert_int_equal(check(FILE_LEN), ERR_NONE);
}

static void no_setup_sectors_means_four(void **state)
{
    (void)state;
    hdr->setup_sects = 0;
    hdr->syssize = (FILE_LEN - 5 * 512) / 16;
    hdr->payload_length = 16;
    assert_int_equal(check(FILE_LEN), ERR_NONE);
    assert_int_equal(image.kernel_at, 5 * 512);
}

static void refuses_every_truncation(void **state)
{
    (void)state;
    for (uint64_t len = 0; len < FILE_LEN; len++) {
        assert_int_equal(check(len), ERR_INVAL);
        assert_memory_equal(why, "the kernel file is truncated", 28);
    }
}

static void says_what_is_wrong_with_the_kind(void **state)
{
    (void)state;
    hdr->boot_flag = 0xaa54;
    refused("the kernel file is not a Linux bzImage");
    hdr->header = 0;
    refused("the kernel file is not a Linux bzImage");
    hdr->version = 0x020b;
    refused("the kernel is too old: its boot protocol is before 2.12");
    hdr->xloadflags = (uint16_t)~XLF_KERNEL_64;
    refused("the kernel is not a 64-bit one: it has no 64-bit entry point");
    hdr->loadflags = (uint8_t)~LOADED_HIGH;
    refused("the kernel is a zImage, which can't be loaded high");
}

static void says_which_field_lies(void **state)
{
    (void)state;
    file[0x201] = 0x61; /* up to 263h: one short of init_size's end */
    refused("the kernel's setup header has an impossible length");
    file[0x201] = 0x8f; /* up to 291h: one more than the zero page has room for */
    refused("the kernel's setup header has an impossible length");
    hdr->syssize = 0;
    refused("the kernel's header says that the kernel is empty");
    hdr->syssize = 0x200 / 16;
    refused("the kernel's header says that the kernel is empty");
    hdr->syssize++;
    refused("the kernel file is truncated: its header promises more than there is");
    hdr->syssize = UINT32_MAX;
    refused("the kernel file is truncated: its header promises more than there is");
    hdr->setup_sects = 255;
    refused("the kernel file is truncated: its header promises more than there is");
    hdr->payload_length++;
    refused("the kernel's header is wrong: its payload lies outside the kernel");
    hdr->payload_offset = UINT32_MAX;
    refused("the kernel's header is wrong: its payload lies outside the kernel");
    hdr->payload_length = UINT32_MAX;
    refused("the kernel's header is wrong: its payload lies outside the kernel");
    hdr->init_size = KERNEL_LEN - 1;
    refused("the kernel's header is wrong: init_size is less than the kernel's size");
    hdr->kernel_alignment = 0;
    refused("the kernel's header is wrong: kernel_alignment is no power of two");
    hdr->kernel_alignment = 0x300000;
    refused("the kernel's header is wrong: kernel_alignment is no power of two");
    hdr->pref_address = 4 * GIB;
    refused("the kernel wants to run above 4 GiB, where this loader puts none");
    hdr->pref_address = UINT64_MAX;
    refused("the kernel wants to run above 4 GiB, where this loader puts none");
    hdr->relocatable_kernel = 0;
    hdr->pref_address = MIB - 1;
    refused("the kernel wants to run below 1 MiB and can't be moved");
}

static void survives_any_value_in_any_place(void **state)
{
    static const uint32_t value[] = { 0, 1, 0x7f, 0x80, 0xff, 0x7fffffff, 0x80000000, 0xffffffff };
    struct linux_layout at;

    (void)state;
    for (size_t i = HDR; i < 0x290; i++) {
        for (size_t v = 0; v < ARRAY_SIZE(value); v++) {
            le32_write(file + i, value[v]);
            if (!check(FILE_LEN) && !linux_place(&image, 512 * MIB, 100, MIB, &at, text)) {
                assert_true(at.kernel.v >= MIB && at.kernel.v + image.init_size <= 512 * MIB);
                assert_true(at.initrd.v >= at.kernel.v + image.init_size ||
                            (at.initrd.v >= MIB && at.initrd.v + MIB <= at.kernel.v));
            }
            setup(NULL);
        }
    }
}

static struct linux_layout placed(uint64_t low_end, uint64_t initrd_len)
{
    struct linux_layout at;

    assert_int_equal(check(FILE_LEN), ERR_NONE);
    assert_int_equal(linux_place(&image, low_end, 10, initrd_len, &at, text), ERR_NONE);
    return at;
}

static void kernel_goes_to_its_preferred_address(void **state)
{
    struct linux_layout at = placed(512 * MIB, 0);

    (void)state;
    assert_int_equal(at.kernel.v, 16 * MIB);
    assert_int_equal(at.entry.v, 16 * MIB + 0x200);
    assert_int_equal(at.initrd.v, 0);
    assert_int_equal(at.initrd_len, 0);
    /* One without a wish, or with a crooked one, is aligned above 1 MiB. */
    hdr->pref_address = 0;
    assert_int_equal(placed(512 * MIB, 0).kernel.v, 2 * MIB);
    hdr->pref_address = 16 * MIB + 1;
    assert_int_equal(placed(512 * MIB, 0).kernel.v, 18 * MIB);
    hdr->relocatable_kernel = 0;
    assert_int_equal(placed(512 * MIB, 0).kernel.v, 16 * MIB + 1);
}

static void small_parts_lie_apart_below_640k(void **state)
{
    struct linux_layout at = placed(512 * MIB, 0);
    const struct {
        uint64_t base, len;
    } part[] = {
        {at.gdt.v,          PAGE_SIZE                    },
        { at.zero_page.v,   LINUX_ZERO_PAGE_SIZE         },
        { at.page_tables.v, LINUX_TABLE_PAGES * PAGE_SIZE},
        { at.cmdline.v,     image.cmdline_max + 1        },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(part); i++) {
        assert_true(part[i].base % PAGE_SIZE == 0 && part[i].base >= PAGE_SIZE);
        assert_true(part[i].base + part[i].len <= E820_EBDA);
        for (size_t j = 0; j < i; j++) {
            assert_true(part[i].base >= part[j].base + part[j].len ||
                        part[j].base >= part[i].base + part[i].len);
        }
    }
}

static void kernel_needs_its_init_size(void **state)
{
    struct linux_layout at;

    (void)state;
    assert_int_equal(placed(56 * MIB, 0).kernel.v, 16 * MIB);
    assert_int_equal(linux_place(&image, 56 * MIB - PAGE_SIZE, 10, 0, &at, text), ERR_NOMEM);
    assert_string_equal(text, "too little guest memory for the kernel: it needs 56 MiB, there are "
                              "55 MiB");
}

static void initrd_goes_as_high_as_it_may(void **state)
{
    struct linux_layout at;

    (void)state;
    assert_int_equal(placed(512 * MIB, 5000).initrd.v, 512 * MIB - 2 * PAGE_SIZE);
    assert_int_equal(placed(512 * MIB, 5000).initrd_len, 5000);
    assert_int_equal(placed(3 * GIB, PAGE_SIZE).initrd.v, 2 * GIB - PAGE_SIZE);
    hdr->initrd_addr_max = UINT32_MAX;
    assert_int_equal(placed(3 * GIB, PAGE_SIZE).initrd.v, 3 * GIB - PAGE_SIZE);
    /* Just fits above the kernel; then below it; then nowhere. */
    assert_int_equal(placed(64 * MIB, 8 * MIB).initrd.v, 56 * MIB);
    assert_int_equal(placed(64 * MIB, 8 * MIB + 1).initrd.v, 8 * MIB - PAGE_SIZE);
    assert_int_equal(placed(64 * MIB, 15 * MIB).initrd.v, MIB);
    assert_int_equal(linux_place(&image, 64 * MIB, 10, 15 * MIB + 1, &at, text), ERR_NOMEM);
    assert_string_equal(text, "the initrd does not fit: its 15360 KiB are more than the kernel "
                              "leaves free in 64 MiB");
    assert_int_equal(linux_place(&image, 64 * MIB, 10, UINT64_MAX, &at, text), ERR_NOMEM);
    /* Rounded down to a page it would touch the kernel: below it, then. */
    hdr->init_size += 0x800;
    assert_int_equal(placed(64 * MIB, 8 * MIB - 0x800).initrd.v, 8 * MIB);
    image.initrd_max = 0;
    assert_int_equal(linux_place(&image, 64 * MIB, 10, 1, &at, text), ERR_NOMEM);
}

static void command_line_has_a_limit(void **state)
{
    struct linux_layout at;

    (void)state;
    assert_int_equal(check(FILE_LEN), ERR_NONE);
    assert_int_equal(linux_place(&image, 512 * MIB, 2047, 0, &at, text), ERR_NONE);
    assert_int_equal(linux_place(&image, 512 * MIB, 2048, 0, &at, text), ERR_RANGE);
    assert_string_equal(text, "the kernel's command line is too long: 2048 bytes, at most 2047");
    image.cmdline_max = UINT32_MAX;
    assert_int_equal(linux_place(&image, 512 * MIB, 65535, 0, &at, text), ERR_NONE);
    assert_int_equal(linux_place(&image, 512 * MIB, 65536, 0, &at, text), ERR_RANGE);
}

static void zero_page_is_what_the_kernel_reads(void **state)
{
    struct linux_layout at = placed(512 * MIB, 5000);
    struct boot_params *bp = malloc(sizeof *bp);
    struct e820_map map;

    (void)state;
    assert_non_null(bp);
    memset(bp, 0xcc, sizeof *bp);
    memset(&file[0x26c], 0xdd, 64); /* behind the header: not to be copied */
    assert_int_equal(e820_build(&map, 512 * MIB), ERR_NONE);
    linux_fill_zero_page((uint8_t *)bp, file, &image, &at, &map, GPA(0xe0000));
    assert_int_equal(sizeof *bp, LINUX_ZERO_PAGE_SIZE);
    assert_int_equal(bp->hdr.header, hdr->header);
    assert_int_equal(bp->hdr.version, 0x020f);
    assert_int_equal(bp->hdr.type_of_loader, 0xff);
    assert_int_equal(bp->hdr.loadflags, LOADED_HIGH);
    assert_int_equal(bp->hdr.setup_data, 0);
    assert_int_equal(bp->hdr.cmd_line_ptr, at.cmdline.v);
    assert_int_equal(bp->hdr.ramdisk_image, at.initrd.v);
    assert_int_equal(bp->hdr.ramdisk_size, 5000);
    assert_int_equal(bp->hdr.init_size, 40 * MIB);
    assert_int_equal(bp->acpi_rsdp_addr, 0xe0000);
    assert_int_equal(bp->e820_entries, 4);
    assert_int_equal(bp->e820_table[0].addr, 0);
    assert_int_equal(bp->e820_table[0].size, 0x9fc00);
    assert_int_equal(bp->e820_table[0].type, 1);
    assert_int_equal(bp->e820_table[3].addr, MIB);
    assert_int_equal(bp->e820_table[3].size, 511 * MIB);
    assert_int_equal(bp->screen_info.orig_video_isVGA, 0);
    for (size_t i = 0x26c; i < 0x2d0; i++) {
        assert_int_equal(((uint8_t *)bp)[i], 0);
    }
    free(bp);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(reads_a_good_header, setup),
        cmocka_unit_test_setup(no_setup_sectors_means_four, setup),
        cmocka_unit_test_setup(refuses_every_truncation, setup),
        cmocka_unit_test_setup(says_what_is_wrong_with_the_kind, setup),
        cmocka_unit_test_setup(says_which_field_lies, setup),
        cmocka_unit_test_setup(survives_any_value_in_any_place, setup),
        cmocka_unit_test_setup(kernel_goes_to_its_preferred_address, setup),
        cmocka_unit_test_setup(small_parts_lie_apart_below_640k, setup),
        cmocka_unit_test_setup(kernel_needs_its_init_size, setup),
        cmocka_unit_test_setup(initrd_goes_as_high_as_it_may, setup),
        cmocka_unit_test_setup(command_line_has_a_limit, setup),
        cmocka_unit_test_setup(zero_page_is_what_the_kernel_reads, setup),
    };
    return cmocka_run_group_tests_name("linux", tests, NULL, NULL);
}
