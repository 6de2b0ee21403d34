// SPDX-License-Identifier: Apache-2.0
/* What is used, of all that quotas limit: one set of counters for the process, which outlive every
 * policy. Two kinds:
 *
 * *Stored* bytes and pins are counted for every owner, every group and the organization, limited or
 * not, so that a policy which adds a limit finds the true usage. A group's counter is the sum over
 * the members that are in it or below it, and what the group itself owns; a policy that moves a
 * member moves its charge. The organization's counts each object once, whoever owns it: that is the
 * storage in use, and the owners' sum may be larger.
 *
 * *Meters* count what passes by: calls, bytes, calls at once, for each quota that has such a limit
 * and each whom it is about. See policy/caller.h.
 *
 * Finding an account takes a mutex and is done when a caller is new; counting is atomic. */
#ifndef POLICY_ACCOUNTS_H
#define POLICY_ACCOUNTS_H

#include "policy/quota.h"
#include "policy/quotas.h"
#include "store/record.h"

struct accounts;
struct account;

enum {
    ACCOUNTS_GROUPS_MAX = 60, /* of one owner, groups above its groups included */
    ACCOUNTS_LIMITS_MAX = ACCOUNTS_GROUPS_MAX + 2,
};

struct accounts *accounts_create(void);
void accounts_destroy(struct accounts **accounts);

/* ---- control thread */

/* The policy in force from now on; NULL: none. Takes a reference. Time grows with the owners. */
void accounts_put_in_force(struct accounts *accounts, const struct policy *policy);

/* What the ledger says is used, at the start; owner NULL: the organization. Groups learn of it by
 * themselves. */
void accounts_set_usage(struct accounts *accounts, const struct owner *owner,
                        const struct usage *usage);

/* The counters that an owner's charge is taken from and given back to, for stored bytes or
 * (is_pins) for pins, with the tightest limit on each, UINT64_MAX where nothing limits. owner NULL:
 * the organization's; else all but that. Fills at most ACCOUNTS_LIMITS_MAX; returns how many. The
 * texts are good until the next accounts_put_in_force, the counters as long as the accounts: ask
 * anew each time. accounts: struct accounts, so that it fits struct tracker_quotas. */
size_t accounts_limits(void *accounts, const struct owner *owner, bool is_pins,
                       struct quota_limit *limits);

/* ---- any thread */

/* Room for an upload whose size is not known before its end: in the owner's, its groups' and the
 * organization's stored bytes. Policy must be the one that the request began with, and outlive it.
 * One thread at a time. */
struct accounts_reservation {
    struct quota_reservation bytes;
    struct account *owner;
    struct quota_limit limits[ACCOUNTS_LIMITS_MAX];
};

/* Stays where it is until it was dropped. */
void accounts_reserve(struct accounts *accounts, const struct policy *policy,
                      const struct owner *owner, uint64_t slice,
                      struct accounts_reservation *reservation);
/* quota_spend and quota_drop. */
bool accounts_spend(struct accounts_reservation *reservation, uint64_t bytes,
                    struct quota_verdict *verdict);
void accounts_drop(struct accounts_reservation *reservation);

/* As accounts_limits, under a policy that the caller holds; owner's and the organization's (last)
 * together; returns how many. */
size_t accounts_stored(struct accounts *accounts, const struct policy *policy,
                       const struct owner *owner, bool is_pins, struct quota_limit *limits);

/* ---- meters. Any thread */

/* Bytes in a window of one quota, for one whom it is about. */
struct accounts_window {
    struct quota_window window;
    atomic_bool is_dirty;
    struct accounts_window *next_dirty;
    char *quota, *whom; /* names in the ledger */
    const char *dimension;
};

/* Of one quota, for one whom it is about ("member alice", "token x", "group g", "org"). */
struct accounts_meter {
    struct quota_rate_state rate;
    struct quota_rate rate_of; /* what rate counts by; private */
    struct quota_counter running;
    _Atomic uint64_t told_ms;                /* when a refusal was last written down */
    struct accounts_window *upload, *egress; /* NULL: the quota never had such a limit */
    char *whom;
};

struct accounts_meter *accounts_meter(struct accounts *accounts, const struct policy_quota *quota,
                                      const char *whom);

/* Something was counted in the window. */
void accounts_touch(struct accounts *accounts, struct accounts_window *window);

/* Windows that changed since they were last collected, as a list by next_dirty; to be written down.
 * Each is clean again before its bytes are read. */
struct accounts_window *accounts_collect(struct accounts *accounts);
/* As it was written down: before the first request. */
void accounts_restore(struct accounts *accounts, const struct window_record *record,
                      uint64_t now_ms);

/* Ms of a clock that does not go back and agrees with the wall clock as it was when the accounts
 * were made: what rates and windows are counted by. */
uint64_t accounts_now_ms(const struct accounts *accounts);

#endif
