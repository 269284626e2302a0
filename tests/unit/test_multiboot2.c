#include "arch/x86_64/multiboot2.h"
#include "lib/le.h"
#include "unit.h"
#include <stdlib.h>
#include <string.h>

/* Boot information under construction. */
static uint8_t info[8192];
static uint32_t used;
static struct mb2_info out;
static const char *why;

static void start(void)
{
    memset(info, 0, sizeof info);
    used = 8;
}

static uint8_t *add_tag(uint32_t type, uint32_t size)
{
    uint8_t *at = info + used;

    le32_write(at, type);
    le32_write(at + 4, size);
    used += (size + 7) & ~7u;
    assert_true(used <= sizeof info);
    return at + 8;
}

static void add_text(uint32_t type, const char *text)
{
    uint32_t len = (uint32_t)strlen(text) + 1;

    memcpy(add_tag(type, 8 + len), text, len);
}

static void add_module(uint32_t from, uint32_t to, const char *text)
{
    uint32_t len = (uint32_t)strlen(text) + 1;
    uint8_t *at = add_tag(3, 16 + len);

    le32_write(at, from);
    le32_write(at + 4, to);
    memcpy(at + 8, text, len);
}

static void end(void)
{
    add_tag(0, 8);
    le32_write(info, used);
}

/* Parses a copy in a block of exactly `readable` bytes, so that ASan sees one too many. */
static enum err parse(uint64_t readable)
{
    uint8_t *copy = malloc(readable ? readable : 1);
    enum err e;

    assert_non_null(copy);
    memcpy(copy, info, readable);
    why = NULL;
    e = mb2_parse(copy, readable, &out, &why);
    free(copy);
    assert_true(e == ERR_NONE || (why && strlen(why) > 10));
    return e;
}

static void refused(const char *sentence)
{
    assert_int_equal(parse(used), ERR_INVAL);
    assert_string_equal(why, sentence);
}

/* One of everything. */
static void good(void)
{
    uint8_t *at;

    start();
    add_text(1, "mem=512M log=debug");
    add_text(2, "GRUB 2.06");
    add_module(0x200000, 0x300000, "kernel console=ttyS0");
    add_module(0x300000, 0x300000, "initrd");
    add_tag(4, 16);
    at = add_tag(6, 16 + 2 * 24);
    le32_write(at, 24);
    le64_write(at + 8 + 8, 0x9fc00);
    le32_write(at + 8 + 16, MB2_MMAP_RAM);
    le64_write(at + 32, UINT64_C(0x100000000));
    le64_write(at + 40, UINT64_C(0x40000000));
    le32_write(at + 48, 0x14);
    at = add_tag(8, 38);
    le64_write(at, 0x80000000);
    le32_write(at + 8, 4096);
    le32_write(at + 12, 1024);
    le32_write(at + 16, 768);
    at[20] = 32;
    at[21] = MB2_FB_RGB;
    memcpy(at + 24, "\x10\x08\x08\x08\x00\x08", 6);
    add_tag(12, 16);
    memset(add_tag(14, 28), 0x11, 20);
    memset(add_tag(15, 44), 0x22, 36);
    add_tag(18, 8);
    le32_write(add_tag(21, 12), 0x400000);
    add_tag(99, 11);
    end();
}

static void reads_every_tag(void **state)
{
    (void)state;
    good();
    /* Not a copy: the slices must still be readable. */
    assert_int_equal(mb2_parse(info, used, &out, &why), ERR_NONE);
    assert_true(slice_is(out.cmdline, "mem=512M log=debug"));
    assert_true(slice_is(out.loader, "GRUB 2.06"));
    assert_int_equal(out.module_count, 2);
    assert_int_equal(out.module[0].start.v, 0x200000);
    assert_int_equal(out.module[0].end.v, 0x300000);
    assert_true(slice_is(out.module[0].cmdline, "kernel console=ttyS0"));
    assert_true(slice_is(out.module[1].cmdline, "initrd"));
    assert_int_equal(out.mmap_count, 2);
    assert_int_equal(out.mmap[0].len, 0x9fc00);
    assert_int_equal(out.mmap[0].type, MB2_MMAP_RAM);
    assert_int_equal(out.mmap[1].base.v, UINT64_C(0x100000000));
    assert_int_equal(out.mmap[1].type, 0x14);
    assert_true(out.fb.present);
    assert_int_equal(out.fb.addr.v, 0x80000000);
    assert_int_equal(out.fb.pitch, 4096);
    assert_int_equal(out.fb.width, 1024);
    assert_int_equal(out.fb.height, 768);
    assert_int_equal(out.fb.bpp, 32);
    assert_int_equal(out.fb.red.shift, 16);
    assert_int_equal(out.fb.green.shift, 8);
    assert_int_equal(out.fb.blue.width, 8);
    assert_true(out.efi64 && !out.efi32 && out.efi_boot_services);
    assert_true(out.has_rsdp_v1 && out.rsdp_v1[19] == 0x11);
    assert_true(out.has_rsdp_v2 && out.rsdp_v2[35] == 0x22);
    assert_true(out.has_load_base);
    assert_int_equal(out.load_base.v, 0x400000);
}

static void absent_tags_leave_nothing_set(void **state)
{
    (void)state;
    start();
    end();
    assert_int_equal(parse(used), ERR_NONE);
    assert_int_equal(out.cmdline.len + out.module_count + out.mmap_count, 0);
    assert_false(out.fb.present || out.has_rsdp_v1 || out.has_rsdp_v2 || out.efi32 || out.efi64 ||
                 out.efi_boot_services || out.has_load_base);
}

static void refuses_every_truncation(void **state)
{
    uint32_t whole;

    (void)state;
    good();
    whole = used;
    for (uint32_t len = 0; len < whole; len++) {
        /* As read, and with a total size that says so itself. */
        le32_write(info, whole);
        assert_int_equal(parse(len), ERR_INVAL);
        le32_write(info, len);
        assert_int_equal(parse(len), ERR_INVAL);
    }
    le32_write(info, whole);
    assert_int_equal(parse(whole), ERR_NONE);
}

static void survives_any_value_in_any_place(void **state)
{
    static const uint32_t value[] = {
        0, 1, 7, 8, 9, 0x7fffffff, 0x80000000, 0xfffffff8, 0xffffffff
    };

    (void)state;
    good();
    for (uint32_t at = 0; at + 4 <= used; at++) {
        uint8_t saved[4];

        memcpy(saved, info + at, 4);
        for (size_t i = 0; i < sizeof value / sizeof value[0]; i++) {
            le32_write(info + at, value[i]);
            (void)parse(used);
        }
        memcpy(info + at, saved, 4);
    }
}

static void says_what_is_wrong_with_a_tag(void **state)
{
    uint8_t *at;

    (void)state;
    start();
    memset(add_tag(1, 12), 'x', 4);
    end();
    refused("the core's command line has no end");
    start();
    memset(add_tag(3, 20), 'x', 12);
    end();
    refused("a boot module's command line has no end");
    start();
    add_module(0x2000, 0x1fff, "kernel");
    end();
    refused("a boot module ends before it starts");
    start();
    add_tag(3, 15);
    end();
    refused("a tag is too short for its type");
    start();
    at = add_tag(8, 37);
    at[21] = MB2_FB_RGB;
    end();
    refused("the framebuffer tag is too short for its colours");
    start();
    le32_write(info + 8 + 4, 7);
    used += 8;
    end();
    refused("a tag's size is wrong");
    start();
    le32_write(info, used = 16);
    le32_write(info + 12, 9);
    refused("a tag's size is wrong");
    start();
    add_tag(99, 8);
    le32_write(info, used);
    refused("the end tag is missing");
    start();
    add_tag(0, 16);
    le32_write(info, used);
    refused("the end tag has a wrong size");
}

static void refuses_a_senseless_memory_map(void **state)
{
    static const uint32_t entry_size[] = { 0, 1, 8, 16, 23, 25, 26, 28, 48, 0xfffffff8 };
    uint8_t *at;

    (void)state;
    for (size_t i = 0; i < sizeof entry_size / sizeof entry_size[0]; i++) {
        start();
        le32_write(add_tag(6, 16 + 24), entry_size[i]);
        end();
        refused("the memory map's entry size makes no sense");
    }
    start();
    le32_write(add_tag(6, 16 + 23), 24);
    end();
    refused("the memory map's entry size makes no sense");
    start();
    at = add_tag(6, 16 + 24);
    le32_write(at, 24);
    le64_write(at + 8, UINT64_MAX);
    le64_write(at + 16, 1);
    end();
    refused("an entry of the memory map wraps around");
    /* A later version may have larger entries. */
    start();
    at = add_tag(6, 16 + 2 * 32);
    le32_write(at, 32);
    le64_write(at + 8 + 32, 0x1000);
    end();
    assert_int_equal(parse(used), ERR_NONE);
    assert_int_equal(out.mmap_count, 2);
    assert_int_equal(out.mmap[1].base.v, 0x1000);
}

static void refuses_more_than_fits(void **state)
{
    (void)state;
    start();
    for (unsigned i = 0; i < MB2_MODULE_MAX; i++) {
        add_module(0, 0, "x");
    }
    end();
    assert_int_equal(parse(used), ERR_NONE);
    used -= 8;
    add_module(0, 0, "x");
    end();
    assert_int_equal(parse(used), ERR_NOMEM);

    start();
    le32_write(add_tag(6, 16 + MB2_MMAP_MAX * 24), 24);
    end();
    assert_int_equal(parse(used), ERR_NONE);
    start();
    le32_write(add_tag(6, 16 + (MB2_MMAP_MAX + 1) * 24), 24);
    end();
    assert_int_equal(parse(used), ERR_NOMEM);
}

static void refuses_a_misaligned_start(void **state)
{
    uint8_t *copy;

    (void)state;
    good();
    copy = malloc(used + 4);
    assert_non_null(copy);
    memcpy(copy + 4, info, used);
    assert_int_equal(mb2_parse(copy + 4, used, &out, &why), ERR_INVAL);
    assert_string_equal(why, "the boot information is not aligned");
    free(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_tag),
        cmocka_unit_test(absent_tags_leave_nothing_set),
        cmocka_unit_test(refuses_every_truncation),
        cmocka_unit_test(survives_any_value_in_any_place),
        cmocka_unit_test(says_what_is_wrong_with_a_tag),
        cmocka_unit_test(refuses_a_senseless_memory_map),
        cmocka_unit_test(refuses_more_than_fits),
        cmocka_unit_test(refuses_a_misaligned_start),
    };
    return cmocka_run_group_tests_name("multiboot2", tests, NULL, NULL);
}
