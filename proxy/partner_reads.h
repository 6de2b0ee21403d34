// SPDX-License-Identifier: Apache-2.0
/* Objects that are missing here, brought back from partners (federation/retrieval.h): who holds
 * one is asked of the ledger, its bytes of partner_data.h, and the tracker pins it again. Control
 * thread only; reads on workers find it in struct context. */
#ifndef PROXY_PARTNER_READS_H
#define PROXY_PARTNER_READS_H

#include "federation/retrieval.h"
#include "proxy/partner_data.h"

struct partner_reads;

/* Borrowed for its life. */
struct partner_reads_settings {
    struct loop *loop;
    struct store *store;
    struct tracker *tracker;
    struct allocations *allocations;
    struct partner_data *data;
    struct log_writer *messages;
};

struct partner_reads *partner_reads_create(const struct partner_reads_settings *settings);
/* When no worker reads any more; before all that it borrows. NULL is fine. */
void partner_reads_destroy(struct partner_reads **reads);

struct retrievals *partner_reads_retrievals(struct partner_reads *reads);

#endif
