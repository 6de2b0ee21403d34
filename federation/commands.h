// SPDX-License-Identifier: Apache-2.0
/* What the command line has about partners: `causeway link ...` asks the running gateway
 * (operator.h says what it is asked); `causeway place` and `causeway plan` work on files. */
#ifndef FEDERATION_COMMANDS_H
#define FEDERATION_COMMANDS_H

#include "conf/cli.h"

extern const struct cli_command federation_commands[];

#endif
