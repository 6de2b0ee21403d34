// SPDX-License-Identifier: Apache-2.0
#include "placement_kit.h"

#include "federation/placement_explain.h"

#define FOUR                                                                                       \
    KIT_HEAD "  sites:\n"                                                                          \
             "    local: {attributes: {country: DE}}\n"                                            \
             "    beta: {attributes: {country: FR}}\n"                                             \
             "    gamma: {attributes: {country: FR}}\n"                                            \
             "    delta: {attributes: {country: US}}\n"                                            \
             "  rules:\n"

static void decide(const struct placement_map *map, const struct placement_object *object,
                   struct placement_result *result)
{
    memset(result, 0xab, sizeof(*result)); /* nothing is taken for granted */
    placement_decide(map, object, result);
}

/* As kit_said; held: "local beta". */
static const char *said_of(const struct placement_map *map, struct placement_object object,
                           const char *held)
{
    struct placement_result result;
    uint32_t sites[16];

    object.held = sites;
    for (const char *at = held; *at != '\0'; at += strspn(at, " ")) {
        struct slice id = {at, strcspn(at, " ")};

        sites[object.held_count] = placement_site_find(map, id);
        assert_int_not_equal(sites[object.held_count++], PLACEMENT_NONE);
        at += id.size;
    }
    decide(map, &object, &result);
    return kit_said(map, &result);
}

static bool has(const char *said, const char *part)
{
    return strstr(said, part) != NULL;
}

static void test_placement_asks_the_rule_of_the_highest_priority(void **state)
{
    struct placement_map *map = kit_best(
        kit_policy(FOUR "    - {id: small, copies: {min: 2}}\n"
                        "    - {id: secret, priority: 2, for: \"label.class == 'secret'\", copies: "
                        "{min: 1}}\n"
                        "    - {id: large, priority: 1, for: \"object.size > 1MiB\", copies: {min: "
                        "3}}\n"));
    static const uint8_t secret[] = {1};
    struct placement_object object = kit_object(1);
    struct placement_result result;

    (void)state;
    decide(map, &object, &result);
    assert_true(slice_is(result.rule->id, "small"));
    object.facts.bytes = 2 << 20;
    decide(map, &object, &result);
    assert_true(slice_is(result.rule->id, "large"));
    assert_int_equal(result.count, 3);
    assert_int_equal(result.state, PLACEMENT_COMPLETE);
    object.facts.labels = secret;
    decide(map, &object, &result);
    assert_true(slice_is(result.rule->id, "secret"));
    assert_string_equal(kit_said(map, &result), "+local");
    placement_map_destroy(&map);
}

static void test_placement_leaves_here_what_no_rule_is_for(void **state)
{
    struct placement_map *map =
        kit_best(kit_policy(FOUR "    - {id: a, for: \"object.size > 1MiB\", copies: {min: 2}}\n"));
    const struct owner partner = {.kind = OWNER_PARTNER, .id = "beta"};
    struct placement_object object = kit_object(1);

    (void)state;
    assert_string_equal(said_of(map, object, ""), "+local");
    assert_string_equal(said_of(map, object, "local beta"), "local -beta(surplus)");
    object.facts.bytes = 2 << 20;
    object.facts.owner = &partner; /* one hop: what is a partner's does not go on */
    assert_string_equal(said_of(map, object, "local"), "local");
    placement_map_destroy(&map);
}

static void test_placement_takes_local_first_then_what_is_preferred(void **state)
{
    struct placement_map *map =
        kit_best(kit_policy(FOUR "    - {id: a, copies: {min: 2}, prefer: [\"site.country == "
                                 "'US'\", \"site.id == 'delta'\"]}\n"));

    (void)state;
    for (uint32_t i = 0; i < 50; i++)
        assert_string_equal(said_of(map, kit_object(i), ""), "+local +delta");
    placement_map_destroy(&map);
}

/* Conditions of `prefer` that ask for the object. */
static void test_placement_prefers_by_what_is_placed(void **state)
{
    struct placement_map *map =
        kit_best(kit_policy(FOUR "    - {id: a, copies: {min: 2}, prefer: \"site.country == 'US' "
                                 "and object.size > 500 or site.id == 'gamma'\"}\n"));
    struct placement_object object = kit_object(3);

    (void)state;
    object.facts.bytes = 100;
    assert_string_equal(said_of(map, object, ""), "+local +gamma");
    object.facts.bytes = 1000;
    assert_true(has(said_of(map, object, ""), "delta") || has(said_of(map, object, ""), "gamma"));
    assert_false(has(said_of(map, object, ""), "beta"));
    placement_map_destroy(&map);
}

static void test_placement_gives_no_new_copy_to_a_site_that_a_gate_refuses(void **state)
{
    static const char rule[] = FOUR "    - {id: a, copies: {min: 4}, filter: \"site.healthy\"}\n";
    const struct policy *policy = kit_policy(rule);
    uint32_t barred[1];
    struct placement_object object = kit_object(7);
    struct kit_seen seen = kit_seen(policy);
    struct placement_result result;
    struct placement_map *map;
    struct text why = {0};

    (void)state;
    kit_site(&seen, "beta")->gate = PLACEMENT_NO_LINK;
    kit_site(&seen, "gamma")->room_bytes = 999; /* the object has 1000 */
    map = kit_map(policy, &seen);
    barred[0] = placement_site_find(map, SLICE("delta"));
    object.barred = barred;
    object.barred_count = 1;
    decide(map, &object, &result);
    assert_string_equal(kit_said(map, &result), "+local");
    assert_int_equal(result.state, PLACEMENT_STUCK);
    placement_put_reason(map, &object, &result, &why);
    assert_string_equal(why.data,
                        "stuck: 1 of at least 4 and at best 4 copies by rule 'a' (p:15); of 4 "
                        "sites: 1 taken, 1 no link, 1 refused it lately, 1 no room for it");
    text_dispose(&why);
    placement_map_destroy(&map);

    /* Not observed at all; nothing is known of its health. */
    kit_site(&seen, "beta")->gate = PLACEMENT_OPEN;
    kit_site(&seen, "beta")->seen.has = 0;
    snprintf(kit_site(&seen, "gamma")->site, ID_SIZE, "another");
    map = kit_map(policy, &seen);
    object.barred_count = 0;
    decide(map, &object, &result);
    placement_put_reason(map, &object, &result, &why);
    assert_true(has(why.data, "1 not observed"));
    assert_true(has(why.data, "1 site.healthy does not hold"));
    text_dispose(&why);
    placement_map_destroy(&map);
    policy_unref(&policy);
}

/* From a policy's text to sites. These answers are for ever, as those of placement_vectors.jsonl.
 */
static void test_placement_of_a_policy_gives_the_answers_that_are_for_ever(void **state)
{
    static const char rules[] =
        "    - {id: default, copies: {min: 2, want: 4}, spread: {country: 2}, prefer: "
        "\"site.country "
        "!= 'c3'\", score: [{value: site.free_ratio, weight: 3}, {value: site.rtt, worst: 200ms, "
        "best: 10ms, weight: 1}]}\n";
    static const char *const answers[] = {
        "+local +site-08 +site-13 +site-02", "+local +site-14 +site-02 +site-05",
        "+local +site-08 +site-10 +site-16", "+local +site-16 +site-12 +site-02",
        "+local +site-17 +site-12 +site-08", "+local +site-13 +site-05 +site-18",
        "+local +site-00 +site-02 +site-10", "+local +site-17 +site-13 +site-00",
        "+local +site-17 +site-14 +site-05", "+local +site-08 +site-16 +site-18",
        "+local +site-05 +site-10 +site-17", "+local +site-05 +site-16 +site-06",
    };
    const struct policy *policy = kit_sites(20, -1, rules);
    struct kit_seen seen = kit_seen(policy);
    struct placement_map *map;

    (void)state;
    for (size_t i = 0; i < seen.count; i++) {
        seen.sites[i].seen.values[SEEN_FREE_RATIO] = (int64_t)(i * 50000);
        seen.sites[i].seen.values[SEEN_RTT] = (int64_t)(i * 7 % 20) * 10000000;
    }
    map = kit_map(policy, &seen);
    for (uint32_t i = 0; i < ARRAY_SIZE(answers); i++)
        assert_string_equal(said_of(map, kit_object(i), ""), answers[i]);
    placement_map_destroy(&map);
    policy_unref(&policy);
}

/* ---- copies that exist */

static void test_placement_keeps_copies_whatever_is_observed(void **state)
{
    static const char rule[] = FOUR
        "    - {id: a, copies: {min: 3}, filter: \"site.healthy and site.free > 2 * object.size\"}"
        "\n";
    const struct policy *policy = kit_policy(rule);
    struct kit_seen seen = kit_seen(policy);
    struct placement_map *map;

    (void)state;
    kit_site(&seen, "beta")->gate = PLACEMENT_NO_LINK;
    kit_site(&seen, "beta")->seen.values[SEEN_HEALTHY] = 0;
    kit_site(&seen, "gamma")->seen.values[SEEN_FREE] = 0;
    map = kit_map(policy, &seen);
    for (uint32_t i = 0; i < 20; i++) {
        const char *said = said_of(map, kit_object(i), "local beta gamma");

        assert_true(has(said, "local") && has(said, "beta") && has(said, "gamma"));
        assert_false(has(said, "+") || has(said, "-"));
    }
    placement_map_destroy(&map);
    policy_unref(&policy);
}

static void test_placement_moves_copies_that_what_is_declared_does_not_let_be(void **state)
{
    struct placement_map *map = kit_best(kit_policy(
        FOUR "    - {id: a, copies: {min: 2}, filter: \"site.country != 'US' or object.size < "
             "10\"}\n"));
    struct placement_object object = kit_object(5);
    const char *said = said_of(map, object, "local delta");

    (void)state;
    assert_true(has(said, "local +"));
    assert_true(has(said, " -delta(filtered)"));
    object.facts.bytes = 5;
    assert_string_equal(said_of(map, object, "local delta"), "local delta");
    placement_map_destroy(&map);
}

static void test_placement_releases_what_is_too_much_in_the_order_of_sites(void **state)
{
    struct placement_map *map =
        kit_best(kit_policy(FOUR "    - {id: a, copies: {min: 2}, spread: {country: 1}, prefer: "
                                 "\"site.country == 'FR'\"}\n"));
    const char *said = said_of(map, kit_object(6), "local beta gamma delta");

    (void)state;
    assert_true(has(said, "local beta ") || has(said, "local gamma "));
    assert_true(has(said, "(crowded)"));
    assert_true(has(said, "-delta(surplus)"));
    placement_map_destroy(&map);
}

/* What is here belongs to whoever pinned it. */
static void test_placement_never_tells_the_copy_here_to_go(void **state)
{
    struct placement_map *map = kit_best(
        kit_policy(FOUR "    - {id: a, copies: {min: 1}, filter: \"site.country == 'US'\"}\n"));

    (void)state;
    assert_string_equal(said_of(map, kit_object(1), "local"), "+delta");
    placement_map_destroy(&map);
}

/* ---- gain */

#define SCORED "    - {id: a, copies: {min: 2}, score: [{value: site.free_ratio, weight: 1}]}\n"

/* All sites but local score so many percent; site-00 what is said. */
static struct placement_map *scored(const struct policy *policy, int percent, int other)
{
    struct kit_seen seen = kit_seen(policy);

    for (size_t i = 0; i < seen.count; i++)
        seen.sites[i].seen.values[SEEN_FREE_RATIO] = percent * 10000;
    kit_site(&seen, "site-00")->seen.values[SEEN_FREE_RATIO] = other * 10000;
    return kit_map(policy, &seen);
}

static int count_moves(const struct policy *policy, int percent, int other)
{
    struct placement_map *before = scored(policy, 100, 100), *map = scored(policy, percent, other);
    int moves = 0;

    for (uint32_t i = 0; i < 2000; i++) {
        struct placement_object object = kit_object(i);
        struct placement_result result;
        uint32_t held[2];

        decide(before, &object, &result);
        memcpy(held, result.sites, sizeof(held));
        object.held = held;
        object.held_count = 2;
        decide(map, &object, &result);
        assert_int_equal(result.count, 2);
        assert_int_equal(result.count - result.kept, result.released_count);
        for (size_t j = 0; j < result.released_count; j++)
            assert_int_equal(result.released[j].cause, PLACEMENT_WORSE);
        moves += (int)result.released_count;
    }
    placement_map_destroy(&before);
    placement_map_destroy(&map);
    return moves;
}

static void test_placement_moves_for_a_gain_of_more_than_two_classes_only(void **state)
{
    const struct policy *policy = kit_sites(12, -1, SCORED);
    int moves;

    (void)state;
    assert_int_equal(count_moves(policy, 100, 100), 0);
    assert_int_equal(count_moves(policy, 100, 71), 0); /* two classes below */
    assert_int_equal(count_moves(policy, 71, 100), 0);
    /* Class 4, a weight of one half: of its eleventh, half of that. */
    moves = count_moves(policy, 100, 50);
    assert_in_range(moves, 2000 / 11 * 3 / 10, 2000 / 11 * 7 / 10);
    /* All others fall to one half: site-00 takes from 1/11 to 2/12. */
    moves = count_moves(policy, 50, 100);
    assert_in_range(moves, 2000 / 13 * 6 / 10, 2000 / 13 * 14 / 10);
    policy_unref(&policy);
}

/* Its score is gone with it; that is no gain for others, neither at once nor later. */
static void test_placement_takes_nothing_from_a_site_that_is_out_of_sight(void **state)
{
    const struct policy *policy = kit_sites(12, -1, SCORED);
    struct kit_seen seen = kit_seen(policy);
    struct placement_map *before = kit_map(policy, &seen), *after, *later;
    const uint32_t site = placement_site_find(before, SLICE("site-00"));
    const uint32_t held[] = {placement_site_find(before, SLICE("local")), site};

    (void)state;
    kit_site(&seen, "site-00")->gate = PLACEMENT_NO_LINK;
    kit_site(&seen, "site-00")->seen.has = 0;
    placement_map_create(&after, policy, seen.sites, seen.count, before, 2, 1000);
    placement_map_create(&later, policy, seen.sites, seen.count, after, 3, 100000000);
    for (uint32_t i = 0; i < 200; i++) {
        struct placement_object object = kit_object(i);
        struct placement_result result;

        object.held = held;
        object.held_count = 2;
        decide(later, &object, &result);
        assert_int_equal(result.kept, 2);
        assert_int_equal(result.released_count, 0);
    }
    placement_map_destroy(&before);
    placement_map_destroy(&after);
    placement_map_destroy(&later);
    policy_unref(&policy);
}

/* ---- a site goes */

/* Placed anew as a whole, and with the copies that are there: what moves is what was lost. */
static void test_placement_moves_what_was_lost_when_one_of_twelve_sites_goes(void **state)
{
    static const char rules[] = "    - {id: a, copies: {min: 3}, spread: {country: 2}}\n";
    struct placement_map *before = kit_best(kit_sites(12, -1, rules)),
                         *after = kit_best(kit_sites(12, 4, rules));
    const uint32_t gone = placement_site_find(before, SLICE("site-04"));
    uint32_t lost = 0, moved = 0, moved_anew = 0;

    (void)state;
    for (uint32_t i = 0; i < 20000; i++) {
        struct placement_object object = kit_object(i);
        struct placement_result old, fresh, kept;
        uint32_t held[3];

        decide(before, &object, &old);
        decide(after, &object, &fresh);
        for (size_t j = 0; j < old.count; j++) {
            bool is_gone = old.sites[j] == gone, is_there = false;
            uint32_t site =
                is_gone ? gone : placement_site_find(after, placement_site(before, old.sites[j]));

            lost += is_gone;
            if (!is_gone)
                held[object.held_count++] = site;
            for (size_t k = 0; !is_gone && k < fresh.count; k++)
                is_there = is_there || fresh.sites[k] == site;
            moved_anew += !is_there;
        }
        object.held = held;
        decide(after, &object, &kept);
        assert_int_equal(kept.count, 3);
        assert_int_equal(kept.released_count, 0);
        moved += (uint32_t)(kept.count - kept.kept);
    }
    assert_in_range(lost, 3000, 4200); /* two copies of eleven sites */
    assert_int_equal(moved, lost);
    assert_int_equal(moved_anew, lost);
    placement_map_destroy(&before);
    placement_map_destroy(&after);
}

/* ---- a map follows another */

static void test_placement_map_keeps_classes_of_the_one_before_for_an_hour(void **state)
{
    const struct policy *policy = kit_sites(3, -1, SCORED);
    struct kit_seen seen = kit_seen(policy);
    struct placement_map *map, *next;
    struct placement_object object = kit_object(1);
    struct placement_trace trace;
    static const uint64_t times[] = {0, 10, 3600000, 3600011};
    static const unsigned classes[] = {0, 0, 0, 4};

    (void)state;
    map = kit_map(policy, &seen);
    kit_site(&seen, "site-00")->seen.values[SEEN_FREE_RATIO] = 500000;
    for (size_t i = 1; i < ARRAY_SIZE(times); i++) {
        placement_map_create(&next, policy, seen.sites, seen.count, map, 1 + i, times[i]);
        placement_map_destroy(&map);
        map = next;
        placement_explain(&trace, map, &object);
        for (size_t j = 0; j < trace.count; j++)
            if (slice_is(placement_site(map, trace.lines[j].site), "site-00"))
                assert_int_equal(trace.lines[j].class, classes[i]);
        placement_trace_dispose(&trace);
    }
    assert_int_equal(placement_map_version(map), 4);
    placement_map_destroy(&map);
    policy_unref(&policy);
}

/* ---- why */

static void test_placement_explains_each_site_with_what_decided(void **state)
{
    static const char rule[] =
        FOUR "    - {id: a, copies: {min: 2, want: 3}, filter: \"site.free > 2 * object.size\", "
             "spread: {country: 1}, score: [{value: site.free_ratio, weight: 60}, {value: "
             "site.rtt, worst: 100ms, best: 0s, weight: 40}]}\n";
    const struct policy *policy = kit_policy(rule);
    struct kit_seen seen = kit_seen(policy);
    struct placement_object object = kit_object(2);
    struct placement_trace trace;
    struct placement_map *map;
    struct text out = {0};
    json_t *json, *sites;

    (void)state;
    kit_site(&seen, "delta")->seen.values[SEEN_FREE] = 1500;
    for (size_t i = 0; i < seen.count; i++)
        seen.sites[i].seen.values[SEEN_RTT] = 25000000;
    map = kit_map(policy, &seen);
    placement_explain(&trace, map, &object);
    placement_trace_put(&trace, 10, &out);
    assert_true(has(out.data, "degraded: 2 of at least 2 and at best 3 copies by rule 'a' (p:15)"));
    assert_true(has(out.data, "score 90% = 60 x site.free_ratio 100%, 40 x site.rtt 75%, class 1"));
    assert_true(has(out.data, "at most 1 in one country: FR has them"));
    assert_true(has(out.data, "delta            site.free > 2 * object.size does not hold: "
                              "site.free is 1500, object.size is 1000"));
    assert_true(has(out.data, "of 4 sites: 2 taken, 1 site.free > 2 * object.size does not hold, 1 "
                              "at most 1 in one country"));
    json = placement_trace_json(&trace);
    sites = json_object_get(json, "why");
    assert_int_equal(json_array_size(sites), 4);
    assert_string_equal(json_string_value(json_object_get(json, "state")), "degraded");
    assert_string_equal(json_string_value(json_object_get(json_array_get(sites, 2), "outcome")),
                        "refused");
    json_decref(json);
    text_dispose(&out);
    placement_trace_dispose(&trace);
    placement_map_destroy(&map);
    policy_unref(&policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_placement_asks_the_rule_of_the_highest_priority),
        cmocka_unit_test(test_placement_leaves_here_what_no_rule_is_for),
        cmocka_unit_test(test_placement_takes_local_first_then_what_is_preferred),
        cmocka_unit_test(test_placement_prefers_by_what_is_placed),
        cmocka_unit_test(test_placement_gives_no_new_copy_to_a_site_that_a_gate_refuses),
        cmocka_unit_test(test_placement_of_a_policy_gives_the_answers_that_are_for_ever),
        cmocka_unit_test(test_placement_keeps_copies_whatever_is_observed),
        cmocka_unit_test(test_placement_moves_copies_that_what_is_declared_does_not_let_be),
        cmocka_unit_test(test_placement_releases_what_is_too_much_in_the_order_of_sites),
        cmocka_unit_test(test_placement_never_tells_the_copy_here_to_go),
        cmocka_unit_test(test_placement_moves_for_a_gain_of_more_than_two_classes_only),
        cmocka_unit_test(test_placement_takes_nothing_from_a_site_that_is_out_of_sight),
        cmocka_unit_test(test_placement_moves_what_was_lost_when_one_of_twelve_sites_goes),
        cmocka_unit_test(test_placement_map_keeps_classes_of_the_one_before_for_an_hour),
        cmocka_unit_test(test_placement_explains_each_site_with_what_decided),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
