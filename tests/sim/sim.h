// SPDX-License-Identifier: Apache-2.0
/* Organizations that are linked, in one process and in a time of their own: the cores of
 * federation/ as a gateway would run them, over a network and disks that fail as the seed says.
 *
 * A history is a world that is troubled for a while, then left in peace and mended by its
 * operators, and must come to rest in agreement. All chances come from its seed; the same seed is
 * the same history. What may never happen is checked as it would happen (sim_check), what must hold
 * at rest at the end (check.c). */
#ifndef TESTS_SIM_SIM_H
#define TESTS_SIM_SIM_H

#include "federation/breaker.h"
#include "federation/link.h"
#include "federation/replies.h"
#include "federation/sequence.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    SIM_ORGS_MAX = 5,
    SIM_KEYS = 2048, /* items that one organization asks of another in a history, at most */
    SIM_BATCH = 16,
    SIM_CALLS = 8, /* that one side has under way with a peer */
    SIM_BACKUPS = 2,
};

#define SIM_WALL_START UINT64_C(1800000000000)
#define SIM_TIMEOUT_MS UINT64_C(5000)
#define SIM_SKEW_MS    INT64_C(300000)

/* Numbers from 1 to SIM_KEYS - 1. */
struct sim_set {
    uint64_t words[SIM_KEYS / 64];
};

static inline bool set_has(const struct sim_set *set, uint32_t key)
{
    return (set->words[key / 64] >> key % 64 & 1) != 0;
}

static inline void set_put(struct sim_set *set, uint32_t key, bool is_in)
{
    uint64_t bit = UINT64_C(1) << key % 64;

    set->words[key / 64] = is_in ? set->words[key / 64] | bit : set->words[key / 64] & ~bit;
}

static inline bool set_equal(const struct sim_set *a, const struct sim_set *b)
{
    for (unsigned i = 0; i < SIM_KEYS / 64; i++)
        if (a->words[i] != b->words[i])
            return false;
    return true;
}

/* What one side of a link has on disk. */
struct sim_disk {
    struct link_record record;
    bool is_restored; /* it is of a backup, and the link was not told */
    uint64_t secret;  /* of our invitation */
    uint64_t sent_claimed, taken_claimed;
    struct breaker_record breaker;
    struct sim_set intents; /* asked of the peer and not answered */
    struct sim_set done;    /* answered */
    struct sim_set effects; /* what the peer asked, and took effect here */
    uint32_t settled;       /* by the peer */
};

enum sim_kind { SIM_JOIN, SIM_HEARTBEAT, SIM_ROOTS, SIM_STATEMENT, SIM_END, SIM_BATCH_OF_ITEMS };

struct sim_call {
    uint64_t id; /* 0: free */
    enum sim_kind kind;
    uint64_t epoch;
    uint32_t keys[SIM_BATCH];
    unsigned count;
};

struct sim_side {
    struct sim_disk disk;
    struct link link;
    struct sequence_sender sender;
    struct sequence_receiver receiver;
    struct replies replies;
    struct breaker breaker;
    struct credit credit;
    struct sim_call calls[SIM_CALLS];
    uint64_t tick_ms; /* the tick that is in the queue */
    uint64_t statement_sequence;
    /* the invitation that our operator has in hand, and tries again with */
    struct link_event invitation;
    uint64_t invitation_secret;
    bool has_invitation;
    bool is_stranded; /* the roots of one side are not known to the other any more */
};

struct sim_org {
    bool is_up;
    uint64_t restored;   /* what was drawn before the last restore is not ours now */
    int64_t clock_ms;    /* off the true time */
    uint32_t root;       /* the one of the join; another after it was lost */
    uint64_t roots;      /* sequence of the roots document; durable, from the org's key store */
    uint64_t roots_used; /* what it signs with */
    struct sim_side sides[SIM_ORGS_MAX];
    struct sim_disk backups[SIM_BACKUPS][SIM_ORGS_MAX];
    bool has_backup[SIM_BACKUPS];
};

enum sim_status {
    SIM_ANSWERED,    /* as the link said: answer */
    SIM_STRANGER,    /* 403 */
    SIM_SKEWED,      /* 400: date */
    SIM_WRONG_PARTY, /* 409: incarnations */
    SIM_NUMBER,      /* 409: sequence; floor */
    SIM_NOT_NOW,     /* 503: the state does not allow it */
};

struct sim_statement {
    struct sim_set effects, done;
};

struct sim_message {
    bool is_reply;
    enum sim_kind kind;
    unsigned from, to; /* organizations */
    uint64_t call;
    uint32_t root;
    uint64_t roots, roots_used;
    uint64_t wall_ms;
    uint64_t epoch, invite_epoch, secret;
    struct sequence_pair pair;
    uint64_t sequence, floor;
    struct link_levels levels;
    enum sim_status status;
    enum link_answer answer;
    uint32_t keys[SIM_BATCH];
    enum replies_verdict verdicts[SIM_BATCH];
    unsigned count;
    uint32_t settled;
    uint32_t credit;
    struct sim_statement *statement; /* owned */
};

enum sim_happening { SIM_ARRIVAL, SIM_TICK, SIM_GIVE_UP, SIM_WORK, SIM_OPERATOR, SIM_TROUBLE };

struct sim_event {
    uint64_t time_ms, order;
    enum sim_happening kind;
    unsigned org, peer;
    uint64_t call;
    struct sim_message *message;
};

struct sim_path {
    unsigned lost, doubled; /* of 1000 */
    uint64_t delay_ms;      /* at most */
    bool is_cut;
};

struct sim_counts {
    uint64_t operations, messages, effects, repeated, crashes, restores, revocations, commands,
        clocks, cuts, epochs, lost_items, repins, rotations, stolen, stranded, disowned;
};

struct sim {
    uint64_t seed, random, now_ms, order, calls, incarnations;
    unsigned orgs;
    bool is_troubled, traces;
    bool is_forgetful; /* the journal is not always written: what must be found out */
    struct sim_org org[SIM_ORGS_MAX];
    struct sim_path path[SIM_ORGS_MAX][SIM_ORGS_MAX];
    struct sim_event *queue; /* a heap */
    size_t count, capacity;
    uint32_t last_key[SIM_ORGS_MAX][SIM_ORGS_MAX];
    /* what really was, which no restore undoes */
    uint64_t ended[SIM_ORGS_MAX][SIM_ORGS_MAX]; /* the last epoch that ended there */
    uint64_t heard_ms[SIM_ORGS_MAX][SIM_ORGS_MAX];
    uint8_t *taken; /* by the call's number: its request was taken */
    uint64_t taken_capacity;
    struct sim_counts counts;
};

uint64_t sim_draw(struct sim *sim, uint64_t below);
void sim_check(struct sim *sim, bool holds, unsigned org, unsigned peer, const char *what);
#define SIM_CHECK(sim, org, peer, condition) sim_check(sim, condition, org, peer, #condition)
void sim_trace(struct sim *sim, unsigned org, unsigned peer, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* network.c */
void sim_push(struct sim *sim, struct sim_event event);
bool sim_pop(struct sim *sim, struct sim_event *event);
/* Takes the message. */
void sim_send(struct sim *sim, struct sim_message *message);
void sim_message_free(struct sim_message *message);

/* side.c: one side of a link, as a gateway runs it */
struct link_now sim_now(const struct sim *sim, unsigned org);
struct sim_side *sim_side(struct sim *sim, unsigned org, unsigned peer);
/* False: the process crashed in the middle. */
bool sim_step(struct sim *sim, unsigned org, unsigned peer, const struct link_event *event,
              struct link_actions *actions);
void sim_call(struct sim *sim, unsigned org, unsigned peer, enum sim_kind kind);
void sim_give_up(struct sim *sim, unsigned org, unsigned peer, uint64_t call);
void sim_work(struct sim *sim, unsigned org, unsigned peer);
void sim_start(struct sim *sim, unsigned org);
void sim_crash(struct sim *sim, unsigned org);
void sim_restore(struct sim *sim, unsigned org, unsigned backup);
/* receive.c */
void sim_receive(struct sim *sim, const struct sim_message *message);
void sim_put_statement(struct sim *sim, struct sim_message *message, unsigned org, unsigned peer);
void sim_put_levels(struct sim *sim, struct sim_message *message, unsigned org, unsigned peer);

/* people.c: operators, and what goes wrong */
void sim_operate(struct sim *sim, unsigned org, unsigned peer);
void sim_trouble(struct sim *sim);
void sim_mend(struct sim *sim);
void sim_mend_round(struct sim *sim);

/* check.c */
void sim_check_rest(struct sim *sim);

enum sim_way { SIM_PLAIN, SIM_TRACED, SIM_FORGETFUL };

/* history.c: a whole history; its counts are added. */
void sim_history(uint64_t seed, enum sim_way way, struct sim_counts *counts);

#endif
