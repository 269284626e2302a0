#include "lib/bits.h"
#include "vmx/vmcs.h"

/* The prefix "VMCS_" is skipped: a dump reads better without it. */
#define NAMED(name, encoding) { (encoding), &#name[5] },

const struct vmcs_field vmcs_fields[] = {
#define VMCS_FIELD16 NAMED
#define VMCS_FIELD32 NAMED
#define VMCS_FIELD64 NAMED
#define VMCS_FIELDN  NAMED
#include "vmx/vmcs_fields.def"
};

const size_t vmcs_field_count = ARRAY_SIZE(vmcs_fields);

const char *vmcs_field_name(uint32_t encoding)
{
    for (size_t i = 0; i < vmcs_field_count; i++) {
        if (vmcs_fields[i].encoding == encoding) {
            return vmcs_fields[i].name;
        }
    }
    return "?";
}
