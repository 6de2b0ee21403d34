// SPDX-License-Identifier: Apache-2.0
/* The operators' route that gives the pins of one owner to another; it stands among the others
 * about members (operator_member.h). A page of pins at a time:
 *
 *   /member/transfer  {"from", "to", "after"?}
 *                     -> {"moved", "left": [{"id", "cid", "why"}, ...], "after", "has_more"}
 *
 * Owners are "alice", "member:alice" or "group:staff". Control thread only. */
#ifndef PROXY_OPERATOR_TRANSFER_H
#define PROXY_OPERATOR_TRANSFER_H

#include "auth/operator.h"
#include "proxy/pin_batch.h"

/* The transfer that is under way; one at a time. {0} is at rest. */
struct member_transfer {
    struct operator_call *call; /* NULL: none is */
    char after[ULID_SIZE];
    bool has_more;
    json_t *left; /* what was not moved, and why */
    struct pin_batch batch;
};

/* The route. */
void member_transfer_run(struct operator_call *call);

/* What is under way is refused; before the tracker ends. */
void member_transfer_stop(struct member_transfer *transfer);

#endif
