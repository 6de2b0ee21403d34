// SPDX-License-Identifier: Apache-2.0
/* What members want, what operators do, and what goes wrong. */
#include "allocations.h"

#include "conf/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- placement, as simple as it can be */

static bool is_of(const struct allocation_record *record, const struct object *object)
{
    return record->role == ALLOCATION_OWNER && allocation_is_live(record) &&
           cid_equal(&record->root, &object->root);
}

/* The one that may still come to something, or is there; NULL: none. */
static struct allocation_record *live(struct end *end, const struct object *object)
{
    for (size_t i = 0; i < end->count; i++)
        if (is_of(&end->records[i], object))
            return &end->records[i];
    return NULL;
}

static bool tell(struct world *world, unsigned org, unsigned peer, struct allocation_record *record,
                 enum allocation_event_kind kind)
{
    struct allocation_event event = {.kind = kind, .priority = (int32_t)world_draw(world, 3)};
    struct allocation_actions actions;

    return world_step(world, org, peer, record, &event, NULL, &actions);
}

static bool place(struct world *world, unsigned org, unsigned peer, const struct object *object)
{
    struct allocation_event event = {.kind = ALLOCATION_PLACE,
                                     .root = object->root,
                                     .bytes = object->bytes,
                                     .blocks = object->blocks};
    struct allocation_actions actions;

    if (world->next_id + 1 >= WORLD_IDS || world_end(world, org, peer)->count + 40 > WORLD_RECORDS)
        return true;
    (void)snprintf(event.id, sizeof(event.id), "%026u", (unsigned)++world->next_id);
    (void)snprintf(event.link, sizeof(event.link), "%026u", 1U);
    return world_step(world, org, peer, NULL, &event, NULL, &actions);
}

/* As after a restore: what was learned of, beside what was placed anew. False: crashed. */
static bool release_surplus(struct world *world, unsigned org, unsigned peer,
                            const struct object *object)
{
    struct end *end = world_end(world, org, peer);
    const struct allocation_record *kept = live(end, object);

    for (size_t i = 0; i < end->count; i++)
        if (&end->records[i] != kept && is_of(&end->records[i], object) &&
            !end->records[i].is_unwanted &&
            !tell(world, org, peer, &end->records[i], ALLOCATION_RELEASE))
            return false;
    return true;
}

/* Copies that count. */
static unsigned count_placed(struct world *world, unsigned org, const struct object *object)
{
    unsigned placed = 0;

    for (unsigned peer = 0; peer < world->orgs; peer++) {
        const struct allocation_record *record =
            peer == org ? NULL : live(world_end(world, org, peer), object);

        placed += record != NULL && allocation_counts(record);
    }
    return placed;
}

/* What the one there is to become, if so many more are wanted. False: crashed. */
static bool plan_site(struct world *world, unsigned org, unsigned peer, const struct object *object,
                      unsigned placed, unsigned *wanted)
{
    struct allocation_record *record = live(world_end(world, org, peer), object);

    if (record == NULL) {
        if (*wanted == 0 || !world_is_linked(world, org, peer))
            return true;
        (*wanted)--;
        return place(world, org, peer, object);
    }
    if (record->is_leaving)
        return record->is_unwanted || placed < object->copies ||
               tell(world, org, peer, record, ALLOCATION_RELEASE);
    if (record->is_unwanted)
        return *wanted == 0 || tell(world, org, peer, record, ALLOCATION_WANT);
    if (*wanted == 0)
        return tell(world, org, peer, record, ALLOCATION_RELEASE);
    if (record->state != ALLOCATION_STUCK) /* which stays in the queue; another is tried, too */
        (*wanted)--;
    return true;
}

/* False: crashed. */
static bool plan_object(struct world *world, unsigned org, const struct object *object)
{
    unsigned wanted = object->copies, placed = count_placed(world, org, object);
    unsigned first = object->root.bytes[5] % world->orgs;

    for (unsigned i = 0; i < world->orgs; i++) {
        unsigned peer = (first + i) % world->orgs;

        if (peer != org && (!release_surplus(world, org, peer, object) ||
                            !plan_site(world, org, peer, object, placed, &wanted)))
            return false;
    }
    return true;
}

static bool take_turns(struct world *world, unsigned org, unsigned peer)
{
    struct end *end = world_end(world, org, peer);
    unsigned slots = WORLD_SLOTS, releases = 4;

    for (size_t i = 0; i < end->count; i++) {
        const struct allocation_record *record = &end->records[i];

        slots -=
            slots > 0 && record->role == ALLOCATION_OWNER &&
            (record->state == ALLOCATION_TRANSFERRING || record->state == ALLOCATION_RESERVING);
    }
    for (size_t i = 0; i < end->count; i++) {
        struct allocation_record *record = &end->records[i];
        struct allocation_event event = {.kind = ALLOCATION_TURN};
        struct allocation_actions actions;
        unsigned *left = record->state == ALLOCATION_QUEUED ? &slots : &releases;

        if ((allocation_work(record) & ALLOCATION_WORK_TURN) == 0 || *left == 0)
            continue;
        event.room = grant_room(&end->there, record->bytes);
        if (event.room != ALLOCATION_ROOM && record->state == ALLOCATION_QUEUED)
            world->counts.stuck++;
        (*left)--;
        if (!world_step(world, org, peer, record, &event, NULL, &actions))
            return false;
    }
    return true;
}

static void note_link(struct world *world, unsigned org, unsigned peer)
{
    struct end *end = world_end(world, org, peer);
    bool is_up = world_is_linked(world, org, peer) && !world->is_cut[org][peer];

    if (is_up && !end->was_up && !world_tell_all(world, org, peer, ALLOCATION_LINK_BACK))
        return;
    end->was_up = is_up;
}

void world_plan(struct world *world, unsigned org)
{
    struct message again = {.kind = WORLD_PLAN,
                            .to = org,
                            .from = org,
                            .life = world->life[org],
                            .time_ms = world->now_ms + (world->is_troubled ? 1000 : 20000) +
                                       world_draw(world, 4000)};

    for (unsigned i = 0; i < WORLD_OBJECTS; i++)
        if (!plan_object(world, org, &world->org[org].objects[i]))
            return;
    for (unsigned peer = 0; peer < world->orgs; peer++) {
        if (peer == org)
            continue;
        if (world_is_linked(world, org, peer) && !take_turns(world, org, peer))
            return;
        note_link(world, org, peer);
        if (!world->org[org].is_up)
            return;
        world_check_sums(world, org, peer);
    }
    world_push(world, &again);
}

/* ---- statements */

struct stated {
    char id[ULID_SIZE];
    enum allocation_role role; /* of whoever says so */
    struct allocation_record record;
};

static size_t state(struct end *end, struct stated *stated)
{
    size_t count = 0;

    for (size_t i = 0; i < end->count; i++) {
        if (!allocation_is_stated(&end->records[i]))
            continue;
        memcpy(stated[count].id, end->records[i].id, ULID_SIZE);
        stated[count].role = end->records[i].role;
        stated[count++].record = end->records[i];
    }
    return count;
}

static const struct stated *find_stated(const struct stated *stated, size_t count,
                                        const struct allocation_record *record)
{
    for (size_t i = 0; i < count; i++)
        if (stated[i].role != record->role && strcmp(stated[i].id, record->id) == 0)
            return &stated[i];
    return NULL;
}

static struct allocation_event stated_event(const struct stated *stated)
{
    struct allocation_event event = {.kind = ALLOCATION_STATED_ABSENT};

    if (stated == NULL)
        return event;
    event.kind = ALLOCATION_STATED_HELD;
    event.root = stated->record.root;
    event.bytes = stated->record.bytes;
    event.blocks = stated->record.blocks;
    memcpy(event.id, stated->id, ULID_SIZE);
    memcpy(event.link, stated->record.link, ULID_SIZE);
    memcpy(event.key, stated->record.held_key, ULID_SIZE);
    return event;
}

/* What one end learns of what the other says. False: it crashed in the middle. */
static bool learn(struct world *world, unsigned org, unsigned peer, const struct stated *theirs,
                  size_t count)
{
    struct end *end = world_end(world, org, peer);
    struct allocation_actions actions;
    size_t known = end->count;

    for (size_t i = 0; i < known; i++) {
        struct allocation_event event = stated_event(find_stated(theirs, count, &end->records[i]));

        if (!world_step(world, org, peer, &end->records[i], &event, NULL, &actions))
            return false;
    }
    for (size_t i = 0; i < count; i++) {
        struct allocation_event event = stated_event(&theirs[i]);

        if (theirs[i].role == ALLOCATION_OWNER ||
            world_find(world, org, peer, ALLOCATION_OWNER, theirs[i].id) != NULL)
            continue;
        world->counts.learned++;
        if (!world_step(world, org, peer, NULL, &event, NULL, &actions))
            return false;
    }
    return true;
}

void world_reconcile(struct world *world, unsigned a, unsigned b)
{
    struct end *here = world_end(world, a, b), *there = world_end(world, b, a);
    struct stated *ours, *theirs;
    size_t our_count, their_count;

    if (!world->org[a].is_up || !world->org[b].is_up || here->disk.epoch != there->disk.epoch ||
        here->disk.epoch == 0 || here->disk.epoch <= world->ended[a][b] ||
        there->disk.epoch <= world->ended[b][a] ||
        (!here->disk.is_isolated && !there->disk.is_isolated))
        return;
    ours = memory_resize_array(NULL, WORLD_RECORDS, sizeof(*ours));
    theirs = memory_resize_array(NULL, WORLD_RECORDS, sizeof(*theirs));
    our_count = state(here, ours);
    their_count = state(there, theirs);
    world_trace(world, a, b, "statements are compared");
    if (learn(world, a, b, theirs, their_count) && learn(world, b, a, ours, our_count))
        here->disk.is_isolated = there->disk.is_isolated = false;
    free(ours);
    free(theirs);
}

/* ---- links */

static void link_anew(struct world *world, unsigned a, unsigned b)
{
    struct end *here = world_end(world, a, b), *there = world_end(world, b, a);
    uint64_t epoch =
        1 + (here->disk.epoch > there->disk.epoch ? here->disk.epoch : there->disk.epoch);

    if (!world->org[a].is_up || !world->org[b].is_up || here->disk.epoch > world->ended[a][b] ||
        there->disk.epoch > world->ended[b][a])
        return;
    here->disk.epoch = there->disk.epoch = epoch;
    here->disk.is_isolated = there->disk.is_isolated = epoch > 1;
    world->counts.relinks++;
    world_trace(world, a, b, "are linked, epoch %u", (unsigned)epoch);
}

static void revoke(struct world *world, unsigned org, unsigned peer)
{
    struct message end = {.kind = WORLD_HEAR_END,
                          .from = org,
                          .to = peer,
                          .epoch = world_end(world, org, peer)->disk.epoch,
                          .time_ms = world->now_ms + 1 + world_draw(world, 20000)};

    if (!world->org[org].is_up || end.epoch <= world->ended[org][peer])
        return;
    world->counts.revocations++;
    world_trace(world, org, peer, "revokes");
    world->ended[org][peer] = end.epoch;
    world_push(world, &end);
    world_tell_all(world, org, peer, ALLOCATION_LINK_OVER);
}

/* ---- operators */

static void evict(struct world *world, unsigned org, unsigned peer)
{
    struct end *end = world_end(world, org, peer);
    struct allocation_event event = {.kind = ALLOCATION_EVICT};
    struct allocation_actions actions;
    struct allocation_record *record;

    if (!world->org[org].is_up || end->count == 0)
        return;
    record = &end->records[world_draw(world, end->count)];
    if (record->role != ALLOCATION_HOLDER)
        return;
    if (world_draw(world, 2) == 0)
        event.until_ms = world_wall(world) + world_draw(world, 400000);
    world->org[org].may_go[world_number(record->id)] = true;
    world->counts.evicted++;
    world_step(world, org, peer, record, &event, NULL, &actions);
}

static void drain(struct world *world, unsigned org, unsigned peer)
{
    if (!world->org[org].is_up || world_draw(world, 6) != 0)
        return;
    world_trace(world, org, peer, "drains");
    if (!world_tell_all(world, org, peer, ALLOCATION_DRAIN))
        return;
    if (world_draw(world, 2) == 0)
        revoke(world, org, peer);
    else if (world_draw(world, 2) == 0)
        world_tell_all(world, org, peer, ALLOCATION_STAY);
}

static void change_grant(struct world *world, unsigned org, unsigned peer)
{
    struct grant grant = {.bytes = world_draw(world, 40000),
                          .pins = world_draw(world, 30),
                          .max_object = 1000 + world_draw(world, 8000)};

    if (world_draw(world, 3) == 0)
        grant = GRANT_OPEN;
    world_end(world, org, peer)->here.ours = grant;
    if (world_draw(world, 2) != 0)
        return;
    world_end(world, peer, org)->there.theirs = grant; /* they were told */
    if (world->org[peer].is_up)
        world_tell_all(world, peer, org, ALLOCATION_GRANTED);
}

static void change_object(struct world *world, unsigned org)
{
    struct object *object = &world->org[org].objects[world_draw(world, WORLD_OBJECTS)];
    uint8_t digest[32] = {(uint8_t)org};
    uint64_t number = world->order; /* another one than any before */

    if (!world->org[org].is_up)
        return;
    if (object->copies != 0 && world_draw(world, 2) == 0) {
        object->copies = world_draw(world, 3) == 0 ? 0 : (unsigned)world_draw(world, 3);
        return;
    }
    if (object->copies == 0 && world_draw(world, 2) == 0)
        return;
    if (object->copies == 0) {
        bool is_free = true;

        for (unsigned peer = 0; peer < world->orgs; peer++)
            is_free = is_free && (peer == org || live(world_end(world, org, peer), object) == NULL);
        if (is_free && world->next_id + 200 < WORLD_IDS) {
            memcpy(&digest[8], &number, sizeof(number));
            cid_make(&object->root, 1, CODEC_RAW, 0x12, digest, sizeof(digest));
            object->bytes = 1 + world_draw(world, 5000);
            object->blocks = 1 + world_draw(world, 12);
        }
    }
    object->copies = 1 + (unsigned)world_draw(world, 2);
}

/* ---- trouble */

static void back_up(struct world *world, unsigned org)
{
    if (!world->org[org].is_up)
        return;
    if (world->org[org].backup == NULL)
        world->org[org].backup =
            memory_resize_array(NULL, WORLD_ORGS, sizeof(*world->org[org].backup));
    for (unsigned peer = 0; peer < WORLD_ORGS; peer++)
        world->org[org].backup[peer] = world_end(world, org, peer)->disk;
}

static void change_link(struct world *world, unsigned a, unsigned b)
{
    switch (world_draw(world, 8)) {
    case 0:
        if (world_draw(world, 5) == 0)
            revoke(world, a, b);
        return;
    case 1:
        drain(world, a, b);
        return;
    case 2:
    case 3:
        link_anew(world, a, b);
        return;
    case 4:
        world->is_cut[a][b] = world_draw(world, 3) == 0;
        return;
    default:
        world_reconcile(world, a, b);
        if (world->org[a].is_up && world->org[b].is_up)
            world_check_statements(world, a, b);
    }
}

void world_trouble(struct world *world)
{
    struct message again = {.kind = WORLD_TROUBLE,
                            .time_ms = world->now_ms + 1 + world_draw(world, 2500)};
    unsigned a = (unsigned)world_draw(world, world->orgs),
             b = (unsigned)world_draw(world, world->orgs);

    if (!world->is_troubled)
        return;
    world_push(world, &again);
    if (!world->org[a].is_up) {
        if (world_draw(world, 3) != 0)
            world_start(world, a);
        return;
    }
    switch (world_draw(world, 12)) {
    case 0:
        if (world_draw(world, 3) == 0)
            world_crash(world, a);
        return;
    case 1:
        back_up(world, a);
        return;
    case 2:
        if (world->org[a].backup != NULL && world_draw(world, 6) == 0)
            world_restore(world, a);
        return;
    case 3:
        if (a != b)
            evict(world, a, b);
        return;
    case 4:
        if (a != b)
            change_grant(world, a, b);
        return;
    case 5:
    case 6:
    case 7:
        change_object(world, a);
        return;
    default:
        if (a != b)
            change_link(world, a, b);
    }
}

/* ---- and peace */

void world_mend(struct world *world)
{
    world->is_troubled = false;
    for (unsigned a = 0; a < world->orgs; a++) {
        if (!world->org[a].is_up)
            world_start(world, a);
        for (unsigned b = 0; b < world->orgs; b++) {
            world->is_cut[a][b] = false;
            if (a == b)
                continue;
            world_end(world, a, b)->here.ours = GRANT_OPEN;
            world_end(world, a, b)->there.theirs = GRANT_OPEN;
        }
    }
}
