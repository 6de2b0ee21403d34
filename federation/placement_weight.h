// SPDX-License-Identifier: Apache-2.0
/* The arithmetic of placement: weighted rendezvous hashing in integers, the same on every machine.
 *
 * Each pair of an object and a site has a random number u in (0, 1), by hashing; the site with the
 * least -ln(u) / weight comes first. So a site gets objects in proportion to its weight, and when a
 * site comes, goes or changes its weight, only objects that come to it or leave it move.
 *
 * Weights are classes: class i weighs 2^(-i/4), from 1 down to 0.0526 (class 17). A score, in parts
 * of a million, is of the class whose weight is nearest. Pure; any thread. */
#ifndef FEDERATION_PLACEMENT_WEIGHT_H
#define FEDERATION_PLACEMENT_WEIGHT_H

#include "conf/id.h"
#include "conf/text.h"

enum {
    PLACEMENT_CLASSES = 18,
    PLACEMENT_CLASS_HOLD_MS = 3600000,
};

/* The first eight bytes, big endian, of the SHA-256 of the object's binary CID. */
uint64_t placement_hash_object(struct slice root);
/* Of the rule's id, a NUL, the site's id: both ids (conf/id.h). */
uint64_t placement_hash_site(struct slice rule, struct slice site);

/* 64 - log2(x) in units of 2^-32: -ln(x / 2^64) but for a constant factor. Never grows with x. 0
 * counts as 1. */
uint64_t placement_depth(uint64_t x);

/* 2^(class/4) in units of 2^-16: what a distance is stretched by. */
extern const uint64_t placement_costs[PLACEMENT_CLASSES];

/* The random number of a pair, by 2^64. Every bit of it depends on every bit of both. */
static inline uint64_t placement_draw(uint64_t object, uint64_t site)
{
    uint64_t x = object ^ site;

    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

/* Never more than the distance of that class, and found without a logarithm: log2(1 + f) lies below
 * its tangent at f = 1, whose slope is 1 / 2 ln 2, more than 46/64. So most sites of many are
 * passed over cheaply. */
static inline uint64_t placement_distance_least(uint64_t draw, unsigned class)
{
    return ((~draw >> 31) * 46 >> 6) * placement_costs[class];
}

/* What sites are ordered by, the least first. class < PLACEMENT_CLASSES. */
uint64_t placement_distance(uint64_t object, uint64_t site, unsigned class);

/* Of a score in parts of a million. */
unsigned placement_class(uint32_t score);

/* A class that does not follow every trembling of a score: it changes once the score has been
 * nearer to another class, by more than half a step beyond the edge, for more than an hour. */
struct placement_class_state {
    bool is_known; /* false: the next score decides alone */
    bool is_leaving;
    uint8_t class;
    uint64_t since_ms; /* it is leaving */
};
/* now_ms: a clock that does not jump. */
void placement_class_follow(struct placement_class_state *state, uint32_t score, uint64_t now_ms);

#endif
