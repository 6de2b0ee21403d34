// SPDX-License-Identifier: Apache-2.0
/* What control asks for, on its way to the link worker's loop and back. */
#include "federation/transfers_private.h"

#include "conf/memory.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

static struct transfer *transfer_of(struct errand *errand)
{
    return CONTAINER_OF(errand, struct transfer, errand);
}

/* ---- on the loop */

static void begin(struct errand *errand)
{
    struct transfer *transfer = transfer_of(errand);
    struct transfer **at;

    if (errand_is_abandoned(errand)) /* give_up follows; the transfers may be gone */
        return;
    for (at = &transfer->all->waiting; *at != NULL;)
        at = &(*at)->next;
    *at = transfer;
    transfers_run_soon(transfer->all);
}

static bool unlink_from(struct transfer **list, const struct transfer *transfer)
{
    while (*list != NULL && *list != transfer)
        list = &(*list)->next;
    if (*list == NULL)
        return false;
    *list = transfer->next;
    return true;
}

static void leave(struct transfer *transfer)
{
    struct transfers *all = transfer->all;

    if (!unlink_from(&all->waiting, transfer))
        unlink_from(&all->running, transfer);
    if (transfer->is_running) {
        all->sending -= transfer->kind == ORDER_SEND;
        all->fetching -= transfer->kind == ORDER_FETCH;
        all->importing -= transfer->kind == ORDER_IMPORT;
    }
    if (transfer->lane != NULL) {
        transfer->lane->sending -= transfer->kind == ORDER_SEND;
        transfer->lane->fetching -= transfer->kind == ORDER_FETCH;
    }
    transfer->lane = NULL;
    transfers_run_soon(all);
}

void transfer_stop(struct transfer *transfer)
{
    timer_disarm(&transfer->pace);
    peer_request_cancel(&transfer->request);
    source_dispose(&transfer->source);
    for (size_t i = 0; i < IMPORT_SLOTS; i++)
        upstream_cancel(&transfer->imports[i].operation);
    if (transfer->storage != NULL)
        transfers_leave_storage(transfer->storage);
    transfer->storage = NULL;
    sink_drop(&transfer->sink);
    transfer_forget_removal(transfer);
}

static void count(const struct transfer *transfer, enum transfers_end how)
{
    struct transfers_atomic *counters = &transfer->all->counters;

    if (transfer->kind == ORDER_SEND)
        atomic_fetch_add(&counters->sent[how], 1);
    else if (transfer->kind == ORDER_FETCH)
        atomic_fetch_add(&counters->fetched[how], 1);
    else if (how == TRANSFERS_DONE)
        atomic_fetch_add(transfer->kind == ORDER_IMPORT ? &counters->imported : &counters->removed,
                         1);
}

static void say(const struct transfer *transfer, const struct error *err)
{
    static const char *const what[] = {"blocks could not be sent", "it could not be read back",
                                       "it could not be taken in", "its spool cannot be removed"};

    if (transfer->all->settings.log != NULL)
        log_message(transfer->all->settings.log, LOG_LEVEL_WARNING, "allocation %s%s%s: %s: %s",
                    transfer->id, transfer->partner[0] != '\0' ? ", partner " : "",
                    transfer->partner, what[transfer->kind], err->text);
}

/* It has come to nothing. */
static void leave_spool(struct transfer *transfer, bool is_of_use)
{
    if (transfer->kind == ORDER_FETCH && transfer->spool[0] != '\0')
        leftover_add(transfer->all, transfer->spool,
                     is_of_use ? transfer->all->settings.keep_ms : 0);
}

void transfer_end(struct transfer *transfer, enum transfers_end how, unsigned status,
                  const struct error *err)
{
    struct error why = {0};

    if (err != NULL) {
        why = *err;
        say(transfer, err);
    }
    transfer->err = why;
    transfer->status = status;
    count(transfer, how);
    transfer_stop(transfer);
    if (how != TRANSFERS_DONE)
        leave_spool(transfer, how != TRANSFERS_BAD);
    leave(transfer);
    errand_answer(&transfer->errand);
}

static void give_up(struct errand *errand)
{
    struct transfer *transfer = transfer_of(errand);

    if (transfer->all == NULL) /* they ended */
        return;
    transfer_stop(transfer);
    leave_spool(transfer, true);
    leave(transfer);
}

static bool find_lane(struct transfer *transfer)
{
    struct transfers *all = transfer->all;
    const struct peer *peer = peers_of_partner(all->peers, transfer->partner);
    struct error err = {0};

    if (peer == NULL) {
        error_set(&err, ERROR_NOT_FOUND, "there is no link with %s", transfer->partner);
        transfer_end(transfer, TRANSFERS_REFUSED, 0, &err);
        return false;
    }
    transfer->lane = transfers_lane(all, peer);
    transfer->lane->sending += transfer->kind == ORDER_SEND;
    transfer->lane->fetching += transfer->kind == ORDER_FETCH;
    if (peer->state == LINK_ACTIVE || peer->state == LINK_DEGRADED ||
        (peer->state == LINK_SUSPENDED && transfer->kind == ORDER_FETCH))
        return true;
    error_set(&err, ERROR_REFUSED, "the link with %s is %s", transfer->partner,
              link_state_name(peer->state));
    transfer_end(transfer, TRANSFERS_REFUSED, 0, &err);
    return false;
}

void transfer_run(struct transfer *transfer)
{
    switch (transfer->kind) {
    case ORDER_SEND:
        if (find_lane(transfer))
            transfer_send(transfer);
        break;
    case ORDER_FETCH:
        if (find_lane(transfer))
            transfer_fetch(transfer);
        break;
    case ORDER_IMPORT:
        transfer_import(transfer);
        break;
    case ORDER_REMOVE:
        transfer_remove(transfer);
        break;
    }
}

/* ---- control */

static void on_progress(struct errand *errand)
{
    struct transfer *transfer = transfer_of(errand);

    if (transfer->on_moved != NULL)
        transfer->on_moved(transfer->arg, atomic_load(&transfer->position),
                           atomic_load(&transfer->is_whole));
}

static void on_done(struct errand *errand)
{
    struct transfer *transfer = transfer_of(errand);

    transfer->on_done(transfer->arg, transfer->status,
                      transfer->err.code != ERROR_NONE ? &transfer->err : NULL);
}

static void destroy(struct errand *errand)
{
    free(transfer_of(errand));
}

static const struct errand_kind kind = {begin, give_up, on_progress, on_done, destroy};

static bool start(struct transfers *all, struct transfer **result, enum order_kind what,
                  const struct transfers_order *order, transfers_moved on_moved,
                  transfers_ended on_ended, void *arg, struct error *err)
{
    struct transfer *transfer;

    if (all->loop == NULL)
        return error_set(err, ERROR_REFUSED, "the port for partners is not open yet");
    transfer = memory_alloc(sizeof(*transfer));
    transfer->all = all;
    transfer->kind = what;
    transfer->on_moved = on_moved;
    transfer->on_done = on_ended;
    transfer->arg = arg;
    if (order->partner != NULL)
        snprintf(transfer->partner, sizeof(transfer->partner), "%s", order->partner);
    snprintf(transfer->id, sizeof(transfer->id), "%s", order->id);
    if (order->link != NULL)
        spool_name(transfer->spool, order->link, order->id, SPOOL_PLACED);
    if (order->root != NULL)
        transfer->root = *order->root;
    transfer->limits = (struct walk_limits){.bytes = order->bytes_max, .blocks = order->blocks_max};
    transfer->priority = order->priority;
    transfer->bytes = order->bytes;
    *result = transfer;
    errand_start(&transfer->errand, &kind, all->settings.control, all->loop);
    return true;
}

bool transfers_send(struct transfers *all, struct transfer **transfer,
                    const struct transfers_order *order, transfers_moved on_moved,
                    transfers_ended on_ended, void *arg, struct error *err)
{
    return start(all, transfer, ORDER_SEND, order, on_moved, on_ended, arg, err);
}

bool transfers_fetch(struct transfers *all, struct transfer **transfer,
                     const struct transfers_order *order, transfers_moved on_moved,
                     transfers_ended on_ended, void *arg, struct error *err)
{
    return start(all, transfer, ORDER_FETCH, order, on_moved, on_ended, arg, err);
}

bool transfers_import(struct transfers *all, struct transfer **transfer,
                      const struct transfers_order *order, transfers_ended on_ended, void *arg,
                      struct error *err)
{
    return start(all, transfer, ORDER_IMPORT, order, NULL, on_ended, arg, err);
}

bool transfers_remove(struct transfers *all, struct transfer **transfer, const char *link,
                      const char *id, transfers_ended on_ended, void *arg, struct error *err)
{
    const struct transfers_order order = {.link = link, .id = id};

    return start(all, transfer, ORDER_REMOVE, &order, NULL, on_ended, arg, err);
}

void transfers_cancel(struct transfer **transfer_ptr)
{
    struct transfer *transfer = *transfer_ptr;

    *transfer_ptr = NULL;
    if (transfer != NULL)
        errand_cancel(&transfer->errand);
}
