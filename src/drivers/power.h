/* Ends the machine: reset, power-off, and the exits that emulators offer. Called once, at the end:
 * no lock. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* What ACPI says about this machine; ports that are 0 are not there. */
struct power_acpi {
    uint16_t pm1a_control, pm1b_control, smi_command;
    uint8_t acpi_enable, slp_typ_a, slp_typ_b;
    bool has_s5;
    uint16_t reset_port;
    uint8_t reset_value;
};

/* Remembers what ACPI says. */
void power_init(const struct power_acpi *acpi);

/* Both come back only if nothing worked. */
void power_reset(void);
void power_off(void);

/* Ends the emulator with a status for scripts: Bochs 0 or 1, QEMU's isa-debug-exit 33 or 35. On
 * real hardware nothing answers and this returns. */
void power_exit_emulator(bool success);
