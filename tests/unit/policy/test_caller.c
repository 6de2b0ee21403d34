// SPDX-License-Identifier: Apache-2.0
/* What limits a caller: all quotas or none, the one that refuses is named, nothing is lost in
 * races. */
#include "kit.h"

#include "policy/caller.h"

#include <pthread.h>

#define PEOPLE                                                                                     \
    KIT_HEAD "groups: {staff: {}}\nmembers: {alice: {groups: [staff]}, bob: {groups: [staff]}}\n"  \
             "quotas:\n"

struct bench {
    struct accounts *accounts;
    const struct policy *policy;
    uint64_t now_ms;
};

static void begin(struct bench *bench, const char *yaml)
{
    bench->accounts = accounts_create();
    bench->policy = kit_policy(yaml);
    bench->now_ms = accounts_now_ms(bench->accounts);
    accounts_put_in_force(bench->accounts, bench->policy);
}

static void end(struct bench *bench)
{
    policy_unref(&bench->policy);
    accounts_destroy(&bench->accounts);
}

static struct caller *caller_of(const struct bench *bench, const char *who)
{
    struct principal principal = kit_principal(who);

    principal.token_id = SLICE("token");
    return caller_create(bench->accounts, bench->policy, &principal);
}

static void test_caller_is_charged_by_all_quotas_or_none(void **state)
{
    struct bench bench;
    struct caller_refusal refusal;
    struct caller_standing standing;
    struct caller *alice, *bob;
    struct text text = {0};

    begin(&bench,
          PEOPLE "  - {id: each, scope: each member, requests: {rate: 1/m, burst: 9}}\n"
                 "  - {id: staff, scope: \"group:staff\", requests: {rate: 2/h, burst: 3},\n"
                 "     concurrent: 2}\n");
    alice = caller_of(&bench, "alice");
    bob = caller_of(&bench, "bob");
    assert_true(caller_begin(alice, bench.now_ms, &refusal));
    assert_true(caller_begin(bob, bench.now_ms, &refusal));
    assert_false(caller_begin(bob, bench.now_ms, &refusal)); /* two at once */
    assert_int_equal(refusal.dimension, CALLER_CONCURRENT);
    caller_put_refusal(&refusal, &text);
    assert_string_equal(text.data, "too many calls at once: the quota staff (policy.yaml:7) allows "
                                   "group staff 2, and 2 are running; try again in 1 s, or ask "
                                   "whoever runs this gateway for more");
    caller_end(alice);
    assert_true(caller_begin(alice, bench.now_ms, &refusal)); /* the rate was given back above */
    caller_end(alice);
    assert_false(caller_begin(bob, bench.now_ms, &refusal));
    assert_int_equal(refusal.dimension, CALLER_REQUESTS);
    assert_int_equal(refusal.wait_ms, 1800000);
    text_clear(&text);
    caller_put_refusal(&refusal, &text);
    assert_string_equal(text.data,
                        "too many requests: the quota staff (policy.yaml:7) allows group "
                        "staff 2 per 1h, 3 at once, and they are used up; try again in "
                        "30 minutes, or ask whoever runs this gateway for more");
    assert_true(caller_stands(bob, 0, CALLER_REQUESTS, bench.now_ms, &standing));
    assert_int_equal(standing.used, 1);
    assert_false(caller_stands(bob, 0, CALLER_UPLOAD, bench.now_ms, &standing));
    caller_end(bob);
    text_dispose(&text);
    caller_unref(&alice);
    caller_unref(&bob);
    end(&bench);
}

static void test_caller_that_nothing_limits_is_none(void **state)
{
    struct bench bench;
    struct caller *bob;

    begin(&bench, PEOPLE "  - {id: disk, scope: org, stored: {bytes: 1GiB}}\n");
    bob = caller_of(&bench, "bob");
    assert_null(bob);
    end(&bench);
}

static void test_caller_takes_bytes_of_every_window(void **state)
{
    struct bench bench;
    struct caller_refusal refusal;
    struct caller *alice, *bob;
    struct text text = {0};

    begin(&bench,
          PEOPLE "  - {id: each, scope: each member, upload: {bytes: 1000, per: 1h}}\n"
                 "  - {id: staff, scope: \"group:staff\", upload: {bytes: 1500, per: 2h}}\n");
    alice = caller_of(&bench, "alice");
    bob = caller_of(&bench, "bob");
    assert_true(caller_meters(alice, CALLER_UPLOAD) && !caller_meters(alice, CALLER_EGRESS));
    assert_int_equal(caller_take(alice, CALLER_UPLOAD, bench.now_ms, 5000, true, &refusal), 1000);
    assert_int_equal(caller_take(bob, CALLER_UPLOAD, bench.now_ms, 600, true, &refusal), 500);
    caller_give(bob, CALLER_UPLOAD, bench.now_ms, bench.now_ms, 100);
    assert_true(caller_has_room(bob, CALLER_UPLOAD, bench.now_ms, 100, &refusal));
    assert_false(caller_has_room(bob, CALLER_UPLOAD, bench.now_ms, 101, &refusal));
    assert_true(slice_is(refusal.quota->id, "staff") && refusal.used == 1400);
    assert_false(caller_has_room(bob, CALLER_UPLOAD, bench.now_ms, 1501, &refusal));
    assert_true(refusal.wait_ms == UINT64_MAX);
    assert_int_equal(caller_take(alice, CALLER_UPLOAD, bench.now_ms, 1, true, &refusal), 0);
    assert_true(slice_is(refusal.quota->id, "each"));
    caller_put_refusal(&refusal, &text);
    assert_non_null(strstr(text.data,
                           "the quota each (policy.yaml:6) allows member alice 1000 B of "
                           "upload per 1h, and 1000 B are used; try again in"));
    text_clear(&text);
    caller_put_headers(alice, bench.now_ms, true, &text);
    assert_non_null(strstr(text.data,
                           "RateLimit-Policy: \"each.upload\";q=1000;qu=\"content-bytes\";"
                           "w=3600, \"staff.upload\";q=1500;qu=\"content-bytes\";w=7200"));
    assert_non_null(strstr(text.data, "RateLimit: \"each.upload\";r=0;t="));
    text_dispose(&text);
    caller_unref(&alice);
    caller_unref(&bob);
    end(&bench);
}

/* ---- 64 racing clients, each with a caller of its own */

enum { RACERS = 64 };

struct race {
    struct bench bench;
    _Atomic uint64_t passed, running, most;
};

static void *call(void *race_)
{
    struct race *race = race_;
    struct caller *caller = caller_of(&race->bench, "alice");

    for (unsigned i = 0; i < 50; i++) {
        struct caller_refusal refusal;
        uint64_t now;

        if (!caller_begin(caller, race->bench.now_ms, &refusal))
            continue;
        now = ++race->running;
        if (now > race->most)
            race->most = now;
        race->passed++;
        race->running--;
        caller_end(caller);
    }
    caller_unref(&caller);
    return NULL;
}

static void *send_bytes(void *race_)
{
    struct race *race = race_;
    struct caller *caller = caller_of(&race->bench, "alice");

    for (unsigned i = 0; i < 200; i++) {
        struct caller_refusal refusal;
        uint64_t now = race->bench.now_ms;
        uint64_t taken = caller_take(caller, CALLER_UPLOAD, now, 100, i % 2 == 0, &refusal);
        uint64_t unused = taken > 3 ? 3 : 0;

        caller_give(caller, CALLER_UPLOAD, now, now, unused);
        race->passed += taken - unused;
    }
    caller_unref(&caller);
    return NULL;
}

static void run(struct race *race, const char *yaml, void *(*body)(void *))
{
    pthread_t threads[RACERS];

    begin(&race->bench, yaml);
    for (unsigned n = 0; n < RACERS; n++)
        assert_int_equal(pthread_create(&threads[n], NULL, body, race), 0);
    for (unsigned n = 0; n < RACERS; n++)
        assert_int_equal(pthread_join(threads[n], NULL), 0);
    end(&race->bench);
}

static void test_caller_of_64_racing_clients_passes_its_limits_and_no_more(void **state)
{
    struct race calls = {.passed = 0}, bytes = {.passed = 0};

    run(&calls,
        PEOPLE
        "  - {id: a, scope: org, requests: {rate: 1/d, burst: 700}, concurrent: 5}\n"
        "  - {id: b, scope: each member, requests: {rate: 1/d, burst: 900}, concurrent: 7}\n",
        call);
    assert_true(calls.passed <= 700 && calls.most <= 5);
    assert_true(calls.passed > 0);
    run(&bytes,
        PEOPLE "  - {id: a, scope: org, upload: {bytes: 5000, per: 1h}}\n"
               "  - {id: b, scope: each member, upload: {bytes: 6000, per: 2h}}\n",
        send_bytes);
    assert_int_equal(bytes.passed, 5000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_caller_is_charged_by_all_quotas_or_none),
        cmocka_unit_test(test_caller_that_nothing_limits_is_none),
        cmocka_unit_test(test_caller_takes_bytes_of_every_window),
        cmocka_unit_test(test_caller_of_64_racing_clients_passes_its_limits_and_no_more),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
