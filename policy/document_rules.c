// SPDX-License-Identifier: Apache-2.0
/* rules. */
#include "policy/reader.h"

#include "ipfs/call_show.h"

/* What decisions are called that no rule made. */
static bool read_rule_id(struct reader *reader, const struct yaml_node *node,
                         struct document_rule *rule)
{
    const struct yaml_node *id = reader_need(reader, node, "id");

    rule->node = id;
    if (id == NULL || !reader_id(reader, id, "rule", &rule->id))
        return false;
    if (!decision_is_cause(rule->id))
        return true;
    return reader_fault(reader, id,
                        "'%.*s' is what a decision is called that no rule made; give the rule "
                        "another id",
                        SLICE_ARGS(rule->id));
}

/* allow or deny, and the commands. */
static bool read_rule_effect(struct reader *reader, const struct yaml_node *node,
                             struct document_rule *rule)
{
    const struct yaml_node *allow = yaml_get(node, "allow"), *deny = yaml_get(node, "deny");

    if ((allow == NULL) == (deny == NULL))
        return reader_fault(reader, node,
                            "a rule has either 'allow' or 'deny', with the commands "
                            "behind it");
    rule->is_deny = deny != NULL;
    return reader_commands(reader, rule->is_deny ? deny : allow,
                           rule->is_deny ? PATTERN_DENY : PATTERN_ALLOW, &rule->set);
}

/* A deny rule without `to` is for everyone; an allow rule says whom it lets in. */
static bool read_rule_subjects(struct reader *reader, const struct yaml_node *node,
                               struct document_rule *rule)
{
    const struct yaml_node *to = yaml_get(node, "to"), *except = yaml_get(node, "except");
    struct subject *everyone;
    bool is_fine = true;

    if (to == NULL && !rule->is_deny)
        return reader_fault(reader, node,
                            "an allow rule says to whom: add 'to'; \"*\" is everyone, "
                            "anonymous callers too");
    if (to != NULL) {
        is_fine = reader_subjects(reader, to, false, &rule->to);
    } else {
        everyone = reader_alloc(reader, 1, sizeof(*everyone));
        *everyone = (struct subject){.kind = SUBJECT_EVERYONE, .ref = {.node = node}};
        rule->to = (struct subjects){everyone, 1};
    }
    if (except != NULL)
        is_fine = reader_subjects(reader, except, false, &rule->except) && is_fine;
    return is_fine;
}

static bool read_rule_condition(struct reader *reader, const struct yaml_node *node,
                                struct document_rule *rule)
{
    const struct yaml_node *when = yaml_get(node, "when"), *unless = yaml_get(node, "unless");

    if (when != NULL && unless != NULL)
        return reader_fault(reader, unless,
                            "a rule has 'when' or 'unless', not both; join the "
                            "conditions with 'and not (...)'");
    rule->is_unless = unless != NULL;
    if (when == NULL && unless == NULL)
        return true;
    return reader_condition(reader, when != NULL ? when : unless, &rule->set, &rule->condition);
}

static bool read_rule_rest(struct reader *reader, const struct yaml_node *node,
                           struct document_rule *rule)
{
    const struct yaml_node *mode = yaml_get(node, "mode"), *message = yaml_get(node, "message");
    struct slice text = {0};

    if (message != NULL) {
        if (!reader_text(reader, message, &rule->message))
            return false;
        if (rule->message.size > 300 || memchr(rule->message.data, '\n', rule->message.size))
            return reader_fault(reader, message, "a message is one line of at most 300 bytes");
        if (!rule->is_deny)
            return reader_fault(reader, message,
                                "only a deny rule has a message: nobody is told "
                                "why something is allowed");
    }
    if (mode == NULL)
        return true;
    if (!reader_text(reader, mode, &text))
        return false;
    rule->is_report = slice_is(text, "report");
    if (rule->is_report || slice_is(text, "enforce"))
        return true;
    return reader_fault(reader, mode, "mode is enforce or report, not '%s'", call_show(text).text);
}

static bool read_rule(struct reader *reader, const struct yaml_node *node,
                      struct document_rule *rule)
{
    static const char *const known[] = {"id",   "allow",  "deny", "to",      "except",
                                        "when", "unless", "mode", "message", NULL};
    bool is_fine = reader_keys(reader, node, known);

    if (node->kind != YAML_MAPPING)
        return false;
    is_fine = read_rule_id(reader, node, rule) && is_fine;
    if (!read_rule_effect(reader, node, rule))
        return false;
    is_fine = read_rule_subjects(reader, node, rule) && is_fine;
    is_fine = read_rule_condition(reader, node, rule) && is_fine;
    return read_rule_rest(reader, node, rule) && is_fine;
}

void document_read_rules(struct reader *reader, const struct section *section)
{
    struct document *document = reader->document;
    size_t room = section->items < DOCUMENT_RULES_MAX ? section->items : DOCUMENT_RULES_MAX;

    document->rules = reader_alloc(reader, room, sizeof(*document->rules));
    if (room < section->items)
        reader_fault(reader, section->nodes[0], "there are more than %d rules", DOCUMENT_RULES_MAX);
    for (size_t f = 0; f < section->count; f++)
        for (size_t i = 0; i < section->nodes[f]->count && document->rule_count < room; i++) {
            struct document_rule *rule = &document->rules[document->rule_count];

            if (read_rule(reader, section->nodes[f]->items[i], rule))
                document->rule_count++;
            else
                *rule = (struct document_rule){0};
        }
    reader_sort(reader, document->rules, document->rule_count, sizeof(*document->rules), "rule",
                &document->rule_names);
}
