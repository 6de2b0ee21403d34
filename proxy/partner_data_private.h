// SPDX-License-Identifier: Apache-2.0
/* What the files of the bytes of allocations in this process share. Control thread only. */
#ifndef PROXY_PARTNER_DATA_PRIVATE_H
#define PROXY_PARTNER_DATA_PRIVATE_H

#include "proxy/partner_data.h"

struct partner_data {
    struct partner_data_settings settings;
    struct allocations *allocations; /* NULL: nothing is anybody's */
    struct transfers *transfers;
    struct work *inside;      /* the gate */
    struct timer watch;       /* must they leave it? */
    struct upstream *storage; /* of the control thread's loop; NULL: none */

    /* partner_carried.c */
    struct work *carried, **carried_end; /* those that wait for being taken in */
    struct timer carried_again;
    struct carrying *carrying; /* those that are; NULL: none */
    struct work *reads;
};

enum work_kind { WORK_SEND, WORK_FETCH, WORK_IMPORT, WORK_REMOVE, WORK_READ };

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
    struct work *next;     /* of those inside the gate: while bytes move into the storage */
    struct error no_spool; /* importing: why there is nothing to take in */
    struct text carried;
    bool is_carried_here; /* in the list of those that wait or are taken in: */
    struct work *next_carried;
    bool is_reading; /* in the list of those: */
    struct work *next_read;
    struct operation *read;
    size_t read_max;
    allocations_read on_read;
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
/* Nothing of it is under way. */
void work_free(struct work *work);
/* Started: it is the operation; or never was, and is gone. */
bool work_hand_out(struct work *work, bool is_started, void **operation);
/* Tells who asked, and frees it. */
void work_finish(struct work *work, unsigned status, const struct error *err);
/* transfers_ended: that was its last act. */
void work_on_ended(void *work, unsigned status, const struct error *err);

/* ---- partner_claims.c: allocations_ways' import and remove */

bool partner_import(void *data, void **operation, const char *partner,
                    const struct allocation_record *record, struct slice carried,
                    allocations_ended on_done, void *arg, struct error *err);
/* The bytes of an import are in the storage (transfers_ended): it is claimed, and ends. */
void partner_claim(void *work, unsigned status, const struct error *err);
bool partner_remove(void *data, void **operation, const char *partner,
                    const struct allocation_record *record, allocations_ended on_done, void *arg,
                    struct error *err);

/* ---- partner_carried.c: objects that go with their reservation */

/* Into the storage; partner_claim follows. */
void partner_carry(struct work *work, struct slice carried);
/* It is canceled. Nothing, if it is none of these. */
void partner_carry_no_more(struct work *work);
void partner_read_no_more(struct work *work);
/* allocations_ways' read */
bool partner_read(void *data, void **operation, const struct allocation_record *record, size_t max,
                  allocations_read on_read, void *done_arg, struct error *err);

#endif
