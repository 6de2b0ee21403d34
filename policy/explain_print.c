// SPDX-License-Identifier: Apache-2.0
/* Explanations for people and for programs. */
#include "policy/explain.h"

static const char *const whats[] = {"deny rule", "allow rule", "role", "binding to"};
static const char *const keys[] = {"deny", "allow", "role", "bind"};
static const char *const states[] = {"holds", "fails", "pending", "not_meant"};

static void put_place(const struct policy_place *place, struct text *out)
{
    text_put_format(out, "%s:%u", place->file, place->line);
}

static void put_item(const struct explained *item, struct text *out)
{
    text_put_format(out, "  %s '%.*s' (", whats[item->what], SLICE_ARGS(item->id));
    put_place(&item->place, out);
    text_put_text(out, ")");
    if (item->is_report)
        text_put_text(out, ", report only");
    switch (item->state) {
    case EXPLAINED_HOLDS:
        text_put_text(out, item->condition.size > 0 ? " holds: " : " holds");
        break;
    case EXPLAINED_FAILS:
        text_put_text(out, " does not hold: ");
        break;
    case EXPLAINED_PENDING:
        text_put_text(out, " depends on the arguments: ");
        break;
    case EXPLAINED_NOT_MEANT:
        text_put_text(out, item->what == EXPLAINED_ROLE ? " allows it, and is not bound to the "
                                                          "caller"
                                                        : " is not meant for the caller");
        break;
    }
    text_put_slice(out, item->clause);
    if (item->values != NULL)
        text_put_format(out, "  [%s]", item->values);
    text_put_char(out, '\n');
}

static void put_rights(unsigned rights, struct text *out)
{
    static const enum policy_right all[] = {RIGHT_READ_ANY, RIGHT_SHARED_NODE};
    const char *separator = "  with the rights ";

    for (size_t i = 0; i < ARRAY_SIZE(all); i++)
        if ((rights & all[i]) != 0) {
            text_put_format(out, "%s%s", separator, policy_right_name(all[i]));
            separator = ", ";
        }
    if (rights != 0)
        text_put_char(out, '\n');
}

static void put_summary(const struct explanation *explanation, const struct policy *policy,
                        const struct principal *principal, const struct call *call,
                        struct text *out)
{
    const struct decision *decision = &explanation->decision;

    text_put_text(out, decision->is_allowed ? "allow: " : "deny: ");
    if (!decision->is_allowed || decision->is_report) {
        decision_put_reason(policy, decision, principal, call, out);
        if (decision->is_report)
            text_put_text(out, "; but the policy says mode: report, and blocks nothing");
    } else {
        text_put_format(out, "%s, by ", call->command->path);
        decision_put_by(decision, out);
        text_put_text(out, " (");
        put_place(decision->place, out);
        text_put_char(out, ')');
        if (decision->clause.size > 0)
            text_put_format(out, ", since %.*s", SLICE_ARGS(decision->clause));
        if (!decision->is_final)
            text_put_text(out, "; what follows may still deny it, depending on the arguments");
    }
    text_put_char(out, '\n');
}

void explanation_put(const struct explanation *explanation, const struct policy *policy,
                     const struct principal *principal, const struct call *call, struct text *out)
{
    put_summary(explanation, policy, principal, call, out);
    put_rights(explanation->decision.rights, out);
    for (size_t i = 0; i < explanation->count; i++)
        put_item(&explanation->items[i], out);
}

static void put_string(struct text *out, const char *name, struct slice value)
{
    text_put_format(out, ",\"%s\":\"", name);
    text_put_json(out, value);
    text_put_char(out, '"');
}

static void put_json_place(struct text *out, const struct policy_place *place)
{
    put_string(out, "file", slice_of(place->file));
    text_put_format(out, ",\"line\":%u,\"column\":%u", place->line, place->column);
}

static void put_json_item(const struct explained *item, struct text *out)
{
    text_put_format(out, "{\"what\":\"%s\",\"state\":\"%s\"", keys[item->what],
                    states[item->state]);
    put_string(out, "id", item->id);
    put_json_place(out, &item->place);
    text_put_format(out, ",\"report_only\":%s", item->is_report ? "true" : "false");
    if (item->condition.size > 0) {
        put_string(out, "condition", item->condition);
        put_string(out, "clause", item->clause);
    }
    if (item->values != NULL)
        put_string(out, "values", slice_of(item->values));
    text_put_char(out, '}');
}

void explanation_put_json(const struct explanation *explanation, const struct policy *policy,
                          const struct principal *principal, const struct call *call,
                          struct text *out)
{
    const struct decision *decision = &explanation->decision;
    struct text part = {0};

    text_put_format(out, "{\"decision\":\"%s\",\"final\":%s,\"report_only\":%s",
                    decision->is_allowed ? "allow" : "deny", decision->is_final ? "true" : "false",
                    decision->is_report ? "true" : "false");
    put_string(out, "cause", slice_of(decision_cause_name(decision->cause)));
    decision_put_by(decision, &part);
    put_string(out, "by", text_slice(&part));
    text_clear(&part);
    principal_put(&part, principal);
    put_string(out, "principal", text_slice(&part));
    put_string(out, "command", slice_of(call->command->path));
    if (decision->place != NULL)
        put_json_place(out, decision->place);
    text_clear(&part);
    if (!decision->is_allowed || decision->is_report) {
        decision_put_reason(policy, decision, principal, call, &part);
        put_string(out, "reason", text_slice(&part));
    }
    text_put_format(out, ",\"read_any\":%s,\"shared_node\":%s",
                    (decision->rights & RIGHT_READ_ANY) != 0 ? "true" : "false",
                    (decision->rights & RIGHT_SHARED_NODE) != 0 ? "true" : "false");
    put_string(out, "policy", slice_of(policy_hash(policy)));
    text_put_text(out, ",\"considered\":[");
    for (size_t i = 0; i < explanation->count; i++) {
        text_put_text(out, i > 0 ? "," : "");
        put_json_item(&explanation->items[i], out);
    }
    text_put_text(out, "]}");
    text_dispose(&part);
}
