#include "vmx/vmcs_dump.h"
#include "hv/dump_line.h"
#include "lib/log.h"
#include "vmx/vmcs_access.h"

void vmcs_dump(void)
{
    struct dump_line line = { .used = 0 };
    unsigned found = 0;

    log_error("VMCS:");
    for (size_t i = 0; i < vmcs_field_count; i++) {
        uint64_t value;

        if (vmcs_try_read(vmcs_fields[i].encoding, &value)) {
            dump_line_add(&line, vmcs_fields[i].name, value);
            found++;
        }
    }
    dump_line_end(&line);
    if (!found) {
        log_error(" no VMCS is current on this CPU");
    }
}
