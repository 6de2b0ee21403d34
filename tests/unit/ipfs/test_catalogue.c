// SPDX-License-Identifier: Apache-2.0
#include "ipfs/catalogue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void test_catalogue_is_sorted_and_indexed_by_id(void **state)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        const struct command *command = catalogue_command((enum command_id)i);

        assert_int_equal(command->id, i);
        if (i > 0)
            assert_true(strcmp(catalogue_command((enum command_id)(i - 1))->path, command->path) <
                        0);
        assert_ptr_equal(catalogue_find(slice_of(command->path)), command);
    }
}

static void test_catalogue_finds_only_exact_paths(void **state)
{
    static const char *const unknown[] = {
        "",        "/",        "pin",      "pin/",   "/pin/add",   "pin/add/", "pin//add",
        "pin/ADD", "pin/addd", "pin/ad",   "daemon", "key/export", "Version",  "version ",
        "dns",     "tar/add",  "urlstore", "refs/",  "zzz",        "a",        "swarm",
    };

    for (size_t i = 0; i < ARRAY_SIZE(unknown); i++)
        assert_null(catalogue_find(slice_of(unknown[i])));
    assert_null(catalogue_find((struct slice){NULL, 0}));
    assert_null(catalogue_find((struct slice){"pin/add\0", 8}));
    assert_int_equal(catalogue_find(SLICE("pin/add"))->id, COMMAND_PIN_ADD);
    assert_int_equal(catalogue_find(SLICE("refs"))->id, COMMAND_REFS);
    assert_int_equal(catalogue_find(SLICE("refs/local"))->id, COMMAND_REFS_LOCAL);
}

static void test_catalogue_says_why_a_path_is_not_callable(void **state)
{
    assert_int_equal(catalogue_absence(SLICE("pin")), ABSENT_GROUP);
    assert_int_equal(catalogue_absence(SLICE("name/pubsub")), ABSENT_GROUP);
    assert_int_equal(catalogue_absence(SLICE("key/export")), ABSENT_LOCAL);
    assert_int_equal(catalogue_absence(SLICE("daemon")), ABSENT_LOCAL);
    assert_int_equal(catalogue_absence(SLICE("pin/addd")), ABSENT_UNKNOWN);
}

/* A name must mean one option only, or an alias and its long name could not be told apart. */
static void test_catalogue_names_each_option_once_in_a_command(void **state)
{
    for (size_t c = 0; c < COMMAND_COUNT; c++) {
        const struct command *command = catalogue_command((enum command_id)c);

        for (size_t i = 0; i < command->option_count; i++) {
            const struct catalogue_option *option = &command->options[i];
            struct slice name = slice_of(catalogue_option_name(option->id));

            assert_true(option->id > OPT_NONE && option->id < OPT_IDS);
            assert_ptr_equal(catalogue_option_find(command, name), option);
            assert_ptr_equal(catalogue_option(command, option->id), option);
            assert_false(catalogue_option_is_stripped(name));
            if (option->alias != NULL) {
                assert_ptr_equal(catalogue_option_find(command, slice_of(option->alias)), option);
                assert_false(catalogue_option_is_stripped(slice_of(option->alias)));
            }
        }
    }
}

static void test_catalogue_gives_every_command_the_global_options(void **state)
{
    const struct command *command = catalogue_command(COMMAND_PIN_ADD);

    assert_int_equal(catalogue_option_find(command, SLICE("L"))->id, OPT_OFFLINE);
    assert_int_equal(catalogue_option_find(command, SLICE("local"))->id, OPT_OFFLINE);
    assert_int_equal(catalogue_option_find(command, SLICE("enc"))->id, OPT_ENCODING);
    assert_int_equal(catalogue_option(command, OPT_TIMEOUT)->type, OPT_TYPE_DURATION);
    assert_null(catalogue_option(command, OPT_NOCOPY));
    assert_null(catalogue_option_find(command, SLICE("")));
    assert_null(catalogue_option_find(command, SLICE("api-auth")));
}

/* One letter, different options: the reason why options are looked up in their command. */
static void test_catalogue_reads_an_alias_in_its_command(void **state)
{
    const struct {
        enum command_id command;
        enum command_option_id option;
    } table[] = {
        {COMMAND_PIN_ADD, OPT_NAME},     {COMMAND_ADD, OPT_ONLY_HASH},
        {COMMAND_FILES_READ, OPT_COUNT}, {COMMAND_NAME_RESOLVE, OPT_NOCACHE},
        {COMMAND_VERSION, OPT_NUMBER},   {COMMAND_ROUTING_FINDPROVS, OPT_NUM_PROVIDERS},
        {COMMAND_MOUNT, OPT_IPNS_PATH},
    };

    for (size_t i = 0; i < ARRAY_SIZE(table); i++)
        assert_int_equal(catalogue_option_find(catalogue_command(table[i].command), SLICE("n"))->id,
                         table[i].option);
}

static void test_catalogue_marks_what_names_server_files(void **state)
{
    size_t marked = 0;

    for (size_t c = 0; c < COMMAND_COUNT; c++) {
        const struct command *command = catalogue_command((enum command_id)c);

        for (size_t i = 0; i < command->option_count; i++)
            marked += command->options[i].names_server_files;
    }
    assert_int_equal(marked, 2);
    assert_true(catalogue_option(catalogue_command(COMMAND_ADD), OPT_NOCOPY)->names_server_files);
    assert_true(catalogue_option(catalogue_command(COMMAND_ADD), OPT_FSCACHE)->names_server_files);
}

/* Only the last argument may be optional, repeated or come from a body. */
static void test_catalogue_arguments_have_one_reading(void **state)
{
    for (size_t c = 0; c < COMMAND_COUNT; c++) {
        const struct command *command = catalogue_command((enum command_id)c);

        for (size_t i = 0; i + 1 < command->argument_count; i++) {
            assert_false(command->arguments[i].many);
            assert_true(command->arguments[i].required || !command->arguments[i + 1].required);
        }
        if (command->body == BODY_ARGUMENTS)
            assert_true(command->argument_count > 0);
        if (command->lines_with != OPT_NONE) {
            assert_non_null(catalogue_option(command, command->lines_with));
            assert_int_equal(command->reply, REPLY_JSON);
        }
    }
}

static void test_catalogue_injects_timeouts_only_into_single_answers(void **state)
{
    static const enum command_id want[] = {
        COMMAND_BLOCK_GET,  COMMAND_BLOCK_STAT,   COMMAND_DAG_GET, COMMAND_DAG_RESOLVE,
        COMMAND_FILES_STAT, COMMAND_NAME_RESOLVE, COMMAND_RESOLVE,
    };
    size_t found = 0;

    for (size_t c = 0; c < COMMAND_COUNT; c++)
        found += (catalogue_command((enum command_id)c)->flags & COMMAND_TIMEOUT) != 0;
    assert_int_equal(found, ARRAY_SIZE(want));
    for (size_t i = 0; i < ARRAY_SIZE(want); i++)
        assert_true(catalogue_command(want[i])->flags & COMMAND_TIMEOUT);
}

static void test_catalogue_class_names_are_read_back(void **state)
{
    enum command_class class;

    for (size_t i = 0; i < CLASS_COUNT; i++) {
        assert_true(command_class_parse(&class, slice_of(command_class_name(i))));
        assert_int_equal(class, i);
    }
    assert_false(command_class_parse(&class, SLICE("Read")));
    assert_false(command_class_parse(&class, SLICE("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_catalogue_is_sorted_and_indexed_by_id),
        cmocka_unit_test(test_catalogue_finds_only_exact_paths),
        cmocka_unit_test(test_catalogue_says_why_a_path_is_not_callable),
        cmocka_unit_test(test_catalogue_names_each_option_once_in_a_command),
        cmocka_unit_test(test_catalogue_gives_every_command_the_global_options),
        cmocka_unit_test(test_catalogue_reads_an_alias_in_its_command),
        cmocka_unit_test(test_catalogue_marks_what_names_server_files),
        cmocka_unit_test(test_catalogue_arguments_have_one_reading),
        cmocka_unit_test(test_catalogue_injects_timeouts_only_into_single_answers),
        cmocka_unit_test(test_catalogue_class_names_are_read_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
