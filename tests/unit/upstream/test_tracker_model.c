// SPDX-License-Identifier: Apache-2.0
/* Many members call the pin tracker at random; what they have agrees with a model. */
#include "tracker_bench.h"

enum { MEMBERS = 64, ROUNDS = 3000 };

struct player {
    char id[16];
    struct tracker_request request; /* the newest */
    size_t object;                  /* its */
    struct reply reply;
    enum pin_mode holds[OBJECTS];
    bool is_known[OBJECTS]; /* false: a call was given up */
};

static enum pin_mode ledger_holds(struct bench *bench, const struct player *player, size_t object)
{
    struct transaction *get = transaction_create(TRANSACTION_OBJECT_GET);
    struct owner owner = bench_member(player->id);
    enum pin_mode held = PIN_NONE;
    struct error err = {0};

    get->object_get.key = bench_key(bench, object);
    if (store_run(bench->kit->store, get, &err))
        for (size_t i = 0; i < get->object_get.count; i++)
            if (owner_equal(&get->object_get.pins[i].owner, &owner))
                held = get->object_get.pins[i].held;
    transaction_destroy(&get);
    return held;
}

static void settle(struct player *player)
{
    const struct tracker_request *request = &player->request;
    size_t object = player->object;

    switch (player->reply.outcome) {
    case TRACKER_DONE:
        player->holds[object] = request->action == TRACKER_CLAIM ? request->mode : PIN_NONE;
        player->is_known[object] = true;
        break;
    case TRACKER_NOT_PINNED:
        if (player->is_known[object])
            assert_int_equal(player->holds[object], PIN_NONE);
        break;
    case TRACKER_PINNED_RECURSIVELY:
        if (player->is_known[object])
            assert_int_equal(player->holds[object], PIN_RECURSIVE);
        break;
    default: /* all is as before */
        break;
    }
}

/* Settles or, at times, gives up what it asked before, then asks anew; or goes on waiting. */
static void play(struct bench *bench, struct player *player, unsigned *seed)
{
    size_t object = (size_t)rand_r(seed) % OBJECTS;
    bool claims = rand_r(seed) % 3 != 0;

    if (player->reply.count == 1) {
        settle(player);
    } else if (player->reply.call != NULL) {
        if (rand_r(seed) % 4 != 0)
            return;
        player->is_known[player->object] = false;
        tracker_cancel(&player->reply.call);
    }
    player->object = object;
    player->request = bench_request(bench, claims ? TRACKER_CLAIM : TRACKER_RELEASE, player->id,
                                    object, rand_r(seed) % 4 == 0 ? PIN_DIRECT : PIN_RECURSIVE);
    bench_start(bench, &player->reply, &player->request);
}

static void check(struct bench *bench, struct player *players)
{
    for (size_t object = 0; object < OBJECTS; object++) {
        enum pin_mode strongest = PIN_NONE;

        for (size_t i = 0; i < MEMBERS; i++) {
            enum pin_mode held = ledger_holds(bench, &players[i], object);

            if (players[i].is_known[object])
                assert_int_equal(held, players[i].holds[object]);
            if (held > strongest)
                strongest = held;
        }
        assert_int_equal(bench_upstream(bench, object), strongest);
    }
    assert_int_equal(bench_open_entries(bench), 0);
    bench_assert_sound(bench);
}

static void interleave(struct bench *bench, unsigned seed, unsigned failures)
{
    struct player *players = memory_alloc(MEMBERS * sizeof(*players));

    for (int i = 0; i < MEMBERS; i++) {
        snprintf(players[i].id, sizeof(players[i].id), "m%d", i);
        for (int j = 0; j < OBJECTS; j++)
            players[i].is_known[j] = true;
    }
    bench->shelf->failures = failures;
    for (int round = 0; round < ROUNDS; round++) {
        play(bench, &players[rand_r(&seed) % MEMBERS], &seed);
        if (rand_r(&seed) % 3 == 0)
            bench_turn(bench, 1);
    }
    bench->shelf->failures = 0;
    for (int i = 0; i < MEMBERS; i++) {
        if (players[i].reply.call != NULL)
            bench_await(bench, &players[i].reply);
        if (players[i].reply.count == 1)
            settle(&players[i]);
    }
    bench_turn(bench, 200);
    bench_reopen(bench); /* what failed is seen to */
    check(bench, players);
    free(players);
}

static void test_tracker_random_interleavings_agree_with_a_model(void **state)
{
    interleave(*state, 1, 0);
}

static void test_tracker_random_failures_agree_with_a_model(void **state)
{
    interleave(*state, 2, 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BENCH_TEST(test_tracker_random_interleavings_agree_with_a_model),
        BENCH_TEST(test_tracker_random_failures_agree_with_a_model),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
