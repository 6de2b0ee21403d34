// SPDX-License-Identifier: Apache-2.0
/* Whether calls that write may begin: closed while garbage is collected, and to what adds data
 * while the storage is nearly full. One for the process; any thread, no locks.
 *
 * A call enters before its first effect and leaves when its exchange has ended: whoever closes the
 * gate and then sees nobody inside knows that nothing is being written. */
#ifndef PROXY_WRITE_GATE_H
#define PROXY_WRITE_GATE_H

#include "conf/error.h"
#include "ipfs/catalogue.h"

#include <stdatomic.h>
#include <stdint.h>

enum write_state {
    WRITES_GO_ON,
    WRITES_WAIT, /* nobody enters; who is inside may end */
    WRITES_CUT,  /* who is inside is cut, too */
};

enum { WRITE_RETRY_S = 10 }; /* what a client is told to wait */

/* {0}: open. */
struct write_gate {
    atomic_uint state;
    atomic_uint inside; /* calls */
    atomic_bool is_full;
    _Atomic uint64_t used, total; /* bytes, as the storage said last */
    _Atomic uint64_t mark;        /* percent of total; 0: there is none */
    _Atomic uint64_t refused_for_garbage, refused_for_space, cut;
};

/* Does the command change what the storage holds? Only such calls enter. */
bool write_gate_concerns(const struct command *command);

/* False: err has the sentence, and *status is 503 (with Retry-After: WRITE_RETRY_S) or 507. */
MUST_USE bool write_gate_enter(struct write_gate *gate, const struct command *command, int *status,
                               struct error *err);
void write_gate_leave(struct write_gate *gate);

/* Must a call that is inside end now? Then err has the sentence. */
bool write_gate_cuts(struct write_gate *gate, struct error *err);

/* ---- control thread */

void write_gate_set(struct write_gate *gate, enum write_state state);
/* used of total bytes; mark 0 or total 0: never full. */
void write_gate_measure(struct write_gate *gate, uint64_t used, uint64_t total, uint64_t mark);

#endif
