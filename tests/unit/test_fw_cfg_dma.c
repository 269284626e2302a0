/* DMA, whose descriptors are the guest's. */
#include "fw_cfg_fixture.h"

static struct guest_ram before, wanted;

static void dma_reads_a_whole_file(void **state)
{
    (void)state;
    add_floppy();
    assert_int_equal(run(with_key(0x20, READ), FLOPPY_LEN, HIGH + 8), 0);
    assert_memory_equal(ram.high + 8, floppy, FLOPPY_LEN);
    assert_int_equal(ram.high[7], 0xcc);
    assert_int_equal(ram.high[8 + FLOPPY_LEN], 0xcc);
    assert_int_equal(next(), 0); /* at its end */
}

static void dma_goes_on_where_the_ports_stopped(void **state)
{
    (void)state;
    add_floppy();
    select_key(0x20);
    assert_int_equal(next(), floppy[0]);
    assert_int_equal(run(SKIP, 9, 0), 0);
    assert_int_equal(next(), floppy[10]);
    assert_int_equal(run(READ, 4, 0x2000), 0);
    assert_memory_equal(ram.low + 0x2000, floppy + 11, 4);
    assert_int_equal(next(), floppy[15]);
    assert_int_equal(run(with_key(0x20, 0), 500, 0x3000), 0); /* selects and moves nothing */
    assert_int_equal(next(), floppy[0]);
    assert_int_equal(ram.low[0x3000], 0xcc);
    assert_int_equal(run(READ | WRITE | SKIP, 2, 0x3000), 0); /* reading wins */
    assert_memory_equal(ram.low + 0x3000, floppy + 1, 2);
    assert_int_equal(next(), floppy[3]);
}

static void a_skip_stays_in_the_item(void **state)
{
    (void)state;
    add_floppy();
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(run(i ? SKIP : with_key(0x20, SKIP), UINT32_MAX, UINT64_MAX), 0);
        assert_int_equal(next(), 0);
    }
}

static void an_unknown_number_reads_as_zero(void **state)
{
    (void)state;
    assert_int_equal(run(with_key(0x0d, READ), 8, 0x2000), 0);
    assert_memory_equal(ram.low + 0x2000, "\0\0\0\0\0\0\0\0\xcc", 9);
    assert_int_equal(run(with_key(0, READ), 6, 0x2000), 0);
    assert_memory_equal(ram.low + 0x2000, "QEMU\0\0\0\0\xcc", 9);
}

/* Not even a length of 4 GiB costs more than a page of zeros. */
static void a_read_far_behind_the_end_is_refused(void **state)
{
    (void)state;
    add_floppy();
    assert_int_equal(run(with_key(0x20, READ), FLOPPY_LEN + 4096, HIGH), 0);
    assert_int_equal(ram.high[FLOPPY_LEN + 4095], 0);
    moved = 0;
    assert_int_equal(run(with_key(0x20, READ), FLOPPY_LEN + 4097, HIGH), ERROR);
    assert_int_equal(run(with_key(0x20, READ), UINT32_MAX, HIGH), ERROR);
    assert_int_equal(run(with_key(0x77, READ), 4097, HIGH), ERROR);
    assert_int_equal(run(with_key(0x77, READ), UINT32_MAX, 0), ERROR);
    assert_int_equal(moved, 4 * 4); /* the control fields */
}

static void nothing_is_writable(void **state)
{
    (void)state;
    add_floppy();
    assert_int_equal(run(with_key(0x20, WRITE), 4, 0x2000), ERROR);
    assert_int_equal(run(WRITE | SKIP, 4, 0x2000), ERROR);
    assert_int_equal(floppy[0], 1);
    fw_cfg_io(&cfg, &(struct io_access){ .offset = 1, .size = 1, .write = true, .value = 0x55 });
    assert_int_equal(next(), floppy[0]); /* a byte to the data port does not even count */
}

static void targets_outside_of_ram_are_an_error(void **state)
{
    static const uint64_t bad[] = { PIECE - 3,  HIGH - 1,         HIGH + PIECE - 3,
                                    0xd0000000, UINT64_MAX - 2,   UINT64_MAX - 3,
                                    UINT64_MAX, UINT64_C(1) << 63 };

    (void)state;
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        memset(ram.high, 0xcc, PIECE);
        memset(ram.low + 0x1000, 0xcc, PIECE - 0x1000);
        assert_int_equal(run(with_key(0, READ), 4, bad[i]), ERROR);
        for (unsigned b = 0; b < PIECE; b++) {
            assert_int_equal(ram.high[b], 0xcc);
            assert_true(b < 0x1000 || ram.low[b] == 0xcc);
        }
    }
    /* The item itself fits, the zeros behind it do not, or wrap to address 0. */
    memset(ram.low, 0xcc, 0x100);
    assert_int_equal(run(with_key(0, READ), 8, PIECE - 4), ERROR);
    assert_int_equal(run(with_key(0, READ), 8, UINT64_MAX - 3), ERROR);
    assert_int_equal(ram.low[0], 0xcc);
    assert_int_equal(ram.top[PIECE - 4], 0xcc);
}

static void a_descriptor_outside_of_ram_is_left_alone(void **state)
{
    static const uint64_t bad[] = { PIECE, HIGH - 16, 0xd0000000, 0xfffffff8 };

    (void)state;
    before = ram;
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        start(bad[i]);
    }
    out32(0, UINT32_MAX);
    start(UINT32_MAX);
    assert_memory_equal(&ram, &before, sizeof ram);
    /* Where only its control field is RAM, the error can be told. */
    put_be(ram.low + PIECE - 8, with_key(0, READ), 4);
    start(PIECE - 8);
    assert_memory_equal(ram.low + PIECE - 8, "\0\0\0\1\xcc", 5);
}

/* It was copied first; its control field is written last. */
static void a_descriptor_may_lie_in_its_own_target(void **state)
{
    (void)state;
    add_floppy();
    put_desc(0x2010, with_key(0x20, READ), 64, 0x2000);
    start(0x2010);
    assert_memory_equal(ram.low + 0x2000, floppy, 0x10);
    assert_memory_equal(ram.low + 0x2010, "\0\0\0", 4);
    assert_memory_equal(ram.low + 0x2014, floppy + 0x14, 64 - 0x14);
    put_desc(0x2010, READ, 64, 0x2010);
    start(0x2010);
    assert_memory_equal(ram.low + 0x2010, "\0\0\0", 4);
    assert_memory_equal(ram.low + 0x2014, floppy + 64 + 4, 60);
}

static void the_high_half_of_the_address_counts_once(void **state)
{
    (void)state;
    put_desc(0x2000, with_key(0, READ), 4, 0x3000);
    out32(0, __builtin_bswap32(1)); /* 4 GiB and up: nothing there */
    start(0x2000);
    assert_int_equal(ram.low[0x3000], 0xcc);
    start(0x2000);
    assert_memory_equal(ram.low + 0x3000, "QEMU", 4);
}

static void the_address_reads_as_a_signature(void **state)
{
    struct io_access a = { .offset = 0, .size = 4 };

    (void)state;
    fw_cfg_dma_io(&cfg, &a);
    assert_int_equal((uint32_t)a.value, 0x554d4551);
    a = (struct io_access){ .offset = 4, .size = 4 };
    fw_cfg_dma_io(&cfg, &a);
    assert_int_equal((uint32_t)a.value, 0x47464320);
    a = (struct io_access){ .offset = 7, .size = 1 };
    fw_cfg_dma_io(&cfg, &a);
    assert_int_equal(a.value & 0xff, 'G');
    a = (struct io_access){ .offset = 7, .size = 4 };
    fw_cfg_dma_io(&cfg, &a);
    assert_true(a.value == UINT64_MAX);
}

static uint32_t seed = 1;

static uint32_t random32(void)
{
    seed = seed * 1664525 + 1013904223;
    return seed >> 8 ^ seed << 16;
}

/* An address near a border of something, or anywhere. */
static uint64_t random_address(void)
{
    static const uint64_t border[] = { 0,    0x100,        0x1000,           PIECE,
                                       HIGH, HIGH + PIECE, UINT32_MAX - 16U, UINT64_MAX - 16U };
    uint32_t r = random32();

    if (r % 5 == 0) {
        return (uint64_t)random32() << 32 | random32();
    }
    return border[r / 5 % 8] + r / 64 % 40 - 20;
}

/* What a read has to leave in RAM; false if it has to fail. */
static bool expect_read(uint64_t address, uint32_t length, uint64_t offset)
{
    uint64_t rest = FLOPPY_LEN - offset;
    uint64_t head = length < rest ? length : rest;
    uint64_t zeros = length - head;

    if (zeros > 4096 || address + length < address || (head && !ram_at(address, head))) {
        return false;
    }
    if (head) {
        memcpy(ram_at(address, head), floppy + offset, head);
    }
    if (zeros && ram_at(address + head, zeros)) {
        memset(ram_at(address + head, zeros), 0, zeros);
    }
    return !zeros || ram_at(address + head, zeros);
}

/* What a descriptor has to leave in RAM. */
static void expect(uint64_t at, uint64_t offset)
{
    const uint8_t *desc = ram_at(at, 16);
    bool ok = desc;

    if (ok) {
        uint32_t control = (uint32_t)get_be(desc, 4);

        ok = control & READ
                 ? expect_read(get_be(desc + 8, 8), (uint32_t)get_be(desc + 4, 4), offset)
                 : !(control & WRITE);
    }
    if (ram_at(at, 4)) {
        put_be(ram_at(at, 4), ok ? 0 : ERROR, 4);
    }
}

static void random_descriptors_do_what_they_say_and_no_more(void **state)
{
    static const uint32_t lengths[] = { 0,          1,          16,
                                        100,        FLOPPY_LEN, FLOPPY_LEN + 4097,
                                        UINT32_MAX, 0x80000000 };

    (void)state;
    add_floppy();
    for (unsigned i = 0; i < 20000; i++) {
        uint64_t at = random_address();
        uint32_t length = random32() % 3 ? lengths[random32() % 8] : random32() % 8000;

        if (ram_at(at, 16)) {
            put_desc(at, random32() & ~(uint32_t)SELECT, length, random_address());
        }
        select_key(0x20);
        cfg.offset = random32() % (FLOPPY_LEN + 1);
        before = ram;
        expect(at, cfg.offset);
        wanted = ram;
        ram = before;
        moved = 0;
        out32(0, __builtin_bswap32((uint32_t)(at >> 32)));
        start(at);
        assert_memory_equal(&ram, &wanted, sizeof ram);
        assert_true(moved <= FLOPPY_LEN + 4096 + 4);
        assert_true(cfg.offset <= FLOPPY_LEN);
        assert_int_equal(cfg.dma_high, 0);
    }
}

int main(void)
{
#define T(test) cmocka_unit_test_setup(test, setup)
    const struct CMUnitTest tests[] = {
        T(dma_reads_a_whole_file),
        T(dma_goes_on_where_the_ports_stopped),
        T(a_skip_stays_in_the_item),
        T(an_unknown_number_reads_as_zero),
        T(a_read_far_behind_the_end_is_refused),
        T(nothing_is_writable),
        T(targets_outside_of_ram_are_an_error),
        T(a_descriptor_outside_of_ram_is_left_alone),
        T(a_descriptor_may_lie_in_its_own_target),
        T(the_high_half_of_the_address_counts_once),
        T(the_address_reads_as_a_signature),
        T(random_descriptors_do_what_they_say_and_no_more),
    };
    return cmocka_run_group_tests_name("fw_cfg_dma", tests, NULL, NULL);
}
