// SPDX-License-Identifier: Apache-2.0
/* What one side does with a message: who speaks, when, for whom, with which number; and only then
 * what it says. */
#include "sim.h"

#include "conf/memory.h"

#include <stdio.h>
#include <string.h>

static void root_digest(uint8_t digest[LINK_DIGEST_SIZE], unsigned org, uint32_t root)
{
    memset(digest, 0, LINK_DIGEST_SIZE);
    digest[0] = (uint8_t)(org + 1);
    memcpy(&digest[1], &root, sizeof(root));
}

static struct link_event event_of(const struct sim_message *message, enum link_event_kind kind)
{
    struct link_event event = {.kind = kind,
                               .epoch = message->epoch,
                               .invite_epoch = message->invite_epoch,
                               .incarnation = message->pair.from,
                               .levels = message->levels};

    root_digest(event.root, message->from, message->root);
    root_digest(event.document, message->from, (uint32_t)message->roots);
    event.sequence = message->roots;
    return event;
}

static bool step_plain(struct sim *sim, const struct sim_message *message,
                       enum link_event_kind kind, struct link_actions *actions)
{
    struct link_event event = event_of(message, kind);

    return sim_step(sim, message->to, message->from, &event, actions);
}

/* ---- statements */

static void adopt(struct sim *sim, struct sim_side *side, const struct sim_statement *statement,
                  unsigned org, unsigned peer)
{
    struct sim_disk *disk = &side->disk;

    for (uint32_t key = 1; key <= sim->last_key[org][peer]; key++) {
        bool is_there = set_has(&statement->effects, key);

        if (is_there && !set_has(&disk->done, key))
            set_put(&disk->done, key, true);
        if (is_there)
            set_put(&disk->intents, key, false);
        if (!is_there && set_has(&disk->done, key)) {
            set_put(&disk->done, key, false);
            sim->counts.lost_items++;
        }
    }
}

/* False: the process crashed. */
static bool take_statement(struct sim *sim, const struct sim_message *message)
{
    struct sim_side *side = sim_side(sim, message->to, message->from);
    const struct link_record *record = &side->link.record;
    struct link_actions actions;
    struct link_event event = {.kind = LINK_AGREED,
                               .incarnation = message->pair.to,
                               .incarnation_there = message->pair.from};

    if (message->statement == NULL || message->sequence <= side->statement_sequence ||
        !link_may_take(&side->link, LINK_TRAFFIC_STATEMENT) || message->epoch != record->epoch ||
        sequence_party(message->pair, record->incarnation_here, record->incarnation_there) !=
            SEQUENCE_KNOWN)
        return true;
    side->statement_sequence = message->sequence;
    if (record->isolation == LINK_NOT_ISOLATED && !message->levels.isolated)
        return true;
    adopt(sim, side, message->statement, message->to, message->from);
    if (record->isolation == LINK_NOT_ISOLATED ||
        !set_equal(&message->statement->done, &side->disk.effects))
        return true;
    return sim_step(sim, message->to, message->from, &event, &actions);
}

/* ---- items */

/* The effect and its kept reply are one transaction. */
static void take_effect(struct sim *sim, const struct sim_message *message, uint32_t key,
                        const char *text)
{
    struct sim_side *side = sim_side(sim, message->to, message->from);
    unsigned org = message->to, peer = message->from;

    SIM_CHECK(sim, org, peer, !set_has(&side->disk.effects, key));
    SIM_CHECK(sim, org, peer, message->epoch > sim->ended[org][peer]);
    SIM_CHECK(sim, org, peer, message->pair.to > sim->org[org].restored);
    SIM_CHECK(sim, org, peer, side->link.record.isolation == LINK_NOT_ISOLATED);
    SIM_CHECK(sim, org, peer, key > side->disk.settled);
    set_put(&side->disk.effects, key, true);
    replies_answer(&side->replies, text, slice_of(text));
    sim->counts.effects++;
}

static void take_item(struct sim *sim, const struct sim_message *message, unsigned i,
                      struct sim_message *reply)
{
    static const uint8_t digest[REPLIES_DIGEST_SIZE] = {1};
    struct sim_side *side = sim_side(sim, message->to, message->from);
    char text[ULID_SIZE];
    struct slice kept = {NULL, 0};

    snprintf(text, sizeof(text), "%026u", message->keys[i]);
    reply->keys[i] = message->keys[i];
    reply->verdicts[i] = replies_begin(&side->replies, text, digest, &kept);
    if (reply->verdicts[i] == REPLIES_NEW)
        take_effect(sim, message, message->keys[i], text);
    if (reply->verdicts[i] == REPLIES_ANSWERED) {
        SIM_CHECK(sim, message->to, message->from, slice_is(kept, text));
        sim->counts.repeated++;
    }
    SIM_CHECK(sim, message->to, message->from,
              reply->verdicts[i] != REPLIES_FULL && reply->verdicts[i] != REPLIES_DIFFERENT);
}

static void take_batch(struct sim *sim, const struct sim_message *message,
                       struct sim_message *reply)
{
    struct sim_side *side = sim_side(sim, message->to, message->from);
    char text[ULID_SIZE];

    if (!link_may_take(&side->link, LINK_TRAFFIC_CHANGE)) {
        reply->status = SIM_NOT_NOW;
        return;
    }
    snprintf(text, sizeof(text), "%026u", message->settled);
    if (message->settled > side->disk.settled && replies_settle(&side->replies, text))
        side->disk.settled = message->settled;
    for (unsigned i = 0; i < message->count; i++)
        take_item(sim, message, i, reply);
    reply->count = message->count;
}

/* ---- requests */

static bool is_linked(struct sim *sim, unsigned org, unsigned peer)
{
    const struct link_record *record = &sim_side(sim, org, peer)->link.record;

    return record->state >= LINK_PENDING && record->state <= LINK_SUSPENDED && !record->is_joining;
}

/* In one and the same agreement: who was told of an end late may be asked into the next one before.
 */
static bool are_linked(struct sim *sim, unsigned a, unsigned b)
{
    return is_linked(sim, a, b) && is_linked(sim, b, a) &&
           sim_side(sim, a, b)->link.record.epoch == sim_side(sim, b, a)->link.record.epoch;
}

/* Rotating strands nobody but who was restored and missed two documents. */
static bool is_authentic(struct sim *sim, const struct sim_message *message)
{
    const struct link_record *record = &sim_side(sim, message->to, message->from)->link.record;
    bool knows_root = message->roots_used <= record->roots_there + 1; /* it has the next one too */
    uint8_t digest[LINK_DIGEST_SIZE];

    root_digest(digest, message->from, message->root);
    if (!record->has_peer || memcmp(record->peer_root, digest, sizeof(digest)) != 0)
        return false;
    if (are_linked(sim, message->to, message->from) && sim->org[message->to].restored == 0 &&
        sim->org[message->from].restored == 0)
        SIM_CHECK(sim, message->to, message->from, knows_root);
    return knows_root;
}

static bool take_join(struct sim *sim, const struct sim_message *message, struct sim_message *reply)
{
    struct sim_side *side = sim_side(sim, message->to, message->from);
    bool is_proved = message->secret != 0 && message->secret == side->disk.secret;
    struct link_actions actions;

    if (!step_plain(sim, message, is_proved ? LINK_JOIN_PROVED : LINK_JOIN_UNPROVED, &actions))
        return false;
    reply->answer = actions.answer;
    return true;
}

static bool take_heartbeat(struct sim *sim, const struct sim_message *message,
                           struct sim_message *reply)
{
    struct sim_side *side = sim_side(sim, message->to, message->from);
    struct link_actions actions;
    bool must_keep;

    if (!step_plain(sim, message, LINK_HEARD, &actions))
        return false;
    reply->answer = actions.answer;
    if (actions.answer != LINK_ANSWER_OK)
        return true;
    if (message->pair.to == side->link.record.incarnation_here)
        sim->heard_ms[message->to][message->from] = sim->now_ms;
    if (actions.new_window) { /* its number is of the new incarnation */
        sequence_take(&side->receiver, message->sequence, &must_keep);
        side->disk.taken_claimed = side->receiver.claimed;
    }
    return true;
}

/* False: refused, and the reply says why. */
static bool may_speak(struct sim *sim, const struct sim_message *message, struct sim_message *reply)
{
    struct sim_side *side = sim_side(sim, message->to, message->from);
    const struct link_record *record = &side->link.record;
    int64_t skew = (int64_t)(message->wall_ms - sim_now(sim, message->to).wall_ms);

    if (!is_authentic(sim, message)) {
        reply->status = SIM_STRANGER;
        return false;
    }
    if (skew > SIM_SKEW_MS || skew < -SIM_SKEW_MS) {
        reply->status = SIM_SKEWED;
        return false;
    }
    if (message->kind == SIM_END)
        return true;
    reply->answer = link_admit(&side->link, message->epoch);
    if (reply->answer != LINK_ANSWER_OK)
        return false;
    if (message->kind != SIM_HEARTBEAT &&
        sequence_party(message->pair, record->incarnation_here, record->incarnation_there) !=
            SEQUENCE_KNOWN) {
        reply->status = SIM_WRONG_PARTY;
        return false;
    }
    return true;
}

/* No copy of a message is taken a second time, whatever crashed or was restored between. */
static void note_taken(struct sim *sim, const struct sim_message *message)
{
    if (message->call >= sim->taken_capacity) {
        uint64_t capacity = 2 * message->call + 1024;

        sim->taken = memory_resize(sim->taken, capacity);
        memset(sim->taken + sim->taken_capacity, 0, capacity - sim->taken_capacity);
        sim->taken_capacity = capacity;
    }
    SIM_CHECK(sim, message->to, message->from, sim->taken[message->call] == 0);
    sim->taken[message->call] = 1;
}

/* A heartbeat of an incarnation that we have not heard of has a number of its own; one for us as we
 * were before a restore is answered and not taken. */
static bool has_good_number(struct sim *sim, const struct sim_message *message,
                            struct sim_message *reply)
{
    struct sim_side *side = sim_side(sim, message->to, message->from);
    bool must_keep;

    if (message->kind == SIM_END || (message->kind == SIM_HEARTBEAT &&
                                     (message->pair.from != side->link.record.incarnation_there ||
                                      message->pair.to != side->link.record.incarnation_here)))
        return true;
    if (sequence_take(&side->receiver, message->sequence, &must_keep) == SEQUENCE_TAKEN) {
        if (must_keep)
            side->disk.taken_claimed = side->receiver.claimed;
        note_taken(sim, message);
        return true;
    }
    reply->status = SIM_NUMBER;
    reply->floor = sequence_floor(&side->receiver);
    return false;
}

/* False: the process crashed, and nothing is answered. */
static bool take(struct sim *sim, const struct sim_message *message, struct sim_message *reply)
{
    struct sim_side *side = sim_side(sim, message->to, message->from);
    struct link_actions actions;
    bool is_up = true;

    if (message->kind == SIM_JOIN)
        return take_join(sim, message, reply);
    if (!may_speak(sim, message, reply)) {
        struct link_event event = {.kind = LINK_SKEWED, .skew_ms = SIM_SKEW_MS};

        return reply->status != SIM_SKEWED ||
               sim_step(sim, message->to, message->from, &event, &actions);
    }
    breaker_step(&side->breaker, BREAKER_INBOUND, sim->now_ms, 0, 0);
    if (!has_good_number(sim, message, reply))
        return true;
    switch (message->kind) {
    case SIM_HEARTBEAT:
        return take_heartbeat(sim, message, reply);
    case SIM_ROOTS:
        is_up = step_plain(sim, message, LINK_ROOTS_TAKEN, &actions);
        reply->answer = actions.answer;
        return is_up;
    case SIM_STATEMENT:
        return take_statement(sim, message);
    case SIM_END:
        is_up = step_plain(sim, message, LINK_END_HEARD, &actions);
        reply->answer = actions.answer;
        return is_up;
    case SIM_BATCH_OF_ITEMS:
        take_batch(sim, message, reply);
        return true;
    case SIM_JOIN:
        break;
    }
    return true;
}

static void receive_request(struct sim *sim, const struct sim_message *message)
{
    struct sim_message *reply = memory_alloc(sizeof(*reply));
    struct sim_side *side = sim_side(sim, message->to, message->from);

    *reply = (struct sim_message){
        .is_reply = true,
        .kind = message->kind,
        .from = message->to,
        .to = message->from,
        .call = message->call,
        .epoch = message->epoch,
    };
    if (!take(sim, message, reply)) {
        sim_message_free(reply);
        return;
    }
    if (reply->answer == LINK_ANSWER_JOINED)
        reply->epoch = side->link.record.epoch;
    reply->root = sim->org[message->to].root;
    reply->roots = sim->org[message->to].roots;
    reply->roots_used = sim->org[message->to].roots_used;
    reply->wall_ms = sim_now(sim, message->to).wall_ms;
    reply->credit = replies_room(&side->replies);
    sim_put_levels(sim, reply, message->to, message->from);
    if (message->kind == SIM_STATEMENT && reply->status == SIM_ANSWERED &&
        reply->answer == LINK_ANSWER_OK && link_may_send(&side->link, LINK_TRAFFIC_STATEMENT))
        sim_put_statement(sim, reply, message->to, message->from);
    sim_send(sim, reply);
}

/* ---- replies */

/* Takes the call out before anything is done with its reply. */
static bool take_call(struct sim_side *side, uint64_t id, struct sim_call *call)
{
    for (unsigned i = 0; i < SIM_CALLS; i++) {
        if (side->calls[i].id != id)
            continue;
        *call = side->calls[i];
        side->calls[i].id = 0;
        for (unsigned n = 0; n < call->count; n++)
            credit_give(&side->credit, 1);
        return true;
    }
    return false;
}

static void hear_items(struct sim *sim, const struct sim_message *message)
{
    struct sim_disk *disk = &sim_side(sim, message->to, message->from)->disk;

    for (unsigned i = 0; i < message->count; i++) {
        bool is_done =
            message->verdicts[i] == REPLIES_NEW || message->verdicts[i] == REPLIES_ANSWERED;

        if (is_done)
            set_put(&disk->done, message->keys[i], true);
        if (is_done || message->verdicts[i] == REPLIES_SETTLED)
            set_put(&disk->intents, message->keys[i], false);
    }
}

static void hear_join(struct sim *sim, const struct sim_message *message)
{
    struct link_event event = event_of(message, LINK_JOIN_REFUSED);
    struct link_actions actions;

    event.reason = "refused";
    if (message->answer == LINK_ANSWER_JOINED) {
        step_plain(sim, message, LINK_JOIN_ACCEPTED, &actions);
    } else {
        sim_step(sim, message->to, message->from, &event, &actions);
    }
}

static void hear_answer(struct sim *sim, const struct sim_message *message)
{
    struct link_event disowned = {.kind = LINK_DISOWNED};
    struct link_actions actions;

    switch (message->answer) {
    case LINK_ANSWER_OVER:
        step_plain(sim, message, LINK_END_HEARD, &actions);
        return;
    case LINK_ANSWER_BEHIND:
        step_plain(sim, message, LINK_PEER_BEHIND, &actions);
        return;
    case LINK_ANSWER_OLD_INCARNATION:
        sim->counts.disowned++;
        disowned.incarnation = ++sim->incarnations;
        sim_step(sim, message->to, message->from, &disowned, &actions);
        return;
    case LINK_ANSWER_OK:
        break;
    default:
        return;
    }
    if (message->kind == SIM_HEARTBEAT) {
        sim->heard_ms[message->to][message->from] = sim->now_ms;
        step_plain(sim, message, LINK_ACKED, &actions);
    }
    if (message->kind == SIM_END)
        step_plain(sim, message, LINK_END_ACKED, &actions);
    if (message->kind == SIM_STATEMENT)
        take_statement(sim, message);
    if (message->kind == SIM_BATCH_OF_ITEMS)
        hear_items(sim, message);
}

static void receive_reply(struct sim *sim, const struct sim_message *message)
{
    struct sim_side *side = sim_side(sim, message->to, message->from);
    struct link_event skewed = {.kind = LINK_SKEWED, .skew_ms = SIM_SKEW_MS};
    struct link_actions actions;
    struct sim_call call;

    if (!take_call(side, message->call, &call))
        return;
    breaker_step(&side->breaker, BREAKER_SUCCEEDED, sim->now_ms, 0, 0);
    if (message->kind == SIM_JOIN) {
        hear_join(sim, message);
        return;
    }
    if (!is_authentic(sim, message)) {
        sim->counts.stranded += !side->is_stranded;
        side->is_stranded = true;
        step_plain(sim, message, LINK_UNTRUSTED, &actions);
        return;
    }
    side->is_stranded = false;
    if (message->status != SIM_ANSWERED)
        sim_trace(sim, message->to, message->from, "is refused: %d, floor %llu, our next %llu",
                  (int)message->status, (unsigned long long)message->floor,
                  (unsigned long long)side->sender.next);
    switch (message->status) {
    case SIM_STRANGER:
        step_plain(sim, message, LINK_PEER_BEHIND, &actions);
        return;
    case SIM_SKEWED:
        sim_step(sim, message->to, message->from, &skewed, &actions);
        return;
    case SIM_NUMBER:
        sequence_raise(&side->sender, message->floor);
        return;
    case SIM_WRONG_PARTY:
    case SIM_NOT_NOW:
        return;
    case SIM_ANSWERED:
        credit_set(&side->credit, message->credit, message->credit);
        hear_answer(sim, message);
        return;
    }
}

void sim_receive(struct sim *sim, const struct sim_message *message)
{
    if (!sim->org[message->to].is_up)
        return;
    if (message->is_reply)
        receive_reply(sim, message);
    else
        receive_request(sim, message);
}
