#include "hv/regs.h"
#include "hv/walk.h"
#include "lib/bits.h"
#include "unit.h"

#include <string.h>

enum { P = 1, W = 2, U = 4, PS = 0x80 };
#define NX BIT(63)

/* Guest-physical memory of eight frames, 0x1000 to 0x8FFF. Nothing else can be read. */
static uint8_t ram[8 * 4096];
static unsigned reads;

static bool read_entry(void *ctx, gpa_t at, unsigned size, uint64_t *entry)
{
    assert_ptr_equal(ctx, ram);
    assert_true(size == 4 || size == 8);
    assert_int_equal(at.v % size, 0);
    reads++;
    if (at.v < 0x1000 || at.v >= 0x9000) {
        return false;
    }
    *entry = 0;
    memcpy(entry, ram + (at.v - 0x1000), size);
    return true;
}

static void put(uint64_t table, unsigned index, unsigned size, uint64_t entry)
{
    memcpy(ram + (table - 0x1000) + index * size, &entry, size);
}

static struct guest_paging p;
static gpa_t out;
static uint32_t code;
static uint64_t left;

static enum walk_result walk(uint64_t gva)
{
    reads = 0;
    out = GPA(1);
    code = 0xFFFF;
    left = 0;
    return guest_walk(&p, read_entry, ram, gva, &out, &code, &left);
}

static void assert_maps(uint64_t gva, uint64_t gpa, uint64_t bytes)
{
    assert_int_equal(walk(gva), WALK_OK);
    assert_int_equal(out.v, gpa);
    assert_int_equal(left, bytes);
}

static void assert_faults(uint64_t gva, uint32_t expect)
{
    assert_int_equal(walk(gva), WALK_FAULT);
    assert_int_equal(code, expect);
}

/* Four levels: 0x1000 -> 0x2000 -> 0x3000 -> 0x4000, user and writable all the way. Page 5 of the
 * last table is 4 KiB at 0x123456000; entry 1 of the next is 2 MiB, entry 1 above it 1 GiB. */
static int four_levels(void **state)
{
    (void)state;
    memset(ram, 0, sizeof(ram));
    put(0x1000, 0, 8, 0x2000 | P | W | U);
    put(0x2000, 0, 8, 0x3000 | P | W | U);
    put(0x3000, 0, 8, 0x4000 | P | W | U);
    put(0x4000, 5, 8, 0x123456000 | P | W | U);
    put(0x3000, 1, 8, 0x40000000 | P | W | U | PS);
    put(0x2000, 1, 8, 0x80000000 | P | W | U | PS);
    p = (struct guest_paging){ .cr0 = CR0_PE | CR0_PG | CR0_WP,
                               .cr3 = 0x1000,
                               .cr4 = CR4_PAE,
                               .efer = EFER_LME | EFER_LMA | EFER_NXE,
                               .phys_bits = 40 };
    return 0;
}

/* Two levels: 0x1000 -> 0x2000; page 5 is 4 KiB at 0x87654000, entry 1 of the top is 4 MiB. */
static int two_levels(void **state)
{
    (void)state;
    memset(ram, 0, sizeof(ram));
    put(0x1000, 0, 4, 0x2000 | P | W | U);
    put(0x2000, 5, 4, 0x87654000 | P | W | U);
    put(0x1000, 1, 4, 0x00C00000 | P | W | U | PS);
    p = (struct guest_paging){
        .cr0 = CR0_PE | CR0_PG | CR0_WP, .cr3 = 0x1000, .cr4 = CR4_PSE, .phys_bits = 40
    };
    return 0;
}

/* PAE: four entries at 0x1020, the last leads to 0x3000 -> 0x4000. */
static int pae(void **state)
{
    (void)four_levels(state);
    put(0x1020, 3, 8, 0x3000 | P);
    p.cr3 = 0x1020;
    p.efer = EFER_NXE;
    return 0;
}

static void without_paging_nothing_is_read(void **state)
{
    (void)state;
    p.cr0 = CR0_PE;
    p.efer = 0;
    assert_maps(0xFEE00030, 0xFEE00030, 0x11FFFD0);
    assert_maps(0x1FEE00030, 0xFEE00030, 0x11FFFD0);
    assert_int_equal(reads, 0);
}

static void four_levels_translate_every_page_size(void **state)
{
    (void)state;
    assert_maps(0x5678, 0x123456678, 0x988);
    assert_int_equal(reads, 4);
    assert_maps(0x3FFFFF, 0x401FFFFF, 1);
    assert_maps(0x200000, 0x40000000, 0x200000);
    assert_int_equal(reads, 3);
    assert_maps(0x7FEDCBA9, 0xBFEDCBA9, 0x123457);
    assert_int_equal(reads, 2);
    p.cr3 |= 0xFFF; /* PCID, PWT, PCD are no address */
    assert_maps(0x5678, 0x123456678, 0x988);
}

static void five_levels_have_one_more(void **state)
{
    (void)state;
    put(0x8000, 511, 8, 0x1000 | P | W | U);
    put(0x1000, 256, 8, 0x2000 | P | W | U);
    p.cr3 = 0x8000;
    p.cr4 |= CR4_LA57;
    assert_maps(0xFFFF800000005678, 0x123456678, 0x988);
    assert_int_equal(reads, 5);
    assert_faults(0x1000000000000, 0);
    assert_int_equal(walk(0x100000000000000), WALK_NON_CANONICAL);
    put(0x8000, 511, 8, 0x1000 | P | W | U | PS);
    assert_faults(0xFFFF800000005678, PF_PRESENT | PF_RESERVED);
}

static void an_address_that_is_not_canonical_is_no_page_fault(void **state)
{
    (void)state;
    assert_int_equal(walk(0x800000000000), WALK_NON_CANONICAL);
    assert_int_equal(walk(0xFFFF7FFFFFFFFFFF), WALK_NON_CANONICAL);
    assert_int_equal(reads, 0);
    assert_faults(0xFFFF800000000000, 0);
    assert_faults(0x7FFFFFFFFFFF, 0);
}

static void an_entry_outside_ram_is_told_apart(void **state)
{
    (void)state;
    p.cr3 = 0x9000;
    assert_int_equal(walk(0x5678), WALK_NO_ENTRY);
    p.cr3 = 0x1000;
    put(0x3000, 0, 8, 0xFFFFFFF000 | P | W | U);
    assert_int_equal(walk(0x5678), WALK_NO_ENTRY);
    assert_int_equal(code, 0xFFFF);
    assert_int_equal(out.v, 1);
    assert_int_equal(left, 0);
}

static void a_page_that_is_not_present_faults_at_each_level(void **state)
{
    static const uint64_t table[] = { 0x1000, 0x2000, 0x3000 };

    (void)state;
    assert_faults(0x6000, 0);
    p.write = true;
    assert_faults(0x6000, PF_WRITE);
    p.user = true;
    assert_faults(0x6000, PF_WRITE | PF_USER);
    for (unsigned i = 0; i < 3; i++) {
        (void)four_levels(state);
        put(table[i], 0, 8, ~BIT(0)); /* not present: the other bits are the guest's */
        assert_faults(0x5678, 0);
        assert_int_equal(reads, i + 1);
    }
}

static void writes_need_w_at_every_level(void **state)
{
    static const uint64_t table[] = { 0x1000, 0x2000, 0x3000 };

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        (void)four_levels(state);
        put(table[i], 0, 8, (table[i] + 0x1000) | P | U);
        assert_int_equal(walk(0x5678), WALK_OK);
        p.write = true;
        assert_faults(0x5678, PF_PRESENT | PF_WRITE);
        p.cr0 &= ~CR0_WP;
        assert_int_equal(walk(0x5678), WALK_OK);
        p.user = true;
        assert_faults(0x5678, PF_PRESENT | PF_WRITE | PF_USER);
    }
}

static void user_accesses_need_u_at_every_level(void **state)
{
    static const uint64_t table[] = { 0x1000, 0x2000, 0x3000 };

    (void)state;
    p.user = true;
    assert_int_equal(walk(0x5678), WALK_OK);
    for (unsigned i = 0; i < 3; i++) {
        (void)four_levels(state);
        p.user = true;
        put(table[i], 0, 8, (table[i] + 0x1000) | P | W);
        assert_faults(0x5678, PF_PRESENT | PF_USER);
        p.user = false;
        assert_int_equal(walk(0x5678), WALK_OK);
    }
}

static void fetches_need_no_nx_at_any_level(void **state)
{
    static const uint64_t table[] = { 0x1000, 0x2000, 0x3000 };

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        (void)four_levels(state);
        put(table[i], 0, 8, (table[i] + 0x1000) | P | W | U | NX);
        assert_int_equal(walk(0x5678), WALK_OK);
        p.fetch = true;
        assert_faults(0x5678, PF_PRESENT | PF_FETCH);
        p.efer &= ~EFER_NXE; /* then the bit is reserved, and fetches are not told */
        assert_faults(0x5678, PF_PRESENT | PF_RESERVED);
        p.fetch = false;
        assert_faults(0x5678, PF_PRESENT | PF_RESERVED);
    }
}

static void smep_refuses_user_pages_to_a_supervisor_fetch(void **state)
{
    (void)state;
    p.fetch = true;
    assert_int_equal(walk(0x5678), WALK_OK);
    p.cr4 |= CR4_SMEP;
    p.ac = true;
    assert_faults(0x5678, PF_PRESENT | PF_FETCH);
    p.efer &= ~EFER_NXE;
    assert_faults(0x5678, PF_PRESENT | PF_FETCH);
    p.user = true;
    assert_int_equal(walk(0x5678), WALK_OK);
    p.user = false;
    put(0x2000, 0, 8, 0x3000 | P | W); /* not a user page any more */
    assert_int_equal(walk(0x5678), WALK_OK);
}

static void smap_refuses_user_pages_to_supervisor_data_accesses(void **state)
{
    (void)state;
    p.cr4 |= CR4_SMAP;
    assert_faults(0x5678, PF_PRESENT);
    p.write = true;
    assert_faults(0x5678, PF_PRESENT | PF_WRITE);
    p.ac = true;
    assert_int_equal(walk(0x5678), WALK_OK);
    put(0x4000, 5, 8, 0x123456000 | P | U);
    assert_faults(0x5678, PF_PRESENT | PF_WRITE);
    p.write = p.ac = false;
    p.user = true;
    assert_int_equal(walk(0x5678), WALK_OK);
    p.user = false;
    p.fetch = true;
    assert_int_equal(walk(0x5678), WALK_OK);
}

static void reserved_bits_fault(void **state)
{
    static const struct {
        uint64_t table, gva, bits;
        unsigned index;
    } row[] = {
        {0x1000,  0x5678,     BIT(40), 0},
        { 0x2000, 0x5678,     BIT(51), 0},
        { 0x3000, 0x5678,     BIT(45), 0},
        { 0x4000, 0x5678,     BIT(40), 5},
        { 0x1000, 0x5678,     PS,      0},
        { 0x3000, 0x200000,   BIT(13), 1},
        { 0x3000, 0x200000,   BIT(20), 1},
        { 0x2000, 0x40000000, BIT(13), 1},
        { 0x2000, 0x40000000, BIT(29), 1},
    };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(row); i++) {
        uint64_t entry;

        (void)four_levels(state);
        (void)read_entry(ram, GPA(row[i].table + row[i].index * 8), 8, &entry);
        put(row[i].table, row[i].index, 8, entry | row[i].bits);
        p.user = true;
        assert_faults(row[i].gva, PF_PRESENT | PF_RESERVED | PF_USER);
    }
}

static void ignored_bits_do_not_fault(void **state)
{
    (void)state;
    put(0x1000, 0, 8, 0x2000 | P | W | U | BIT(52) | BIT(62) | 0xF60 /* A, D, G and free ones */);
    put(0x4000, 5, 8, 0x123456000 | P | W | U | BIT(62) | BIT(59) | PS /* PAT */);
    put(0x3000, 1, 8, 0x40000000 | P | W | U | PS | BIT(12) /* PAT */);
    assert_maps(0x5678, 0x123456678, 0x988);
    assert_maps(0x200000, 0x40000000, 0x200000);
    p.phys_bits = 52;
    put(0x4000, 5, 8, 0xFFFFFFFFFF000 | P | W | U);
    assert_maps(0x5678, 0xFFFFFFFFFF678, 0x988);
}

static void two_levels_translate_both_page_sizes(void **state)
{
    (void)state;
    assert_maps(0x5678, 0x87654678, 0x988);
    assert_maps(0xF00005678, 0x87654678, 0x988); /* 32-bit addresses wrap */
    assert_maps(0x7FFFFF, 0xFFFFFF, 1);
    assert_int_equal(reads, 1);
    p.write = p.user = true;
    put(0x2000, 5, 4, 0x87654000 | P | U);
    assert_faults(0x5678, PF_PRESENT | PF_WRITE | PF_USER);
    p.fetch = true;
    p.write = false;
    assert_faults(0x6000, PF_USER);
    p.efer = EFER_NXE; /* without PAE that changes nothing */
    assert_faults(0x6000, PF_USER);
}

static void without_pse_there_are_no_large_pages(void **state)
{
    (void)state;
    p.cr4 = 0;
    put(0x1000, 1, 4, 0x2000 | P | W | U | PS);
    assert_maps(0x405678, 0x87654678, 0x988);
}

static void pse36_reaches_beyond_4_gib(void **state)
{
    (void)state;
    put(0x1000, 1, 4, 0x00C00000 | P | PS | BIT(12) /* PAT */ | 0xA5 << 13);
    assert_maps(0x412345, 0xA500C12345, 0x3EDCBB);
    p.phys_bits = 39; /* then bit 20 is beyond the physical width */
    assert_faults(0x412345, PF_PRESENT | PF_RESERVED);
    p.phys_bits = 52;
    assert_int_equal(walk(0x412345), WALK_OK);
    put(0x1000, 1, 4, 0x00C00000 | P | PS | BIT(21));
    assert_faults(0x412345, PF_PRESENT | PF_RESERVED);
}

static void pae_starts_with_four_entries(void **state)
{
    (void)state;
    p.user = p.write = true;
    assert_maps(0xC0005678, 0x123456678, 0x988); /* the top entry has no W and no U */
    assert_int_equal(reads, 3);
    assert_maps(0xC0200000, 0x40000000, 0x200000);
    p.cr3 |= 0x1F;
    assert_maps(0x5C0200000, 0x40000000, 0x200000);
    assert_faults(0x80000000, PF_USER | PF_WRITE);
    p.write = false;
    p.fetch = true;
    put(0x3000, 0, 8, 0x4000 | P | W | U | NX);
    assert_faults(0xC0005678, PF_PRESENT | PF_USER | PF_FETCH);
}

static void pae_reserves_more_bits(void **state)
{
    (void)state;
    put(0x1020, 3, 8, 0x3000 | P | 0xFFE); /* top entries: checked when CR3 was loaded, not here */
    assert_int_equal(walk(0xC0005678), WALK_OK);
    put(0x4000, 5, 8, 0x123456000 | P | BIT(52));
    assert_faults(0xC0005678, PF_PRESENT | PF_RESERVED);
    put(0x3000, 1, 8, 0x40000000 | P | PS | BIT(13));
    assert_faults(0xC0200000, PF_PRESENT | PF_RESERVED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(without_paging_nothing_is_read, four_levels),
        cmocka_unit_test_setup(four_levels_translate_every_page_size, four_levels),
        cmocka_unit_test_setup(five_levels_have_one_more, four_levels),
        cmocka_unit_test_setup(an_address_that_is_not_canonical_is_no_page_fault, four_levels),
        cmocka_unit_test_setup(an_entry_outside_ram_is_told_apart, four_levels),
        cmocka_unit_test_setup(a_page_that_is_not_present_faults_at_each_level, four_levels),
        cmocka_unit_test_setup(writes_need_w_at_every_level, four_levels),
        cmocka_unit_test_setup(user_accesses_need_u_at_every_level, four_levels),
        cmocka_unit_test_setup(fetches_need_no_nx_at_any_level, four_levels),
        cmocka_unit_test_setup(smep_refuses_user_pages_to_a_supervisor_fetch, four_levels),
        cmocka_unit_test_setup(smap_refuses_user_pages_to_supervisor_data_accesses, four_levels),
        cmocka_unit_test_setup(reserved_bits_fault, four_levels),
        cmocka_unit_test_setup(ignored_bits_do_not_fault, four_levels),
        cmocka_unit_test_setup(two_levels_translate_both_page_sizes, two_levels),
        cmocka_unit_test_setup(without_pse_there_are_no_large_pages, two_levels),
        cmocka_unit_test_setup(pse36_reaches_beyond_4_gib, two_levels),
        cmocka_unit_test_setup(pae_starts_with_four_entries, pae),
        cmocka_unit_test_setup(pae_reserves_more_bits, pae),
    };
    return cmocka_run_group_tests_name("walk", tests, NULL, NULL);
}
