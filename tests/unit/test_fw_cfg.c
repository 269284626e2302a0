/* Items and files as the ports give them. */
#include "fw_cfg_fixture.h"

static void it_says_qemu_and_that_it_has_dma(void **state)
{
    (void)state;
    assert_memory_equal(((char[]){ (char)next(), (char)next() }), "QE", 2); /* key 0 at reset */
    select_key(0);
    assert_int_equal(next_le(4), 0x554d4551);
    select_key(1);
    assert_int_equal(next_le(4), 3);
}

static void bytes_behind_the_end_and_of_unknown_keys_are_zero(void **state)
{
    static const unsigned keys[] = { 2, 4, 0x0e, 0x1f, 0x20, 0x2f, 0x3fff, 0x8000, 0xbfff };

    (void)state;
    select_key(0);
    (void)next_le(4);
    assert_int_equal(next_le(8), 0);
    for (unsigned i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        select_key(keys[i]);
        assert_int_equal(next_le(8), 0);
    }
}

static void items_read_as_they_were_added(void **state)
{
    uint16_t cpus = 3;

    (void)state;
    assert_int_equal(fw_cfg_add_item(&cfg, FW_CFG_NB_CPUS, &cpus, 2), ERR_NONE);
    assert_int_equal(fw_cfg_add_item(&cfg, 0x8002, "\x01", 1), ERR_NONE);
    cpus = 99; /* it was copied */
    select_key(FW_CFG_NB_CPUS);
    assert_int_equal(next_le(4), 3);
    select_key(0x8002);
    assert_int_equal(next_le(4), 1);
    select_key(0x4000 | FW_CFG_NB_CPUS); /* the bit for writing names the same item */
    assert_int_equal(next_le(4), 3);
}

static void the_directory_lists_the_files(void **state)
{
    static const char longest[] = "a123456789b123456789c123456789d123456789e123456789f1234";
    char name[56];

    (void)state;
    select_key(0x19);
    assert_int_equal(next_be(8), 0);
    add_floppy();
    assert_int_equal(strlen(longest), FW_CFG_NAME_MAX);
    assert_int_equal(fw_cfg_add_file(&cfg, longest, "xyz", 0x12345678), ERR_NONE);
    select_key(0x19);
    assert_int_equal(next_be(4), 2);
    assert_int_equal(next_be(4), FLOPPY_LEN);
    assert_int_equal(next_be(2), 0x20);
    assert_int_equal(next_be(2), 0);
    for (unsigned i = 0; i < sizeof name; i++) {
        name[i] = (char)next();
    }
    assert_string_equal(name, "floppyimg/dos.img");
    assert_int_equal(name[55], 0);
    assert_int_equal(next_be(4), 0x12345678);
    assert_int_equal(next_be(2), 0x21);
    assert_int_equal(next_be(2), 0);
    for (unsigned i = 0; i < sizeof name; i++) {
        name[i] = (char)next();
    }
    assert_string_equal(name, longest);
    assert_int_equal(next_be(8), 0); /* no third */
}

static void files_that_make_no_sense_are_refused(void **state)
{
    char name[57] = "";

    (void)state;
    assert_int_equal(fw_cfg_add_file(&cfg, "", floppy, 1), ERR_INVAL);
    memset(name, 'n', 56);
    assert_int_equal(fw_cfg_add_file(&cfg, name, floppy, 1), ERR_INVAL);
    add_floppy();
    assert_int_equal(fw_cfg_add_file(&cfg, "floppyimg/dos.img", floppy, 1), ERR_INVAL);
    for (unsigned i = 1; i < FW_CFG_FILES_MAX; i++) {
        name[0] = (char)('a' + i);
        name[1] = 0;
        assert_int_equal(fw_cfg_add_file(&cfg, name, floppy, i), ERR_NONE);
    }
    assert_int_equal(fw_cfg_add_file(&cfg, "one more", floppy, 1), ERR_NOMEM);
    select_key(0x19);
    assert_int_equal(next_be(4), FW_CFG_FILES_MAX);
    select_key(0x2f);
    assert_int_equal(next(), 1);
    select_key(0x30); /* the first behind them */
    assert_int_equal(next(), 0);
}

static void items_that_make_no_sense_are_refused(void **state)
{
    static const uint16_t files[] = { 0x19, 0x20, 0x1000, 0x3fff, 0x4005, 0xc000 };
    unsigned key;

    (void)state;
    for (unsigned i = 0; i < sizeof files / sizeof files[0]; i++) {
        assert_int_equal(fw_cfg_add_item(&cfg, files[i], "", 1), ERR_INVAL);
    }
    assert_int_equal(fw_cfg_add_item(&cfg, 0, "", 1), ERR_INVAL); /* the signature */
    assert_int_equal(fw_cfg_add_item(&cfg, 5, "123456789", 9), ERR_RANGE);
    assert_int_equal(fw_cfg_add_item(&cfg, 5, "12345678", 8), ERR_NONE);
    assert_int_equal(fw_cfg_add_item(&cfg, 5, "", 1), ERR_INVAL);
    for (key = 6; key < 6 + FW_CFG_ITEMS_MAX - 3; key++) { /* two are the device's own */
        assert_int_equal(fw_cfg_add_item(&cfg, (uint16_t)key, "", 1), ERR_NONE);
    }
    assert_int_equal(fw_cfg_add_item(&cfg, (uint16_t)key, "", 1), ERR_NOMEM);
}

static void accesses_of_other_sizes_do_nothing(void **state)
{
    static const struct io_access writes[] = {
        {.offset = 0,  .size = 1, .write = true, .value = 1},
        { .offset = 0, .size = 4, .write = true, .value = 1},
        { .offset = 1, .size = 2, .write = true, .value = 1},
    };
    struct io_access a = { .offset = 0, .size = 1 };

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        struct io_access w = writes[i];

        fw_cfg_io(&cfg, &w);
    }
    fw_cfg_io(&cfg, &a);
    assert_true(a.value == UINT64_MAX);
    a = (struct io_access){ .offset = 0, .size = 2 };
    fw_cfg_io(&cfg, &a);
    assert_true(a.value == UINT64_MAX);
    assert_int_equal(next(), 'Q'); /* still at the first byte of key 0 */
    put_desc(0, with_key(0, READ), 4, 0x2000);
    for (unsigned offset = 0; offset < 8; offset++) {
        for (uint8_t size = 1; size <= 2; size++) {
            a = (struct io_access){ .offset = offset, .size = size, .write = true };
            fw_cfg_dma_io(&cfg, &a);
        }
    }
    out32(1, 1);
    out32(5, 0);
    assert_int_equal(ram.low[0x2000], 0xcc);
    start(0);
    assert_int_equal(ram.low[0x2000], 'Q');
}

int main(void)
{
#define T(test) cmocka_unit_test_setup(test, setup)
    const struct CMUnitTest tests[] = {
        T(it_says_qemu_and_that_it_has_dma),
        T(bytes_behind_the_end_and_of_unknown_keys_are_zero),
        T(items_read_as_they_were_added),
        T(the_directory_lists_the_files),
        T(files_that_make_no_sense_are_refused),
        T(items_that_make_no_sense_are_refused),
        T(accesses_of_other_sizes_do_nothing),
    };
    return cmocka_run_group_tests_name("fw_cfg", tests, NULL, NULL);
}
