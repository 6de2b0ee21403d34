// SPDX-License-Identifier: Apache-2.0
/* Room in the quotas on stored bytes for an upload while it streams, so that what cannot be kept is
 * not taken to its end, and uploads at the same time share what is left. It is an estimate, by the
 * bytes of the body; what is charged in the end is what the claims measure. Loop thread only. */
#ifndef PROXY_UPLOAD_ROOM_H
#define PROXY_UPLOAD_ROOM_H

#include "http/meter.h"
#include "policy/accounts.h"
#include "proxy/site.h"

/* Of each body so much is not counted: the heads of its parts, mostly. What is smaller is left to
 * the claim. */
enum { UPLOAD_ROOM_FREE = 64 * 1024 };

/* {0}: nothing limits the owner. Stays where it is until it was dropped. */
struct upload_room {
    bool is_limited;
    uint64_t seen; /* bytes of the body */
    struct accounts_reservation reservation;
};

/* The site's policy outlives it. */
void upload_room_open(struct upload_room *room, const struct site *site, const struct owner *owner);

/* So many bytes more. False: there is no room for them (507). */
MUST_USE bool upload_room_take(struct upload_room *room, uint64_t bytes,
                               struct meter_refusal *refusal);

/* Gives all of it back; again: nothing. */
void upload_room_drop(struct upload_room *room);

#endif
