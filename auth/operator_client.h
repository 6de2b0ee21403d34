// SPDX-License-Identifier: Apache-2.0
/* The command line's side of the operators' socket. BLOCKS. */
#ifndef AUTH_OPERATOR_CLIENT_H
#define AUTH_OPERATOR_CLIENT_H

#include "conf/cli.h"

#include <jansson.h>

/* Asks the gateway of the command's --config for the route; input is taken over, output is the
 * caller's. CLI_DONE, or CLI_FAILED with the gateway's own sentence printed. The command must have
 * the option "config". */
int operator_client_ask(const struct cli *cli, const char *path, json_t *input, json_t **output);

#endif
