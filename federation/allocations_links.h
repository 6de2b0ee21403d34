// SPDX-License-Identifier: Apache-2.0
/* Allocations over links: their items are served and asked for, receipts are signed and verified,
 * and what becomes of links is told. Control thread. */
#ifndef FEDERATION_ALLOCATIONS_LINKS_H
#define FEDERATION_ALLOCATIONS_LINKS_H

#include "auth/identity_keeper.h"
#include "federation/allocations.h"
#include "federation/links.h"

struct allocations_links;

struct allocations_links *allocations_links_create(struct links *links,
                                                   struct identity_keeper *keeper);
/* The part of ways that is with link_arg. */
void allocations_links_fill(struct allocations_links *over, struct allocations_ways *ways);
/* From now on; allocations were made with those ways. To be called once. */
void allocations_links_serve(struct allocations_links *over, struct allocations *allocations);
/* on_change is called after the allocations were told of a link, in a step of that link: it only
 * notes that. NULL: nobody is told. */
void allocations_links_watch(struct allocations_links *over, void (*on_change)(void *arg),
                             void *arg);
/* Behind allocations_destroy, and before links_close or behind it: items that were taken are not
 * answered any more. NULL is fine. */
void allocations_links_destroy(struct allocations_links **over);

#endif
