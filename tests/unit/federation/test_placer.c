// SPDX-License-Identifier: Apache-2.0
/* What is to be done for one object, by what the ledger and its copies say. */
#include "federation/placer.h"
#include "store/transaction.h"

#include "conf/memory.h"

#include "placement_kit.h"

#include <string.h>

#define ID(digit) "01jd000000000000000000000" digit

struct fixture {
    const struct policy *policy;
    struct placement_map *map;
    struct object_get found;
    struct pin_record pins[2];
    struct cid cid;
    struct placer_copy copies[4];
    size_t count;
    struct placement_result result;
};

static const char rules[] = "    - {id: all, copies: {min: 2, want: 2}}\n"
                            "grants:\n"
                            "  - {partner: beta, they_store: {bytes: 1GiB, data: \"label.class != "
                            "'secret'\"}}\n"
                            "  - {partner: gamma, they_store: {bytes: 1GiB}}\n";

static void use_policy(struct fixture *f, const char *yaml)
{
    struct kit_seen seen;

    placement_map_destroy(&f->map);
    policy_unref(&f->policy);
    f->policy = kit_policy(yaml);
    seen = kit_seen(f->policy);
    placement_map_create(&f->map, f->policy, seen.sites, seen.count, NULL, 1, 0);
}

static void use_sites(struct fixture *f, const char *sites)
{
    struct text yaml = {0};

    text_put_format(&yaml, "%s  sites: {%s}\n  rules:\n%s", KIT_HEAD, sites, rules);
    use_policy(f, yaml.data);
    text_dispose(&yaml);
}

static int setup(void **state)
{
    struct fixture *f = memory_alloc(sizeof(*f));

    cid_make(&f->cid, 1, CODEC_RAW, 0, "x", 1);
    f->found.record = (struct object_record){.key = {(const char *)f->cid.bytes, f->cid.size},
                                             .upstream = PIN_RECURSIVE};
    f->found.record.has_bytes[PIN_RECURSIVE] = true;
    f->found.record.bytes[PIN_RECURSIVE] = 1000;
    f->pins[0] = (struct pin_record){
        .owner = {.kind = OWNER_MEMBER, .id = "alice"}, .held = PIN_RECURSIVE, .state = PIN_PINNED};
    f->found.pins = f->pins;
    f->found.count = 1;
    use_sites(f, "local: {}, beta: {}");
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    placement_map_destroy(&f->map);
    policy_unref(&f->policy);
    free(f);
    return 0;
}

static struct placer_copy *add(struct fixture *f, const char *partner, const char *id,
                               enum allocation_state state)
{
    struct placer_copy *copy = &f->copies[f->count++];

    *copy = (struct placer_copy){.state = state, .counts = state == ALLOCATION_PLACED};
    strcpy(copy->partner, partner);
    strcpy(copy->id, id);
    return copy;
}

/* "place beta, release 1": the last digit of an id. */
static void expect(struct fixture *f, const char *expected)
{
    static const char *const names[] = {"place", "want", "release"};
    struct placer_act acts[PLACER_ACTS_MAX];
    size_t count = placer_decide(f->map, &f->found, f->copies, f->count, acts, &f->result);
    struct text got = {0};

    for (size_t i = 0; i < count; i++) {
        text_put_format(&got, "%s%s ", i > 0 ? ", " : "", names[acts[i].what]);
        if (acts[i].id != NULL)
            text_put_text(&got, acts[i].id + ULID_SIZE - 2);
        else
            text_put_format(&got, "%.*s", (int)acts[i].partner_size, acts[i].partner);
    }
    assert_string_equal(got.size > 0 ? got.data : "", expected);
    text_dispose(&got);
}

static void test_a_pinned_object_is_placed_once(void **state)
{
    struct fixture *f = *state;

    expect(f, "place beta");
    add(f, "beta", ID("1"), ALLOCATION_QUEUED);
    expect(f, "");
    f->copies[0].state = ALLOCATION_PLACED;
    expect(f, "");
}

static void test_what_is_not_pinned_recursively_here_stays_here(void **state)
{
    struct fixture *f = *state;

    f->pins[0].held = PIN_DIRECT;
    expect(f, "");
    f->pins[0].held = PIN_RECURSIVE;
    f->found.record.upstream = PIN_NONE; /* it is missing here */
    expect(f, "");
    f->found.record.upstream = PIN_RECURSIVE;
    f->pins[0].owner.kind = OWNER_PARTNER; /* one hop */
    expect(f, "");
}

static void test_copies_go_when_nobody_claims_the_object(void **state)
{
    struct fixture *f = *state;

    add(f, "beta", ID("1"), ALLOCATION_PLACED);
    add(f, "gamma", ID("2"), ALLOCATION_STUCK);
    add(f, "delta", ID("3"), ALLOCATION_PLACED)->is_unwanted = true;
    f->found.count = 0;
    expect(f, "release 1, release 2");
    f->found.record.is_doubtful = true; /* a backup says so */
    expect(f, "");
    f->found.record.is_doubtful = false;
    f->copies[0].is_restored = true;
    expect(f, "release 2");
    f->found.count = 1;
    f->pins[0].state = PIN_LOST; /* it may come back from there */
    f->pins[0].held = PIN_NONE;
    expect(f, "");
    f->pins[0].state = PIN_REMOVING;
    expect(f, "release 2");
}

static void test_a_copy_is_released_only_when_all_others_are_there(void **state)
{
    struct fixture *f = *state;

    use_sites(f, "local: {}, beta: {}, gamma: {}");
    add(f, "beta", ID("1"), ALLOCATION_PLACED)->is_leaving = true;
    expect(f, "place gamma");
    add(f, "gamma", ID("2"), ALLOCATION_TRANSFERRING);
    expect(f, "");
    f->copies[1].state = ALLOCATION_PLACED;
    f->copies[1].counts = true;
    expect(f, "release 1");
}

static void test_who_refused_is_not_asked_again_and_another_takes_it(void **state)
{
    struct fixture *f = *state;

    add(f, "beta", ID("1"), ALLOCATION_STUCK);
    expect(f, ""); /* it tries again by itself */
    use_sites(f, "local: {}, beta: {}, gamma: {}");
    expect(f, "place gamma");
    add(f, "gamma", ID("2"), ALLOCATION_PLACED);
    expect(f, "release 1");
}

static void test_one_on_its_way_out_is_kept_rather_than_sent_anew(void **state)
{
    struct fixture *f = *state;

    add(f, "beta", ID("1"), ALLOCATION_RELEASING)->is_unwanted = true;
    expect(f, "want 1");
}

static void test_data_that_a_grant_does_not_cover_does_not_go_there(void **state)
{
    struct fixture *f = *state;

    f->pins[0].labels = SLICE("class=secret");
    expect(f, "");
    assert_int_equal(f->result.state, PLACEMENT_STUCK);
    f->pins[1] = f->pins[0]; /* the tightest of all claims */
    f->pins[1].labels = (struct slice){NULL, 0};
    f->found.count = 2;
    expect(f, "");
    f->pins[0].labels = (struct slice){NULL, 0};
    expect(f, "place beta");
}

static void test_a_policy_that_names_a_site_no_more_deletes_nothing_there(void **state)
{
    struct fixture *f = *state;

    use_sites(f, "local: {}, gamma: {}");
    add(f, "beta", ID("1"), ALLOCATION_PLACED);
    expect(f, "place gamma");
    add(f, "gamma", ID("2"), ALLOCATION_PLACED);
    expect(f, "");
    use_policy(f, "version: 1\norg: lab.example\nmembers: {alice: {}}\nroles: {r: {allow: add}}\n"
                  "bind: [{to: \"member:*\", roles: r}]\n");
    expect(f, "");
}

/* ---- how it stands */

static struct placer_stand stand_of(struct fixture *f, const char *expected_words)
{
    struct placer_act acts[PLACER_ACTS_MAX];
    struct placer_stand stand;
    struct text words = {0};

    placer_decide(f->map, &f->found, f->copies, f->count, acts, &f->result);
    placer_stand(f->map, &f->found, f->copies, f->count, &f->result, &stand);
    placer_put_stand(f->map, &f->found, f->copies, f->count, &words);
    if (strstr(words.data, expected_words) == NULL)
        fail_msg("'%s' does not say '%s'", words.data, expected_words);
    text_dispose(&words);
    return stand;
}

static void test_copies_are_counted_by_evidence_and_once_a_partner(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(stand_of(f, "1 copy exists: local; complete").there, 1);
    add(f, "beta", ID("1"), ALLOCATION_TRANSFERRING)->why = "12 of 40 blocks are there";
    assert_int_equal(stand_of(f, "1 copy exists: local; beta: 12 of 40 blocks are there").there, 1);
    f->copies[0].state = ALLOCATION_PLACED;
    f->copies[0].counts = true;
    assert_int_equal(stand_of(f, "2 copies exist: local, beta; complete").there, 2);
    add(f, "beta", ID("2"), ALLOCATION_PLACED);
    assert_int_equal(stand_of(f, "2 copies exist: local, beta;").there, 2);
    f->found.record.upstream = PIN_NONE;
    assert_int_equal(stand_of(f, "1 copy exists: beta; it is not pinned here").there, 1);
}

static void test_what_is_never_placed_says_why(void **state)
{
    struct fixture *f = *state;

    assert_false(stand_of(f, "complete").is_final);
    f->pins[0].held = PIN_DIRECT;
    assert_true(stand_of(f, "pinned direct alone").is_final);
    f->pins[0].owner.kind = OWNER_PARTNER;
    assert_true(stand_of(f, "here for a partner").is_final);
    f->found.count = 0;
    assert_true(stand_of(f, "nobody here has pinned it").is_final);
    f->found.count = 1;
    f->pins[0] = (struct pin_record){
        .owner = {.kind = OWNER_MEMBER, .id = "alice"}, .held = PIN_RECURSIVE, .state = PIN_PINNED};
    use_policy(f, "version: 1\norg: lab.example\nmembers: {alice: {}}\nroles: {r: {allow: add}}\n"
                  "bind: [{to: \"member:*\", roles: r}]\n");
    assert_true(stand_of(f, "no section placement").is_final);
}

static void test_an_object_is_short_when_neither_site_nor_allocation_stands_for_a_copy(void **state)
{
    struct fixture *f = *state;

    f->pins[0].labels = SLICE("class=secret"); /* no grant covers it */
    assert_true(stand_of(f, "stuck: 1 of at least 2").is_short);
    add(f, "beta", ID("1"), ALLOCATION_STUCK)->why = "full";
    assert_false(stand_of(f, "beta: full; stuck").is_short); /* it says so itself */
    f->count = 0;
    f->pins[0].labels = (struct slice){NULL, 0};
    assert_false(stand_of(f, "complete").is_short);
}

static void test_what_a_pin_asks_for_is_placed_beyond_the_rule_and_kept(void **state)
{
    struct fixture *f = *state;

    use_sites(f, "local: {}, beta: {}, gamma: {}");
    add(f, "beta", ID("1"), ALLOCATION_PLACED);
    expect(f, "");
    f->pins[0].min_copies = 3;
    expect(f, "place gamma");
    add(f, "gamma", ID("2"), ALLOCATION_PLACED);
    expect(f, "");
    f->pins[0].min_copies = 1; /* a request may only tighten */
    f->pins[1] = f->pins[0];
    f->pins[1].min_copies = 3;
    f->found.count = 2;
    expect(f, "");
    f->pins[1].min_copies = 0;
    expect(f, "release 1");
}

static void
test_a_label_that_became_looser_than_what_the_policy_gives_takes_no_other_away(void **state)
{
    struct fixture *f = *state;

    use_sites(f, "local: {}, beta: {}");
    f->pins[0].labels = SLICE("class=public,class=secret");
    expect(f, "");
    assert_int_equal(f->result.state, PLACEMENT_STUCK);
}

static void test_calls_wait_for_what_the_rule_of_the_object_says(void **state)
{
    struct fixture *f = *state;
    struct text yaml = {0};

    assert_int_equal(stand_of(f, "complete").wait, 1);
    text_put_format(&yaml,
                    "%s  sites: {local: {}, beta: {}}\n  rules:\n"
                    "    - {id: all, copies: {min: 1, want: 2, wait: 2}}\n"
                    "    - {id: big, priority: 1, for: \"object.size > 1MiB\", "
                    "copies: {min: 1, want: 2}}\n"
                    "grants: [{partner: beta, they_store: {bytes: 1GiB}}]\n",
                    KIT_HEAD);
    use_policy(f, yaml.data);
    text_dispose(&yaml);
    assert_int_equal(policy_placement_wait(f->policy), 2);
    assert_int_equal(stand_of(f, "complete").wait, 2);
    f->found.record.bytes[PIN_RECURSIVE] = 2 << 20;
    assert_int_equal(stand_of(f, "complete").wait, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_a_pinned_object_is_placed_once),
        TEST(test_what_is_not_pinned_recursively_here_stays_here),
        TEST(test_copies_go_when_nobody_claims_the_object),
        TEST(test_a_copy_is_released_only_when_all_others_are_there),
        TEST(test_who_refused_is_not_asked_again_and_another_takes_it),
        TEST(test_one_on_its_way_out_is_kept_rather_than_sent_anew),
        TEST(test_data_that_a_grant_does_not_cover_does_not_go_there),
        TEST(test_a_policy_that_names_a_site_no_more_deletes_nothing_there),
        TEST(test_copies_are_counted_by_evidence_and_once_a_partner),
        TEST(test_what_is_never_placed_says_why),
        TEST(test_an_object_is_short_when_neither_site_nor_allocation_stands_for_a_copy),
        TEST(test_what_a_pin_asks_for_is_placed_beyond_the_rule_and_kept),
        TEST(test_a_label_that_became_looser_than_what_the_policy_gives_takes_no_other_away),
        TEST(test_calls_wait_for_what_the_rule_of_the_object_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
