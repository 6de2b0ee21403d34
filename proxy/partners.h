// SPDX-License-Identifier: Apache-2.0
/* Links to partners in this process: who we are, the links, and the port where partners connect,
 * with a worker of its own. No worker of clients has a part in it. There are none unless
 * listen.partners.address is set. Control thread only. */
#ifndef PROXY_PARTNERS_H
#define PROXY_PARTNERS_H

#include "auth/identity_keeper.h"
#include "federation/allocations_links.h"
#include "federation/drains.h"
#include "federation/placer.h"
#include "federation/port.h"
#include "federation/statements.h"
#include "http/worker.h"
#include "proxy/partner_data.h"
#include "proxy/partner_reads.h"

struct gateway;
struct snapshot;

struct partners {
    struct identity_keeper *keeper;
    struct identity_user user;
    struct links *links;            /* NULL: there are none */
    struct allocations_links *over; /* the links, as the allocations see them */
    struct allocations *allocations;
    struct statements *statements;
    struct drains *drains;
    struct placer *placer;
    struct partner_reads *reads;
    struct partner_data *data;
    struct transfers *transfers;
    struct port *port;
    struct worker *worker;
    const struct peers *first; /* what was published before the worker began */
    struct address address;    /* as bound */
};

/* Before what operators may ask. Does nothing if there is no port for partners. BLOCKS. */
MUST_USE bool partners_start(struct gateway *gateway, struct error *err);

/* The policy of the snapshot in force. Does nothing if there are no links. */
void partners_use(struct gateway *gateway);
/* The storage is another one in this snapshot. */
void partners_use_storage(struct gateway *gateway, struct snapshot *loaded);

void partners_drain(struct gateway *gateway, uint64_t deadline_ms);
bool partners_have_drained(const struct gateway *gateway);

/* Ends it all: while the ledger and the job pool are still there. */
void partners_stop(struct gateway *gateway);
/* When nothing of what was begun is on its way any more. */
void partners_free(struct gateway *gateway);

/* {"address", "advertise", "links": {"active": 1, ...}, "identity": (auth/operator.h)}; null: there
 * is no port. */
json_t *partners_describe(const struct gateway *gateway);
void partners_put_metrics(const struct gateway *gateway, struct text *out);

#endif
