/* The PC that a guest sees: the only file with port and pin numbers. One VM's; its vCPU's CPU owns
 * it while it runs: no lock. */
#pragma once
#include "devices/acpi_pm.h"
#include "devices/ioapic.h"
#include "devices/pci_host.h"
#include "devices/pic.h"
#include "devices/pit.h"
#include "devices/reset.h"
#include "devices/rtc.h"
#include "devices/uart.h"
#include "guest/e820.h"
#include "hv/cpuid.h"
#include "hv/vm.h"
#include "lib/err.h"

enum { MACHINE_WHY_MAX = 160 };

struct machine_config {
    const struct virt_ops *ops;
    const struct clock *clock;
    const struct cpuid_table *cpuid;
    struct uart_port console;
    uint64_t (*host_poll)(void *ctx, uint64_t now); /* see struct vm */
    void *host_ctx;
    uint64_t epoch;     /* seconds since 1970 that the guest's clocks start with */
    uint64_t ram_bytes; /* whole pages, over 1 MiB */
};

struct machine_piece { /* host memory behind guest RAM */
    hpa_t at;
    uint64_t len;
};

struct machine {
    struct vm vm;
    struct vcpu vcpu; /* the boot CPU */
    struct machine_piece piece[VM_RAM_MAX];
    unsigned piece_count;
    struct e820_map map;
    gpa_t rsdp;
    struct pic pic;
    struct ioapic ioapic;
    struct pit pit;
    struct rtc rtc;
    struct uart com1;
    struct pci_host pci;
    struct acpi_pm pm;
    struct reset_ports reset;
};

/* Builds the machine: RAM, tables, devices, the boot CPU, not yet its start state. On failure `why`
 * is a sentence and nothing is held. m must be zeroed. */
enum err machine_init(struct machine *m, const struct machine_config *c,
                      char why[MACHINE_WHY_MAX]) MUST_CHECK;

/* Gives all memory back. */
void machine_free(struct machine *m);
