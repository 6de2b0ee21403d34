// SPDX-License-Identifier: Apache-2.0
/* Where copies of an object are to be: which sites, and why not the others.
 *
 * What is asked of is a map: a policy (its sites, rules and labels) and what was observed of the
 * sites, at one version. Everything is a function of the map and the object alone: no clock, no
 * randomness, integers only, so that every machine gives the same answer (the vectors in
 * tests/unit/federation/placement_vectors.json are for ever).
 *
 *   1. The rule of the highest priority whose `for` holds for the object. None: the object stays
 *      here, with one copy.
 *   2. Gates and the rule's filter say which sites may take a new copy. A copy that exists is
 * judged by what lasts: the site still stands in the policy, and the parts of the filter that ask
 * only for what is declared (site.country, label.class, object.size) hold. What is only observed
 *      (site.free, site.healthy, ...) never takes a copy away.
 *   3. Order: `local` first, then by how many conditions of `prefer` hold, then by weighted
 *      rendezvous: placement_weight.h.
 *   4. Copies that exist and hold stay. Then the order is walked, and sites are taken as the caps
 * of `spread` allow, up to `want`. Spread domains are nested, which makes the greedy walk give the
 *      most copies there can be, and one site more or less change at most one copy of an object.
 *   5. A copy whose site is more than PLACEMENT_GAIN_CLASSES classes worse than one that the walk
 *      would have taken in its place moves. Nothing else moves. */
#ifndef FEDERATION_PLACEMENT_H
#define FEDERATION_PLACEMENT_H

#include "conf/error.h"
#include "conf/id.h"
#include "policy/placement.h"

#include <stdint.h>

enum {
    PLACEMENT_GAIN_CLASSES = 2, /* a move for less than that is not worth its bytes */
    PLACEMENT_NONE = UINT32_MAX,
};

/* Why a site takes no new copies, whatever a rule says. */
enum placement_gate {
    PLACEMENT_OPEN,
    PLACEMENT_NO_LINK,  /* there is none, or it is not active */
    PLACEMENT_NO_GRANT, /* grants of both sides do not cover it */
};

/* What was observed of a site. */
struct placement_seen {
    char site[ID_SIZE]; /* "local", or a partner's alias */
    enum placement_gate gate;
    uint64_t room_bytes; /* what grants of both sides and the site itself leave; UINT64_MAX: all */
    struct policy_seen_values seen;
};

/* All good: open, healthy, empty, near. For questions without a running gateway. */
struct placement_seen placement_seen_ideal(struct slice site);

struct placement_map;

/* policy: a reference is taken. Sites that were not observed take no new copies; what was observed
 * of sites that are not in the policy is let go. before (may be NULL): the map that this one
 * follows, whose classes it keeps until a score has been beyond their edge for more than an hour
 * (now_ms: any clock that does not jump). BLOCKS for about a microsecond a site and rule. */
void placement_map_create(struct placement_map **map, const struct policy *policy,
                          const struct placement_seen *seen, size_t count,
                          const struct placement_map *before, uint64_t version, uint64_t now_ms);
void placement_map_destroy(struct placement_map **map);

uint64_t placement_map_version(const struct placement_map *map);
const struct policy *placement_map_policy(const struct placement_map *map);
/* Sites are numbered in the order of their names. PLACEMENT_NONE: not in the policy. */
size_t placement_site_count(const struct placement_map *map);
struct slice placement_site(const struct placement_map *map, uint32_t site);
uint32_t placement_site_find(const struct placement_map *map, struct slice id);

/* What is placed. Borrowed. */
struct placement_object {
    struct slice root; /* binary CIDv1: the object's key */
    struct policy_object facts;
    uint32_t min_copies;  /* asked for by the request; 0: not */
    const uint32_t *held; /* sites that have a copy, or are being given one */
    size_t held_count;
    const uint32_t *barred; /* sites that refused this object lately: no new copy */
    size_t barred_count;
};

enum placement_state {
    PLACEMENT_COMPLETE, /* `want` copies */
    PLACEMENT_DEGRADED, /* at least `min` */
    PLACEMENT_STUCK,    /* fewer */
};

/* Why a copy that exists is not among those to be. */
enum placement_cause {
    PLACEMENT_FILTERED, /* a lasting part of the rule's filter does not hold */
    PLACEMENT_CROWDED,  /* the caps of `spread` do not allow all; those kept come before in order */
    PLACEMENT_SURPLUS,  /* there are more than `want` */
    PLACEMENT_WORSE,    /* another site is better by more than PLACEMENT_GAIN_CLASSES */
};

struct placement_result {
    const struct policy_placement_rule
        *rule; /* of the map's policy; NULL: none is for the object */
    enum placement_state state;
    uint32_t min, want;
    /* All copies that are to be: those kept in their order, then the new ones in theirs. */
    uint32_t sites[POLICY_COPIES_MAX];
    size_t count;
    size_t kept; /* the first so many exist */
    /* Copies that exist and are not needed: to be released once all others are there. Whoever holds
     * copies at sites that the policy does not have knows that by placement_site_find. */
    struct {
        uint32_t site;
        enum placement_cause cause;
    } released[POLICY_COPIES_MAX];
    size_t released_count; /* more are not told at once */
};

/* Allocates nothing. Any thread: a map is immutable. */
void placement_decide(const struct placement_map *map, const struct placement_object *object,
                      struct placement_result *result);

const char *placement_state_name(enum placement_state state); /* "complete", "degraded", "stuck" */
const char *placement_cause_name(enum placement_cause cause);

/* One line for a person: "stuck: 1 of at least 2 copies by rule 'default' (policy.yaml:12); of 3
 * sites: 1 taken, 1 no link, 1 label.class == 'public' does not hold". */
void placement_put_reason(const struct placement_map *map, const struct placement_object *object,
                          const struct placement_result *result, struct text *out);

#endif
