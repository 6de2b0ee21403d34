// SPDX-License-Identifier: Apache-2.0
/* `causeway serve`: the threads, the signals, the life of the process. */
#ifndef PROXY_SERVE_H
#define PROXY_SERVE_H

#include "conf/cli.h"

int serve_run(struct cli *cli);

#endif
