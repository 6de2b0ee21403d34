// SPDX-License-Identifier: Apache-2.0
/* What a condition says of a request. */
#include "model.h"

#include <stdio.h>
#include <stdlib.h>

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

bool model_in_group(const struct model *model, const struct model_member *member, int group)
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
            return model_in_group(asking->model, member, i);
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

bool model_condition_applies(const struct model *model, const struct model_request *request,
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
