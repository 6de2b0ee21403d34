// SPDX-License-Identifier: Apache-2.0
#include "proxy/bring_back.h"

#include "conf/memory.h"
#include "federation/retrieval.h"
#include "proxy/deny_gate.h"
#include "proxy/treatment.h"

#include <stdlib.h>
#include <string.h>

struct bringing {
    struct rpc *rpc;
    struct retrieval_call *call; /* NULL: none is under way */
    struct cid root;
    size_t looked, retried; /* arguments that were seen to: those before it */
    void (*again)(struct rpc *rpc);
    bool is_first;    /* the storage has not been asked to resolve it */
    struct error why; /* else: it was not resolved */
};

static struct slice typed(const struct rpc *rpc)
{
    return rpc->call->arguments[rpc->resolving_index].text;
}

/* Nobody has it: the storage says so in its own words, or has. */
static void give_up(struct bringing *bringing)
{
    struct error why = bringing->why;

    if (bringing->is_first)
        bringing->again(bringing->rpc);
    else
        rpc_refuse_unresolved(bringing->rpc, typed(bringing->rpc), &why);
}

static void on_retrieved(void *bringing_, enum retrieval_outcome outcome, struct slice why)
{
    struct bringing *bringing = bringing_;
    struct rpc *rpc = bringing->rpc;

    bringing->call = NULL;
    switch (outcome) {
    case RETRIEVAL_DONE:
        bringing->again(rpc);
        break;
    case RETRIEVAL_NOBODY:
        give_up(bringing);
        break;
    case RETRIEVAL_SILENT:
        exchange_refuse(rpc->exchange, 504, CLOSE_FAILED,
                        "a block on the way to %.*s is missing here: %.*s", SLICE_ARGS(typed(rpc)),
                        SLICE_ARGS(why));
        break;
    case RETRIEVAL_FAILED:
        exchange_refuse(rpc->exchange, 502, CLOSE_FAILED,
                        "a block on the way to %.*s is missing here, and could not be brought back "
                        "from a partner: %.*s",
                        SLICE_ARGS(typed(rpc)), SLICE_ARGS(why));
        break;
    }
}

static void retrieve(struct bringing *bringing)
{
    struct rpc *rpc = bringing->rpc;
    struct error err = {0};

    if (!deny_gate_refuses(rpc, typed(rpc), &bringing->root) &&
        !retrieval_start(rpc->site->context->retrievals, rpc->site->loop, &bringing->call,
                         &bringing->root, on_retrieved, bringing, &err))
        give_up(bringing);
}

/* ---- is its first block here? */

static void on_measured(void *rpc_, const struct operation_result *result, const struct error *err)
{
    struct rpc *rpc = rpc_;

    rpc->resolving = NULL;
    if (err != NULL && err->code == ERROR_NOT_FOUND)
        retrieve(rpc->bringing);
    else
        rpc->bringing->again(rpc);
}

/* What could not be resolved lacks another one. */
static void look(struct bringing *bringing)
{
    struct rpc *rpc = bringing->rpc;
    struct error err = {0};

    if (!bringing->is_first)
        retrieve(bringing);
    else if (!upstream_measure(rpc->site->upstream, &rpc->resolving, &bringing->root, PIN_DIRECT,
                               on_measured, rpc, &err))
        give_up(bringing);
}

/* ---- what a name stands for */

/* "/ipfs/CID", and no more: nothing has to be read for that. */
static bool read_root(struct slice text, struct cid *cid)
{
    static const struct slice prefix = SLICE("/ipfs/");

    return slice_starts(text, "/ipfs/") &&
           cid_parse(cid, (struct slice){text.data + prefix.size, text.size - prefix.size}, NULL);
}

static void on_name(void *rpc_, const struct operation_result *result, const struct error *err)
{
    struct rpc *rpc = rpc_;
    struct bringing *bringing = rpc->bringing;

    rpc->resolving = NULL;
    if (err != NULL || !read_root(result->path, &bringing->root))
        give_up(bringing);
    else
        look(bringing);
}

/* ---- */

/* False: it begins with nothing that could be brought back. */
static bool begin(struct bringing *bringing)
{
    struct rpc *rpc = bringing->rpc;
    const struct call_path *path = &rpc->call->arguments[rpc->resolving_index].path;
    struct error err = {0};
    struct text name = {0};

    if (path->kind != CALL_PATH_IPNS) {
        bringing->root = path->cid;
        look(bringing);
        return true;
    }
    text_put_text(&name, "/ipns/");
    text_put_slice(&name, path->name);
    if (!rpc_resolve(rpc, text_slice(&name), on_name, &err))
        give_up(bringing);
    text_dispose(&name);
    return true;
}

static bool is_concerned(const struct rpc *rpc)
{
    const struct call_path *path = &rpc->call->arguments[rpc->resolving_index].path;

    return rpc->site->context->retrievals != NULL &&
           treatment_of(rpc->call->command->id) == TREATMENT_READ && path->subpath.size > 0 &&
           (path->kind == CALL_PATH_IPFS || path->kind == CALL_PATH_IPLD ||
            path->kind == CALL_PATH_IPNS);
}

static struct bringing *bringing_of(struct rpc *rpc)
{
    if (rpc->bringing == NULL) {
        rpc->bringing = memory_alloc(sizeof(*rpc->bringing));
        rpc->bringing->rpc = rpc;
    }
    return rpc->bringing;
}

bool bring_back_first(struct rpc *rpc, void (*again)(struct rpc *rpc))
{
    struct bringing *bringing;

    if (!is_concerned(rpc))
        return false;
    bringing = bringing_of(rpc);
    if (rpc->resolving_index < bringing->looked)
        return false;
    bringing->looked = rpc->resolving_index + 1;
    bringing->again = again;
    bringing->is_first = true;
    return begin(bringing);
}

/* Kubo's words and the embedded node's. */
static bool is_missing_block(const struct error *err)
{
    return err->code == ERROR_NOT_FOUND && strstr(err->text, "could not find") != NULL;
}

bool bring_back(struct rpc *rpc, const struct error *err, void (*again)(struct rpc *rpc))
{
    struct bringing *bringing;

    if (!is_concerned(rpc) || !is_missing_block(err))
        return false;
    bringing = bringing_of(rpc);
    if (bringing->again != again) /* another gate */
        bringing->retried = 0;
    if (rpc->resolving_index < bringing->retried)
        return false;
    bringing->retried = rpc->resolving_index + 1;
    bringing->again = again;
    bringing->is_first = false;
    bringing->why = *err;
    return begin(bringing);
}

void bring_back_end(struct rpc *rpc)
{
    if (rpc->bringing == NULL)
        return;
    retrieval_cancel(&rpc->bringing->call);
    free(rpc->bringing);
    rpc->bringing = NULL;
}
