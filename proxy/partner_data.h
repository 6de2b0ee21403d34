// SPDX-License-Identifier: Apache-2.0
/* The bytes of allocations in this process: what allocations ask for (allocations_ways) is done by
 * transfers, the tracker and the gate that keeps garbage from being collected; and what link
 * workers ask about allocations is answered. Control thread only. */
#ifndef PROXY_PARTNER_DATA_H
#define PROXY_PARTNER_DATA_H

#include "federation/allocations.h"
#include "federation/retrieval.h"
#include "federation/transfers.h"
#include "proxy/write_gate.h"
#include "upstream/tracker.h"

struct partner_data;

/* Borrowed for its life. */
struct partner_data_settings {
    struct loop *loop; /* the control thread's */
    struct store *store;
    struct tracker *tracker;
    struct write_gate *gate;
};

struct partner_data *partner_data_create(const struct partner_data_settings *settings);
/* Behind allocations and transfers, and when nothing of theirs is on its way to the loop any more.
 * NULL is fine. */
void partner_data_destroy(struct partner_data **data);

/* For transfers_settings.asks. Nothing is anybody's before partner_data_use. */
struct transfers_control partner_data_control(struct partner_data *data);
/* Of whom it is asked from now on, and who moves the bytes; NULL: nobody. */
void partner_data_use(struct partner_data *data, struct allocations *allocations,
                      struct transfers *transfers);

/* The storage, as the control thread's loop speaks to it: before the first of what allocations ask
 * for, whenever it is another one (and the one before still there), and NULL at the end. */
void partner_data_use_storage(struct partner_data *data, struct upstream *storage);

/* send, read, import, remove, cancel and arg. */
void partner_data_fill(struct partner_data *data, struct allocations_ways *ways);

/* struct retrieval_source's fetch, and the cancel of what it started; data is the arg. */
bool partner_data_fetch(void *data, void **operation, const struct retrieval_holder *holder,
                        const struct cid *object, retrieval_moved on_moved,
                        retrieval_ended on_fetched, void *fetched_arg, struct error *err);
void partner_data_cancel(void *data, void **operation);

#endif
