// SPDX-License-Identifier: Apache-2.0
/* `causeway deny`: what nobody gets here. */
#ifndef PROXY_COMMAND_DENY_H
#define PROXY_COMMAND_DENY_H

#include "conf/cli.h"

extern const struct cli_option deny_add_options[];
extern const struct cli_option deny_options[];

int command_deny_add(struct cli *cli);
int command_deny_rm(struct cli *cli);
int command_deny_list(struct cli *cli);

#endif
