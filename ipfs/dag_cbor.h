// SPDX-License-Identifier: Apache-2.0
/* dag-cbor: CBOR with links, and one way to write each value.
 * Source: ipld.io/specs/codecs/dag-cbor/spec, RFC 8949; what Kubo 0.43.1 takes where it is laxer.
 * Pure. Errors name the byte, counted from 0.
 *
 *                                  strict   lax    links
 *   indefinite lengths             no       no     no
 *   tags but 42 around bytes       no       no     no       (42: a 0x00 byte and one whole CID)
 *   numbers not in shortest form   no       no     taken
 *   keys out of order              no       taken  taken
 *   a key twice, a key not text    no       no     twice is taken
 *   16- and 32-bit floats          no       taken  taken
 *   NaN, infinities                no       no     taken
 *   "undefined" (as null)          no       taken  taken
 *   text that is not UTF-8         no       taken  taken
 *   integers outside -2^63..2^64-1 no       no     taken
 *   bytes behind the value         no       no     no
 *   deeper than DAG_DEPTH_MAX      no       no     no */
#ifndef IPFS_DAG_CBOR_H
#define IPFS_DAG_CBOR_H

#include "conf/error.h"
#include "conf/text.h"
#include "ipfs/dag_node.h"
#include "ipfs/links.h"

enum dag_cbor_mode {
    DAG_CBOR_STRICT, /* the one way: what is signed */
    DAG_CBOR_LAX,    /* what Kubo reads */
    DAG_CBOR_PLAIN,  /* plain cbor as Kubo reads it: lax, and no tags at all */
    DAG_CBOR_LINKS,  /* what has been read somewhere, sometime; only dag_cbor_links uses it */
};

/* Fills node; block stays valid as long as node is used. */
MUST_USE bool dag_cbor_decode(struct dag_node *node, struct slice block, enum dag_cbor_mode mode,
                              struct error *err);

/* Appends the node in the one way to write it. Total: every node has one. */
void dag_cbor_encode(const struct dag_node *node, struct text *out);

/* Plain cbor, as Kubo writes it: keys in the node's order, and links are refused. */
MUST_USE bool dag_cbor_encode_plain(const struct dag_node *node, struct text *out,
                                    struct error *err);

/* See links_each. Memory does not grow with the block. */
MUST_USE bool dag_cbor_links(struct slice block, links_cb on_link, void *arg, struct error *err);

/* One head: major type 0 to 6 and its number, in the shortest form. For writers of fixed shapes. */
void dag_cbor_put_head(struct text *out, unsigned major, uint64_t value);
/* Tag 42, the bytes, 0x00 and the CID. */
void dag_cbor_put_link(struct text *out, struct slice cid);

#endif
