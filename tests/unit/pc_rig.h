/* A PC that machine_init() builds, in memory of this process, on the virt_ops of vcpu_rig.h and a
 * clock that is moved by hand. What it links is ${PC} in tests.cmake; one program has one of it. */
#pragma once
#include "guest/acpi_tables.h"
#include "guest/bios.h"
#include "guest/machine.h"
#include "guest/ram.h"
#include "lib/bits.h"
#include "lib/panic.h"
#include "mm/frame.h"
#include "mm/paging.h"
#include "vcpu_rig.h"
#include "vmx/ept.h"

#include <stdlib.h>

enum { PC_HZ = 1000000, PC_START = 5 * PC_HZ, PC_EPOCH = 1000000000 };

static struct machine pc;
static char pc_why[MACHINE_WHY_MAX];
static uint64_t pc_now;

/* The host's memory. */
static struct {
    uint64_t limit, held; /* bytes */
    uint64_t largest;     /* piece */
} pc_host;

/* What a process has at an address is host-physical memory that hpa_ptr() finds there. */
static inline hpa_t hpa_of(const void *at)
{
    return HPA((uintptr_t)at - DIRECT_MAP);
}

bool frame_alloc_piece(uint64_t len, uint64_t align, hpa_t *out)
{
    void *at = NULL;

    if (len > pc_host.limit - pc_host.held) {
        return false;
    }
    assert_int_equal(posix_memalign(&at, align, len), 0);
    memset(at, 0xa5, len); /* somebody had it before */
    pc_host.held += len;
    *out = hpa_of(at);
    return true;
}

void frame_free_piece(hpa_t at, uint64_t len)
{
    assert_true(len <= pc_host.held);
    pc_host.held -= len;
    free(hpa_ptr(at));
}

uint64_t frame_largest(uint64_t align)
{
    return ALIGN_DOWN(MIN(pc_host.largest, pc_host.limit - pc_host.held), align);
}

static inline bool pc_table(void *ctx, hpa_t *out)
{
    (void)ctx;
    if (!frame_alloc_piece(PAGE_SIZE, PAGE_SIZE, out)) {
        return false;
    }
    memset(hpa_ptr(*out), 0, PAGE_SIZE);
    return true;
}

static inline void pc_free_table(void *ctx, hpa_t at)
{
    (void)ctx;
    frame_free_piece(at, PAGE_SIZE);
}

static inline uint64_t *pc_see_table(void *ctx, hpa_t at)
{
    (void)ctx;
    return hpa_ptr(at);
}

const struct npt_frames frame_npt = { pc_table, pc_free_table, pc_see_table, NULL };

void panic(const char *fmt, ...)
{
    fail_msg("panic: %s", fmt);
    abort();
}

/* A guest with a BIOS has no tables of ours. */
const uint8_t guest_dsdt[1] = { 0 }, guest_dsdt_end[1] = { 0 };

enum err acpi_tables_build(const struct acpi_machine *m, const void *dsdt, size_t dsdt_len,
                           uint8_t *to, size_t size, gpa_t base, size_t *used)
{
    (void)m;
    (void)dsdt;
    (void)dsdt_len;
    (void)base;
    *used = 1;
    assert_true(size > 0);
    to[0] = 0x7a; /* where they would lie */
    return ERR_NONE;
}

static inline uint64_t pc_read_clock(void *ctx)
{
    (void)ctx;
    return pc_now;
}

static const struct clock pc_clock = { .now = pc_read_clock, .hz = PC_HZ };

static inline const struct npt_format *pc_npt_format(void)
{
    static struct npt_format format;

    format = ept_format(BIT(16)); /* 2 MiB pages */
    return &format;
}

static inline enum err pc_vcpu_init(struct vcpu *v)
{
    assert_ptr_equal(v, &pc.vcpu);
    return ERR_NONE;
}

static inline void pc_vcpu_free(struct vcpu *v)
{
    assert_ptr_equal(v, &pc.vcpu);
}

static struct virt_ops pc_ops;

static inline void pc_put(void *ctx, uint8_t byte)
{
    (void)ctx;
    (void)byte;
}

static inline bool pc_get(void *ctx, uint8_t *byte)
{
    (void)ctx;
    (void)byte;
    return false;
}

static inline struct machine_config pc_config(bool bios, uint64_t ram_bytes)
{
    return (struct machine_config){
        .ops = &pc_ops,
        .clock = &pc_clock,
        .cpuid = &cpuid,
        .console = {.put = pc_put, .get = pc_get},
        .epoch = PC_EPOCH,
        .ram_bytes = ram_bytes,
        .bios = bios,
    };
}

/* Before each machine. */
static inline void pc_reset(void)
{
    rig_reset();
    pc_ops = rig_ops;
    pc_ops.npt_format = pc_npt_format;
    pc_ops.vcpu_init = pc_vcpu_init;
    pc_ops.vcpu_free = pc_vcpu_free;
    memset(&pc, 0, sizeof pc);
    memset(pc_why, 0, sizeof pc_why);
    pc_now = PC_START;
    pc_host.limit = GIB;
    pc_host.held = 0;
    pc_host.largest = 512 * MIB;
}

static inline void pc_build(bool bios, uint64_t ram_bytes)
{
    struct machine_config c = pc_config(bios, ram_bytes);

    pc_reset();
    if (machine_init(&pc, &c, pc_why) != ERR_NONE) {
        fail_msg("%s", pc_why);
    }
}

/* Checks that all memory has come back. */
static inline int pc_teardown(void **state)
{
    (void)state;
    machine_free(&pc);
    assert_int_equal(pc_host.held, 0);
    return 0;
}

static inline uint64_t pc_io(unsigned port, unsigned size, bool write, uint64_t value)
{
    const struct io_range *r = io_bus_find(&pc.vm.pio, port, size);
    struct io_access a = { .size = (uint8_t)size, .write = write, .value = value };

    assert_non_null(r);
    a.offset = port - r->base;
    r->fn(r->dev, &a);
    return a.value;
}

static inline void pc_out8(unsigned port, unsigned value)
{
    (void)pc_io(port, 1, true, value);
}

static inline void pc_out16(unsigned port, unsigned value)
{
    (void)pc_io(port, 2, true, value);
}

static inline uint8_t pc_in8(unsigned port)
{
    return (uint8_t)pc_io(port, 1, false, 0);
}

/* Guest RAM, which must be there. */
static inline uint8_t *pc_ram(uint64_t at, size_t len)
{
    uint8_t *p = vm_ram(&pc.vm, GPA(at), len);

    assert_non_null(p);
    return p;
}

static inline void assert_said(const char *why, const char *part)
{
    if (!strstr(why, part)) {
        fail_msg("'%s' does not say '%s'", why, part);
    }
}
