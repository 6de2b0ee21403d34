// SPDX-License-Identifier: Apache-2.0
/* A second, small evaluator of policies, written from what a policy means and not from how policy/
 * decides: plain structures, walked one by one, nothing precomputed, no set of bits, no parser. A
 * random model is printed as YAML for the one, and walked by the other; both decide random
 * requests, and every difference is a mistake in one of them. */
#ifndef TESTS_POLICY_MODEL_H
#define TESTS_POLICY_MODEL_H

#include "auth/principal.h"
#include "conf/text.h"
#include "ipfs/catalogue.h"

#include <netinet/in.h>

/* --- Random numbers: splitmix64, so that a seed tells all --- */

struct dice {
    uint64_t state;
};
uint64_t dice_throw(struct dice *dice, uint64_t below);
static inline bool dice_is(struct dice *dice, unsigned percent)
{
    return dice_throw(dice, 100) < percent;
}

/* --- Conditions --- */

enum model_ref {
    REF_RECURSIVE, /* opt.recursive, a truth value */
    REF_NAME,      /* opt.name, a text */
    REF_PIN,       /* opt.pin */
    REF_CHUNKER,   /* opt.chunker */
    REF_VERSION,   /* opt.cid-version, a number */
    REF_TO_FILES,  /* opt.to-files, a path */
    REF_IGNORE,    /* opt.ignore, texts */
    REF_TIMEOUT,   /* opt.timeout, a duration */
    REF_ARGUMENT,  /* arg or args[i] */
    REF_PATH,      /* arg.path or args[i].path */
    REF_CODEC,     /* cid.codec(arg) or cid.codec(args[i]) */
    REF_CID_VERSION,
    REF_COUNT,     /* len(args) */
    REF_NAME_SIZE, /* len(opt.name) */
    REF_LENGTH,    /* req.content_length */
    REF_ID,        /* principal.id */
    REF_KIND,
    REF_GROUPS,
    REF_CLEARANCE, /* attributes.clearance, a number */
    REF_TEAM,      /* attributes.team, a text */
    REF_SOURCE,
    REF_HOUR,
    REF_WEEKDAY,
    REF_NONE
};

enum model_test {
    TEST_TRUE, /* the value itself */
    TEST_EQUAL,
    TEST_UNEQUAL,
    TEST_LESS,
    TEST_LESS_EQUAL,
    TEST_GREATER,
    TEST_GREATER_EQUAL,
    TEST_IN,      /* one of the texts */
    TEST_RANGE,   /* number..upper */
    TEST_UNDER,   /* the first text */
    TEST_AT_HOME, /* under '/home/' + principal.id */
    TEST_LIKE,    /* the first text */
    TEST_HAS,     /* has(ref) */
    TEST_HOLDS,   /* first text in ref */
    TEST_TEAM,    /* equals attributes.team */
};

enum model_node_kind { NODE_AND, NODE_OR, NODE_NOT, NODE_ATOM };

struct model_node {
    enum model_node_kind kind;
    int left, right; /* of the condition's nodes */
    enum model_ref ref;
    int index; /* of an argument; -1: every one */
    enum model_test test;
    int64_t number, upper;
    const char *texts[4];
    int text_count;
};

enum { NODES_MAX = 40 };

struct model_condition {
    bool is_there;
    struct model_node nodes[NODES_MAX];
    int count, root;
};

/* --- The policy --- */

enum {
    GROUPS_MAX = 5,
    MEMBERS_MAX = 6,
    ROLES_MAX = 5,
    ITEMS_MAX = 4,
    BINDS_MAX = 5,
    RULES_MAX = 7,
    LIST_MAX = 4
};

enum model_subject_kind {
    WHO_EVERYONE,
    WHO_MEMBERS,
    WHO_MEMBER,
    WHO_GROUP,
    WHO_PARTNERS,
    WHO_PARTNER,
    WHO_ANONYMOUS
};

struct model_subject {
    enum model_subject_kind kind;
    int index; /* of the member or group; of a partner: its name */
};

struct model_subjects {
    struct model_subject items[LIST_MAX];
    int count;
};

struct model_item {
    const char *patterns[LIST_MAX];
    int pattern_count;
    struct model_condition where;
};

struct model_role {
    unsigned inherits; /* bits of roles with smaller numbers */
    struct model_item items[ITEMS_MAX];
    int item_count;
    unsigned rights; /* 1: read-any, 2: shared-node */
};

struct model_bind {
    struct model_subjects to;
    unsigned roles;
    struct model_condition when;
};

struct model_rule {
    bool is_deny, is_report, is_unless, has_to;
    const char *patterns[LIST_MAX];
    int pattern_count;
    struct model_subjects to, except;
    struct model_condition condition;
};

struct model_member {
    unsigned groups;
    bool has_clearance, has_team;
    int64_t clearance;
    const char *team;
    int64_t expires_day; /* days since 1970; 0: never */
};

struct model {
    bool is_report;
    int parents[GROUPS_MAX]; /* -1: none */
    int group_count;
    struct model_member members[MEMBERS_MAX];
    int member_count;
    struct model_role roles[ROLES_MAX];
    int role_count;
    struct model_bind binds[BINDS_MAX];
    int bind_count;
    struct model_rule rules[RULES_MAX];
    int rule_count;
};

extern const char *const model_members[MEMBERS_MAX + 1]; /* the last one is in no policy */
extern const char *const model_partners[3];

void model_make(struct model *model, struct dice *dice);

/* The model as YAML, its items in random order, dealt out to `count` files. */
void model_print(const struct model *model, struct dice *dice, struct text *files, int count);

/* --- Requests --- */

enum { ARGUMENTS_MAX = 3 };

struct model_argument {
    char text[200];
    bool is_cid; /* it is one, with nothing below it */
    const char *codec;
    int version;
    bool is_path; /* of files/ */
};

struct model_request {
    const struct command *command;
    struct model_argument arguments[ARGUMENTS_MAX];
    int argument_count;
    int recursive, pin;                    /* -1: not given */
    const char *name, *chunker, *to_files; /* NULL: not given */
    int64_t timeout_s;                     /* -1: not given */
    bool has_version;
    int64_t version;
    const char *ignore[2];
    int ignore_count;
    int64_t length; /* -1: not known */
    uint64_t now_ms;
    enum principal_kind kind;
    int who; /* member or partner */
    bool is_narrowed;
    unsigned token_roles; /* the last bit is a role that no policy has */
    bool has_source;
    bool is_v6;
    uint8_t source[16];
};

void model_ask(struct model_request *request, const struct model *model, struct dice *dice);
/* "/api/v0/pin/add?arg=..": as a client would send it. */
void model_print_request(const struct model_request *request, struct text *target);

/* --- Decisions --- */

/* An allow has to hold for every argument; a deny is met by one. What is unknown does not allow,
 * and does deny. */
bool model_condition_applies(const struct model *model, const struct model_request *request,
                             const struct model_condition *condition, bool is_unless, bool is_deny);
/* Or in one below it. */
bool model_in_group(const struct model *model, const struct model_member *member, int group);

struct model_decision {
    bool is_allowed, is_report;
    char by[64];
    unsigned rights;
    unsigned reports;      /* bits of rules */
    unsigned would_change; /* of these */
};

void model_decide(const struct model *model, const struct model_request *request,
                  struct model_decision *decision);

#endif
