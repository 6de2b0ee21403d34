// SPDX-License-Identifier: Apache-2.0
/* The node's gate (node.h), for who removes blocks: closed, and then waited for until nobody is
 * inside. In slices, one thread at a time. */
#ifndef UPSTREAM_EMBEDDED_GATE_H
#define UPSTREAM_EMBEDDED_GATE_H

#include "conf/error.h"

#include <stdint.h>

struct node;

#define GATE_PATIENCE_MS 30000

/* Zeroed at the start. */
struct gate {
    struct node *node; /* whose gate is closed; NULL: none. Private, and so is the rest */
    uint64_t asked_us;
};

enum gate_step {
    GATE_IS_QUIET, /* nobody writes until gate_open */
    GATE_WAITS,    /* TASK_WAITS, then again */
    GATE_BAD,      /* ERROR_CANCELED: somebody else has closed it, or something has been written for
                    * GATE_PATIENCE_MS without an end */
};

enum gate_step gate_close(struct gate *gate, struct node *node, struct error *err);
/* Fine if it is not closed. Does not wait. */
void gate_open(struct gate *gate);

#endif
