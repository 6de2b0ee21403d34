// SPDX-License-Identifier: Apache-2.0
/* One end of a link, as a gateway runs it: asks the machine, keeps what it says must be kept, then
 * begins what is to be done. A process may end between any two of these. */
#include "allocations.h"

#include "conf/memory.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct end *world_end(struct world *world, unsigned org, unsigned peer)
{
    return &world->org[org].ends[peer];
}

bool world_is_linked(struct world *world, unsigned a, unsigned b)
{
    const struct disk *here = &world_end(world, a, b)->disk, *there = &world_end(world, b, a)->disk;

    return world->org[a].is_up && world->org[b].is_up && here->epoch != 0 &&
           here->epoch == there->epoch && !here->is_isolated && !there->is_isolated &&
           here->epoch > world->ended[a][b] && there->epoch > world->ended[b][a];
}

static struct allocation_record *find(struct allocation_record *records, size_t count,
                                      enum allocation_role role, const char *id)
{
    for (size_t i = count; i > 0; i--)
        if (records[i - 1].role == role && strcmp(records[i - 1].id, id) == 0)
            return &records[i - 1];
    return NULL;
}

struct allocation_record *world_find(struct world *world, unsigned org, unsigned peer,
                                     enum allocation_role role, const char *id)
{
    struct end *end = world_end(world, org, peer);

    return find(end->records, end->count, role, id);
}

struct grant_account *world_account(struct end *end, enum allocation_role role)
{
    return role == ALLOCATION_HOLDER ? &end->here : &end->there;
}

/* Up to the last key that was drawn, but for those that are not answered. */
void world_settled(struct world *world, unsigned org, unsigned peer, char settled[ULID_SIZE])
{
    const struct disk *disk = &world_end(world, org, peer)->disk;
    char least[ULID_SIZE] = "";

    for (size_t i = 0; i < disk->count; i++)
        if (disk->records[i].key[0] != '\0' &&
            (least[0] == '\0' || strcmp(disk->records[i].key, least) < 0))
            memcpy(least, disk->records[i].key, ULID_SIZE);
    memcpy(settled, disk->last_key, ULID_SIZE);
    if (least[0] != '\0' && strcmp(least, settled) <= 0)
        (void)snprintf(settled, ULID_SIZE, "%026u", world_number(least) - 1);
}

/* ---- what is to be done */

static void ask(struct world *world, unsigned org, unsigned peer,
                const struct allocation_record *record)
{
    struct message item = {
        .kind = WORLD_ITEM,
        .from = org,
        .to = peer,
        .role = record->role == ALLOCATION_OWNER ? ALLOCATION_HOLDER : ALLOCATION_OWNER,
        .epoch = world_end(world, org, peer)->disk.epoch,
        .incarnations = world->incarnation[org] + world->incarnation[peer],
        .life = world->life[org],
        .item = record->item,
        .said = *record,
    };
    struct message timeout = {.kind = WORLD_TIMEOUT,
                              .from = peer,
                              .to = org,
                              .role = record->role,
                              .life = world->life[org],
                              .time_ms = world->now_ms + 20000};

    memcpy(item.id, record->id, ULID_SIZE);
    memcpy(item.key, record->key, ULID_SIZE);
    memcpy(timeout.id, record->id, ULID_SIZE);
    memcpy(timeout.key, record->key, ULID_SIZE);
    world_settled(world, org, peer, item.settled);
    world_push(world, &timeout);
    world->counts.items++;
    if (world->is_cut[org][peer] || !world_is_linked(world, org, peer))
        return;
    for (unsigned copies = 1 + (world->is_troubled && world_draw(world, 8) == 0); copies > 0;
         copies--) {
        item.time_ms = world->now_ms + 1 + world_draw(world, world->is_troubled ? 30000 : 100);
        if (!world->is_troubled || world_draw(world, 12) != 0)
            world_push(world, &item);
    }
}

static void later(struct world *world, unsigned org, unsigned peer, enum world_kind kind,
                  const struct allocation_record *record, uint64_t within_ms)
{
    struct message message = {.kind = kind,
                              .from = peer,
                              .to = org,
                              .role = record->role,
                              .life = world->life[org],
                              .time_ms = world->now_ms + 1 + world_draw(world, within_ms)};

    memcpy(message.id, record->id, ULID_SIZE);
    world_push(world, &message);
}

static void begin_work(struct world *world, unsigned org, unsigned peer,
                       const struct allocation_record *record,
                       const struct allocation_actions *actions)
{
    if ((actions->start & ALLOCATION_WORK_ASK) != 0)
        ask(world, org, peer, record);
    if ((actions->start & ALLOCATION_WORK_SEND) != 0)
        later(world, org, peer, WORLD_SEND, record, 500);
    if ((actions->start & ALLOCATION_WORK_IMPORT) != 0)
        later(world, org, peer, WORLD_IMPORT, record, 5000);
    if ((actions->start & ALLOCATION_WORK_REMOVE) != 0)
        later(world, org, peer, WORLD_REMOVE, record, 5000);
    if (actions->wake_ms != UINT64_MAX) {
        uint64_t wall = world_wall(world);
        struct message tick = {.kind = WORLD_TICK,
                               .from = peer,
                               .to = org,
                               .role = record->role,
                               .life = world->life[org],
                               .time_ms = world->now_ms +
                                          (actions->wake_ms > wall ? actions->wake_ms - wall : 0)};

        memcpy(tick.id, record->id, ULID_SIZE);
        world_push(world, &tick);
    }
}

/* ---- the journal */

static void keep_reply(struct end *end, const struct kept *reply)
{
    struct disk *disk = &end->disk;

    for (size_t i = 0; i < disk->kept_count;) {
        if (strcmp(disk->kept[i].key, disk->settled_there) <= 0)
            disk->kept[i] = disk->kept[--disk->kept_count];
        else
            i++;
    }
    assert(disk->kept_count < REPLIES_MAX);
    disk->kept[disk->kept_count++] = *reply;
}

static void forget(struct allocation_record *records, size_t *count, enum allocation_role role,
                   const char *id)
{
    struct allocation_record *record = find(records, *count, role, id);

    if (record != NULL)
        *record = records[--*count];
}

static void journal(struct end *end, const struct allocation_record *record)
{
    struct disk *disk = &end->disk;
    struct allocation_record *kept = find(disk->records, disk->count, record->role, record->id);

    if (kept == NULL) {
        assert(disk->count < WORLD_RECORDS);
        kept = &disk->records[disk->count++];
    }
    memcpy(kept, record, sizeof(*kept));
    if (record->key[0] != '\0' && strcmp(record->key, disk->last_key) > 0)
        memcpy(disk->last_key, record->key, ULID_SIZE);
}

static bool crashes_here(struct world *world, unsigned org)
{
    bool is_it = ++world->points == world->crash_at;

    if (!world->is_counted)
        is_it = world->is_troubled && world_draw(world, 2500) == 0;
    if (!is_it)
        return false;
    world_crash(world, org);
    return true;
}

static bool is_over(struct world *world, unsigned org, unsigned peer)
{
    return world_end(world, org, peer)->disk.epoch <= world->ended[org][peer];
}

/* It has nothing that it would do with the partner. */
static bool is_told_over(const struct allocation_record *record)
{
    return record->item == ALLOCATION_NO_ITEM &&
           (record->is_orphaned || record->state == ALLOCATION_REFUSED ||
            record->state == ALLOCATION_RELEASED || record->state == ALLOCATION_GONE);
}

/* What may never be. */
static void check_step(struct world *world, unsigned org, unsigned peer,
                       const struct allocation_event *event, const struct allocation_record *before,
                       const struct allocation_record *after,
                       const struct allocation_actions *actions)
{
    const struct end *end = world_end(world, org, peer);
    unsigned number = world_number(after->id);
    uint64_t bytes;

    WORLD_CHECK(world, org, peer, after->role == ALLOCATION_OWNER || !actions->replan);
    WORLD_CHECK(world, org, peer, before->state == after->state || actions->journal);
    WORLD_CHECK(world, org, peer,
                allocation_rests(after) || allocation_work(after) != 0 || after->retry_ms != 0 ||
                    after->state == ALLOCATION_RESERVED || after->state == ALLOCATION_RECEIVING);
    WORLD_CHECK(world, org, peer, after->state != ALLOCATION_STUCK || allocation_is_stuck(after));
    /* nothing past a revocation */
    if (is_over(world, org, peer) && (event->kind == ALLOCATION_LINK_OVER || is_told_over(before)))
        WORLD_CHECK(world, org, peer,
                    (allocation_work(after) &
                     (ALLOCATION_WORK_ASK | ALLOCATION_WORK_SEND | ALLOCATION_WORK_TURN)) == 0);
    /* what is here is charged, until it is gone */
    if (after->role == ALLOCATION_HOLDER && world->incarnation[org] == 0)
        WORLD_CHECK(world, org, peer,
                    !world->org[org].stored[number] || allocation_charge(after, &bytes));
    /* a copy counts by evidence: it was there when that was made, and is, but for what they said.
     * What is wanted again counts by what was known before, and a holder may have been restored */
    if (after->role == ALLOCATION_OWNER && after->state == ALLOCATION_PLACED &&
        before->state != ALLOCATION_PLACED && event->kind != ALLOCATION_WANT)
        WORLD_CHECK(world, org, peer,
                    world->org[peer].stored[number] || world->org[peer].may_go[number]);
    if (before->state == ALLOCATION_QUEUED && after->state == ALLOCATION_RESERVING) {
        struct grant grant = grant_in_force(&end->there);

        WORLD_CHECK(world, org, peer, end->there.bytes <= grant.bytes);
        WORLD_CHECK(world, org, peer, end->there.pins <= grant.pins);
    }
    if (before->state == ALLOCATION_NONE && allocation_charge(after, &bytes) &&
        after->role == ALLOCATION_HOLDER) {
        struct grant grant = grant_in_force(&end->here);

        WORLD_CHECK(world, org, peer, end->here.bytes <= grant.bytes);
        WORLD_CHECK(world, org, peer, end->here.pins <= grant.pins);
    }
    /* what was never confirmed to its owner may go when it expires */
    if (after->state == ALLOCATION_REMOVING && before->state != ALLOCATION_REMOVING &&
        before->held_key[0] != '\0')
        WORLD_CHECK(world, org, peer, world->org[org].may_go[number]);
}

bool world_step(struct world *world, unsigned org, unsigned peer, struct allocation_record *record,
                struct allocation_event *event, struct kept *reply,
                struct allocation_actions *actions)
{
    struct end *end = world_end(world, org, peer);
    struct allocation_record fresh, before;
    bool forgets;

    if (record == NULL) {
        memset(&fresh, 0, sizeof(fresh));
        record = &fresh;
    }
    memcpy(&before, record, sizeof(before));
    world_draw_key(world, event->fresh);
    event->random = (uint16_t)world_draw(world, 65536);
    allocation_step(record, event, world_wall(world), actions);
    world->counts.operations++;
    if (record == &fresh && fresh.state != ALLOCATION_NONE) {
        assert(end->count < WORLD_RECORDS);
        record = &end->records[end->count++];
        memcpy(record, &fresh, sizeof(fresh));
    }
    if (record->state != before.state)
        world_trace(world, org, peer, "%s %s: %s -> %s by %s", record->id + 20,
                    record->role == ALLOCATION_OWNER ? "placed there" : "held",
                    allocation_state_name(before.state), allocation_state_name(record->state),
                    allocation_event_name(event->kind));
    if (record->state != ALLOCATION_NONE)
        grant_charge(world_account(end, record->role), actions->bytes, actions->pins);
    check_step(world, org, peer, event, &before, record, actions);
    if (crashes_here(world, org))
        return false; /* before the journal: it never was */
    forgets = actions->forget;
    if (actions->journal && !(world->is_forgetful && world_draw(world, 20) == 0))
        journal(end, record);
    if (crashes_here(world, org))
        return false;
    if (reply != NULL) { /* a commit of its own: the item may come again, and be new here */
        reply->status = actions->answer;
        keep_reply(end, reply);
        if (crashes_here(world, org))
            return false;
    }
    if (record->state != ALLOCATION_NONE && !forgets)
        begin_work(world, org, peer, record, actions);
    if (forgets) {
        forget(end->disk.records, &end->disk.count, before.role, before.id);
        forget(end->records, &end->count, before.role, before.id);
    }
    return true;
}

bool world_tell_all(struct world *world, unsigned org, unsigned peer,
                    enum allocation_event_kind kind)
{
    struct end *end = world_end(world, org, peer);

    for (size_t i = 0; i < end->count; i++) {
        struct allocation_event event = {.kind = kind};
        struct allocation_actions actions;

        if (!world_step(world, org, peer, &end->records[i], &event, NULL, &actions))
            return false;
    }
    return true;
}

/* ---- the process */

void world_crash(struct world *world, unsigned org)
{
    world->org[org].is_up = false;
    world->life[org]++;
    world->counts.crashes++;
    world_trace(world, org, org, "crashes");
}

static void load_replies(struct end *end)
{
    char settled[ULID_SIZE];

    replies_dispose(&end->replies);
    memcpy(settled, end->disk.settled_there, ULID_SIZE);
    if (settled[0] != '\0' && !replies_settle(&end->replies, settled))
        assert(!"settled goes up");
    for (size_t i = 0; i < end->disk.kept_count; i++) {
        const struct kept *kept = &end->disk.kept[i];

        if (strcmp(kept->key, settled) > 0)
            replies_load(&end->replies, kept->key, kept->digest,
                         (struct slice){(const char *)kept, sizeof(*kept)});
    }
}

static void start_end(struct world *world, unsigned org, unsigned peer)
{
    struct end *end = world_end(world, org, peer);

    memcpy(end->records, end->disk.records, sizeof(end->records));
    end->count = end->disk.count;
    end->here.bytes = end->here.pins = end->there.bytes = end->there.pins = 0;
    load_replies(end);
    for (size_t i = 0; i < end->count; i++) {
        uint64_t bytes;
        bool is_charged = allocation_charge(&end->records[i], &bytes);

        grant_charge(world_account(end, end->records[i].role), (int64_t)bytes, is_charged);
    }
}

/* What a restored ledger says is claimed may be gone since. */
static void check_storage(struct world *world, unsigned org, unsigned peer)
{
    struct end *end = world_end(world, org, peer);

    for (size_t i = 0; i < end->count && world->org[org].is_up; i++) {
        struct allocation_record *record = &end->records[i];
        struct allocation_event event = {.kind = ALLOCATION_STORAGE_LOST};
        struct allocation_actions actions;

        if (record->role != ALLOCATION_HOLDER || world->org[org].stored[world_number(record->id)] ||
            (record->state != ALLOCATION_PINNED && record->state != ALLOCATION_LEAVING &&
             record->state != ALLOCATION_ORPHANED))
            continue;
        world->org[org].may_go[world_number(record->id)] = true;
        if (!world_step(world, org, peer, record, &event, NULL, &actions))
            return;
    }
}

void world_start(struct world *world, unsigned org)
{
    struct message plan = {
        .kind = WORLD_PLAN, .to = org, .from = org, .time_ms = world->now_ms + 1};

    world->org[org].is_up = true;
    plan.life = world->life[org];
    for (unsigned peer = 0; peer < world->orgs; peer++)
        if (peer != org)
            start_end(world, org, peer);
    for (unsigned peer = 0; peer < world->orgs; peer++) {
        struct end *end = world_end(world, org, peer);

        for (size_t i = 0; peer != org && i < end->count; i++) {
            struct allocation_actions actions;

            allocation_load(&end->records[i], &actions);
            begin_work(world, org, peer, &end->records[i], &actions);
        }
    }
    world_push(world, &plan);
    for (unsigned peer = 0; peer < world->orgs && world->org[org].is_up; peer++)
        if (peer != org && world_end(world, org, peer)->disk.epoch <= world->ended[org][peer])
            world_tell_all(world, org, peer, ALLOCATION_LINK_OVER);
    for (unsigned peer = 0; peer < world->orgs && world->org[org].is_up; peer++)
        if (peer != org)
            check_storage(world, org, peer);
}

/* The ledger is an older one; what it says of links that ended since is carried over. */
void world_restore(struct world *world, unsigned org)
{
    world->counts.restores++;
    world_crash(world, org);
    world->incarnation[org]++;
    world_trace(world, org, org, "is restored");
    for (unsigned peer = 0; peer < world->orgs; peer++) {
        struct disk *disk = &world_end(world, org, peer)->disk;
        uint64_t epoch = disk->epoch;
        char settled[ULID_SIZE];

        memcpy(settled, disk->settled_there, ULID_SIZE);
        *disk = world->org[org].backup[peer];
        if (epoch != disk->epoch)
            disk->epoch = epoch;
        if (strcmp(settled, disk->settled_there) > 0)
            memcpy(disk->settled_there, settled, ULID_SIZE);
        disk->is_isolated = true;
        world_end(world, peer, org)->disk.is_isolated = true;
    }
    world_start(world, org);
}
