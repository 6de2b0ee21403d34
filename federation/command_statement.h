// SPDX-License-Identifier: Apache-2.0
/* `causeway link statement`: see federation/commands.h. */
#ifndef FEDERATION_COMMAND_STATEMENT_H
#define FEDERATION_COMMAND_STATEMENT_H

#include "conf/cli.h"

extern const struct cli_option link_statement_options[];
extern const char link_statement_help[];

int command_link_statement(struct cli *cli);

#endif
