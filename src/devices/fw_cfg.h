/* The firmware configuration device of a QEMU PC, as SeaBIOS uses it: small items and named files,
 * read byte by byte or by DMA. One VM owns it; no lock yet, since one vCPU runs. QEMU,
 * docs/specs/fw_cfg. */
#pragma once
#include "devices/dma.h"
#include "devices/io_bus.h"
#include "lib/err.h"
#include <stdbool.h>
#include <stdint.h>

enum { FW_CFG_FILES_MAX = 16, FW_CFG_NAME_MAX = 55, FW_CFG_ITEMS_MAX = 16, FW_CFG_ITEM_LEN = 8 };

/* Keys of items that have a number of their own, as SeaBIOS reads them. Those that are not added
 * read as zeros. */
enum {
    FW_CFG_NOGRAPHIC = 0x04,
    FW_CFG_NB_CPUS = 0x05,
    FW_CFG_BOOT_MENU = 0x0e,
    FW_CFG_MAX_CPUS = 0x0f,
};

struct fw_cfg_item {
    uint16_t key;
    uint8_t len; /* bytes */
    uint8_t data[FW_CFG_ITEM_LEN];
};

struct fw_cfg {
    struct guest_dma dma;
    uint8_t dir[4 + 64 * FW_CFG_FILES_MAX]; /* the file directory as the guest reads it */
    const uint8_t *file[FW_CFG_FILES_MAX];  /* what key 20h + index gives */
    uint32_t file_len[FW_CFG_FILES_MAX];    /* bytes */
    unsigned file_count;
    struct fw_cfg_item item[FW_CFG_ITEMS_MAX];
    unsigned item_count;
    uint16_t key;      /* the selected item */
    uint32_t offset;   /* of the next byte in it; at most its length */
    uint32_t dma_high; /* what was written to the high half of the DMA address */
};

/* Has the signature, the version and an empty directory. */
void fw_cfg_init(struct fw_cfg *f, struct guest_dma dma);

/* A named file. The data stays the owner's and must outlive the device. ERR_INVAL for a name that
 * is empty, too long or there already; ERR_NOMEM if the directory is full. */
enum err fw_cfg_add_file(struct fw_cfg *f, const char *name, const void *data,
                         uint32_t len) MUST_CHECK;

/* A small item under a key of its own (below 20h, or 8000h and up for the architecture's); the data
 * is copied. ERR_INVAL for a key that is taken or a file's, ERR_RANGE if it is longer than
 * FW_CFG_ITEM_LEN, ERR_NOMEM if there are FW_CFG_ITEMS_MAX. */
enum err fw_cfg_add_item(struct fw_cfg *f, uint16_t key, const void *data, uint32_t len) MUST_CHECK;

io_fn fw_cfg_io;     /* ports 510h-511h: a word written to the first selects, the second reads */
io_fn fw_cfg_dma_io; /* ports 514h-51Bh: the DMA address, big-endian; its low half starts it */
