// SPDX-License-Identifier: Apache-2.0
/* `causeway quota`, which asks a running gateway. */
#ifndef PROXY_COMMAND_QUOTA_H
#define PROXY_COMMAND_QUOTA_H

#include "conf/cli.h"

int command_quota(struct cli *cli);

#endif
