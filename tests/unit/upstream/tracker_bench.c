// SPDX-License-Identifier: Apache-2.0
#include "tracker_bench.h"

uint64_t bench_now_ms(void)
{
    return 1000000;
}

static size_t limits(void *bench_, const struct owner *owner, bool is_pins,
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

void bench_open_tracker(struct bench *bench)
{
    struct tracker_settings settings = {.loop = bench->kit->loop,
                                        .store = bench->kit->store,
                                        .upstream = &bench->shelf->upstream,
                                        .quotas = {limits, bench},
                                        .now_ms = bench_now_ms,
                                        .late_ms = LATE_MS};

    bench->tracker = tracker_create(&settings);
}

int bench_setup(void **state)
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
    bench_open_tracker(bench);
    *state = bench;
    return 0;
}

int bench_teardown(void **state)
{
    struct bench *bench = *state;
    void *kit = bench->kit;

    tracker_destroy(&bench->tracker);
    shelf_destroy(&bench->shelf);
    kit_teardown(&kit);
    free(bench);
    return 0;
}

void bench_turn(struct bench *bench, int count)
{
    for (int i = 0; i < count; i++)
        loop_turn(bench->kit->loop, 1);
}

void bench_reopen(struct bench *bench)
{
    tracker_destroy(&bench->tracker);
    bench_open_tracker(bench);
    bench_turn(bench, 100);
}

/* ---- calls */

static void on_done(void *reply_, const struct tracker_answer *answer)
{
    struct reply *reply = reply_;

    reply->call = NULL;
    reply->count++;
    reply->outcome = answer->outcome;
    reply->bytes = answer->bytes;
    snprintf(reply->text, sizeof(reply->text), "%.*s", SLICE_ARGS(answer->text));
    memcpy(reply->id, answer->id, sizeof(reply->id));
}

static void on_progress(void *reply_, uint64_t nodes, uint64_t bytes)
{
    struct reply *reply = reply_;

    reply->progress_bytes = bytes;
}

struct owner bench_member(const char *id)
{
    struct owner owner = {.kind = OWNER_MEMBER};

    snprintf(owner.id, sizeof(owner.id), "%s", id);
    return owner;
}

struct tracker_request bench_request(const struct bench *bench, enum tracker_action action,
                                     const char *owner, size_t object, enum pin_mode mode)
{
    return (struct tracker_request){.action = action,
                                    .owner = bench_member(owner),
                                    .cid = bench->cids[object],
                                    .mode = mode,
                                    .offline = true,
                                    .wants_progress = true};
}

void bench_start(struct bench *bench, struct reply *reply, const struct tracker_request *request)
{
    struct error err = {0};

    *reply = (struct reply){0};
    if (!tracker_start(bench->tracker, bench->kit->loop, &reply->call, request, on_progress,
                       on_done, reply, &err))
        fail_msg("%s", err.text);
}

void bench_await(struct bench *bench, const struct reply *reply)
{
    for (int turns = 0; reply->count == 0 && turns < 5000; turns++)
        loop_turn(bench->kit->loop, 2);
    assert_int_equal(reply->count, 1);
}

enum tracker_outcome bench_run(struct bench *bench, enum tracker_action action, const char *owner,
                               size_t object, enum pin_mode mode)
{
    struct tracker_request request = bench_request(bench, action, owner, object, mode);
    struct reply reply;

    bench_start(bench, &reply, &request);
    bench_await(bench, &reply);
    return reply.outcome;
}

enum tracker_outcome bench_claim(struct bench *bench, const char *owner, size_t object)
{
    return bench_run(bench, TRACKER_CLAIM, owner, object, PIN_RECURSIVE);
}

enum tracker_outcome bench_release(struct bench *bench, const char *owner, size_t object)
{
    return bench_run(bench, TRACKER_RELEASE, owner, object, PIN_RECURSIVE);
}

/* ---- the storage */

void bench_await_operation(struct bench *bench, enum shelf_kind kind)
{
    for (int turns = 0; turns < 1000; turns++) {
        if (bench->shelf->first != NULL && bench->shelf->first->kind == kind)
            return;
        if (bench->shelf->first != NULL)
            shelf_end(bench->shelf);
        loop_turn(bench->kit->loop, 2);
    }
    fail_msg("no such operation came");
}

void bench_hold(struct bench *bench, struct reply *reply, const struct tracker_request *request,
                enum shelf_kind kind)
{
    bench->shelf->is_slow = true;
    bench_start(bench, reply, request);
    bench_await_operation(bench, kind);
}

void bench_await_cancels(struct bench *bench, unsigned count)
{
    for (int turns = 0; bench->shelf->cancels < count && turns < 1000; turns++)
        bench_turn(bench, 1);
    assert_int_equal(bench->shelf->cancels, count);
}

enum pin_mode bench_upstream(struct bench *bench, size_t object)
{
    return shelf_find(bench->shelf, &bench->cids[object])->ours;
}

/* ---- what the ledger says */

struct transaction *bench_list_pins(struct bench *bench, const char *owner)
{
    struct transaction *list = transaction_create(TRANSACTION_PIN_LIST);
    struct error err = {0};

    list->pin_list.owner = bench_member(owner);
    list->pin_list.limit = 1000;
    assert_true(store_run(bench->kit->store, list, &err));
    return list;
}

size_t bench_pins(struct bench *bench, const char *owner)
{
    struct transaction *list = bench_list_pins(bench, owner);
    size_t count = list->pin_list.count;

    transaction_destroy(&list);
    return count;
}

enum pin_state bench_state(struct bench *bench, const char *owner)
{
    struct transaction *list = bench_list_pins(bench, owner);
    enum pin_state state;

    assert_int_equal(list->pin_list.count, 1);
    state = list->pin_list.records[0].state;
    transaction_destroy(&list);
    return state;
}

struct slice bench_key(const struct bench *bench, size_t object)
{
    return (struct slice){(const char *)bench->cids[object].bytes, bench->cids[object].size};
}

size_t bench_open_entries(struct bench *bench)
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

struct usage bench_usage(struct bench *bench, const char *owner)
{
    struct transaction *get = transaction_create(TRANSACTION_USAGE_GET);
    struct error err = {0};
    struct usage usage;

    get->usage_get.is_org = owner == NULL;
    if (owner != NULL)
        get->usage_get.owner = bench_member(owner);
    assert_true(store_run(bench->kit->store, get, &err));
    usage = get->usage_get.usage;
    transaction_destroy(&get);
    return usage;
}

void bench_assert_sound(struct bench *bench)
{
    struct transaction *recount = transaction_create(TRANSACTION_USAGE_RECOUNT);
    struct error err = {0};

    assert_true(store_run(bench->kit->store, recount, &err));
    assert_int_equal(recount->usage_recount.different, 0);
    assert_int_equal(recount->usage_recount.org.bytes, atomic_load(&bench->org_bytes.used));
    assert_int_equal(recount->usage_recount.org.pins, atomic_load(&bench->org_pins.used));
    transaction_destroy(&recount);
}
