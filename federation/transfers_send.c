// SPDX-License-Identifier: Apache-2.0
/* The owner's side: where is the holder? Then what it lacks, in one request. */
#include "federation/transfers_private.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

enum { PATH_SIZE = 128 };

/* ERROR_IO: it may say otherwise soon. */
static enum error_code code_of(int status)
{
    if (status == 404)
        return ERROR_NOT_FOUND;
    return status == 408 || status == 429 || (status >= 500 && status != 507) ? ERROR_IO
                                                                              : ERROR_REFUSED;
}

void transfer_fail_answer(struct transfer *transfer, const struct peer_client_answer *answer)
{
    struct error err = {0};
    json_t *said;
    const char *message = NULL;

    if (answer->failure != PEER_ANSWERED) {
        err = *answer->err;
        if (err.code == ERROR_NOT_FOUND) /* a root of theirs: no block of ours */
            err.code = ERROR_IO;
        transfer_end(transfer, TRANSFERS_BROKEN, 0, &err);
        return;
    }
    said = json_loadb(answer->body.data, answer->body.size, 0, NULL);
    json_unpack(said, "{s:s}", "message", &message);
    error_set(&err, code_of(answer->status), "%s answers %d: %.300s", transfer->partner,
              answer->status, message != NULL ? message : "without a reason");
    json_decref(said);
    transfer_end(transfer, TRANSFERS_REFUSED, (unsigned)answer->status, &err);
}

/* More blocks than an object of so many bytes can sensibly have (receive.h) are none of it. */
static uint64_t most_blocks(const struct transfer *transfer)
{
    return transfer->limits.blocks != 0 ? transfer->limits.blocks : transfer->limits.bytes / 4 + 64;
}

/* {"position": n, "whole": bool} */
static bool read_position(struct transfer *transfer, const struct peer_client_answer *answer,
                          uint64_t *position, bool *is_whole)
{
    json_t *said = json_loadb(answer->body.data, answer->body.size, 0, NULL);
    struct error err = {0};
    json_int_t found = -1;
    int whole = 0;
    bool is_read = json_unpack(said, "{s:I,s:b}", "position", &found, "whole", &whole) == 0;

    json_decref(said);
    if (!is_read || found < 0) {
        error_set(&err, ERROR_SYNTAX, "what %s answers says no position", transfer->partner);
        transfer_end(transfer, TRANSFERS_BROKEN, 0, &err);
        return false;
    }
    if ((uint64_t)found > most_blocks(transfer)) {
        error_set(&err, ERROR_MISMATCH,
                  "%s says that it has %" PRIu64 " blocks of an object of at most %" PRIu64,
                  transfer->partner, (uint64_t)found, most_blocks(transfer));
        transfer_end(transfer, TRANSFERS_BROKEN, 0, &err);
        return false;
    }
    *position = (uint64_t)found;
    *is_whole = whole != 0;
    return true;
}

static void tell(struct transfer *transfer, uint64_t position, bool is_whole)
{
    atomic_store(&transfer->position, position);
    atomic_store(&transfer->is_whole, is_whole);
    errand_progress(&transfer->errand);
}

/* ---- the blocks */

static void on_sent(void *transfer_, const struct peer_client_answer *answer)
{
    struct transfer *transfer = transfer_;
    struct error err = {0};
    uint64_t position;
    bool is_whole;

    transfer->request = NULL;
    if (answer->failure != PEER_ANSWERED && transfer->source.err.code != ERROR_NONE) {
        err = transfer->source.err;
        transfer_end(transfer, TRANSFERS_FAILED, 0, &err);
    } else if (answer->failure != PEER_ANSWERED || answer->status != 200) {
        transfer_fail_answer(transfer, answer);
    } else if (read_position(transfer, answer, &position, &is_whole)) {
        tell(transfer, position, is_whole);
        if (!is_whole)
            error_set(&err, ERROR_MISMATCH,
                      "%s has taken all that was sent, and says that some is missing",
                      transfer->partner);
        transfer_end(transfer, is_whole ? TRANSFERS_DONE : TRANSFERS_FAILED, 0,
                     is_whole ? NULL : &err);
    }
}

static enum produce_result produce(void *transfer_, struct text *out)
{
    return source_produce(&((struct transfer *)transfer_)->source, out);
}

static void on_more(void *transfer_)
{
    struct transfer *transfer = transfer_;

    if (transfer->request != NULL)
        peer_request_produce_more(transfer->request);
}

/* The storage gives it: nobody waits for it on an open connection. */
static void on_begin(void *transfer_)
{
    struct transfer *transfer = transfer_;
    char path[PATH_SIZE];
    struct peer_client_request put = {.method = "PUT",
                                      .path = path,
                                      .content_type = "application/vnd.ipld.car; version=1",
                                      .produce = produce,
                                      .stream_arg = transfer,
                                      .silence_ms = TRANSFERS_ANSWER_MS};
    struct error err = transfer->source.err;

    (void)snprintf(path, sizeof(path), "/link/v1/allocations/%s/blocks?from=%" PRIu64, transfer->id,
                   transfer->from);
    if (err.code != ERROR_NONE)
        transfer_end(transfer, TRANSFERS_FAILED, 0, &err);
    else if (!peer_client_start(transfer->lane->client, &transfer->request, &put, on_sent, transfer,
                                &err))
        transfer_end(transfer, TRANSFERS_BROKEN, 0, &err);
}

static void send_from(struct transfer *transfer, uint64_t from)
{
    struct error err = {0};

    transfer->from = from;
    transfer->source.pace = &transfer->lane->out;
    transfer->source.on_begin = on_begin;
    transfer->source.on_more = on_more;
    transfer->source.arg = transfer;
    if (!source_start(&transfer->source, transfer->all, &transfer->root, from, &err))
        transfer_end(transfer, TRANSFERS_FAILED, 0, &err);
}

/* ---- where they are */

static void on_position(void *transfer_, const struct peer_client_answer *answer)
{
    struct transfer *transfer = transfer_;
    uint64_t position;
    bool is_whole;

    transfer->request = NULL;
    if (answer->failure != PEER_ANSWERED || answer->status != 200) {
        transfer_fail_answer(transfer, answer);
        return;
    }
    if (!read_position(transfer, answer, &position, &is_whole))
        return;
    if (position > 0 || is_whole)
        tell(transfer, position, is_whole);
    if (is_whole)
        transfer_end(transfer, TRANSFERS_DONE, 0, NULL);
    else
        send_from(transfer, position);
}

void transfer_send(struct transfer *transfer)
{
    char path[PATH_SIZE];
    const struct peer_client_request get = {
        .method = "GET", .path = path, .silence_ms = TRANSFERS_ANSWER_MS};
    struct error err = {0};

    (void)snprintf(path, sizeof(path), "/link/v1/allocations/%s", transfer->id);
    if (!peer_client_start(transfer->lane->client, &transfer->request, &get, on_position, transfer,
                           &err))
        transfer_end(transfer, TRANSFERS_BROKEN, 0, &err);
}
