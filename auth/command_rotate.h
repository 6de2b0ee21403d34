// SPDX-License-Identifier: Apache-2.0
/* `causeway link rotate`. */
#ifndef AUTH_COMMAND_ROTATE_H
#define AUTH_COMMAND_ROTATE_H

#include "conf/cli.h"

/* Its row is among those of links. Returns an enum cli_exit. */
int command_link_rotate(struct cli *cli);

/* config, passphrase-file, next-passphrase-file, force */
extern const struct cli_option link_rotate_options[];

extern const char link_rotate_help[];

#endif
