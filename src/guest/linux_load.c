#include "guest/boot.h"
#include "guest/linux.h"
#include "guest/start.h"
#include "lib/fmt.h"
#include "lib/log.h"
#include "lib/mem.h"

/* Module copies are counted apart from the rest of the start. */
static bool copy(struct machine *m, gpa_t to, const uint8_t *from, uint64_t len, uint64_t *ticks)
{
    uint64_t start = clock_now(m->vm.clock);
    enum err e = vm_copy_out(&m->vm, to, from, len);

    *ticks += clock_now(m->vm.clock) - start;
    return e == ERR_NONE;
}

static bool copy_parts(struct machine *m, const struct boot_plan *plan, const struct linux_image *k,
                       const struct linux_layout *at, uint64_t *ticks)
{
    const struct boot_module *kernel = plan->part[ROLE_KERNEL];
    const struct boot_module *initrd = plan->part[ROLE_INITRD];
    uint8_t page[LINUX_ZERO_PAGE_SIZE];

    linux_fill_zero_page(page, kernel->data, k, at, &m->map, m->rsdp);
    return copy(m, at->kernel, kernel->data + k->kernel_at, k->kernel_len, ticks) &&
           (!initrd || copy(m, at->initrd, initrd->data, initrd->len, ticks)) &&
           vm_copy_out(&m->vm, at->zero_page, page, sizeof page) == ERR_NONE &&
           vm_copy_out(&m->vm, at->cmdline, kernel->cmdline.at, kernel->cmdline.len) == ERR_NONE &&
           vm_copy_out(&m->vm, gpa_add(at->cmdline, kernel->cmdline.len), "", 1) == ERR_NONE;
}

bool linux_load(const struct boot_plan *plan, struct machine *m, uint64_t *copy_ticks,
                char why[BOOT_WHY_MAX])
{
    const struct boot_module *kernel = plan->part[ROLE_KERNEL];
    const struct boot_module *initrd = plan->part[ROLE_INITRD];
    struct linux_image image;
    struct linux_layout at;
    struct start_tables tables;
    const char *broken;
    char no_room[LINUX_WHY_MAX];

    log_info("Loading Linux kernel...");
    if (linux_check(kernel->data, kernel->len, &image, &broken) != ERR_NONE) {
        fmt_print(why, BOOT_WHY_MAX, "the kernel cannot be used: %s", broken);
        return false;
    }
    if (linux_place(&image, e820_low_end(m->vm.ram_bytes + E820_SHADOW - E820_VGA),
                    kernel->cmdline.len, initrd ? initrd->len : 0, &at, no_room) != ERR_NONE) {
        fmt_print(why, BOOT_WHY_MAX, "%s", no_room);
        return false;
    }
    tables = (struct start_tables){ .gdt = at.gdt, .page_tables = at.page_tables };
    if (!copy_parts(m, plan, &image, &at, copy_ticks) || !start_write_tables(&m->vcpu, &tables)) {
        fmt_print(why, BOOT_WHY_MAX, "the kernel does not fit into the guest's memory");
        return false;
    }
    start_set_state(&m->vcpu, START_LONG, &tables, at.entry, at.gdt.v);
    m->vcpu.regs.gpr[RSI] = at.zero_page.v; /* boot protocol, "64-bit Boot Protocol" */
    return true;
}
