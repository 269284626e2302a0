#include "unit.h"
#include "vmx/vmx_err.h"
#include <string.h>

/* Often confused in tables found elsewhere; the manual's order is the authority. */
static void the_confused_instruction_errors_are_told_apart(void **state)
{
    (void)state;
    assert_non_null(strstr(vmx_insn_error_text(7), "control field"));
    assert_non_null(strstr(vmx_insn_error_text(8), "host-state field"));
    assert_non_null(strstr(vmx_insn_error_text(12), "component that this CPU does not have"));
    assert_non_null(strstr(vmx_insn_error_text(13), "read-only"));
    assert_non_null(strstr(vmx_insn_error_text(4), "VMLAUNCH"));
    assert_non_null(strstr(vmx_insn_error_text(5), "VMRESUME"));
    assert_non_null(strstr(vmx_insn_error_text(28), "INVEPT"));
}

static void every_instruction_error_of_the_manual_has_its_own_sentence(void **state)
{
    const char *unknown = vmx_insn_error_text(0);

    (void)state;
    for (uint32_t i = 1; i <= 28; i++) {
        bool unused = i == 14 || i == 21 || i == 27;

        assert_int_equal(strcmp(vmx_insn_error_text(i), unknown) == 0, unused);
        for (uint32_t j = 1; j < i && !unused; j++) {
            assert_string_not_equal(vmx_insn_error_text(i), vmx_insn_error_text(j));
        }
    }
    assert_string_equal(vmx_insn_error_text(29), unknown);
    assert_string_equal(vmx_insn_error_text(UINT32_MAX), unknown);
}

static void exit_reasons_have_their_names(void **state)
{
    static const char *const vmx_instructions[] = { "VMCALL",  "VMCLEAR", "VMLAUNCH", "VMPTRLD",
                                                    "VMPTRST", "VMREAD",  "VMRESUME", "VMWRITE" };

    (void)state;
    assert_string_equal(vmx_exit_reason_name(0), "exception or NMI");
    assert_string_equal(vmx_exit_reason_name(10), "CPUID");
    assert_string_equal(vmx_exit_reason_name(12), "HLT");
    for (uint32_t i = 0; i < 8; i++) {
        assert_string_equal(vmx_exit_reason_name(18 + i), vmx_instructions[i]);
    }
    assert_string_equal(vmx_exit_reason_name(30), "I/O instruction");
    assert_string_equal(vmx_exit_reason_name(48), "EPT violation");
    assert_string_equal(vmx_exit_reason_name(52), "preemption timer");
    assert_string_equal(vmx_exit_reason_name(55), "XSETBV");
    assert_string_equal(vmx_exit_reason_name(75), "instruction time-out");
    assert_string_equal(vmx_exit_reason_name(35), "unknown exit reason");
    assert_string_equal(vmx_exit_reason_name(0x80000021), "unknown exit reason");
}

static void a_failed_entry_says_why(void **state)
{
    (void)state;
    assert_non_null(strstr(vmx_entry_failure_text(33), "guest state"));
    assert_non_null(strstr(vmx_entry_failure_text(34), "MSR"));
    assert_non_null(strstr(vmx_entry_failure_text(0x80000029), "machine check"));
    assert_non_null(strstr(vmx_entry_failure_text(0), "does not list"));
}

static void the_qualification_of_a_failed_entry_is_explained(void **state)
{
    (void)state;
    assert_non_null(strstr(vmx_entry_failure_detail(0x80000021, 2), "PDPTE"));
    assert_non_null(strstr(vmx_entry_failure_detail(33, 3), "NMI"));
    assert_non_null(strstr(vmx_entry_failure_detail(33, 4), "link pointer"));
    assert_non_null(strstr(vmx_entry_failure_detail(33, 0), "no detail"));
    assert_non_null(strstr(vmx_entry_failure_detail(33, 1), "not one"));
    assert_non_null(strstr(vmx_entry_failure_detail(33, UINT64_MAX), "not one"));
    assert_non_null(strstr(vmx_entry_failure_detail(34, 1), "number of the entry"));
    assert_non_null(strstr(vmx_entry_failure_detail(41, 0), "nothing more"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_confused_instruction_errors_are_told_apart),
        cmocka_unit_test(every_instruction_error_of_the_manual_has_its_own_sentence),
        cmocka_unit_test(exit_reasons_have_their_names),
        cmocka_unit_test(a_failed_entry_says_why),
        cmocka_unit_test(the_qualification_of_a_failed_entry_is_explained),
    };
    return cmocka_run_group_tests_name("vmx_err", tests, NULL, NULL);
}
