#include "vmx/vmcs_access.h"
#include "lib/panic.h"

void vmcs_access_failed(uint32_t field)
{
    panic("VMREAD or VMWRITE refused: field %#x (%s)", field, vmcs_field_name(field));
}
