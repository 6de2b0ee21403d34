// SPDX-License-Identifier: Apache-2.0
/* What limits a caller: every quota that applies to a principal under one policy, with its meters
 * found once. Then a call costs a few atomic steps: no lock, no lookup, no I/O.
 *
 * A caller belongs to one thread, the meters behind it to all. What a call takes, it takes of every
 * quota or of none; the one that refused is named. */
#ifndef POLICY_CALLER_H
#define POLICY_CALLER_H

#include "policy/accounts.h"

struct caller;

/* NULL: nothing limits this principal. Holds the policy and one reference, the maker's. */
struct caller *caller_create(struct accounts *accounts, const struct policy *policy,
                             const struct principal *principal);
struct caller *caller_ref(struct caller *caller);
/* Clears the pointer; NULL is fine. */
void caller_unref(struct caller **caller);

enum caller_dimension { CALLER_REQUESTS, CALLER_CONCURRENT, CALLER_UPLOAD, CALLER_EGRESS };

/* Which quota said no, and how it stood. */
struct caller_refusal {
    enum caller_dimension dimension;
    const struct policy_quota *quota;
    struct accounts_meter *meter; /* its whom: "member alice" */
    uint64_t used;
    uint64_t wait_ms; /* until it may be tried again; UINT64_MAX: it never fits */
};

/* One sentence: which limit, where it stands, what is used, what to do. */
void caller_put_refusal(const struct caller_refusal *refusal, struct text *out);

/* ---- calls */

/* A call begins: of the rate and of those at once. */
bool caller_begin(struct caller *caller, uint64_t now_ms, struct caller_refusal *refusal);
/* Each that began, once. */
void caller_end(struct caller *caller);

/* ---- bytes: CALLER_UPLOAD or CALLER_EGRESS */

bool caller_meters(const struct caller *caller, enum caller_dimension flow);

/* May so many pass now? Takes nothing. */
bool caller_has_room(struct caller *caller, enum caller_dimension flow, uint64_t now_ms,
                     uint64_t bytes, struct caller_refusal *refusal);
/* Takes at most bytes, at least one: how many; 0: refused. The nearer a limit is, the less is given
 * at once beyond what is_needed, so that many callers share what is left. */
uint64_t caller_take(struct caller *caller, enum caller_dimension flow, uint64_t now_ms,
                     uint64_t bytes, bool is_needed, struct caller_refusal *refusal);
/* Of what was taken at taken_ms and did not pass. */
void caller_give(struct caller *caller, enum caller_dimension flow, uint64_t taken_ms,
                 uint64_t now_ms, uint64_t bytes);

/* ---- what the caller is told */

/* RateLimit-Policy and RateLimit, each with CR LF: the rates, and with has_body the upload windows.
 * After caller_begin. Nothing if there are none. */
void caller_put_headers(struct caller *caller, uint64_t now_ms, bool has_body, struct text *out);

/* ---- how things stand: for GET /causeway/v1/quota */

struct caller_standing {
    const struct policy_quota *quota;
    const char *whom;
    enum caller_dimension dimension;
    uint64_t limit, used, left;
    uint64_t per_ms;   /* of a rate or window; 0: neither */
    uint64_t reset_ms; /* until all is there again */
};

size_t caller_count(const struct caller *caller);
/* Of the index-th quota in this dimension; false: it has no such limit. */
bool caller_stands(struct caller *caller, size_t index, enum caller_dimension dimension,
                   uint64_t now_ms, struct caller_standing *standing);

#endif
