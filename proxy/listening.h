// SPDX-License-Identifier: Apache-2.0
/* Sockets that listen. Any thread. */
#ifndef PROXY_LISTENING_H
#define PROXY_LISTENING_H

#include "conf/address.h"

/* One descriptor for each of count workers: of its own where the kernel can share a port, else a
 * copy. With port 0 the first one finds a port for all. actual: out, as bound. */
MUST_USE bool listening_open(const struct address *address, int *fds, uint32_t count,
                             struct address *actual, struct error *err);

#endif
