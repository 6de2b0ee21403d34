// SPDX-License-Identifier: Apache-2.0
/* One event loop of one thread: readiness (h2o's epoll loop), timers on CLOCK_MONOTONIC, calls put
 * off to the end of the turn, and messages from other threads.
 *
 * Everything here belongs to the loop's own thread, except loop_post. h2o's own timers follow the
 * wall clock and are not used. Order within a turn: socket callbacks, expired timers, messages,
 * later calls. */
#ifndef HTTP_LOOP_H
#define HTTP_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct loop;
struct st_h2o_evloop_t;

/* Intrusive. {.fire = f} is a valid, idle timer. */
struct timer {
    void (*fire)(struct timer *timer);
    uint64_t due_ms;  /* when it shall fire; may lie behind slot_ms, see timer_arm */
    uint64_t slot_ms; /* when the wheel looks at it next */
    struct timer *next, **prev_next;
};

/* Intrusive. {.run = f} is valid and idle. */
struct later {
    void (*run)(struct later *later);
    struct later *next, *previous;
};

/* A message to another thread's loop. The sender gives it away; deliver runs on the receiving loop
 * and owns it from then on. */
struct message {
    void (*deliver)(struct message *message, void *receiver);
    struct message *next;
};

/* receiver is handed to every message's deliver. */
struct loop *loop_create(void *receiver);
/* Every socket must be closed and every timer disarmed before. Undelivered messages are lost: the
 * owner stops its senders first. */
void loop_destroy(struct loop **loop);

/* Sleeps until something happens, at most max_wait_ms, and runs one turn. */
void loop_turn(struct loop *loop, int max_wait_ms);

/* CLOCK_MONOTONIC in ms, read once a turn. */
uint64_t loop_now_ms(struct loop *loop);

/* CLOCK_MONOTONIC in us, read now. */
uint64_t clock_us(void);

/* (Re)arms to fire once, delay_ms from now, never early, up to 8 ms late. Putting off an armed
 * timer costs two stores: it stays in its slot and moves on only when the slot comes up. */
void timer_arm(struct loop *loop, struct timer *timer, uint64_t delay_ms);
void timer_disarm(struct timer *timer); /* idle ones too */

static inline bool timer_is_armed(const struct timer *timer)
{
    return timer->prev_next != 0;
}

/* Runs once, at the end of this turn (or of the next, when called from a later call). Idempotent.
 */
void loop_later(struct loop *loop, struct later *later);
void later_cancel(struct later *later); /* idle ones too */

/* Any thread. Wakes the loop. */
void loop_post(struct loop *loop, struct message *message);

/* For io.c alone. */
struct st_h2o_evloop_t *loop_h2o(struct loop *loop);

#endif
