// SPDX-License-Identifier: Apache-2.0
#include "policy/commands.h"

/* Where a policy that is not named stands. */
#define CONFIG_OPTION                                                                              \
    {                                                                                              \
        "config", "FILE", "The configuration whose policy is meant if none is named."              \
    }

static const struct cli_option check_options[] = {
    {"strict", NULL, "Exit with 1 for warnings too."},
    CONFIG_OPTION,
    {0},
};

static const char check_help[] =
    "POLICY is a file, or a folder whose *.yaml files count as one document; without it, the one "
    "that\n"
    "causeway.yaml names. Mistakes are errors, and the\n"
    "policy would be refused: what is mistyped, unknown, there twice, going in circles. Warnings "
    "are what\n"
    "can hardly be meant: rules that another one covers or that can never hold, roles that nobody "
    "has,\n"
    "members who may do nothing, patterns that reach further than they look. The tests in the "
    "policy are\n"
    "run too. The exit code is 1 if there is an error or a test fails.";

static const struct cli_option test_options[] = {CONFIG_OPTION, {0}};

static const char test_help[] = "The tests stand in the policy itself:\n"
                                "  tests:\n"
                                "    - {as: alice, call: \"pin/ls\", expect: allow}\n"
                                "    - {as: anonymous, calls: [add, \"pin/add\"], expect: deny}\n"
                                "    - {only: \"group:staff\", call: \"add\"}\n"
                                "Without POLICY, the one that causeway.yaml names. The "
                                "exit code is 1 if one fails.";

static const struct cli_option can_options[] = {
    {"policy", "POLICY", "A file, or a folder of *.yaml files; else causeway.yaml's policy."},
    CONFIG_OPTION,
    {"from", "ADDRESS", "The caller's address; else it is not known."},
    {"at", "TIME", "Another time than now: 2027-01-31T12:00:00Z."},
    {"content-length", "SIZE", "The length of the body, such as 5GiB; else it is not known."},
    {"roles", "ROLE,...", "The roles that the caller's token is narrowed to."},
    {0},
};

static const char can_help[] =
    "MEMBER is the name of a member, partner:NAME, or anonymous. CALL is a call as the RPC API has "
    "it, or\n"
    "as the ipfs command does:\n"
    "  causeway policy can alice 'pin/add?arg=CID&recursive=false'\n"
    "  causeway policy can alice --policy policy.yaml 'pin add CID --recursive=false'\n"
    "Without arguments, it is asked whether some call of the command is allowed. The first line is "
    "the\n"
    "decision and what made it; those below are what holds, what does not and why, and who else "
    "is let.\n"
    "The exit code is 0 for allow and 1 for deny.";

static const struct cli_option diff_options[] = {
    {"audit", "FILE", "Also decide the requests of this audit log by both, and tell which differ."},
    CONFIG_OPTION,
    {0},
};

static const char diff_help[] =
    "For every role, group, member and partner: which commands are allowed (+), denied (-), or "
    "depend on\n"
    "other conditions (~) by the policy NEW than by OLD (if it is not named, causeway.yaml's). "
    "Members for\n"
    "whom the same changes stand together.";

const struct cli_command policy_commands[] = {
    {
        .words = "policy check",
        .arguments = "[POLICY]",
        .min_arguments = 0,
        .max_arguments = 1,
        .summary = "Find what is wrong or odd in a policy.",
        .help = check_help,
        .options = check_options,
        .run = command_policy_check,
    },
    {
        .words = "policy test",
        .arguments = "[POLICY]",
        .min_arguments = 0,
        .max_arguments = 1,
        .summary = "Run the tests of a policy.",
        .help = test_help,
        .options = test_options,
        .run = command_policy_test,
    },
    {
        .words = "policy can",
        .arguments = "MEMBER CALL",
        .min_arguments = 2,
        .max_arguments = -1,
        .summary = "Whether somebody may make a call, and why or why not.",
        .help = can_help,
        .options = can_options,
        .run = command_policy_can,
    },
    {
        .words = "policy diff",
        .arguments = "[OLD] NEW",
        .min_arguments = 1,
        .max_arguments = 2,
        .summary = "What changes for whom between two policies.",
        .help = diff_help,
        .options = diff_options,
        .run = command_policy_diff,
    },
    {.words = NULL},
};
