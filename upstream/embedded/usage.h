// SPDX-License-Identifier: Apache-2.0
/* How much of the disk the node uses, and may use. */
#ifndef UPSTREAM_EMBEDDED_USAGE_H
#define UPSTREAM_EMBEDDED_USAGE_H

#include "conf/error.h"

#include <stdint.h>

struct node;

struct node_usage {
    uint64_t used;  /* bytes of segments and databases */
    uint64_t total; /* those, and what the file system still has for us */
};

/* Asks the file system; waits for no lock. Any thread. */
MUST_USE bool node_usage(const struct node *node, struct node_usage *usage, struct error *err);

#endif
