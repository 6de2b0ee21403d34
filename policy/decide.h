// SPDX-License-Identifier: Apache-2.0
/* One decision: may this principal make this call, now? Pure; any thread; allocates nothing.
 *
 * A call is decided as soon as its head is known. What is not known yet is said by `pending`: as
 * long as only that stands between the call and an "allow", the decision allows, is_final is false,
 * and the caller decides again when it knows. A denial is always final. */
#ifndef POLICY_DECIDE_H
#define POLICY_DECIDE_H

#include "ipfs/call.h"
#include "policy/policy.h"

enum policy_right {
    RIGHT_READ_ANY = 1 << 0,    /* "read-any": read what is only found in the network */
    RIGHT_SHARED_NODE = 1 << 1, /* "shared-node": see and change what all members share */
};

enum policy_pending {
    /* More arguments are to come in the body. call->wants_body says the same. */
    PENDING_ARGUMENTS = 1 << 0,
    /* Names (/ipns/..) and paths below a CID will be replaced by the CID they resolve to. */
    PENDING_NAMES = 1 << 1,
};

/* What is known of a request besides the principal (with its address) and the call. A value that is
 * not known is missing to the conditions that ask for it. */
struct policy_request {
    uint64_t now_ms;        /* ms since 1970, UTC; 0: not known */
    int64_t content_length; /* of the body; 0: there is none; -1: not known (chunked) */
    unsigned pending;       /* enum policy_pending */
    bool ignores_expiry;    /* for tests, which have no time of their own */
};

enum decision_cause {
    /* Denials. */
    DECISION_NEVER,   /* no policy opens this command */
    DECISION_UNKNOWN, /* the member is not in the policy */
    DECISION_EXPIRED, /* the member's `expires` is past */
    DECISION_RULE,    /* a deny rule; also an allow rule, when is_allowed */
    DECISION_TOKEN,   /* the token is narrowed to roles that do not allow it */
    DECISION_DEFAULT, /* nothing allows it */
    DECISION_RIGHT,   /* it is allowed, but no role gives the right that it needs: rights.h */
    /* Permissions. */
    DECISION_ROLE, /* a role that the principal is bound to */
};

enum { DECISION_REPORTS_MAX = 8 };

/* Rules of `mode: report` whose condition held: they decided nothing. */
struct decision_report {
    uint32_t rule;     /* for policy_rule() */
    bool would_change; /* enforced, it would have changed the outcome */
};

/* Everything is borrowed from the policy. */
struct decision {
    bool is_allowed;
    bool is_final;
    /* The document says `mode: report`: it is allowed, although `cause` denies it. */
    bool is_report;
    enum decision_cause cause;
    uint32_t rule;                    /* of DECISION_RULE, for policy_rule() */
    struct slice id;                  /* of the rule or the role that decided; empty: neither */
    const struct policy_place *place; /* of the rule, or the line in the role; NULL: neither */
    struct slice clause;              /* the condition that held there; empty: it has none */
    unsigned rights;                  /* enum policy_right, when allowed */
    unsigned needed;                  /* of DECISION_RIGHT: those that are missing */
    uint32_t report_count;            /* of a final decision; may exceed what `reports` holds */
    struct decision_report reports[DECISION_REPORTS_MAX];
};

void policy_decide(const struct policy *policy, const struct principal *principal,
                   const struct call *call, const struct policy_request *request,
                   struct decision *decision);

/* Whether a principal may use a command at all, before anything is known of a call: for lists of
 * commands, and for comparing policies. */
enum policy_access {
    ACCESS_NEVER, /* no policy opens the command */
    ACCESS_DENIED,
    ACCESS_CONDITIONAL, /* that depends on the call or the circumstances */
    ACCESS_ALLOWED,
};
enum policy_access policy_access(const struct policy *policy, const struct principal *principal,
                                 enum command_id command);
const char *policy_access_name(enum policy_access access);

/* "rule", "role", "default": for logs and metrics. */
const char *decision_cause_name(enum decision_cause cause);

/* What logs and tests call it: "pin-shape", "role:writer", "default", "never", "token",
 * "right", "unknown-member", "expired". */
void decision_put_by(const struct decision *decision, struct text *out);

/* Whether that is the name of a decision that no rule made. */
bool decision_is_cause(struct slice name);

/* One complete sentence for the caller of a denied call: what, by which rule and line, its message,
 * how to get it changed. */
void decision_put_reason(const struct policy *policy, const struct decision *decision,
                         const struct principal *principal, const struct call *call,
                         struct text *out);

/* False: no such right. */
bool policy_right_parse(unsigned *right, struct slice name);
const char *policy_right_name(enum policy_right right);

#endif
