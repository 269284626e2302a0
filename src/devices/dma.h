/* How a device reaches guest memory: two functions handed to it when it is made. Every address and
 * length that goes through them is the guest's word. No lock. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* gpa is guest-physical, len in bytes. False, with nothing copied, unless all of it is RAM. */
struct guest_dma {
    bool (*read)(void *ctx, uint64_t gpa, void *to, size_t len);
    bool (*write)(void *ctx, uint64_t gpa, const void *from, size_t len);
    void *ctx;
};
