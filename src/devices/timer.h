/* Deadlines of device models, kept sorted so that the exit path compares one number. The vCPU that
 * owns the queue runs it; no lock. */
#pragma once
#include <stdint.h>

#define TIMER_OFF UINT64_MAX

struct timer_queue;
struct timer {
    uint64_t deadline; /* ticks of the queue's clock; TIMER_OFF while it is not armed */
    void (*fire)(void *ctx, uint64_t now);
    void *ctx;
    struct timer_queue *queue;
    struct timer *next; /* the queue's own */
};

struct timer_queue {
    struct timer *head;
    uint64_t
        next; /* deadline of the head, TIMER_OFF if there is none: what the exit path looks at */
};

void timer_queue_init(struct timer_queue *q);
void timer_init(struct timer *t, struct timer_queue *q, void (*fire)(void *ctx, uint64_t now),
                void *ctx);

/* Arms or moves the timer; TIMER_OFF disarms it. Walks the queue: a PC has three. */
void timer_arm(struct timer *t, uint64_t deadline);

/* Fires, in order of their deadlines, all that are due at `now`. Each is disarmed first; its fire()
 * may arm it again. */
void timer_run(struct timer_queue *q, uint64_t now);
