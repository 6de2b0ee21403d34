// SPDX-License-Identifier: Apache-2.0
/* What is loaded at a start or a reload, immutable and shared by all threads: the configuration,
 * the TLS context made from its files, the upstream's address looked up, the policy. Counted; any
 * thread. */
#ifndef PROXY_SNAPSHOT_H
#define PROXY_SNAPSHOT_H

#include "conf/config.h"
#include "policy/policy.h"
#include "proxy/certificate_index.h"

#include <openssl/ssl.h>
#include <stdatomic.h>

struct store;

struct snapshot {
    atomic_uint references;
    const struct config *config;
    SSL_CTX *tls;                           /* NULL: plain */
    struct address upstream;                /* resolved */
    const struct policy *policy;            /* NULL: none is configured, and `allow` decides */
    struct certificate_index *certificates; /* of policy; NULL without one */
    uint64_t policy_number;                 /* the ledger's */
    /* The policy in force need not be what the files say: a version was rolled back to, or the
     * files have a mistake. */
    char files_hash[POLICY_HASH_SIZE]; /* of what the files said when they were last in order; "":
                                          unknown */
    struct error policy_fault;         /* why the files are not in force; ERROR_NONE: they are */
};

/* Loads the configuration alone: what must be known before the ledger can be opened. One reference.
 */
MUST_USE bool snapshot_load(struct snapshot **snapshot, const char *path,
                            const struct snapshot *previous, struct error *err);

/* Adds the policy to a snapshot that nobody else has yet: reads, compiles, tests it, and notes it
 * in the ledger. previous (NULL at the start) keeps a rollback in force while the files say what
 * they said then. At the start, files with a mistake leave the ledger's last version in force
 * (policy_fault says why); on a reload they are an error. */
MUST_USE bool snapshot_add_policy(struct snapshot *snapshot, const struct snapshot *previous,
                                  struct store *store, struct error *err);

/* A copy of snapshot in which the ledger's version of that number is in force. */
MUST_USE bool snapshot_roll_back(struct snapshot **result, const struct snapshot *snapshot,
                                 struct store *store, uint64_t number, struct error *err);

struct snapshot *snapshot_ref(struct snapshot *snapshot);
void snapshot_unref(struct snapshot **snapshot);

/* All of these block on files, DNS and the ledger: at the start, or in a job. */

#endif
