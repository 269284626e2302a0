/* A PC that firmware starts: SeaBIOS with a floppy. Belongs to the machine: no lock. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct machine;
struct boot_plan;

enum { BIOS_SIZE = 128 * 1024 };

/* Bytes of memory that this guest needs at least, and gets if nobody says how much. */
uint64_t bios_least_ram(const struct boot_plan *plan);
uint64_t bios_default_ram(void);

/* False if the module's options say that polling is not to be taken for idleness. */
bool bios_watches_idle(const struct boot_plan *plan);

/* Runs the guest until it stops; a reset that it asks for starts its PC again, as on a real one. */
void bios_run(struct machine *m);

/* How many keys the BIOS has room for, as far as its data area tells: what is typed faster would be
 * lost. */
unsigned bios_key_room(const struct machine *m);
