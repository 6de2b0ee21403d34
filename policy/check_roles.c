// SPDX-License-Identifier: Apache-2.0
/* Roles that nobody has, bindings and lines of roles that change nothing, and what the anonymous
 * may change. */
#include "conf/yaml.h"
#include "policy/check_private.h"
#include "policy/satisfy.h"

static void check_condition(struct check *check, const struct document_condition *condition,
                            const char *what)
{
    if (condition->expression == NULL)
        return;
    if (!expression_can_hold(condition->expression))
        check_finding(check, FINDING_WARNING, condition->node, "this %s can never hold", what);
    else if (!expression_can_fail(condition->expression))
        check_finding(check, FINDING_WARNING, condition->node,
                      "this %s always holds when its values are known: it says nothing", what);
}

/* The line of the role, or of one that it inherits, that allows all commands of the set without a
 * condition; NULL: there is none. `self` is left out, and of two alike the first stays. */
static const struct document_item *covering_item(const struct policy *policy, size_t role,
                                                 const struct document_item *self)
{
    const struct document *document = &policy->document;
    const uint64_t *closure = policy->roles[role].closure;

    for (size_t r = bits_next(closure, document->role_count, 0); r < document->role_count;
         r = bits_next(closure, document->role_count, r + 1))
        for (size_t i = 0; i < document->roles[r].item_count; i++) {
            const struct document_item *item = &document->roles[r].items[i];
            bool is_same = self->where.node == NULL && r == role &&
                           bits_contain(self->set.bits, item->set.bits, COMMAND_SET_WORDS);

            if (item != self && item->where.node == NULL &&
                bits_contain(item->set.bits, self->set.bits, COMMAND_SET_WORDS) &&
                (!is_same || item < self))
                return item;
        }
    return NULL;
}

/* Everybody who has the role is denied all of the line. */
static bool is_denied(const struct check *check, size_t role, const struct document_item *item)
{
    for (size_t id = bits_next(item->set.bits, COMMAND_COUNT, 0); id < COMMAND_COUNT;
         id = bits_next(item->set.bits, COMMAND_COUNT, id + 1))
        if (!bits_contain(check->denied[id], check->role_profiles[role], check->profile_words))
            return false;
    return true;
}

static void check_item(struct check *check, size_t role, const struct document_item *item,
                       bool is_had)
{
    const struct document_item *other;

    if (bits_is_empty(item->set.bits, COMMAND_SET_WORDS))
        return; /* a glob that matches nothing was told */
    check_condition(check, &item->where, "condition");
    other = covering_item(check->policy, role, item);
    if (other != NULL && item->where.node != NULL)
        check_finding(check, FINDING_WARNING, item->where.node,
                      "this condition has no effect: %s:%u allows the same without it",
                      yaml_name(other->node->yaml), other->node->line);
    else if (other != NULL)
        check_finding(check, FINDING_NOTE, item->node, "%s:%u allows this already",
                      yaml_name(other->node->yaml), other->node->line);
    else if (is_had && is_denied(check, role, item))
        check_finding(check, FINDING_WARNING, item->node,
                      "rules deny all of this line to everybody who has the role");
}

static void check_role(struct check *check, size_t i)
{
    const struct document_role *role = &check->policy->document.roles[i];
    bool is_had = !bits_is_empty(check->role_profiles[i], check->profile_words);

    if (!is_had)
        check_finding(check, FINDING_WARNING, role->node, "nobody has the role '%.*s'",
                      SLICE_ARGS(role->id));
    for (size_t j = 0; j < role->item_count; j++)
        check_item(check, i, &role->items[j], is_had);
}

/* A caller without a credential who may change something. */
static void check_anonymous(struct check *check)
{
    static const struct principal anonymous = {.kind = PRINCIPAL_ANONYMOUS};
    const struct policy *policy = check->policy;
    struct text changes = {0};
    size_t count = 0;

    for (int id = 0; id < COMMAND_COUNT && !policy->document.is_report; id++) {
        const struct command *command = catalogue_command((enum command_id)id);

        if ((command->flags & COMMAND_CHANGES) == 0 ||
            policy_access(policy, &anonymous, command->id) < ACCESS_CONDITIONAL)
            continue;
        if (count++ < 4)
            text_put_format(&changes, "%s%s", count > 1 ? ", " : "", command->path);
    }
    if (count > 0)
        findings_add(check->findings, FINDING_WARNING, yaml_name(policy->document.files[0]), 0, 0,
                     "callers without any credential may change things: %s%s", changes.data,
                     count > 4 ? " and more" : "");
    text_dispose(&changes);
}

void check_roles(struct check *check)
{
    const struct document *document = &check->policy->document;

    for (size_t i = 0; i < document->role_count; i++)
        check_role(check, i);
    for (size_t i = 0; i < document->bind_count; i++)
        check_condition(check, &document->binds[i].when, "condition");
    check_anonymous(check);
}
