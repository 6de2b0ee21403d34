// SPDX-License-Identifier: Apache-2.0
/* `causeway ledger check|backup|restore`. Each returns an enum cli_exit; the command has the option
 * "config". */
#ifndef PROXY_COMMAND_LEDGER_H
#define PROXY_COMMAND_LEDGER_H

#include "conf/cli.h"

/* Through the gateway if one runs, else on the files, whose lock it holds meanwhile. */
int command_ledger_check(struct cli *cli);
int command_ledger_backup(struct cli *cli);
/* On the files alone: refused while a gateway runs. */
int command_ledger_restore(struct cli *cli);

#endif
