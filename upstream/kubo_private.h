// SPDX-License-Identifier: Apache-2.0
/* What kubo.c and kubo_resolve.c share. */
#ifndef UPSTREAM_KUBO_PRIVATE_H
#define UPSTREAM_KUBO_PRIVATE_H

#include "upstream/kubo.h"

struct kubo {
    struct loop *loop;
    struct pipe_store *pipes;
    struct pool *pool;
    struct kubo_settings settings;
    struct text fixed_headers; /* Host, User-Agent, Authorization */
};

/* Why a status of the node's is no answer to a client, in a sentence; NULL: it is one. */
const char *kubo_status_fault(int status);

/* "POST target HTTP/1.1" and the headers that every request has. */
void kubo_put_head(const struct kubo *kubo, struct slice target, struct text *head);

#endif
