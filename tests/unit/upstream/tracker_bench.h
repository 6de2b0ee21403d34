// SPDX-License-Identifier: Apache-2.0
/* A tracker over a played storage and a real ledger, for its tests and those of what stands on it.
 */
#ifndef TESTS_UPSTREAM_TRACKER_BENCH_H
#define TESTS_UPSTREAM_TRACKER_BENCH_H

#include "shelf.h"
#include "tests/unit/store/kit.h"
#include "upstream/tracker.h"

enum { OBJECTS = 8, TREE = 7 }; /* TREE has a v0 form */

struct bench {
    struct kit *kit;
    struct shelf *shelf;
    struct tracker *tracker;
    struct cid cids[OBJECTS];
    struct quota_counter bytes, pins, org_bytes, org_pins;
    uint64_t bytes_limit, pins_limit;
    uint64_t now_ms;
};

/* The wall clock of all tests. */
static inline uint64_t now_ms(void)
{
    return 1000000;
}

static inline size_t limits(void *bench_, const struct owner *owner, bool is_pins,
                            struct quota_limit *limit)
{
    struct bench *bench = bench_;
    struct quota_counter *of_owner = is_pins ? &bench->pins : &bench->bytes;
    struct quota_counter *of_org = is_pins ? &bench->org_pins : &bench->org_bytes;

    *limit = (struct quota_limit){.id = "shelf-room",
                                  .scope = owner != NULL ? "all members" : "the organization",
                                  .limit = UINT64_MAX,
                                  .counter = owner != NULL ? of_owner : of_org};
    if (owner != NULL)
        limit->limit = is_pins ? bench->pins_limit : bench->bytes_limit;
    return 1;
}

static inline void open_tracker(struct bench *bench)
{
    struct tracker_settings settings = {.loop = bench->kit->loop,
                                        .store = bench->kit->store,
                                        .upstream = &bench->shelf->upstream,
                                        .quotas = {limits, bench},
                                        .now_ms = now_ms};

    bench->tracker = tracker_create(&settings);
}

static inline int setup(void **state)
{
    struct bench *bench = memory_alloc(sizeof(*bench));
    void *kit;

    kit_setup(&kit);
    bench->kit = kit;
    bench->shelf = shelf_create(bench->kit->loop);
    bench->bytes_limit = bench->pins_limit = UINT64_MAX;
    for (size_t i = 0; i < OBJECTS; i++) {
        uint8_t digest[32] = {(uint8_t)(i + 1)};

        cid_make(&bench->cids[i], 1, i == TREE ? CODEC_DAG_PB : CODEC_RAW, 0x12, digest,
                 sizeof(digest));
        shelf_put(bench->shelf, &bench->cids[i], 100 * (i + 1));
    }
    open_tracker(bench);
    *state = bench;
    return 0;
}

static inline int teardown(void **state)
{
    struct bench *bench = *state;
    void *kit = bench->kit;

    tracker_destroy(&bench->tracker);
    shelf_destroy(&bench->shelf);
    kit_teardown(&kit);
    free(bench);
    return 0;
}

/* ---- calls */

struct reply {
    struct tracker_call *call;
    unsigned count;
    enum tracker_outcome outcome;
    char text[600];
    char id[ULID_SIZE];
    uint64_t bytes;
    unsigned progress_count;
    uint64_t progress_bytes;
};

static inline void on_done(void *reply_, const struct tracker_answer *answer)
{
    struct reply *reply = reply_;

    reply->call = NULL;
    reply->count++;
    reply->outcome = answer->outcome;
    reply->bytes = answer->bytes;
    snprintf(reply->text, sizeof(reply->text), "%.*s", SLICE_ARGS(answer->text));
    memcpy(reply->id, answer->id, sizeof(reply->id));
}

static inline void on_progress(void *reply_, uint64_t nodes, uint64_t bytes)
{
    struct reply *reply = reply_;

    reply->progress_count++;
    reply->progress_bytes = bytes;
}

static inline struct owner member(const char *id)
{
    struct owner owner = {.kind = OWNER_MEMBER};

    snprintf(owner.id, sizeof(owner.id), "%s", id);
    return owner;
}

static inline struct tracker_request request_of(const struct bench *bench,
                                                enum tracker_action action, const char *owner,
                                                size_t object, enum pin_mode mode)
{
    return (struct tracker_request){.action = action,
                                    .owner = member(owner),
                                    .cid = bench->cids[object],
                                    .mode = mode,
                                    .offline = true,
                                    .wants_progress = true};
}

static inline void start(struct bench *bench, struct reply *reply,
                         const struct tracker_request *request)
{
    struct error err = {0};

    *reply = (struct reply){0};
    if (!tracker_start(bench->tracker, bench->kit->loop, &reply->call, request, on_progress,
                       on_done, reply, &err))
        fail_msg("%s", err.text);
}

static inline void turn(struct bench *bench, int count)
{
    for (int i = 0; i < count; i++)
        loop_turn(bench->kit->loop, 1);
}

static inline void await(struct bench *bench, const struct reply *reply)
{
    for (int turns = 0; reply->count == 0 && turns < 5000; turns++)
        loop_turn(bench->kit->loop, 2);
    assert_int_equal(reply->count, 1);
}

static inline enum tracker_outcome run(struct bench *bench, enum tracker_action action,
                                       const char *owner, size_t object, enum pin_mode mode)
{
    struct tracker_request request = request_of(bench, action, owner, object, mode);
    struct reply reply;

    start(bench, &reply, &request);
    await(bench, &reply);
    return reply.outcome;
}

static inline enum tracker_outcome claim(struct bench *bench, const char *owner, size_t object)
{
    return run(bench, TRACKER_CLAIM, owner, object, PIN_RECURSIVE);
}

static inline enum tracker_outcome release(struct bench *bench, const char *owner, size_t object)
{
    return run(bench, TRACKER_RELEASE, owner, object, PIN_RECURSIVE);
}

/* ---- what the ledger says */

static inline size_t pins_of(struct bench *bench, const char *owner)
{
    struct transaction *list = transaction_create(TRANSACTION_PIN_LIST);
    struct error err = {0};
    size_t count;

    list->pin_list.owner = member(owner);
    list->pin_list.limit = 1000;
    assert_true(store_run(bench->kit->store, list, &err));
    count = list->pin_list.count;
    transaction_destroy(&list);
    return count;
}

static inline enum pin_state state_of(struct bench *bench, const char *owner)
{
    struct transaction *list = transaction_create(TRANSACTION_PIN_LIST);
    struct error err = {0};
    enum pin_state state;

    list->pin_list.owner = member(owner);
    list->pin_list.limit = 1;
    assert_true(store_run(bench->kit->store, list, &err));
    assert_int_equal(list->pin_list.count, 1);
    state = list->pin_list.records[0].state;
    transaction_destroy(&list);
    return state;
}

static inline size_t open_entries(struct bench *bench)
{
    struct transaction *list = transaction_create(TRANSACTION_JOURNAL_LIST);
    struct error err = {0};
    size_t count;

    list->journal_list.limit = 1000;
    assert_true(store_run(bench->kit->store, list, &err));
    count = list->journal_list.count;
    transaction_destroy(&list);
    return count;
}

static inline struct usage usage_of(struct bench *bench, const char *owner)
{
    struct transaction *get = transaction_create(TRANSACTION_USAGE_GET);
    struct error err = {0};
    struct usage usage;

    get->usage_get.is_org = owner == NULL;
    if (owner != NULL)
        get->usage_get.owner = member(owner);
    assert_true(store_run(bench->kit->store, get, &err));
    usage = get->usage_get.usage;
    transaction_destroy(&get);
    return usage;
}

/* Adding everything up again finds nothing different, and the counters say the same. */
static inline void assert_sound(struct bench *bench)
{
    struct transaction *recount = transaction_create(TRANSACTION_USAGE_RECOUNT);
    struct error err = {0};

    assert_true(store_run(bench->kit->store, recount, &err));
    assert_int_equal(recount->usage_recount.different, 0);
    assert_int_equal(recount->usage_recount.org.bytes, atomic_load(&bench->org_bytes.used));
    assert_int_equal(recount->usage_recount.org.pins, atomic_load(&bench->org_pins.used));
    transaction_destroy(&recount);
}

static inline enum pin_mode upstream_of(struct bench *bench, size_t object)
{
    return shelf_find(bench->shelf, &bench->cids[object])->ours;
}

#endif
