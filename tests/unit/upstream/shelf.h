// SPDX-License-Identifier: Apache-2.0
/* A storage that is played by the test: objects on a shelf, pins on objects, operations that end
 * when the test wants. */
#ifndef TESTS_UPSTREAM_SHELF_H
#define TESTS_UPSTREAM_SHELF_H

#include "upstream/upstream_private.h"

enum shelf_kind {
    SHELF_LOOK,
    SHELF_PIN,
    SHELF_UNPIN,
    SHELF_MEASURE,
    SHELF_LIST,
    SHELF_GC,
    SHELF_CAPACITY
};

struct shelf_object {
    struct cid cid;
    enum pin_mode ours, foreign;
    enum pin_mode v0; /* of the CID's v0 form, if it has one */
    uint64_t bytes;
    bool is_remote; /* not here: an offline pin fails, another one fetches it */
    struct shelf_object *next;
};

struct shelf_operation {
    struct operation operation;
    struct shelf *shelf;
    enum shelf_kind kind;
    struct cid cid;
    enum pin_mode mode;
    bool offline;
    operation_progress on_progress;
    operation_pin_found on_pin;
    operation_done on_done;
    void *arg;
    struct shelf_operation *next;
};

struct shelf {
    struct upstream upstream;
    struct loop *loop;
    struct shelf_object *objects;
    struct shelf_operation *first; /* under way, oldest first */
    bool is_slow;                  /* nothing ends before shelf_end or shelf_resume */
    bool hides_bytes;              /* as Kubo before 0.40: a pin does not tell its size */
    enum error_code failure;       /* of the next operation that ends; cleared by it */
    unsigned failures;             /* one in so many fails by itself; 0: none */
    unsigned seed;
    enum error_code refusal; /* of the next start; cleared by it */
    struct later later;
    /* What was done since the start. */
    unsigned looks, pins, unpins, measures, lists, collections, cancels;
    uint64_t used, total; /* what capacity says */
    uint64_t garbage;     /* what a collection takes from used, and counts */
    char name[64];        /* of our pins, in lists */
};

struct shelf *shelf_create(struct loop *loop);
void shelf_destroy(struct shelf **shelf);

/* NULL: never mentioned. */
struct shelf_object *shelf_find(struct shelf *shelf, const struct cid *cid);
struct shelf_object *shelf_put(struct shelf *shelf, const struct cid *cid, uint64_t bytes);

/* Ends the oldest operation under way; asserts there is one. */
void shelf_end(struct shelf *shelf);
/* It is slow no more: what is under way ends by itself, one operation a turn. */
void shelf_resume(struct shelf *shelf);
/* Tells the oldest one's progress. */
void shelf_progress(struct shelf *shelf, uint64_t nodes, uint64_t bytes);

#endif
