// SPDX-License-Identifier: Apache-2.0
/* One object that one organization placed at another, as one of the two sees it: as its owner, who
 * placed it there, or as its holder, where it lies.
 *
 * Pure: `step(allocation, event, now) -> actions`. No clock, no I/O, no randomness; any thread, one
 * at a time per allocation. Who runs it makes the record durable (with the answer to the peer's
 * item and that item's kept reply, in one transaction) before doing anything else of what a step
 * asks for, checks who speaks before telling it what was said, and does what it is told.
 *
 *   - An allocation is known by the ULID that its owner drew when it journaled the intent. All that
 *     is asked for is idempotent by it: what came twice is answered as it was.
 *   - Of one allocation one item at most is under way to the partner. Its key is in the record
 *     before it is sent, and it is sent again under that key until it is answered, or the link is
 *     over. So nothing of one allocation overtakes anything else of it.
 *   - Room is held at the partner before the first byte goes there; on both sides an allocation is
 *     charged (allocation_charge) from when it is reserved until it is gone, to the account of the
 *     link (grants.h). The sums of an account are those of its records, always.
 *   - What the record says is to be done (allocation_work) is to be done, after a crash too. A step
 *     says what is new of it and what is to stop; allocation_load says all of it.
 *   - An allocation that does not rest is at work, waits for its turn, or says why it waits and
 *     until when. Waits end by LINK_BACK and by ALLOCATION_TICK.
 *   - Only two things remove a copy: a release by its owner, and an eviction by its holder's
 *     operator. The end of a link, a grant that shrank and a restored backup remove none: the owner
 *     counts the copy as lost, the holder keeps it as an orphan, and statements of both bring the
 *     two together again when there is a link again.
 *   - Hop limit 1: what is held for a partner is never placed anywhere else (placement sees to
 *     that: it looks at claims of our own people alone). */
#ifndef FEDERATION_ALLOCATION_H
#define FEDERATION_ALLOCATION_H

#include "conf/error.h"
#include "conf/id.h"
#include "conf/text.h"
#include "conf/ulid.h"
#include "ipfs/cid.h"

#include <stdbool.h>
#include <stdint.h>

enum { ALLOCATION_SAID_SIZE = 240 };

#define ALLOCATION_HOUR_MS    UINT64_C(3600000)
#define ALLOCATION_RESERVE_MS ALLOCATION_HOUR_MS                    /* without a byte of progress */
#define ALLOCATION_KEPT_MS    (UINT64_C(2160) * ALLOCATION_HOUR_MS) /* a tombstone */
#define ALLOCATION_AGAIN_MS   UINT64_C(600000)         /* after a refusal: doubled ... */
#define ALLOCATION_AGAIN_MAX  (6 * ALLOCATION_HOUR_MS) /* ... up to this */
#define ALLOCATION_RETRY_MS   UINT64_C(5000)           /* after a failure: doubled ... */
#define ALLOCATION_RETRY_MAX  UINT64_C(900000)         /* ... up to this */
#define ALLOCATION_OVERDUE_MS UINT64_C(600000)         /* a receipt, behind the last byte */

enum allocation_role { ALLOCATION_OWNER = 1, ALLOCATION_HOLDER };

enum allocation_state {
    ALLOCATION_NONE, /* {0}: there is none */
    /* the owner's */
    ALLOCATION_QUEUED,       /* wanted; waits for its turn */
    ALLOCATION_RESERVING,    /* the partner is asked for room */
    ALLOCATION_TRANSFERRING, /* there is room: blocks go */
    ALLOCATION_COMMITTING,   /* they have all of it: their receipt is to come */
    ALLOCATION_PLACED,       /* their receipt is here */
    ALLOCATION_RELEASING,    /* not wanted any more: it waits for its turn, then they are told */
    ALLOCATION_RELEASED,     /* they know; a tombstone */
    ALLOCATION_LOST,         /* was or may be there, and does not count any more */
    ALLOCATION_STUCK,        /* refused for now; from the start again when the time has come */
    ALLOCATION_REFUSED,      /* came to nothing, for good */
    /* the holder's */
    ALLOCATION_RESERVED,  /* room is held; no byte has come */
    ALLOCATION_RECEIVING, /* spooled; until it expires */
    ALLOCATION_IMPORTING, /* all of it is here: on its way to the storage */
    ALLOCATION_PINNED,    /* in the storage, claimed; the owner gets a receipt */
    ALLOCATION_LEAVING,   /* our operator wants it gone; the owner was asked to place it anew */
    ALLOCATION_REMOVING,  /* released, evicted, or came to nothing: claim and spool go */
    ALLOCATION_ORPHANED,  /* its owner's link is over: kept */
    ALLOCATION_GONE,      /* a tombstone */
    ALLOCATION_STATES,
};

/* Why it does not rest, or how it came to rest. */
enum allocation_reason {
    ALLOCATION_NO_REASON,
    ALLOCATION_OUR_GRANT,       /* our policy gives that partner no (more) of it */
    ALLOCATION_THEIR_GRANT,     /* what they told us of theirs does not allow it */
    ALLOCATION_NO_SPACE,        /* holder: the storage is full */
    ALLOCATION_QUOTA_THERE,     /* 507 */
    ALLOCATION_FORBIDDEN_THERE, /* 403 */
    ALLOCATION_BUSY_THERE,      /* 429, 503 */
    ALLOCATION_REFUSED_THERE,   /* any other 4xx */
    ALLOCATION_UNREACHABLE,     /* no answer, or 5xx */
    ALLOCATION_MISSING_HERE,    /* owner: blocks of it are not in our storage */
    ALLOCATION_BAD_DATA,        /* the holder refused what was sent: it is not what was promised */
    ALLOCATION_BAD_RECEIPT,     /* what the holder said of it is not what was placed */
    ALLOCATION_EXPIRED,         /* no progress in time; or the pin that it was for has ended */
    ALLOCATION_STORAGE_HERE,    /* holder: the storage did not take it, or not let it go */
    ALLOCATION_NOT_WANTED,      /* released by its owner */
    ALLOCATION_EVICTED,         /* by the holder's operator */
    ALLOCATION_DRAINED,         /* the link is about to end in good order */
    ALLOCATION_LINK_ENDED,      /* revoked */
    ALLOCATION_ABSENT_THERE,    /* their statement does not have it */
    ALLOCATION_GONE_THERE,      /* they answered that it is over */
    ALLOCATION_UNKNOWN_HERE,    /* they state it, and nobody here has pinned it */
    ALLOCATION_REASONS,
};

/* What is asked of the partner. */
enum allocation_item {
    ALLOCATION_NO_ITEM,
    ALLOCATION_ITEM_RESERVE, /* owner: allocation.reserve */
    ALLOCATION_ITEM_COMMIT,  /* owner: allocation.commit */
    ALLOCATION_ITEM_RELEASE, /* owner: allocation.release */
    ALLOCATION_ITEM_RECEIPT, /* holder: allocation.receipt */
    ALLOCATION_ITEM_LEAVE,   /* holder: allocation.evict, with until: it will go */
    ALLOCATION_ITEM_EVICT,   /* holder: allocation.evict: it goes */
    ALLOCATION_ITEMS,
};

/* What the journal keeps: all of it, each time that a step says so. allocation_codec.h writes it.
 * Times are ms since 1970. */
struct allocation_record {
    char id[ULID_SIZE];
    char link[ULID_SIZE];
    enum allocation_role role;
    enum allocation_state state;
    struct cid root;   /* v1 form */
    uint64_t bytes;    /* of all blocks: as asked for; once it is held: as counted */
    uint64_t blocks;   /* 0: not known */
    int32_t priority;  /* owner: greater goes first */
    uint64_t position; /* blocks that are spooled there durably, as far as is known */
    bool is_complete;  /* they are all */
    bool is_there;     /* owner: the partner may know of it: it was asked */
    bool is_leaving;   /* owner: does not count as a copy: place it anew, then release it */
    bool is_unwanted;  /* owner: to be released, or it was */
    bool is_receipted; /* holder: the owner has the receipt */
    bool tells_leave;  /* holder: the owner is to be told that it will go, */
    bool tells_evict;  /* or that it goes */
    bool is_orphaned;  /* its link ended; nothing is asked of anybody */
    enum allocation_reason reason;
    char said[ALLOCATION_SAID_SIZE]; /* the words that came with it; may be empty */
    enum allocation_item item;       /* under way to the partner, */
    char key[ULID_SIZE];             /* under this key; "": none is */
    uint32_t attempts;               /* in a row that came to nothing */
    uint64_t retry_ms;               /* it waits until then; 0: it does not */
    uint64_t until_ms; /* RESERVED, RECEIVING: expires; LEAVING: goes, 0: when its owner says so;
                          tombstones: forgotten */
    uint64_t since_ms; /* when this state began */
    uint64_t seen_ms;  /* the last evidence of the copy: receipt, statement; 0: none */
    /* For statements: the item that made it held, and those that ended it. */
    char held_key[ULID_SIZE], release_key[ULID_SIZE], evict_key[ULID_SIZE];
};

enum allocation_event_kind {
    /* of the owner's own side */
    ALLOCATION_PLACE,    /* id, link, root, bytes, blocks, priority: the first event of its life */
    ALLOCATION_WANT,     /* what was to be released is wanted again, or is more urgent: priority */
    ALLOCATION_RELEASE,  /* not wanted any more. reason */
    ALLOCATION_TURN,     /* its turn has come. room: what the account says of a reservation */
    ALLOCATION_ANSWERED, /* the item under way: status, position (commit: 409), said */
    ALLOCATION_UNANSWERED,  /* it is not known whether it was done: said. It is asked again */
    ALLOCATION_PROGRESS,    /* position, complete: what the holder says is durable there */
    ALLOCATION_SEND_FAILED, /* status of the holder's answer (0: none), reason if it is ours; said
                             */
    /* from the holder, authenticated */
    ALLOCATION_RECEIPT,     /* verified, but for what it says: root, bytes, blocks, held_key */
    ALLOCATION_EVICT_HEARD, /* until_ms (0 and is_final false: when we release it), is_final; key
                               of their item; said */
    /* from the owner, authenticated */
    ALLOCATION_RESERVE,       /* id, link, root, bytes, blocks, room: the first event of its life;
                                 complete: its blocks came along, and are right */
    ALLOCATION_COMMIT,        /* bytes, blocks */
    ALLOCATION_RELEASE_HEARD, /* key of their item */
    /* of the holder's own side */
    ALLOCATION_RECEIVED,      /* position, complete (then bytes, blocks): it is durable */
    ALLOCATION_REJECTED,      /* what came is not what was promised: said */
    ALLOCATION_IMPORTED,      /* bytes: it is in the storage, and claimed */
    ALLOCATION_IMPORT_FAILED, /* said; is_final: it cannot be, and not: it is tried again */
    ALLOCATION_REMOVED,       /* claim and spool are gone */
    ALLOCATION_REMOVE_FAILED, /* said */
    ALLOCATION_STORAGE_LOST,  /* the storage does not have it any more, though it was claimed */
    ALLOCATION_EVICT,         /* our operator: until_ms; 0: at once. said */
    /* of both */
    ALLOCATION_DRAIN,       /* the link is to end in good order: nothing new, what is there moves */
    ALLOCATION_STAY,        /* it does not end after all */
    ALLOCATION_LINK_OVER,   /* revoked: at once */
    ALLOCATION_LINK_BACK,   /* up again, or a new epoch agreed on: what waits is tried now */
    ALLOCATION_GRANTED,     /* owner: what is granted, or how much of it is used, has changed */
    ALLOCATION_STATED_HELD, /* the peer's statement, when they are compared: it has it. held_key; of
                               one that is not known, is_final: nobody here has pinned it */
    ALLOCATION_STATED_ABSENT, /* it does not have it */
    ALLOCATION_TICK,
    ALLOCATION_EVENTS,
};

/* What the account of the link says of `bytes` more. */
enum allocation_room {
    ALLOCATION_ROOM,
    ALLOCATION_ROOM_OUR_GRANT, /* passes what our policy allows */
    ALLOCATION_ROOM_THEIR_GRANT,
    ALLOCATION_ROOM_NOT_GRANTED, /* our policy allows nothing of the kind */
    ALLOCATION_ROOM_NO_SPACE,    /* the storage is full */
    ALLOCATION_ROOM_EVICTED,     /* they had it, and evicted it a short time ago */
};

struct allocation_event {
    enum allocation_event_kind kind;
    char fresh[ULID_SIZE]; /* drawn by the caller for each event: the key of an item, if the step
                              begins one. Keys of one sender go up */
    uint16_t random;       /* to spread retries */
    char id[ULID_SIZE], link[ULID_SIZE];
    char key[ULID_SIZE]; /* ANSWERED, UNANSWERED: of our item; EVICT_HEARD, RELEASE_HEARD: of
                            theirs; RECEIPT, STATED_HELD: the held_key */
    struct cid root;
    uint64_t bytes, blocks, position;
    int32_t priority;
    unsigned status;
    bool is_complete, is_final;
    enum allocation_room room;
    enum allocation_reason reason;
    uint64_t until_ms;
    struct slice said; /* borrowed */
};

/* What a record says is to be done, until something is heard of it. */
enum allocation_work {
    ALLOCATION_WORK_ASK = 1,    /* record.item of the partner, under record.key */
    ALLOCATION_WORK_TURN = 2,   /* it is in the queue, by priority, then id */
    ALLOCATION_WORK_SEND = 4,   /* ask how far they are, then send from there */
    ALLOCATION_WORK_IMPORT = 8, /* the spool, then claim it; nothing is fetched */
    ALLOCATION_WORK_REMOVE = 16,
};

/* To be done in this order. */
struct allocation_actions {
    bool journal;    /* the record changed: durable before anything below */
    bool forget;     /* remove the record: nobody can ask for it any more */
    unsigned answer; /* status for the peer's item; 0: the event was none */
    unsigned stop;   /* of enum allocation_work: what is not to be done any more */
    unsigned start;  /* what is to be done now; a new item to ask is a new start */
    bool replan;     /* the copies of its object changed: placement looks at it again */
    /* what the account of the link changes by */
    int64_t bytes, pins;
    uint64_t wake_ms; /* ALLOCATION_TICK is due then, wall; UINT64_MAX: never */
};

void allocation_step(struct allocation_record *record, const struct allocation_event *event,
                     uint64_t wall_ms, struct allocation_actions *actions);

/* After a start: what is under way by the record is to be begun anew. */
void allocation_load(const struct allocation_record *record, struct allocation_actions *actions);

/* ---- questions */

/* enum allocation_work, ored. */
unsigned allocation_work(const struct allocation_record *record);

/* What the account of the link is charged. False: nothing. */
bool allocation_charge(const struct allocation_record *record, uint64_t *bytes);

/* It counts as a copy: evidence of it is here, nobody wants it gone. */
bool allocation_counts(const struct allocation_record *record);
/* Nothing happens of itself but that it is forgotten. */
bool allocation_rests(const struct allocation_record *record);
/* It waits, and reason and retry_ms say why and until when. */
bool allocation_is_stuck(const struct allocation_record *record);
/* Owner: they have had all of it for long, and their receipt has not come. Only they know why: an
 * import that fails there, mostly. */
bool allocation_is_overdue(const struct allocation_record *record, uint64_t wall_ms);
/* What `link revoke restrict` refuses to end a link over. */
bool allocation_is_live(const struct allocation_record *record);
/* The holder holds it for the owner, at a cut of both sides' items (statement.h): all items of the
 * owner up to owner_key and all of the holder's up to holder_key took effect. */
bool allocation_is_held(const struct allocation_record *record, const char *owner_key,
                        const char *holder_key);
/* Whether they are compared at all when a link was isolated: the record takes part. */
bool allocation_is_stated(const struct allocation_record *record);

/* One line, complete: where it stands, why, since when, when it goes on. Returns out. */
enum { ALLOCATION_WHY_SIZE = 600 };
const char *allocation_why(const struct allocation_record *record, uint64_t wall_ms,
                           char out[ALLOCATION_WHY_SIZE]);

const char *allocation_state_name(enum allocation_state state);
const char *allocation_event_name(enum allocation_event_kind kind);
const char *allocation_reason_name(enum allocation_reason reason); /* "our-grant", ... */
/* "allocation.reserve", ...: the action of a link's item. */
const char *allocation_item_name(enum allocation_item item);

#endif
