// SPDX-License-Identifier: Apache-2.0
/* `causeway member`: who there is and what it owns; suspending, removing, giving pins away. */
#ifndef PROXY_COMMAND_MEMBER_H
#define PROXY_COMMAND_MEMBER_H

#include "conf/cli.h"

extern const struct cli_option member_options[];
extern const struct cli_option member_suspend_options[];

int command_member_list(struct cli *cli);
int command_member_suspend(struct cli *cli);
int command_member_resume(struct cli *cli);
int command_member_remove(struct cli *cli);
int command_member_transfer(struct cli *cli);

#endif
