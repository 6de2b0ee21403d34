// SPDX-License-Identifier: Apache-2.0
#include "placement_kit.h"

#include "federation/placement_input.h"

#include <unistd.h>

static void test_placement_input_reads_what_was_observed_of_a_site(void **state)
{
    static const char line[] =
        "{\"site\":\"beta\",\"granted\":false,\"room\":7,\"healthy\":true,\"free\":300,"
        "\"capacity\":400,\"load\":0.25,\"rtt_ms\":1.5,\"unknown\":[]}";
    struct placement_seen seen;
    struct error err = {0};

    (void)state;
    assert_true(placement_read_seen(&seen, SLICE(line), &err));
    assert_string_equal(seen.site, "beta");
    assert_int_equal(seen.gate, PLACEMENT_NO_GRANT);
    assert_int_equal(seen.room_bytes, 7);
    assert_int_equal(seen.seen.has, 1 << SEEN_HEALTHY | 1 << SEEN_FREE | 1 << SEEN_CAPACITY |
                                        1 << SEEN_LOAD | 1 << SEEN_RTT | 1 << SEEN_FREE_RATIO);
    assert_int_equal(seen.seen.values[SEEN_FREE_RATIO], 750000); /* of the two */
    assert_int_equal(seen.seen.values[SEEN_LOAD], 250000);
    assert_int_equal(seen.seen.values[SEEN_RTT], 1500000);
    assert_true(placement_read_seen(&seen, SLICE("{\"site\":\"beta\"}"), &err));
    assert_int_equal(seen.gate, PLACEMENT_OPEN);
    assert_true(seen.room_bytes == UINT64_MAX);
    assert_int_equal(seen.seen.has, 0);
}

static void test_placement_input_says_what_is_wrong_with_a_site(void **state)
{
    static const struct {
        const char *line, *error;
    } cases[] = {
        {"", "one JSON object stands on each line"},
        {"[1]", "one JSON object stands on each line"},
        {"{\"site\":\"a\",\"site\":\"b\"}", "one JSON object stands on each line: duplicate"},
        {"{}", "\"site\" is missing"},
        {"{\"site\":\"Beta\"}", "the site"},
        {"{\"site\":\"b\",\"linked\":1}", "\"linked\" is not true or false"},
        {"{\"site\":\"b\",\"room\":-1}", "\"room\" is not a whole number"},
        {"{\"site\":\"b\",\"free\":1.5}", "\"free\" is not a whole number of bytes"},
        {"{\"site\":\"b\",\"load\":1.01}", "\"load\" is not a number from 0 to 1"},
        {"{\"site\":\"b\",\"rtt_ms\":\"5ms\"}", "\"rtt_ms\" is not a number of milliseconds"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct placement_seen seen;
        struct error err = {0};

        assert_false(placement_read_seen(&seen, slice_of(cases[i].line), &err));
        if (strncmp(err.text, cases[i].error, strlen(cases[i].error)) != 0)
            fail_msg("%s: %s", cases[i].line, err.text);
    }
}

#define RULE "    - {id: a, copies: {min: 2}}\n"

static void test_placement_input_reads_an_object_and_where_its_copies_are(void **state)
{
    struct placement_map *map = kit_best(kit_sites(4, -1, RULE));
    static const char line[] =
        "{\"cid\":\"QmbWqxBEKC3P8tqsKc98xmWNzrzDtRLMiMPL8wBuTGsMnR\",\"bytes\":9,"
        "\"owner\":\"group:lab\",\"labels\":{\"class\":\"secret\"},"
        "\"sites\":[\"site-01\",\"elsewhere\",\"site-01\"]}";
    struct placement_input input;
    struct error err = {0};

    (void)state;
    assert_true(placement_read_object(&input, map, SLICE(line), &err));
    assert_int_equal(input.object.root.size, 36); /* version 1, whatever was typed */
    assert_int_equal(input.object.facts.codec, CODEC_DAG_PB);
    assert_int_equal(input.object.facts.bytes, 9);
    assert_int_equal(input.owner.kind, OWNER_GROUP);
    assert_int_equal(input.labels[0], 1);
    assert_int_equal(input.object.held_count, 1);
    assert_int_equal(input.held[0], placement_site_find(map, SLICE("site-01")));
    assert_int_equal(input.elsewhere, 1);
    assert_true(input.has_held);
    assert_true(placement_read_object(&input, map, SLICE("{\"cid\":\"bafkqaaa\"}"), &err));
    assert_null(input.object.held);
    placement_map_destroy(&map);
}

static void test_placement_input_says_what_is_wrong_with_an_object(void **state)
{
    static const struct {
        const char *line, *error;
    } cases[] = {
        {"{}", "\"cid\" is missing"},
        {"{\"cid\":\"bafx\"}", "'bafx' is no CID"},
        {"{\"cid\":\"bafkqaaa\",\"bytes\":\"1\"}", "\"bytes\" is not a whole number"},
        {"{\"cid\":\"bafkqaaa\",\"owner\":\"tribe:x\"}", "\"owner\" is not member:NAME"},
        {"{\"cid\":\"bafkqaaa\",\"owner\":\"A\"}", "the owner"},
        {"{\"cid\":\"bafkqaaa\",\"labels\":[]}", "\"labels\" is not an object"},
        {"{\"cid\":\"bafkqaaa\",\"labels\":{\"class\":1}}", "\"labels\" is not an object"},
        {"{\"cid\":\"bafkqaaa\",\"labels\":{\"class\":\"x\"}}", "'x' is no value of the label"},
        {"{\"cid\":\"bafkqaaa\",\"sites\":{}}", "\"sites\" is not a list of sites"},
        {"{\"cid\":\"bafkqaaa\",\"sites\":[1]}", "\"sites\" is not a list of texts"},
    };
    struct placement_map *map = kit_best(kit_sites(4, -1, RULE));

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct placement_input input;
        struct error err = {0};

        assert_false(placement_read_object(&input, map, slice_of(cases[i].line), &err));
        if (strncmp(err.text, cases[i].error, strlen(cases[i].error)) != 0)
            fail_msg("%s: %s", cases[i].line, err.text);
    }
    placement_map_destroy(&map);
}

static void test_placement_input_names_the_line_of_a_file(void **state)
{
    char path[] = "/tmp/placement-XXXXXX";
    int file = mkstemp(path);
    static const char lines[] =
        "{\"site\":\"a\"}\n\n{\"site\":\"b\"}\n{\"site\":\"c\",\"free\":x}\n";
    struct placement_seen *sites;
    struct error err = {0};
    size_t count;

    (void)state;
    assert_true(file >= 0);
    assert_int_equal(write(file, lines, sizeof(lines) - 1), sizeof(lines) - 1);
    assert_false(placement_load_seen(&sites, &count, path, &err));
    assert_null(sites);
    assert_non_null(strstr(err.text, ":4: one JSON object stands on each line"));
    assert_int_equal(ftruncate(file, 27), 0);
    assert_true(placement_load_seen(&sites, &count, path, &err));
    assert_int_equal(count, 2);
    assert_string_equal(sites[1].site, "b");
    free(sites);
    close(file);
    unlink(path);
    assert_false(placement_load_seen(&sites, &count, path, &(struct error){0}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_placement_input_reads_what_was_observed_of_a_site),
        cmocka_unit_test(test_placement_input_says_what_is_wrong_with_a_site),
        cmocka_unit_test(test_placement_input_reads_an_object_and_where_its_copies_are),
        cmocka_unit_test(test_placement_input_says_what_is_wrong_with_an_object),
        cmocka_unit_test(test_placement_input_names_the_line_of_a_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
