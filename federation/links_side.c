// SPDX-License-Identifier: Apache-2.0
/* One side: whose turn it is, its steps, and that nothing follows from what is not durable. */
#include "federation/links_private.h"

#include "conf/memory.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define SAVE_AGAIN_MS UINT64_C(1000)
#define TICK_MAX_MS   UINT64_C(3600000) /* the wall clock may be set meanwhile */

/* A line of the history that is not durable yet. */
struct note {
    struct transaction *transaction;
    struct note *next;
};

/* ---- a link's share of the thread, which others need: members' pins, and other links */

/* Of a processor: on a busy machine a turn is interrupted by others' work. */
static uint64_t thread_us(void)
{
    struct timespec used;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return (uint64_t)used.tv_sec * 1000000 + (uint64_t)used.tv_nsec / 1000;
}

static void note_use(struct side *side, uint64_t since_us)
{
    share_use(&side->share, thread_us() - since_us);
}

static bool must_rest(struct side *side)
{
    uint64_t wait_ms = share_wait_ms(&side->share, clock_us());

    if (wait_ms > 0)
        timer_arm(side->links->settings.loop, &side->rest, wait_ms);
    return wait_ms > 0;
}

/* ---- turns */

static void begin_next(struct side *side)
{
    struct work *work = side->works;
    uint64_t began_us;

    if (side->work != NULL || work == NULL || side->links->is_closing || must_rest(side))
        return;
    began_us = thread_us();
    side->works = work->next;
    if (side->works == NULL)
        side->works_end = &side->works;
    side->work_count--;
    side->work = work;
    work->run(work);
    note_use(side, began_us);
}

static void run_next(struct later *later)
{
    begin_next(CONTAINER_OF(later, struct side, next_turn));
}

static void on_rested(struct timer *timer)
{
    begin_next(CONTAINER_OF(timer, struct side, rest));
}

void side_do(struct side *side, struct work *work)
{
    work->side = side;
    work->next = NULL;
    *side->works_end = work;
    side->works_end = &work->next;
    side->work_count++;
    if (side->work == NULL)
        loop_later(side->links->settings.loop, &side->next_turn);
}

bool side_is_full(const struct side *side)
{
    return side->work_count >= LINKS_WORKS_MAX;
}

void side_done(struct side *side)
{
    assert(side->work != NULL && side->then == NULL);
    side->work = NULL;
    if (side->works != NULL)
        loop_later(side->links->settings.loop, &side->next_turn);
}

/* ---- history */

void side_note(struct side *side, const char *actor, const char *event, enum link_state from,
               const char *said)
{
    struct note *note = memory_alloc(sizeof(*note));
    struct transaction *transaction = transaction_create(TRANSACTION_LINK_EVENT_ADD);
    struct link_event_add *add = &transaction->link_event_add;
    const struct link_record *record = &side->link.record;

    snprintf(add->partner, sizeof(add->partner), "%s", record->peer);
    add->history.at_ms = side->links->settings.now_ms();
    add->history.epoch = record->epoch;
    snprintf(add->history.from, sizeof(add->history.from), "%s", link_state_name(from));
    snprintf(add->history.to, sizeof(add->history.to), "%s", link_state_name(record->state));
    add->history.actor = transaction_copy(transaction, slice_of(actor));
    add->history.event = transaction_copy(transaction, slice_of(event));
    add->history.said = transaction_copy(transaction, slice_of(said));
    note->transaction = transaction;
    *side->notes_end = note;
    side->notes_end = &note->next;
}

static void drop_notes(struct side *side, bool destroys)
{
    while (side->notes != NULL) {
        struct note *note = side->notes;

        side->notes = note->next;
        if (destroys)
            transaction_destroy(&note->transaction);
        free(note);
    }
    side->notes_end = &side->notes;
}

/* ---- steps */

static void arm_tick(struct side *side, uint64_t wake_ms)
{
    uint64_t now_ms = loop_now_ms(side->links->settings.loop);
    uint64_t delay_ms = wake_ms > now_ms ? wake_ms - now_ms : 0;

    if (wake_ms == UINT64_MAX)
        timer_disarm(&side->tick);
    else
        timer_arm(side->links->settings.loop, &side->tick,
                  delay_ms < TICK_MAX_MS ? delay_ms : TICK_MAX_MS);
}

static void collect(struct side *side, const struct link_actions *actions)
{
    struct link_actions *due = &side->due;

    side->is_changed = side->is_changed || actions->journal;
    due->cut_sessions = due->cut_sessions || actions->cut_sessions;
    due->drop_tickets = due->drop_tickets || actions->drop_tickets;
    due->send_join = due->send_join || actions->send_join;
    due->send_heartbeat = due->send_heartbeat || actions->send_heartbeat;
    due->send_roots = due->send_roots || actions->send_roots;
    due->send_statement = due->send_statement || actions->send_statement;
    due->send_end = due->send_end || actions->send_end;
}

static void renumber(struct side *side, const struct link_actions *actions, uint64_t before)
{
    if (actions->new_sequence)
        side->sender = (struct sequence_sender){0};
    if (actions->new_window) {
        side->receiver = (struct sequence_receiver){0};
        side->statement_sequence = 0;
        side->roots_told = 0; /* an older backup of theirs may lack it */
        side->is_taken_changed = true;
    }
    if (actions->new_sequence || actions->new_window)
        side->said.after[0] = side->heard.after[0] = '\0'; /* a comparison begins anew */
    if (actions->new_sequence || side->link.record.incarnation_here != before)
        side->is_sent_changed = true;
}

static void tell(struct side *side, enum link_event_kind kind, enum link_state from,
                 const struct link_actions *actions)
{
    enum link_state to = side->link.record.state;
    const char *name = link_event_name(kind);
    bool is_asked = kind <= LINK_REVOKE; /* by our operator: noted with who it was */

    if (actions->alarm[0] != '\0')
        log_message(side->links->settings.messages, LOG_LEVEL_WARNING, "link %s: %s",
                    side->link.record.peer, actions->alarm);
    else if (from != to)
        log_message(side->links->settings.messages, LOG_LEVEL_INFO, "link %s: %s -> %s (%s)",
                    side->link.record.peer, link_state_name(from), link_state_name(to), name);
    if (actions->alarm[0] != '\0' || (from != to && !is_asked))
        side_note(side, "", name, from, actions->alarm);
    if (from == to)
        return;
    atomic_fetch_sub(&side->links->states[from], from != LINK_NONE);
    atomic_fetch_add(&side->links->states[to], 1);
}

void side_step(struct side *side, const struct link_event *event, struct link_actions *actions)
{
    enum link_state from = side->link.record.state;
    uint64_t incarnation = side->link.record.incarnation_here;

    link_step(&side->link, event, links_now(side->links), actions);
    renumber(side, actions, incarnation);
    collect(side, actions);
    tell(side, event->kind, from, actions);
    if (side->link.record.end != LINK_NOT_ENDED && side->link.record.epoch > side->ended_epoch)
        side->ended_epoch = side->link.record.epoch;
    arm_tick(side, actions->wake_ms);
    if (from != side->link.record.state && side->link.record.state == LINK_ACTIVE)
        timer_arm(side->links->settings.loop, &side->pump, 0);
}

/* ---- what is durable */

static void run_effects(struct side *side)
{
    struct link_actions due = side->due;

    side->due = (struct link_actions){0};
    if (due.cut_sessions)
        side_cut_calls(side);
    if (due.cut_sessions || due.drop_tickets || side->is_view_changed) {
        side->is_view_changed = false;
        side->generation = ++side->links->generations;
        peers_peer_unref(&side->peer);
        side_renew_client(side);
        links_publish_soon(side->links);
        links_tell_watch(side);
    }
    if (due.cut_sessions && side->link.record.end != LINK_NOT_ENDED) {
        side_fail_asked(side);
        join_answer_waiters(side, 409, "the link ended while they were asked to let us join");
    }
    if (due.send_end)
        side_send(side, CALL_END);
    if (due.send_join)
        side_send(side, CALL_JOIN);
    if (due.send_heartbeat)
        side_send(side, CALL_HEARTBEAT);
    if (due.send_roots)
        side_send(side, CALL_ROOTS);
    if (due.send_statement)
        side_send(side, CALL_STATEMENT);
}

static void go_on(struct side *side)
{
    void (*then)(struct work *) = side->then;

    side->then = NULL;
    run_effects(side);
    then(side->work);
}

static void save_again(struct timer *timer);

static void on_saved(void *arg, struct transaction *transaction)
{
    struct side *side = arg;
    uint64_t began_us;

    if (transaction->err.code != ERROR_NONE) {
        log_message(side->links->settings.messages, LOG_LEVEL_ERROR,
                    "link %s: what changed is not in the ledger (%s); the link waits, and it is "
                    "tried again",
                    side->link.record.peer, transaction->err.text);
        side->has_save_failed = true;
    }
    for (size_t i = 0; i < SIDE_SAVES; i++)
        if (side->saves[i] == transaction)
            side->saves[i] = NULL;
    if (--side->saving > 0)
        return;
    if (side->has_save_failed) {
        timer_arm(side->links->settings.loop, &side->save_again, SAVE_AGAIN_MS);
        return;
    }
    side->is_new = false;
    began_us = thread_us();
    go_on(side);
    note_use(side, began_us);
}

/* Of nobody there is no number to keep. */
static bool has_taken(const struct side *side)
{
    return side->is_taken_changed && side->link.record.incarnation_there != 0;
}

static size_t gather(struct side *side, struct transaction **list, size_t max)
{
    size_t count = 0;

    if (side->is_changed)
        list[count++] = side_link_put(side);
    if (side->is_sent_changed)
        list[count++] = side_claim(side, true);
    if (has_taken(side))
        list[count++] = side_claim(side, false);
    if (side->is_settled_changed)
        list[count++] = side_settle(side);
    for (struct note *note = side->notes; note != NULL && count < max; note = note->next)
        list[count++] = note->transaction;
    return count;
}

/* The record is put before what hangs on it. What failed is made anew: states are kept, not
 * changes. */
static void save(struct side *side)
{
    struct error err = {0};
    size_t count = gather(side, side->saves, SIDE_SAVES);

    drop_notes(side, false);
    side->has_save_failed = false;
    side->saving = count;
    if (store_start_all(side->links->settings.store, side->links->settings.loop, side->saves, count,
                        on_saved, side, &err))
        return;
    for (size_t i = 0; i < count; i++)
        transaction_destroy(&side->saves[i]);
    side->saving = 0;
    log_message(side->links->settings.messages, LOG_LEVEL_ERROR, "link %s: %s",
                side->link.record.peer, err.text);
    timer_arm(side->links->settings.loop, &side->save_again, SAVE_AGAIN_MS);
}

static void save_again(struct timer *timer)
{
    struct side *side = CONTAINER_OF(timer, struct side, save_again);

    side->is_changed = true;
    side->is_sent_changed = side->is_taken_changed = true;
    side->is_settled_changed = side->settled[0] != '\0' || side->replies.settled[0] != '\0';
    save(side);
}

void side_save(struct side *side, void (*then)(struct work *work))
{
    bool is_dirty = side->is_changed || side->is_sent_changed || has_taken(side) ||
                    side->is_settled_changed || side->notes != NULL;

    assert(side->work != NULL && side->then == NULL);
    side->then = then;
    if (!is_dirty) {
        go_on(side);
        return;
    }
    side->is_changed = side->is_changed || side->is_new;
    save(side);
    side->is_changed = side->is_sent_changed = side->is_taken_changed = false;
    side->is_settled_changed = false;
}

/* ---- time */

static void tick_over(struct work *work)
{
    side_done(work->side);
}

static void run_tick(struct work *work)
{
    struct link_event event = {.kind = LINK_TICK};
    struct link_actions actions;

    work->side->is_tick_queued = false;
    side_step(work->side, &event, &actions);
    side_save(work->side, tick_over);
}

static void drop_tick(struct work *work)
{
}

void side_tick_soon(struct side *side)
{
    if (side->is_tick_queued)
        return;
    side->is_tick_queued = true;
    side->tick_work.run = run_tick;
    side->tick_work.drop = drop_tick;
    side_do(side, &side->tick_work);
}

static void on_tick(struct timer *timer)
{
    side_tick_soon(CONTAINER_OF(timer, struct side, tick));
}

static void on_pump(struct timer *timer)
{
    side_pump(CONTAINER_OF(timer, struct side, pump));
}

/* ---- making and ending */

struct side *links_add_side(struct links *links)
{
    struct side *side = memory_alloc(sizeof(*side));

    side->links = links;
    side->is_new = true;
    side->works_end = &side->works;
    side->notes_end = &side->notes;
    side->next_turn.run = run_next;
    side->tick.fire = on_tick;
    side->pump.fire = on_pump;
    side->rest.fire = on_rested;
    side->share.at_us = clock_us();
    side->save_again.fire = save_again;
    if (links->count == links->room) {
        links->room = links->room * 2 + 8;
        links->sides = memory_resize_array(links->sides, links->room, sizeof(struct side *));
    }
    links->sides[links->count++] = side;
    return side;
}

/* What was asked of the ledger is done all the same. */
static void forget_saves(struct side *side)
{
    for (size_t i = 0; i < SIDE_SAVES; i++)
        if (side->saves[i] != NULL)
            store_cancel(side->saves[i]);
}

static void drop_works(struct side *side)
{
    struct work *work, *next;

    if (side->work != NULL)
        side->work->drop(side->work);
    for (work = side->works; work != NULL; work = next) {
        next = work->next;
        work->drop(work);
    }
    side->work = side->works = NULL;
}

void side_dispose(struct side *side)
{
    timer_disarm(&side->tick);
    timer_disarm(&side->pump);
    timer_disarm(&side->rest);
    timer_disarm(&side->save_again);
    later_cancel(&side->next_turn);
    forget_saves(side);
    side_drop_calls(side);
    drop_works(side);
    join_answer_waiters(side, 503, "this gateway is stopping");
    peer_client_destroy(&side->client);
    side_drop_items(side);
    drop_notes(side, true);
    peers_peer_unref(&side->peer);
    roots_dispose(&side->roots);
    replies_dispose(&side->replies);
    OPENSSL_cleanse(side->invitation_key, sizeof(side->invitation_key));
    free(side);
}
