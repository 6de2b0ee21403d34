// SPDX-License-Identifier: Apache-2.0
#include "auth/words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct words_transcript sample = {
    .link = {"01hv4p2m8d6y7q3x9k5c0z1b2n", 26},
    .epoch = 1,
    .inviter = {.org = "library.example.org", .root = {1, 2, 3}},
    .joiner = {.org = "museum.example.net", .root = {4, 5, 6}},
    .exporter = {7, 8, 9},
};

static void test_words_list_is_in_order_and_told_apart_by_four_letters(void **state)
{
    for (size_t i = 0; i < WORDS_LISTED; i++) {
        size_t size = strlen(words_list[i]);

        assert_true(size >= 3 && size <= 8);
        if (i > 0)
            assert_true(strcmp(words_list[i - 1], words_list[i]) < 0 &&
                        strncmp(words_list[i - 1], words_list[i], 4) != 0);
    }
}

/* Made by another program (Python's hashlib) from the description in the header. */
static void test_words_are_what_another_implementation_makes(void **state)
{
    char words[WORDS_SIZE];

    assert_string_equal(words_of(&sample, words), "void hybrid link diamond ticket cover");
}

static void test_words_differ_when_anything_of_the_transcript_does(void **state)
{
    struct words_transcript changed[8];
    char first[WORDS_SIZE], words[WORDS_SIZE];

    for (size_t i = 0; i < ARRAY_SIZE(changed); i++)
        changed[i] = sample;
    changed[0].link = slice_of("01hv4p2m8d6y7q3x9k5c0z1b2m");
    changed[1].epoch = 2;
    changed[2].inviter.org = "library.example.com";
    changed[3].inviter.root[31] = 1;
    changed[4].joiner.org = "museum.example.nex";
    changed[5].joiner.root[0] ^= 0x80;
    changed[6].exporter[31] = 1;
    changed[7].inviter = sample.joiner;
    changed[7].joiner = sample.inviter;
    words_of(&sample, first);
    for (size_t i = 0; i < ARRAY_SIZE(changed); i++)
        assert_string_not_equal(words_of(&changed[i], words), first);
}

static void test_words_are_read_as_people_type_them(void **state)
{
    static const char *const typed[] = {
        "abandon zoo action act legal winner",
        "  ABANDON  zoo\taction,act legal\nwinner\r\n",
        "aban-zoo-acti-act-lega-winn",
    };
    char words[WORDS_SIZE];
    struct error err = {0};

    for (size_t i = 0; i < ARRAY_SIZE(typed); i++) {
        if (!words_read(slice_of(typed[i]), words, &err))
            fail_msg("%s", err.text);
        assert_string_equal(words, "abandon zoo action act legal winner");
    }
}

static void test_words_refuses_what_are_not_six_of_the_list(void **state)
{
    static const struct {
        const char *typed, *text;
    } cases[] = {
        {"", "there are 0 words, and not 6"},
        {"abandon zoo action act legal", "there are 5 words, and not 6"},
        {"abandon zoo action act legal winner yellow", "there are more than 6 words"},
        {"abandon zoo acton act legal winner", "word 3, 'acton', is not in the list; was 'action' "
                                               "meant?"},
        {"aba zoo action act legal winner", "word 1, 'aba', is not in the list"},
        {"abandon zoo action act legal qqqqqqqq", "word 6, 'qqqqqqqq', is not in the list"},
        {"abandons zoo action act legal winner", "word 1, 'abandons', is not in the list"},
        {"abandon z00 action act legal winner", "word 2 has something in it that is no letter"},
        {"abandon zoo actionable act legal winner", "word 3 is longer than any in the list"},
    };
    char words[WORDS_SIZE];

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct error err = {0};

        assert_false(words_read(slice_of(cases[i].typed), words, &err));
        if (strstr(err.text, cases[i].text) == NULL)
            fail_msg("case %zu says: %s", i, err.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words_list_is_in_order_and_told_apart_by_four_letters),
        cmocka_unit_test(test_words_are_what_another_implementation_makes),
        cmocka_unit_test(test_words_differ_when_anything_of_the_transcript_does),
        cmocka_unit_test(test_words_are_read_as_people_type_them),
        cmocka_unit_test(test_words_refuses_what_are_not_six_of_the_list),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
