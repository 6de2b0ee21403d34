// SPDX-License-Identifier: Apache-2.0
#include "proxy/read_back.h"

#include "conf/memory.h"
#include "federation/retrieval.h"
#include "proxy/rpc_relay.h"

#include <stdlib.h>
#include <string.h>

struct read_back {
    struct rpc *rpc;
    struct retrieval_call *retrieving;
    size_t index;     /* of the argument that is brought back */
    bool is_any_back; /* something was: the call is worth another try */
    bool is_repeated;
    bool may_wait;   /* the storage, for what is brought back while it replies */
    int why_status;  /* it need not wait any more; 0: it may, or nobody has a copy */
    struct text why; /* likewise: one sentence */
    struct later refusing;
    int status;          /* of the failure */
    struct text failure; /* as the storage sent it */
};

/* Kubo's words and the embedded node's, whatever the command; Kubo's reader of files, who asks for
 * several blocks at once, has words of its own. */
static bool is_missing_block(struct slice body)
{
    static const char *const words[] = {"ipld: could not find ", "failed to fetch all nodes"};

    for (size_t i = 0; i < ARRAY_SIZE(words) && body.size > 0; i++)
        if (memmem(body.data, body.size, words[i], strlen(words[i])) != NULL)
            return true;
    return false;
}

/* What the client would have got. */
static void pass_failure(struct read_back *back)
{
    struct rpc *rpc = back->rpc;
    struct answer answer = {.status = back->status, .content_type = "application/json"};
    struct text body = {0};

    if (echo_is_empty(&rpc->echo)) {
        answer.body = text_slice(&back->failure);
    } else {
        echo_rewrite(&rpc->echo, text_slice(&back->failure), false, &body);
        echo_rewrite(&rpc->echo, (struct slice){0}, true, &body);
        answer.body = text_slice(&body);
    }
    exchange_answer(rpc->exchange, &answer);
    text_dispose(&body);
}

static void repeat(struct read_back *back)
{
    struct rpc *rpc = back->rpc;
    struct upstream_request request = rpc_relay_request(rpc);

    back->is_repeated = true;
    upstream_relay(rpc->site->upstream, rpc->exchange, &request);
}

static void go_on(struct read_back *back);

static void on_retrieved(void *back_, enum retrieval_outcome outcome, struct slice why)
{
    struct read_back *back = back_;

    back->retrieving = NULL;
    switch (outcome) {
    case RETRIEVAL_DONE:
        back->is_any_back = true;
        break;
    case RETRIEVAL_NOBODY:
        break;
    case RETRIEVAL_SILENT:
        exchange_refuse(back->rpc->exchange, 504, CLOSE_FAILED,
                        "a block of what this reads is missing here: %.*s", SLICE_ARGS(why));
        return;
    case RETRIEVAL_FAILED:
        exchange_refuse(back->rpc->exchange, 502, CLOSE_FAILED,
                        "a block of what this reads is missing here, and could not be brought back "
                        "from a partner: %.*s",
                        SLICE_ARGS(why));
        return;
    }
    back->index++;
    go_on(back);
}

static bool is_content(const struct call_path *path)
{
    return path->kind == CALL_PATH_IPFS || path->kind == CALL_PATH_IPLD;
}

/* Begins with the next argument that names an object. False: there is none, or it cannot be. */
static bool start_next(struct read_back *back)
{
    struct rpc *rpc = back->rpc;
    struct error err = {0};

    for (; back->index < rpc->call->argument_count; back->index++) {
        const struct call_path *path = &rpc->call->arguments[back->index].path;

        if (is_content(path))
            return retrieval_start(rpc->site->context->retrievals, rpc->site->loop,
                                   &back->retrieving, &path->cid, on_retrieved, back, &err);
    }
    return false;
}

/* All were seen to: once more, or the failure as it was. */
static void go_on(struct read_back *back)
{
    if (start_next(back))
        return;
    if (back->is_any_back)
        repeat(back);
    else
        pass_failure(back);
}

/* It had to wait while nothing of its reply was there. */
static void refuse(struct later *later)
{
    struct read_back *back = CONTAINER_OF(later, struct read_back, refusing);

    exchange_refuse(back->rpc->exchange, back->why_status, CLOSE_FAILED, "%s", back->why.data);
}

static bool on_failure(struct exchange *exchange, int status, struct slice body)
{
    struct rpc *rpc = *exchange_context(exchange);
    struct read_back *back = rpc->work;

    if (back->why_status != 0 && is_missing_block(body)) {
        loop_later(rpc->site->loop, &back->refusing);
        return true;
    }
    if (back->is_repeated || !is_missing_block(body) || !start_next(back))
        return false;
    back->status = status;
    text_put_slice(&back->failure, body);
    return true;
}

/* ---- after the first byte */

/* A block was missed when much had gone out: this reply is not to be saved, but the next one is.
 * Nobody waits. */
static void bring_back_all(const struct rpc *rpc)
{
    for (size_t i = 0; i < rpc->call->argument_count; i++) {
        const struct call_path *path = &rpc->call->arguments[i].path;
        struct retrieval_call *retrieving = NULL;
        struct error err = {0};

        if (is_content(path) && retrieval_start(rpc->site->context->retrievals, rpc->site->loop,
                                                &retrieving, &path->cid, on_retrieved, NULL, &err))
            retrieval_cancel(&retrieving); /* what was begun goes on */
    }
}

/* ---- while it comes: the storage goes on with its reply as far as blocks are there */

static void wait_for_next(struct read_back *back);

static void stop_waiting(struct read_back *back)
{
    back->is_repeated = true;
    back->may_wait = false;
}

/* The storage looks once more, and says why in place of its own words. */
static void on_waited(void *back_, enum retrieval_outcome outcome, struct slice why)
{
    struct read_back *back = back_;

    back->retrieving = NULL;
    if (outcome == RETRIEVAL_DONE || outcome == RETRIEVAL_NOBODY) {
        back->index++;
        wait_for_next(back);
        return;
    }
    back->why_status = outcome == RETRIEVAL_SILENT ? 504 : 502;
    text_put_format(&back->why,
                    outcome == RETRIEVAL_SILENT
                        ? "a block of what this reads is missing here: %.*s"
                        : "a block of what this reads is missing here, and could not be brought "
                          "back from a partner: %.*s",
                    SLICE_ARGS(why));
    stop_waiting(back);
}

/* What is missing behind the last one is missing for good. */
static void wait_for_next(struct read_back *back)
{
    struct rpc *rpc = back->rpc;
    struct error err = {0};

    for (; back->index < rpc->call->argument_count; back->index++) {
        const struct call_path *path = &rpc->call->arguments[back->index].path;

        if (is_content(path) &&
            retrieval_start(rpc->site->context->retrievals, rpc->site->loop, &back->retrieving,
                            &path->cid, on_waited, back, &err))
            return;
    }
    stop_waiting(back);
}

static void on_missing(struct exchange *exchange)
{
    struct rpc *rpc = *exchange_context(exchange);

    wait_for_next(rpc->work);
}

static void end(struct rpc *rpc)
{
    struct read_back *back = rpc->work;

    if (is_missing_block(exchange_upstream_trailers(rpc->exchange)))
        bring_back_all(rpc);
    retrieval_cancel(&back->retrieving);
    later_cancel(&back->refusing);
    text_dispose(&back->failure);
    text_dispose(&back->why);
    free(back);
}

void read_back_watch(struct rpc *rpc, struct upstream_request *request)
{
    struct read_back *back;

    if (rpc->site->context->retrievals == NULL)
        return;
    back = memory_alloc(sizeof(*back));
    back->rpc = rpc;
    back->refusing.run = refuse;
    rpc->work = back;
    rpc->end_work = end;
    request->on_failure = on_failure;
    back->may_wait = true;
    request->may_wait = &back->may_wait;
    request->on_missing = on_missing;
    request->why_missing = &back->why;
}
