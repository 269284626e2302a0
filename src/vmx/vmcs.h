/* The fields of the VMCS: one enum per width, so that the accessor of another width (see
 * vmcs_access.h) does not compile, and their names. Numbers only: no lock. */
#pragma once
#include <stddef.h>
#include <stdint.h>

enum vmcs16 {
#define VMCS_FIELD16(name, encoding) name = (encoding),
#include "vmx/vmcs_fields.def"
};

enum vmcs32 {
#define VMCS_FIELD32(name, encoding) name = (encoding),
#include "vmx/vmcs_fields.def"
};

enum vmcs64 {
#define VMCS_FIELD64(name, encoding) name = (encoding),
#include "vmx/vmcs_fields.def"
};

/* Natural width: 64 bits on the CPUs we run on. */
enum vmcsN {
#define VMCS_FIELDN(name, encoding) name = (encoding),
#include "vmx/vmcs_fields.def"
};

struct vmcs_field {
    uint32_t encoding;
    const char *name; /* as in the enums, without "VMCS_" */
};

/* Every field there is, in the order of vmcs_fields.def. */
extern const struct vmcs_field vmcs_fields[];
extern const size_t vmcs_field_count;

/* The name of a field without "VMCS_"; "?" for an encoding that is not listed. */
const char *vmcs_field_name(uint32_t encoding);
