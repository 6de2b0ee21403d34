// SPDX-License-Identifier: Apache-2.0
/* A model as YAML: its items in random order, in random files, in random ways of writing them. */
#include "model.h"

#include <inttypes.h>
#include <stdio.h>

enum { ORDER_MAX = 16 };

/* 0..count-1 in random order. */
static void shuffle(int *order, int count, struct dice *dice)
{
    for (int i = 0; i < count; i++) {
        int place = (int)dice_throw(dice, (uint64_t)i + 1);

        order[i] = order[place];
        order[place] = i;
    }
}

/* --- Conditions --- */

/* A text in quotes of the language; `outer` is the quote that YAML uses around it all. */
static void put_quoted(struct text *out, const char *text, struct dice *dice)
{
    char quote = dice_is(dice, 70) ? '\'' : '"';

    text_put_char(out, quote);
    for (; *text != '\0'; text++) {
        text_put_char(out, *text);
        if (*text == quote)
            text_put_char(out, quote);
    }
    text_put_char(out, quote);
}

static void put_ref(struct text *out, const struct model_node *node)
{
    static const char *const texts[] = {
        [REF_RECURSIVE] = "opt.recursive",
        [REF_NAME] = "opt.name",
        [REF_PIN] = "opt.pin",
        [REF_CHUNKER] = "opt.chunker",
        [REF_VERSION] = "opt.cid-version",
        [REF_TO_FILES] = "opt.to-files",
        [REF_IGNORE] = "opt.ignore",
        [REF_TIMEOUT] = "opt.timeout",
        [REF_COUNT] = "len(args)",
        [REF_NAME_SIZE] = "len(opt.name)",
        [REF_LENGTH] = "req.content_length",
        [REF_ID] = "principal.id",
        [REF_KIND] = "principal.kind",
        [REF_GROUPS] = "principal.groups",
        [REF_CLEARANCE] = "attributes.clearance",
        [REF_TEAM] = "attributes.team",
        [REF_SOURCE] = "net.src",
        [REF_HOUR] = "time.hour",
        [REF_WEEKDAY] = "time.weekday",
    };
    char argument[16] = "arg";

    if (node->index >= 0)
        snprintf(argument, sizeof(argument), "args[%d]", node->index);
    switch (node->ref) {
    case REF_ARGUMENT:
        text_put_text(out, argument);
        break;
    case REF_PATH:
        text_put_format(out, "%s.path", argument);
        break;
    case REF_CODEC:
        text_put_format(out, "cid.codec(%s)", argument);
        break;
    case REF_CID_VERSION:
        text_put_format(out, "cid.version(%s)", argument);
        break;
    default:
        text_put_text(out, texts[node->ref]);
    }
}

static void put_number(struct text *out, const struct model_node *node, int64_t number)
{
    if (node->ref == REF_TIMEOUT)
        text_put_format(out, "%" PRId64 "s", number);
    else if (node->ref == REF_RECURSIVE || node->ref == REF_PIN)
        text_put_text(out, number != 0 ? "true" : "false");
    else if (node->ref == REF_LENGTH && number == INT64_C(5) << 30)
        text_put_text(out, "5GiB");
    else
        text_put_format(out, "%" PRId64, number);
}

static bool is_text(const struct model_node *node)
{
    return node->text_count > 0;
}

static void put_constant(struct text *out, const struct model_node *node, struct dice *dice)
{
    if (is_text(node))
        put_quoted(out, node->texts[0], dice);
    else
        put_number(out, node, node->number);
}

static void put_list(struct text *out, const struct model_node *node, struct dice *dice)
{
    text_put_char(out, '[');
    for (int i = 0; i < node->text_count; i++) {
        text_put_text(out, i > 0 ? ", " : "");
        if (node->ref == REF_SOURCE && dice_is(dice, 70))
            text_put_text(out, node->texts[i]);
        else
            put_quoted(out, node->texts[i], dice);
    }
    text_put_char(out, ']');
}

static void put_atom(struct text *out, const struct model_node *node, struct dice *dice)
{
    static const char *const signs[] = {
        [TEST_EQUAL] = "==",      [TEST_UNEQUAL] = "!=",    [TEST_LESS] = "<",
        [TEST_LESS_EQUAL] = "<=", [TEST_GREATER] = ">",     [TEST_GREATER_EQUAL] = ">=",
        [TEST_UNDER] = "under",   [TEST_LIKE] = "like",     [TEST_IN] = "in",
        [TEST_RANGE] = "in",      [TEST_AT_HOME] = "under", [TEST_TEAM] = "==",
    };

    if (node->test == TEST_HAS) {
        text_put_text(out, "has(");
        put_ref(out, node);
        text_put_char(out, ')');
        return;
    }
    if (node->test == TEST_HOLDS) {
        put_quoted(out, node->texts[0], dice);
        text_put_text(out, " in ");
        put_ref(out, node);
        return;
    }
    put_ref(out, node);
    if (node->test == TEST_TRUE)
        return;
    text_put_format(out, " %s ", signs[node->test]);
    if (node->test == TEST_IN) {
        put_list(out, node, dice);
    } else if (node->test == TEST_RANGE) {
        put_number(out, node, node->number);
        text_put_text(out, "..");
        put_number(out, node, node->upper);
    } else if (node->test == TEST_AT_HOME) {
        text_put_text(out, "'/home/' + principal.id");
    } else if (node->test == TEST_TEAM) {
        text_put_text(out, "attributes.team");
    } else {
        put_constant(out, node, dice);
    }
}

static int strength(const struct model_node *node)
{
    return node->kind == NODE_OR ? 0 : node->kind == NODE_AND ? 1 : 2;
}

static void put_node(struct text *out, const struct model_condition *condition, int place,
                     int least, struct dice *dice)
{
    const struct model_node *node = &condition->nodes[place];
    bool has_parentheses = strength(node) < least || dice_is(dice, 10);

    text_put_text(out, has_parentheses ? "(" : "");
    switch (node->kind) {
    case NODE_ATOM:
        put_atom(out, node, dice);
        break;
    case NODE_NOT:
        text_put_text(out, "not (");
        put_node(out, condition, node->left, 0, dice);
        text_put_char(out, ')');
        break;
    default:
        put_node(out, condition, node->left, strength(node), dice);
        text_put_text(out, node->kind == NODE_AND ? " and " : " or ");
        put_node(out, condition, node->right, strength(node) + 1, dice);
    }
    text_put_text(out, has_parentheses ? ")" : "");
}

/* ", KEY: "..."" with the quotes of YAML around it. */
static void put_condition(struct text *out, const char *key,
                          const struct model_condition *condition, struct dice *dice)
{
    struct text inner = {0};

    if (!condition->is_there)
        return;
    put_node(&inner, condition, condition->root, 0, dice);
    text_put_format(out, ", %s: \"", key);
    for (size_t i = 0; i < inner.size; i++) {
        if (inner.data[i] == '"')
            text_put_char(out, '\\');
        text_put_char(out, inner.data[i]);
    }
    text_put_char(out, '"');
    text_dispose(&inner);
}

/* --- Parts --- */

static void put_subject(struct text *out, const struct model_subject *subject)
{
    static const char *const whole[] = {[WHO_EVERYONE] = "*",
                                        [WHO_MEMBERS] = "member:*",
                                        [WHO_PARTNERS] = "partner:*",
                                        [WHO_ANONYMOUS] = "anonymous"};

    switch (subject->kind) {
    case WHO_MEMBER:
        text_put_format(out, "\"member:%s\"", model_members[subject->index]);
        break;
    case WHO_GROUP:
        text_put_format(out, "\"group:g%d\"", subject->index);
        break;
    case WHO_PARTNER:
        text_put_format(out, "\"partner:%s\"", model_partners[subject->index]);
        break;
    default:
        text_put_format(out, "\"%s\"", whole[subject->kind]);
    }
}

static void put_subjects(struct text *out, const char *key, const struct model_subjects *subjects,
                         struct dice *dice)
{
    int order[ORDER_MAX];
    bool is_list = subjects->count > 1 || dice_is(dice, 50);

    text_put_format(out, "%s: %s", key, is_list ? "[" : "");
    shuffle(order, subjects->count, dice);
    for (int i = 0; i < subjects->count; i++) {
        text_put_text(out, i > 0 ? ", " : "");
        put_subject(out, &subjects->items[order[i]]);
    }
    text_put_text(out, is_list ? "]" : "");
}

static void put_patterns(struct text *out, const char *const *patterns, int count,
                         struct dice *dice)
{
    bool is_list = count > 1 || dice_is(dice, 50);
    int order[ORDER_MAX] = {0};

    shuffle(order, count, dice);
    text_put_text(out, is_list ? "[" : "");
    for (int i = 0; i < count; i++)
        text_put_format(out, "%s\"%s\"", i > 0 ? ", " : "", patterns[order[i]]);
    text_put_text(out, is_list ? "]" : "");
}

static void put_names(struct text *out, const char *prefix, unsigned bits, struct dice *dice)
{
    const char *separator = "";
    int order[ORDER_MAX];

    shuffle(order, ORDER_MAX, dice);
    text_put_char(out, '[');
    for (int i = 0; i < ORDER_MAX; i++)
        if ((bits >> order[i] & 1) != 0) {
            text_put_format(out, "%s%s%d", separator, prefix, order[i]);
            separator = ", ";
        }
    text_put_char(out, ']');
}

static void put_member(struct text *out, const struct model *model, int i, struct dice *dice)
{
    const struct model_member *member = &model->members[i];

    text_put_format(out, "  %s: {", model_members[i]);
    if (member->has_clearance || member->has_team) {
        text_put_text(out, "attributes: {");
        if (member->has_clearance)
            text_put_format(out, "clearance: %" PRId64 "%s", member->clearance,
                            member->has_team ? ", " : "");
        if (member->has_team)
            text_put_format(out, "team: %s",
                            strcmp(member->team, "m") == 0 ? "\"m\"" : member->team);
        text_put_text(out, "}, ");
    }
    if (member->expires_day > 0) /* 20000 is 2024-10-04 */
        text_put_format(out, "expires: 2024-10-%02d, ", (int)(member->expires_day - 20000 + 4));
    if (member->groups != 0) {
        text_put_text(out, "groups: ");
        put_names(out, "g", member->groups, dice);
    }
    text_put_text(out, "}\n");
}

static void put_group(struct text *out, const struct model *model, int i, struct dice *dice)
{
    (void)dice;
    if (model->parents[i] >= 0)
        text_put_format(out, "  g%d: {parent: g%d}\n", i, model->parents[i]);
    else
        text_put_format(out, "  g%d: {}\n", i);
}

static void put_item(struct text *out, const struct model_item *item, struct dice *dice)
{
    if (!item->where.is_there) { /* alone, one line each */
        for (int i = 0; i < item->pattern_count; i++)
            text_put_format(out, "      - \"%s\"\n", item->patterns[i]);
        return;
    }
    text_put_text(out, "      - {command: ");
    put_patterns(out, item->patterns, item->pattern_count, dice);
    put_condition(out, "where", &item->where, dice);
    text_put_text(out, "}\n");
}

static void put_role(struct text *out, const struct model *model, int i, struct dice *dice)
{
    static const char *const rights[] = {"", "[read-any]", "shared-node",
                                         "[shared-node, read-any]"};
    const struct model_role *role = &model->roles[i];
    int order[ORDER_MAX];

    text_put_format(out, "  role%d:\n", i);
    if (role->inherits != 0) {
        text_put_text(out, "    inherits: ");
        put_names(out, "role", role->inherits, dice);
        text_put_char(out, '\n');
    }
    text_put_text(out, "    allow:\n");
    shuffle(order, role->item_count, dice);
    for (int j = 0; j < role->item_count; j++)
        put_item(out, &role->items[order[j]], dice);
    if (role->rights != 0)
        text_put_format(out, "    rights: %s\n", rights[role->rights]);
}

static void put_bind(struct text *out, const struct model *model, int i, struct dice *dice)
{
    const struct model_bind *bind = &model->binds[i];

    text_put_text(out, "  - {roles: ");
    put_names(out, "role", bind->roles, dice);
    text_put_text(out, ", ");
    put_subjects(out, "to", &bind->to, dice);
    put_condition(out, "when", &bind->when, dice);
    text_put_text(out, "}\n");
}

static void put_rule(struct text *out, const struct model *model, int i, struct dice *dice)
{
    const struct model_rule *rule = &model->rules[i];

    text_put_format(out, "  - {id: rule%d, %s: ", i, rule->is_deny ? "deny" : "allow");
    put_patterns(out, rule->patterns, rule->pattern_count, dice);
    if (rule->has_to) {
        text_put_text(out, ", ");
        put_subjects(out, "to", &rule->to, dice);
    }
    if (rule->except.count > 0) {
        text_put_text(out, ", ");
        put_subjects(out, "except", &rule->except, dice);
    }
    if (rule->is_report)
        text_put_text(out, ", mode: report");
    put_condition(out, rule->is_unless ? "unless" : "when", &rule->condition, dice);
    text_put_text(out, "}\n");
}

/* --- Files --- */

/* One section, its items dealt out to the files. */
static void put_section(const struct model *model, struct dice *dice, struct text *files, int count,
                        const char *name, int items,
                        void (*put)(struct text *, const struct model *, int, struct dice *))
{
    struct text parts[8] = {{0}};
    int order[ORDER_MAX];

    shuffle(order, items, dice);
    for (int i = 0; i < items; i++)
        put(&parts[dice_throw(dice, (uint64_t)count)], model, order[i], dice);
    for (int f = 0; f < count; f++) {
        if (parts[f].size > 0)
            text_put_format(&files[f], "%s:\n%s", name, parts[f].data);
        text_dispose(&parts[f]);
    }
}

void model_print(const struct model *model, struct dice *dice, struct text *files, int count)
{
    static const struct {
        const char *name;
        void (*put)(struct text *, const struct model *, int, struct dice *);
    } sections[] = {{"groups", put_group},
                    {"members", put_member},
                    {"roles", put_role},
                    {"bind", put_bind},
                    {"rules", put_rule}};
    const int counts[] = {model->group_count, model->member_count, model->role_count,
                          model->bind_count, model->rule_count};
    int order[ORDER_MAX];

    for (int f = 0; f < count; f++)
        text_put_text(&files[f], "version: 1\n");
    text_put_text(&files[dice_throw(dice, (uint64_t)count)], "org: lab.example\n");
    if (model->is_report)
        text_put_text(&files[dice_throw(dice, (uint64_t)count)], "mode: report\n");
    shuffle(order, (int)ARRAY_SIZE(sections), dice);
    for (size_t i = 0; i < ARRAY_SIZE(sections); i++)
        put_section(model, dice, files, count, sections[order[i]].name, counts[order[i]],
                    sections[order[i]].put);
}
