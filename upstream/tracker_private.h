// SPDX-License-Identifier: Apache-2.0
/* What the tracker's files share. Everything is the control thread's, but where it says so. */
#ifndef UPSTREAM_TRACKER_PRIVATE_H
#define UPSTREAM_TRACKER_PRIVATE_H

#include "conf/log.h"
#include "http/errand.h"
#include "store/ownership.h"
#include "upstream/tracker.h"

#include <stdatomic.h>

enum { TRACKER_TABLE_SIZE = 4096 };

/* A call, on its way between its caller and the control thread. */
struct tracker_call {
    struct errand errand;
    struct tracker *tracker;
    tracker_progress on_progress;
    tracker_done on_done;
    void *arg;

    struct tracker_request request; /* owns its texts */
    struct tracked *object;
    struct tracker_call *next; /* of its object's queue or waiters, or of those held for recovery */
    char event_id[ULID_SIZE];  /* drawn for this call */
    char pin[ULID_SIZE];       /* what it waits for */

    _Atomic uint64_t nodes, bytes;
    struct tracker_answer answer;
    struct error text; /* answer.text points here */
};

/* An event that waits its turn; call NULL: nobody's. */
struct tracked_event {
    struct ownership_event event;
    struct tracker_call *call;
    struct tracked_event *next;
};

enum tracked_phase {
    TRACKED_LOADING, /* from the ledger */
    TRACKED_READY,
    TRACKED_WRITING, /* what the last step changed; then its actions are carried out */
};

/* An object that something happens to. */
struct tracked {
    struct tracker *tracker;
    struct tracked *next; /* in its row of the table */
    struct cid key;
    enum tracked_phase phase;
    struct transaction *reading;

    struct ownership state;
    struct ownership before; /* the last step */
    struct ownership_actions actions;
    struct owner *changed; /* whose charge the last step changed; of tracker_quota.c */
    size_t changed_count, changed_capacity;
    struct transaction **unsent; /* made for the ledger; within a step alone */
    size_t unsent_count, unsent_capacity;
    size_t writes;            /* transactions under way */
    struct error write_fault; /* of the ledger, in reading or writing */
    uint64_t journal;         /* number of the open entry; 0: there is none */

    struct tracked_event *first, **end;
    struct tracker_call *waiters;
    const struct tracker_call
        *current; /* whose event the last step was; NULL: nobody's, or it left */

    bool is_doubtful;            /* of a ledger that was restored, and not brought to rest since */
    bool is_recovering;          /* looked at once it is loaded, whatever the ledger says of it */
    bool has_begun;              /* to pin or unpin upstream, since it was loaded */
    struct operation *operation; /* under way */
    bool is_operation_offline;
    bool has_report; /* of the operation; taken at the next step */
    struct ownership_event report;
    struct error failure;     /* of the last operation, if it failed */
    struct error pin_failure; /* of the last that was to pin it */
    bool may_come_late;       /* upstream gave no answer to the last, and may end it yet */
    struct timer late;        /* armed at rest: then it is looked at once more */
};

struct tracker {
    struct tracker_settings settings;
    struct text pin_name; /* of our pins upstream */
    struct tracked *table[TRACKER_TABLE_SIZE];
    size_t object_count;
    atomic_size_t call_count; /* any thread */
    struct ulid_source ulids;

    bool is_ending;
    uint64_t started_ms;                   /* since 1970 */
    bool is_ready;                         /* the first recovery is through */
    struct tracker_call *held, **held_end; /* until is_ready */
    struct transaction *journal_page;      /* being read */
    uint64_t journal_after;
    bool has_journal_end; /* the last page was read */
    bool must_recover;    /* something is left for another pass */
    struct timer recovery;
};

/* ---- tracker_object.c */

/* Finds or begins it; a new one is loaded from the ledger. */
struct tracked *tracked_need(struct tracker *tracker, const struct cid *key);
struct tracked *tracked_find(const struct tracker *tracker, const struct cid *key);
/* Queues an event. tracked_run follows. */
void tracked_queue(struct tracked *object, const struct ownership_event *event,
                   struct tracker_call *call);
/* The claim is given up: the next that happens. tracked_run follows. */
void tracked_queue_cancel(struct tracked *object, const char *pin);
/* Goes on until something must be waited for. May free the object, at rest. */
void tracked_run(struct tracked *object);
/* A pin before the last step and after it; before NULL: it is new; now NULL: it is gone. {0}: none
 * yet. */
struct tracked_pair {
    const struct ownership_pin *before, *now;
    size_t before_count, now_count; /* that were seen */
};
/* The next one. Both sides have their pins in the order in which they came. False: that was all. */
bool tracked_next_pair(const struct tracked *object, struct tracked_pair *pair);
/* to keeps its memory. */
void tracked_copy(struct ownership *to, const struct ownership *from);
/* Without a word to anybody; the call list is empty, or abandoned. */
void tracked_destroy(struct tracked *object);

/* ---- tracker_waiters.c */

/* The call waits no longer. tracked_run follows. */
void tracked_leave(struct tracked *object, struct tracker_call *call);
/* Answers all who claim this pin. The claim itself is cancelled by the caller. */
void tracked_refuse(struct tracked *object, const char *pin, enum tracker_outcome outcome,
                    const struct error *why);
/* What the step says to those who wait for a pin. */
void tracked_tell(struct tracked *object, const struct ownership_answer *said);
/* Who asked for what no answer of a step follows to; what it asked for is written. */
void tracked_tell_plain(struct tracked *object);
/* Does anybody wait but for a repair? That lasts until there is nothing left to do. */
bool tracked_has_waiters(const struct tracked *object);
void tracked_tell_repairs(struct tracked *object);
void tracked_fail_waiters(struct tracked *object, const struct error *why);

/* ---- tracker_operation.c */

/* What the last step asked for. */
void tracked_operate(struct tracked *object);
/* The operation under way is cut; its failure is reported at once. */
void tracked_cut(struct tracked *object, const struct error *why);
/* Cuts a pin that fetches for nobody: those who wait on may not fetch. tracked_run follows. */
void tracked_stop_fetching(struct tracked *object);

/* What names it in the ledger; borrowed. */
static inline struct slice tracked_key(const struct tracked *object)
{
    return (struct slice){(const char *)object->key.bytes, object->key.size};
}

/* ---- tracker_load.c */

/* Begins to load; ends in tracked_run, with write_fault if it failed. */
void tracked_load(struct tracked *object);

/* ---- tracker_ledger.c */

/* Writes what differs between before and state; its ends come to tracked_run. call: whose event it
 * was; NULL: nobody's. False: there is nothing to write. */
bool tracked_write(struct tracked *object, const struct tracker_call *call);
/* A restored ledger deletes nothing: what it says is being removed is not. Ends in tracked_run. */
void tracked_keep_removed(struct tracked *object);
/* At rest: what the ledger says is what holds. Its end comes to tracked_run. */
void tracked_clear_doubt(struct tracked *object);
/* An entry in the journal is open while anything happens to the object. */
void tracked_close_journal(struct tracked *object);

/* ---- tracker_quota.c */

/* Takes what the last step charges. False: there is no room; nothing is taken, *owner has none
 * (kind 0: the organization) and why says so. force: take it all the same. */
bool tracked_charge(struct tracked *object, bool force, struct owner *owner, struct error *why);
/* Gives back what it gave up. */
void tracked_discharge(struct tracked *object);
/* Undoes tracked_charge: the step was not written. */
void tracked_uncharge(struct tracked *object);
/* Would an object of so many bytes fit for this owner? */
bool tracked_has_room(const struct tracked *object, const struct owner *owner, uint64_t bytes,
                      struct error *why);
/* Is there room for anything at all? */
bool tracked_may_claim(const struct tracked *object, const struct owner *owner, struct error *why);

/* ---- tracker_call.c */

/* Answers and forgets it. outcome other than DONE: why has the sentence. */
void call_answer(struct tracker_call *call, enum tracker_outcome outcome, const struct error *why,
                 uint64_t bytes);
void calls_begin_held(struct tracker *tracker);
void call_progress(struct tracker_call *call, uint64_t nodes, uint64_t bytes);

/* ---- tracker_recovery.c */

void recovery_start(struct tracker *tracker);
/* Some entry of the journal was left open: looked at again, later. */
void recovery_again(struct tracker *tracker);
void recovery_stop(struct tracker *tracker);

#endif
