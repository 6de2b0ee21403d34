// SPDX-License-Identifier: Apache-2.0
/* `causeway allocation ...`; rows of federation/commands.h. */
#ifndef FEDERATION_COMMAND_ALLOCATION_H
#define FEDERATION_COMMAND_ALLOCATION_H

#include "conf/cli.h"

#include <jansson.h>

extern const struct cli_option allocation_list_options[];
extern const struct cli_option allocation_evict_options[];

int command_allocation_list(struct cli *cli);
int command_allocation_evict(struct cli *cli);

/* A table of copies, wherever they are: site, state, evidence, age, why. */
void command_allocation_print_copies(const struct cli *cli, const json_t *copies);
/* `pin ls --stuck`: what of ours waits to be placed, and why. */
int command_allocation_list_stuck(struct cli *cli);

#endif
