// SPDX-License-Identifier: Apache-2.0
/* `causeway init`: a first configuration and policy, which a newcomer understands in a minute. */
#ifndef PROXY_INIT_H
#define PROXY_INIT_H

#include "conf/cli.h"

int init_run(struct cli *cli);

#endif
