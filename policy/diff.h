// SPDX-License-Identifier: Apache-2.0
/* What changes for whom between two policies. Pure; allocates. */
#ifndef POLICY_DIFF_H
#define POLICY_DIFF_H

#include "policy/decide.h"
#include "policy/grants.h"

struct policy_change {
    enum command_id command; /* COMMAND_COUNT: it is about a right */
    enum policy_right right;
    enum policy_access before, after; /* both conditional: the conditions changed */
};

enum changed_kind {
    CHANGED_ROLE,
    CHANGED_GROUP,
    CHANGED_MEMBER,
    CHANGED_PARTNER,
    CHANGED_ANONYMOUS
};

/* Those for whom the same changes. */
struct policy_changed {
    enum changed_kind kind;
    const struct slice *names; /* roles and groups: one; members and partners: all alike; a partner
                                  without a name is any that is not named. Borrowed */
    size_t name_count;
    const struct policy_change *changes; /* in the order of commands, rights last */
    size_t change_count;
};

/* What is granted to a partner; not both NULL. */
struct policy_grant_change {
    const struct policy_grant *before, *after; /* NULL: nothing */
};

struct policy_diff {
    struct policy_changed *items; /* roles, groups, members, partners, anonymous; none unchanged */
    size_t count;
    struct policy_grant_change *grants; /* none unchanged */
    size_t grant_count;
};

/* What is in one policy alone had, or will have, nothing. Both policies must outlive the diff. */
void policy_diff(const struct policy *before, const struct policy *after, struct policy_diff *diff);
void policy_diff_dispose(struct policy_diff *diff);

/* Lines for a person; "no rights change" if nothing does. */
void policy_diff_put(const struct policy_diff *diff, struct text *out);
/* One JSON object a line, for every name and change. */
void policy_diff_put_json(const struct policy_diff *diff, struct text *out);

#endif
