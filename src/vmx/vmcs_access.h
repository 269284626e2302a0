/* VMREAD and VMWRITE on the current VMCS of this CPU. A field that the CPU refuses is our own bug
 * and panics, except in vmcs_try_read. Each CPU has its own current VMCS: no lock. */
#pragma once
#include "vmx/vmcs.h"
#include <stdbool.h>
#include <stdint.h>

/* Panics, naming the field. Out of line, so that an accessor is one VMREAD and one jump. */
_Noreturn void vmcs_access_failed(uint32_t field) __attribute__((cold));

/* False if there is no current VMCS or no such field on this CPU (the SDM's "VMfailInvalid" sets
 * CF, "VMfailValid" ZF). *out is changed on success only. */
static inline bool vmcs_try_read(uint32_t field, uint64_t *out)
{
    uint64_t value;
    bool failed;

    __asm__ volatile("vmread %[field], %[value]"
                     : [value] "=r"(value), "=@ccbe"(failed)
                     : [field] "r"((uint64_t)field));
    if (failed) {
        return false;
    }
    *out = value;
    return true;
}

static inline uint64_t vmcs_read_raw(uint32_t field)
{
    uint64_t value = 0;

    if (__builtin_expect(!vmcs_try_read(field, &value), false)) {
        vmcs_access_failed(field);
    }
    return value;
}

static inline void vmcs_write_raw(uint32_t field, uint64_t value)
{
    bool failed;

    __asm__ volatile("vmwrite %[value], %[field]"
                     : "=@ccbe"(failed)
                     : [field] "r"((uint64_t)field), [value] "r"(value));
    if (__builtin_expect(failed, false)) {
        vmcs_access_failed(field);
    }
}

static inline uint16_t vmcs_read16(enum vmcs16 field)
{
    return (uint16_t)vmcs_read_raw(field);
}

static inline uint32_t vmcs_read32(enum vmcs32 field)
{
    return (uint32_t)vmcs_read_raw(field);
}

static inline uint64_t vmcs_read64(enum vmcs64 field)
{
    return vmcs_read_raw(field);
}

static inline uint64_t vmcs_readn(enum vmcsN field)
{
    return vmcs_read_raw(field);
}

static inline void vmcs_write16(enum vmcs16 field, uint16_t value)
{
    vmcs_write_raw(field, value);
}

static inline void vmcs_write32(enum vmcs32 field, uint32_t value)
{
    vmcs_write_raw(field, value);
}

static inline void vmcs_write64(enum vmcs64 field, uint64_t value)
{
    vmcs_write_raw(field, value);
}

static inline void vmcs_writen(enum vmcsN field, uint64_t value)
{
    vmcs_write_raw(field, value);
}
