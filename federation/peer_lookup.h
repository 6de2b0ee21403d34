// SPDX-License-Identifier: Apache-2.0
/* The IP addresses behind what a partner said of where it is: names are looked up in the job pool.
 * Loop thread only. */
#ifndef FEDERATION_PEER_LOOKUP_H
#define FEDERATION_PEER_LOOKUP_H

#include "conf/address.h"
#include "http/jobs.h"

enum { PEER_LOOKUP_MAX = 8, PEER_LOOKUP_TEXTS = 4 };

struct peer_lookup;

/* found: in the order of what was asked, without repetition. count 0: err says why. */
typedef void (*peer_lookup_cb)(void *arg, const struct address *found, size_t count,
                               const struct error *err);

/* Copies; at most PEER_LOOKUP_TEXTS. False: the job pool is full, never a call. True: on_done once,
 * later, unless canceled. */
MUST_USE bool peer_lookup_start(struct peer_lookup **lookup, struct jobs *jobs, struct loop *loop,
                                const struct address *addresses, size_t count,
                                peer_lookup_cb on_done, void *arg, struct error *err);
/* Clears *lookup; NULL is fine. */
void peer_lookup_cancel(struct peer_lookup **lookup);

#endif
