// SPDX-License-Identifier: Apache-2.0
/* What must hold: of sums and statements at any time, of all when everything is mended. */
#include "allocations.h"

#include "federation/statement.h"

#include <string.h>

void world_check_sums(struct world *world, unsigned org, unsigned peer)
{
    struct end *end = world_end(world, org, peer);
    uint64_t bytes[3] = {0}, pins[3] = {0};

    for (size_t i = 0; i < end->count; i++) {
        uint64_t charged;

        pins[end->records[i].role] += allocation_charge(&end->records[i], &charged);
        bytes[end->records[i].role] += charged;
    }
    WORLD_CHECK(world, org, peer, end->here.bytes == bytes[ALLOCATION_HOLDER]);
    WORLD_CHECK(world, org, peer, end->here.pins == pins[ALLOCATION_HOLDER]);
    WORLD_CHECK(world, org, peer, end->there.bytes == bytes[ALLOCATION_OWNER]);
    WORLD_CHECK(world, org, peer, end->there.pins == pins[ALLOCATION_OWNER]);
}

/* ---- statements */

static const char *const names[WORLD_ORGS] = {"a.example.org", "b.example.org", "c.example.org",
                                              "d.example.org"};

/* In the order of ids: there are few enough to look for the next one. */
static const struct allocation_record *next_of(const struct disk *disk, const char *after,
                                               enum allocation_role after_role)
{
    const struct allocation_record *next = NULL;

    for (size_t i = 0; i < disk->count; i++) {
        const struct allocation_record *record = &disk->records[i];
        int order = strcmp(record->id, after);

        if (order < 0 || (order == 0 && record->role <= after_role))
            continue;
        if (next == NULL || strcmp(record->id, next->id) < 0 ||
            (strcmp(record->id, next->id) == 0 && record->role < next->role))
            next = record;
    }
    return next;
}

/* The digest of the last page. */
static void state(struct world *world, unsigned org, unsigned peer, const char *settled_here,
                  const char *settled_there, uint8_t digest[STATEMENT_DIGEST_SIZE],
                  struct statement *page)
{
    const struct disk *disk = &world_end(world, org, peer)->disk;
    const struct allocation_record *record = next_of(disk, "", 0);
    struct text bytes = {0};

    statement_begin(page, "00000000000000000000000001", disk->epoch, names[org], settled_here,
                    names[peer], settled_there);
    for (; record != NULL; record = next_of(disk, record->id, record->role)) {
        if (statement_add(page, record, statement_side_of(page, names[org])) != STATEMENT_FULL)
            continue;
        text_clear(&bytes);
        statement_write(page, &bytes);
        statement_continue(page, text_slice(&bytes));
        (void)statement_add(page, record, statement_side_of(page, names[org]));
    }
    page->is_last = true;
    text_clear(&bytes);
    statement_write(page, &bytes);
    statement_digest(text_slice(&bytes), digest);
    text_dispose(&bytes);
}

struct difference {
    struct world *world;
    unsigned a, b;
};

static void show_difference(void *arg, const struct statement_entry *ours,
                            const struct statement_entry *theirs)
{
    struct difference *difference = arg;

    world_trace(difference->world, difference->a, difference->b, "statements differ: %s %s",
                ours != NULL ? ours->id + 20 : "-", theirs != NULL ? theirs->id + 20 : "-");
}

/* Both at the same cut, whatever is under way. */
void world_check_statements(struct world *world, unsigned a, unsigned b)
{
    static struct statement ours, theirs;
    uint8_t digests[2][STATEMENT_DIGEST_SIZE];
    char settled[2][ULID_SIZE];
    struct difference difference = {world, a, b};
    size_t differing;

    if (!world_is_linked(world, a, b))
        return;
    world_settled(world, a, b, settled[0]);
    world_settled(world, b, a, settled[1]);
    if (settled[0][0] == '\0' || settled[1][0] == '\0')
        return;
    state(world, a, b, settled[0], settled[1], digests[0], &ours);
    state(world, b, a, settled[1], settled[0], digests[1], &theirs);
    world->counts.statements++;
    differing = statement_compare(&ours, &theirs, show_difference, &difference);
    WORLD_CHECK(world, a, b, differing == 0);
    WORLD_CHECK(world, a, b, memcmp(digests[0], digests[1], STATEMENT_DIGEST_SIZE) == 0);
}

/* ---- at rest */

static void check_record(struct world *world, unsigned org, unsigned peer,
                         const struct allocation_record *record)
{
    bool is_linked = world_is_linked(world, org, peer);
    const struct allocation_record *other = world_find(
        world, peer, org, record->role == ALLOCATION_OWNER ? ALLOCATION_HOLDER : ALLOCATION_OWNER,
        record->id);

    world->suspect = record->id;
    WORLD_CHECK(world, org, peer, allocation_rests(record) || allocation_is_stuck(record));
    WORLD_CHECK(world, org, peer, !is_linked || allocation_rests(record));
    if (!is_linked)
        return;
    WORLD_CHECK(world, org, peer, record->state != ALLOCATION_ORPHANED);
    if (record->state == ALLOCATION_PLACED) {
        WORLD_CHECK(world, org, peer,
                    other != NULL && (other->state == ALLOCATION_PINNED ||
                                      (record->is_leaving && other->state == ALLOCATION_LEAVING)));
        WORLD_CHECK(world, org, peer, world->org[peer].stored[world_number(record->id)]);
    }
    if (record->state == ALLOCATION_PINNED)
        WORLD_CHECK(world, org, peer, other != NULL && other->state == ALLOCATION_PLACED);
}

static void check_object(struct world *world, unsigned org, const struct object *object)
{
    unsigned copies = 0, leaving = 0, partners = 0;

    for (unsigned peer = 0; peer < world->orgs; peer++) {
        struct end *end = world_end(world, org, peer);
        unsigned here = 0;

        if (peer == org || !world_is_linked(world, org, peer))
            continue;
        partners++;
        for (size_t i = 0; i < end->count; i++) {
            const struct allocation_record *record = &end->records[i];

            if (record->role != ALLOCATION_OWNER || !cid_equal(&record->root, &object->root) ||
                !allocation_is_live(record))
                continue;
            here++;
            leaving += record->is_leaving;
        }
        WORLD_CHECK(world, org, peer, here <= 1);
        copies += here;
    }
    world->counts.placed += copies;
    WORLD_CHECK(world, org, org, copies >= (object->copies < partners ? object->copies : partners));
    WORLD_CHECK(world, org, org, copies - leaving <= object->copies);
    WORLD_CHECK(world, org, org, leaving == 0 || copies - leaving < object->copies);
}

/* No byte more than what is held: unless the ledger is of before it was. */
static void check_storage(struct world *world, unsigned org)
{
    static bool is_held[WORLD_IDS];

    if (world->incarnation[org] != 0)
        return;
    memset(is_held, 0, sizeof(is_held));
    for (unsigned peer = 0; peer < world->orgs; peer++) {
        const struct end *end = world_end(world, org, peer);

        for (size_t i = 0; peer != org && i < end->count; i++)
            is_held[world_number(end->records[i].id)] |=
                end->records[i].role == ALLOCATION_HOLDER &&
                allocation_charge(&end->records[i], &(uint64_t){0});
    }
    for (unsigned id = 0; id < WORLD_IDS; id++)
        WORLD_CHECK(world, org, org, !world->org[org].stored[id] || is_held[id]);
}

void world_check_rest(struct world *world)
{
    for (unsigned org = 0; org < world->orgs; org++) {
        for (unsigned peer = 0; peer < world->orgs; peer++) {
            struct end *end = world_end(world, org, peer);

            if (peer == org)
                continue;
            for (size_t i = 0; i < end->count; i++)
                check_record(world, org, peer, &end->records[i]);
            world_check_sums(world, org, peer);
            world_check_statements(world, org, peer);
            if (world_is_linked(world, org, peer))
                WORLD_CHECK(world, org, peer,
                            end->there.bytes == world_end(world, peer, org)->here.bytes);
        }
        for (unsigned i = 0; i < WORLD_OBJECTS; i++)
            check_object(world, org, &world->org[org].objects[i]);
        check_storage(world, org);
    }
}
