// SPDX-License-Identifier: Apache-2.0
/* `causeway pin ls|status|adopt`: asks the running gateway. */
#ifndef PROXY_COMMAND_PINS_H
#define PROXY_COMMAND_PINS_H

#include "conf/cli.h"

extern const struct cli_option pin_ls_options[];
extern const struct cli_option pin_adopt_options[];

int cli_pin_ls(struct cli *cli);
int cli_pin_status(struct cli *cli);
int cli_pin_adopt(struct cli *cli);

#endif
