// SPDX-License-Identifier: Apache-2.0
/* The section `placement` of a policy: sites, labels, rules.
 *
 *   placement:
 *     labels:
 *       class: {values: [public, internal, secret], give: [{to: "group:lab", value: internal}]}
 *     sites:
 *       local: {attributes: {country: DE}}
 *       beta:  {attributes: {country: FR}}
 *     rules:
 *       - id: default
 *         copies: {min: 2, want: 3, wait: 2}
 *         filter: "site.healthy and site.free > 2 * object.size"
 *         score: [{value: site.free_ratio, weight: 60}, {value: site.rtt, best: 0s, worst: 1s,
 *                 weight: 40}]
 *         spread: {country: 2}
 *         prefer: ["site.country == 'DE'"]
 *       - {id: secret, priority: 10, for: "label.class == 'secret'", copies: {min: 1, want: 2},
 *          filter: "site.country == 'DE'"}
 *
 * A site is `local` or a partner's alias; partners that are not listed get nothing. The values of a
 * label stand from the loosest to the tightest; every object has one value of each label: the
 * tightest of what the policy gives its owner, the token fixes and the request asks. Where copies
 * go is federation/placement.h; here is what the section says. Borrowed from the policy; any
 * thread. */
#ifndef POLICY_PLACEMENT_H
#define POLICY_PLACEMENT_H

#include "policy/policy.h"
#include "store/record.h"

enum {
    POLICY_SITES_MAX = 10000,
    POLICY_LABELS_MAX = 16,
    POLICY_LABEL_VALUES_MAX = 32,
    POLICY_PLACEMENT_RULES_MAX = 100,
    POLICY_COPIES_MAX = 32,
    POLICY_TERMS_MAX = 16,  /* of a score */
    POLICY_CAPS_MAX = 8,    /* of `spread` */
    POLICY_PREFER_MAX = 16, /* conditions */
    POLICY_PARTS_MAX = 32,  /* of a filter */
    POLICY_OWNER_GROUPS_MAX = 64,
    POLICY_SCORE_ONE = 1000000,
};

/* What is observed of a site; in expressions site.NAME. policy_seen_facts has names and types. */
enum policy_seen {
    SEEN_HEALTHY,    /* 0, 1: it answers, and takes what it granted */
    SEEN_FREE,       /* bytes */
    SEEN_CAPACITY,   /* bytes */
    SEEN_FREE_RATIO, /* parts of POLICY_SCORE_ONE, as all ratios */
    SEEN_LOAD,       /* ratio: how busy it says it is */
    SEEN_RTT,        /* ns */
    SEEN_UPTIME,     /* ratio of the last 30 days */
    SEEN_VERIFIED,   /* ratio: what it proved of what it was asked */
    POLICY_SEEN_COUNT
};

enum policy_seen_kind { SEEN_IS_BOOL, SEEN_IS_BYTES, SEEN_IS_RATIO, SEEN_IS_DURATION };

struct policy_seen_fact {
    const char *name;
    enum policy_seen_kind kind;
    int64_t ideal; /* the best it can be */
};
extern const struct policy_seen_fact policy_seen_facts[POLICY_SEEN_COUNT];

/* What was observed of a site. */
struct policy_seen_values {
    uint32_t has; /* bits, 1 << enum policy_seen */
    int64_t values[POLICY_SEEN_COUNT];
};

/* What rules may ask of an object. Borrowed. */
struct policy_object {
    uint64_t bytes;
    uint64_t codec;            /* of its CID */
    const uint8_t *labels;     /* the place of each label's value; NULL: each has its first */
    const struct owner *owner; /* NULL: not known */
};

struct expression;
struct expression_part;
struct document_site;

/* A weighted part of a score: nothing at `worst`, all of its weight at `best`. */
struct policy_term {
    const struct expression *value;
    struct slice text; /* as written */
    int64_t worst, best;
    uint32_t weight;
};

/* At most so many copies at sites with one value of an attribute. */
struct policy_cap {
    struct slice attribute;
    uint32_t most;
    const uint32_t *domains; /* by site: those with one value have one number */
};

struct policy_placement_rule {
    struct slice id;
    struct policy_place place;
    uint32_t min, want;
    uint32_t wait; /* calls that pin are answered when so many exist; 1: the one here is enough */
    uint32_t priority;
    const struct expression *when; /* `for`; NULL: always */
    /* The filter; NULL: everything passes. All its parts must hold. */
    const struct expression *filter;
    const struct expression_part *parts;
    size_t part_count;
    const struct policy_term *terms; /* none: each site scores the same */
    size_t term_count;
    const struct policy_cap *caps; /* nested in each other */
    size_t cap_count;
    const struct expression *const *prefers;
    size_t prefer_count;
};

/* Whether there is such a section: what is in it must be enforced by whoever serves. */
bool policy_has_placement(const struct policy *policy);

/* The highest priority first. */
size_t policy_placement_count(const struct policy *policy);
const struct policy_placement_rule *policy_placement(const struct policy *policy, size_t index);
/* The most copies that any rule has calls wait for; 1: none does. */
uint32_t policy_placement_wait(const struct policy *policy);

/* In the order of names. */
size_t policy_site_count(const struct policy *policy);
struct slice policy_site(const struct policy *policy, size_t index);
/* The place, or UINT32_MAX. */
uint32_t policy_site_find(const struct policy *policy, struct slice id);
/* What conditions know of it. */
const struct document_site *policy_site_facts(const struct policy *policy, size_t index);
/* "FR"; {NULL, 0}: it has no such attribute, or a list. */
struct slice policy_site_attribute(const struct policy *policy, size_t index,
                                   struct slice attribute);

/* The groups that an owner is in, and those above them, at most max. Borrowed. */
size_t policy_owner_groups(const struct policy *policy, const struct owner *owner,
                           struct slice *groups, size_t max);

/* --- Labels --- */

size_t policy_label_count(const struct policy *policy);
struct slice policy_label(const struct policy *policy, size_t index);
/* From the loosest; {NULL, 0}: there are not so many. */
struct slice policy_label_value(const struct policy *policy, size_t index, size_t value);

/* What an object of this owner is labelled: labels has room for POLICY_LABELS_MAX. token and
 * request are "class=secret,project=x", or empty. Fails if one is not known, or the request asks
 * for a looser value than what is given without it. */
MUST_USE bool policy_label_object(const struct policy *policy, const struct policy_object *object,
                                  struct slice token, struct slice request, uint8_t *labels,
                                  struct error *err);

#endif
