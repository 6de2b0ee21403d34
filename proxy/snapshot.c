// SPDX-License-Identifier: Apache-2.0
#include "proxy/snapshot.h"

#include "conf/memory.h"
#include "http/tls.h"

#include <stdlib.h>

static bool load_tls(struct snapshot *snapshot, const struct snapshot *previous, struct error *err)
{
    const struct config_tls *tls = &snapshot->config->listen.clients.tls;
    struct tls_files files = {
        .certificate = tls->certificate_file,
        .key = tls->key_file,
        .client_ca = tls->client_ca_file,
    };

    if (files.certificate == NULL)
        return true;
    snapshot->tls = tls_server_create(&files, previous != NULL ? previous->tls : NULL, err);
    return snapshot->tls != NULL;
}

bool snapshot_load(struct snapshot **result, const char *path, const struct snapshot *previous,
                   struct error *err)
{
    struct snapshot *snapshot = memory_alloc(sizeof(*snapshot));
    size_t count;

    atomic_init(&snapshot->references, 1);
    if (config_load(&snapshot->config, path, err) && load_tls(snapshot, previous, err) &&
        address_resolve(&snapshot->config->upstream.address, &snapshot->upstream, 1, &count, err)) {
        *result = snapshot;
        return true;
    }
    snapshot_unref(&snapshot);
    return false;
}

struct snapshot *snapshot_ref(struct snapshot *snapshot)
{
    atomic_fetch_add(&snapshot->references, 1);
    return snapshot;
}

void snapshot_unref(struct snapshot **snapshot_ptr)
{
    struct snapshot *snapshot = *snapshot_ptr;

    *snapshot_ptr = NULL;
    if (snapshot == NULL || atomic_fetch_sub(&snapshot->references, 1) > 1)
        return;
    SSL_CTX_free(snapshot->tls);
    config_unref(&snapshot->config);
    free(snapshot);
}
