// SPDX-License-Identifier: Apache-2.0
/* `causeway token new|list|rotate|revoke`: from arguments to the gateway's routes, and from its
 * answers to people. How the gateway is asked is the caller's: tests answer themselves. */
#ifndef AUTH_COMMAND_TOKEN_H
#define AUTH_COMMAND_TOKEN_H

#include "conf/cli.h"

#include <jansson.h>

/* Asks an operator route. input is taken over; CLI_DONE: *output is the caller's. Else what went
 * wrong was printed, and the result is the command's. */
typedef int (*token_ask_cb)(const struct cli *cli, const char *path, json_t *input,
                            json_t **output);

/* Each returns an enum cli_exit. The cli's command has the options of the same name below. A new
 * secret goes to cli->out, alone on its line; what is said about it goes to cli->err. */
int token_new(const struct cli *cli, token_ask_cb ask);
int token_list(const struct cli *cli, token_ask_cb ask);
int token_rotate(const struct cli *cli, token_ask_cb ask);
int token_revoke(const struct cli *cli, token_ask_cb ask);

extern const struct cli_option token_new_options[];    /* config, label, roles, expires-in */
extern const struct cli_option token_list_options[];   /* config, owner, all */
extern const struct cli_option token_rotate_options[]; /* config, grace, expires-in */
extern const struct cli_option token_revoke_options[]; /* config */

#endif
