// SPDX-License-Identifier: Apache-2.0
/* Random policies and random requests. */
#include "model.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

const char *const model_members[MEMBERS_MAX + 1] = {"alice", "bob",   "carol", "dave",
                                                    "erin",  "frank", "zed"};
const char *const model_partners[3] = {"beta", "gamma", "delta"};

uint64_t dice_throw(struct dice *dice, uint64_t below)
{
    uint64_t z;

    assert(below > 0);
    z = dice->state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (z ^ z >> 31) % below;
}

static const char *pick(struct dice *dice, const char *const *of, size_t count)
{
    assert(of != NULL);
    return of[dice_throw(dice, count)];
}
#define PICK(dice, of) pick(dice, of, ARRAY_SIZE(of))

/* --- Pools --- */

/* What a condition may speak of depends on what its commands have in common. */
enum family { FAMILY_ANY, FAMILY_PIN, FAMILY_FILES, FAMILY_ADD, FAMILY_READ, FAMILIES };

static const char *const any_allow[] = {"add",         "cat",
                                        "pin/add",     "pin/ls",
                                        "id",          "key/gen",
                                        "refs/**",     "pin/*",
                                        "files/**",    "**",
                                        "*",           "*/ls",
                                        "class:read",  "class:tool",
                                        "class:write", "class:files",
                                        "class:pin",   "class:key",
                                        "**/add",      "k*/*",
                                        "{add,cat}",   "block/{get,put}",
                                        "p*/l*",       "{pin,files}/{ls,rm}",
                                        "nothing/*"};
static const char *const any_deny[] = {
    "add",       "cat",        "pin/add",      "pin/*",    "files/**",    "**",
    "*",         "*/ls",       "repo/**",      "shutdown", "config/*",    "**/gc",
    "class:pin", "class:read", "{key,repo}/*", "refs/**",  "pin/{add,rm}"};
static const char *const pin_patterns[] = {"pin/add", "{pin/add}", "p*n/add", "pin/ad*"};
static const char *const files_patterns[] = {"files/mkdir", "files/rm", "files/{read,ls}",
                                             "files/l*", "files/{mkdir,rm,read,ls}"};
static const char *const add_patterns[] = {"add", "{add}", "ad*"};
static const char *const read_patterns[] = {"cat", "block/get", "{cat,dag/get}", "b*k/get"};

static const struct {
    const char *const *patterns;
    size_t count;
} families[] = {
    [FAMILY_PIN] = {pin_patterns, ARRAY_SIZE(pin_patterns)},
    [FAMILY_FILES] = {files_patterns, ARRAY_SIZE(files_patterns)},
    [FAMILY_ADD] = {add_patterns, ARRAY_SIZE(add_patterns)},
    [FAMILY_READ] = {read_patterns, ARRAY_SIZE(read_patterns)},
};

#define CID_PB   "bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi"
#define CID_RAW  "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy"
#define CID_CBOR "bafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua"
#define CID_V0   "QmbWqxBEKC3P8tqsKc98xmWNzrzDtRLMiMPL8wBuTGsMnR"

static const struct {
    const char *text, *codec;
    int version;
} cids[] = {
    {CID_PB, "dag-pb", 1}, {CID_RAW, "raw", 1}, {CID_CBOR, "dag-cbor", 1}, {CID_V0, "dag-pb", 0}};

#define PATH_RAW "/ipfs/bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy"

static const char *const argument_texts[] = {CID_PB,        PATH_RAW, CID_V0, "/ipns/docs.example",
                                             "/home/alice", "/lab"};
static const char *const argument_globs[] = {"baf*",      "/ipfs/*", "*",    "*docs*",
                                             "/home/*/x", "Qm*",     "*a*b*"};
static const char *const names[] = {"museum-1", "museum-2", "theatre", "m", "it's", "a\"b", "red"};
static const char *const name_globs[] = {"museum-*", "*-1", "*e*t*e", "m", "*", "it*s"};
static const char *const chunkers[] = {"size-1048576", "rabin", "buzhash"};
static const char *const teams[] = {"red", "blue", "m"};
static const char *const paths[] = {"/",    "/home",       "/home/alice", "/home/bob/x",
                                    "/lab", "/lab//a/./b", "/home/alicex"};
static const char *const codecs[] = {"dag-pb", "raw", "dag-cbor"};
static const char *const networks[] = {"10.0.0.0/8", "10.1.0.0/16", "192.0.2.0/24",
                                       "192.0.2.7",  "fd00::/8",    "0.0.0.0/0"};
static const char *const kinds[] = {"member", "partner", "operator", "anonymous"};
static const char *const weekdays[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
static const char *const group_names[] = {"g0", "g1", "g2", "g3", "g4"};
static const int64_t sizes[] = {0, 1, 1000, 1 << 20, INT64_C(5) << 30};

/* --- Conditions --- */

static enum model_ref pick_ref(struct dice *dice, enum family family)
{
    static const enum model_ref common[] = {REF_LENGTH, REF_ID,        REF_KIND,
                                            REF_GROUPS, REF_CLEARANCE, REF_TEAM,
                                            REF_SOURCE, REF_HOUR,      REF_WEEKDAY};
    static const enum model_ref pin[] = {REF_RECURSIVE,   REF_NAME,   REF_ARGUMENT,
                                         REF_CODEC,       REF_COUNT,  REF_NAME_SIZE,
                                         REF_CID_VERSION, REF_TIMEOUT};
    static const enum model_ref files[] = {REF_PATH, REF_ARGUMENT, REF_COUNT};
    static const enum model_ref add[] = {REF_PIN,      REF_CHUNKER, REF_VERSION,
                                         REF_TO_FILES, REF_IGNORE,  REF_TIMEOUT};
    static const enum model_ref read[] = {REF_ARGUMENT, REF_CODEC, REF_COUNT, REF_CID_VERSION};

    if (dice_is(dice, 35))
        family = FAMILY_ANY;
    switch (family) {
    case FAMILY_PIN:
        return pin[dice_throw(dice, ARRAY_SIZE(pin))];
    case FAMILY_FILES:
        return files[dice_throw(dice, ARRAY_SIZE(files))];
    case FAMILY_ADD:
        return add[dice_throw(dice, ARRAY_SIZE(add))];
    case FAMILY_READ:
        return read[dice_throw(dice, ARRAY_SIZE(read))];
    default:
        return common[dice_throw(dice, ARRAY_SIZE(common))];
    }
}

static void set_texts(struct model_node *node, struct dice *dice, const char *const *pool,
                      size_t count)
{
    node->text_count = node->test == TEST_IN ? 1 + (int)dice_throw(dice, 4) : 1;
    for (int i = 0; i < node->text_count; i++)
        node->texts[i] = pick(dice, pool, count);
}

static void make_number_test(struct model_node *node, struct dice *dice, int64_t below)
{
    static const enum model_test tests[] = {TEST_EQUAL,   TEST_UNEQUAL,       TEST_LESS,
                                            TEST_GREATER, TEST_GREATER_EQUAL, TEST_LESS_EQUAL,
                                            TEST_RANGE};

    node->test = tests[dice_throw(dice, ARRAY_SIZE(tests))];
    node->number = node->ref == REF_LENGTH ? sizes[dice_throw(dice, ARRAY_SIZE(sizes))]
                                           : (int64_t)dice_throw(dice, (uint64_t)below);
    node->upper = node->number + (int64_t)dice_throw(dice, 8);
}

static void make_text_test(struct model_node *node, struct dice *dice, const char *const *pool,
                           size_t count, const char *const *globs, size_t glob_count)
{
    static const enum model_test tests[] = {TEST_EQUAL, TEST_UNEQUAL, TEST_IN, TEST_LIKE};

    node->test = tests[dice_throw(dice, globs == NULL ? 3 : 4)];
    if (node->test == TEST_LIKE)
        set_texts(node, dice, globs, glob_count);
    else
        set_texts(node, dice, pool, count);
}

static void make_path_test(struct model_node *node, struct dice *dice)
{
    static const enum model_test tests[] = {TEST_UNDER, TEST_UNDER,   TEST_AT_HOME,
                                            TEST_EQUAL, TEST_UNEQUAL, TEST_IN};

    node->test = tests[dice_throw(dice, ARRAY_SIZE(tests))];
    set_texts(node, dice, paths, ARRAY_SIZE(paths));
}

static void make_truth_test(struct model_node *node, struct dice *dice)
{
    static const enum model_test tests[] = {TEST_TRUE, TEST_EQUAL, TEST_UNEQUAL};

    node->test = tests[dice_throw(dice, ARRAY_SIZE(tests))];
    node->number = (int64_t)dice_throw(dice, 2);
}

static void make_atom(struct model_node *node, struct dice *dice, enum family family)
{
    node->kind = NODE_ATOM;
    node->ref = pick_ref(dice, family);
    node->index = -1;
    /* only these families have three arguments; the others have one */
    if ((family == FAMILY_PIN) && dice_is(dice, 40))
        node->index = (int)dice_throw(dice, 3);
    if (dice_is(dice, 15) && node->ref != REF_GROUPS && node->ref != REF_NAME_SIZE &&
        node->ref != REF_COUNT) {
        node->test = TEST_HAS;
        return;
    }
    switch (node->ref) {
    case REF_RECURSIVE:
    case REF_PIN:
        make_truth_test(node, dice);
        break;
    case REF_NAME:
        if (dice_is(dice, 15))
            node->test = TEST_TEAM;
        else
            make_text_test(node, dice, names, ARRAY_SIZE(names), name_globs,
                           ARRAY_SIZE(name_globs));
        break;
    case REF_CHUNKER:
        make_text_test(node, dice, chunkers, ARRAY_SIZE(chunkers), name_globs,
                       ARRAY_SIZE(name_globs));
        break;
    case REF_ARGUMENT:
        make_text_test(node, dice, argument_texts, ARRAY_SIZE(argument_texts), argument_globs,
                       ARRAY_SIZE(argument_globs));
        break;
    case REF_TEAM:
        make_text_test(node, dice, teams, ARRAY_SIZE(teams), name_globs, ARRAY_SIZE(name_globs));
        break;
    case REF_ID:
        make_text_test(node, dice, model_members, MEMBERS_MAX, name_globs, ARRAY_SIZE(name_globs));
        break;
    case REF_CODEC:
        make_text_test(node, dice, codecs, ARRAY_SIZE(codecs), NULL, 0);
        break;
    case REF_KIND:
        make_text_test(node, dice, kinds, ARRAY_SIZE(kinds), NULL, 0);
        break;
    case REF_WEEKDAY:
        make_text_test(node, dice, weekdays, ARRAY_SIZE(weekdays), NULL, 0);
        break;
    case REF_SOURCE:
        node->test = TEST_IN;
        set_texts(node, dice, networks, ARRAY_SIZE(networks));
        break;
    case REF_TO_FILES:
    case REF_PATH:
        make_path_test(node, dice);
        break;
    case REF_IGNORE:
        node->test = TEST_HOLDS;
        set_texts(node, dice, names, ARRAY_SIZE(names));
        break;
    case REF_GROUPS:
        node->test = TEST_HOLDS;
        set_texts(node, dice, group_names, 1); /* g0 is always there */
        break;
    default:
        make_number_test(node, dice, node->ref == REF_HOUR ? 24 : 5);
    }
}

/* The place of a new node. */
static int make_node(struct model_condition *condition, struct dice *dice, enum family family,
                     int depth)
{
    int place = condition->count++;
    struct model_node node = {.kind = NODE_ATOM};
    uint64_t kind = dice_throw(dice, 10);

    if (depth == 0 || kind < 4) {
        make_atom(&node, dice, family);
    } else {
        node.kind = kind < 5 ? NODE_NOT : kind < 8 ? NODE_AND : NODE_OR;
        node.left = make_node(condition, dice, family, depth - 1);
        if (node.kind != NODE_NOT)
            node.right = make_node(condition, dice, family, depth - 1);
    }
    condition->nodes[place] = node;
    return place;
}

static void make_condition(struct model_condition *condition, struct dice *dice, enum family family)
{
    condition->is_there = true;
    condition->count = 0;
    condition->root = make_node(condition, dice, family, (int)dice_throw(dice, 4));
}

/* --- Policies --- */

static void make_subjects(struct model_subjects *subjects, const struct model *model,
                          struct dice *dice)
{
    subjects->count = 1 + (int)dice_throw(dice, 3);
    for (int i = 0; i < subjects->count; i++) {
        struct model_subject *subject = &subjects->items[i];

        subject->kind = (enum model_subject_kind)dice_throw(dice, 7);
        subject->index =
            (int)dice_throw(dice, subject->kind == WHO_MEMBER  ? (uint64_t)model->member_count
                                  : subject->kind == WHO_GROUP ? (uint64_t)model->group_count
                                                               : 2); /* delta is never named */
    }
}

/* Patterns, and perhaps a condition that fits them. */
static int make_patterns(const char **patterns, bool is_deny, struct model_condition *condition,
                         struct dice *dice)
{
    enum family family = (enum family)dice_throw(dice, FAMILIES);
    int count = 1;

    condition->is_there = false;
    if (family == FAMILY_ANY || dice_is(dice, 20)) {
        count = 1 + (int)dice_throw(dice, 3);
        for (int i = 0; i < count; i++)
            patterns[i] = is_deny ? PICK(dice, any_deny) : PICK(dice, any_allow);
        family = FAMILY_ANY;
    } else {
        patterns[0] = pick(dice, families[family].patterns, families[family].count);
    }
    /* a pattern that matches nothing may have no condition: there is nothing to check it against */
    if (dice_is(dice, 65) && strcmp(patterns[0], "nothing/*") != 0)
        make_condition(condition, dice, family);
    return count;
}

static void make_people(struct model *model, struct dice *dice)
{
    model->group_count = 1 + (int)dice_throw(dice, GROUPS_MAX);
    for (int i = 0; i < model->group_count; i++)
        model->parents[i] = i > 0 && dice_is(dice, 50) ? (int)dice_throw(dice, (uint64_t)i) : -1;
    model->member_count = 2 + (int)dice_throw(dice, MEMBERS_MAX - 1);
    for (int i = 0; i < model->member_count; i++) {
        struct model_member *member = &model->members[i];

        *member = (struct model_member){
            .groups = (unsigned)dice_throw(dice, 1U << model->group_count),
            .has_clearance = i == 0 || dice_is(dice, 60),
            .has_team = i == 0 || dice_is(dice, 60),
            .clearance = (int64_t)dice_throw(dice, 4),
            .team = PICK(dice, teams),
            .expires_day = dice_is(dice, 15) ? 20000 + (int64_t)dice_throw(dice, 3) : 0,
        };
        if (dice_is(dice, 40))
            member->groups &= (unsigned)dice_throw(dice, 1U << model->group_count);
    }
}

static void make_roles(struct model *model, struct dice *dice)
{
    model->role_count = 1 + (int)dice_throw(dice, ROLES_MAX);
    for (int i = 0; i < model->role_count; i++) {
        struct model_role *role = &model->roles[i];

        role->inherits = i > 0 && dice_is(dice, 50) ? (unsigned)dice_throw(dice, 1U << i) : 0;
        role->rights = dice_is(dice, 70) ? (unsigned)dice_throw(dice, 4) : 0;
        role->item_count = 1 + (int)dice_throw(dice, ITEMS_MAX);
        for (int j = 0; j < role->item_count; j++)
            role->items[j].pattern_count =
                make_patterns(role->items[j].patterns, false, &role->items[j].where, dice);
    }
    model->bind_count = 1 + (int)dice_throw(dice, BINDS_MAX);
    for (int i = 0; i < model->bind_count; i++) {
        struct model_bind *bind = &model->binds[i];

        make_subjects(&bind->to, model, dice);
        bind->roles = 1 + (unsigned)dice_throw(dice, (1U << model->role_count) - 1);
        bind->when.is_there = false;
        if (dice_is(dice, 35))
            make_condition(&bind->when, dice, FAMILY_ANY);
    }
}

static void make_rules(struct model *model, struct dice *dice)
{
    model->rule_count = (int)dice_throw(dice, RULES_MAX + 1);
    for (int i = 0; i < model->rule_count; i++) {
        struct model_rule *rule = &model->rules[i];

        rule->is_deny = dice_is(dice, 65);
        rule->is_report = dice_is(dice, 20);
        rule->is_unless = dice_is(dice, 50);
        rule->has_to = !rule->is_deny || dice_is(dice, 70);
        rule->pattern_count = make_patterns(rule->patterns, rule->is_deny, &rule->condition, dice);
        make_subjects(&rule->to, model, dice);
        rule->except.count = 0;
        if (dice_is(dice, 30))
            make_subjects(&rule->except, model, dice);
    }
}

void model_make(struct model *model, struct dice *dice)
{
    model->is_report = dice_is(dice, 8);
    make_people(model, dice);
    make_roles(model, dice);
    make_rules(model, dice);
}

/* --- Requests --- */

static const char *const commands[] = {
    "add",      "add",        "pin/add",     "pin/add",  "pin/add",     "pin/ls",     "pin/rm",
    "files/ls", "files/ls",   "files/mkdir", "files/rm", "files/rm",    "files/read", "cat",
    "cat",      "block/get",  "block/put",   "id",       "key/gen",     "repo/gc",    "shutdown",
    "version",  "refs/local", "config/show", "dag/get",  "swarm/peers", "refs"};

static void make_cid_argument(struct model_argument *argument, struct dice *dice)
{
    size_t cid = dice_throw(dice, ARRAY_SIZE(cids));
    uint64_t form = dice_throw(dice, 10);

    argument->is_cid = form < 7;
    argument->codec = cids[cid].codec;
    argument->version = cids[cid].version;
    if (form == 9)
        snprintf(argument->text, sizeof(argument->text), "/ipns/docs.example");
    else
        snprintf(argument->text, sizeof(argument->text), "%s%s%s", form % 2 == 0 ? "/ipfs/" : "",
                 cids[cid].text, form < 7 ? "" : "/a/b");
}

static void make_path_argument(struct model_argument *argument, struct dice *dice)
{
    static const char *const segments[] = {"home", "alice", "bob", "lab", "x", ".", ""};
    uint64_t count = dice_throw(dice, 5);
    size_t size = 0;

    argument->is_path = true;
    if (count == 0)
        size += (size_t)snprintf(argument->text, sizeof(argument->text), "/");
    for (uint64_t i = 0; i < count; i++)
        size += (size_t)snprintf(argument->text + size, sizeof(argument->text) - size, "/%s",
                                 PICK(dice, segments));
    if (dice_is(dice, 40))
        snprintf(argument->text, sizeof(argument->text), "%s", PICK(dice, paths));
}

static void make_arguments(struct model_request *request, struct dice *dice)
{
    const struct command *command = request->command;

    for (size_t i = 0; i < ARGUMENTS_MAX; i++) {
        size_t last = command->argument_count - 1;
        struct model_argument *argument = &request->arguments[i];
        const struct catalogue_argument *fact;

        if (command->argument_count == 0 ||
            (i >= command->argument_count && !command->arguments[last].many))
            return;
        fact = &command->arguments[i > last ? last : i];
        if (!(fact->required && i <= last) && dice_is(dice, 50))
            return;
        *argument = (struct model_argument){.is_cid = false};
        if (fact->kind == ARGUMENT_PATH)
            make_cid_argument(argument, dice);
        else if (fact->kind == ARGUMENT_MFS)
            make_path_argument(argument, dice);
        else if (fact->kind == ARGUMENT_PEER)
            return;
        else
            snprintf(argument->text, sizeof(argument->text), "key");
        request->argument_count++;
    }
}

static void make_options(struct model_request *request, struct dice *dice)
{
    bool is_pin = strcmp(request->command->path, "pin/add") == 0;
    bool is_add = strcmp(request->command->path, "add") == 0;

    request->recursive = request->pin = -1;
    request->timeout_s = -1;
    if (dice_is(dice, 40))
        request->timeout_s = (int64_t)dice_throw(dice, 6);
    if (is_pin && dice_is(dice, 60))
        request->recursive = (int)dice_throw(dice, 2);
    if (is_pin && dice_is(dice, 60))
        request->name = PICK(dice, names);
    if (is_add && dice_is(dice, 60))
        request->pin = (int)dice_throw(dice, 2);
    if (is_add && dice_is(dice, 60))
        request->chunker = PICK(dice, chunkers);
    if (is_add && dice_is(dice, 60))
        request->to_files = PICK(dice, paths);
    if (is_add && dice_is(dice, 60)) {
        request->has_version = true;
        request->version = (int64_t)dice_throw(dice, 5);
    }
    request->ignore_count = is_add ? (int)dice_throw(dice, 3) : 0;
    for (int i = 0; i < request->ignore_count; i++)
        request->ignore[i] = PICK(dice, names);
}

static void make_source(struct model_request *request, struct dice *dice)
{
    static const struct {
        bool is_v6;
        uint8_t bytes[4];
    } sources[] = {{false, {10, 1, 2, 3}},      {false, {10, 200, 0, 1}},  {false, {192, 0, 2, 7}},
                   {false, {192, 0, 2, 8}},     {false, {203, 0, 113, 1}}, {true, {0xfd, 0, 0, 1}},
                   {true, {0x20, 1, 0xd, 0xb8}}};
    size_t source = dice_throw(dice, ARRAY_SIZE(sources));

    request->has_source = dice_is(dice, 85);
    request->is_v6 = sources[source].is_v6;
    memcpy(request->source, sources[source].bytes, 4);
}

void model_ask(struct model_request *request, const struct model *model, struct dice *dice)
{
    *request = (struct model_request){
        .command = catalogue_find(slice_of(PICK(dice, commands))),
        .length = dice_is(dice, 30)
                      ? -1
                      : sizes[dice_throw(dice, ARRAY_SIZE(sizes))] + (int64_t)dice_throw(dice, 2),
        .now_ms = dice_is(dice, 15) ? 0
                                    : UINT64_C(86400000) * (19999 + dice_throw(dice, 7)) +
                                          dice_throw(dice, 86400000),
        .kind = dice_is(dice, 75) ? PRINCIPAL_MEMBER : (enum principal_kind)dice_throw(dice, 4),
        .is_narrowed = dice_is(dice, 30),
    };
    make_arguments(request, dice);
    make_options(request, dice);
    make_source(request, dice);
    if (request->kind == PRINCIPAL_MEMBER)
        request->who =
            dice_is(dice, 95) ? (int)dice_throw(dice, (uint64_t)model->member_count) : MEMBERS_MAX;
    else if (request->kind == PRINCIPAL_PARTNER)
        request->who = (int)dice_throw(dice, 3);
    if (request->is_narrowed)
        request->token_roles = (unsigned)dice_throw(dice, 1U << (ROLES_MAX + 1));
}

static void put_parameter(struct text *target, const char *name, const char *value)
{
    text_put_char(target, memchr(target->data, '?', target->size) == NULL ? '?' : '&');
    text_put_format(target, "%s=", name);
    for (; *value != '\0'; value++)
        text_put_format(target, strchr("\"'&% ", *value) != NULL ? "%%%02X" : "%c",
                        (unsigned char)*value);
}

void model_print_request(const struct model_request *request, struct text *target)
{
    char number[32];

    text_put_format(target, "/api/v0/%s", request->command->path);
    for (int i = 0; i < request->argument_count; i++)
        put_parameter(target, "arg", request->arguments[i].text);
    if (request->recursive >= 0)
        put_parameter(target, "recursive", request->recursive != 0 ? "true" : "0");
    if (request->pin >= 0)
        put_parameter(target, "pin", request->pin != 0 ? "1" : "false");
    if (request->name != NULL)
        put_parameter(target, "n", request->name);
    if (request->chunker != NULL)
        put_parameter(target, "chunker", request->chunker);
    if (request->to_files != NULL)
        put_parameter(target, "to-files", request->to_files);
    if (request->has_version) {
        snprintf(number, sizeof(number), "%" PRId64, request->version);
        put_parameter(target, "cid-version", number);
    }
    if (request->timeout_s >= 0) {
        snprintf(number, sizeof(number), "%" PRId64 "000ms", request->timeout_s);
        put_parameter(target, "timeout", number);
    }
    for (int i = 0; i < request->ignore_count; i++)
        put_parameter(target, "ignore", request->ignore[i]);
}
