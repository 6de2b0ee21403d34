// SPDX-License-Identifier: Apache-2.0
/* The links of a block of any codec, for a link_stack: those of dag-pb with their names and what
 * they say of sizes, others bare. In the order of the block. */
#ifndef UPSTREAM_EMBEDDED_NODE_LINKS_H
#define UPSTREAM_EMBEDDED_NODE_LINKS_H

#include "upstream/embedded/link_stack.h"

/* A link_lister. ERROR_UNSUPPORTED: the block cannot be read. */
MUST_USE bool node_links_list(struct text *list, const struct cid *cid, struct slice block,
                              struct error *err);

#endif
