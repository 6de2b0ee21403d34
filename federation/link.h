// SPDX-License-Identifier: Apache-2.0
/* The life of one link, as one of its two sides sees it.
 *
 * Pure: `step(link, event, now) -> actions`. No clock, no I/O, no randomness; any thread, one at a
 * time per link. Who runs it makes the record durable before doing anything else of what a step
 * asks for, checks who speaks (TLS, signature, date, sequence) before telling it what was said, and
 * does what it is told.
 *
 *   - What must survive is in `struct link_record`; link_load makes a link of it again. Evidence
 *     does not survive: a link is active again only once both directions were observed.
 *   - What one side needs to know of the other travels as levels in every heartbeat and in its
 *     answer, not as events: a lost, late or doubled one changes nothing for good.
 *   - An epoch is one agreement of two organizations. It begins with an invitation and ends once,
 *     for ever; a later invitation begins the next. A message of an epoch that is over is answered
 *     with its end, so that whoever missed it learns of it, however late.
 *   - An incarnation is of one link's record: any number that was not used before, without an
 *     order. A restored gateway draws a new one for each link; both sides isolate the link until
 *     their statements agree for this pair of incarnations. A revocation that the replaced ledger
 *     knew stays.
 *   - Nothing here deletes anything, and nothing is asked for that does. */
#ifndef FEDERATION_LINK_H
#define FEDERATION_LINK_H

#include "conf/error.h"
#include "conf/id.h"
#include "conf/ulid.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    LINK_DIGEST_SIZE = 32,
    LINK_PAST_MAX = 8, /* incarnations of the peer that are remembered as over */
    LINK_TEXT_SIZE = 400,
};

#define LINK_HEARTBEAT_MS UINT64_C(10000)
#define LINK_MISSED_MS    (3 * LINK_HEARTBEAT_MS) /* what is older is no evidence */
/* What a peer says may change our record so often in a row, and then once in each
 * LINK_HEARTBEAT_MS: a change costs a commit, a view for all workers and its sessions. */
#define LINK_CHANGES_MAX  16
#define LINK_DAY_MS       UINT64_C(86400000)
#define LINK_PENDING_MS   (7 * LINK_DAY_MS)  /* for our operator to confirm */
#define LINK_NOTICE_MS    (7 * LINK_DAY_MS)  /* the peer is told of an end for so long */
#define LINK_GRACE_MS     (30 * LINK_DAY_MS) /* from revoked to closed */

enum link_state {
    LINK_NONE,      /* {0}: there never was one */
    LINK_INVITED,   /* we made an invitation and nobody has joined */
    LINK_PENDING,   /* asked to join, or joined and not confirmed by both: health only */
    LINK_ACTIVE,    /* confirmed by both, and both directions observed lately */
    LINK_DEGRADED,  /* confirmed, and a direction is not: nothing is placed there */
    LINK_ISOLATED,  /* one side was restored: nothing takes effect until statements agree */
    LINK_SUSPENDED, /* by an operator of either side: nothing new is placed, reads go on */
    LINK_REVOKING,  /* ended here; the peer has not confirmed that it knows */
    LINK_REVOKED,   /* ended, as far as either side knows */
    LINK_CLOSED,    /* revoked long ago */
    LINK_EXPIRED,   /* ended before it was confirmed: an invitation not taken, or canceled */
    LINK_STATES,
};

enum link_isolation {
    LINK_NOT_ISOLATED,
    LINK_HAD_ANOTHER, /* there was an earlier epoch: what is left of it is compared first */
    LINK_RESTORED_HERE,
    LINK_RESTORED_THERE,
    LINK_WENT_BACK, /* the peer forgot what it had taken, and said nothing of a restore */
};

enum link_end {
    LINK_NOT_ENDED,
    LINK_ENDED_HERE,
    LINK_ENDED_THERE,
    LINK_RAN_OUT, /* not joined, or not confirmed, in time */
    LINK_CANCELED,
    LINK_NOT_LET_IN,
};

/* What the journal keeps: all of it, each time that a step says so. */
struct link_record {
    char id[ULID_SIZE];
    char peer[ID_SIZE]; /* the partner's id in our policy, for what is said */
    enum link_state state;
    uint64_t epoch;        /* never goes down */
    uint64_t invite_epoch; /* as the invitation has it; what is agreed on may be higher */
    bool is_inviter;
    bool is_joining; /* we asked, and have no answer */
    bool has_peer;   /* peer_root is known: somebody joined, or we have their invitation */
    uint8_t peer_root[LINK_DIGEST_SIZE];
    bool confirmed_here, confirmed_there;
    bool suspended_here, suspended_there;
    enum link_isolation isolation;
    enum link_end end;
    bool end_is_known_there;
    bool only_we_dial, only_they_dial;            /* else both directions must work */
    uint64_t incarnation_here, incarnation_there; /* 0: not known yet */
    uint64_t past[LINK_PAST_MAX];                 /* of there; 0: none */
    uint64_t taken_there;                   /* up to which of our numbers the peer said it took */
    uint64_t roots_here, roots_known_there; /* sequence of our roots document, and what they have */
    uint64_t roots_there;                   /* of theirs */
    uint8_t roots_there_digest[LINK_DIGEST_SIZE];
    uint64_t expires_wall_ms; /* of the invitation; of a pending link: for confirming */
    uint64_t since_wall_ms;   /* when this state began */
};

/* The evidence; {0} is none. Monotonic times. */
struct link {
    struct link_record record;
    bool has_heard, has_acked;
    uint64_t heard_ms;        /* a heartbeat of theirs */
    uint64_t acked_ms;        /* their answer to one of ours */
    uint64_t heard_sequence;  /* of the last heartbeat of theirs */
    uint64_t levels_sequence; /* of the last message that had levels */
    uint64_t due_ms;          /* the next message of ours */
    uint64_t changed_ms;      /* up to when the changes that the peer made are paid for */
    bool isolated_there;      /* they say so */
    bool is_unknown_there;    /* they answered that they know of no such link or epoch */
    bool is_untrusted;        /* what they show is not of the roots that we have of them */
    int64_t skew_ms; /* their clock ahead of ours, of a message refused for its date; else 0 */
};

struct link_now {
    uint64_t ms;      /* monotonic: for what is under way */
    uint64_t wall_ms; /* since 1970: for what outlives the process */
};

/* What each side says of itself in a heartbeat and in the answer to one. */
struct link_levels {
    uint64_t sequence; /* of the message */
    uint64_t incarnation;
    uint64_t to; /* the hearer's incarnation, as far as the speaker knows */
    bool confirmed, suspended, isolated;
    uint64_t taken;       /* up to which of the hearer's numbers it took */
    uint64_t roots;       /* sequence of its roots document */
    uint64_t roots_known; /* of the hearer's */
};

enum link_event_kind {
    /* our operator */
    LINK_INVITE, /* id (ULID), peer, incarnation, expires_wall_ms */
    LINK_REPIN,  /* expires_wall_ms: the peer's roots are lost; same link, next epoch */
    LINK_CANCEL,
    LINK_JOIN, /* id, peer, epoch, root, expires_wall_ms of the invitation; incarnation of ours */
    LINK_CONFIRM, /* matches: the words are the same */
    LINK_SUSPEND,
    LINK_RESUME,
    LINK_REVOKE,
    /* the peer, authenticated but for the first two */
    LINK_JOIN_PROVED, /* root, epoch (the last they know), invite_epoch, incarnation; sequence and
                         document of their roots, verified */
    LINK_JOIN_UNPROVED,
    LINK_JOIN_ACCEPTED, /* answer to ours: epoch, incarnation; sequence and document of roots */
    LINK_JOIN_REFUSED,  /* answer to ours, definite; reason (borrowed) */
    LINK_HEARD,         /* levels: a heartbeat of theirs, of our epoch */
    LINK_ACKED,         /* levels: their answer to ours */
    LINK_ROOTS_TAKEN,   /* sequence, document: verified */
    LINK_END_HEARD,     /* epoch */
    LINK_END_ACKED,     /* epoch */
    LINK_PEER_BEHIND,   /* epoch (ours): they know no such link, or an earlier epoch */
    LINK_UNTRUSTED,     /* who answered at their address has no certificate of their roots */
    LINK_DISOWNED, /* incarnation (new): they take the one of our heartbeat for one that is over */
    LINK_SKEWED,   /* skew_ms: refused for its date, by us or by them */
    LINK_AGREED,   /* statements: incarnation (ours), incarnation_there */
    LINK_DIFFERED, /* statements; count */
    /* this process */
    LINK_ROOTS_MADE, /* sequence of our roots document: a new one, and at each start */
    LINK_DIALS,      /* no_way_there, no_way_here: who has no address that the other can dial */
    LINK_RESTORED,   /* the record is of a backup: incarnation (new), and epoch: the last that the
                        replaced ledger knew to have ended, or 0 */
    LINK_TICK,
    LINK_EVENTS,
};

struct link_event {
    enum link_event_kind kind;
    char id[ULID_SIZE];
    char peer[ID_SIZE];
    uint8_t root[LINK_DIGEST_SIZE];
    uint8_t document[LINK_DIGEST_SIZE]; /* digest of a roots document */
    uint64_t epoch, invite_epoch, sequence, count;
    uint64_t incarnation, incarnation_there;
    uint64_t expires_wall_ms;
    int64_t skew_ms;
    bool matches, no_way_there, no_way_here;
    struct link_levels levels;
    const char *reason;
};

/* What the peer is told in answer to its message. */
enum link_answer {
    LINK_ANSWER_NONE, /* the event was no message */
    LINK_ANSWER_OK,
    LINK_ANSWER_JOINED,          /* with our epoch and incarnation */
    LINK_ANSWER_FORBIDDEN,       /* 403: no proof, or not for us */
    LINK_ANSWER_USED,            /* 409: somebody joined by this invitation */
    LINK_ANSWER_GONE,            /* 410: the invitation is over */
    LINK_ANSWER_OVER,            /* 410: with the signed end of the epoch that the message has */
    LINK_ANSWER_BEHIND,          /* 409: no such link or epoch is known here */
    LINK_ANSWER_LATER,           /* 503: ask again */
    LINK_ANSWER_OLD_INCARNATION, /* 409: from before a restore of theirs */
    LINK_ANSWER_OLD_ROOTS,       /* 409: not newer than what we have */
};

/* To be done in this order. */
struct link_actions {
    bool journal;      /* the record changed: durable before anything below */
    bool cut_sessions; /* close what is open with the peer, and forget what it owes */
    bool drop_tickets; /* of TLS: any change of state */
    bool new_sequence; /* our numbers begin at 1, for the new incarnation */
    bool new_window;   /* theirs do */
    enum link_answer answer;
    bool send_join, send_heartbeat, send_roots, send_statement, send_end;
    bool is_refused;            /* our operator's command; `said` says why */
    uint64_t wake_ms;           /* LINK_TICK is due then, monotonic; UINT64_MAX: never */
    char said[LINK_TEXT_SIZE];  /* to our operator: what was done and what is next */
    char alarm[LINK_TEXT_SIZE]; /* "" or one line that somebody must see */
};

void link_step(struct link *link, const struct link_event *event, struct link_now now,
               struct link_actions *actions);

/* What a start finds in the journal. Nothing is to be done but LINK_TICK. */
void link_load(struct link *link, const struct link_record *record, struct link_now now);

/* Whether a message of this epoch is for this link: LINK_ANSWER_OK, or what to answer instead. */
enum link_answer link_admit(const struct link *link, uint64_t epoch);

enum link_traffic {
    LINK_TRAFFIC_HEALTH,    /* heartbeats and roots */
    LINK_TRAFFIC_STATEMENT, /* what each says the other holds */
    LINK_TRAFFIC_READ,      /* under allocations that are there */
    LINK_TRAFFIC_CHANGE,    /* anything that takes effect */
};

bool link_may_send(const struct link *link, enum link_traffic traffic);
bool link_may_take(const struct link *link, enum link_traffic traffic);

/* What our next heartbeat says; sequence and taken are the caller's. */
struct link_levels link_levels(const struct link *link);

/* One line: why it is in this state, with how old the evidence is. Returns out. */
const char *link_why(const struct link *link, struct link_now now, char out[LINK_TEXT_SIZE]);

const char *link_state_name(enum link_state state);
const char *link_event_name(enum link_event_kind kind);

#endif
