/* One interrupt wire as a device sees it: it can only pull it up or down. No lock. */
#pragma once
#include <stdbool.h>

struct irq_line {
    void (*set)(void *ctl, unsigned pin, bool level);
    void *ctl; /* whatever is at the other end: a PIC, an I/O APIC, both */
    unsigned pin;
};

static inline void irq_set(const struct irq_line *l, bool level)
{
    l->set(l->ctl, l->pin, level);
}
