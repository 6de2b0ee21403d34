// SPDX-License-Identifier: Apache-2.0
/* dag-json: JSON in which {"/": "<cid>"} is a link and {"/": {"bytes": "<base64>"}} is bytes.
 * Source: ipld.io/specs/codecs/dag-json/spec, RFC 8259; what Kubo 0.43.1 writes and takes. Pure,
 * in the C locale's number format. Errors name the byte, counted from 0.
 *
 * Read: one value, white space around it; no comma behind the last element; integers within 64
 * bits (anything with a point or an exponent is a float); a key twice is refused; escapes that
 * name half a surrogate pair, and bytes that are not UTF-8, become U+FFFD, as in Kubo. A map with
 * "/" among other keys is a map. Nested at most DAG_DEPTH_MAX deep.
 *
 * Written as Kubo does: no white space, keys in the order of their bytes, floats in the shortest
 * form that reads back as the same (so 1.0 is written 1), bytes in base64 without padding, CIDs in
 * base58btc (v0) or base32 (v1). */
#ifndef IPFS_DAG_JSON_H
#define IPFS_DAG_JSON_H

#include "conf/error.h"
#include "conf/text.h"
#include "ipfs/dag_node.h"
#include "ipfs/links.h"

/* Fills node; block stays valid as long as node is used. */
MUST_USE bool dag_json_decode(struct dag_node *node, struct slice block, struct error *err);

/* Appends the node. Integers of 2^63 and above have no form that Kubo would read: refused. */
MUST_USE bool dag_json_encode(const struct dag_node *node, struct text *out, struct error *err);

/* Plain json, as Kubo reads and writes it: {"/": ...} is a map like any other; links and bytes are
 * refused; keys stay in the node's order; a container that is not empty is written over lines,
 * indented with tabs. */
MUST_USE bool dag_json_decode_plain(struct dag_node *node, struct slice block, struct error *err);
MUST_USE bool dag_json_encode_plain(const struct dag_node *node, struct text *out,
                                    struct error *err);

/* See links_each. The block is decoded into memory first: up to 40 bytes for each value in it. */
MUST_USE bool dag_json_links(struct slice block, links_cb on_link, void *arg, struct error *err);

/* Appends a finite number in the shortest form that reads back as the same. */
void dag_json_put_float(struct text *out, double value);

#endif
