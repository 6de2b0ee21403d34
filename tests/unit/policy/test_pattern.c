// SPDX-License-Identifier: Apache-2.0
#include "kit.h"

#include "policy/pattern.h"

static void test_pattern_matches_segment_by_segment(void **state)
{
    static const struct {
        const char *glob, *path;
        bool matches;
    } cases[] = {
        {"add", "add", true},
        {"add", "addx", false},
        {"*", "add", true},
        {"*", "pin/add", false},
        {"pin/*", "pin/add", true},
        {"pin/*", "pin", false},
        {"pin/*", "pin/remote/add", false},
        {"pin/**", "pin/remote/add", true},
        {"pin/**", "pin", true},
        {"pin/**", "pinx/add", false},
        {"**", "a/b/c", true},
        {"**", "", true},
        {"**/add", "add", true},
        {"**/add", "pin/remote/add", true},
        {"**/add", "pin/addx", false},
        {"p*/l*", "pin/ls", true},
        {"p*/l*", "pubsub/ls", true},
        {"p*n/a*d", "pin/add", true},
        {"a*a*a", "aa", false},
        {"pin/**/ls", "pin/ls", true},
        {"pin/**/ls", "pin/remote/service/ls", true},
        {"*/*/*/*", "a/b/c", false},
        {"**/**/**/**/x", "a/b/c/d/e/f", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        if (pattern_matches(slice_of(cases[i].glob), slice_of(cases[i].path)) != cases[i].matches)
            fail_msg("'%s' and '%s'", cases[i].glob, cases[i].path);
}

static size_t count(const char *text, enum pattern_use use)
{
    struct pattern pattern;
    struct error err = {0};

    if (!pattern_parse(&pattern, use, slice_of(text), &err))
        fail_msg("%s: %s", text, err.text);
    return bits_count(pattern.set.bits, COMMAND_SET_WORDS);
}

static void test_pattern_names_the_commands_that_are_meant(void **state)
{
    struct pattern pattern;
    struct error err = {0};

    (void)state;
    assert_int_equal(count("pin/add", PATTERN_ALLOW), 1);
    assert_int_equal(count("pin/{add,ls,rm}", PATTERN_ALLOW), 3);
    assert_int_equal(count("{pin,files}/{ls,rm}", PATTERN_ALLOW), 4);
    assert_int_equal(count("{add}", PATTERN_ALLOW), 1);
    assert_int_equal(count("class:tool", PATTERN_ALLOW), count("class:tool", PATTERN_DENY));
    assert_int_equal(count("**", PATTERN_DENY), COMMAND_COUNT);
    assert_int_equal(count("**", PATTERN_ALLOW),
                     count("class:tool", PATTERN_ALLOW) + count("class:read", PATTERN_ALLOW) +
                         count("class:write", PATTERN_ALLOW) + count("class:pin", PATTERN_ALLOW));
    assert_int_equal(count("refs/**", PATTERN_ALLOW), 2);
    assert_int_equal(count("nothing/*", PATTERN_ALLOW), 0);

    /* danger 4 is left out of what allows, and kept in what denies */
    assert_true(pattern_parse(&pattern, PATTERN_ALLOW, SLICE("repo/*"), &err));
    assert_false(command_set_has(&pattern.set, COMMAND_REPO_GC));
    assert_true(command_set_has(&pattern.set, COMMAND_REPO_STAT));
    assert_true(pattern_parse(&pattern, PATTERN_DENY, SLICE("repo/*"), &err));
    assert_true(command_set_has(&pattern.set, COMMAND_REPO_GC));
    assert_true(pattern_parse(&pattern, PATTERN_ALLOW, SLICE("class:admin"), &err));
    for (int id = 0; id < COMMAND_COUNT; id++)
        if (command_set_has(&pattern.set, (enum command_id)id))
            assert_int_not_equal(catalogue_command((enum command_id)id)->danger, DANGER_NEVER);
}

static void test_pattern_bounds_its_braces(void **state)
{
    struct pattern pattern;
    struct error err = {0};
    char text[PATTERN_SIZE_MAX + 1];

    (void)state;
    assert_false(pattern_parse(&pattern, PATTERN_DENY,
                               SLICE("{a,b,c,d}{a,b,c,d}{a,b,c,d}{a,b,c,d}{a,b}"), &err));
    assert_int_equal(err.code, ERROR_LIMIT);
    memset(text, 'a', sizeof(text));
    err = (struct error){0};
    assert_false(pattern_parse(&pattern, PATTERN_DENY, (struct slice){text, sizeof(text)}, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pattern_matches_segment_by_segment),
        cmocka_unit_test(test_pattern_names_the_commands_that_are_meant),
        cmocka_unit_test(test_pattern_bounds_its_braces),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
