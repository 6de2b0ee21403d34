// SPDX-License-Identifier: Apache-2.0
/* The policy's commands: they work on files, without a running gateway. */
#ifndef POLICY_COMMANDS_H
#define POLICY_COMMANDS_H

#include "conf/cli.h"
#include "policy/finding.h"
#include "policy/policy.h"
#include "policy/test.h"

/* policy check | test | can | diff */
extern const struct cli_command policy_commands[];

int command_policy_check(struct cli *cli);
int command_policy_test(struct cli *cli);
int command_policy_can(struct cli *cli);
int command_policy_diff(struct cli *cli);

/* What main hands to the commands as their context. NULL: all of it is. */
struct policy_commands_context {
    policy_place_cb place; /* for tests of placement */
};
policy_place_cb command_policy_place(const struct cli *cli);

/* Reads and compiles the policy at a path (NULL: the one that causeway.yaml names; the command has
 * the option `config`); findings may be NULL. On failure, with findings, they have every mistake
 * and err only what is not in them (the path cannot be read). BLOCKS. */
MUST_USE bool command_policy_load(const struct cli *cli, const struct policy **policy,
                                  const char *path, struct findings *findings, struct error *err);
/* Prints them, one a line: as text, or as JSON objects. */
void command_policy_print(const struct cli *cli, const struct findings *findings);

#endif
