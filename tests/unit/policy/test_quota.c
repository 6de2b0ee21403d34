// SPDX-License-Identifier: Apache-2.0
#include "policy/quota.h"

#include "conf/text.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static uint64_t draw(uint64_t *random, uint64_t below)
{
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    return (*random >> 11) % below;
}

static void test_quota_takes_up_to_the_limit_and_not_one_more(void **state)
{
    struct quota_counter counter = {0};
    struct quota_limit limit = {"small", "member alice", 100, 0, &counter};
    struct quota_verdict verdict;

    assert_true(quota_take(&limit, 1, 99, &verdict));
    assert_int_equal(verdict.room, 1);
    assert_false(quota_take(&limit, 1, 2, &verdict));
    assert_int_equal(verdict.used, 99);
    assert_true(quota_take(&limit, 1, 1, &verdict));
    assert_int_equal(verdict.room, 0);
    assert_true(quota_take(&limit, 1, 0, &verdict));
    assert_false(quota_take(&limit, 1, UINT64_MAX, &verdict));
    quota_give(&limit, 1, 100);
    assert_true(quota_take(&limit, 1, 100, &verdict));
}

static void test_quota_takes_from_all_scopes_or_none_and_names_the_tightest(void **state)
{
    struct quota_counter own = {0}, group = {0}, org = {90};
    struct quota_limit limits[] = {{"each", "member alice", 50, 0, &own},
                                   {"staff", "group staff", 60, 0, &group},
                                   {"all", "org", 100, 0, &org}};
    struct quota_verdict verdict;

    assert_false(quota_take(limits, 3, 11, &verdict));
    assert_string_equal(verdict.tightest->id, "all");
    assert_int_equal(own.used, 0);
    assert_int_equal(group.used, 0);
    assert_true(quota_take(limits, 3, 10, &verdict));
    assert_string_equal(verdict.tightest->scope, "org");
    assert_int_equal(own.used, 10);
    assert_int_equal(org.used, 100);
    limits[2].limit = 1000;
    assert_string_equal(quota_look(limits, 3).tightest->id, "each");
    assert_null(quota_look(limits, 0).tightest);
    assert_true(quota_take(limits, 0, 5, &verdict)); /* nothing limits it */
}

static void test_quota_that_was_lowered_refuses_until_there_is_room(void **state)
{
    struct quota_counter counter = {0};
    struct quota_limit limit = {"small", "org", 100, 0, &counter};
    struct quota_verdict verdict;

    assert_true(quota_take(&limit, 1, 80, &verdict));
    limit.limit = 50;
    assert_false(quota_take(&limit, 1, 1, &verdict));
    assert_int_equal(verdict.room, 0);
    assert_int_equal(verdict.used, 80);
    quota_give(&limit, 1, 31);
    assert_true(quota_take(&limit, 1, 1, &verdict));
}

static void test_quota_warns_above_the_soft_limit(void **state)
{
    struct quota_counter counter = {0};
    struct quota_limit limit = {"small", "org", 100, 80, &counter};
    struct quota_verdict verdict;

    assert_true(quota_take(&limit, 1, 80, &verdict));
    assert_null(verdict.soft);
    assert_true(quota_take(&limit, 1, 1, &verdict));
    assert_ptr_equal(verdict.soft, &limit);
}

static void test_reservation_takes_slices_and_the_last_bytes_one_by_one(void **state)
{
    struct quota_counter counter = {0};
    struct quota_limit limit = {"small", "org", 100, 0, &counter};
    struct quota_reservation r;
    struct quota_verdict verdict;

    quota_reserve(&r, &limit, 1, 40);
    assert_int_equal(counter.used, 0);
    assert_true(quota_spend(&r, 10, &verdict));
    assert_int_equal(counter.used, 40);
    assert_true(quota_spend(&r, 30, &verdict));
    assert_int_equal(counter.used, 40);
    assert_true(quota_spend(&r, 41, &verdict)); /* more than a slice */
    assert_int_equal(counter.used, 81);
    assert_true(quota_spend(&r, 19, &verdict)); /* no whole slice is left */
    assert_int_equal(counter.used, 100);
    assert_false(quota_spend(&r, 1, &verdict));
    assert_string_equal(verdict.tightest->id, "small");
    assert_int_equal(r.spent, 100);
    quota_drop(&r);
    quota_drop(&r);
    assert_int_equal(counter.used, 0);
}

static void test_reservation_is_settled_with_what_was_measured(void **state)
{
    struct quota_counter counter = {0};
    struct quota_limit limit = {"small", "org", 100, 0, &counter};
    struct quota_reservation r;
    struct quota_verdict verdict;

    quota_reserve(&r, &limit, 1, 40);
    assert_true(quota_spend(&r, 10, &verdict));
    assert_true(quota_settle(&r, 7, &verdict));
    assert_int_equal(counter.used, 7);
    quota_reserve(&r, &limit, 1, 40);
    assert_true(quota_spend(&r, 10, &verdict));
    assert_false(quota_settle(&r, 94, &verdict));
    assert_int_equal(counter.used, 47); /* it is as it was */
    assert_true(quota_settle(&r, 93, &verdict));
    assert_int_equal(counter.used, 100);
    quota_drop(&r);
    assert_int_equal(counter.used, 100);
}

/* Streams of 8 members in 2 groups of one org, against a sum kept apart. */
static void test_reservations_add_up_and_stay_below_every_limit(void **state)
{
    enum { STREAMS = 32, MEMBERS = 8, GROUPS = 2 };
    struct quota_counter members[MEMBERS] = {0}, groups[GROUPS] = {0}, org = {0};
    struct quota_limit limits[STREAMS][3];
    struct quota_reservation streams[STREAMS];
    uint64_t random = 88172645463325252, kept[MEMBERS] = {0}, refused = 0;

    for (unsigned i = 0; i < STREAMS; i++) {
        unsigned member = i % MEMBERS;

        limits[i][0] = (struct quota_limit){"each", "member", 3000, 0, &members[member]};
        limits[i][1] = (struct quota_limit){"group", "group", 9000, 0, &groups[member % GROUPS]};
        limits[i][2] = (struct quota_limit){"all", "org", 15000, 0, &org};
        quota_reserve(&streams[i], limits[i], 3, 1 + draw(&random, 500));
    }
    for (unsigned turn = 0; turn < 200000; turn++) {
        unsigned i = (unsigned)draw(&random, STREAMS), m = i % MEMBERS;
        struct quota_verdict verdict;
        uint64_t dice = draw(&random, 20), sum = 0, held[MEMBERS] = {0};

        if (dice < 15) {
            refused += !quota_spend(&streams[i], draw(&random, 300), &verdict);
        } else if (dice < 17) {
            uint64_t charge = draw(&random, 400);

            if (quota_settle(&streams[i], charge, &verdict))
                kept[m] += charge;
        } else if (dice < 19) {
            quota_drop(&streams[i]);
        } else {
            quota_give(limits[i], 3, kept[m]); /* its pins are gone */
            kept[m] = 0;
        }
        for (unsigned s = 0; s < STREAMS; s++)
            held[s % MEMBERS] += streams[s].taken;
        for (m = 0; m < MEMBERS; m++) {
            assert_int_equal(members[m].used, kept[m] + held[m]);
            assert_true(members[m].used <= 3000);
            sum += members[m].used;
        }
        assert_true(groups[0].used <= 9000 && groups[1].used <= 9000);
        assert_int_equal(groups[0].used + groups[1].used, sum);
        assert_int_equal(org.used, sum);
        assert_true(org.used <= 15000);
    }
    assert_true(refused > 1000);
}

/* ---- 64 clients at once */

enum { RACERS = 64, RACES = 2000 };

struct racer {
    struct quota_limit limits[2];
    uint64_t random, kept;
    bool was_above;
};

static void *race(void *racer_)
{
    struct racer *racer = racer_;

    for (unsigned i = 0; i < RACES; i++) {
        uint64_t amount = draw(&racer->random, 20);
        struct quota_verdict verdict;

        if (draw(&racer->random, 3) == 0) {
            quota_give(racer->limits, 2, racer->kept);
            racer->kept = 0;
        } else if (quota_take(racer->limits, 2, amount, &verdict)) {
            racer->kept += amount;
        }
        for (int scope = 0; scope < 2; scope++)
            if (atomic_load(&racer->limits[scope].counter->used) > racer->limits[scope].limit)
                racer->was_above = true;
    }
    return NULL;
}

static void test_quota_is_never_exceeded_by_64_racing_clients(void **state)
{
    struct quota_counter members[4] = {0}, org = {0};
    static struct racer racers[RACERS];
    pthread_t threads[RACERS];
    uint64_t sum = 0;

    for (unsigned i = 0; i < RACERS; i++) {
        racers[i] = (struct racer){
            .limits = {{"each", "member", 150, 0, &members[i % 4]}, {"all", "org", 400, 0, &org}},
            .random = 0x9e3779b97f4a7c15 * (i + 1),
        };
        assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
    }
    for (unsigned i = 0; i < RACERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_false(racers[i].was_above);
        sum += racers[i].kept;
    }
    assert_int_equal(org.used, sum);
    assert_int_equal(members[0].used + members[1].used + members[2].used + members[3].used, sum);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quota_takes_up_to_the_limit_and_not_one_more),
        cmocka_unit_test(test_quota_takes_from_all_scopes_or_none_and_names_the_tightest),
        cmocka_unit_test(test_quota_that_was_lowered_refuses_until_there_is_room),
        cmocka_unit_test(test_quota_warns_above_the_soft_limit),
        cmocka_unit_test(test_reservation_takes_slices_and_the_last_bytes_one_by_one),
        cmocka_unit_test(test_reservation_is_settled_with_what_was_measured),
        cmocka_unit_test(test_reservations_add_up_and_stay_below_every_limit),
        cmocka_unit_test(test_quota_is_never_exceeded_by_64_racing_clients),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
