// SPDX-License-Identifier: Apache-2.0
/* A dag-pb block in the data model, and back: {"Data": bytes, "Links": [{"Hash": link, "Name":
 * text, "Tsize": integer}]}.
 * Source: ipld.io/specs/codecs/dag-pb/spec; what Kubo 0.43.1 shows and takes. Pure. */
#ifndef IPFS_DAG_PB_NODE_H
#define IPFS_DAG_PB_NODE_H

#include "conf/error.h"
#include "conf/text.h"
#include "ipfs/dag_node.h"

enum dag_pb_form {
    DAG_PB_PLAIN, /* what a link or the block does not have is not in its map */
    DAG_PB_SHOWN, /* it is there as null, and Links come first: what Kubo's dag/get shows */
};

/* Fills node; block stays valid as long as node is used. A Tsize of 2^63 and above is negative, as
 * in Kubo. */
MUST_USE bool dag_pb_decode_node(struct dag_node *node, struct slice block, enum dag_pb_form form,
                                 struct error *err);

/* Appends the canonical block: links sorted by name, then data. Links must be there, Data, Name
 * and Tsize may be missing, anything else is refused, in Kubo's words. */
MUST_USE bool dag_pb_encode_node(const struct dag_node *node, struct text *out, struct error *err);

#endif
