#include "devices/timer.h"
#include <stddef.h>

void timer_queue_init(struct timer_queue *q)
{
    q->head = NULL;
    q->next = TIMER_OFF;
}

void timer_init(struct timer *t, struct timer_queue *q, void (*fire)(void *ctx, uint64_t now),
                void *ctx)
{
    *t = (struct timer){ .deadline = TIMER_OFF, .fire = fire, .ctx = ctx, .queue = q };
}

static void unlink_timer(struct timer *t)
{
    for (struct timer **at = &t->queue->head; *at; at = &(*at)->next) {
        if (*at == t) {
            *at = t->next;
            return;
        }
    }
}

static void update_next(struct timer_queue *q)
{
    q->next = q->head ? q->head->deadline : TIMER_OFF;
}

void timer_arm(struct timer *t, uint64_t deadline)
{
    struct timer **at = &t->queue->head;

    if (t->deadline != TIMER_OFF) {
        unlink_timer(t);
    }
    t->deadline = deadline;
    if (deadline != TIMER_OFF) {
        while (*at && (*at)->deadline <= deadline) {
            at = &(*at)->next;
        }
        t->next = *at;
        *at = t;
    }
    update_next(t->queue);
}

void timer_run(struct timer_queue *q, uint64_t now)
{
    while (q->head && q->head->deadline <= now) {
        struct timer *t = q->head;

        q->head = t->next;
        t->deadline = TIMER_OFF;
        update_next(q);
        t->fire(t->ctx, now);
    }
}
