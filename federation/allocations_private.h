// SPDX-License-Identifier: Apache-2.0
/* What the files of the allocations at run time share. */
#ifndef FEDERATION_ALLOCATIONS_PRIVATE_H
#define FEDERATION_ALLOCATIONS_PRIVATE_H

#include "federation/allocations.h"

#include <stdatomic.h>
#include <string.h>

enum {
    OPERATION_ASK,
    OPERATION_READ, /* what is asked takes blocks along: they are read first */
    OPERATION_SEND,
    OPERATION_IMPORT,
    OPERATION_REMOVE,
    OPERATION_COUNT
};
enum { CHAINS = 4096, PUMP_MS = 20 };
enum { QUEUE_RESERVE, QUEUE_RELEASE, QUEUES };

/* allocations_queue.c */
struct queue {
    struct party *party;
    struct entry **heap; /* those in memory */
    size_t count, room;
    bool has_more;  /* there are others, in the ledger alone: */
    bool has_floor; /* all of them behind this one; else a page is to be read first */
    struct {
        int32_t priority;
        char id[ULID_SIZE];
    } floor;
    struct transaction *page; /* being read; NULL: none */
};

/* One end of a link. */
struct party {
    struct allocations *allocations;
    struct party *next;
    char link[ULID_SIZE];
    char partner[ID_SIZE];
    enum allocations_link_state state;
    bool is_loading, pumps_soon;
    bool is_granted; /* our policy was told: until then nobody knows what it allows */
    struct grant_account here, there;
    double releases; /* that may be told now */
    uint64_t releases_ms;
    struct timer pump;
    struct timer reload;
    unsigned busy; /* entries that reserve or transfer */
    /* of the counters below: what is this link's */
    int64_t states[ALLOCATION_STATES], stuck[ALLOCATION_REASONS];
    struct queue queues[QUEUES];
    bool is_draining;
    struct grant told; /* theirs, of what we place there, as heartbeats had it last */
    bool has_told;
    /* what is stuck for a grant, read from the ledger to be asked again */
    struct {
        struct transaction *page; /* being read; NULL: none */
        struct timer timer;
        struct allocation_entry after; /* no id: from the first */
        bool is_due;
    } waking;
    struct evicted *evicted; /* allocations_evicted.c; NULL: nothing was */
};

/* An allocation that does not rest, or that something is done with. */
struct entry {
    struct allocation_record record;
    struct party *party;
    struct entry *next, **link; /* in its chain */
    struct timer timer;         /* TICK */
    void *operations[OPERATION_COUNT];
    bool is_forgotten;       /* its row goes: it is counted no more */
    unsigned writing;        /* of its record: steps that are not durable yet */
    unsigned held;           /* tasks that will still use it */
    struct queue *queue;     /* with place */
    size_t place;            /* in its heap, and 1; 0: in none */
    struct text carried;     /* holder, IMPORTING: the blocks, if they came with the reservation */
    char settles[ULID_SIZE]; /* answered, and not durable yet */
};

struct allocations {
    struct allocations_settings settings;
    struct party *parties;
    struct entry *chains[CHAINS];
    struct ulid_source ulids;
    struct timer sweep;            /* what is due in the ledger */
    struct allocation_entry swept; /* the last of a sweep that goes on; no id: none does */
    struct task *tasks;            /* that wait for the ledger */
    struct scan *scans;
    struct stating *statings;
    struct transaction *sweeping; /* NULL: no sweep is under way */
    bool is_closing;
    _Atomic int64_t states[ALLOCATION_STATES], stuck[ALLOCATION_REASONS];
};

/* An event that waits for its record, or for being durable. */
struct task {
    struct allocations *allocations;
    struct party *party;
    struct task *next, **link;
    struct transaction *transaction; /* under way */
    struct timer again;              /* the ledger failed */
    enum allocation_role role;
    struct allocation_event event;
    struct text said, carried;
    struct entry *entry;
    struct allocation_actions actions;
    enum allocation_item item; /* that the peer asked; for what its answer says */
    allocations_done on_done;
    allocations_reply on_reply;
    void *arg;
};

struct party *allocations_party(const struct allocations *allocations, const char *partner);
struct entry *allocations_entry(const struct allocations *allocations, const struct party *party,
                                enum allocation_role role, const char *id);
struct entry *allocations_add(struct allocations *allocations, struct party *party,
                              const struct allocation_record *record);
/* Counts against the slots of its link. */
static inline unsigned entry_is_busy(const struct entry *entry)
{
    return entry->record.state == ALLOCATION_RESERVING ||
           entry->record.state == ALLOCATION_TRANSFERRING;
}

void allocations_settle_entry(struct entry *entry); /* frees it, if it rests and nobody uses it */
struct grant_account *party_account(struct party *party, enum allocation_role role);

void allocations_draw(struct allocations *allocations, char ulid[ULID_SIZE]);
void allocations_log(struct allocations *allocations, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* allocations_step.c */
struct task *task_create(struct allocations *allocations, struct party *party,
                         enum allocation_role role, const struct allocation_event *event);
/* Finds or loads the record, steps, keeps, and goes on. Takes the task over. */
void task_run(struct task *task);
void task_destroy(struct task *task);
/* With what there is: no one waits. */
void entry_tell(struct entry *entry, struct allocation_event *event);
void entry_begin(struct entry *entry, const struct allocation_actions *actions);
void entry_stop(struct entry *entry, unsigned work);

/* allocations_queue.c */
/* If it waits for its turn, and is durable as it is. */
void queue_enter(struct entry *entry);
void queue_leave(struct entry *entry);
/* It need not be in memory: it is found in the ledger when its turn or its time has come. */
bool entry_may_sleep(const struct entry *entry);
/* Of one that is loaded: likewise. */
bool queue_leaves_in_ledger(struct party *party, const struct allocation_record *record);
/* Empty; no entry is in any. */
void queues_reset(struct party *party);
void party_pump(struct party *party);
void party_pump_soon(struct party *party);

/* allocations_grants.c: what is stuck for a grant may fit now. */
void party_wake(struct party *party);
void party_init_waking(struct party *party);
void party_stop_waking(struct party *party);
/* What our policy says of an item of theirs: theirs is their own to keep to. */
struct grant_account party_here(const struct party *party);
/* allocations_evicted.c: of their eviction, which takes effect; whether it was a short time ago. */
void evicted_note(struct party *party, const struct cid *root);
bool evicted_bars(const struct party *party, const struct cid *root);
void evicted_forget(struct party *party);

/* allocations_count.c: a record that is there, has changed, or goes (NULL: there was, there is
 * none) */
void party_count(struct party *party, const struct allocation_record *before,
                 const struct allocation_record *after);
/* It is loaded anew. */
void party_forget_counts(struct party *party);

/* allocations_learn.c: *slot is there until on_done, which comes once, later or at once. */
struct learning;
typedef void (*allocations_learned)(void *arg, bool is_ours, const struct error *err);
void learning_begin(struct learning **slot, struct party *party, const struct cid *root,
                    uint64_t bytes, allocations_learned on_done, void *arg);
void learning_cancel(struct learning **slot);

/* allocations_statement.c: all that are under way, at the end */
void allocations_stop_stating(struct allocations *allocations);

/* Its item, with these blocks if it takes any along. */
void entry_ask(struct entry *entry, struct slice car);

/* allocations_carried.c: does the item to ask take the object along? It is read, then asked. */
bool entry_carries(const struct entry *entry);
void entry_read(struct entry *entry);

/* allocations_items.c */
void item_put_with(const struct entry *entry, struct slice car, struct text *with);
/* The event that an item of a partner is, and the blocks that came with it; said: where event->said
 * may point to. False: malformed, or not verified: err. */
bool item_read(struct allocations *allocations, struct party *party, enum allocation_item item,
               struct slice with, struct allocation_event *event, struct text *carried,
               char said[ALLOCATION_SAID_SIZE], struct error *err);
void item_read_answer(struct slice with, struct allocation_event *event, struct party *party);
void item_reply(struct task *task);

#endif
