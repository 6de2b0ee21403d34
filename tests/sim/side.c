// SPDX-License-Identifier: Apache-2.0
/* One side of a link, as a gateway runs it: asks the cores, keeps what they say must be kept, then
 * sends. A process may end between any two of these. */
#include "sim.h"

#include "conf/memory.h"

#include <stdio.h>

struct link_now sim_now(const struct sim *sim, unsigned org)
{
    return (struct link_now){
        .ms = sim->now_ms,
        .wall_ms = (uint64_t)((int64_t)(SIM_WALL_START + sim->now_ms) + sim->org[org].clock_ms),
    };
}

struct sim_side *sim_side(struct sim *sim, unsigned org, unsigned peer)
{
    return &sim->org[org].sides[peer];
}

/* A process ends where it likes to. */
static bool crashes_here(struct sim *sim, unsigned org)
{
    if (!sim->is_troubled || sim_draw(sim, 4000) != 0)
        return false;
    sim_crash(sim, org);
    return true;
}

/* The breaker is owed an end of each. */
static void cut(struct sim *sim, struct sim_side *side)
{
    for (unsigned i = 0; i < SIM_CALLS; i++) {
        if (side->calls[i].id != 0)
            breaker_step(&side->breaker, BREAKER_CANCELED, sim->now_ms, 0, 0);
        side->calls[i].id = 0;
    }
    side->credit.items_used = 0;
    side->credit.bytes_used = 0;
}

static void schedule(struct sim *sim, unsigned org, unsigned peer, uint64_t wake_ms)
{
    struct sim_side *side = sim_side(sim, org, peer);

    if (wake_ms < sim->now_ms)
        wake_ms = sim->now_ms;
    if (wake_ms == UINT64_MAX || (side->tick_ms <= wake_ms && side->tick_ms > sim->now_ms))
        return;
    if (wake_ms > sim->now_ms + 10 * LINK_DAY_MS)
        return;
    side->tick_ms = wake_ms;
    sim_push(sim,
             (struct sim_event){.time_ms = wake_ms, .kind = SIM_TICK, .org = org, .peer = peer});
}

/* What really was is remembered beside what the ledger says. */
static void remember(struct sim *sim, unsigned org, unsigned peer, enum link_state before,
                     const struct link_record *record)
{
    bool is_over = record->state == LINK_REVOKING || record->state == LINK_REVOKED;

    if (before != record->state)
        sim_trace(sim, org, peer, "%s -> %s, epoch %llu", link_state_name(before),
                  link_state_name(record->state), (unsigned long long)record->epoch);
    if (is_over && sim->ended[org][peer] < record->epoch)
        sim->ended[org][peer] = record->epoch;
    if (record->state == LINK_ACTIVE)
        SIM_CHECK(sim, org, peer, sim->now_ms - sim->heard_ms[org][peer] < LINK_MISSED_MS);
}

bool sim_step(struct sim *sim, unsigned org, unsigned peer, const struct link_event *event,
              struct link_actions *actions)
{
    struct sim_side *side = sim_side(sim, org, peer);
    enum link_state before = side->link.record.state;

    link_step(&side->link, event, sim_now(sim, org), actions);
    if (actions->alarm[0] != '\0')
        sim_trace(sim, org, peer, "%s: %s", link_event_name(event->kind), actions->alarm);
    if (actions->new_sequence) {
        side->sender = (struct sequence_sender){0};
        side->disk.sent_claimed = 0;
    }
    if (actions->new_window) {
        side->receiver = (struct sequence_receiver){0};
        side->disk.taken_claimed = 0;
        side->statement_sequence = 0;
    }
    if (event->kind == LINK_RESTORED)
        side->disk.is_restored = false;
    if (actions->journal && !(sim->is_forgetful && sim_draw(sim, 10) == 0))
        side->disk.record = side->link.record;
    if (!actions->journal && !sim->is_forgetful)
        SIM_CHECK(sim, org, peer, side->disk.record.epoch == side->link.record.epoch);
    remember(sim, org, peer, before, &side->link.record);
    if (crashes_here(sim, org))
        return false;
    if (actions->cut_sessions)
        cut(sim, side);
    if (actions->send_join)
        sim_call(sim, org, peer, SIM_JOIN);
    if (actions->send_heartbeat)
        sim_call(sim, org, peer, SIM_HEARTBEAT);
    if (actions->send_roots)
        sim_call(sim, org, peer, SIM_ROOTS);
    if (actions->send_statement)
        sim_call(sim, org, peer, SIM_STATEMENT);
    if (actions->send_end)
        sim_call(sim, org, peer, SIM_END);
    schedule(sim, org, peer, actions->wake_ms);
    return sim->org[org].is_up;
}

/* ---- asking the peer */

static struct breaker_verdict breaker_tell(struct sim *sim, unsigned org, unsigned peer,
                                           enum breaker_event event)
{
    struct sim_side *side = sim_side(sim, org, peer);
    struct breaker_verdict verdict =
        breaker_step(&side->breaker, event, sim->now_ms, (uint16_t)sim_draw(sim, 65536), 0);

    if (verdict.must_keep)
        side->disk.breaker = breaker_save(&side->breaker, sim->now_ms, sim_now(sim, org).wall_ms);
    return verdict;
}

static struct sim_call *free_call(struct sim_side *side)
{
    for (unsigned i = 0; i < SIM_CALLS; i++)
        if (side->calls[i].id == 0)
            return &side->calls[i];
    return NULL;
}

static uint64_t draw_number(struct sim_side *side)
{
    bool must_keep;
    uint64_t number = sequence_draw(&side->sender, &must_keep);

    if (must_keep)
        side->disk.sent_claimed = side->sender.claimed;
    return number;
}

void sim_put_levels(struct sim *sim, struct sim_message *message, unsigned org, unsigned peer)
{
    struct sim_side *side = sim_side(sim, org, peer);

    message->levels = link_levels(&side->link);
    message->levels.sequence = message->sequence = draw_number(side);
    message->levels.taken = side->receiver.highest;
    message->pair.from = side->link.record.incarnation_here;
    message->pair.to = side->link.record.incarnation_there;
}

void sim_put_statement(struct sim *sim, struct sim_message *message, unsigned org, unsigned peer)
{
    const struct sim_disk *disk = &sim_side(sim, org, peer)->disk;

    message->statement = memory_alloc(sizeof(*message->statement));
    message->statement->effects = disk->effects;
    message->statement->done = disk->done;
}

static uint32_t settled_of(const struct sim *sim, unsigned org, unsigned peer)
{
    const struct sim_disk *disk = &sim->org[org].sides[peer].disk;
    uint32_t key = 1;

    while (key <= sim->last_key[org][peer] && !set_has(&disk->intents, key))
        key++;
    return key - 1;
}

static void put_batch(struct sim *sim, struct sim_message *message, const struct sim_call *call)
{
    message->count = call->count;
    for (unsigned i = 0; i < call->count; i++)
        message->keys[i] = call->keys[i];
    message->settled = settled_of(sim, message->from, message->to);
}

static struct sim_message *new_message(struct sim *sim, unsigned org, unsigned peer,
                                       const struct sim_call *call)
{
    struct sim_side *side = sim_side(sim, org, peer);
    struct sim_message *message = memory_alloc(sizeof(*message));

    message->kind = call->kind;
    message->from = org;
    message->to = peer;
    message->call = call->id;
    message->root = sim->org[org].root;
    message->roots = sim->org[org].roots;
    message->roots_used = sim->org[org].roots_used;
    message->wall_ms = sim_now(sim, org).wall_ms;
    message->epoch = side->link.record.epoch;
    message->invite_epoch = side->link.record.invite_epoch;
    message->secret = side->invitation_secret;
    sim_put_levels(sim, message, org, peer);
    if (call->kind == SIM_STATEMENT)
        sim_put_statement(sim, message, org, peer);
    if (call->kind == SIM_BATCH_OF_ITEMS)
        put_batch(sim, message, call);
    return message;
}

static bool start_call(struct sim *sim, unsigned org, unsigned peer, struct sim_call *call)
{
    if (breaker_tell(sim, org, peer, BREAKER_ASK).answer != BREAKER_GO)
        return false;
    call->id = ++sim->calls;
    call->epoch = sim_side(sim, org, peer)->link.record.epoch;
    sim_push(sim, (struct sim_event){.time_ms = sim->now_ms + SIM_TIMEOUT_MS,
                                     .kind = SIM_GIVE_UP,
                                     .org = org,
                                     .peer = peer,
                                     .call = call->id});
    sim_send(sim, new_message(sim, org, peer, call));
    return true;
}

void sim_call(struct sim *sim, unsigned org, unsigned peer, enum sim_kind kind)
{
    struct sim_call *call = free_call(sim_side(sim, org, peer));

    if (call == NULL)
        return;
    *call = (struct sim_call){.kind = kind};
    start_call(sim, org, peer, call);
}

void sim_give_up(struct sim *sim, unsigned org, unsigned peer, uint64_t id)
{
    struct sim_side *side = sim_side(sim, org, peer);

    for (unsigned i = 0; i < SIM_CALLS; i++) {
        if (side->calls[i].id != id)
            continue;
        for (unsigned n = 0; n < side->calls[i].count; n++)
            credit_give(&side->credit, 1);
        side->calls[i].id = 0;
        breaker_tell(sim, org, peer, BREAKER_FAILED);
        return;
    }
}

/* ---- items */

static bool is_under_way(const struct sim_side *side, uint32_t key)
{
    for (unsigned i = 0; i < SIM_CALLS; i++)
        for (unsigned n = 0; side->calls[i].id != 0 && n < side->calls[i].count; n++)
            if (side->calls[i].keys[n] == key)
                return true;
    return false;
}

static uint32_t unsettled_of(const struct sim *sim, unsigned org, unsigned peer)
{
    return sim->last_key[org][peer] - settled_of(sim, org, peer);
}

/* Journals what is new, with a key that was never used. 0: there is nothing to ask. */
static uint32_t next_key(struct sim *sim, unsigned org, unsigned peer, uint32_t after)
{
    struct sim_disk *disk = &sim_side(sim, org, peer)->disk;
    uint32_t last = sim->last_key[org][peer];

    for (uint32_t key = after + 1; key <= last; key++)
        if (set_has(&disk->intents, key) && !is_under_way(sim_side(sim, org, peer), key))
            return key;
    if (!sim->is_troubled || last + 1 >= SIM_KEYS || unsettled_of(sim, org, peer) >= REPLIES_MAX)
        return 0;
    sim->last_key[org][peer] = last + 1;
    sim->counts.operations++;
    set_put(&disk->intents, last + 1, true);
    return last + 1;
}

void sim_work(struct sim *sim, unsigned org, unsigned peer)
{
    struct sim_side *side = sim_side(sim, org, peer);
    struct sim_call *call = free_call(side);
    uint32_t key = settled_of(sim, org, peer);
    unsigned wanted = 1 + (unsigned)sim_draw(sim, SIM_BATCH);

    if (call == NULL || !link_may_send(&side->link, LINK_TRAFFIC_CHANGE))
        return;
    SIM_CHECK(sim, org, peer, side->link.record.epoch > sim->ended[org][peer]);
    *call = (struct sim_call){.kind = SIM_BATCH_OF_ITEMS};
    while (call->count < wanted && credit_take(&side->credit, 1)) {
        key = next_key(sim, org, peer, key);
        if (key == 0) {
            credit_give(&side->credit, 1);
            break;
        }
        call->keys[call->count++] = key;
    }
    if (call->count > 0 && !crashes_here(sim, org) && start_call(sim, org, peer, call))
        return;
    for (unsigned n = 0; n < call->count && sim->org[org].is_up; n++)
        credit_give(&side->credit, 1);
    call->count = 0;
}

/* ---- the process */

void sim_crash(struct sim *sim, unsigned org)
{
    for (unsigned peer = 0; peer < sim->orgs; peer++) {
        struct sim_side *side = sim_side(sim, org, peer);

        cut(sim, side);
        side->tick_ms = 0;
    }
    sim->org[org].is_up = false;
    sim->counts.crashes++;
    sim_trace(sim, org, org, "crashes");
}

static void load_replies(struct sim_side *side)
{
    static const uint8_t digest[REPLIES_DIGEST_SIZE] = {1};
    char key[ULID_SIZE];

    replies_dispose(&side->replies);
    snprintf(key, sizeof(key), "%026u", side->disk.settled);
    if (side->disk.settled > 0 && !replies_settle(&side->replies, key))
        return;
    for (uint32_t number = side->disk.settled + 1; number < SIM_KEYS; number++) {
        if (!set_has(&side->disk.effects, number))
            continue;
        snprintf(key, sizeof(key), "%026u", number);
        replies_load(&side->replies, key, digest, slice_of(key));
    }
}

static void start_side(struct sim *sim, unsigned org, unsigned peer)
{
    struct sim_side *side = sim_side(sim, org, peer);
    struct link_now now = sim_now(sim, org);

    link_load(&side->link, &side->disk.record, now);
    side->sender = sequence_sender_load(side->disk.sent_claimed);
    side->receiver = sequence_receiver_load(side->disk.taken_claimed);
    breaker_load(&side->breaker, &side->disk.breaker, now.ms, now.wall_ms);
    side->credit = (struct credit){.items = SIM_BATCH, .bytes = SIM_BATCH};
    side->statement_sequence = 0;
    side->tick_ms = 0;
    load_replies(side);
    schedule(sim, org, peer, sim->now_ms);
}

/* What stands beside the ledger, and is not restored with it. */
static void tell_start(struct sim *sim, unsigned org, unsigned peer)
{
    struct link_event restored = {
        .kind = LINK_RESTORED, .incarnation = ++sim->incarnations, .epoch = sim->ended[org][peer]};
    struct link_event roots = {.kind = LINK_ROOTS_MADE, .sequence = sim->org[org].roots};
    struct link_actions actions;

    if (sim_side(sim, org, peer)->disk.is_restored &&
        !sim_step(sim, org, peer, &restored, &actions))
        return;
    sim_step(sim, org, peer, &roots, &actions);
}

void sim_start(struct sim *sim, unsigned org)
{
    sim->org[org].is_up = true;
    for (unsigned peer = 0; peer < sim->orgs; peer++)
        if (peer != org)
            start_side(sim, org, peer);
    for (unsigned peer = 0; peer < sim->orgs && sim->org[org].is_up; peer++)
        if (peer != org)
            tell_start(sim, org, peer);
}

/* The ledger is an older one; keys, and what keeps people out, are those that were there. */
void sim_restore(struct sim *sim, unsigned org, unsigned backup)
{
    sim->counts.restores++;
    sim_crash(sim, org);
    for (unsigned peer = 0; peer < sim->orgs; peer++) {
        sim_side(sim, org, peer)->disk = sim->org[org].backups[backup][peer];
        sim_side(sim, org, peer)->disk.is_restored = true;
    }
    sim->org[org].restored = sim->incarnations;
    sim_trace(sim, org, org, "is restored");
    sim_start(sim, org);
}
