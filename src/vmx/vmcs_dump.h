/* The current VMCS in the log, field by field, for the post-mortem. On the CPU that owns the VMCS:
 * no lock. */
#pragma once

/* Logs NAME=value in hexadecimal for each field that this CPU has. */
void vmcs_dump(void);
