#include "drivers/power.h"
#include "arch/x86_64/cpu.h"
#include "lib/bits.h"

enum { I8042 = 0x64, I8042_PULSE_RESET = 0xfe, RESET_CONTROL = 0xcf9, RESET_HARD = 0x0e };
enum { PM1_SCI_EN = 1, SLP_TYP_SHIFT = 10, SLP_EN = 1 << 13, PATIENCE = 1000000 };
enum { BOCHS_IODEBUG = 0x8a00, BOCHS_TRAP = 0x8ae0, BOCHS_SHUTDOWN = 0x8900 };
enum { QEMU_DEBUG_EXIT = 0xf4, QEMU_SUCCESS = 0x10, QEMU_FAILURE = 0x11 };

static struct power_acpi acpi;

void power_init(const struct power_acpi *a)
{
    acpi = *a;
}

static void wait_a_little(void)
{
    for (unsigned i = 0; i < PATIENCE; i++) {
        cpu_pause();
    }
}

void power_reset(void)
{
    if (acpi.reset_port) {
        io_out8(acpi.reset_port, acpi.reset_value);
        wait_a_little();
    }
    io_out8(RESET_CONTROL, RESET_HARD & ~4);
    io_out8(RESET_CONTROL, RESET_HARD);
    wait_a_little();
    io_out8(I8042, I8042_PULSE_RESET);
    wait_a_little();
}

/* ACPI specification, "Transitioning from the Working to the Soft Off State". */
void power_off(void)
{
    if (!acpi.has_s5 || !acpi.pm1a_control) {
        return;
    }
    if (acpi.smi_command && acpi.acpi_enable && !(io_in16(acpi.pm1a_control) & PM1_SCI_EN)) {
        io_out8(acpi.smi_command, acpi.acpi_enable);
        for (unsigned i = 0; i < PATIENCE && !(io_in16(acpi.pm1a_control) & PM1_SCI_EN); i++) {
            cpu_pause();
        }
    }
    io_out16(acpi.pm1a_control, (uint16_t)(acpi.slp_typ_a << SLP_TYP_SHIFT | SLP_EN));
    if (acpi.pm1b_control) {
        io_out16(acpi.pm1b_control, (uint16_t)(acpi.slp_typ_b << SLP_TYP_SHIFT | SLP_EN));
    }
    wait_a_little();
}

void power_exit_emulator(bool success)
{
    if (success) {
        io_out16(BOCHS_IODEBUG, BOCHS_IODEBUG);
        io_out16(BOCHS_IODEBUG, BOCHS_TRAP);
    } else {
        for (const char *s = "Shutdown"; *s; s++) {
            io_out8(BOCHS_SHUTDOWN, (uint8_t)*s);
        }
    }
    io_out8(QEMU_DEBUG_EXIT, success ? QEMU_SUCCESS : QEMU_FAILURE);
}
