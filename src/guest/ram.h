/* A guest's memory: host memory taken for it, the holes and windows below 1 MiB, the wrap of A20.
 * Belongs to the machine: no lock. */
#pragma once
#include "lib/addr.h"
#include "lib/err.h"
#include <stdbool.h>
#include <stdint.h>

struct machine;

/* Takes `bytes` (whole pages) of host memory, in pieces, and maps it all. What lies where: e820.h.
 * A machine with a BIOS has video memory and ram_set_a20() as well. */
enum err ram_build(struct machine *m, uint64_t bytes) MUST_CHECK;

/* Gives it back. */
void ram_free(struct machine *m);

/* The PC's address line 20. Off: the 64 KiB above 1 MiB, all that real mode can reach there, are
 * the first 64 KiB. A program in big real or protected mode that reads further up sees no wrap. */
void ram_set_a20(struct machine *m, bool on);
bool ram_a20(const struct machine *m);

/* The windows of video memory show what the VGA says (struct vga, window). */
void ram_show_video(struct machine *m);

/* Takes host memory, in whole pages, for the machine that is no RAM of the guest; zeroed. False:
 * there is none left. */
bool ram_take(struct machine *m, uint64_t bytes, hpa_t *at) MUST_CHECK;
