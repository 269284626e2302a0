/* The end of the road: what panic() and a host exception have in common. It stops this CPU: no
 * lock. */
#pragma once
#include "arch/x86_64/trap.h"
#include <stddef.h>
#include <stdint.h>

/* An exception that nobody fixed up: registers, backtrace, the last log lines; does not return. */
_Noreturn void panic_frame(const struct trap_frame *f);

/* How text gets to the consoles past the log, and what is done when everything has been said (flush
 * the consoles, end the emulator; then this CPU halts). Both may be NULL. */
void panic_set_hooks(void (*print)(const char *text, size_t len), void (*last)(void));

/* "name+0x12" of an address of the image into buf; just the number if it is none. */
void symbol_format(char *buf, size_t size, uint64_t addr);
