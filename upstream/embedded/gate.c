// SPDX-License-Identifier: Apache-2.0
#include "upstream/embedded/gate.h"

#include "http/loop.h"
#include "upstream/embedded/node.h"

enum gate_step gate_close(struct gate *gate, struct node *node, struct error *err)
{
    if (gate->node == NULL) {
        if (!node_close_gate(node)) {
            error_set(err, ERROR_CANCELED,
                      "garbage is being collected; try again when it has ended");
            return GATE_BAD;
        }
        gate->node = node;
        gate->asked_us = clock_us();
    }
    if (node_is_quiet(node))
        return GATE_IS_QUIET;
    if (clock_us() - gate->asked_us < GATE_PATIENCE_MS * 1000ULL)
        return GATE_WAITS;
    error_set(err, ERROR_CANCELED, "something has been written for %d s without an end; try again",
              GATE_PATIENCE_MS / 1000);
    return GATE_BAD;
}

void gate_open(struct gate *gate)
{
    if (gate->node != NULL)
        node_open_gate(gate->node);
    gate->node = NULL;
}
