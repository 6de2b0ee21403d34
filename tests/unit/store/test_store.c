// SPDX-License-Identifier: Apache-2.0
/* The ledger thread: order, groups, answers, cancel, bound, closing. */
#include "gate.h"
#include "store/engine.h"

#include <pthread.h>

/* ---- callbacks, counted */

struct answers {
    unsigned count, failures;
    unsigned order[256];
    pthread_t thread;
};

struct asked {
    struct answers *answers;
    unsigned n;
};

static void on_done(void *asked_, struct transaction *transaction)
{
    struct asked *asked = asked_;
    struct answers *answers = asked->answers;

    answers->order[answers->count++] = asked->n;
    answers->failures += transaction->err.code != ERROR_NONE;
    answers->thread = pthread_self();
}

static void await(struct kit *kit, const struct answers *answers, unsigned count)
{
    for (int turns = 0; answers->count < count && turns < 1000; turns++)
        loop_turn(kit->loop, 10);
    assert_int_equal(answers->count, count);
}

static void test_store_runs_what_waits_as_one_group(void **state)
{
    struct kit *kit = *state;
    struct answers answers = {0};
    struct asked asked[200];
    struct store_counters counters;
    struct error err = {0};
    struct gate gate;

    gate_close(&gate, kit);
    for (unsigned n = 0; n < 200; n++) {
        asked[n] = (struct asked){&answers, n};
        assert_true(store_start(kit->store, kit->loop, kit_token_add(n, "alice"), on_done,
                                &asked[n], &err));
    }
    assert_int_equal(store_counters(kit->store).waiting, 200);
    sem_post(&gate.open);
    await(kit, &answers, 200);
    counters = store_counters(kit->store);
    assert_int_equal(counters.groups, 2); /* the gate's own, and one for all that waited */
    assert_int_equal(counters.largest_group, 200);
    assert_int_equal(counters.transactions, 201);
    assert_int_equal(counters.failures, 0);
    assert_int_equal(counters.waiting, 0);
    assert_int_equal(answers.failures, 0);
    assert_true(pthread_equal(answers.thread, pthread_self()));
    for (unsigned n = 0; n < 200; n++)
        assert_int_equal(answers.order[n], n);
    gate_dispose(&gate, kit);
}

static void test_store_keeps_one_failure_of_a_group_to_itself(void **state)
{
    struct kit *kit = *state;
    struct answers answers = {0};
    struct asked asked[3] = {{&answers, 0}, {&answers, 1}, {&answers, 2}};
    struct error err = {0};
    struct gate gate;

    gate_close(&gate, kit);
    assert_true(
        store_start(kit->store, kit->loop, kit_token_add(1, "alice"), on_done, &asked[0], &err));
    assert_true(
        store_start(kit->store, kit->loop, kit_token_add(1, "mallory"), on_done, &asked[1], &err));
    assert_true(
        store_start(kit->store, kit->loop, kit_token_add(2, "bob"), on_done, &asked[2], &err));
    sem_post(&gate.open);
    await(kit, &answers, 3);
    assert_int_equal(answers.failures, 1);
    assert_int_equal(store_counters(kit->store).groups, 2);
    assert_int_equal(store_counters(kit->store).failures, 1);
    assert_int_equal(gate.seen, 3); /* the watch heard of the gate's and of the two that wrote */
    for (unsigned n = 1; n <= 2; n++) {
        struct transaction *get = transaction_create(TRANSACTION_TOKEN_GET);

        kit_token_id(get->token_get.id, n);
        assert_true(store_run(kit->store, get, &err));
        assert_string_equal(get->token_get.record.owner, n == 1 ? "alice" : "bob");
        transaction_destroy(&get);
    }
    gate_dispose(&gate, kit);
}

static void test_store_never_answers_from_inside_start(void **state)
{
    struct kit *kit = *state;
    struct answers answers = {0};
    struct asked asked = {&answers, 0};
    struct error err = {0};

    assert_true(
        store_start(kit->store, kit->loop, kit_token_add(1, "alice"), on_done, &asked, &err));
    while (store_counters(kit->store).transactions == 0)
        usleep(1000);
    assert_int_equal(answers.count, 0); /* done long since, but the loop has not turned */
    await(kit, &answers, 1);
    loop_turn(kit->loop, 20);
    assert_int_equal(answers.count, 1);
}

static void test_store_cancel_silences_the_answer_and_not_the_deed(void **state)
{
    struct kit *kit = *state;
    struct answers answers = {0};
    struct asked asked[2] = {{&answers, 0}, {&answers, 1}};
    struct transaction *canceled = kit_token_add(1, "alice");
    struct transaction *late = kit_token_add(2, "alice");
    struct error err = {0};
    struct gate gate;

    gate_close(&gate, kit);
    assert_true(store_start(kit->store, kit->loop, canceled, on_done, &asked[0], &err));
    store_cancel(canceled);
    sem_post(&gate.open);
    /* and one whose answer is on its way already */
    assert_true(store_start(kit->store, kit->loop, late, on_done, &asked[1], &err));
    while (store_counters(kit->store).transactions < 3)
        usleep(1000);
    store_cancel(late);
    for (int i = 0; i < 5; i++)
        loop_turn(kit->loop, 10);
    assert_int_equal(answers.count, 0);
    kit_run(kit, kit_token_add(1, "bob"), ERROR_MISMATCH);
    kit_run(kit, kit_token_add(2, "bob"), ERROR_MISMATCH);
    gate_dispose(&gate, kit);
}

static void
test_store_refuses_beyond_its_bound_and_leaves_the_transaction_to_its_owner(void **state)
{
    struct kit *kit = *state;
    struct store_settings settings = {.folder = kit->folder, .queue_max = 2};
    struct transaction *third = kit_token_add(3, "alice");
    struct answers answers = {0};
    struct asked asked[3] = {{&answers, 0}, {&answers, 1}, {&answers, 2}};
    struct error err = {0};
    struct gate gate;

    store_close(&kit->store);
    assert_true(store_open(&kit->store, &settings, &err));
    gate_close(&gate, kit);
    for (unsigned n = 0; n < 2; n++)
        assert_true(store_start(kit->store, kit->loop, kit_token_add(n, "alice"), on_done,
                                &asked[n], &err));
    assert_false(store_start(kit->store, kit->loop, third, on_done, &asked[2], &err));
    assert_int_equal(err.code, ERROR_LIMIT);
    assert_int_equal(store_counters(kit->store).refused, 1);
    sem_post(&gate.open);
    await(kit, &answers, 2);
    err = (struct error){0};
    assert_true(store_start(kit->store, kit->loop, third, on_done, &asked[2], &err));
    await(kit, &answers, 3);
    assert_int_equal(answers.failures, 0);
    gate_dispose(&gate, kit);
}

static void test_store_close_runs_and_answers_all_that_waits(void **state)
{
    struct kit *kit = *state;
    struct answers answers = {0};
    struct asked asked[100];
    struct error err = {0};

    for (unsigned n = 0; n < 100; n++) {
        asked[n] = (struct asked){&answers, n};
        assert_true(store_start(kit->store, kit->loop, kit_token_add(n, "alice"), on_done,
                                &asked[n], &err));
    }
    assert_true(
        store_start(kit->store, NULL, kit_token_add(500, "nobody waits"), NULL, NULL, &err));
    store_close(&kit->store);
    await(kit, &answers, 100);
    assert_int_equal(answers.failures, 0);
    kit_open(kit);
    for (unsigned n = 0; n < 100; n++)
        kit_run(kit, kit_token_add(n, "again"), ERROR_MISMATCH);
    kit_run(kit, kit_token_add(500, "again"), ERROR_MISMATCH);
}

static void test_store_splits_a_long_queue_into_groups(void **state)
{
    struct kit *kit = *state;
    struct store_settings settings = {.folder = kit->folder, .group_max = 10};
    struct answers answers = {0};
    struct asked asked[25];
    struct error err = {0};
    struct gate gate;

    store_close(&kit->store);
    assert_true(store_open(&kit->store, &settings, &err));
    gate_close(&gate, kit);
    for (unsigned n = 0; n < 25; n++) {
        asked[n] = (struct asked){&answers, n};
        assert_true(store_start(kit->store, kit->loop, kit_token_add(n, "alice"), on_done,
                                &asked[n], &err));
    }
    sem_post(&gate.open);
    await(kit, &answers, 25);
    assert_int_equal(store_counters(kit->store).groups, 4);
    for (unsigned n = 0; n < 25; n++)
        assert_int_equal(answers.order[n], n);
    gate_dispose(&gate, kit);
}

/* ---- several that belong together */

static void start_all(struct kit *kit, unsigned first, unsigned count, struct asked *asked)
{
    struct transaction *all[16];
    struct error err = {0};

    assert_true(count <= ARRAY_SIZE(all));
    for (unsigned n = 0; n < count; n++)
        all[n] = kit_token_add(first + n, "alice");
    assert_true(store_start_all(kit->store, kit->loop, all, count, on_done, asked, &err));
}

static void test_store_takes_all_or_none_of_what_belongs_together(void **state)
{
    struct kit *kit = *state;
    struct store_settings settings = {.folder = kit->folder, .queue_max = 4};
    struct transaction *all[] = {kit_token_add(10, "alice"), kit_token_add(11, "alice")};
    struct answers answers = {0};
    struct asked asked = {&answers, 0};
    struct error err = {0};
    struct gate gate;

    store_close(&kit->store);
    assert_true(store_open(&kit->store, &settings, &err));
    gate_close(&gate, kit);
    start_all(kit, 0, 3, &asked);
    assert_false(store_start_all(kit->store, kit->loop, all, 2, on_done, &asked, &err));
    assert_int_equal(err.code, ERROR_LIMIT);
    assert_int_equal(store_counters(kit->store).waiting, 3);
    sem_post(&gate.open);
    await(kit, &answers, 3);
    err = (struct error){0};
    assert_true(store_start_all(kit->store, kit->loop, all, 2, on_done, &asked, &err));
    await(kit, &answers, 5);
    assert_int_equal(answers.failures, 0);
    gate_dispose(&gate, kit);
}

static void test_store_does_not_split_what_belongs_together(void **state)
{
    static const struct {
        unsigned first, second; /* how many belong together */
        unsigned groups;        /* with the gate's own */
    } rows[] = {{6, 4, 2}, {6, 5, 3}, {1, 10, 3}, {10, 10, 3}, {12, 3, 3}, {3, 12, 4}};

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct kit *kit = *state;
        struct store_settings settings = {.folder = kit->folder, .group_max = 10};
        unsigned count = rows[i].first + rows[i].second;
        struct answers answers = {0};
        struct asked asked = {&answers, 0};
        struct error err = {0};
        struct gate gate;

        store_close(&kit->store);
        assert_true(store_open(&kit->store, &settings, &err));
        gate_close(&gate, kit);
        start_all(kit, 32 * (unsigned)i, rows[i].first, &asked);
        start_all(kit, 32 * (unsigned)i + 16, rows[i].second, &asked);
        sem_post(&gate.open);
        await(kit, &answers, count);
        assert_int_equal(answers.failures, 0);
        assert_int_equal(store_counters(kit->store).groups, rows[i].groups);
        gate_dispose(&gate, kit);
    }
}

/* ---- many threads at once, each with a loop of its own */

enum { THREADS = 4, EACH = 200 };

struct client {
    pthread_t thread;
    struct store *store;
    unsigned number, done, failures;
};

static void on_client_done(void *client_, struct transaction *transaction)
{
    struct client *client = client_;

    client->done++;
    client->failures += transaction->err.code != ERROR_NONE;
}

static void *run_client(void *client_)
{
    struct client *client = client_;
    struct loop *loop = loop_create(NULL);
    unsigned started = 0;

    while (client->done < EACH) {
        struct error err = {0};

        if (started < EACH) {
            unsigned n = client->number * EACH + started++;

            if (!store_start(client->store, loop, kit_token_add(n, "alice"), on_client_done, client,
                             &err))
                abort();
        }
        loop_turn(loop, started < EACH ? 0 : 10);
    }
    loop_destroy(&loop);
    return NULL;
}

static void test_store_serves_many_threads_and_the_blocking_call_beside_them(void **state)
{
    struct kit *kit = *state;
    struct client clients[THREADS] = {0};
    struct transaction *list = transaction_create(TRANSACTION_TOKEN_LIST);
    struct error err = {0};

    for (unsigned i = 0; i < THREADS; i++) {
        clients[i] = (struct client){.store = kit->store, .number = i};
        assert_int_equal(pthread_create(&clients[i].thread, NULL, run_client, &clients[i]), 0);
    }
    for (unsigned n = 0; n < 20; n++)
        kit_run(kit, kit_token_add(10000 + n, "bob"), ERROR_NONE);
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(clients[i].thread, NULL);
        assert_int_equal(clients[i].failures, 0);
    }
    list->token_list.limit = 10000;
    assert_true(store_run(kit->store, list, &err));
    assert_int_equal(list->token_list.count, THREADS * EACH + 20);
    transaction_destroy(&list);
}

/* ---- an engine whose groups fail */

static bool broken_open(struct engine **engine, const char *folder, char uuid[RECORD_UUID_SIZE],
                        struct error *err)
{
    *engine = memory_alloc(1);
    return true;
}

static void broken_close(struct engine **engine)
{
    free(*engine);
    *engine = NULL;
}

static bool broken_run(struct engine *engine, struct transaction *const *group, size_t count,
                       struct error *err)
{
    return error_set(err, ERROR_IO, "the disk is gone");
}

static const struct engine_kind broken = {"broken", broken_open, broken_close, broken_run};

static void test_store_tells_every_waiter_of_a_group_that_failed(void **state)
{
    struct kit *kit = *state;
    struct store_settings settings = {.folder = kit->folder, .engine = &broken};
    struct answers answers = {0};
    struct asked asked[5];
    struct gate gate = {.watch = {.on_change = gate_on_change}};
    struct error err = {0};

    store_close(&kit->store);
    assert_true(store_open(&kit->store, &settings, &err));
    store_watch(kit->store, &gate.watch);
    for (unsigned n = 0; n < 5; n++) {
        asked[n] = (struct asked){&answers, n};
        assert_true(store_start(kit->store, kit->loop, kit_token_add(n, "alice"), on_done,
                                &asked[n], &err));
    }
    await(kit, &answers, 5);
    assert_int_equal(answers.failures, 5);
    assert_int_equal(gate.seen, 0); /* nothing changed, so no watch hears of it */
    store_unwatch(kit->store, &gate.watch);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, kit_setup, kit_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_store_runs_what_waits_as_one_group),
        TEST(test_store_keeps_one_failure_of_a_group_to_itself),
        TEST(test_store_never_answers_from_inside_start),
        TEST(test_store_cancel_silences_the_answer_and_not_the_deed),
        TEST(test_store_refuses_beyond_its_bound_and_leaves_the_transaction_to_its_owner),
        TEST(test_store_close_runs_and_answers_all_that_waits),
        TEST(test_store_splits_a_long_queue_into_groups),
        TEST(test_store_takes_all_or_none_of_what_belongs_together),
        TEST(test_store_does_not_split_what_belongs_together),
        TEST(test_store_serves_many_threads_and_the_blocking_call_beside_them),
        TEST(test_store_tells_every_waiter_of_a_group_that_failed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
