#include "lib/bits.h"
#include "unit.h"
#include "vmx/vmcs.h"
#include <string.h>

/* Bits 14:13 of an encoding: 0 = 16 bits, 1 = 64, 2 = 32, 3 = natural width. */
#define HAS_WIDTH(encoding, width)   _Static_assert(((encoding) >> 13 & 3) == (width), "width")
#define VMCS_FIELD16(name, encoding) HAS_WIDTH(encoding, 0);
#define VMCS_FIELD64(name, encoding) HAS_WIDTH(encoding, 1);
#define VMCS_FIELD32(name, encoding) HAS_WIDTH(encoding, 2);
#define VMCS_FIELDN(name, encoding)  HAS_WIDTH(encoding, 3);
#include "vmx/vmcs_fields.def"

static bool starts(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

static void no_encoding_and_no_name_occurs_twice(void **state)
{
    (void)state;
    for (size_t i = 0; i < vmcs_field_count; i++) {
        for (size_t j = 0; j < i; j++) {
            assert_int_not_equal(vmcs_fields[i].encoding, vmcs_fields[j].encoding);
            assert_string_not_equal(vmcs_fields[i].name, vmcs_fields[j].name);
        }
    }
}

/* An odd encoding is the high half of a 64-bit field; bit 12 and bits 31:15 are reserved. */
static void every_encoding_is_that_of_a_whole_field(void **state)
{
    (void)state;
    assert_true(vmcs_field_count > 150);
    for (size_t i = 0; i < vmcs_field_count; i++) {
        assert_int_equal(vmcs_fields[i].encoding & 0xffff9001, 0);
    }
}

/* Bits 11:10: 0 = control, 1 = exit information, 2 = guest state, 3 = host state. */
static void host_names_are_host_fields_and_no_others(void **state)
{
    (void)state;
    for (size_t i = 0; i < vmcs_field_count; i++) {
        bool host = bits(vmcs_fields[i].encoding, 11, 10) == 3;

        assert_int_equal(host, starts(vmcs_fields[i].name, "HOST_"));
    }
}

static void known_encodings_have_their_names(void **state)
{
    (void)state;
    assert_string_equal(vmcs_field_name(0x0000), "VPID");
    assert_string_equal(vmcs_field_name(0x080e), "GUEST_TR_SEL");
    assert_string_equal(vmcs_field_name(0x0c0c), "HOST_TR_SEL");
    assert_string_equal(vmcs_field_name(0x201a), "EPTP");
    assert_string_equal(vmcs_field_name(0x2034), "PROC3_CTLS");
    assert_string_equal(vmcs_field_name(0x2400), "GUEST_PHYS");
    assert_string_equal(vmcs_field_name(0x2800), "LINK");
    assert_string_equal(vmcs_field_name(0x2810), "GUEST_PDPTE3");
    assert_string_equal(vmcs_field_name(0x2c04), "HOST_PERF_GLOBAL");
    assert_string_equal(vmcs_field_name(0x4016), "ENTRY_INTR_INFO");
    assert_string_equal(vmcs_field_name(0x401e), "PROC2_CTLS");
    assert_string_equal(vmcs_field_name(0x4402), "EXIT_REASON");
    assert_string_equal(vmcs_field_name(0x440e), "EXIT_INSN_INFO");
    assert_string_equal(vmcs_field_name(0x4822), "GUEST_TR_AR");
    assert_string_equal(vmcs_field_name(0x4826), "GUEST_ACTIVITY");
    assert_string_equal(vmcs_field_name(0x482e), "PREEMPTION_TIMER");
    assert_string_equal(vmcs_field_name(0x6006), "CR4_SHADOW");
    assert_string_equal(vmcs_field_name(0x640a), "GUEST_LINEAR");
    assert_string_equal(vmcs_field_name(0x681e), "GUEST_RIP");
    assert_string_equal(vmcs_field_name(0x6826), "GUEST_SYSENTER_EIP");
    assert_string_equal(vmcs_field_name(0x6c16), "HOST_RIP");
}

static void an_unlisted_encoding_has_no_name(void **state)
{
    (void)state;
    assert_string_equal(vmcs_field_name(0x7ffe), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_encoding_and_no_name_occurs_twice),
        cmocka_unit_test(every_encoding_is_that_of_a_whole_field),
        cmocka_unit_test(host_names_are_host_fields_and_no_others),
        cmocka_unit_test(known_encodings_have_their_names),
        cmocka_unit_test(an_unlisted_encoding_has_no_name),
    };
    return cmocka_run_group_tests_name("vmcs_names", tests, NULL, NULL);
}
