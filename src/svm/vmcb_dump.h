/* Every field of a VMCB by name, into the log: the post-mortem of a guest. No lock. */
#pragma once
#include "svm/vmcb.h"

struct vmcb_field {
    const char *name;
    uint16_t offset; /* bytes from the start of the VMCB */
    uint8_t size;    /* bytes, at most 8 */
};

/* Every field that is not reserved, in the order of the VMCB. */
extern const struct vmcb_field vmcb_fields[];
extern const size_t vmcb_field_count;

/* Logs NAME=value in hexadecimal for each of them. */
void vmcb_dump(const struct vmcb *vmcb);
