// SPDX-License-Identifier: Apache-2.0
#include "auth/renewal.h"

#include <assert.h>
#include <stddef.h>

#define DAY_S           INT64_C(86400)
#define ISSUER_BEFORE_S (60 * DAY_S)
#define ROOT_BEFORE_S   (365 * DAY_S)
#define ANNOUNCED_S     (30 * DAY_S) /* however long a partner's silence, no longer */
#define KNOWN_S         DAY_S        /* all say so: time for what is under way */
#define RETIRED_S       (30 * DAY_S) /* leaves of the old root ended long before */

static int64_t min(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static bool is_missing(struct renewal_span span)
{
    return span.until_s == 0;
}

static bool covers(struct renewal_span span, int64_t now_s)
{
    return now_s >= span.from_s && now_s < span.until_s;
}

static struct renewal_item item_at(int64_t due_s, int64_t now_s)
{
    return (struct renewal_item){
        .is_due = now_s >= due_s, .due_s = due_s, .too_late_s = RENEWAL_NEVER};
}

/* When span is to be replaced, before_s from its end, by one that ends no later than `above`. */
static int64_t due_of(struct renewal_span span, bool is_attached, int64_t before_s,
                      struct renewal_span above, int64_t now_s)
{
    if (is_missing(span) || !is_attached || !covers(span, now_s))
        return now_s;
    if (above.until_s <= span.until_s)
        return RENEWAL_NEVER;
    return span.until_s - before_s;
}

static struct renewal_item step_leaf(const struct renewal_state *state)
{
    struct renewal_span leaf = state->leaf;
    struct renewal_item item =
        item_at(due_of(leaf, state->leaf_is_of_issuer, (leaf.until_s - leaf.from_s) / 2,
                       state->issuer, state->now_s),
                state->now_s);

    item.too_late_s = is_missing(leaf) ? state->now_s : leaf.until_s;
    item.is_blocked = item.is_due && !covers(state->issuer, state->now_s);
    return item;
}

static struct renewal_item step_issuer(const struct renewal_state *state)
{
    struct renewal_span issuer = state->issuer;
    int64_t before_s = min(ISSUER_BEFORE_S, (issuer.until_s - issuer.from_s) / 3);
    struct renewal_item item =
        item_at(due_of(issuer, state->issuer_is_of_root, before_s, state->root, state->now_s),
                state->now_s);

    item.too_late_s = is_missing(issuer) ? state->now_s : issuer.until_s;
    item.needs_root = true;
    item.is_blocked = item.is_due && !covers(state->root, state->now_s);
    return item;
}

static struct renewal_item step_announce(const struct renewal_state *state)
{
    struct renewal_span root = state->root;
    int64_t before_s = min(ROOT_BEFORE_S, (root.until_s - root.from_s) / 3);
    struct renewal_item item =
        item_at(state->has_next_root ? RENEWAL_NEVER : root.until_s - before_s, state->now_s);

    item.too_late_s = state->has_next_root ? RENEWAL_NEVER : root.until_s;
    item.needs_root = true;
    return item;
}

static struct renewal_item step_switch(const struct renewal_state *state)
{
    int64_t wait_s = state->is_known_to_all ? KNOWN_S : ANNOUNCED_S;
    struct renewal_item item =
        item_at(state->has_next_root ? min(state->announced_s + wait_s, state->root.until_s)
                                     : RENEWAL_NEVER,
                state->now_s);

    item.too_late_s = state->has_next_root ? state->root.until_s : RENEWAL_NEVER;
    item.needs_root = true;
    item.is_blocked = item.is_due && state->has_old_root; /* two are in force at most */
    return item;
}

static struct renewal_item step_retire(const struct renewal_state *state)
{
    struct renewal_item item =
        item_at(state->has_old_root ? state->switched_s + RETIRED_S : RENEWAL_NEVER, state->now_s);

    item.needs_root = true;
    return item;
}

struct renewal_plan renewal_step(const struct renewal_state *state)
{
    struct renewal_plan plan = {
        .items =
            {
                [RENEWAL_LEAF] = step_leaf(state),
                [RENEWAL_ISSUER] = step_issuer(state),
                [RENEWAL_ANNOUNCE_ROOT] = step_announce(state),
                [RENEWAL_SWITCH_ROOT] = step_switch(state),
                [RENEWAL_RETIRE_ROOT] = step_retire(state),
            },
        .wake_s = state->now_s + DAY_S,
    };

    for (size_t i = 0; i < RENEWALS; i++)
        if (plan.items[i].due_s > state->now_s)
            plan.wake_s = min(plan.wake_s, plan.items[i].due_s);
    return plan;
}

const char *renewal_name(enum renewal_what what)
{
    static const char *const names[RENEWALS] = {
        [RENEWAL_LEAF] = "leaf",
        [RENEWAL_ISSUER] = "issuing CA",
        [RENEWAL_ANNOUNCE_ROOT] = "announcement of the next root",
        [RENEWAL_SWITCH_ROOT] = "switch to the next root",
        [RENEWAL_RETIRE_ROOT] = "retirement of the old root",
    };

    assert(what < RENEWALS);
    return names[what];
}
