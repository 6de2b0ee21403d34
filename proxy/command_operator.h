// SPDX-License-Identifier: Apache-2.0
/* Commands that ask the running gateway about itself, and print what it answers. */
#ifndef PROXY_COMMAND_OPERATOR_H
#define PROXY_COMMAND_OPERATOR_H

#include "conf/cli.h"

int command_status(struct cli *cli);
int command_reload(struct cli *cli);
int command_policy_list(struct cli *cli);
int command_policy_rollback(struct cli *cli);

#endif
