// SPDX-License-Identifier: Apache-2.0
/* Organizations that place objects with each other, in one process and in a time of their own: the
 * machine of allocations, accounts, kept replies and statements as a gateway would run them, over
 * links, disks and storages that fail as the seed says.
 *
 * What a link does is taken as given here (sim_links tries that): it carries items at least once,
 * under keys; it is up, isolated, or over; a restored side and a new epoch isolate it until both
 * have compared what they believe. All chances come from the seed of a history. */
#ifndef TESTS_SIM_ALLOCATIONS_H
#define TESTS_SIM_ALLOCATIONS_H

#include "federation/allocation.h"
#include "federation/grants.h"
#include "federation/replies.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    WORLD_ORGS = 4,
    WORLD_OBJECTS = 12,  /* of each organization */
    WORLD_RECORDS = 400, /* of one side of a link */
    WORLD_IDS = 4096,
    WORLD_SLOTS = 3,
};

#define WORLD_WALL_START UINT64_C(1800000000000)

/* One end of a link, on disk. */
struct disk {
    struct allocation_record records[WORLD_RECORDS];
    size_t count;
    struct kept {
        char key[ULID_SIZE];
        uint8_t digest[REPLIES_DIGEST_SIZE];
        unsigned status;
        bool is_final;
        uint64_t position;
    } kept[REPLIES_MAX]; /* replies to the peer's items */
    size_t kept_count;
    char settled_there[ULID_SIZE]; /* by the peer */
    char last_key[ULID_SIZE];      /* drawn for an item to this peer */
    uint64_t epoch;                /* 0: no link */
    bool is_isolated;
};

struct end {
    struct disk disk;
    struct allocation_record records[WORLD_RECORDS]; /* as the process has them */
    size_t count;
    struct grant_account here, there; /* what they place here; what we place there */
    struct replies replies;
    bool is_over_heard; /* of an epoch that the peer ended */
    bool was_up;
};

struct object {
    struct cid root;
    uint64_t bytes, blocks;
    unsigned copies; /* wanted at partners; 0: not pinned any more */
};

struct org {
    bool is_up;
    struct end ends[WORLD_ORGS];
    struct object objects[WORLD_OBJECTS]; /* durable: the ledger's own pins */
    struct disk *backup;                  /* WORLD_ORGS of them, or NULL */
    /* by the allocation's number: it is in the storage; who may have it removed */
    bool stored[WORLD_IDS], may_go[WORLD_IDS];
};

enum world_kind {
    WORLD_ITEM,     /* arrives */
    WORLD_ANSWER,   /* arrives */
    WORLD_TIMEOUT,  /* of an item */
    WORLD_SEND,     /* some blocks, if they are still to be sent */
    WORLD_PROGRESS, /* arrives */
    WORLD_IMPORT,   /* ends */
    WORLD_REMOVE,   /* ends */
    WORLD_TICK,
    WORLD_PLAN, /* placement and turns of an organization */
    WORLD_TROUBLE,
    WORLD_HEAR_END, /* the peer ended the link */
};

struct message {
    uint64_t time_ms, order;
    enum world_kind kind;
    unsigned from, to;         /* for what concerns one organization: to, about from */
    enum allocation_role role; /* of the record that it is about, at `to` */
    char id[ULID_SIZE];
    char key[ULID_SIZE], settled[ULID_SIZE];
    uint64_t epoch, life;  /* life: of the process that waits for it */
    uint64_t incarnations; /* of both, as they were when it was sent */
    enum allocation_item item;
    struct allocation_record said; /* the sender's record: what an item says */
    unsigned status;
    bool is_final, is_complete;
    uint64_t position;
};

struct world_counts {
    uint64_t operations, items, repeated, placed, released, evicted, crashes, restores, revocations,
        relinks, refusals, statements, learned, orphans, rejected, stuck;
};

struct world {
    uint64_t seed, random, now_ms, order, next_id, next_key;
    unsigned orgs;
    bool is_troubled, is_forgetful, traces;
    /* crashes come at this point alone, of those that a process may end at: before and after each
     * commit. 0: by chance */
    bool is_counted;
    uint64_t points, crash_at;
    struct org org[WORLD_ORGS];
    uint64_t life[WORLD_ORGS];              /* counts the processes of an organization */
    uint64_t ended[WORLD_ORGS][WORLD_ORGS]; /* the last epoch that ended there, in truth */
    uint64_t incarnation[WORLD_ORGS];       /* counts its restores: nothing from before is taken */
    bool is_cut[WORLD_ORGS][WORLD_ORGS];
    struct message **queue; /* a heap */
    size_t count, capacity;
    struct world_counts counts;
    const char *suspect; /* the allocation that is looked at */
};

uint64_t world_draw(struct world *world, uint64_t below);
void world_check(struct world *world, bool holds, unsigned org, unsigned peer, const char *what);
#define WORLD_CHECK(world, org, peer, condition)                                                   \
    world_check(world, condition, org, peer, #condition)
void world_trace(struct world *world, unsigned org, unsigned peer, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

void world_push(struct world *world, const struct message *message);
bool world_pop(struct world *world, struct message *message);
uint64_t world_wall(const struct world *world);
unsigned world_number(const char *id);
void world_draw_key(struct world *world, char key[ULID_SIZE]);

/* allocations_side.c: one end of a link, as a gateway runs it */
struct end *world_end(struct world *world, unsigned org, unsigned peer);
struct allocation_record *world_find(struct world *world, unsigned org, unsigned peer,
                                     enum allocation_role role, const char *id);
/* record: of the end; NULL: a new one, which is kept if the step makes one of it. False: the
 * process crashed. reply: kept behind the effect; NULL: none. */
bool world_step(struct world *world, unsigned org, unsigned peer, struct allocation_record *record,
                struct allocation_event *event, struct kept *reply,
                struct allocation_actions *actions);
void world_start(struct world *world, unsigned org);
void world_crash(struct world *world, unsigned org);
void world_restore(struct world *world, unsigned org);
bool world_is_linked(struct world *world, unsigned a, unsigned b);
/* Tells all records of an end. False: crashed. */
bool world_tell_all(struct world *world, unsigned org, unsigned peer,
                    enum allocation_event_kind kind);
void world_settled(struct world *world, unsigned org, unsigned peer, char settled[ULID_SIZE]);
struct grant_account *world_account(struct end *end, enum allocation_role role);

/* allocations_peer.c: what arrives */
void world_receive(struct world *world, const struct message *message);

/* allocations_people.c: members, operators, and what goes wrong */
void world_plan(struct world *world, unsigned org);
void world_trouble(struct world *world);
void world_mend(struct world *world);
void world_reconcile(struct world *world, unsigned a, unsigned b);

/* allocations_check.c */
void world_check_sums(struct world *world, unsigned org, unsigned peer);
void world_check_statements(struct world *world, unsigned a, unsigned b);
void world_check_rest(struct world *world);

#endif
