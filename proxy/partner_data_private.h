// SPDX-License-Identifier: Apache-2.0
/* What the files of the bytes of allocations in this process share. Control thread only. */
#ifndef PROXY_PARTNER_DATA_PRIVATE_H
#define PROXY_PARTNER_DATA_PRIVATE_H

#include "proxy/partner_data.h"

struct partner_data {
    struct partner_data_settings settings;
    struct allocations *allocations; /* NULL: nothing is anybody's */
    struct transfers *transfers;
    struct work *inside; /* the gate */
    struct timer watch;  /* must they leave it? */
};

enum work_kind { WORK_SEND, WORK_FETCH, WORK_IMPORT, WORK_REMOVE };

/* One that is under way: of a partner's spool first the bytes, then the claim, then the spool. */
struct work {
    struct partner_data *data;
    enum work_kind kind;
    char partner[ID_SIZE], id[ULID_SIZE];
    struct cid root;
    struct transfer *transfer;
    struct tracker_call *call;
    struct transaction *others; /* is being looked for */
    char link[ULID_SIZE];
    struct work *next; /* of those inside the gate: while bytes move into the storage */
    allocations_moved on_moved;
    retrieval_moved on_fetched_more;
    allocations_ended on_done;
    retrieval_ended on_fetched;
    void *arg;
};

struct work *work_create(struct partner_data *data, enum work_kind kind, const char *partner,
                         const char *id, const struct cid *root, void *arg);
/* Into the gate that is closed while garbage is collected. Out of it: by work_leave_gate (the
 * tracker has the claim, and is waited for by whoever collects), by finish and by cancel; or the
 * transfer is cut there, and finished as one to be tried again. */
bool work_enter(struct work *work, struct error *err);
void work_leave_gate(struct work *work);
struct transfers_order work_order(const struct work *work, const struct allocation_record *record);
/* Started: it is the operation; or never was, and is gone. */
bool work_hand_out(struct work *work, bool is_started, void **operation);
/* Tells who asked, and frees it. */
void work_finish(struct work *work, unsigned status, const struct error *err);
/* transfers_ended: that was its last act. */
void work_on_ended(void *work, unsigned status, const struct error *err);

/* ---- partner_claims.c: allocations_ways' import and remove */

bool partner_import(void *data, void **operation, const char *partner,
                    const struct allocation_record *record, allocations_ended on_done, void *arg,
                    struct error *err);
bool partner_remove(void *data, void **operation, const char *partner,
                    const struct allocation_record *record, allocations_ended on_done, void *arg,
                    struct error *err);

#endif
