// SPDX-License-Identifier: Apache-2.0
#include "proxy/deny_gate.h"

#include "conf/memory.h"
#include "proxy/access_gate.h"
#include "proxy/bring_back.h"
#include "proxy/reads.h"

#include <stdlib.h>

static bool is_content(const struct call_argument *argument)
{
    return argument->path.kind == CALL_PATH_IPFS || argument->path.kind == CALL_PATH_IPLD;
}

static bool lets_go(const struct call *call, size_t index)
{
    switch (call->command->id) {
    case COMMAND_PIN_LS:
    case COMMAND_PIN_RM:
        return true;
    case COMMAND_PIN_UPDATE:
        return index == 0;
    default:
        return false;
    }
}

bool deny_gate_concerns(const struct call *call, size_t index)
{
    return is_content(&call->arguments[index]) && !lets_go(call, index);
}

bool deny_gate_refuses(struct rpc *rpc, struct slice shown, const struct cid *cid)
{
    struct text reason = {0}, message = {0};
    bool is_denied = denylist_find(rpc->site->tools->denylist, cid, &reason);

    if (is_denied) {
        text_put_slice(&message, shown);
        text_put_text(&message, " is not available here: it is on this gateway's denylist");
        if (reason.size > 0)
            text_put_format(&message, " (%.*s)", SLICE_ARGS(text_slice(&reason)));
        text_put_text(&message, "; who runs it can tell more");
        access_gate_record_denied(rpc->site, rpc->exchange, rpc->principal, rpc->call,
                                  SLICE("denylist"), text_slice(&message));
        exchange_cut(rpc->exchange, 410, CLOSE_REFUSED, message.data);
    }
    text_dispose(&reason);
    text_dispose(&message);
    return is_denied;
}

/* What it leads to. What cannot be read as a CID leads nowhere that has one. */
static bool read_target(struct slice text, struct cid *cid)
{
    char *room = memory_alloc(text.size + 2);
    struct call_path path;
    bool result = call_path_parse(&path, ARGUMENT_PATH, text, room, NULL) &&
                  (path.kind == CALL_PATH_IPFS || path.kind == CALL_PATH_IPLD);

    if (result)
        *cid = path.cid;
    free(room);
    return result;
}

static void check_from(struct rpc *rpc, size_t index);

static void check_again(struct rpc *rpc)
{
    check_from(rpc, rpc->resolving_index);
}

static void on_target(void *rpc_, const struct operation_result *result, const struct error *err)
{
    struct rpc *rpc = rpc_;
    const struct call_argument *argument = &rpc->call->arguments[rpc->resolving_index];
    struct cid cid;

    rpc->resolving = NULL;
    if (err != NULL) {
        if (!bring_back(rpc, err, check_again))
            rpc_refuse_unresolved(rpc, argument->text, err);
        return;
    }
    if (!read_target(result->path, &cid) || !deny_gate_refuses(rpc, argument->text, &cid))
        check_from(rpc, rpc->resolving_index + 1);
}

/* Kubo reads /ipld as it reads /ipfs, but does not resolve it. */
static void find_target(struct rpc *rpc, size_t index)
{
    const struct call_argument *argument = &rpc->call->arguments[index];
    struct error err = {0};
    struct text path = {0};

    text_put_text(&path, "/ipfs/");
    cid_print(&argument->path.cid, CID_BASE_DEFAULT, &path);
    text_put_slice(&path, argument->path.subpath);
    rpc->resolving_index = index;
    if (!rpc_resolve(rpc, text_slice(&path), on_target, &err))
        rpc_refuse_unresolved(rpc, argument->text, &err);
    text_dispose(&path);
}

static void check_from(struct rpc *rpc, size_t index)
{
    const struct call *call = rpc->call;
    void (*proceed)(struct rpc * rpc) = rpc->on_not_denied;

    for (; index < call->argument_count; index++) {
        const struct call_argument *argument = &call->arguments[index];

        if (!deny_gate_concerns(call, index))
            continue;
        if (deny_gate_refuses(rpc, argument->text, &argument->path.cid))
            return;
        if (argument->path.subpath.size > 0) {
            find_target(rpc, index);
            return;
        }
    }
    proceed(rpc);
}

void deny_gate(struct rpc *rpc, void (*proceed)(struct rpc *rpc))
{
    rpc->on_not_denied = proceed;
    if (denylist_is_empty(rpc->site->context->denylist))
        proceed(rpc);
    else
        check_from(rpc, 0);
}
