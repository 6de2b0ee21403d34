// SPDX-License-Identifier: Apache-2.0
/* Why a call is allowed or denied, and what nearly decided otherwise. Pure; allocates. */
#ifndef POLICY_EXPLAIN_H
#define POLICY_EXPLAIN_H

#include "policy/decide.h"

enum explained_what {
    EXPLAINED_DENY,  /* a deny rule */
    EXPLAINED_ALLOW, /* an allow rule */
    EXPLAINED_ROLE,  /* a line of a role */
    EXPLAINED_BIND,  /* a binding to a role that would allow the call */
};

enum explained_state {
    EXPLAINED_HOLDS,   /* it speaks of the call, is meant for the caller, and its condition holds */
    EXPLAINED_FAILS,   /* the same, but its condition does not hold */
    EXPLAINED_PENDING, /* that depends on arguments that were not given */
    EXPLAINED_NOT_MEANT /* it speaks of the call, but is not for the caller */
};

/* One thing of the policy that speaks of the command. */
struct explained {
    enum explained_what what;
    enum explained_state state;
    bool is_report;  /* of mode: report */
    struct slice id; /* of the rule or the role */
    struct policy_place place;
    struct slice condition; /* whole; empty: none */
    struct slice clause;    /* the first part of it that settles it; empty: the whole */
    char *values;           /* "opt.recursive is false"; NULL: nothing is asked for */
};

struct explanation {
    struct decision decision;
    struct explained *items; /* those that hold first */
    size_t count;
};

/* The principal, call and policy must outlive the explanation. */
void policy_explain(const struct policy *policy, const struct principal *principal,
                    const struct call *call, const struct policy_request *request,
                    struct explanation *explanation);
void explanation_dispose(struct explanation *explanation);

/* Lines for a person, the first of them the decision. */
void explanation_put(const struct explanation *explanation, const struct policy *policy,
                     const struct principal *principal, const struct call *call, struct text *out);
/* One JSON object without a newline. */
void explanation_put_json(const struct explanation *explanation, const struct policy *policy,
                          const struct principal *principal, const struct call *call,
                          struct text *out);

#endif
