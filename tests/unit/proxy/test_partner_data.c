// SPDX-License-Identifier: Apache-2.0
/* What is done for allocations, with the collection of garbage in between: transfers and the
 * tracker are played here. */
#include "proxy/partner_data.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../http/clock.h"

#define ID   "01jd0000000000000000000001"
#define LINK "01jd0000000000000000000002"

struct bench {
    struct loop *loop;
    struct write_gate gate;
    struct partner_data *data;
    struct allocations_ways ways;
    struct allocation_record record;
    void *operation;
    unsigned done;
    struct error err;
    /* what was asked for */
    transfers_ended on_transferred;
    tracker_done on_tracked;
    void *transfer_arg, *call_arg;
    operation_done on_stored;
    void *store_arg;
    char car[4096];
    ssize_t car_size;
    unsigned imports, claims, removes, cancels, stores, store_cancels;
};

static struct bench *bench;

bool __wrap_upstream_import(struct upstream *upstream, struct operation **operation,
                            const char *path, operation_done on_done, void *arg, struct error *err);
bool __wrap_upstream_import(struct upstream *upstream, struct operation **operation,
                            const char *path, operation_done on_done, void *arg, struct error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    assert_true(fd >= 0);
    bench->car_size = read(fd, bench->car, sizeof(bench->car));
    close(fd);
    bench->stores++;
    bench->on_stored = on_done;
    bench->store_arg = arg;
    *operation = (struct operation *)bench;
    return true;
}

void __wrap_upstream_cancel(struct operation **operation);
void __wrap_upstream_cancel(struct operation **operation)
{
    bench->store_cancels += *operation != NULL;
    *operation = NULL;
}

static bool begin_transfer(struct transfer **transfer, transfers_ended on_done, void *arg)
{
    *transfer = (struct transfer *)bench; /* never looked into */
    bench->on_transferred = on_done;
    bench->transfer_arg = arg;
    return true;
}

bool __wrap_transfers_import(struct transfers *transfers, struct transfer **transfer,
                             const struct transfers_order *order, transfers_ended on_done,
                             void *arg, struct error *err);
bool __wrap_transfers_import(struct transfers *transfers, struct transfer **transfer,
                             const struct transfers_order *order, transfers_ended on_done,
                             void *arg, struct error *err)
{
    assert_string_equal(order->id, ID);
    assert_string_equal(order->link, LINK);
    bench->imports++;
    return begin_transfer(transfer, on_done, arg);
}

bool __wrap_transfers_remove(struct transfers *transfers, struct transfer **transfer,
                             const char *link, const char *id, transfers_ended on_done, void *arg,
                             struct error *err);
bool __wrap_transfers_remove(struct transfers *transfers, struct transfer **transfer,
                             const char *link, const char *id, transfers_ended on_done, void *arg,
                             struct error *err)
{
    assert_string_equal(id, ID);
    bench->removes++;
    return begin_transfer(transfer, on_done, arg);
}

void __wrap_transfers_cancel(struct transfer **transfer);
void __wrap_transfers_cancel(struct transfer **transfer)
{
    bench->cancels += *transfer != NULL;
    *transfer = NULL;
}

bool __wrap_tracker_start(struct tracker *tracker, struct loop *loop, struct tracker_call **call,
                          const struct tracker_request *request, tracker_progress on_progress,
                          tracker_done on_done, void *arg, struct error *err);
bool __wrap_tracker_start(struct tracker *tracker, struct loop *loop, struct tracker_call **call,
                          const struct tracker_request *request, tracker_progress on_progress,
                          tracker_done on_done, void *arg, struct error *err)
{
    assert_int_equal(request->action, TRACKER_CLAIM);
    assert_string_equal(request->owner.id, "beta");
    bench->claims++;
    *call = (struct tracker_call *)bench;
    bench->on_tracked = on_done;
    bench->call_arg = arg;
    return true;
}

void __wrap_tracker_cancel(struct tracker_call **call);
void __wrap_tracker_cancel(struct tracker_call **call)
{
    *call = NULL;
}

static int setup(void **state)
{
    struct partner_data_settings settings;
    uint8_t digest[32] = {1};

    bench = calloc(1, sizeof(*bench));
    assert_non_null(bench);
    bench->loop = loop_create(NULL);
    settings = (struct partner_data_settings){.loop = bench->loop, .gate = &bench->gate};
    bench->data = partner_data_create(&settings);
    partner_data_fill(bench->data, &bench->ways);
    memcpy(bench->record.id, ID, sizeof(ID));
    memcpy(bench->record.link, LINK, sizeof(LINK));
    cid_make(&bench->record.root, 1, CODEC_RAW, 0x12, digest, sizeof(digest));
    *state = bench;
    return 0;
}

static int teardown(void **state)
{
    if (bench->operation != NULL)
        bench->ways.cancel(bench->ways.arg, &bench->operation);
    assert_int_equal(atomic_load(&bench->gate.inside), 0);
    partner_data_destroy(&bench->data);
    loop_destroy(&bench->loop);
    free(bench);
    return 0;
}

static void on_done(void *arg, unsigned status, const struct error *err)
{
    bench->operation = NULL;
    bench->done++;
    bench->err = (struct error){0};
    if (err != NULL)
        bench->err = *err;
}

static bool import(struct error *err)
{
    return bench->ways.import(bench->ways.arg, &bench->operation, "beta", &bench->record, SLICE(""),
                              on_done, NULL, err);
}

static void pass_ms(uint64_t ms)
{
    for (uint64_t passed = 0; passed < ms; passed += 100) {
        clock_advance_ms(100);
        loop_turn(bench->loop, 0);
    }
}

/* The tracker has it: whoever collects waits for that. */
static void test_import_leaves_the_gate_with_its_claim(void **state)
{
    const struct tracker_answer claimed = {.outcome = TRACKER_DONE};
    struct error err = {0};

    assert_true(import(&err));
    assert_int_equal(atomic_load(&bench->gate.inside), 1);
    bench->on_transferred(bench->transfer_arg, 0, NULL);
    assert_int_equal(bench->claims, 1);
    assert_int_equal(atomic_load(&bench->gate.inside), 0);
    write_gate_set(&bench->gate, WRITES_CUT);
    pass_ms(2000); /* it is not inside any more */
    assert_int_equal(bench->done, 0);
    bench->on_tracked(bench->call_arg, &claimed);
    assert_int_equal(bench->removes, 1);
    bench->on_transferred(bench->transfer_arg, 0, NULL);
    assert_int_equal(bench->done, 1);
    assert_int_equal(bench->err.code, ERROR_NONE);
}

static void test_import_is_cut_by_a_collection_and_may_be_tried_again(void **state)
{
    struct error err = {0};

    assert_true(import(&err));
    write_gate_set(&bench->gate, WRITES_WAIT);
    pass_ms(2000); /* whoever is inside may end */
    assert_int_equal(bench->done, 0);
    write_gate_set(&bench->gate, WRITES_CUT);
    pass_ms(1000);
    assert_int_equal(bench->done, 1);
    assert_int_equal(bench->cancels, 1);
    assert_int_equal(bench->err.code, ERROR_IO); /* what is final is another code */
    assert_int_equal(atomic_load(&bench->gate.inside), 0);
    assert_false(import(&err));
    assert_int_equal(err.code, ERROR_IO);
    write_gate_set(&bench->gate, WRITES_GO_ON);
    assert_true(import(&err));
    assert_int_equal(bench->imports, 2);
}

static void test_import_that_is_given_up_leaves_the_gate(void **state)
{
    struct error err = {0};

    assert_true(import(&err));
    bench->ways.cancel(bench->ways.arg, &bench->operation);
    assert_int_equal(atomic_load(&bench->gate.inside), 0);
    assert_int_equal(bench->cancels, 1);
    pass_ms(2000);
    assert_int_equal(bench->done, 0);
}

static bool carry(void **operation, const char *blocks)
{
    return bench->ways.import(bench->ways.arg, operation, "beta", &bench->record, slice_of(blocks),
                              on_done, NULL, NULL);
}

/* As many as wait; who comes meanwhile goes with the next. There is no spool to remove. */
static void test_what_came_along_is_taken_in_together(void **state)
{
    const struct tracker_answer claimed = {.outcome = TRACKER_DONE};
    void *operations[3] = {NULL};

    partner_data_use_storage(bench->data, (struct upstream *)bench);
    assert_true(carry(&operations[0], "one "));
    assert_true(carry(&operations[1], "two "));
    pass_ms(200);
    assert_int_equal(bench->stores, 1);
    assert_true(bench->car_size > 8);
    assert_memory_equal(bench->car + bench->car_size - 8, "one two ", 8);
    assert_true(carry(&operations[2], "three "));
    pass_ms(200);
    assert_int_equal(bench->stores, 1);
    assert_int_equal(atomic_load(&bench->gate.inside), 3);
    bench->on_stored(bench->store_arg, NULL, NULL);
    assert_int_equal(bench->claims, 2);
    assert_int_equal(bench->stores, 2);
    assert_memory_equal(bench->car + bench->car_size - 6, "three ", 6);
    assert_int_equal(atomic_load(&bench->gate.inside), 1);
    bench->on_tracked(bench->call_arg, &claimed);
    assert_int_equal(bench->done, 1);
    assert_int_equal(bench->removes + bench->imports, 0);
    bench->ways.cancel(bench->ways.arg, &operations[0]);
    bench->ways.cancel(bench->ways.arg, &operations[2]);
    assert_int_equal(bench->store_cancels, 1);
    partner_data_use_storage(bench->data, NULL);
}

static void test_what_came_along_goes_into_the_storage_of_now(void **state)
{
    struct error failed = {0};
    void *operation = NULL;

    partner_data_use_storage(bench->data, (struct upstream *)bench);
    assert_true(carry(&operation, "one "));
    pass_ms(200);
    partner_data_use_storage(bench->data, (struct upstream *)bench->car); /* a reload */
    assert_int_equal(bench->store_cancels, 1);
    pass_ms(200);
    assert_int_equal(bench->stores, 2);
    error_set(&failed, ERROR_IO, "the disk is full");
    bench->on_stored(bench->store_arg, NULL, &failed);
    assert_int_equal(bench->done, 1);
    assert_int_equal(bench->err.code, ERROR_IO);
    assert_int_equal(bench->claims, 0);
    partner_data_use_storage(bench->data, NULL);
}

static void test_what_came_along_is_cut_by_a_collection(void **state)
{
    void *operations[2] = {NULL};

    partner_data_use_storage(bench->data, (struct upstream *)bench);
    assert_true(carry(&operations[0], "one "));
    pass_ms(200);
    assert_true(carry(&operations[1], "two "));
    write_gate_set(&bench->gate, WRITES_CUT);
    pass_ms(1000);
    assert_int_equal(bench->done, 2);
    assert_int_equal(bench->store_cancels, 1);
    assert_int_equal(atomic_load(&bench->gate.inside), 0);
    partner_data_use_storage(bench->data, NULL);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_import_leaves_the_gate_with_its_claim),
        TEST(test_import_is_cut_by_a_collection_and_may_be_tried_again),
        TEST(test_import_that_is_given_up_leaves_the_gate),
        TEST(test_what_came_along_is_taken_in_together),
        TEST(test_what_came_along_goes_into_the_storage_of_now),
        TEST(test_what_came_along_is_cut_by_a_collection),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
