// SPDX-License-Identifier: Apache-2.0
#include "conf/id.h"
#include "proxy/rpc_call.h"

#include <stdio.h>

static void set_owner(struct owner *owner, enum owner_kind kind, struct slice id)
{
    *owner = (struct owner){.kind = kind};
    snprintf(owner->id, sizeof(owner->id), "%.*s", SLICE_ARGS(id));
}

static bool own_by_option(const struct rpc *rpc, struct slice text, struct owner *owner,
                          struct error *err)
{
    static const char prefix[] = "group:";
    struct slice group;

    if (!slice_starts(text, prefix))
        return error_set(
            err, ERROR_SYNTAX,
            "cw-owner is group:NAME, of a group that you are in; without it the pin is "
            "yours");
    group = (struct slice){text.data + sizeof(prefix) - 1, text.size - (sizeof(prefix) - 1)};
    if (!principal_has_group(rpc->principal, group))
        return error_set(err, ERROR_REFUSED,
                         "cw-owner: you are not in the group '%.*s', and only its members pin for "
                         "it",
                         SLICE_ARGS(group));
    set_owner(owner, OWNER_GROUP, group);
    return true;
}

bool rpc_owner(const struct rpc *rpc, struct owner *owner, struct error *err)
{
    struct slice text = call_option_text(rpc->call, OPT_CW_OWNER);

    if (rpc->site->snapshot->policy == NULL) {
        set_owner(owner, OWNER_OPERATOR, SLICE("operator"));
        return text.data == NULL ||
               error_set(err, ERROR_REFUSED, "cw-owner: without a policy there are no groups");
    }
    if (rpc->principal->kind != PRINCIPAL_MEMBER)
        return error_set(err, ERROR_REFUSED,
                         "%s: a pin needs an owner; send a member's token with this request",
                         rpc->call->command->path);
    if (text.data != NULL)
        return own_by_option(rpc, text, owner, err);
    set_owner(owner, OWNER_MEMBER, rpc->principal->id);
    return true;
}
