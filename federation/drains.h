// SPDX-License-Identifier: Apache-2.0
/* Links that are to end in good order (`link revoke drain`): everything over them is told so, what
 * is still alive is counted every few seconds, and when nothing is, the link is revoked. What we
 * placed there stays until placement has put it somewhere else (placer.h); what they placed here
 * until they have released it. A drain is kept with the link: a start goes on with it. Control
 * thread. */
#ifndef FEDERATION_DRAINS_H
#define FEDERATION_DRAINS_H

#include "federation/allocations.h"
#include "federation/links.h"

struct drains;

/* Borrowed. */
struct drains_settings {
    struct loop *loop; /* the control thread's */
    struct store *store;
    struct links *links;
    struct allocations *allocations;
    struct log_writer *messages;
};

struct drains *drains_create(const struct drains_settings *settings);
/* Behind links_close, before the loop turns again. NULL is fine. */
void drains_destroy(struct drains **drains);

/* A link has changed, or a drain has begun or was canceled: looked at with the next turn. */
void drains_changed(struct drains *drains);

/* How many of these are alive (allocation_is_live). */
uint64_t drains_count_live(const struct allocation_sum *sum);

#endif
