// SPDX-License-Identifier: Apache-2.0
#include "http/loop.h"

#include "conf/memory.h"

#include <assert.h>
#include <errno.h>
#include <h2o.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

/* A hierarchical timing wheel: LEVELS wheels of SLOTS slots; a tick is TICK_MS. A slot of level n
 * spans SLOTS^n ticks and is dealt out to lower levels when the wheel reaches it. */
enum { TICK_MS = 4, SLOT_BITS = 6, SLOTS = 1 << SLOT_BITS, LEVELS = 4 };

struct loop {
    h2o_evloop_t *h2o;
    void *receiver;
    bool now_is_fresh;
    uint64_t now_ms;
    uint64_t tick; /* every slot up to this tick has been looked at */
    struct timer *wheel[LEVELS][SLOTS];
    struct timer *expiring;          /* the slot that is being dealt with */
    uint64_t occupied;               /* level 0: a clear bit is an empty slot; a set one may be */
    struct later later;              /* the head of a circular list */
    _Atomic(struct message *) inbox; /* newest first */
    h2o_socket_t *wakeup;            /* an eventfd */
    int wakeup_fd;
};

uint64_t clock_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

uint64_t loop_now_ms(struct loop *loop)
{
    if (!loop->now_is_fresh) {
        loop->now_ms = clock_us() / 1000;
        loop->now_is_fresh = true;
    }
    return loop->now_ms;
}

/* ---- timers */

static void wheel_link(struct loop *loop, struct timer *timer)
{
    uint64_t tick = (timer->slot_ms + TICK_MS - 1) / TICK_MS;
    uint64_t ahead;
    struct timer **slot;
    int level = 0;

    if (tick <= loop->tick)
        tick = loop->tick + 1;
    ahead = tick - loop->tick;
    while (level < LEVELS - 1 && ahead >= (uint64_t)1 << (SLOT_BITS * (level + 1)))
        level++;
    if (ahead >=
        (uint64_t)1 << (SLOT_BITS * LEVELS)) /* beyond the wheel: looked at again on the way */
        tick = loop->tick + ((uint64_t)1 << (SLOT_BITS * LEVELS)) - 1;
    slot = &loop->wheel[level][(tick >> (SLOT_BITS * level)) & (SLOTS - 1)];
    timer->next = *slot;
    timer->prev_next = slot;
    if (timer->next != NULL)
        timer->next->prev_next = &timer->next;
    *slot = timer;
    if (level == 0)
        loop->occupied |= (uint64_t)1 << (tick & (SLOTS - 1));
}

static void wheel_unlink(struct timer *timer)
{
    *timer->prev_next = timer->next;
    if (timer->next != NULL)
        timer->next->prev_next = timer->prev_next;
    timer->next = NULL;
    timer->prev_next = NULL;
}

void timer_arm(struct loop *loop, struct timer *timer, uint64_t delay_ms)
{
    timer->due_ms = loop_now_ms(loop) + delay_ms;
    if (timer_is_armed(timer)) {
        if (timer->slot_ms <= timer->due_ms)
            return;
        wheel_unlink(timer);
    }
    timer->slot_ms = timer->due_ms;
    wheel_link(loop, timer);
}

void timer_disarm(struct timer *timer)
{
    if (timer_is_armed(timer))
        wheel_unlink(timer);
}

/* Takes the timers of one slot and fires those that are due; the others are linked anew. The list
 * is taken off the wheel first: a callback may arm and disarm any timer, of this list too. */
static void expire_slot(struct loop *loop, struct timer **slot, uint64_t now_ms)
{
    struct timer *timer;

    assert(loop->expiring == NULL);
    loop->expiring = *slot;
    *slot = NULL;
    if (loop->expiring != NULL)
        loop->expiring->prev_next = &loop->expiring;
    while ((timer = loop->expiring) != NULL) {
        wheel_unlink(timer);
        if (timer->due_ms <= now_ms) {
            timer->fire(timer);
        } else {
            timer->slot_ms = timer->due_ms;
            wheel_link(loop, timer);
        }
    }
}

static void run_timers(struct loop *loop)
{
    uint64_t now_ms = loop_now_ms(loop);
    uint64_t target = now_ms / TICK_MS;

    while (loop->tick < target) {
        uint64_t tick = ++loop->tick;

        for (int level = LEVELS - 1; level > 0; level--) {
            uint64_t span = (uint64_t)1 << (SLOT_BITS * level);

            if ((tick & (span - 1)) == 0)
                expire_slot(loop, &loop->wheel[level][(tick >> (SLOT_BITS * level)) & (SLOTS - 1)],
                            now_ms);
        }
        loop->occupied &= ~((uint64_t)1 << (tick & (SLOTS - 1)));
        expire_slot(loop, &loop->wheel[0][tick & (SLOTS - 1)], now_ms);
    }
}

/* How long the loop may sleep for the wheel's sake: to the next slot of level 0 that holds a timer,
 * or to the end of level 0, where higher levels are dealt out. */
static int wheel_wait_ms(struct loop *loop, int max_wait_ms)
{
    uint64_t now_ms = loop_now_ms(loop);
    uint64_t next = loop->tick + 1;
    unsigned int turn = next & (SLOTS - 1); /* the bitmap is read from the next slot on */
    uint64_t ahead =
        turn == 0 ? loop->occupied : loop->occupied >> turn | loop->occupied << (SLOTS - turn);
    uint64_t to_boundary = (SLOTS - turn) & (SLOTS - 1);
    uint64_t to_timer = ahead == 0 ? SLOTS : (uint64_t)__builtin_ctzll(ahead);
    uint64_t wake = (next + (to_timer < to_boundary ? to_timer : to_boundary)) * TICK_MS;

    if (wake <= now_ms)
        return 0;
    return wake - now_ms < (uint64_t)max_wait_ms ? (int)(wake - now_ms) : max_wait_ms;
}

/* ---- later: circular lists, so that an element leaves without knowing its list */

static void later_list_init(struct later *list)
{
    list->next = list;
    list->previous = list;
}

static void later_append(struct later *list, struct later *later)
{
    later->previous = list->previous;
    later->next = list;
    list->previous->next = later;
    list->previous = later;
}

void loop_later(struct loop *loop, struct later *later)
{
    if (later->next == NULL)
        later_append(&loop->later, later);
}

void later_cancel(struct later *later)
{
    if (later->next == NULL)
        return;
    later->previous->next = later->next;
    later->next->previous = later->previous;
    later->next = NULL;
    later->previous = NULL;
}

static bool has_later(const struct loop *loop)
{
    return loop->later.next != &loop->later;
}

/* Runs what was put off before this call; what these calls put off runs in the next turn. */
static void run_later(struct loop *loop)
{
    struct later list;

    if (!has_later(loop))
        return;
    list = loop->later;
    list.next->previous = &list;
    list.previous->next = &list;
    later_list_init(&loop->later);
    while (list.next != &list) {
        struct later *later = list.next;

        later_cancel(later);
        later->run(later);
    }
}

/* ---- messages */

void loop_post(struct loop *loop, struct message *message)
{
    struct message *head = atomic_load_explicit(&loop->inbox, memory_order_relaxed);
    uint64_t one = 1;

    do {
        message->next = head;
    } while (!atomic_compare_exchange_weak_explicit(&loop->inbox, &head, message,
                                                    memory_order_release, memory_order_relaxed));
    if (head == NULL && write(loop->wakeup_fd, &one, sizeof(one)) < 0)
        assert(errno == EAGAIN); /* the counter is full: the loop is awake anyway */
}

static void run_messages(struct loop *loop)
{
    struct message *newest = atomic_exchange_explicit(&loop->inbox, NULL, memory_order_acquire);
    struct message *oldest = NULL;

    while (newest != NULL) {
        struct message *next = newest->next;

        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    while (oldest != NULL) {
        struct message *message = oldest;

        oldest = message->next;
        message->deliver(message, loop->receiver);
    }
}

static void on_wakeup(h2o_socket_t *socket, const char *err)
{
    struct loop *loop = socket->data;
    uint64_t count;

    if (read(loop->wakeup_fd, &count, sizeof(count)) < 0)
        assert(errno == EAGAIN || errno == EINTR);
}

/* ---- the loop */

struct loop *loop_create(void *receiver)
{
    struct loop *loop = memory_alloc(sizeof(*loop));

    loop->h2o = h2o_evloop_create();
    loop->receiver = receiver;
    later_list_init(&loop->later);
    loop->tick = loop_now_ms(loop) / TICK_MS;
    loop->wakeup_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    assert(loop->wakeup_fd >= 0);
    loop->wakeup = h2o_evloop_socket_create(loop->h2o, loop->wakeup_fd, H2O_SOCKET_FLAG_DONT_READ);
    loop->wakeup->data = loop;
    h2o_socket_read_start(loop->wakeup, on_wakeup);
    return loop;
}

void loop_destroy(struct loop **loop_ptr)
{
    struct loop *loop = *loop_ptr;

    if (loop == NULL)
        return;
    *loop_ptr = NULL;
    for (int level = 0; level < LEVELS; level++)
        for (int slot = 0; slot < SLOTS; slot++)
            assert(loop->wheel[level][slot] == NULL); /* its owner is gone */
    assert(!has_later(loop));
    h2o_socket_close(loop->wakeup);
    h2o_evloop_run(loop->h2o, 0); /* h2o frees closed sockets in its next run */
    h2o_evloop_destroy(loop->h2o);
    free(loop);
}

void loop_turn(struct loop *loop, int max_wait_ms)
{
    bool is_busy =
        has_later(loop) || atomic_load_explicit(&loop->inbox, memory_order_relaxed) != NULL;
    int wait_ms = is_busy ? 0 : wheel_wait_ms(loop, max_wait_ms);

    loop->now_is_fresh = false;
    /* -1 with EINTR is a signal, and no reason to stop; anything else is a broken loop */
    if (h2o_evloop_run(loop->h2o, wait_ms) != 0)
        assert(errno == EINTR);
    run_timers(loop);
    run_messages(loop);
    run_later(loop);
    loop->now_is_fresh = false;
}

struct st_h2o_evloop_t *loop_h2o(struct loop *loop)
{
    return loop->h2o;
}
