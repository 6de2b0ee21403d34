// SPDX-License-Identifier: Apache-2.0
/* What the command line prints about itself, from the tables alone. One thread; no ownership. */
#ifndef CONF_CLI_HELP_H
#define CONF_CLI_HELP_H

#include "conf/cli.h"

/* The command whose words are the longest match of the beginning of argv, or NULL. *used: how many
 * arguments the words took. */
const struct cli_command *cli_find(const struct cli_command *const *tables, char **argv, int count,
                                   int *used);

/* "Usage: causeway car verify [OPTION...] FILE..." */
void cli_print_usage(FILE *out, const struct cli_command *command);

/* Usage, help and options of one command. */
void cli_print_command(FILE *out, const struct cli_command *command);

/* The list of commands whose words begin with the count words of argv (0: all, with the topics of
 * help behind them). False, with nothing printed: there are none. */
bool cli_print_list(FILE *out, const struct cli_command *const *tables, char **argv, int count);

/* "causeway: no command 'sreve'; did you mean 'serve'?", or what may follow the words given. */
void cli_print_unknown(FILE *err, const struct cli_command *const *tables, char **argv, int count);

#endif
