// SPDX-License-Identifier: Apache-2.0
/* What is loaded at a start or a reload, immutable and shared by all threads: the configuration,
 * the TLS context made from its files, the upstream's address looked up. Counted; any thread. */
#ifndef PROXY_SNAPSHOT_H
#define PROXY_SNAPSHOT_H

#include "conf/config.h"

#include <openssl/ssl.h>
#include <stdatomic.h>

struct snapshot {
    atomic_uint references;
    const struct config *config;
    SSL_CTX *tls;            /* NULL: plain */
    struct address upstream; /* resolved */
};

/* Loads path. previous (may be NULL) keeps TLS sessions resumable. Blocks on files and DNS: at the
 * start, or in a job. */
MUST_USE bool snapshot_load(struct snapshot **snapshot, const char *path,
                            const struct snapshot *previous, struct error *err);

struct snapshot *snapshot_ref(struct snapshot *snapshot);
void snapshot_unref(struct snapshot **snapshot);

#endif
