// SPDX-License-Identifier: Apache-2.0
#include "auth/commands.h"

#define CONFIG_OPTION                                                                              \
    {                                                                                              \
        "config", "FILE",                                                                          \
            "the configuration; else $CAUSEWAY_CONFIG, else /etc/causeway/causeway.yaml"           \
    }

static const struct cli_option audit_options[] = {
    CONFIG_OPTION,
    {0},
};

static const char audit_help[] =
    "Each line of the audit log has the hash of the line before it and of itself, so that no line "
    "can be\n"
    "changed, removed or added without a trace but at the end. Follows that chain, and names the "
    "first\n"
    "line that breaks it. Reads files alone, whether a gateway runs or not.\n"
    "\n"
    "FILE is audit.log in the configuration's data folder unless given. Of a log that was rotated, "
    "give\n"
    "every file, the oldest first: the chain must go on from one to the next. FILE - is standard "
    "input.\n"
    "The exit code is 1 if a line is broken.";

const struct cli_command auth_commands[] = {
    {
        .words = "audit verify",
        .arguments = "[FILE...]",
        .max_arguments = -1,
        .summary = "Check that nobody changed the audit log.",
        .help = audit_help,
        .options = audit_options,
        .run = command_audit_verify,
    },
    {.words = NULL},
};
