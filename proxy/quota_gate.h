// SPDX-License-Identifier: Apache-2.0
/* Quotas on what passes by, for one request: of its caller's rates and calls at once when it
 * begins, of upload and egress windows while its bytes pass. Worker's thread only. */
#ifndef PROXY_QUOTA_GATE_H
#define PROXY_QUOTA_GATE_H

#include "policy/caller.h"
#include "proxy/site.h"

/* What limits the callers of one site, found once for each. */
struct quota_cache;
struct quota_cache *quota_cache_create(void);
void quota_cache_destroy(struct quota_cache **cache);

struct quota_use;

/* One direction's budget. */
struct quota_flow {
    struct meter meter;
    struct quota_use *use;
    enum caller_dimension dimension;
    uint64_t declared; /* bytes of it that are announced and not granted yet; 0: not known */
    uint64_t taken_ms; /* when the meter was granted bytes last */
};

/* {0}: nothing is limited, or it has not begun. Stays where it is. */
struct quota_use {
    struct site *site;
    struct exchange *exchange;
    struct caller *caller;
    struct quota_flow upload, egress;
};

/* Before anything is decided. command: for the record. False: refused, and answered with 429. */
MUST_USE bool quota_gate_begin(struct quota_use *use, struct site *site, struct exchange *exchange,
                               const struct principal *principal, const char *command);

/* The call may pass: meters its body (if has_body; content_length -1: not known) and its reply, and
 * puts RateLimit headers. False: its body is longer than what is left, or nothing is left of the
 * egress window; refused, and answered with 429, or with 413 if it never fits. */
MUST_USE bool quota_gate_meter(struct quota_use *use, const struct principal *principal,
                               const char *command, bool has_body, int64_t content_length);

/* A call that may store something: who is above a soft limit is told so in a Warning header, and
 * now and then in the audit log. */
void quota_gate_warn(struct site *site, struct exchange *exchange,
                     const struct principal *principal, const char *command);

/* Gives back what was not used. {0} is fine. */
void quota_gate_end(struct quota_use *use);

/* How things stand for a principal, as JSON: member.c and operator.c. */
struct caller *quota_gate_caller(struct site *site, const struct principal *principal);

#endif
