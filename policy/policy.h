// SPDX-License-Identifier: Apache-2.0
/* An organization's policy: who may do what.
 *
 * Compiled from one YAML file, or from several that count as one: their mappings are united, their
 * lists put together, and neither the order of items nor which file they stand in changes what is
 * decided. A compiled policy is immutable and counted; any number of threads decide with it.
 *
 *   version: 1
 *   org: lab.example
 *   members: {alice: {groups: [staff], attributes: {clearance: 2}, expires: 2027-01-31}}
 *   groups:  {staff: {}, interns: {parent: staff}}
 *   roles:   {writer: {inherits: [reader], allow: [add, "pin/{add,rm}"], rights: [read-any]}}
 *   bind:    [{to: "group:staff", roles: [writer], when: "net.src in 10.0.0.0/8"}]
 *   rules:   [{id: small, deny: [add], when: "req.content_length > 5GiB", message: "too large"}]
 *   tests:   [{as: alice, call: "pin/ls", expect: allow}]
 *
 * What is allowed is what a role or an allow rule allows, and no deny rule denies: deny by default,
 * deny wins, no order. Commands of danger 4 (ipfs/catalogue.h) are never allowed. A condition whose
 * value is missing does not allow, and does deny. Pure: no clock, no I/O, no randomness. */
#ifndef POLICY_POLICY_H
#define POLICY_POLICY_H

#include "auth/principal.h"
#include "conf/error.h"
#include "conf/text.h"

#include <stdint.h>

struct findings;
struct policy;

enum {
    POLICY_FILES_MAX = 256,
    POLICY_ROLES_MAX = 1024,
    POLICY_HASH_SIZE = 65, /* 64 hexadecimal digits and a NUL */
};

struct policy_source {
    const char *name; /* stands in messages and decisions for the file */
    struct slice bytes;
};

/* Compiles; the sources are copied. On failure *policy is NULL and err has the first mistake, in
 * the order of files and lines, and how many more there are. findings may be NULL; else every
 * mistake is added to it. Takes time that grows with the document: not on a loop. */
MUST_USE bool policy_compile(const struct policy **policy, const struct policy_source *sources,
                             size_t count, struct findings *findings, struct error *err);

const struct policy *policy_ref(const struct policy *policy);
/* Clears the pointer; NULL is fine. Any thread. */
void policy_unref(const struct policy **policy);

/* SHA-256 over names and bytes of the files, sorted by name. */
const char *policy_hash(const struct policy *policy);
/* As `org` says; to be compared with the configuration's. */
struct slice policy_org(const struct policy *policy);

/* Where something stands. */
struct policy_place {
    const char *file;
    unsigned line, column;
};

/* --- Members, for whoever makes principals. All borrowed from the policy. --- */

struct policy_member {
    struct slice id;
    const struct slice *groups; /* those it was put into, and their parents */
    size_t group_count;
    const struct principal_attribute *attributes; /* as text */
    size_t attribute_count;
    uint64_t expires_ms; /* ms since 1970: from then on it may do nothing; 0: never */
    struct policy_place place;
};

/* By place in the order of ids, or by id; NULL: no such member. */
size_t policy_member_count(const struct policy *policy);
const struct policy_member *policy_member(const struct policy *policy, size_t index);
const struct policy_member *policy_member_find(const struct policy *policy, struct slice id);

/* Whether there is a role of that name: a token narrowed to others can do nothing. */
bool policy_has_role(const struct policy *policy, struct slice role);

bool policy_has_group(const struct policy *policy, struct slice group);

/* --- Rules, for counters and explanations --- */

struct policy_rule {
    struct slice id;
    bool is_deny;
    bool is_report;         /* mode: report */
    struct slice message;   /* empty: none */
    struct slice condition; /* as written behind when or unless; empty: none */
    struct policy_place place;
};

/* index: as struct decision has it; the order of ids. */
size_t policy_rule_count(const struct policy *policy);
const struct policy_rule *policy_rule(const struct policy *policy, size_t index);

#endif
