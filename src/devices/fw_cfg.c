#include "devices/fw_cfg.h"
#include "lib/addr.h"
#include "lib/bits.h"
#include "lib/mem.h"
#include "lib/range.h"

/* QEMU, docs/specs/fw_cfg, "Firmware Configuration Items" and "Guest-side DMA Interface". */
enum {
    KEY_SIGNATURE = 0x00,
    KEY_ID = 0x01,
    KEY_DIR = 0x19,
    KEY_FILES = 0x20,
    KEY_WRITE = 0x4000, /* says nothing about what can be written, and names the same item */
    KEY_ARCH = 0x8000,
    ID_TRADITIONAL = 0x01,
    ID_DMA = 0x02,
    PORT_SELECT = 0,
    PORT_DATA = 1,
    DMA_HIGH = 0,
    DMA_LOW = 4,
};

enum { CTL_ERROR = 0x01, CTL_READ = 0x02, CTL_SKIP = 0x04, CTL_SELECT = 0x08, CTL_WRITE = 0x10 };

/* Layout of the directory: a count, then for each file its size, key, two bytes and name. */
enum { DIR_HEAD = 4, ENTRY_LEN = 64, ENTRY_SIZE = 0, ENTRY_KEY = 4, ENTRY_NAME = 8 };
_Static_assert(ENTRY_NAME + FW_CFG_NAME_MAX + 1 == ENTRY_LEN, "a name and its zero fill an entry");
_Static_assert(sizeof((struct fw_cfg *)0)->dir == DIR_HEAD + ENTRY_LEN * FW_CFG_FILES_MAX,
               "the directory has room for all files");

/* Layout of the structure that a DMA address names. */
enum { DESC_CONTROL = 0, DESC_LENGTH = 4, DESC_ADDRESS = 8, DESC_LEN = 16 };

static const char dma_signature[8] = { 'Q', 'E', 'M', 'U', ' ', 'C', 'F', 'G' };

/* How far a DMA read may go past the end of its item. Firmware reads whole items, or a number that
 * may not be there, which is 8 bytes; a longer tail of zeros is nothing but time that the guest
 * takes from the host, up to 4 GiB of it with each exit. What an item holds itself is copied at
 * once: its size is the host's choice, and a floppy is the largest. */
static const uint8_t tail[4 * KIB];

static uint32_t be32_read(const uint8_t *from)
{
    return (uint32_t)from[0] << 24 | (uint32_t)from[1] << 16 | (uint32_t)from[2] << 8 | from[3];
}

static void be32_write(uint8_t *to, uint32_t v)
{
    for (unsigned i = 0; i < 4; i++) {
        to[i] = (uint8_t)(v >> (24 - 8 * i));
    }
}

/* The bytes under this key and how many there are; none for a key that is unknown. */
static const uint8_t *find(const struct fw_cfg *f, uint16_t key, uint32_t *len)
{
    unsigned file = (unsigned)key - KEY_FILES;

    if (key >= KEY_FILES && file < f->file_count) {
        *len = f->file_len[file];
        return f->file[file];
    }
    if (key == KEY_DIR) {
        *len = DIR_HEAD + ENTRY_LEN * f->file_count;
        return f->dir;
    }
    for (unsigned i = 0; i < f->item_count; i++) {
        if (f->item[i].key == key) {
            *len = f->item[i].len;
            return f->item[i].data;
        }
    }
    *len = 0;
    return NULL;
}

static void select_item(struct fw_cfg *f, uint16_t key)
{
    f->key = key & (uint16_t)~KEY_WRITE;
    f->offset = 0;
}

/* The next `count` bytes of the selected item, or as many as there are; they are passed over. */
static const uint8_t *take(struct fw_cfg *f, uint32_t *count)
{
    uint32_t len;
    const uint8_t *data = find(f, f->key, &len);
    uint32_t at = f->offset;

    *count = MIN(*count, len - at);
    f->offset += *count;
    return *count ? data + at : NULL;
}

static bool dma_read_item(struct fw_cfg *f, uint64_t to, uint32_t length)
{
    uint32_t count = length;
    const uint8_t *data = take(f, &count);
    uint64_t end;

    if (length - count > sizeof tail || !range_end(to, length, &end)) {
        return false;
    }
    return (count == 0 || f->dma.write(f->dma.ctx, to, data, count)) &&
           (length == count || f->dma.write(f->dma.ctx, to + count, tail, length - count));
}

/* Bits that exclude each other are taken in the order read, write, skip. */
static bool dma_transfer(struct fw_cfg *f, const uint8_t desc[DESC_LEN])
{
    uint32_t control = be32_read(desc + DESC_CONTROL);
    uint32_t length = be32_read(desc + DESC_LENGTH);
    uint64_t address = make64(be32_read(desc + DESC_ADDRESS), be32_read(desc + DESC_ADDRESS + 4));

    if (control & CTL_SELECT) {
        select_item(f, (uint16_t)(control >> 16));
    }
    if (control & CTL_READ) {
        return dma_read_item(f, address, length);
    }
    if (control & CTL_WRITE) {
        return false; /* nothing is writable */
    }
    if (control & CTL_SKIP) {
        (void)take(f, &length);
    }
    return true;
}

/* The descriptor is copied before anything is moved, since its own target may cover it. If it lies
 * where the guest has no RAM, there is nowhere to report the error. */
static void dma_start(struct fw_cfg *f, uint64_t at)
{
    uint8_t desc[DESC_LEN];
    uint8_t control[4];
    bool done = f->dma.read(f->dma.ctx, at, desc, sizeof desc) && dma_transfer(f, desc);

    be32_write(control, done ? 0 : CTL_ERROR);
    (void)f->dma.write(f->dma.ctx, at, control, sizeof control);
}

void fw_cfg_init(struct fw_cfg *f, struct guest_dma dma)
{
    *f = (struct fw_cfg){
        .dma = dma,
        .item = {{ .key = KEY_SIGNATURE, .len = 4, .data = { 'Q', 'E', 'M', 'U' } },
                 { .key = KEY_ID, .len = 4, .data = { ID_TRADITIONAL | ID_DMA } }},
        .item_count = 2,
    };
}

static uint8_t *dir_entry(struct fw_cfg *f, size_t file)
{
    return f->dir + DIR_HEAD + ENTRY_LEN * file;
}

enum err fw_cfg_add_file(struct fw_cfg *f, const char *name, const void *data, uint32_t len)
{
    size_t name_len = strlen(name);
    uint8_t *entry;

    if (name_len == 0 || name_len > FW_CFG_NAME_MAX) {
        return ERR_INVAL;
    }
    for (unsigned i = 0; i < f->file_count; i++) {
        if (strcmp((const char *)dir_entry(f, i) + ENTRY_NAME, name) == 0) {
            return ERR_INVAL;
        }
    }
    if (f->file_count == FW_CFG_FILES_MAX) {
        return ERR_NOMEM;
    }
    entry = dir_entry(f, f->file_count);
    be32_write(entry + ENTRY_SIZE, len);
    be32_write(entry + ENTRY_KEY, (KEY_FILES + f->file_count) << 16);
    memcpy(entry + ENTRY_NAME, name, name_len + 1);
    f->file[f->file_count] = data;
    f->file_len[f->file_count] = len;
    f->file_count++;
    be32_write(f->dir, f->file_count);
    return ERR_NONE;
}

enum err fw_cfg_add_item(struct fw_cfg *f, uint16_t key, const void *data, uint32_t len)
{
    struct fw_cfg_item *item;

    if ((key >= KEY_FILES && key < KEY_ARCH) || key == KEY_DIR || (key & KEY_WRITE)) {
        return ERR_INVAL;
    }
    for (unsigned i = 0; i < f->item_count; i++) {
        if (f->item[i].key == key) {
            return ERR_INVAL;
        }
    }
    if (len > FW_CFG_ITEM_LEN) {
        return ERR_RANGE;
    }
    if (f->item_count == FW_CFG_ITEMS_MAX) {
        return ERR_NOMEM;
    }
    item = &f->item[f->item_count++];
    item->key = key;
    item->len = (uint8_t)len;
    memcpy(item->data, data, len);
    return ERR_NONE;
}

/* Bytes written to the data port are ignored, the selector cannot be read. */
void fw_cfg_io(void *dev, struct io_access *a)
{
    struct fw_cfg *f = dev;

    if (a->write) {
        if (a->offset == PORT_SELECT && a->size == 2) {
            select_item(f, (uint16_t)a->value);
        }
    } else if (a->offset == PORT_DATA && a->size == 1) {
        uint32_t count = 1;
        const uint8_t *byte = take(f, &count);

        a->value = io_byte_reply(byte ? *byte : 0);
    } else {
        a->value = ~UINT64_C(0);
    }
}

void fw_cfg_dma_io(void *dev, struct io_access *a)
{
    struct fw_cfg *f = dev;
    uint32_t half = __builtin_bswap32(lo32(a->value));

    if (!a->write) {
        a->value = ~UINT64_C(0);
        if (range_fits(a->offset, a->size, sizeof dma_signature)) {
            memcpy(&a->value, dma_signature + a->offset, a->size);
        }
    } else if (a->offset == DMA_HIGH && a->size == 4) {
        f->dma_high = half;
    } else if (a->offset == DMA_LOW && a->size == 4) {
        uint64_t at = make64(f->dma_high, half);

        f->dma_high = 0; /* as after each operation */
        dma_start(f, at);
    }
}
