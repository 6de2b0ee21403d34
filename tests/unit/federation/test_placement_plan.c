// SPDX-License-Identifier: Apache-2.0
#include "placement_kit.h"

#include "federation/placement_plan.h"

#define SPREAD "    - {id: a, copies: {min: 2, want: 3}, spread: {country: 1}}\n"

static void add(struct placement_plan *plan, uint32_t number, struct plan_change *change)
{
    struct placement_object object = kit_object(number);

    placement_plan_add(plan, &object, NULL, change);
}

static uint64_t sum(const uint64_t *numbers, size_t count)
{
    uint64_t all = 0;

    for (size_t i = 0; i < count; i++)
        all += numbers[i];
    return all;
}

static void test_placement_plan_of_the_same_policy_moves_nothing(void **state)
{
    struct placement_map *map = kit_best(kit_sites(12, -1, SPREAD));
    struct placement_plan plan;
    struct plan_change change;

    (void)state;
    placement_plan_init(&plan, map, map);
    for (uint32_t i = 0; i < 1000; i++) {
        add(&plan, i, &change);
        assert_false(plan_changes(&change));
    }
    assert_int_equal(plan.objects, 1000);
    assert_int_equal(plan.changed + plan.added + sum(plan.released, PLAN_CAUSES), 0);
    assert_int_equal(plan.states_before[PLACEMENT_COMPLETE], 1000);
    assert_int_equal(plan.states_after[PLACEMENT_COMPLETE], 1000);
    placement_plan_dispose(&plan);
    placement_map_destroy(&map);
}

static void test_placement_plan_moves_what_was_at_a_site_that_goes(void **state)
{
    struct placement_map *before = kit_best(kit_sites(12, -1, SPREAD)),
                         *after = kit_best(kit_sites(12, 4, SPREAD));
    struct placement_plan plan;
    struct plan_change change;
    uint64_t in = 0, bytes_in = 0;

    (void)state;
    placement_plan_init(&plan, before, after);
    assert_int_equal(plan.site_count, 12);
    for (uint32_t i = 0; i < 5000; i++)
        add(&plan, i, &change);
    assert_true(plan.released[PLAN_GONE] > 500);
    assert_int_equal(plan.added, plan.released[PLAN_GONE]); /* moved is lost */
    assert_int_equal(plan.changed, plan.released[PLAN_GONE]);
    assert_int_equal(sum(plan.released, PLAN_CAUSES), plan.released[PLAN_GONE]);
    assert_int_equal(plan.added_bytes, plan.added * 1000);
    for (size_t i = 0; i < plan.site_count; i++) {
        const struct plan_site *site = &plan.sites[i];

        assert_int_equal(site->copies_before + site->copies_in - site->copies_out,
                         site->copies_after);
        assert_int_equal(site->bytes_before + site->bytes_in - site->bytes_out, site->bytes_after);
        in += site->copies_in;
        bytes_in += site->bytes_in;
        if (slice_is(site->id, "site-04")) {
            assert_int_equal(site->copies_out, plan.released[PLAN_GONE]);
            assert_int_equal(site->copies_after, 0);
        }
    }
    assert_int_equal(in, plan.added);
    assert_int_equal(bytes_in, plan.added_bytes);
    placement_plan_dispose(&plan);
    placement_map_destroy(&before);
    placement_map_destroy(&after);
}

/* A tighter rule: what it does not let be there goes, and nothing else. */
static void test_placement_plan_tells_why_each_copy_goes(void **state)
{
    struct placement_map
        *before = kit_best(kit_sites(12, -1, SPREAD)),
        *after = kit_best(kit_sites(
            12, -1, "    - {id: a, copies: {min: 2}, filter: \"site.country != 'c1'\"}\n"));
    struct placement_plan plan;
    struct plan_change change;
    struct text out = {0};
    json_t *json;

    (void)state;
    placement_plan_init(&plan, before, after);
    for (uint32_t i = 0; i < 3000; i++) {
        add(&plan, i, &change);
        assert_int_equal(change.after.count, 2);
    }
    assert_int_equal(plan.released[PLACEMENT_FILTERED] + plan.released[PLACEMENT_SURPLUS], 3000);
    assert_in_range(plan.released[PLACEMENT_FILTERED], 1300, 1900); /* of four countries, two */
    assert_int_equal(plan.added, 0);
    placement_plan_put(&plan, &out);
    assert_non_null(strstr(out.data, "3000 of 3000 objects change; copies to send: 0, 0 B\n"));
    plan_change_put(&plan, &change, &out);
    assert_non_null(strstr(out.data, change.after.released[0].cause == PLACEMENT_SURPLUS
                                         ? " (surplus)"
                                         : " (filtered)"));
    json = placement_plan_json(&plan);
    assert_int_equal(json_integer_value(json_object_get(json, "objects")), 3000);
    json_decref(json);
    json = plan_change_json(&plan, &change);
    assert_int_equal(json_array_size(json_object_get(json, "released")), 1);
    json_decref(json);
    text_dispose(&out);
    placement_plan_dispose(&plan);
    placement_map_destroy(&before);
    placement_map_destroy(&after);
}

static void test_placement_plan_begins_with_where_copies_are(void **state)
{
    struct placement_map *map = kit_best(kit_sites(5, -1, SPREAD));
    const uint32_t held[] = {placement_site_find(map, SLICE("local")),
                             placement_site_find(map, SLICE("site-02"))};
    struct placement_object object = kit_object(1);
    struct placement_plan plan;
    struct plan_change change;

    (void)state;
    placement_plan_init(&plan, map, map);
    object.held = held;
    object.held_count = 2;
    placement_plan_add(&plan, &object, NULL, &change);
    assert_int_equal(plan.states_before[PLACEMENT_DEGRADED], 1);
    assert_int_equal(plan.states_after[PLACEMENT_COMPLETE], 1);
    assert_int_equal(change.after.kept, 2);
    assert_int_equal(plan.added, 1);
    placement_plan_dispose(&plan);
    placement_map_destroy(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_placement_plan_of_the_same_policy_moves_nothing),
        cmocka_unit_test(test_placement_plan_moves_what_was_at_a_site_that_goes),
        cmocka_unit_test(test_placement_plan_tells_why_each_copy_goes),
        cmocka_unit_test(test_placement_plan_begins_with_where_copies_are),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
