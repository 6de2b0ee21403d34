// SPDX-License-Identifier: Apache-2.0
/* The commands of this folder, for main's list of tables. */
#ifndef AUTH_COMMANDS_H
#define AUTH_COMMANDS_H

#include "conf/cli.h"

/* Ends with NULL words. */
extern const struct cli_command auth_commands[];

/* command_audit.c */
int command_audit_verify(struct cli *cli);

#endif
