// SPDX-License-Identifier: Apache-2.0
/* A policy's document as it was written: every item with its place, every name found, every command
 * and condition understood. compile.c makes of it what decisions need.
 *
 * Members, groups, roles, rules and vars are sorted by name, so that nothing depends on the order
 * in which they were written. Slices and places are borrowed from the YAML trees, which the
 * document owns; the rest lies in its arena. Immutable once read. */
#ifndef POLICY_DOCUMENT_H
#define POLICY_DOCUMENT_H

#include "conf/arena.h"
#include "policy/constant.h"
#include "policy/decide.h"
#include "policy/finding.h"
#include "policy/names.h"
#include "policy/pattern.h"
#include "policy/placement.h"
#include "policy/policy.h"
#include "policy/quotas.h"

#include <stdint.h>

struct expression;
struct yaml;
struct yaml_node;

enum {
    DOCUMENT_MEMBERS_MAX = 1000000,
    DOCUMENT_GROUPS_MAX = 10000,
    DOCUMENT_RULES_MAX = 10000,
    DOCUMENT_BINDS_MAX = 10000,
};

/* Names something else of the document. */
struct document_ref {
    struct slice name;
    const struct yaml_node *node;
    uint32_t index; /* of what is named, in its array */
};

struct document_refs {
    const struct document_ref *items;
    size_t count;
};

struct document_var {
    struct slice name;
    const struct yaml_node *node; /* of the name */
    struct constant value;
    bool is_used;
};

/* An attribute that some member has. All members' values of it have one type. */
struct document_attribute {
    struct slice name;
    const struct yaml_node *node; /* where it was seen first */
    struct constant example;
    bool is_used; /* by a condition */
};

struct document_attributes {
    struct document_attribute *items; /* in the order in which they were seen first */
    size_t count;
    struct names names;
};

struct document_group {
    struct slice id;
    const struct yaml_node *node, *body;
    struct document_ref parent; /* index NAMES_NONE: none */
};

struct document_value {
    uint32_t attribute; /* index of the document_attribute */
    const struct yaml_node *node;
    struct constant value;
};

struct document_member {
    struct slice id;
    const struct yaml_node *node;
    struct document_refs groups;
    const struct document_value *values;
    size_t value_count;
    uint64_t expires_ms; /* 0: never */
};

/* when, unless or where. */
struct document_condition {
    const struct yaml_node *node; /* NULL: there is none */
    struct slice text;
    const struct expression *expression;
};

/* One line of a role's `allow`. */
struct document_item {
    const struct yaml_node *node;
    struct command_set set;
    struct document_condition where;
};

struct document_role {
    struct slice id;
    const struct yaml_node *node, *body;
    struct document_refs inherits;
    const struct document_item *items;
    size_t item_count;
    unsigned rights; /* enum policy_right */
};

enum subject_kind {
    SUBJECT_EVERYONE,  /* "*" */
    SUBJECT_MEMBERS,   /* "member:*" */
    SUBJECT_MEMBER,    /* "member:alice" */
    SUBJECT_GROUP,     /* "group:staff", and the groups below it */
    SUBJECT_PARTNERS,  /* "partner:*" */
    SUBJECT_PARTNER,   /* "partner:beta" */
    SUBJECT_ANONYMOUS, /* "anonymous" */
};

struct subject {
    enum subject_kind kind;
    struct document_ref ref; /* of a member or group; of a partner only name and node */
};

struct subjects {
    const struct subject *items;
    size_t count;
};

struct document_bind {
    const struct yaml_node *node;
    struct subjects to;
    struct document_refs roles;
    struct document_condition when;
};

struct document_rule {
    struct slice id;
    const struct yaml_node *node;
    bool is_deny, is_report;
    struct command_set set;
    struct subjects to, except;
    struct document_condition condition;
    bool is_unless; /* the condition stands behind `unless` */
    struct slice message;
};

struct document_quota {
    struct slice id;
    const struct yaml_node *node;
    enum policy_quota_scope scope;
    struct document_ref group;                                 /* QUOTA_SCOPE_GROUP */
    struct slice partner;                                      /* QUOTA_SCOPE_PARTNER */
    uint64_t stored_bytes, stored_pins, soft_bytes, soft_pins; /* 0: none, as all below */
    struct policy_quota_window upload, egress;
    struct quota_rate requests;
    uint64_t concurrent;
};

/* What a partner may store here, and what of ours may go there. 0: not limited. */
struct document_grant {
    struct slice partner;
    const struct yaml_node *node;
    bool gives_here, gives_there;
    uint64_t here_bytes, here_pins, here_max_object, here_rate;
    uint64_t there_bytes, there_until_ms;
    struct document_condition data; /* what of ours may go there */
};

/* --- placement --- */

/* Whose objects have at least this value of a label. */
struct document_give {
    struct subjects to;
    uint8_t value;
};

struct document_label {
    struct slice name;
    const struct yaml_node *node, *body;
    const struct slice *values; /* from the loosest */
    size_t value_count;
    const struct document_give *gives;
    size_t give_count;
};

struct document_site {
    struct slice id; /* "local", or a partner's alias */
    const struct yaml_node *node;
    const struct document_value *values; /* of site_attributes */
    size_t value_count;
};

/* What of a score one value makes: nothing at `worst`, all of its weight at `best`. */
struct document_term {
    struct document_condition value;
    int64_t worst, best;
    uint32_t weight;
};

/* At most so many copies at sites with one value of the attribute. */
struct document_cap {
    struct slice name;
    const struct yaml_node *node;
    uint32_t attribute; /* of site_attributes */
    uint32_t most;
    const uint32_t *domains; /* by site: those with one value have one number */
};

struct document_placement {
    struct slice id;
    const struct yaml_node *node;
    uint32_t priority, min, want, wait;
    struct document_condition when, filter; /* `for`; without a node: always */
    const struct document_term *terms;
    size_t term_count;
    const struct document_cap *caps;
    size_t cap_count;
    const struct document_condition *prefers;
    size_t prefer_count;
};

/* A test of placement, inside of a document_test. */
struct document_place {
    uint64_t bytes;
    struct document_ref cid;   /* name empty: any */
    struct document_ref owner; /* a subject that is a member or group; name empty: nobody */
    bool is_group;
    const uint8_t *labels; /* by label: what is asked for; UINT8_MAX: nothing */
    /* What is expected. */
    const struct yaml_node *only_node, *not_node, *sites_node, *copies_node;
    const uint32_t *only, *not, *sites; /* places of sites */
    size_t only_count, not_count, sites_count;
    uint64_t copies;
    struct document_ref
        by; /* a placement rule, or index NAMES_NONE: "none"; name empty: not asked */
    /* What is observed of some sites, beside the best of all others. */
    const struct document_place_site *seen;
    size_t seen_count;
};

struct document_place_site {
    uint32_t site;
    bool is_down; /* no link */
    struct policy_seen_values seen;
};

struct document_test {
    const struct yaml_node *node;
    struct subjects as;
    const struct document_ref *calls; /* only name and node */
    size_t call_count;
    bool is_only; /* `only`: these are allowed, and everybody else is not */
    bool expects_allow;
    struct document_ref by;              /* name empty: not asked */
    const struct yaml_node *quotas_node; /* NULL: not asked */
    const uint32_t *quotas;              /* those that apply, and no others: indexes */
    size_t quota_count;
    const struct slice *roles; /* of the token; NULL: not narrowed */
    size_t role_count;
    struct document_ref from;           /* the address; name empty: not known */
    uint64_t at_ms;                     /* 0: not known */
    int64_t content_length;             /* -1: not known */
    const struct document_place *place; /* NULL: it is about calls or quotas */
};

struct document {
    struct arena arena;
    struct yaml **files; /* sorted by name */
    size_t file_count;
    struct slice org;
    bool is_report;
    const struct yaml_node *mode_node; /* NULL: not written */

    struct document_var *vars;
    size_t var_count;
    struct document_attributes attributes; /* of members */
    struct document_group *groups;
    size_t group_count;
    struct document_member *members;
    size_t member_count;
    struct document_role *roles;
    size_t role_count;
    struct document_bind *binds;
    size_t bind_count;
    struct document_rule *rules;
    size_t rule_count;
    struct document_quota *quotas;
    size_t quota_count;
    struct document_grant *grants;
    size_t grant_count;
    const struct yaml_node *placement_node; /* NULL: there is no such section */
    struct document_label *labels;
    size_t label_count;
    struct document_attributes site_attributes;
    struct document_site *sites;
    size_t site_count;
    struct document_placement *placements;
    uint32_t *placement_order; /* of the same number: by priority, the highest first */
    size_t placement_count;
    struct document_test *tests;
    size_t test_count;

    struct names var_names, group_names, member_names, role_names, rule_names, quota_names,
        grant_names, label_names, site_names, placement_names;
};

/* Reads all files; every mistake is added to findings. True if none of them is an error. */
MUST_USE bool document_read(struct document *document, const struct policy_source *sources,
                            size_t count, struct findings *findings);
void document_dispose(struct document *document);

struct policy_place document_place(const struct yaml_node *node);

#endif
