// SPDX-License-Identifier: Apache-2.0
/* What arrives at one end: items and their answers, blocks, and the ends of what it does itself. */
#include "allocations.h"

#include <string.h>

/* ---- items */

static enum allocation_event_kind event_of(enum allocation_item item)
{
    switch (item) {
    case ALLOCATION_ITEM_RESERVE:
        return ALLOCATION_RESERVE;
    case ALLOCATION_ITEM_COMMIT:
        return ALLOCATION_COMMIT;
    case ALLOCATION_ITEM_RELEASE:
        return ALLOCATION_RELEASE_HEARD;
    case ALLOCATION_ITEM_RECEIPT:
        return ALLOCATION_RECEIPT;
    default:
        return ALLOCATION_EVICT_HEARD;
    }
}

static void send_answer(struct world *world, const struct message *item, const struct kept *kept)
{
    struct message answer = {.kind = WORLD_ANSWER,
                             .from = item->to,
                             .to = item->from,
                             .role = item->said.role,
                             .life = item->life,
                             .epoch = item->epoch,
                             .incarnations = item->incarnations,
                             .status = kept->status,
                             .is_final = kept->is_final,
                             .position = kept->position,
                             .time_ms = world->now_ms + 1 + world_draw(world, 200)};

    memcpy(answer.id, item->id, ULID_SIZE);
    memcpy(answer.key, item->key, ULID_SIZE);
    if (!world->is_cut[item->to][item->from] && (!world->is_troubled || world_draw(world, 12) != 0))
        world_push(world, &answer);
}

static struct allocation_event item_event(struct world *world, const struct message *item)
{
    struct end *end = world_end(world, item->to, item->from);
    const struct allocation_record *said = &item->said;
    struct allocation_event event = {
        .kind = event_of(item->item),
        .root = said->root,
        .bytes = said->bytes,
        .blocks = said->blocks,
        .is_final = item->item == ALLOCATION_ITEM_EVICT,
        .until_ms = said->until_ms,
    };

    memcpy(event.id, item->id, ULID_SIZE);
    memcpy(event.key, item->item == ALLOCATION_ITEM_RECEIPT ? said->held_key : item->key,
           ULID_SIZE);
    if (item->item == ALLOCATION_ITEM_RESERVE)
        event.room = grant_room(&end->here, said->bytes);
    return event;
}

/* The effect and its kept reply are one transaction. */
static void take_item(struct world *world, const struct message *item,
                      const uint8_t digest[REPLIES_DIGEST_SIZE])
{
    struct end *end = world_end(world, item->to, item->from);
    struct allocation_record *record =
        world_find(world, item->to, item->from, item->role, item->id);
    struct allocation_event event = item_event(world, item);
    struct allocation_actions actions;
    struct kept reply = {0};

    WORLD_CHECK(world, item->to, item->from, item->epoch > world->ended[item->to][item->from]);
    memcpy(reply.key, item->key, ULID_SIZE);
    memcpy(reply.digest, digest, REPLIES_DIGEST_SIZE);
    reply.position = record != NULL ? record->position : 0;
    reply.is_final = true; /* what is 410 or 404 is over */
    if (item->item == ALLOCATION_ITEM_RELEASE)
        world->org[item->to].may_go[world_number(item->id)] = true;
    if (!world_step(world, item->to, item->from, record, &event, &reply, &actions))
        return;
    world->counts.refusals += actions.answer >= 400;
    replies_answer(&end->replies, item->key, (struct slice){(const char *)&reply, sizeof(reply)});
    send_answer(world, item, &reply);
}

static void receive_item(struct world *world, const struct message *item)
{
    struct end *end = world_end(world, item->to, item->from);
    uint8_t digest[REPLIES_DIGEST_SIZE] = {(uint8_t)item->item};
    struct slice kept = {NULL, 0};
    struct kept reply = {.status = 410};

    if (!world->org[item->to].is_up || !world_is_linked(world, item->to, item->from) ||
        item->epoch != end->disk.epoch ||
        item->incarnations != world->incarnation[item->to] + world->incarnation[item->from])
        return;
    if (strcmp(item->settled, end->disk.settled_there) > 0 &&
        replies_settle(&end->replies, item->settled))
        memcpy(end->disk.settled_there, item->settled, ULID_SIZE);
    switch (replies_begin(&end->replies, item->key, digest, &kept)) {
    case REPLIES_NEW:
        take_item(world, item, digest);
        return;
    case REPLIES_ANSWERED:
        memcpy(&reply, kept.data, sizeof(reply));
        world->counts.repeated++;
        send_answer(world, item, &reply);
        return;
    case REPLIES_SETTLED:
        send_answer(world, item, &reply);
        return;
    case REPLIES_UNDER_WAY:
    case REPLIES_FULL:
        return;
    case REPLIES_DIFFERENT:
        WORLD_CHECK(world, item->to, item->from, !"a key is used once");
    }
}

static void receive_answer(struct world *world, const struct message *answer)
{
    struct allocation_record *record =
        world_find(world, answer->to, answer->from, answer->role, answer->id);
    struct allocation_event event = {.kind = answer->kind == WORLD_ANSWER ? ALLOCATION_ANSWERED
                                                                          : ALLOCATION_UNANSWERED,
                                     .status = answer->status,
                                     .is_final = answer->is_final,
                                     .position = answer->position};
    struct allocation_actions actions;

    if (record == NULL || strcmp(record->key, answer->key) != 0)
        return;
    if (answer->kind == WORLD_ANSWER &&
        (!world_is_linked(world, answer->to, answer->from) ||
         world_end(world, answer->to, answer->from)->disk.epoch != answer->epoch ||
         answer->incarnations != world->incarnation[answer->to] + world->incarnation[answer->from]))
        return;
    memcpy(event.key, answer->key, ULID_SIZE);
    world_step(world, answer->to, answer->from, record, &event, NULL, &actions);
}

/* ---- blocks */

static void fail_sending(struct world *world, const struct message *send,
                         struct allocation_record *record, unsigned status,
                         enum allocation_reason reason)
{
    struct allocation_event event = {
        .kind = ALLOCATION_SEND_FAILED, .status = status, .reason = reason};
    struct allocation_actions actions;

    world_step(world, send->to, send->from, record, &event, NULL, &actions);
}

/* At the holder. False: it crashed. status: what the owner hears. */
static bool take_blocks(struct world *world, const struct message *send,
                        const struct allocation_record *owner, struct message *progress,
                        unsigned *status)
{
    struct allocation_record *record =
        world_find(world, send->from, send->to, ALLOCATION_HOLDER, send->id);
    struct allocation_event event = {.kind = ALLOCATION_RECEIVED};
    struct allocation_actions actions;

    *status = 200;
    if (record == NULL || record->state == ALLOCATION_REMOVING ||
        record->state == ALLOCATION_GONE || record->state == ALLOCATION_ORPHANED) {
        *status = 404;
        return true;
    }
    if (record->state == ALLOCATION_RESERVED || record->state == ALLOCATION_RECEIVING) {
        event.position = record->position + 1 + world_draw(world, 1 + owner->blocks / 2);
        if (event.position > owner->blocks)
            event.position = owner->blocks;
        event.is_complete = event.position == owner->blocks;
        event.bytes = owner->bytes;
        event.blocks = owner->blocks;
        if (world->is_troubled && world_draw(world, 60) == 0) {
            event.kind = ALLOCATION_REJECTED;
            world->counts.rejected++;
            *status = 422;
        }
        if (!world_step(world, send->from, send->to, record, &event, NULL, &actions))
            return false;
    }
    progress->position = record->position;
    progress->is_complete = record->is_complete;
    return true;
}

static void receive_send(struct world *world, const struct message *send)
{
    struct allocation_record *record =
        world_find(world, send->to, send->from, ALLOCATION_OWNER, send->id);
    struct message progress = *send, more = *send;
    unsigned status;

    if (record == NULL || (allocation_work(record) & ALLOCATION_WORK_SEND) == 0)
        return;
    if (world->is_troubled && world_draw(world, 40) == 0) {
        fail_sending(world, send, record, 0, ALLOCATION_MISSING_HERE);
        return;
    }
    if (!world_is_linked(world, send->to, send->from) || world->is_cut[send->to][send->from] ||
        (world->is_troubled && world_draw(world, 20) == 0)) {
        fail_sending(world, send, record, 0, ALLOCATION_NO_REASON);
        return;
    }
    if (!take_blocks(world, send, record, &progress, &status)) {
        fail_sending(world, send, record, 0, ALLOCATION_NO_REASON); /* the connection broke */
        return;
    }
    if (status != 200) {
        fail_sending(world, send, record, status, ALLOCATION_NO_REASON);
        return;
    }
    progress.kind = WORLD_PROGRESS;
    progress.time_ms = world->now_ms + 1 + world_draw(world, 100);
    if (!world->is_cut[send->from][send->to])
        world_push(world, &progress);
    more.time_ms = world->now_ms + 200 + world_draw(world, 2000);
    world_push(world, &more);
}

static void receive_progress(struct world *world, const struct message *progress)
{
    struct allocation_record *record =
        world_find(world, progress->to, progress->from, ALLOCATION_OWNER, progress->id);
    struct allocation_event event = {.kind = ALLOCATION_PROGRESS,
                                     .position = progress->position,
                                     .is_complete = progress->is_complete};
    struct allocation_actions actions;

    if (record != NULL)
        world_step(world, progress->to, progress->from, record, &event, NULL, &actions);
}

/* ---- the holder's storage */

static void finish_import(struct world *world, const struct message *message)
{
    struct org *org = &world->org[message->to];
    struct allocation_record *record =
        world_find(world, message->to, message->from, ALLOCATION_HOLDER, message->id);
    struct allocation_event event = {.kind = ALLOCATION_IMPORTED};
    struct allocation_actions actions;

    if (record == NULL || (allocation_work(record) & ALLOCATION_WORK_IMPORT) == 0)
        return;
    if (world->is_troubled && world_draw(world, 15) == 0) {
        event.kind = ALLOCATION_IMPORT_FAILED;
        event.is_final = world_draw(world, 3) == 0;
    } else {
        org->stored[world_number(record->id)] = true;
    }
    world_step(world, message->to, message->from, record, &event, NULL, &actions);
}

static void finish_removal(struct world *world, const struct message *message)
{
    struct org *org = &world->org[message->to];
    struct allocation_record *record =
        world_find(world, message->to, message->from, ALLOCATION_HOLDER, message->id);
    struct allocation_event event = {.kind = ALLOCATION_REMOVED};
    struct allocation_actions actions;

    if (record == NULL || (allocation_work(record) & ALLOCATION_WORK_REMOVE) == 0)
        return;
    if (world->is_troubled && world_draw(world, 15) == 0)
        event.kind = ALLOCATION_REMOVE_FAILED;
    else
        org->stored[world_number(record->id)] = false;
    world_step(world, message->to, message->from, record, &event, NULL, &actions);
}

static void receive_tick(struct world *world, const struct message *message)
{
    struct allocation_record *record =
        world_find(world, message->to, message->from, message->role, message->id);
    struct allocation_event event = {.kind = ALLOCATION_TICK};
    struct allocation_actions actions;

    if (record != NULL)
        world_step(world, message->to, message->from, record, &event, NULL, &actions);
}

/* Told until it is heard. */
static void hear_end(struct world *world, const struct message *message)
{
    struct message again = *message;

    if (world->ended[message->to][message->from] >= message->epoch)
        return;
    if (!world->org[message->to].is_up || world->is_cut[message->from][message->to]) {
        again.time_ms = world->now_ms + 30000;
        world_push(world, &again);
        return;
    }
    world->ended[message->to][message->from] = message->epoch;
    world_trace(world, message->to, message->from, "hears that it is over");
    world_tell_all(world, message->to, message->from, ALLOCATION_LINK_OVER);
}

void world_receive(struct world *world, const struct message *message)
{
    if (message->kind == WORLD_HEAR_END) {
        hear_end(world, message);
        return;
    }
    if (message->kind == WORLD_TROUBLE) {
        world_trouble(world);
        return;
    }
    if (message->kind == WORLD_ITEM) {
        receive_item(world, message);
        return;
    }
    if (!world->org[message->to].is_up || message->life != world->life[message->to])
        return;
    switch (message->kind) {
    case WORLD_ANSWER:
    case WORLD_TIMEOUT:
        receive_answer(world, message);
        return;
    case WORLD_SEND:
        receive_send(world, message);
        return;
    case WORLD_PROGRESS:
        receive_progress(world, message);
        return;
    case WORLD_IMPORT:
        finish_import(world, message);
        return;
    case WORLD_REMOVE:
        finish_removal(world, message);
        return;
    case WORLD_TICK:
        receive_tick(world, message);
        return;
    default:
        world_plan(world, message->to);
    }
}
