// SPDX-License-Identifier: Apache-2.0
/* A hash table from a number to a number that is not 0, read by many threads without a lock while
 * one writer changes it. A key that is removed leaves its slot behind. When no slot is left, the
 * writer copies what is there into another table, which takes its place (auth/epochs.h says when
 * the old one may be freed). */
#ifndef AUTH_TABLE_H
#define AUTH_TABLE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TABLE_KEY_MAX (UINT64_MAX - 1)

struct table_slot {
    atomic_uint_fast64_t key;   /* plus one; 0: the slot is free */
    atomic_uint_fast64_t value; /* 0: removed */
};

struct table {
    size_t mask;    /* slots, minus one */
    unsigned shift; /* 64 minus the bits of mask */
    size_t count;   /* the writer's: keys that are there */
    size_t used;    /* the writer's: slots that are not free */
    struct table_slot slots[];
};

/* One block, for free(). size: a power of two. */
struct table *table_create(size_t size);
/* What is there, in a table with room for as much again. */
struct table *table_renew(const struct table *table);

/* Any thread. False: there is no such key. key <= TABLE_KEY_MAX. */
bool table_get(const struct table *table, uint64_t key, uint64_t *value);

/* The writer. Replaces or adds; there must be room. */
bool table_has_room(const struct table *table);
void table_set(struct table *table, uint64_t key, uint64_t value);
void table_remove(struct table *table, uint64_t key);

size_t table_bytes(const struct table *table);

#endif
