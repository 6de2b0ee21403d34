// SPDX-License-Identifier: Apache-2.0
/* What comes into the storage: read back from a holder, or out of a spool that is whole. */
#include "federation/transfers_private.h"

#include "conf/memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A slow link moves so many bytes in half a minute; a drip is no progress. */
enum { MOVED_SIZE = 256 << 10 };
/* READ_PART_MAX: bytes; a part is taken in when it is there. */
enum {
    PATH_SIZE = 128,
    READ_PART_MAX = 8 << 20,
    PASSED_MS = 2 /* a block */,
    PASSED_MAX_MS = 300000
};

static void fail(struct transfer *transfer, const struct error *err)
{
    transfer_end(transfer, sink_error_is_theirs(err) ? TRANSFERS_BAD : TRANSFERS_FAILED, 0, err);
}

/* ---- the spool goes */

void transfer_remove(struct transfer *transfer)
{
    struct error err = {0};

    flows_cut_spool(transfer->all, transfer->spool);
    if (removal_start(transfer->all, transfer->spool, transfer, &err))
        return;
    if (transfer->kind == ORDER_FETCH) { /* it is in the storage: the spool can wait */
        leftover_add(transfer->all, transfer->spool, 0);
        transfer_end(transfer, TRANSFERS_DONE, 0, NULL);
    } else {
        transfer_end(transfer, TRANSFERS_FAILED, 0, &err);
    }
}

/* ---- the spool into the storage */

static void import_next(struct transfer *transfer);

static void on_imported(void *slot_, const struct operation_result *result, const struct error *err)
{
    struct import_slot *slot = slot_;
    struct transfer *transfer = slot->transfer;

    slot->operation = NULL;
    if (err != NULL) {
        struct error why = *err;

        whole_forget(transfer->all, transfer->spool); /* it is looked at before the next time */
        fail(transfer, &why);
        return;
    }
    errand_progress(&transfer->errand);
    import_next(transfer);
}

static bool is_coming(const struct transfer *transfer)
{
    return transfer->sink != NULL;
}

/* Those that are as they will be. */
static unsigned parts_of(const struct transfer *transfer)
{
    unsigned parts = is_coming(transfer) ? sink_parts(transfer->sink) : transfer->parts;

    return is_coming(transfer) && parts > 0 ? parts - 1 : parts;
}

static struct import_slot *free_slot(struct transfer *transfer)
{
    for (size_t i = 0; i < IMPORT_SLOTS; i++)
        if (transfer->imports[i].operation == NULL)
            return &transfer->imports[i];
    return NULL;
}

static bool is_importing(const struct transfer *transfer)
{
    for (size_t i = 0; i < IMPORT_SLOTS; i++)
        if (transfer->imports[i].operation != NULL)
            return true;
    return false;
}

static bool import_part(struct transfer *transfer, struct import_slot *slot)
{
    char path[INBOX_PATH_MAX];
    struct error err = {0};

    if (transfer->storage == NULL)
        transfer->storage = transfers_use_storage(transfer->all);
    slot->transfer = transfer;
    spool_part_path(transfer->all->inbox, transfer->spool, ++transfer->part, path);
    if (upstream_import(transfer->storage->upstream, &slot->operation, path, on_imported, slot,
                        &err))
        return true;
    whole_forget(transfer->all, transfer->spool);
    fail(transfer, &err);
    return false;
}

/* Whoever reads it meanwhile need not wait for all of it. */
static void import_next(struct transfer *transfer)
{
    struct import_slot *slot;

    while (transfer->part < parts_of(transfer) && (slot = free_slot(transfer)) != NULL)
        if (!import_part(transfer, slot))
            return;
    if (is_coming(transfer) || is_importing(transfer))
        return;
    if (transfer->kind == ORDER_FETCH)
        transfer_remove(transfer);
    else
        transfer_end(transfer, TRANSFERS_DONE, 0, NULL);
}

/* The spool was closed. */
static void on_spooled(void *transfer_, const struct error *err)
{
    struct transfer *transfer = transfer_;
    struct error why = {0};
    bool is_whole = sink_is_whole(transfer->sink);

    if (err != NULL)
        why = *err;
    else if (!is_whole)
        error_set(&why, ERROR_NOT_FOUND, "blocks of it are missing in the inbox");
    transfer->parts = sink_parts(transfer->sink);
    sink_drop(&transfer->sink);
    if (why.code != ERROR_NONE) {
        fail(transfer, &why);
        return;
    }
    import_next(transfer);
}

static struct spool_settings spool_of(const struct transfer *transfer)
{
    struct spool_settings settings = {.root = transfer->root, .limits = transfer->limits};

    memcpy(settings.name, transfer->spool, sizeof(settings.name));
    if (transfer->kind == ORDER_FETCH)
        settings.part_max = READ_PART_MAX;
    return settings;
}

static bool open_sink(struct transfer *transfer, const struct sink_user *user)
{
    struct spool_settings settings = spool_of(transfer);
    struct error err = {0};

    transfer->sink = sink_open(transfer->all, &settings, user, transfer, &err);
    if (transfer->sink == NULL)
        transfer_end(transfer, TRANSFERS_FAILED, 0, &err);
    return transfer->sink != NULL;
}

static void end_sink(void *transfer_)
{
    sink_end_cut(((struct transfer *)transfer_)->sink);
}

void transfer_import(struct transfer *transfer)
{
    static const struct sink_user user = {.on_open = end_sink, .on_end = on_spooled};

    transfer->parts = whole_parts(transfer->all, transfer->spool);
    if (transfer->parts > 0)
        import_next(transfer);
    else
        open_sink(transfer, &user);
}

/* ---- read-back */

static void on_content(void *transfer_, struct slice content)
{
    struct transfer *transfer = transfer_;

    atomic_fetch_add(&transfer->all->counters.bytes_in, content.size);
    pace_take(&transfer->lane->in, content.size);
    transfer->untold += content.size;
    if (transfer->untold >= MOVED_SIZE) {
        transfer->untold = 0;
        errand_progress(&transfer->errand);
    }
    if (!sink_put(transfer->sink, content) ||
        pace_wait_ms(&transfer->lane->in, loop_now_ms(transfer->all->loop)) > 0) {
        peer_request_pause(transfer->request);
        timer_arm(transfer->all->loop, &transfer->pace, 10);
    }
}

static void on_pace(struct timer *timer)
{
    struct transfer *transfer = CONTAINER_OF(timer, struct transfer, pace);
    uint64_t wait_ms = pace_wait_ms(&transfer->lane->in, loop_now_ms(transfer->all->loop));

    if (transfer->request == NULL)
        return;
    if (wait_ms > 0 || !sink_has_room(transfer->sink))
        timer_arm(transfer->all->loop, timer, wait_ms > 0 ? wait_ms : 1000);
    else
        peer_request_resume(transfer->request);
}

static void on_room(void *transfer_)
{
    struct transfer *transfer = transfer_;

    on_pace(&transfer->pace);
}

static void on_moved(void *transfer_)
{
    struct transfer *transfer = transfer_;

    atomic_store(&transfer->position, sink_position(transfer->sink));
    errand_progress(&transfer->errand);
    import_next(transfer);
}

static void on_given(void *transfer_, const struct peer_client_answer *answer)
{
    struct transfer *transfer = transfer_;

    transfer->request = NULL;
    timer_disarm(&transfer->pace);
    if (answer->failure == PEER_ANSWERED && answer->status == 200)
        sink_end(transfer->sink);
    else
        transfer_fail_answer(transfer, answer);
}

/* A holder whose storage knows no middle of an object (Kubo's `dag export`) reads over what is here
 * already before it says a word. */
static uint64_t silence_of(const struct transfer *transfer)
{
    uint64_t passed_ms = sink_position(transfer->sink) * PASSED_MS;

    return TRANSFERS_STALL_MS + (passed_ms < PASSED_MAX_MS ? passed_ms : PASSED_MAX_MS);
}

static void on_open(void *transfer_)
{
    struct transfer *transfer = transfer_;
    char path[PATH_SIZE];
    struct peer_client_request get = {.method = "GET",
                                      .path = path,
                                      .on_content = on_content,
                                      .silence_ms = silence_of(transfer)};
    struct error err = {0};

    if (sink_is_whole(transfer->sink)) {
        sink_end_cut(transfer->sink);
        return;
    }
    (void)snprintf(path, sizeof(path), "/link/v1/allocations/%s/blocks?from=%" PRIu64, transfer->id,
                   sink_position(transfer->sink));
    if (!peer_client_start(transfer->lane->client, &transfer->request, &get, on_given, transfer,
                           &err))
        transfer_end(transfer, TRANSFERS_BROKEN, 0, &err);
}

void transfer_fetch(struct transfer *transfer)
{
    static const struct sink_user user = {on_open, on_room, on_moved, on_spooled};

    transfer->pace.fire = on_pace;
    spool_name(transfer->spool, transfer->lane->peer->link, transfer->id, SPOOL_BACK);
    leftover_forget(transfer->all, transfer->spool);
    open_sink(transfer, &user);
}
