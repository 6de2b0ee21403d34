// SPDX-License-Identifier: Apache-2.0
/* What is used: counted for owners, groups and the organization, across policies and restarts. */
#include "kit.h"

#include "policy/accounts.h"

#include <pthread.h>

#define HOUSE(alice)                                                                               \
    KIT_HEAD "groups: {all: {}, staff: {parent: all}, robots: {}}\n"                               \
             "members: {alice: {groups: [" alice "]}, bob: {groups: [staff]}}\n"                   \
             "quotas:\n"                                                                           \
             "  - {id: each, scope: each member, stored: {bytes: 1000, pins: 5, soft: 50%}}\n"     \
             "  - {id: tighter, scope: each member, stored: {bytes: 900}}\n"                       \
             "  - {id: staff, scope: \"group:staff\", stored: {bytes: 1500}}\n"                    \
             "  - {id: everybody, scope: org, stored: {bytes: 5000}}\n"

static const struct owner alice = {OWNER_MEMBER, "alice"}, bob = {OWNER_MEMBER, "bob"},
                          staff = {OWNER_GROUP, "staff"};

static void put_in_force(struct accounts *accounts, const char *yaml)
{
    const struct policy *policy = kit_policy(yaml);

    accounts_put_in_force(accounts, policy);
    policy_unref(&policy);
}

/* "group staff 700 of 1500 by staff (policy.yaml:8)" or "" if it is not among the owner's. */
static const char *stands(struct accounts *accounts, const struct owner *owner, const char *scope)
{
    static char text[200];
    struct quota_limit limits[ACCOUNTS_LIMITS_MAX];
    size_t count = accounts_limits(accounts, owner, false, limits);

    text[0] = '\0';
    for (size_t i = 0; i < count; i++)
        if (strcmp(limits[i].scope, scope) == 0)
            snprintf(text, sizeof(text), "%llu of %lld by %s",
                     (unsigned long long)limits[i].counter->used, (long long)limits[i].limit,
                     limits[i].id);
    return text;
}

static bool take(struct accounts *accounts, const struct owner *owner, uint64_t bytes)
{
    struct quota_limit limits[ACCOUNTS_LIMITS_MAX];
    struct quota_verdict verdict;
    size_t count = accounts_limits(accounts, owner, false, limits);

    return quota_take(limits, count, bytes, &verdict);
}

static void test_accounts_name_the_tightest_limit_on_each_counter(void **state)
{
    struct accounts *accounts = accounts_create();

    put_in_force(accounts, HOUSE("staff"));
    assert_true(take(accounts, &alice, 900));
    assert_false(take(accounts, &alice, 1));
    assert_string_equal(stands(accounts, &alice, "member alice"), "900 of 900 by tighter "
                                                                  "(policy.yaml:7)");
    assert_string_equal(stands(accounts, &alice, "group staff"), "900 of 1500 by staff "
                                                                 "(policy.yaml:8)");
    assert_string_equal(stands(accounts, &bob, "group all"), "900 of -1 by none");
    assert_true(take(accounts, &bob, 600));
    assert_false(take(accounts, &bob, 1)); /* the group is full */
    assert_false(take(accounts, &staff, 1));
    assert_string_equal(stands(accounts, &staff, "group staff"), "1500 of 1500 by staff "
                                                                 "(policy.yaml:8)");
    assert_string_equal(stands(accounts, NULL, "the organization"), "0 of 5000 by everybody "
                                                                    "(policy.yaml:9)");
    accounts_destroy(&accounts);
}

static void test_accounts_move_what_is_charged_with_their_members(void **state)
{
    struct accounts *accounts = accounts_create();
    struct usage usage = {.bytes = 700, .objects = 1, .pins = 2};
    struct accounts_reservation reservation;
    struct quota_verdict verdict;
    const struct policy *policy = kit_policy(HOUSE("staff"));

    accounts_set_usage(accounts, &alice, &usage); /* before any policy */
    accounts_put_in_force(accounts, policy);
    assert_string_equal(stands(accounts, &bob, "group staff"), "700 of 1500 by staff "
                                                               "(policy.yaml:8)");
    accounts_reserve(accounts, policy, &alice, 50, &reservation);
    assert_true(accounts_spend(&reservation, 1, &verdict));
    put_in_force(accounts, HOUSE("robots"));
    assert_string_equal(stands(accounts, &alice, "group robots"), "700 of -1 by none");
    assert_string_equal(stands(accounts, &bob, "group staff"), "50 of 1500 by staff "
                                                               "(policy.yaml:8)");
    accounts_drop(&reservation);
    assert_string_equal(stands(accounts, &bob, "group staff"), "0 of 1500 by staff "
                                                               "(policy.yaml:8)");
    assert_string_equal(stands(accounts, &bob, "group all"), "0 of -1 by none");
    assert_string_equal(stands(accounts, &alice, "member alice"), "700 of 900 by tighter "
                                                                  "(policy.yaml:7)");
    accounts_put_in_force(accounts, NULL);
    put_in_force(accounts, HOUSE("staff"));
    assert_string_equal(stands(accounts, &bob, "group all"), "700 of -1 by none");
    usage.bytes = 10; /* the ledger was counted again */
    accounts_set_usage(accounts, &alice, &usage);
    assert_string_equal(stands(accounts, &bob, "group all"), "10 of -1 by none");
    policy_unref(&policy);
    accounts_destroy(&accounts);
}

/* ---- many threads */

enum { RACERS = 16, ROUNDS = 2000 };

struct race {
    struct accounts *accounts;
    const struct policy *policy;
    atomic_bool is_over;
};

static void *reserve_and_drop(void *race_)
{
    struct race *race = race_;

    for (unsigned i = 0; i < ROUNDS; i++) {
        struct accounts_reservation reservation;
        struct quota_verdict verdict;

        accounts_reserve(race->accounts, race->policy, i % 2 == 0 ? &alice : &bob, 7, &reservation);
        for (unsigned n = 0; n < 5; n++)
            (void)accounts_spend(&reservation, 3 + n, &verdict);
        accounts_drop(&reservation);
    }
    return NULL;
}

static void *reload(void *race_)
{
    struct race *race = race_;

    for (unsigned i = 0; !race->is_over; i++)
        put_in_force(race->accounts, i % 2 == 0 ? HOUSE("robots") : HOUSE("staff"));
    put_in_force(race->accounts, HOUSE("staff"));
    return NULL;
}

static void test_accounts_lose_nothing_to_reloads_under_uploads(void **state)
{
    struct accounts *accounts = accounts_create();
    const struct policy *policy = kit_policy(HOUSE("staff"));
    struct race race = {accounts, policy, false};
    const struct usage usage = {.bytes = 300, .objects = 1, .pins = 1};
    pthread_t threads[RACERS], reloader;

    accounts_put_in_force(accounts, policy);
    accounts_set_usage(accounts, &alice, &usage);
    assert_int_equal(pthread_create(&reloader, NULL, reload, &race), 0);
    for (size_t i = 0; i < RACERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, reserve_and_drop, &race), 0);
    for (size_t i = 0; i < RACERS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    race.is_over = true;
    assert_int_equal(pthread_join(reloader, NULL), 0);
    assert_string_equal(stands(accounts, &alice, "member alice"), "300 of 900 by tighter "
                                                                  "(policy.yaml:7)");
    assert_string_equal(stands(accounts, &bob, "group staff"), "300 of 1500 by staff "
                                                               "(policy.yaml:8)");
    assert_string_equal(stands(accounts, &bob, "member bob"), "0 of 900 by tighter "
                                                              "(policy.yaml:7)");
    policy_unref(&policy);
    accounts_destroy(&accounts);
}

/* ---- windows across restarts */

static void test_accounts_go_on_with_windows_as_they_were_written_down(void **state)
{
    const struct policy *policy =
        kit_policy(KIT_HEAD "quotas: [{id: up, scope: org, upload: {bytes: 100, per: 1h}}]\n");
    struct accounts *before = accounts_create(), *after = accounts_create();
    struct accounts_meter *meter = accounts_meter(before, policy_quota(policy, 0), "org");
    uint64_t now = accounts_now_ms(before);
    uint8_t image[QUOTA_WINDOW_IMAGE_SIZE];
    struct accounts_window *window;

    assert_null(meter->egress);
    assert_int_equal(quota_window_take(&meter->upload->window, 100, 3600000, now, 60), 60);
    accounts_touch(before, meter->upload);
    accounts_touch(before, meter->upload);
    window = accounts_collect(before);
    assert_ptr_equal(window, meter->upload);
    assert_null(window->next_dirty);
    assert_null(accounts_collect(before));
    quota_window_save(&window->window, image);
    accounts_restore(after,
                     &(struct window_record){slice_of(window->quota),
                                             slice_of(window->whom),
                                             slice_of(window->dimension),
                                             {(const char *)image, sizeof(image)}},
                     now);
    meter = accounts_meter(after, policy_quota(policy, 0), "org");
    assert_int_equal(quota_window_take(&meter->upload->window, 100, 3600000, now, 60), 40);
    policy_unref(&policy);
    accounts_destroy(&before);
    accounts_destroy(&after);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accounts_name_the_tightest_limit_on_each_counter),
        cmocka_unit_test(test_accounts_move_what_is_charged_with_their_members),
        cmocka_unit_test(test_accounts_lose_nothing_to_reloads_under_uploads),
        cmocka_unit_test(test_accounts_go_on_with_windows_as_they_were_written_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
