// SPDX-License-Identifier: Apache-2.0
/* The commands of this folder, for main's list of tables. */
#ifndef PROXY_COMMANDS_H
#define PROXY_COMMANDS_H

#include "conf/cli.h"

extern const struct cli_command proxy_commands[];

#endif
