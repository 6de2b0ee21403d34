// SPDX-License-Identifier: Apache-2.0
/* A call that pinned something waits until there are so many copies of it: because it asked for
 * that (cw-min-copies), its token does, or the policy. What it pinned is durable here before, and
 * stays whatever comes of the wait. Loop thread only. */
#ifndef PROXY_COPIES_WAIT_H
#define PROXY_COPIES_WAIT_H

#include "proxy/rpc_call.h"

struct copies_wait;

struct copies_wait_settings {
    struct rpc *rpc;
    const struct cid *cids; /* one after the other; they outlive the wait */
    size_t count;
    uint32_t copies;   /* that are asked for: rpc_min_copies. The policy may want more */
    uint64_t begun_ms; /* of the loop: the call's own `timeout` counts from there */
    /* Not this one: it was not pinned. NULL: all. */
    bool (*is_left_out)(void *arg, size_t index);
    /* There are so many copies of the one that is waited for: at first, whenever that changes, and
     * every few seconds. NULL: nobody asked. */
    void (*on_progress)(void *arg, uint32_t there, uint32_t wanted);
    /* Once, later; why NULL: as many as are wanted are there. Else a status and what to say. */
    void (*on_end)(void *arg, int status, const char *why);
    void *arg;
};

/* Is there anything that this call may have to wait for? */
bool copies_wait_is_needed(const struct rpc *rpc, uint32_t copies);

/* The call leaves the write gate: what follows changes nothing here. */
struct copies_wait *copies_wait_start(const struct copies_wait_settings *settings);
/* on_end is not called. Clears *wait; NULL is fine. */
void copies_wait_destroy(struct copies_wait **wait);

#endif
