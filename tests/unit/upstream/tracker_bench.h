// SPDX-License-Identifier: Apache-2.0
/* A tracker over a played storage and a real ledger, for its tests and those of what stands on it.
 */
#ifndef TESTS_UPSTREAM_TRACKER_BENCH_H
#define TESTS_UPSTREAM_TRACKER_BENCH_H

#include "shelf.h"
#include "tests/unit/store/kit.h"
#include "upstream/tracker.h"

enum { LATE_MS = 20 };          /* of the tracker */
enum { OBJECTS = 8, TREE = 7 }; /* object i has 100 * (i + 1) bytes; TREE has a v0 form */

struct bench {
    struct kit *kit;
    struct shelf *shelf;
    struct tracker *tracker;
    struct cid cids[OBJECTS];
    struct quota_counter bytes, pins, org_bytes, org_pins;
    uint64_t bytes_limit, pins_limit; /* of all members together */
};

/* The wall clock of all tests: it stands still. */
uint64_t bench_now_ms(void);

int bench_setup(void **state);
int bench_teardown(void **state);
/* Makes the tracker, which recovers; bench_setup has done so. */
void bench_open_tracker(struct bench *bench);
/* As after a crash of the gateway: what is under way is cut. Recovers, and comes to rest. */
void bench_reopen(struct bench *bench);
void bench_turn(struct bench *bench, int count);

#define BENCH_TEST(test) cmocka_unit_test_setup_teardown(test, bench_setup, bench_teardown)

/* ---- calls */

/* What a caller was told. */
struct reply {
    struct tracker_call *call; /* NULL: it does not wait */
    unsigned count;
    enum tracker_outcome outcome;
    char text[600];
    char id[ULID_SIZE];
    uint64_t bytes;
    uint64_t progress_bytes;
};

struct owner bench_member(const char *id);
/* Offline, without a name, for ever. */
struct tracker_request bench_request(const struct bench *bench, enum tracker_action action,
                                     const char *owner, size_t object, enum pin_mode mode);
void bench_start(struct bench *bench, struct reply *reply, const struct tracker_request *request);
/* Until it is answered. */
void bench_await(struct bench *bench, const struct reply *reply);
/* Both. */
enum tracker_outcome bench_run(struct bench *bench, enum tracker_action action, const char *owner,
                               size_t object, enum pin_mode mode);
/* Recursively. */
enum tracker_outcome bench_claim(struct bench *bench, const char *owner, size_t object);
enum tracker_outcome bench_release(struct bench *bench, const char *owner, size_t object);

/* ---- the storage */

/* Ends what is under way until the oldest is of that kind. */
void bench_await_operation(struct bench *bench, enum shelf_kind kind);
/* Starts a call and stops at its operation of that kind: the storage is slow from now on. */
void bench_hold(struct bench *bench, struct reply *reply, const struct tracker_request *request,
                enum shelf_kind kind);
/* Until so many operations were canceled since the start. */
void bench_await_cancels(struct bench *bench, unsigned count);
/* Our pin of it. */
enum pin_mode bench_upstream(struct bench *bench, size_t object);

/* ---- what the ledger says */

/* Done: at most a thousand of the owner's pins. The caller destroys it. */
struct transaction *bench_list_pins(struct bench *bench, const char *owner);
size_t bench_pins(struct bench *bench, const char *owner);
/* Of the owner's only pin. */
enum pin_state bench_state(struct bench *bench, const char *owner);
struct slice bench_key(const struct bench *bench, size_t object);
/* Of the journal. */
size_t bench_open_entries(struct bench *bench);
/* owner NULL: the organization's. */
struct usage bench_usage(struct bench *bench, const char *owner);
/* Adding everything up again finds nothing different, and the counters say the same. */
void bench_assert_sound(struct bench *bench);

#endif
