#include "devices/lapic_priv.h"

/* Intel SDM vol. 3, "Valid Interrupt Vectors": an APIC never takes the ones below. */
enum { FIRST_VECTOR = 16 };

static void vectors_set(struct lapic_vectors *s, uint8_t vector)
{
    s->word[vector / 32] |= BIT32(vector % 32);
    s->used |= BIT32(vector / 32);
}

static void vectors_clear(struct lapic_vectors *s, uint8_t vector)
{
    uint32_t word = s->word[vector / 32] & ~BIT32(vector % 32);

    s->word[vector / 32] = word;
    if (word == 0) {
        s->used &= ~BIT32(vector / 32);
    }
}

static bool vectors_has(const struct lapic_vectors *s, uint8_t vector)
{
    return (s->word[vector / 32] & BIT32(vector % 32)) != 0;
}

static unsigned top_bit(uint32_t v)
{
    return 31 - (unsigned)__builtin_clz(v);
}

/* The highest vector of the set, or -1. This is on the way of every VM entry. */
static int vectors_top(const struct lapic_vectors *s)
{
    unsigned i;

    if (s->used == 0) {
        return -1;
    }
    i = top_bit(s->used);
    return (int)(32 * i + top_bit(s->word[i]));
}

/* Intel SDM vol. 3, "Local APIC State After Power-Up or Reset". */
void lapic_reset(struct lapic *l)
{
    lapic_timer_stop(l);
    l->tpr = 0;
    l->ldr = 0;
    l->dfr = ~UINT32_C(0);
    l->svr = 0xff;
    l->esr = 0;
    l->esr_pending = 0;
    for (unsigned i = 0; i < LVT_COUNT; i++) {
        l->lvt[i] = APIC_LVT_MASKED;
    }
    l->icr = 0;
    l->irr = (struct lapic_vectors){ 0 };
    l->isr = (struct lapic_vectors){ 0 };
    l->tmr = (struct lapic_vectors){ 0 };
    l->divide = 0;
}

void lapic_init(struct lapic *l, uint32_t id, bool is_bsp, const struct clock *clock,
                struct timer_queue *timers, const struct lapic_ops *ops, void *ctx)
{
    *l = (struct lapic){ .id = id,
                         .base = LAPIC_BASE_GPA | APIC_BASE_EN | (is_bsp ? APIC_BASE_BSP : 0),
                         .clock = clock,
                         .ops = ops,
                         .ctx = ctx };
    lapic_timer_bind(l, timers);
    lapic_reset(l);
}

uint32_t lapic_ppr(const struct lapic *l)
{
    int top = vectors_top(&l->isr);
    uint32_t serving = top < 0 ? 0 : (uint32_t)top & 0xf0;

    return (l->tpr & 0xf0) >= serving ? l->tpr : serving;
}

int lapic_pending(const struct lapic *l)
{
    int top = vectors_top(&l->irr);

    return top >= 0 && ((uint32_t)top & 0xf0) > (lapic_ppr(l) & 0xf0) ? top : -1;
}

void lapic_recheck(struct lapic *l)
{
    if (lapic_pending(l) >= 0) {
        l->ops->kick(l->ctx);
    }
}

void lapic_accept(struct lapic *l, uint8_t vector)
{
    vectors_clear(&l->irr, vector);
    vectors_set(&l->isr, vector);
}

/* Intel SDM vol. 3, "Error Handling": after one error interrupt the next comes only when the guest
 * has written the ESR. So an error LVT entry with an illegal vector can't go round in circles. */
void lapic_error(struct lapic *l, uint32_t esr_bit)
{
    bool first = l->esr_pending == 0;

    l->esr_pending |= esr_bit;
    if (first) {
        lapic_lvt_fire(l, LVT_ERROR);
    }
}

/* A reset clears the enable bit of the SVR, so a globally disabled APIC has it clear too.
 * It kicks even if the priority is too low now: who keeps the end of an interrupt from this APIC
 * for a while (paravirtual EOI) brings it up to date before he looks. */
void lapic_deliver(struct lapic *l, uint8_t vector, bool level)
{
    if (!(l->svr & APIC_SVR_ENABLE)) {
        return;
    }
    if (vector < FIRST_VECTOR) {
        lapic_error(l, APIC_ERR_RECEIVE_VECTOR);
        return;
    }
    vectors_set(&l->irr, vector);
    if (level) {
        vectors_set(&l->tmr, vector);
    } else {
        vectors_clear(&l->tmr, vector);
    }
    l->ops->kick(l->ctx);
}

void lapic_eoi(struct lapic *l)
{
    int top = vectors_top(&l->isr);
    uint8_t vector = (uint8_t)top;

    if (top < 0) {
        return;
    }
    vectors_clear(&l->isr, vector);
    if (vectors_has(&l->tmr, vector)) {
        l->ops->eoi(l->ctx, vector);
    }
    lapic_recheck(l);
}

/* SMI and INIT have no sender among the LVT entries of this machine. */
void lapic_lvt_fire(struct lapic *l, unsigned lvt)
{
    uint32_t entry = l->lvt[lvt];

    if (entry & APIC_LVT_MASKED) {
        return;
    }
    switch (bits(entry, 10, 8)) {
    case APIC_FIXED:
        lapic_deliver(l, (uint8_t)entry, false);
        break;
    case APIC_NMI:
        l->ops->nmi(l->ctx);
        break;
    case APIC_EXTINT:
        l->ops->kick(l->ctx);
        break;
    default:
        break;
    }
}

void lapic_lint(struct lapic *l, unsigned pin)
{
    if (pin > 1) {
        return;
    }
    if (lapic_is_on(l)) {
        lapic_lvt_fire(l, LVT_LINT0 + pin);
    } else if (pin == 0) {
        l->ops->kick(l->ctx);
    } else {
        l->ops->nmi(l->ctx);
    }
}

bool lapic_extint_enabled(const struct lapic *l)
{
    uint32_t entry = l->lvt[LVT_LINT0];

    return !lapic_is_on(l) || (!(entry & APIC_LVT_MASKED) && bits(entry, 10, 8) == APIC_EXTINT);
}

/* Intel SDM vol. 3, "Logical Destination Mode" for the 8-bit forms. */
static bool matches_xapic_logical(const struct lapic *l, uint32_t dest)
{
    uint32_t own = l->ldr >> 24;

    switch (l->dfr >> 28) {
    case 0xf: /* flat */
        return (dest & own) != 0;
    case 0: /* clusters of four; cluster 15 is all of them */
        return (dest >> 4 == own >> 4 || dest >> 4 == 0xf) && (dest & own & 0xf) != 0;
    default:
        return false;
    }
}

/* The destination that means every APIC, logical or physical. */
static uint32_t broadcast(const struct lapic *l)
{
    return lapic_is_x2(l) ? UINT32_MAX : 0xff;
}

bool lapic_matches(const struct lapic *l, uint32_t dest, bool logical)
{
    uint32_t own;

    if (!lapic_is_on(l)) {
        return false;
    }
    if (dest == broadcast(l)) {
        return true;
    }
    if (!logical) {
        return dest == (l->id & broadcast(l));
    }
    if (!lapic_is_x2(l)) {
        return matches_xapic_logical(l, dest);
    }
    own = lapic_x2_ldr(l);
    return dest >> 16 == own >> 16 && (dest & own & 0xffff) != 0;
}

/* Whom an ICR value means: this APIC, and perhaps some other. */
static void icr_targets(const struct lapic *l, uint64_t icr, bool *self, bool *others)
{
    enum { DEST_FIELD, SELF, ALL };
    uint64_t to = bits(icr, 19, 18);
    bool logical = (icr & BIT(11)) != 0;
    uint32_t dest = lapic_is_x2(l) ? hi32(icr) : hi32(icr) >> 24;

    if (to == DEST_FIELD) {
        *self = lapic_matches(l, dest, logical);
        *others = !*self || logical || dest == broadcast(l);
    } else {
        *self = to == SELF || to == ALL;
        *others = to != SELF;
    }
}

/* Intel SDM vol. 3, "Interrupt Command Register (ICR)". Fixed IPIs are always edge-triggered; the
 * level bit has a meaning only in an INIT that is taken back, which no CPU does any more. */
void lapic_send(struct lapic *l, uint64_t icr)
{
    uint8_t vector = (uint8_t)icr;
    bool taken_back = (icr & BIT(15)) && !(icr & BIT(14));
    bool self;
    bool others;

    icr_targets(l, icr, &self, &others);
    switch (bits(icr, 10, 8)) {
    case APIC_FIXED:
    case APIC_LOWEST:
        if (vector < FIRST_VECTOR) {
            lapic_error(l, APIC_ERR_SEND_VECTOR);
            return;
        }
        if (self) {
            lapic_deliver(l, vector, false);
            /* Lowest priority: one of those meant takes it, and which one is for us to say. */
            others = others && bits(icr, 10, 8) == APIC_FIXED;
        }
        break;
    case APIC_NMI:
        if (self) {
            l->ops->nmi(l->ctx);
        }
        break;
    case APIC_INIT:
        others = (others || self) && !taken_back;
        break;
    case APIC_SIPI:
        break;
    default: /* reserved, and SMI: this machine has none */
        return;
    }
    if (others) {
        l->ops->ipi(l->ctx, icr);
    }
}

uint64_t lapic_get_cr8(const struct lapic *l)
{
    return l->tpr >> 4;
}

void lapic_set_cr8(struct lapic *l, uint64_t value)
{
    l->tpr = (uint32_t)bits(value, 3, 0) << 4;
    lapic_recheck(l);
}
