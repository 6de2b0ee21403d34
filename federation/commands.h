// SPDX-License-Identifier: Apache-2.0
/* What the command line has about partners: `causeway link ...`. All of it asks the running
 * gateway; operator.h says what it is asked. */
#ifndef FEDERATION_COMMANDS_H
#define FEDERATION_COMMANDS_H

#include "conf/cli.h"

extern const struct cli_command federation_commands[];

#endif
