// SPDX-License-Identifier: Apache-2.0
/* What one partner may have placed with the other, in one direction of a link, and how much of it
 * is used.
 *
 * Pure; any thread, one at a time. Two accounts a link: what they place here (`we_store` of our
 * policy) and what we place there (`they_store` of it). In force is the smaller of what our policy
 * says and what the other side told of its own. What is used is what the allocations of that
 * direction are charged (allocation_charge), from when room is reserved; it can be summed up anew
 * at any time. A grant that shrank below what is used takes nothing back: nothing new fits. */
#ifndef FEDERATION_GRANTS_H
#define FEDERATION_GRANTS_H

#include "federation/allocation.h"

/* UINT64_MAX: no limit. {0}: nothing. */
struct grant {
    uint64_t bytes, pins, max_object;
};

#define GRANT_OPEN ((struct grant){UINT64_MAX, UINT64_MAX, UINT64_MAX})

struct grant_account {
    struct grant ours, theirs; /* theirs: GRANT_OPEN until they told */
    uint64_t bytes, pins;      /* used */
};

/* Each of the smaller one. */
struct grant grant_in_force(const struct grant_account *account);

/* Whether an object of so many bytes may be reserved now. */
enum allocation_room grant_room(const struct grant_account *account, uint64_t bytes);

/* What a step of an allocation says (allocation_actions). Asserts that it does not go below 0. */
void grant_charge(struct grant_account *account, int64_t bytes, int64_t pins);

/* Appends which limit it is, in one line: "50000 bytes more pass the 1000000 bytes granted, of
 * which 980000 are used". */
void grant_explain(const struct grant_account *account, uint64_t bytes, struct text *out);

#endif
