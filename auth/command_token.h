// SPDX-License-Identifier: Apache-2.0
/* `causeway token new|list|rotate|revoke`: from arguments to the gateway's routes, and from its
 * answers to people. */
#ifndef AUTH_COMMAND_TOKEN_H
#define AUTH_COMMAND_TOKEN_H

#include "conf/cli.h"

/* Each returns an enum cli_exit. The cli's command has the options of the same name below. A new
 * secret goes to cli->out, alone on its line; what is said about it goes to cli->err. */
int command_token_new(struct cli *cli);
int command_token_list(struct cli *cli);
int command_token_rotate(struct cli *cli);
int command_token_revoke(struct cli *cli);

/* config, label, roles, expires-in, pin-group, pin-expire-in */
extern const struct cli_option token_new_options[];
extern const struct cli_option token_list_options[];   /* config, owner, all */
extern const struct cli_option token_rotate_options[]; /* config, grace, expires-in */
extern const struct cli_option token_revoke_options[]; /* config */

#endif
