/* One virtual machine: its RAM and the only door to it, its two address spaces, its CPUs. Built by
 * one CPU, then read-only except through the vCPUs: no lock. */
#pragma once
#include "devices/io_bus.h"
#include "hv/virt_ops.h"
#include "lib/addr.h"
#include "lib/err.h"
#include "mm/npt.h"
#include <stdbool.h>
#include <stddef.h>

enum { VM_VCPU_MAX = 8, VM_RAM_MAX = 24, VM_SEEN_MAX = 64 };

/* A piece of guest RAM that is contiguous on both sides. */
struct vm_ram {
    gpa_t gpa;
    uint64_t len;  /* bytes, whole pages */
    uint8_t *host; /* where the core sees it; NULL: a window that shows nothing now */
};

enum vm_stop { VM_RUNNING, VM_POWER_OFF, VM_RESET, VM_TRIPLE_FAULT, VM_HALTED, VM_KILLED };

/* Ports or MSRs that nothing answers: counted, logged once each. */
struct vm_seen {
    uint32_t id[VM_SEEN_MAX];
    unsigned count;
    uint64_t total;
};

struct vm {
    const struct virt_ops *ops;
    struct npt npt;
    struct vm_ram ram[VM_RAM_MAX];
    unsigned ram_count;
    uint64_t ram_bytes;
    struct io_bus pio, mmio; /* port I/O, memory-mapped I/O */
    struct vcpu *vcpu[VM_VCPU_MAX];
    unsigned vcpu_count;

    const struct clock *clock;
    const struct cpuid_table *cpuid;
    uint64_t boot_tsc; /* tick of the clock at which the guest's time began */
    uint64_t epoch;    /* seconds since 1970 at that tick */
    /* What the guest wrote to MSR_KVM_WALL_CLOCK_NEW. */
    uint64_t kvm_wall_clock;
    const void *uart_dev; /* its exits are counted apart */
    /* Host work that waits for an exit (console input and output). Called with the time of an exit;
     * returns the tick at which it wants to be called again, or TIMER_OFF. */
    uint64_t (*host_poll)(void *ctx, uint64_t now);
    void *host_ctx;
    uint64_t host_next; /* host TSC tick of the next host_poll; set it to 0 to be called at once */

    enum vm_stop stop;
    char why[160]; /* one sentence for the user */
    struct vm_seen ports, msrs_read, msrs_written, mmio_holes;
};

/* The only door from guest memory to a host pointer: NULL unless all of len is RAM in one piece. */
void *vm_ram(const struct vm *vm, gpa_t at, size_t len) MUST_CHECK;
/* Copies may cross pieces; ERR_RANGE, with nothing copied, unless all of it is RAM. */
enum err vm_copy_in(const struct vm *vm, void *to, gpa_t from, size_t len) MUST_CHECK;
enum err vm_copy_out(const struct vm *vm, gpa_t to, const void *from, size_t len) MUST_CHECK;

/* Adds a piece of RAM and maps it. */
enum err vm_add_ram(struct vm *vm, gpa_t at, void *host, hpa_t hpa, uint64_t len) MUST_CHECK;

/* Memory that the guest may read and execute but not write: a ROM. Writes exit; it is not RAM. */
enum err vm_add_rom(struct vm *vm, gpa_t at, hpa_t hpa, uint64_t len) MUST_CHECK;

/* Makes a piece of RAM that vm_add_ram() added in 4 KiB pages (it is shorter than 2 MiB) show other
 * host memory, or nothing (host NULL: accesses exit): a window of video memory, the wrap at 1 MiB.
 * Costs an entry for each page and a flush of this guest's translations at the next entry. */
enum err vm_show(struct vm *vm, gpa_t at, void *host, hpa_t hpa) MUST_CHECK;

/* Stops this VM: its vCPU leaves the run loop at once. The first reason stands. */
void vm_stop(struct vm *vm, enum vm_stop how, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* The guest can't go on: stops this VM with a dump. The hypervisor goes on. */
void vm_kill(struct vm *vm, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Counts this id; true the first time it is seen (while the table has room): then it is worth a
 * line. */
bool vm_seen_first(struct vm_seen *s, uint32_t id);
