// SPDX-License-Identifier: Apache-2.0
/* The commands of this folder, for conf/cli.h: text tools on identifiers and archives. They are the
 * one place here that reads files. */
#ifndef IPFS_COMMANDS_H
#define IPFS_COMMANDS_H

#include "conf/cli.h"

/* Ends with NULL words. */
extern const struct cli_command ipfs_commands[];

/* Each has a file of its own: command_cid.c; command_car.c. */
int command_cid(struct cli *cli);
int command_car_ls(struct cli *cli);
int command_car_verify(struct cli *cli);

#endif
