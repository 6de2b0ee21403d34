// SPDX-License-Identifier: Apache-2.0
/* What a policy means, in the plainest way. */
#include "model.h"
#include "policy/decide.h"

#include <stdio.h>
#include <stdlib.h>

/* --- Commands --- */

/* `*` is any characters but a slash. */
static bool segments_match(const char *glob, const char *path)
{
    if (glob[0] == '\0')
        return path[0] == '\0';
    if (strncmp(glob, "**", 2) == 0 && (glob[2] == '/' || glob[2] == '\0')) {
        const char *rest = glob[2] == '/' ? glob + 3 : glob + 2;
        const char *at = path;

        for (;;) { /* any number of whole segments */
            const char *slash = strchr(at, '/');

            if (glob[2] == '\0' || segments_match(rest, at))
                return true;
            if (slash == NULL)
                return false;
            at = slash + 1;
        }
    }
    if (glob[0] == '*')
        return segments_match(glob + 1, path) ||
               (path[0] != '\0' && path[0] != '/' && segments_match(glob, path + 1));
    /* "refs/..." with any number of segments behind may end here */
    if (path[0] == '\0' && strcmp(glob, "/**") == 0)
        return true;
    return glob[0] == path[0] && segments_match(glob + 1, path + 1);
}

static bool braces_match(const char *glob, const char *path)
{
    const char *open = strchr(glob, '{'), *close, *at;
    char text[200];

    if (open == NULL)
        return segments_match(glob, path);
    close = strchr(open, '}');
    for (at = open + 1; at <= close; at += strcspn(at, ",}") + 1) {
        snprintf(text, sizeof(text), "%.*s%.*s%s", (int)(open - glob), glob, (int)strcspn(at, ",}"),
                 at, close + 1);
        if (braces_match(text, path))
            return true;
    }
    return false;
}

static bool pattern_names(const char *pattern, const struct command *command, bool is_allow)
{
    if (is_allow && command->danger == DANGER_NEVER)
        return false;
    if (strncmp(pattern, "class:", 6) == 0)
        return strcmp(pattern + 6, command_class_name(command->class)) == 0;
    if (strcmp(pattern, "**") == 0 && is_allow)
        return command->class == CLASS_TOOL || command->class == CLASS_READ ||
               command->class == CLASS_WRITE || command->class == CLASS_PIN;
    return braces_match(pattern, command->path);
}

static bool patterns_name(const char *const *patterns, int count, const struct command *command,
                          bool is_allow)
{
    for (int i = 0; i < count; i++)
        if (pattern_names(patterns[i], command, is_allow))
            return true;
    return false;
}

/* --- Values --- */

enum answer { NO, YES, UNKNOWN };

struct value {
    bool is_there;
    int64_t number;
    char text[256];
};

struct asking {
    const struct model *model;
    const struct model_request *request;
    int argument; /* which one `arg` is; -1: there is none */
};

static const struct model_member *member_of(const struct asking *asking)
{
    const struct model_request *request = asking->request;

    return request->kind == PRINCIPAL_MEMBER && request->who < asking->model->member_count
               ? &asking->model->members[request->who]
               : NULL;
}

static void set_text(struct value *value, const char *text)
{
    value->is_there = text != NULL;
    if (text != NULL)
        snprintf(value->text, sizeof(value->text), "%s", text);
}

static void set_number(struct value *value, bool is_there, int64_t number)
{
    value->is_there = is_there;
    value->number = number;
}

static const struct model_argument *argument_of(const struct asking *asking, int index)
{
    int place = index < 0 ? asking->argument : index;

    if (place < 0 || place >= asking->request->argument_count)
        return NULL;
    return &asking->request->arguments[place];
}

static const char *id_of(const struct model_request *request)
{
    return request->kind == PRINCIPAL_MEMBER     ? model_members[request->who]
           : request->kind == PRINCIPAL_PARTNER  ? model_partners[request->who]
           : request->kind == PRINCIPAL_OPERATOR ? "root"
                                                 : NULL;
}

static void load_of_arguments(const struct asking *asking, const struct model_node *node,
                              struct value *value)
{
    const struct model_argument *argument = argument_of(asking, node->index);

    if (argument == NULL)
        return;
    if (node->ref == REF_ARGUMENT || (node->ref == REF_PATH && argument->is_path))
        set_text(value, argument->text);
    else if (node->ref == REF_CODEC && argument->is_cid)
        set_text(value, argument->codec);
    else if (node->ref == REF_CID_VERSION && argument->is_cid)
        set_number(value, true, argument->version);
}

static struct value load(const struct asking *asking, const struct model_node *node)
{
    static const char *const days[] = {"thu", "fri", "sat", "sun", "mon", "tue", "wed"};
    const struct model_request *request = asking->request;
    const struct model_member *member = member_of(asking);
    struct value value = {.is_there = false};

    switch (node->ref) {
    case REF_RECURSIVE:
        set_number(&value, request->recursive >= 0, request->recursive);
        break;
    case REF_PIN:
        set_number(&value, request->pin >= 0, request->pin);
        break;
    case REF_NAME:
        set_text(&value, request->name);
        break;
    case REF_CHUNKER:
        set_text(&value, request->chunker);
        break;
    case REF_VERSION:
        set_number(&value, request->has_version, request->version);
        break;
    case REF_TO_FILES:
        set_text(&value, request->to_files);
        break;
    case REF_IGNORE:
        value.is_there = request->ignore_count > 0;
        break;
    case REF_TIMEOUT:
        set_number(&value, request->timeout_s >= 0, request->timeout_s);
        break;
    case REF_COUNT:
        set_number(&value, true, request->argument_count);
        break;
    case REF_NAME_SIZE:
        set_number(&value, request->name != NULL,
                   request->name != NULL ? (int64_t)strlen(request->name) : 0);
        break;
    case REF_LENGTH:
        set_number(&value, request->length >= 0, request->length);
        break;
    case REF_ID:
        set_text(&value, id_of(request));
        break;
    case REF_KIND:
        set_text(&value, principal_kind_name(request->kind));
        break;
    case REF_GROUPS:
        value.is_there = true;
        break;
    case REF_CLEARANCE:
        set_number(&value, member != NULL && member->has_clearance,
                   member != NULL ? member->clearance : 0);
        break;
    case REF_TEAM:
        set_text(&value, member != NULL && member->has_team ? member->team : NULL);
        break;
    case REF_SOURCE:
        value.is_there = request->has_source;
        break;
    case REF_HOUR:
        set_number(&value, request->now_ms > 0, (int64_t)(request->now_ms / 3600000 % 24));
        break;
    case REF_WEEKDAY:
        set_text(&value, request->now_ms > 0 ? days[request->now_ms / 86400000 % 7] : NULL);
        break;
    default:
        load_of_arguments(asking, node, &value);
    }
    return value;
}

/* --- Comparisons --- */

/* "/a/b" out of "//a/./b/". */
static void clean_path(const char *path, char out[256])
{
    size_t size = 0;

    while (*path != '\0') {
        size_t segment = strcspn(path, "/");

        if (segment > 0 && !(segment == 1 && path[0] == '.'))
            size += (size_t)snprintf(out + size, 256 - size, "/%.*s", (int)segment, path);
        path += segment + (path[segment] == '/');
    }
    out[size] = '\0';
}

static bool is_under(const char *path, const char *base)
{
    char a[256], b[256];

    clean_path(path, a);
    clean_path(base, b);
    return strncmp(a, b, strlen(b)) == 0 && (a[strlen(b)] == '/' || a[strlen(b)] == '\0');
}

static bool is_same_path(const char *path, const char *other)
{
    char a[256], b[256];

    clean_path(path, a);
    clean_path(other, b);
    return strcmp(a, b) == 0;
}

static bool is_like(const char *text, const char *glob)
{
    if (*glob == '\0')
        return *text == '\0';
    if (*glob == '*')
        return is_like(text, glob + 1) || (*text != '\0' && is_like(text + 1, glob));
    return *text == *glob && is_like(text + 1, glob + 1);
}

static bool address_in(const struct model_request *request, const char *network)
{
    static const struct {
        const char *text;
        bool is_v6;
        unsigned bits;
        uint8_t bytes[4];
    } networks[] = {
        {"10.0.0.0/8", false, 8, {10}},
        {"10.1.0.0/16", false, 16, {10, 1}},
        {"192.0.2.0/24", false, 24, {192, 0, 2}},
        {"192.0.2.7", false, 32, {192, 0, 2, 7}},
        {"fd00::/8", true, 8, {0xfd}},
        {"0.0.0.0/0", false, 0, {0}},
    };

    for (size_t i = 0; i < ARRAY_SIZE(networks); i++) {
        if (strcmp(network, networks[i].text) != 0)
            continue;
        if (request->is_v6 != networks[i].is_v6)
            return false;
        return memcmp(request->source, networks[i].bytes, networks[i].bits / 8) == 0;
    }
    abort();
}

static bool is_in_group(const struct model *model, const struct model_member *member, int group)
{
    for (int i = 0; i < model->group_count; i++)
        if ((member->groups >> i & 1) != 0)
            for (int at = i; at >= 0; at = model->parents[at])
                if (at == group)
                    return true;
    return false;
}

static bool holds(const struct asking *asking, const struct model_node *node)
{
    const struct model_request *request = asking->request;
    const struct model_member *member = member_of(asking);

    if (node->ref == REF_IGNORE) {
        for (int i = 0; i < request->ignore_count; i++)
            if (strcmp(request->ignore[i], node->texts[0]) == 0)
                return true;
        return false;
    }
    for (int i = 0; member != NULL && i < asking->model->group_count; i++) {
        char name[8];

        snprintf(name, sizeof(name), "g%d", i);
        if (strcmp(name, node->texts[0]) == 0)
            return is_in_group(asking->model, member, i);
    }
    return false;
}

static bool is_path(enum model_ref ref)
{
    return ref == REF_PATH || ref == REF_TO_FILES;
}

static bool is_number(enum model_ref ref)
{
    return ref == REF_RECURSIVE || ref == REF_PIN || ref == REF_VERSION || ref == REF_TIMEOUT ||
           ref == REF_CID_VERSION || ref == REF_COUNT || ref == REF_NAME_SIZE ||
           ref == REF_LENGTH || ref == REF_CLEARANCE || ref == REF_HOUR;
}

static bool equals(const struct model_node *node, const struct value *value, const char *text)
{
    if (is_number(node->ref))
        return value->number == node->number;
    return is_path(node->ref) ? is_same_path(value->text, text) : strcmp(value->text, text) == 0;
}

static bool is_one_of(const struct asking *asking, const struct model_node *node,
                      const struct value *value)
{
    for (int i = 0; i < node->text_count; i++)
        if (node->ref == REF_SOURCE ? address_in(asking->request, node->texts[i])
                                    : equals(node, value, node->texts[i]))
            return true;
    return false;
}

/* Comparisons of numbers with the number of the atom. */
static bool test_number(const struct model_node *node, int64_t number)
{
    return node->test == TEST_LESS            ? number < node->number
           : node->test == TEST_LESS_EQUAL    ? number <= node->number
           : node->test == TEST_GREATER       ? number > node->number
           : node->test == TEST_GREATER_EQUAL ? number >= node->number
                                              : number >= node->number && number <= node->upper;
}

static enum answer answer_of(bool is_yes)
{
    return is_yes ? YES : NO;
}

/* The values that stand on the right may be missing too. */
static enum answer test_pair(const struct asking *asking, const struct model_node *node,
                             const struct value *value)
{
    struct model_node team = {.ref = REF_TEAM};
    struct value other = load(asking, &team);
    char home[256];

    if (node->test == TEST_TEAM)
        return other.is_there ? answer_of(strcmp(value->text, other.text) == 0) : UNKNOWN;
    if (id_of(asking->request) == NULL)
        return UNKNOWN;
    snprintf(home, sizeof(home), "/home/%s", id_of(asking->request));
    return answer_of(is_under(value->text, home));
}

static enum answer test_atom(const struct asking *asking, const struct model_node *node)
{
    struct value value = load(asking, node);

    if (node->test == TEST_HAS)
        return answer_of(value.is_there);
    if (!value.is_there)
        return UNKNOWN;
    switch (node->test) {
    case TEST_TRUE:
        return answer_of(value.number != 0);
    case TEST_EQUAL:
        return answer_of(equals(node, &value, node->texts[0]));
    case TEST_UNEQUAL:
        return answer_of(!equals(node, &value, node->texts[0]));
    case TEST_IN:
        return answer_of(is_one_of(asking, node, &value));
    case TEST_UNDER:
        return answer_of(is_under(value.text, node->texts[0]));
    case TEST_LIKE:
        return answer_of(is_like(value.text, node->texts[0]));
    case TEST_HOLDS:
        return answer_of(holds(asking, node));
    case TEST_TEAM:
    case TEST_AT_HOME:
        return test_pair(asking, node, &value);
    default:
        return answer_of(test_number(node, value.number));
    }
}

static enum answer test_node(const struct asking *asking, const struct model_condition *condition,
                             int place)
{
    const struct model_node *node = &condition->nodes[place];
    enum answer left, right;

    if (node->kind == NODE_ATOM)
        return test_atom(asking, node);
    left = test_node(asking, condition, node->left);
    if (node->kind == NODE_NOT)
        return left == UNKNOWN ? UNKNOWN : left == YES ? NO : YES;
    right = test_node(asking, condition, node->right);
    if (node->kind == NODE_AND)
        return left == NO || right == NO ? NO : left == YES && right == YES ? YES : UNKNOWN;
    return left == YES || right == YES ? YES : left == NO && right == NO ? NO : UNKNOWN;
}

static bool speaks_of_each(const struct model_condition *condition)
{
    for (int i = 0; i < condition->count; i++)
        if (condition->nodes[i].kind == NODE_ATOM && condition->nodes[i].index < 0 &&
            (condition->nodes[i].ref == REF_ARGUMENT || condition->nodes[i].ref == REF_PATH ||
             condition->nodes[i].ref == REF_CODEC || condition->nodes[i].ref == REF_CID_VERSION))
            return true;
    return false;
}

/* An allow has to hold for every argument; a deny is met by one. What is unknown does not allow,
 * and does deny. */
static bool condition_applies(const struct model *model, const struct model_request *request,
                              const struct model_condition *condition, bool is_unless, bool is_deny)
{
    struct asking asking = {model, request, -1};
    int count = 1;

    if (!condition->is_there)
        return true;
    if (speaks_of_each(condition) && request->argument_count > 0) {
        count = request->argument_count;
        asking.argument = 0;
    }
    for (int i = 0; i < count; i++) {
        enum answer answer;

        if (asking.argument >= 0)
            asking.argument = i;
        answer = test_node(&asking, condition, condition->root);
        if (is_unless && answer != UNKNOWN)
            answer = answer == YES ? NO : YES;
        if (is_deny && answer != NO)
            return true;
        if (!is_deny && answer != YES)
            return false;
    }
    return !is_deny;
}

/* --- Who is meant --- */

static bool subject_means(const struct model *model, const struct model_request *request,
                          const struct model_subject *subject)
{
    bool is_member = request->kind == PRINCIPAL_MEMBER;

    switch (subject->kind) {
    case WHO_EVERYONE:
        return true;
    case WHO_MEMBERS:
        return is_member;
    case WHO_MEMBER:
        return is_member && request->who == subject->index;
    case WHO_GROUP:
        return is_member && is_in_group(model, &model->members[request->who], subject->index);
    case WHO_PARTNERS:
        return request->kind == PRINCIPAL_PARTNER;
    case WHO_PARTNER:
        return request->kind == PRINCIPAL_PARTNER && request->who == subject->index;
    default:
        return request->kind == PRINCIPAL_ANONYMOUS;
    }
}

static bool subjects_mean(const struct model *model, const struct model_request *request,
                          const struct model_subjects *subjects)
{
    for (int i = 0; i < subjects->count; i++)
        if (subject_means(model, request, &subjects->items[i]))
            return true;
    return false;
}

static bool rule_is_meant(const struct model *model, const struct model_request *request,
                          const struct model_rule *rule)
{
    return (!rule->has_to || subjects_mean(model, request, &rule->to)) &&
           !subjects_mean(model, request, &rule->except);
}

static bool rule_applies(const struct model *model, const struct model_request *request,
                         const struct model_rule *rule)
{
    return patterns_name(rule->patterns, rule->pattern_count, request->command, !rule->is_deny) &&
           rule_is_meant(model, request, rule) &&
           condition_applies(model, request, &rule->condition, rule->is_unless, rule->is_deny);
}

/* --- Roles --- */

static unsigned with_inherited(const struct model *model, unsigned roles)
{
    for (int i = model->role_count - 1; i >= 0; i--) /* they inherit from smaller numbers */
        if ((roles >> i & 1) != 0)
            roles |= model->roles[i].inherits;
    return roles;
}

static unsigned roles_of(const struct model *model, const struct model_request *request)
{
    unsigned roles = 0;

    for (int i = 0; i < model->bind_count; i++)
        if (subjects_mean(model, request, &model->binds[i].to) &&
            condition_applies(model, request, &model->binds[i].when, false, false))
            roles |= model->binds[i].roles;
    return with_inherited(model, roles);
}

/* The first role that allows without asking, else the first that allows; -1: none. */
static int allowing_role(const struct model *model, const struct model_request *request,
                         unsigned roles)
{
    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < model->role_count; i++)
            for (int j = 0; j < model->roles[i].item_count; j++) {
                const struct model_item *item = &model->roles[i].items[j];

                if ((roles >> i & 1) != 0 && item->where.is_there == (pass == 1) &&
                    patterns_name(item->patterns, item->pattern_count, request->command, true) &&
                    condition_applies(model, request, &item->where, false, false))
                    return i;
            }
    return -1;
}

static unsigned rights_of(const struct model *model, unsigned roles)
{
    unsigned rights = 0;

    for (int i = 0; i < model->role_count; i++)
        if ((roles >> i & 1) != 0)
            rights |= model->roles[i].rights;
    return rights;
}

/* Everything in the file tree and the keystore, what is in the name of the node, and what tells of
 * the others. */
static bool touches_what_is_shared(const struct model_request *request)
{
    static const char *const prefixes[] = {"files/",   "key/",        "name/pu", "pubsub/",
                                           "bitswap/", "pin/remote/", "ping"};
    static const char *const whole[] = {"provide/once", "refs/local",      "repo/ls",
                                        "routing/put",  "routing/provide", "routing/reprovide",
                                        "stats/bitswap"};
    const char *path = request->command->path;

    if (strcmp(path, "add") == 0)
        return request->to_files != NULL;
    if (strcmp(path, "files/stat") == 0 && request->argument_count > 0)
        return !request->arguments[0].is_cid;
    if (strcmp(path, "files/stat") == 0)
        return false;
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
        if (strncmp(path, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++)
        if (strcmp(path, whole[i]) == 0)
            return true;
    return false;
}

/* The first rule of that effect that applies; -1: none. */
static int applying_rule(const struct model *model, const struct model_request *request,
                         bool is_deny)
{
    for (int i = 0; i < model->rule_count; i++)
        if (model->rules[i].is_deny == is_deny && !model->rules[i].is_report &&
            rule_applies(model, request, &model->rules[i]))
            return i;
    return -1;
}

/* --- Decisions --- */

static void add_reports(const struct model *model, const struct model_request *request,
                        struct model_decision *decision)
{
    for (int i = 0; i < model->rule_count; i++) {
        const struct model_rule *rule = &model->rules[i];

        if (!rule->is_report || !rule_applies(model, request, rule))
            continue;
        decision->reports |= 1U << i;
        if (rule->is_deny ? decision->is_allowed : strcmp(decision->by, "default") == 0)
            decision->would_change |= 1U << i;
    }
}

static void decide(const struct model *model, const struct model_request *request,
                   struct model_decision *decision)
{
    bool is_never = request->command->danger == DANGER_NEVER;
    unsigned roles = roles_of(model, request);
    unsigned ceiling =
        with_inherited(model, request->token_roles & ((1U << model->role_count) - 1));
    int denying = applying_rule(model, request, true);
    int role = allowing_role(model, request, roles);
    int allowing = role >= 0 ? -1 : applying_rule(model, request, false);
    bool is_in_token = !request->is_narrowed || allowing_role(model, request, ceiling) >= 0;
    unsigned rights =
        rights_of(model, roles) & (request->is_narrowed ? rights_of(model, ceiling) : ~0U);

    if (denying >= 0)
        snprintf(decision->by, sizeof(decision->by), "rule%d", denying);
    else if (is_never)
        strcpy(decision->by, "never");
    else if (role < 0 && allowing < 0)
        strcpy(decision->by, "default");
    else if (!is_in_token)
        strcpy(decision->by, "token");
    else if (touches_what_is_shared(request) && (rights & RIGHT_SHARED_NODE) == 0)
        strcpy(decision->by, "right");
    else
        decision->is_allowed = true;
    if (decision->is_allowed && role >= 0)
        snprintf(decision->by, sizeof(decision->by), "role:role%d", role);
    else if (decision->is_allowed)
        snprintf(decision->by, sizeof(decision->by), "rule%d", allowing);
    add_reports(model, request, decision);
    if (!decision->is_allowed && model->is_report && is_in_token && !is_never &&
        (request->kind == PRINCIPAL_MEMBER || request->kind == PRINCIPAL_ANONYMOUS))
        decision->is_allowed = decision->is_report = true;
    if (decision->is_allowed)
        decision->rights = rights;
}

void model_decide(const struct model *model, const struct model_request *request,
                  struct model_decision *decision)
{
    *decision = (struct model_decision){.is_allowed = false};
    if (request->kind == PRINCIPAL_MEMBER) {
        uint64_t expires;

        if (request->who >= model->member_count) {
            strcpy(decision->by, "unknown-member");
            return;
        }
        expires = (uint64_t)model->members[request->who].expires_day * 86400000;
        if (expires > 0 && (request->now_ms == 0 || request->now_ms >= expires)) {
            strcpy(decision->by, "expired");
            return;
        }
    }
    decide(model, request, decision);
}
