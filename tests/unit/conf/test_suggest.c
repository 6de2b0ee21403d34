// SPDX-License-Identifier: Apache-2.0
#include "conf/suggest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void test_suggestion_finds_the_nearest_or_none(void **state)
{
    static const char *const known[] = {"serve", "status", "address", "head_size", "head_timeout"};
    static const struct {
        const char *word;
        const char *best; /* "": none */
    } cases[] = {
        {"sreve", "serve"},
        {"serv", "serve"},
        {"servee", "serve"},
        {"stats", "status"},
        {"addres", "address"},
        {"adress", "address"},
        {"head_siez", "head_size"},
        {"headtimeout", "head_timeout"},
        {"stat", "status"},
        {"zzzzz", ""},
        {"s", ""},
        {"", ""},
        {"xyz", ""},
        {"a_word_that_is_much_longer_than_any_that_is_known_here_and_still_goes_on", ""},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct suggestion suggestion;

        suggestion_init(&suggestion, slice_of(cases[i].word));
        for (size_t j = 0; j < ARRAY_SIZE(known); j++)
            suggestion_offer(&suggestion, known[j]);
        if (!slice_is(suggestion.best, cases[i].best))
            fail_msg("'%s' gave '%.*s'", cases[i].word, SLICE_ARGS(suggestion.best));
    }
}

static void test_suggestion_counts_a_swap_as_one_edit(void **state)
{
    struct suggestion suggestion;

    suggestion_init(&suggestion, SLICE("teh"));
    suggestion_offer(&suggestion, "the");
    assert_int_equal(suggestion.distance, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_suggestion_finds_the_nearest_or_none),
        cmocka_unit_test(test_suggestion_counts_a_swap_as_one_edit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
