// SPDX-License-Identifier: Apache-2.0
/* What of an organization's identity is to be renewed, and when.
 *
 * Pure: `renewal_step(state) -> plan`; the time is in the state. identity.h carries it out.
 *
 *   what            due                                                    needs the root's key
 *   leaf            at half its life                                       no
 *   issuing CA      60 days before its end (a third of its life at most)   yes
 *   announce root   a year before the root's end (a third of its life)     yes
 *   switch root     30 days after it was announced, or when every partner  yes, both
 *                   has the document and it has stood a day
 *   retire root     30 days after the switch                               yes, the new one
 *
 * At once: what is missing, is over, begins in the future (the clock was ahead when it was made),
 * or hangs below what was replaced. What would end no later than what there is (because what signs
 * it ends) is not due: the other is. Signing keys have no end of their own; they are replaced when
 * an operator says so. */
#ifndef AUTH_RENEWAL_H
#define AUTH_RENEWAL_H

#include <stdbool.h>
#include <stdint.h>

#define RENEWAL_NEVER INT64_MAX

enum renewal_what {
    RENEWAL_LEAF,
    RENEWAL_ISSUER,
    RENEWAL_ANNOUNCE_ROOT,
    RENEWAL_SWITCH_ROOT,
    RENEWAL_RETIRE_ROOT,
    RENEWALS,
};

/* {0}: there is none. */
struct renewal_span {
    int64_t from_s, until_s;
};

struct renewal_state {
    int64_t now_s;
    struct renewal_span leaf, issuer, root;
    bool leaf_is_of_issuer;
    bool issuer_is_of_root; /* the root that is first in force */
    bool has_next_root;
    int64_t announced_s;  /* with a next root: when it was first listed */
    bool is_known_to_all; /* every partner that is not gone has said that it has the document */
    bool has_old_root;    /* a second one in force */
    int64_t switched_s;   /* with an old root: when the first one came into force */
};

struct renewal_item {
    bool is_due;
    int64_t due_s;      /* when it becomes due, or did; RENEWAL_NEVER: as things are, not */
    int64_t too_late_s; /* from then on links fail for want of it; RENEWAL_NEVER: they do not */
    bool needs_root;
    bool is_blocked; /* not before another one that is due */
};

struct renewal_plan {
    struct renewal_item items[RENEWALS]; /* by enum renewal_what; to be done in this order reversed:
                                            roots, then issuing CA, then leaf */
    int64_t wake_s;                      /* when to look again at the latest; at most a day */
};

struct renewal_plan renewal_step(const struct renewal_state *state);

/* "issuing CA" */
const char *renewal_name(enum renewal_what what);

#endif
