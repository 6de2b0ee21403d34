// SPDX-License-Identifier: Apache-2.0
/* `causeway gc`, `causeway repo verify`: ask the running gateway, and print what it does until it
 * is done. */
#ifndef PROXY_COMMAND_STORAGE_H
#define PROXY_COMMAND_STORAGE_H

#include "conf/cli.h"

int command_gc(struct cli *cli);
int command_repo_verify(struct cli *cli); /* fails if a block is damaged */

#endif
