// SPDX-License-Identifier: Apache-2.0
/* The links of any block, by the codec of its CID. Pure.
 *
 * dag-pb, dag-cbor and dag-json have links; raw, cbor, json and libp2p-key have none and their
 * blocks are not looked into. Any other codec is refused by its name: a walk must not take a block
 * that it cannot read for a leaf. */
#ifndef IPFS_LINKS_H
#define IPFS_LINKS_H

#include "conf/error.h"
#include "conf/text.h"
#include "ipfs/cid.h"

#include <stdbool.h>
#include <stdint.h>

/* One link. cid is borrowed for the call. To stop, set err and return false. */
typedef bool (*links_cb)(void *arg, const struct cid *cid, struct error *err);

/* Whether blocks of this codec can be read; ERROR_UNSUPPORTED names the codec. */
MUST_USE bool links_check(uint64_t codec, struct error *err);

/* Calls on_link for each link in the order of the block, repeated ones included, then returns true.
 * False: the block is malformed (err names the byte), its codec is not supported, or on_link
 * stopped; on_link may have been called before a fault was met. */
MUST_USE bool links_each(uint64_t codec, struct slice block, links_cb on_link, void *arg,
                         struct error *err);

#endif
