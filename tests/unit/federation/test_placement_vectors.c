// SPDX-License-Identifier: Apache-2.0
/* Placement gives the answers that placement_vectors.py worked out another way, on every machine.
 */
#include "federation/placement_pick.h"
#include "federation/placement_weight.h"

#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { SITES = 100, CAPS = 2 };

/* Calls check with each line of that kind; returns how many there were. */
static size_t each_vector(const char *kind, void (*check)(const json_t *vector))
{
    FILE *file = fopen("placement_vectors.jsonl", "re");
    char *line = NULL;
    size_t room = 0, count = 0;

    assert_non_null(file);
    while (getline(&line, &room, file) > 0) {
        json_t *vector = json_loads(line, 0, NULL);

        assert_non_null(vector);
        if (strcmp(json_string_value(json_object_get(vector, "kind")), kind) == 0) {
            check(vector);
            count++;
        }
        json_decref(vector);
    }
    free(line);
    fclose(file);
    return count;
}

static int64_t number(const json_t *json, const char *name)
{
    const json_t *member = json_object_get(json, name);

    assert_true(json_is_integer(member));
    return json_integer_value(member);
}

static const char *text(const json_t *json, const char *name)
{
    const char *value = json_string_value(json_object_get(json, name));

    assert_non_null(value);
    return value;
}

static void check_depth(const json_t *vector)
{
    uint64_t x = strtoull(text(vector, "x"), NULL, 16);

    assert_int_equal(placement_depth(x), number(vector, "depth"));
}

static void check_class(const json_t *vector)
{
    assert_int_equal(placement_class((uint32_t)number(vector, "score")), number(vector, "class"));
}

/* A case's sites, as the walk wants them. */
struct field {
    struct placement_field field;
    const json_t *listed;
    uint32_t sites[SITES], domains[CAPS][SITES];
    uint64_t hashes[SITES];
    uint8_t classes[SITES], tiers[SITES];
    struct policy_cap caps[CAPS];
};

static void load_site(struct field *field, size_t i, const char *rule)
{
    const json_t *site = json_array_get(field->listed, i);
    const json_t *domains = json_object_get(site, "domains");

    field->sites[i] = (uint32_t)i;
    field->hashes[i] = placement_hash_site(slice_of(rule), slice_of(text(site, "id")));
    field->classes[i] = (uint8_t)number(site, "class");
    field->tiers[i] = (uint8_t)number(site, "tier");
    for (size_t c = 0; c < CAPS; c++)
        field->domains[c][i] = (uint32_t)json_integer_value(json_array_get(domains, c));
}

static void load_field(struct field *field, const json_t *vector)
{
    const json_t *caps = json_object_get(vector, "caps");

    field->listed = json_object_get(vector, "sites");
    assert_true(json_array_size(field->listed) <= SITES);
    for (size_t i = 0; i < json_array_size(field->listed); i++)
        load_site(field, i, text(vector, "rule"));
    for (size_t c = 0; c < CAPS; c++)
        field->caps[c] = (struct policy_cap){
            SLICE("x"), (uint32_t)json_integer_value(json_array_get(caps, c)), field->domains[c]};
    field->field = (struct placement_field){json_array_size(field->listed),
                                            field->sites,
                                            field->hashes,
                                            field->classes,
                                            field->tiers,
                                            field->caps,
                                            CAPS};
}

static bool may_take(void *field_, uint32_t site)
{
    const struct field *field = field_;

    return json_is_true(json_object_get(json_array_get(field->listed, site), "may"));
}

static size_t read_hex(const char *hex, uint8_t *bytes)
{
    size_t size = strlen(hex) / 2;

    for (size_t i = 0; i < size; i++) {
        char pair[3] = {hex[2 * i], hex[2 * i + 1], '\0'};

        bytes[i] = (uint8_t)strtoul(pair, NULL, 16);
    }
    return size;
}

static void check_answer(struct field *field, size_t want, const json_t *answer)
{
    const json_t *expected = json_array_get(answer, 1);
    struct placement_walk walk = {.field = &field->field, .may_take = may_take, .arg = field};
    uint32_t taken[POLICY_COPIES_MAX];
    uint8_t root[64];
    size_t size = read_hex(json_string_value(json_array_get(answer, 0)), root), count;

    walk.object = placement_hash_object((struct slice){(const char *)root, size});
    count = placement_pick(&walk, taken, 0, want);
    assert_int_equal(count, json_array_size(expected));
    for (size_t i = 0; i < count; i++)
        assert_string_equal(text(json_array_get(field->listed, taken[i]), "id"),
                            json_string_value(json_array_get(expected, i)));
}

static void check_case(const json_t *vector)
{
    static struct field field;
    const json_t *answers = json_object_get(vector, "answers");

    load_field(&field, vector);
    for (size_t i = 0; i < json_array_size(answers); i++)
        check_answer(&field, (size_t)number(vector, "want"), json_array_get(answers, i));
}

static void test_placement_gives_the_answers_that_are_for_ever(void **state)
{
    (void)state;
    assert_int_equal(each_vector("depth", check_depth), 63);
    assert_int_equal(each_vector("class", check_class), 55);
    assert_int_equal(each_vector("place", check_case), 60);
}

static void test_placement_depth_is_the_logarithm_and_never_grows(void **state)
{
    uint64_t x = 1, before = placement_depth(0);

    (void)state;
    for (int i = 0; i < 200000; i++) {
        uint64_t depth = placement_depth(x);
        double exact = (64 - log2((double)x)) * 4294967296.0;

        assert_true(depth <= before);
        for (unsigned class = 0; class < PLACEMENT_CLASSES; class ++)
            assert_true(placement_distance_least(x, class) <= depth * placement_costs[class]);
        assert_true(fabs((double)depth - exact) <= 12000); /* of 2^32: straight between places */
        before = depth;
        if (__builtin_add_overflow(x, x / 4096 + 1, &x))
            break;
    }
    assert_true(before < UINT64_C(1) << 32);
    assert_true(placement_depth(UINT64_MAX) <= 1);
    for (x = UINT64_MAX; x > UINT64_MAX - (UINT64_C(1) << 42); x -= (UINT64_C(1) << 20) + 7)
        assert_true(placement_distance_least(x, 0) <= placement_depth(x) * placement_costs[0]);
}

/* With weights 1, 1/2 and 1/4 sites get objects as 4 : 2 : 1. */
static void test_placement_gives_sites_objects_in_proportion_to_their_weight(void **state)
{
    static const uint8_t classes[] = {0, 4, 8};
    static const uint64_t expected[] = {57143, 28571, 14286};
    uint64_t hashes[3], counts[3] = {0};

    (void)state;
    for (size_t i = 0; i < 3; i++)
        hashes[i] = placement_hash_site(SLICE("rule"), (struct slice){&"abc"[i], 1});
    for (uint32_t object = 0; object < 100000; object++) {
        uint64_t hash =
            placement_hash_object((struct slice){(const char *)&object, sizeof(object)});
        size_t best = 0;

        for (size_t i = 1; i < 3; i++)
            if (placement_distance(hash, hashes[i], classes[i]) <
                placement_distance(hash, hashes[best], classes[best]))
                best = i;
        counts[best]++;
    }
    for (size_t i = 0; i < 3; i++)
        assert_in_range(counts[i], expected[i] - 700, expected[i] + 700); /* 4.5 deviations */
}

static void test_placement_class_follows_a_score_only_after_an_hour_beyond_the_edge(void **state)
{
    struct placement_class_state class = {.is_known = false};
    const uint64_t hour = PLACEMENT_CLASS_HOLD_MS;

    (void)state;
    placement_class_follow(&class, 500000, 0); /* the middle of class 4 */
    assert_int_equal(class.class, 4);
    placement_class_follow(&class, 430000, 2 * hour); /* over the edge, not beyond by half a step */
    placement_class_follow(&class, 430000, 9 * hour);
    assert_int_equal(class.class, 4);
    placement_class_follow(&class, 400000, 10 * hour); /* beyond */
    placement_class_follow(&class, 400000, 11 * hour);
    assert_int_equal(class.class, 4);
    placement_class_follow(&class, 500000, 11 * hour + 1); /* and back: the hour begins anew */
    placement_class_follow(&class, 400000, 11 * hour + 2);
    placement_class_follow(&class, 400000, 12 * hour + 2);
    assert_int_equal(class.class, 4);
    placement_class_follow(&class, 400000, 12 * hour + 3);
    assert_int_equal(class.class, 5);
    placement_class_follow(&class, 1000000, 20 * hour);
    placement_class_follow(&class, 1000000, 22 * hour);
    assert_int_equal(class.class, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_placement_gives_the_answers_that_are_for_ever),
        cmocka_unit_test(test_placement_depth_is_the_logarithm_and_never_grows),
        cmocka_unit_test(test_placement_gives_sites_objects_in_proportion_to_their_weight),
        cmocka_unit_test(test_placement_class_follows_a_score_only_after_an_hour_beyond_the_edge),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
