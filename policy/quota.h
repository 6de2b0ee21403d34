// SPDX-License-Identifier: Apache-2.0
/* Quotas on what is held: stored bytes and pins, calls at once. What passes by in time, rates and
 * windows, is in policy/quota_rate.h.
 *
 * A call is limited in several scopes at once (its token, its member, its groups, the
 * organization). What it takes it takes from all of them or from none, and the tightest is named.
 * Counters are atomic: any thread, no lock, no I/O. A counter is never above its limit by what is
 * taken here; one that was lowered below what is used refuses until enough is given back. */
#ifndef POLICY_QUOTA_H
#define POLICY_QUOTA_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is used of something in one scope, reservations included. {0} is empty. */
struct quota_counter {
    _Atomic uint64_t used;
};

/* One limit that applies to a call. Borrowed from the policy and the accounts. */
struct quota_limit {
    const char *id;    /* of the quota: what a refusal names */
    const char *scope; /* "member alice", "org": whose counter it is */
    uint64_t limit;
    uint64_t soft; /* from here on a warning; 0: none */
    struct quota_counter *counter;
};

/* Which limit decided, and how it stood then. */
struct quota_verdict {
    const struct quota_limit *tightest; /* the least room is in it; NULL: there are no limits */
    uint64_t used;                      /* of tightest, what was taken included */
    uint64_t room;                      /* of tightest; 0: none, or it was lowered below used */
    const struct quota_limit *soft;     /* taken, but above its soft limit; NULL: none is */
};

/* Takes amount from all, or from none: false. While one taker is being refused by its second scope,
 * another may find the first fuller than it will be: refused too early, never taken too much. */
bool quota_take(const struct quota_limit *limits, size_t count, uint64_t amount,
                struct quota_verdict *verdict);
/* Of what was taken. */
void quota_give(const struct quota_limit *limits, size_t count, uint64_t amount);

/* How things stand, taking nothing. */
struct quota_verdict quota_look(const struct quota_limit *limits, size_t count);

/* ---- a stream whose size is not known before its end */

/* It takes room in slices, so that 10 GiB need not touch the counters at every block, and two
 * streams share what is left. One thread at a time. */
struct quota_reservation {
    const struct quota_limit *limits; /* outlive it */
    size_t count;
    uint64_t slice; /* taken at once, as long as there is room for one */
    uint64_t taken; /* from all counters */
    uint64_t spent; /* <= taken */
};

void quota_reserve(struct quota_reservation *reservation, const struct quota_limit *limits,
                   size_t count, uint64_t slice);

/* Before the bytes are passed on. False: there is no room for them; nothing was spent, and what was
 * spent before stays reserved until it is settled or dropped. */
bool quota_spend(struct quota_reservation *reservation, uint64_t bytes,
                 struct quota_verdict *verdict);

/* The end: charge stays taken, the rest is given back. False: charge is more than was reserved and
 * there is no room for it; the reservation is as it was. After true it is empty. */
bool quota_settle(struct quota_reservation *reservation, uint64_t charge,
                  struct quota_verdict *verdict);
/* It came to nothing. An empty one is fine. */
void quota_drop(struct quota_reservation *reservation);

#endif
