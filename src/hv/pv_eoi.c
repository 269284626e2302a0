#include "hv/pv_eoi.h"
#include "hv/vm.h"
#include "lib/bits.h"

enum { PV_EOI_ENABLE = 1, PV_EOI_RESERVED = 2, PV_EOI_PENDING = 1 };

/* NULL if there is no RAM any more: a window of video memory may have been closed. */
static uint8_t *flag_of(const struct vcpu *v)
{
    return vm_ram(v->vm, GPA(v->pv_eoi & ~UINT64_C(3)), 4);
}

bool pv_eoi_enable(struct vcpu *v, uint64_t value)
{
    if (value & PV_EOI_RESERVED) {
        return false;
    }
    if ((value & PV_EOI_ENABLE) && !vm_ram(v->vm, GPA(value & ~UINT64_C(3)), 4)) {
        return false;
    }
    pv_eoi_collect(v);
    if (v->pv_eoi_armed) { /* else the guest would take its next look at the flag for an EOI */
        *flag_of(v) &= (uint8_t)~PV_EOI_PENDING; /* it is there: collect has just seen it */
        v->pv_eoi_armed = false;
    }
    v->pv_eoi = value;
    return true;
}

void pv_eoi_offer(struct vcpu *v, uint8_t vector)
{
    bool level = v->lapic.tmr.word[vector / 32] & BIT32(vector % 32);
    uint8_t *flag;

    if (!(v->pv_eoi & PV_EOI_ENABLE) || level || v->lapic.irr.used) {
        return;
    }
    flag = flag_of(v);
    if (flag) {
        *flag |= PV_EOI_PENDING;
        v->pv_eoi_armed = true;
    }
}

void pv_eoi_collect(struct vcpu *v)
{
    uint8_t *flag;

    if (!v->pv_eoi_armed) {
        return;
    }
    flag = flag_of(v);
    if (!flag) { /* the guest has to tell its APIC */
        v->pv_eoi_armed = false;
        return;
    }
    if (*flag & PV_EOI_PENDING) {
        /* Not ended yet. Something new may wait behind it, and then its end must be seen. */
        if (v->lapic.irr.used) {
            *flag &= (uint8_t)~PV_EOI_PENDING;
            v->pv_eoi_armed = false;
        }
        return;
    }
    v->pv_eoi_armed = false;
    lapic_eoi(&v->lapic);
}
