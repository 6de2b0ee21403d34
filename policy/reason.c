// SPDX-License-Identifier: Apache-2.0
/* Decisions in words. */
#include "ipfs/call_show.h"
#include "policy/policy_private.h"

#include <assert.h>

static const struct {
    const char *cause; /* for logs */
    const char *by;    /* NULL: the id says it */
} causes[] = {
    [DECISION_NEVER] = {"never", "never"},
    [DECISION_UNKNOWN] = {"unknown-member", "unknown-member"},
    [DECISION_EXPIRED] = {"expired", "expired"},
    [DECISION_RULE] = {"rule", NULL},
    [DECISION_TOKEN] = {"token", "token"},
    [DECISION_DEFAULT] = {"default", "default"},
    [DECISION_RIGHT] = {"right", "right"},
    [DECISION_ROLE] = {"role", NULL},
};

static const struct {
    const char *name;
    enum policy_right right;
} rights[] = {{"read-any", RIGHT_READ_ANY}, {"shared-node", RIGHT_SHARED_NODE}};

const char *decision_cause_name(enum decision_cause cause)
{
    return causes[cause].cause;
}

bool decision_is_cause(struct slice name)
{
    for (size_t i = 0; i < ARRAY_SIZE(causes); i++)
        if (causes[i].by != NULL && slice_is(name, causes[i].by))
            return true;
    return false;
}

void decision_put_by(const struct decision *decision, struct text *out)
{
    if (decision->cause == DECISION_ROLE)
        text_put_text(out, "role:");
    if (causes[decision->cause].by != NULL)
        text_put_text(out, causes[decision->cause].by);
    else
        text_put_slice(out, decision->id);
}

static void put_rule_reason(const struct policy *policy, const struct decision *decision,
                            const struct principal *principal, const struct call *call,
                            struct text *out)
{
    const struct policy_rule *rule = policy_rule(policy, decision->rule);

    text_put_format(out, "%s is denied to ", call->command->path);
    principal_put(out, principal);
    text_put_format(out, " by the rule '%.*s' (%s:%u)", SLICE_ARGS(rule->id), rule->place.file,
                    rule->place.line);
    if (rule->message.size > 0)
        text_put_format(out, ": %.*s", SLICE_ARGS(rule->message));
    text_put_text(out, "; who runs this gateway can change the rule");
}

static void put_right_reason(const struct decision *decision, const struct principal *principal,
                             const struct call *call, struct text *out)
{
    const char *right = policy_right_name(
        (decision->needed & RIGHT_SHARED_NODE) != 0 ? RIGHT_SHARED_NODE : RIGHT_READ_ANY);

    text_put_format(out,
                    "%s is denied: it shows or changes what all who use this storage share, and no "
                    "role of ",
                    call->command->path);
    principal_put(out, principal);
    text_put_format(out,
                    " gives the right '%s'%s; who runs this gateway can add `rights: [%s]` to one",
                    right, principal->token_roles == NULL ? "" : " by this token", right);
}

void decision_put_reason(const struct policy *policy, const struct decision *decision,
                         const struct principal *principal, const struct call *call,
                         struct text *out)
{
    const char *path = call->command->path;

    assert(!decision->is_allowed || decision->is_report);
    switch (decision->cause) {
    case DECISION_RULE:
        put_rule_reason(policy, decision, principal, call, out);
        break;
    case DECISION_NEVER:
        text_put_format(out,
                        "%s is not available: it is too dangerous on storage that several people "
                        "share, and no policy opens it; whoever runs the node can run it there",
                        path);
        break;
    case DECISION_UNKNOWN:
        text_put_format(out,
                        "%s is denied: the policy of this gateway knows no member '%s'; who runs "
                        "it can add one",
                        path, call_show(principal->id).text);
        break;
    case DECISION_EXPIRED:
        text_put_format(out,
                        "%s is denied: the membership of '%s' has expired; who runs this gateway "
                        "can extend it in the policy",
                        path, call_show(principal->id).text);
        break;
    case DECISION_TOKEN:
        text_put_format(out,
                        "%s is denied: this token is narrowed to roles that do not allow it; use "
                        "another token, or have one made with more roles",
                        path);
        break;
    case DECISION_RIGHT:
        put_right_reason(decision, principal, call, out);
        break;
    default:
        text_put_format(out, "%s is denied: nothing in the policy of this gateway allows it to ",
                        path);
        principal_put(out, principal);
        text_put_text(out, "; who runs it can bind a role that does");
    }
}

bool policy_right_parse(unsigned *right, struct slice name)
{
    for (size_t i = 0; i < ARRAY_SIZE(rights); i++)
        if (slice_is(name, rights[i].name)) {
            *right = rights[i].right;
            return true;
        }
    return false;
}

const char *policy_right_name(enum policy_right right)
{
    return rights[right == RIGHT_READ_ANY ? 0 : 1].name;
}
