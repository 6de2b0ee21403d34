// SPDX-License-Identifier: Apache-2.0
/* Who owns what of one object: many owners' pins, one pin upstream.
 *
 * Pure: `step(state, event) -> actions`. No clock, no I/O, no randomness; any thread, one at a time
 * per object. Who runs it (the control thread) does the one operation upstream that it asks for,
 * reports its end as an event, writes what changed to the ledger, and answers who waits.
 *
 *   - An owner has one pin per object in slot 0, which is Kubo's way, and any number in slots of
 *     the pinning service. A call of an owner whose slot 0 is taken joins the pin that is there.
 *   - Upstream holds the strongest mode that anybody claims. Last one out unpins. A pin that
 * another claim needs is never touched: Kubo, told to pin again, would drop the old record first.
 *   - Before the first operation it looks at what upstream has. A pin there that is not ours is
 *     foreign: it serves our claims, and is neither pinned over nor removed. A claim that it is too
 *     weak for is refused.
 *   - A foreign pin of the CID's v0 form stands beside ours, which is of the v1 form. It is
 * nobody's claim here and in nobody's way. Who adopts it gets a pin of ours; once that is
 * confirmed, the other is removed.
 *   - From recursive to direct there is no way in Kubo but to unpin and pin again; both are within
 *     one operation as seen from outside: no garbage is collected while an operation is under way.
 *   - A claim is charged from when it is answered until it is gone: an owner once per object, by
 *     the strongest mode that it holds; the organization once per object, ownerless pins included.
 *     A size is measured before the first who needs it is answered.
 *   - Nothing is retried by itself: after a failure it looks at most once. REPAIR begins again. */
#ifndef STORE_OWNERSHIP_H
#define STORE_OWNERSHIP_H

#include "conf/ulid.h"
#include "ipfs/cid.h"
#include "store/record.h"

enum { SLOT_KUBO = 0 };

/* What is done upstream. */
enum ownership_operation {
    OPERATION_NONE,
    OPERATION_LOOK,    /* is the object pinned, how, and is the pin ours? */
    OPERATION_PIN,     /* with mode; reports the bytes if it can */
    OPERATION_MEASURE, /* the bytes of the object, or (direct) of its root's block alone */
    OPERATION_UNPIN,   /* our pin, of whatever mode */
    OPERATION_SHED,    /* removes the pin of the v0 form, with mode: it was adopted */
};

struct ownership_pin {
    char id[ULID_SIZE];
    struct owner owner;
    uint32_t slot;
    enum pin_mode held;   /* what was confirmed to its owner; PIN_NONE: nothing yet */
    enum pin_mode wanted; /* what calls wait for; PIN_NONE: none does */
    bool is_riding;       /* the pin under way upstream is for it, and its failure its own */
    bool keeps_failure;   /* stays as PIN_FAILED; else it vanishes */
    bool is_adopting;     /* takes the foreign pin over */
    bool is_failed;
    bool is_ownerless;
    bool is_removing;
    bool is_lost; /* when it was last looked at, upstream did not have what is held */
};

/* {0}: nobody claims it, and it was not looked at. Fill pins, upstream, bytes and is_adopted from
 * the ledger. */
struct ownership {
    struct ownership_pin *pins; /* by memory_resize */
    size_t count, capacity;
    enum pin_mode upstream;   /* our pin there */
    enum pin_mode foreign;    /* somebody else's, of the v1 form */
    enum pin_mode foreign_v0; /* of the v0 form, always somebody else's */
    bool is_shedding;         /* the one of the v0 form was adopted, and is to go */
    bool is_seen;             /* all are what was observed, and nothing was done since */
    bool is_adopted;          /* our pin there does not bear our name */
    bool has_bytes[PIN_MODE_COUNT];
    uint64_t bytes[PIN_MODE_COUNT];

    enum ownership_operation under_way;
    enum pin_mode under_way_mode;
    bool is_canceled; /* the operation under way; its end is still to come */

    bool is_suspect;   /* an operation failed: what upstream has must be looked at */
    bool is_repairing; /* what is held and not there is pinned again */
    bool is_doubtful;  /* claims are those of an older backup: what is pinned beyond them may have
                          been acknowledged since, and goes only with a removal */
    bool waits;        /* until somebody asks for something; nothing but claims goes on */
};

enum ownership_event_kind {
    OWNERSHIP_CLAIM,      /* id (for a new pin), owner, mode, takes_slot, keeps_failure */
    OWNERSHIP_CANCEL,     /* id: all who waited for this claim left */
    OWNERSHIP_RELEASE,    /* id; mode PIN_DIRECT: refuse if it is recursive */
    OWNERSHIP_ADOPT,      /* id, owner, mode: as CLAIM, of the foreign pins of that mode */
    OWNERSHIP_TRANSFER,   /* id, owner: the new one. If its slot is taken the pin gets another */
    OWNERSHIP_OWNER_GONE, /* owner: left the policy */
    OWNERSHIP_OWNER_BACK, /* owner */
    OWNERSHIP_DOUBT,      /* look again */
    OWNERSHIP_REPAIR,     /* look again, and do what is left undone */
    OWNERSHIP_DONE,       /* the operation under way. LOOK: mode, foreign, foreign_v0. Others:
                             bytes */
    OWNERSHIP_FAILED,     /* the operation under way, or it was canceled */
};

struct ownership_event {
    enum ownership_event_kind kind;
    char id[ULID_SIZE];
    struct owner owner;
    enum pin_mode mode;
    enum pin_mode foreign, foreign_v0;
    bool takes_slot; /* a slot of its own: the pinning service */
    bool keeps_failure;
    bool has_bytes;
    uint64_t bytes;
};

enum ownership_answer_kind {
    ANSWER_PINNED,
    ANSWER_REMOVED,
    ANSWER_CANCELED,          /* to those who claim: its owner took the claim back meanwhile */
    ANSWER_FAILED,            /* to those who claim or release; all is as before the call */
    ANSWER_NOT_PINNED,        /* refused: there is no such pin */
    ANSWER_PINNED_RECURSIVELY /* refused: a direct pin, or removal of one, where one is recursive */
    ,
    ANSWER_FOREIGN, /* refused: a foreign pin is in the way; adopt it */
};

struct ownership_answer {
    char id[ULID_SIZE]; /* the pin's; of a refused event, the event's */
    enum ownership_answer_kind kind;
};

/* What an event added to an owner's account, or took from it. */
struct ownership_charge {
    struct owner owner;
    int64_t bytes;
    int objects; /* -1, 0, 1 */
};

/* What is to be done. {0} is empty; the arrays are used again by the next step. */
struct ownership_actions {
    enum ownership_operation operation; /* to start; OPERATION_NONE: nothing new */
    enum pin_mode mode;                 /* of it */
    bool cancel;                        /* cut the operation under way; DONE or FAILED follows */
    char claim[ULID_SIZE];              /* CLAIM, ADOPT: the pin that it is or joined */
    struct ownership_answer *answers;
    size_t answer_count, answer_capacity;
    struct ownership_charge *charges; /* each owner at most once; zero ones are left out */
    size_t charge_count, charge_capacity;
    int64_t org_bytes;
    int org_objects;
};

void ownership_step(struct ownership *object, const struct ownership_event *event,
                    struct ownership_actions *actions);

/* Nothing is to be done; the arrays keep their room. */
void ownership_actions_clear(struct ownership_actions *actions);

void ownership_dispose(struct ownership *object);
void ownership_actions_dispose(struct ownership_actions *actions);

/* What names an object: the v1 form, codec included. */
static inline struct cid ownership_key(const struct cid *cid)
{
    return cid_to_v1(cid);
}

/* NULL: there is none. Borrowed until the next step. */
struct ownership_pin *ownership_pin(const struct ownership *object, const char *id);
/* The owner's pin in a slot; one that is being removed only if there is no other. */
struct ownership_pin *ownership_slot(const struct ownership *object, const struct owner *owner,
                                     uint32_t slot);

/* As it is shown to its owner. */
enum pin_state ownership_state(const struct ownership *object, const struct ownership_pin *pin);

/* What an owner is charged for this object, and the organization. False: nothing. */
bool ownership_charged(const struct ownership *object, const struct owner *owner, uint64_t *bytes);
bool ownership_org_charged(const struct ownership *object, uint64_t *bytes);

/* Nobody claims it and we hold nothing upstream: there is nothing to keep. */
bool ownership_is_empty(const struct ownership *object);

#endif
