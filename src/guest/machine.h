/* The PC that a guest sees: the only file with port and pin numbers. One VM's; its vCPU's CPU owns
 * it while it runs: no lock. */
#pragma once
#include "devices/acpi_pm.h"
#include "devices/fw_cfg.h"
#include "devices/i8042.h"
#include "devices/ioapic.h"
#include "devices/pci_host.h"
#include "devices/pic.h"
#include "devices/pit.h"
#include "devices/reset.h"
#include "devices/rtc.h"
#include "devices/uart.h"
#include "devices/vga.h"
#include "guest/e820.h"
#include "hv/cpuid.h"
#include "hv/vm.h"
#include "lib/err.h"

/* A PC with a BIOS has the first piece in four parts, and three windows. */
enum { MACHINE_WHY_MAX = 160, MACHINE_PIECES = VM_RAM_MAX - 6 };

struct machine_config {
    const struct virt_ops *ops;
    const struct clock *clock;
    const struct cpuid_table *cpuid;
    struct uart_port console;
    uint64_t (*host_poll)(void *ctx, uint64_t now); /* see struct vm */
    void *host_ctx;
    uint64_t epoch;     /* seconds since 1970 that the guest's clocks start with */
    uint64_t ram_bytes; /* whole pages, over 1 MiB */
    bool bios;          /* a PC that its firmware starts, with video, keyboard and what a BIOS asks
                           for; at least 2 MiB of RAM */
    bool watch_idle;    /* the guest may poll while it is idle */
};

struct machine_piece { /* host memory behind guest RAM, and what else it holds */
    hpa_t at;
    uint64_t len;
};

struct machine {
    struct vm vm;
    struct vcpu vcpu; /* the boot CPU */
    struct machine_config config;
    struct machine_piece piece[MACHINE_PIECES];
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

    /* Only with a BIOS. */
    struct fw_cfg fw_cfg;
    struct i8042 i8042;
    struct vga vga;
    hpa_t low, vram; /* the memory behind the first MiB; VGA_VRAM_SIZE bytes */
    bool a20;
    uint32_t shown[VGA_WINDOW_COUNT]; /* of vga.window: what is mapped */
    hpa_t rom;                        /* the firmware as it was loaded: BIOS_SIZE bytes */
    uint8_t ram_map[E820_MAX * 20];   /* the file etc/e820 */
    uint64_t started;                 /* tick of the last start */
    unsigned quick_resets;            /* in a row, each within a second of its start */
    bool hard_reset;                  /* the reset that was asked for is not just the CPU's */
};

/* Builds the machine: RAM, tables, devices, the boot CPU, not yet its start state. On failure `why`
 * is a sentence and nothing is held. m must be zeroed. */
enum err machine_init(struct machine *m, const struct machine_config *c,
                      char why[MACHINE_WHY_MAX]) MUST_CHECK;

/* Resets all devices, as the PC's reset line does. The clock goes on; RAM stays as it is. */
void machine_reset_devices(struct machine *m);

/* Gives all memory back. */
void machine_free(struct machine *m);
