// SPDX-License-Identifier: Apache-2.0
/* The commands of federation/commands.h. */
#ifndef FEDERATION_COMMAND_LINK_H
#define FEDERATION_COMMAND_LINK_H

#include "conf/cli.h"

#include <jansson.h>

extern const struct cli_option link_options[]; /* of those that take nothing else */
extern const struct cli_option link_invite_options[];
extern const struct cli_option link_join_options[];
extern const struct cli_option link_confirm_options[];
extern const struct cli_option link_repin_options[];
extern const struct cli_option link_limit_options[];

int command_link_invite(struct cli *cli);
int command_link_join(struct cli *cli);
int command_link_confirm(struct cli *cli);
int command_link_cancel(struct cli *cli);
int command_link_suspend(struct cli *cli);
int command_link_resume(struct cli *cli);
int command_link_revoke(struct cli *cli);
int command_link_repin(struct cli *cli);
int command_link_limit(struct cli *cli);
int command_link_list(struct cli *cli);
int command_link_show(struct cli *cli);

/* Prints what `link show` says of a link object. */
void command_link_print(const struct cli *cli, const json_t *link);

/* Its line "limits". */
void command_link_print_limits(const struct cli *cli, const json_t *link);

#endif
