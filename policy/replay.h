// SPDX-License-Identifier: Apache-2.0
/* Recorded requests decided again: which would be decided otherwise by another policy. Pure. */
#ifndef POLICY_REPLAY_H
#define POLICY_REPLAY_H

#include "policy/decide.h"

/* One line of the audit log (auth/audit.h) as a request. */
struct replayed {
    struct principal principal;
    struct call *call;
    struct policy_request request;
    bool was_allowed; /* as recorded */
    /* Private: what the principal borrows from. */
    void *json;
    struct slice *roles;
    struct sockaddr_storage peer;
};

enum replay_answer {
    REPLAY_REQUEST,
    REPLAY_OTHER,      /* no request of the RPC API, or one that was not decided by policy */
    REPLAY_INCOMPLETE, /* its arguments were left out for their length, or another version of the
                          gateway took it for a call and this one does not */
};

/* False: the line is no line of an audit log. replayed is set for REPLAY_REQUEST, and to be
 * disposed of. */
MUST_USE bool replay_read(struct replayed *replayed, struct slice line, enum replay_answer *answer,
                          struct error *err);
void replayed_dispose(struct replayed *replayed);

#endif
