// SPDX-License-Identifier: Apache-2.0
#include "proxy/partner_data_private.h"

#include "conf/memory.h"

#include <stdio.h>
#include <stdlib.h>

enum { WATCH_MS = 500 };

/* ---- the gate */

void work_leave_gate(struct work *work)
{
    struct work **at = &work->data->inside;

    while (*at != NULL && *at != work)
        at = &(*at)->next;
    if (*at == NULL)
        return;
    *at = work->next;
    write_gate_leave(work->data->settings.gate);
}

bool work_enter(struct work *work, struct error *err)
{
    const struct command *command = catalogue_find(SLICE("dag/import"));
    struct partner_data *data = work->data;
    int status;

    if (!write_gate_enter(data->settings.gate, command, &status, err))
        return false;
    work->next = data->inside;
    data->inside = work;
    if (!timer_is_armed(&data->watch))
        timer_arm(data->settings.loop, &data->watch, WATCH_MS);
    return true;
}

/* Calls end when a collection has waited for them long enough, and so does this. What has come
 * stays in the inbox. */
static void watch(struct timer *timer)
{
    struct partner_data *data = CONTAINER_OF(timer, struct partner_data, watch);
    struct error err = {0};

    for (struct work *work = data->inside, *next; work != NULL; work = next) {
        next = work->next;
        if (!write_gate_cuts(data->settings.gate, &err))
            break;
        transfers_cancel(&work->transfer);
        partner_carry_no_more(work);
        err.code = ERROR_IO; /* tried again */
        work_finish(work, 0, &err);
    }
    if (data->inside != NULL && !timer_is_armed(timer))
        timer_arm(data->settings.loop, timer, WATCH_MS);
}

/* ---- what allocations ask for */

void work_finish(struct work *work, unsigned status, const struct error *err)
{
    work_leave_gate(work);
    if (work->kind == WORK_FETCH)
        work->on_fetched(work->arg, err);
    else
        work->on_done(work->arg, status, err);
    work_free(work);
}

void work_free(struct work *work)
{
    text_dispose(&work->carried);
    free(work);
}

void partner_data_cancel(void *data, void **operation)
{
    struct work *work = *operation;

    *operation = NULL;
    if (work == NULL)
        return;
    transfers_cancel(&work->transfer);
    tracker_cancel(&work->call);
    if (work->others != NULL)
        store_cancel(work->others);
    partner_carry_no_more(work);
    partner_read_no_more(work);
    work_leave_gate(work);
    work_free(work);
}

static void on_moved(void *work_, uint64_t position, bool is_whole)
{
    struct work *work = work_;

    if (work->kind == WORK_FETCH)
        work->on_fetched_more(work->arg);
    else if (work->on_moved != NULL)
        work->on_moved(work->arg, position, is_whole);
}

void work_on_ended(void *work_, unsigned status, const struct error *err)
{
    struct work *work = work_;

    work->transfer = NULL;
    work_finish(work, status, err);
}

struct work *work_create(struct partner_data *data, enum work_kind kind, const char *partner,
                         const char *id, const struct cid *root, void *arg)
{
    struct work *work = memory_alloc(sizeof(*work));

    work->data = data;
    work->kind = kind;
    work->root = *root;
    work->arg = arg;
    (void)snprintf(work->partner, sizeof(work->partner), "%s", partner);
    (void)snprintf(work->id, sizeof(work->id), "%s", id);
    return work;
}

/* Started, or never was. */
bool work_hand_out(struct work *work, bool is_started, void **operation)
{
    if (is_started) {
        *operation = work;
        return true;
    }
    work_leave_gate(work);
    work_free(work);
    return false;
}

struct transfers_order work_order(const struct work *work, const struct allocation_record *record)
{
    return (struct transfers_order){.partner = work->partner,
                                    .id = work->id,
                                    .link = record->link,
                                    .root = &work->root,
                                    .bytes_max = record->bytes,
                                    .blocks_max = record->blocks,
                                    .priority = record->priority,
                                    .bytes = record->bytes};
}

static bool send_blocks(void *data_, void **operation, const char *partner,
                        const struct allocation_record *record, allocations_moved on_sent_more,
                        allocations_ended on_done, void *arg, struct error *err)
{
    struct partner_data *data = data_;
    struct work *work = work_create(data, WORK_SEND, partner, record->id, &record->root, arg);
    const struct transfers_order order = work_order(work, record);

    work->on_moved = on_sent_more;
    work->on_done = on_done;
    return work_hand_out(work,
                         transfers_send(data->transfers, &work->transfer, &order, on_moved,
                                        work_on_ended, work, err),
                         operation);
}

bool partner_data_fetch(void *data_, void **operation, const struct retrieval_holder *holder,
                        const struct cid *object, retrieval_moved on_more,
                        retrieval_ended on_fetched, void *arg, struct error *err)
{
    struct partner_data *data = data_;
    struct work *work =
        work_create(data, WORK_FETCH, holder->partner, holder->allocation, object, arg);
    const struct transfers_order order = {.partner = work->partner,
                                          .id = work->id,
                                          .root = &work->root,
                                          .bytes_max = holder->bytes,
                                          .blocks_max = holder->blocks,
                                          .bytes = holder->bytes};

    work->on_fetched_more = on_more;
    work->on_fetched = on_fetched;
    return work_hand_out(work,
                         work_enter(work, err) &&
                             transfers_fetch(data->transfers, &work->transfer, &order, on_moved,
                                             work_on_ended, work, err),
                         operation);
}

void partner_data_fill(struct partner_data *data, struct allocations_ways *ways)
{
    ways->send = send_blocks;
    ways->read = partner_read;
    ways->import = partner_import;
    ways->remove = partner_remove;
    ways->cancel = partner_data_cancel;
    ways->arg = data;
}

/* ---- its life */

struct partner_data *partner_data_create(const struct partner_data_settings *settings)
{
    struct partner_data *data = memory_alloc(sizeof(*data));

    data->settings = *settings;
    data->watch.fire = watch;
    data->carried_end = &data->carried;
    return data;
}

void partner_data_use(struct partner_data *data, struct allocations *allocations,
                      struct transfers *transfers)
{
    data->allocations = allocations;
    data->transfers = transfers;
}

void partner_data_destroy(struct partner_data **data)
{
    if (*data == NULL)
        return;
    timer_disarm(&(*data)->watch);
    free(*data);
    *data = NULL;
}
