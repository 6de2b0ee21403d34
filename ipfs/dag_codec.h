// SPDX-License-Identifier: Apache-2.0
/* Blocks of any codec as nodes of the data model, and back, by the codec's number: dag-json,
 * dag-cbor, dag-pb, raw, and the plain json and cbor (no links; json no bytes either; keys in the
 * node's order; json indented). What Kubo 0.43.1 makes of them, in its words where it fails so.
 * Pure.
 */
#ifndef IPFS_DAG_CODEC_H
#define IPFS_DAG_CODEC_H

#include "conf/error.h"
#include "conf/text.h"
#include "ipfs/dag_node.h"

#include <stdint.h>

/* A name of the multicodec table or its number ("dag-json", "0x129"), codec or hash alike:
 * "unknown multicodec". */
MUST_USE bool dag_codec_find(struct slice name, uint64_t *code, struct error *err);

enum dag_codec_way { DAG_CODEC_DECODER, DAG_CODEC_ENCODER };

/* "no encoder registered for multicodec code ..."; ERROR_UNSUPPORTED, too, for what Kubo has and
 * this has not (git-raw, dag-jose), by name. */
MUST_USE bool dag_codec_check(uint64_t code, enum dag_codec_way way, struct error *err);

/* Fills node; block stays valid as long as node is used. Of a codec that was checked. */
MUST_USE bool dag_codec_decode(struct dag_node *node, uint64_t code, struct slice block,
                               struct error *err);

/* The same as Kubo shows it, and follows paths in it: what a dag-pb block or link does not have is
 * there as null. Of any codec; errors of dag_codec_check too. */
MUST_USE bool dag_codec_show(struct dag_node *node, uint64_t code, struct slice block,
                             struct error *err);

/* Appends the node. After a failure out may have a part of it. */
MUST_USE bool dag_codec_encode(const struct dag_node *node, uint64_t code, struct text *out,
                               struct error *err);

#endif
