// SPDX-License-Identifier: Apache-2.0
#include "kit.h"
#include "proxy/treatment.h"

/* What may harm everybody on the node, written down a second time: a change of the one list must be
 * meant in the other, too. */
static const char *const never[] = {
    "block/rm",
    "bootstrap/add",
    "bootstrap/rm",
    "bootstrap/rm/all",
    "config",
    "config/profile/apply",
    "config/replace",
    "config/show",
    "diag/cmds",
    "diag/cmds/clear",
    "diag/cmds/set-time",
    "diag/profile",
    "filestore/dups",
    "filestore/ls",
    "filestore/verify",
    "log/level",
    "log/ls",
    "log/tail",
    "mount",
    "p2p/close",
    "p2p/forward",
    "p2p/listen",
    "p2p/ls",
    "p2p/stream/close",
    "p2p/stream/ls",
    "pin/remote/service/add",
    "pin/remote/service/ls",
    "pin/remote/service/rm",
    "provide/clear",
    "pubsub/reset",
    "repo/gc",
    "repo/verify",
    "shutdown",
    "swarm/connect",
    "swarm/disconnect",
    "swarm/filters/add",
    "swarm/filters/rm",
    "swarm/peering/add",
    "swarm/peering/rm",
};

static bool is_listed(const char *path)
{
    for (size_t i = 0; i < ARRAY_SIZE(never); i++)
        if (strcmp(path, never[i]) == 0)
            return true;
    return false;
}

static void test_treatment_lets_nothing_dangerous_through(void **state)
{
    size_t count = 0;

    for (enum command_id id = 0; id < COMMAND_COUNT; id++) {
        const struct command *command = catalogue_command(id);
        bool is_never = treatment_of(id) == TREATMENT_NEVER;

        if (is_never != is_listed(command->path))
            fail_msg("%s is%s treated as never", command->path, is_never ? "" : " not");
        if (command->danger >= 4 && !is_never)
            fail_msg("%s has danger %d", command->path, (int)command->danger);
        count += is_never;
    }
    assert_int_equal(count, ARRAY_SIZE(never));
}

/* The storage knows one set of pins, for everybody: whatever makes, shows or removes one is ours.
 */
static void test_treatment_relays_no_pin(void **state)
{
    for (enum command_id id = 0; id < COMMAND_COUNT; id++)
        if (catalogue_command(id)->class == CLASS_PIN)
            assert_int_not_equal(treatment_of(id), TREATMENT_RELAY);
}

static void test_treatment_answers_only_what_it_says(void **state)
{
    for (enum command_id id = 0; id < COMMAND_COUNT; id++) {
        assert_int_equal(treatment_of(id) == TREATMENT_VERSION, id == COMMAND_VERSION);
        assert_int_equal(treatment_of(id) == TREATMENT_COMMANDS, id == COMMAND_COMMANDS);
    }
}

/* What somebody names is read within the caller's reach: nothing that may wait for the network for
 * it is merely passed on. */
static void test_treatment_bounds_whatever_reads_what_is_named(void **state)
{
    for (enum command_id id = 0; id < COMMAND_COUNT; id++) {
        const struct command *command = catalogue_command(id);
        bool reads = (command->flags & COMMAND_NETWORK) != 0 && command->argument_count > 0 &&
                     (command->arguments[0].kind == ARGUMENT_PATH ||
                      command->arguments[0].kind == ARGUMENT_MFS_OR_PATH);

        if (reads && id != COMMAND_NAME_PUBLISH && id != COMMAND_PIN_REMOTE_ADD &&
            treatment_of(id) == TREATMENT_RELAY)
            fail_msg("%s is relayed as it is", command->path);
    }
}

/* Nor does it pin what it is given, beside what the commands for it do. */
static void test_treatment_relays_no_upload_that_could_pin(void **state)
{
    for (enum command_id id = 0; id < COMMAND_COUNT; id++) {
        const struct command *command = catalogue_command(id);
        bool may_pin =
            command->body == BODY_FILE && (catalogue_option(command, OPT_PIN) != NULL ||
                                           catalogue_option(command, OPT_PIN_ROOTS) != NULL);

        assert_int_equal(may_pin, treatment_of(id) == TREATMENT_UPLOAD);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_treatment_lets_nothing_dangerous_through),
        cmocka_unit_test(test_treatment_relays_no_pin),
        cmocka_unit_test(test_treatment_relays_no_upload_that_could_pin),
        cmocka_unit_test(test_treatment_answers_only_what_it_says),
        cmocka_unit_test(test_treatment_bounds_whatever_reads_what_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
