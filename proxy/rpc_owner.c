// SPDX-License-Identifier: Apache-2.0
#include "conf/id.h"
#include "policy/placement.h"
#include "proxy/clock.h"
#include "proxy/rpc_call.h"

#include <stdio.h>

enum { NS_PER_MS = 1000000 };

static void set_owner(struct owner *owner, enum owner_kind kind, struct slice id)
{
    *owner = (struct owner){.kind = kind};
    snprintf(owner->id, sizeof(owner->id), "%.*s", SLICE_ARGS(id));
}

static bool own_as_group(const struct rpc *rpc, struct slice group, const char *who,
                         struct owner *owner, struct error *err)
{
    if (!principal_has_group(rpc->principal, group))
        return error_set(err, ERROR_REFUSED,
                         "%s: you are not in the group '%.*s', and only its members pin for it",
                         who, SLICE_ARGS(group));
    set_owner(owner, OWNER_GROUP, group);
    return true;
}

/* What a token fixes, a call may repeat and not change. */
static bool own_by_option(const struct rpc *rpc, struct slice text, struct owner *owner,
                          struct error *err)
{
    static const char prefix[] = "group:";
    struct slice fixed = rpc->principal->pin_group;
    struct slice group;

    if (!slice_starts(text, prefix))
        return error_set(
            err, ERROR_SYNTAX,
            "cw-owner is group:NAME, of a group that you are in; without it the pin is "
            "yours");
    group = (struct slice){text.data + sizeof(prefix) - 1, text.size - (sizeof(prefix) - 1)};
    if (fixed.size > 0 && !slice_equal(fixed, group))
        return error_set(err, ERROR_REFUSED, "cw-owner: this token pins for the group '%.*s' alone",
                         SLICE_ARGS(fixed));
    return own_as_group(rpc, group, "cw-owner", owner, err);
}

static bool own_as_member(const struct rpc *rpc, struct slice text, struct owner *owner,
                          struct error *err)
{
    struct slice fixed = rpc->principal->pin_group;

    if (text.data != NULL)
        return own_by_option(rpc, text, owner, err);
    if (fixed.size > 0)
        return own_as_group(rpc, fixed, "this token's pin-group", owner, err);
    set_owner(owner, OWNER_MEMBER, rpc->principal->id);
    return true;
}

/* What cw-label asks for is known, and tighter than what the owner's objects are labelled anyway.
 */
static bool check_asked_labels(const struct policy *policy, const struct policy_object *object,
                               struct slice fixed, struct slice asked, struct error *err)
{
    uint8_t labels[POLICY_LABELS_MAX];
    struct error why = {0};

    if (policy == NULL)
        return error_set(err, ERROR_SYNTAX, "cw-label: without a policy there are no labels");
    if (asked.size + fixed.size >= PIN_LABELS_MAX)
        return error_set(err, ERROR_SYNTAX,
                         "cw-label has at most %d bytes, with those of the token",
                         PIN_LABELS_MAX - 1);
    if (policy_label_object(policy, object, fixed, asked, labels, &why))
        return true;
    return error_set(err, why.code == ERROR_REFUSED ? ERROR_REFUSED : ERROR_SYNTAX, "cw-label: %s",
                     why.text);
}

static bool check_labels(const struct rpc *rpc, const struct owner *owner, struct error *err)
{
    const struct policy *policy = rpc->site->snapshot->policy;
    const struct policy_object object = {.owner = owner};
    const struct slice asked = call_option_text(rpc->call, OPT_CW_LABEL), none = {NULL, 0},
                       fixed = rpc->principal->pin_labels;
    uint8_t labels[POLICY_LABELS_MAX];
    struct error why = {0};

    if (policy != NULL && fixed.size > 0 &&
        !policy_label_object(policy, &object, fixed, none, labels, &why))
        return error_set(
            err, ERROR_REFUSED,
            "this token's pin-label: %s; ask this gateway's operator for another token", why.text);
    return asked.size == 0 || check_asked_labels(policy, &object, fixed, asked, err);
}

void rpc_put_labels(const struct rpc *rpc, struct text *out)
{
    const struct slice asked = call_option_text(rpc->call, OPT_CW_LABEL),
                       fixed = rpc->principal->pin_labels;

    text_put_slice(out, fixed);
    text_put_text(out, fixed.size > 0 && asked.size > 0 ? "," : "");
    text_put_slice(out, asked);
}

static bool find_owner(const struct rpc *rpc, struct owner *owner, struct error *err)
{
    struct slice text = call_option_text(rpc->call, OPT_CW_OWNER);

    if (rpc->site->snapshot->policy == NULL) {
        set_owner(owner, OWNER_OPERATOR, SLICE("operator"));
        return text.data == NULL ||
               error_set(err, ERROR_REFUSED, "cw-owner: without a policy there are no groups");
    }
    if (rpc->principal->kind == PRINCIPAL_MEMBER)
        return own_as_member(rpc, text, owner, err);
    return error_set(err, ERROR_REFUSED,
                     "%s: a pin needs an owner; send a member's token with this request",
                     rpc->call->command->path);
}

bool rpc_owner(const struct rpc *rpc, struct owner *owner, struct error *err)
{
    return find_owner(rpc, owner, err) && check_labels(rpc, owner, err);
}

/* ---- how many copies */

uint32_t rpc_min_copies(const struct rpc *rpc)
{
    uint32_t asked = (uint32_t)call_option_number(rpc->call, OPT_CW_MIN_COPIES, 0),
             fixed = rpc->principal->pin_min_copies;

    return asked > fixed ? asked : fixed;
}

bool rpc_check_copies(const struct rpc *rpc, enum pin_mode mode, struct error *err)
{
    const struct policy *policy = rpc->site->snapshot->policy;
    const char *who = call_has_option(rpc->call, OPT_CW_MIN_COPIES) ? "cw-min-copies"
                                                                    : "this token's pin-min-copies";

    if (rpc_min_copies(rpc) <= 1)
        return true;
    if (rpc->site->context->placer == NULL || policy == NULL || !policy_has_placement(policy))
        return error_set(err, ERROR_REFUSED,
                         "%s: there are no copies at partners: this gateway has no port for them, "
                         "or its policy no section placement",
                         who);
    return mode == PIN_RECURSIVE ||
           error_set(err, ERROR_REFUSED,
                     "%s: copies at partners are of whole objects, and what is pinned direct has "
                     "none; pin it recursively",
                     who);
}

/* ---- how long a pin lasts */

bool rpc_check_own_options(const struct rpc *rpc, struct error *err)
{
    const struct call *call = rpc->call;
    int64_t copies = call_option_number(call, OPT_CW_MIN_COPIES, 1);

    if (copies < 1 || copies > PIN_COPIES_MAX)
        return error_set(err, ERROR_SYNTAX,
                         "cw-min-copies is how many copies there must be, the one here with them: "
                         "1 to %d",
                         PIN_COPIES_MAX);
    if (call_has_option(call, OPT_CW_EXPIRE_IN) &&
        call_option_number(call, OPT_CW_EXPIRE_IN, 0) < NS_PER_MS)
        return error_set(err, ERROR_SYNTAX, "cw-expire-in is a time such as 24h, above 0");
    return true;
}

uint64_t rpc_pin_expires_ms(const struct rpc *rpc)
{
    uint64_t lasts_ms = (uint64_t)call_option_number(rpc->call, OPT_CW_EXPIRE_IN, 0) / NS_PER_MS;
    uint64_t fixed_ms = rpc->principal->pin_expire_ms;

    if (lasts_ms == 0 || (fixed_ms != 0 && fixed_ms < lasts_ms))
        lasts_ms = fixed_ms;
    return lasts_ms == 0 ? 0 : clock_wall_ms() + lasts_ms;
}
