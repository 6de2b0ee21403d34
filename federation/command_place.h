// SPDX-License-Identifier: Apache-2.0
/* `causeway place` and `causeway plan`: they work on files, without a running gateway. */
#ifndef FEDERATION_COMMAND_PLACE_H
#define FEDERATION_COMMAND_PLACE_H

#include "conf/cli.h"
#include "federation/placement.h"

extern const struct cli_option place_options[];
extern const struct cli_option plan_options[];
extern const char place_help[];
extern const char plan_help[];

int command_place(struct cli *cli);
int command_plan(struct cli *cli);

/* A map of the policy with what the file of that name observed; NULL: all sites at their best. */
MUST_USE bool command_place_map(struct placement_map **map, const struct policy *policy,
                                const char *sites, struct error *err);

#endif
