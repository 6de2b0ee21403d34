// SPDX-License-Identifier: Apache-2.0
/* The greedy walk against all subsets: with nested domains it finds the most copies that there can
 * be, and of those the first in order; and one site less changes one copy of an object at most. */
#include "federation/placement_pick.h"
#include "federation/placement_weight.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { SITES = 10, CAPS = 3, TRIALS = 4000 };

struct trial {
    struct placement_field field;
    struct placement_walk walk;
    uint32_t sites[SITES], domains[CAPS][SITES];
    uint64_t hashes[SITES];
    uint8_t classes[SITES], tiers[SITES];
    struct policy_cap caps[CAPS];
    bool may[SITES];
    size_t want;
};

static uint64_t seed;

static uint32_t draw(uint32_t below)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(seed >> 33) % below;
}

static bool may_take(void *trial_, uint32_t site)
{
    const struct trial *trial = trial_;

    return trial->may[site];
}

/* Countries, cities in them, houses in those. */
static void make_site(struct trial *trial, uint32_t i)
{
    uint32_t country = draw(3), city = country * 3 + draw(3), house = city * 3 + draw(3);

    trial->sites[i] = i;
    trial->hashes[i] = (uint64_t)draw(UINT32_MAX) << 32 | draw(UINT32_MAX);
    trial->classes[i] = (uint8_t)draw(PLACEMENT_CLASSES);
    trial->tiers[i] = (uint8_t)(1 + draw(3));
    trial->may[i] = draw(8) > 0;
    trial->domains[0][i] = country;
    trial->domains[1][i] = city;
    trial->domains[2][i] = house;
}

static void make_trial(struct trial *trial)
{
    for (uint32_t i = 0; i < SITES; i++)
        make_site(trial, i);
    for (size_t c = 0; c < CAPS; c++)
        trial->caps[c] = (struct policy_cap){SLICE("x"), 1 + draw(3), trial->domains[c]};
    trial->field =
        (struct placement_field){1 + draw(SITES), trial->sites, trial->hashes, trial->classes,
                                 trial->tiers,    trial->caps,  draw(CAPS + 1)};
    trial->walk = (struct placement_walk){.field = &trial->field,
                                          .object = (uint64_t)draw(UINT32_MAX) << 32,
                                          .may_take = may_take,
                                          .arg = trial};
    trial->want = 1 + draw(6);
}

/* ---- all subsets */

static bool is_allowed(const struct trial *trial, unsigned subset)
{
    for (size_t i = 0; i < trial->field.count; i++)
        if ((subset >> i & 1) != 0 && !trial->may[i])
            return false;
    for (size_t c = 0; c < trial->field.cap_count; c++)
        for (size_t i = 0; i < trial->field.count; i++) {
            uint32_t there = 0;

            for (size_t j = 0; j < trial->field.count; j++)
                there += (subset >> j & 1) != 0 && trial->domains[c][j] == trial->domains[c][i];
            if (there > trial->caps[c].most)
                return false;
        }
    return (size_t)__builtin_popcount(subset) <= trial->want;
}

/* The places of all sites, in order. */
static void sort(const struct trial *trial, size_t *places)
{
    for (size_t i = 0; i < trial->field.count; i++) {
        size_t at = i;

        for (; at > 0 &&
               placement_order(&trial->walk, places[at - 1]) > placement_order(&trial->walk, i);
             at--)
            places[at] = places[at - 1];
        places[at] = i;
    }
}

/* Whether a has the first site, in order, that only one of the two has. */
static bool comes_before(const struct trial *trial, const size_t *places, unsigned a, unsigned b)
{
    for (size_t i = 0; i < trial->field.count; i++)
        if ((a >> places[i] & 1) != (b >> places[i] & 1))
            return (a >> places[i] & 1) != 0;
    return false;
}

static unsigned find_best(const struct trial *trial)
{
    size_t places[SITES];
    unsigned best = 0;

    sort(trial, places);
    for (unsigned subset = 1; subset < 1U << trial->field.count; subset++) {
        int more = __builtin_popcount(subset) - __builtin_popcount(best);

        if (is_allowed(trial, subset) &&
            (more > 0 || (more == 0 && comes_before(trial, places, subset, best))))
            best = subset;
    }
    return best;
}

static unsigned pick(const struct trial *trial)
{
    uint32_t taken[POLICY_COPIES_MAX];
    size_t count = placement_pick(&trial->walk, taken, 0, trial->want);
    unsigned subset = 0;

    for (size_t i = 0; i < count; i++)
        subset |= 1U << taken[i];
    assert_int_equal(__builtin_popcount(subset), count);
    return subset;
}

static void test_placement_walk_finds_what_all_subsets_have_best(void **state)
{
    static struct trial trial;

    (void)state;
    seed = 7;
    for (int i = 0; i < TRIALS; i++) {
        make_trial(&trial);
        assert_int_equal(pick(&trial), find_best(&trial));
    }
}

static void test_placement_walk_changes_one_copy_when_a_site_goes(void **state)
{
    static struct trial trial;
    int gone = 0;

    (void)state;
    seed = 8;
    for (int i = 0; i < 20 * TRIALS; i++) {
        unsigned before, after, site;

        make_trial(&trial);
        before = pick(&trial);
        site = draw((uint32_t)trial.field.count);
        trial.may[site] = false;
        after = pick(&trial);
        if ((before >> site & 1) == 0) {
            assert_int_equal(after, before);
            continue;
        }
        gone++;
        assert_int_equal(before & ~after, 1U << site);
        assert_true(__builtin_popcount(after & ~before) <= 1);
    }
    assert_true(gone > TRIALS);
}

/* Copies that are there, even such as no walk would have taken. */
static void test_placement_walk_leaves_those_that_are_taken(void **state)
{
    static struct trial trial;

    (void)state;
    seed = 9;
    for (int i = 0; i < TRIALS; i++) {
        uint32_t taken[POLICY_COPIES_MAX];
        size_t count, cap;

        make_trial(&trial);
        taken[0] = draw((uint32_t)trial.field.count);
        count = placement_pick(&trial.walk, taken, 1, trial.want);
        assert_true(count >= 1 && count <= (trial.want > 1 ? trial.want : 1));
        for (size_t j = 1; j < count; j++)
            assert_true(placement_fits(&trial.field, taken, j, taken[j], &cap) &&
                        trial.may[taken[j]]);
    }
}

/* More sites than the walk looks ahead, almost all of which refuse. */
static void test_placement_walk_comes_to_the_last_of_many_sites(void **state)
{
    enum { MANY = 1000 };
    static uint32_t sites[MANY];
    static uint64_t hashes[MANY];
    static uint8_t classes[MANY], tiers[MANY];
    struct placement_field field = {MANY, sites, hashes, classes, tiers, NULL, 0};
    struct trial trial = {.may = {true}};
    struct placement_walk walk = {.field = &field, .may_take = may_take, .arg = &trial};

    (void)state;
    seed = 10;
    for (uint32_t i = 0; i < MANY; i++) {
        sites[i] = i % 100 == 0 ? 0 : 1; /* may[0] alone */
        hashes[i] = (uint64_t)draw(UINT32_MAX) << 32;
    }
    for (uint32_t last = 0; last < 20; last++) {
        uint32_t taken[POLICY_COPIES_MAX];

        for (uint32_t i = 0; i < MANY; i++)
            sites[i] = i == last * 50 ? 0 : 1;
        assert_int_equal(placement_pick(&walk, taken, 0, 3), 1);
        assert_int_equal(taken[0], 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_placement_walk_finds_what_all_subsets_have_best),
        cmocka_unit_test(test_placement_walk_changes_one_copy_when_a_site_goes),
        cmocka_unit_test(test_placement_walk_leaves_those_that_are_taken),
        cmocka_unit_test(test_placement_walk_comes_to_the_last_of_many_sites),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
