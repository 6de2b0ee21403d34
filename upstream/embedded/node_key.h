// SPDX-License-Identifier: Apache-2.0
/* Who the node is: an Ed25519 key of its own, made at its first start. */
#ifndef UPSTREAM_EMBEDDED_NODE_KEY_H
#define UPSTREAM_EMBEDDED_NODE_KEY_H

#include "conf/error.h"
#include "ipfs/cid.h"

/* Reads the key (PEM, 0600) and makes it if there is none; its folder too, whose parent must exist.
 * peer: the peer id, a CID of codec libp2p-key whose identity multihash holds the public key in
 * libp2p's form. Blocks on files. */
MUST_USE bool node_key_open(const char *path, struct cid *peer, struct error *err);

#endif
