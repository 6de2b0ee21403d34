// SPDX-License-Identifier: Apache-2.0
/* `causeway gc`: asks the running gateway, and prints what it does until it is done. */
#ifndef PROXY_COMMAND_STORAGE_H
#define PROXY_COMMAND_STORAGE_H

#include "conf/cli.h"

int command_gc(struct cli *cli);

#endif
