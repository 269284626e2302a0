/* A guest's keyboard controller (8042) with its keyboard, ports 60h and 64h, and the A20 and reset
 * bits of port 92h. No mouse port. Every command is done before its OUT ends. One VM owns it; no
 * lock. IBM Personal System/2 Hardware Interface Technical Reference, "Keyboard and Auxiliary
 * Device Controller". */
#pragma once
#include "devices/at_keyboard.h"
#include "devices/clock.h"
#include "devices/io_bus.h"
#include "devices/irq.h"
#include "devices/timer.h"
#include <stdbool.h>
#include <stdint.h>

enum { I8042_RAM = 32 };

/* What the output pins of the controller do. */
struct i8042_ops {
    void (*a20)(void *ctx, bool on); /* the wire has changed */
    void (*reset)(void *ctx);        /* of the CPU; i8042_init() may be called in it */
};

struct i8042 {
    struct at_keyboard keyboard;
    uint8_t ram[I8042_RAM]; /* byte 0 is the command byte */
    uint8_t command;        /* waits for its byte at port 60h; 0: none */
    bool command_last;      /* the last write went to port 64h */
    /* The output buffer, in two: an answer of the controller is read before a byte of the keyboard
     * that came first, so neither hides or loses the other. */
    uint8_t answer, answer_status; /* with the status bits that are seen while it waits */
    uint8_t key;
    bool answer_full, answer_irq, key_full;
    uint8_t data;    /* byte read last: what port 60h shows while there is nothing new */
    uint8_t release; /* bit 7 if translation has seen F0 */
    bool a20;        /* one wire for the output port and port 92h */
    bool reset_held; /* bit 0 of port 92h */
    bool wire;       /* IRQ 1 */
    struct irq_line irq1;
    const struct i8042_ops *ops;
    void *ctx;
    const struct clock *clock;
    struct timer timer; /* while typed bytes wait for `ready` */
    uint64_t ready;     /* tick from which the keyboard sends what was typed */
    /* Ticks that the keyboard keeps still after a byte is read and after it is switched on, 1 ms as
     * on its cable; may be changed. DOS programs that read port 60h in their own INT 9 handler and
     * then go on to the old one, which reads it again, rely on it. Answers come at once. */
    uint64_t gap;
};

/* Power-on: A20 on (without a call of ops), keyboard on with translation and IRQ 1. Again at a
 * reset of the machine, with `timer` disarmed before or a queue that is new too. */
void i8042_init(struct i8042 *c, struct irq_line irq1, const struct i8042_ops *ops, void *ctx,
                const struct clock *clock, struct timer_queue *timers);

io_fn i8042_data_io;    /* port 60h; dev is the struct i8042 */
io_fn i8042_command_io; /* port 64h */
io_fn i8042_port92_io;  /* port 92h: bit 1 is A20, a rising edge of bit 0 resets the CPU */

/* A key goes down or up. False: the guest has the keyboard off, or there is no room; nothing was
 * taken, try again later. */
bool i8042_key(struct i8042 *c, struct key_event e) __attribute__((warn_unused_result));

/* True if the guest has read all there is: output buffer empty, nothing queued. */
bool i8042_idle(const struct i8042 *c);
