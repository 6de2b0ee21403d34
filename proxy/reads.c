// SPDX-License-Identifier: Apache-2.0
#include "proxy/reads.h"

#include "policy/decide.h"
#include "proxy/read_back.h"
#include "proxy/rpc_relay.h"

bool reads_are_offline(const struct rpc *rpc)
{
    return (rpc->rights & RIGHT_READ_ANY) == 0;
}

bool reads_is_walk(const struct call *call)
{
    switch (call->command->id) {
    case COMMAND_DAG_EXPORT:
    case COMMAND_DAG_STAT:
    case COMMAND_OBJECT_DIFF:
    case COMMAND_PIN_VERIFY:
        return true;
    case COMMAND_REFS:
        return call_option_bool(call, OPT_RECURSIVE, false);
    case COMMAND_LS: /* Kubo opens every child for either */
        return call_option_bool(call, OPT_SIZE, true) ||
               call_option_bool(call, OPT_RESOLVE_TYPE, true);
    case COMMAND_FILES_STAT:
        return call_option_bool(call, OPT_WITH_LOCAL, false);
    default:
        return false;
    }
}

bool reads_take_walk(struct rpc *rpc)
{
    const struct config_limits *limits = &rpc->site->snapshot->config->limits;
    const char *path = rpc->call->command->path;
    /* without a policy all callers are one */
    uint64_t each = rpc->site->snapshot->policy == NULL ? 0 : limits->walks_each;

    switch (
        walks_take(rpc->site->context->walks, rpc->principal, limits->walks, each, &rpc->walk)) {
    case WALKS_TAKEN:
        return true;
    case WALKS_EACH_FULL:
        text_put_text(exchange_reply_headers(rpc->exchange), "Retry-After: 1\r\n");
        exchange_refuse(rpc->exchange, 429, CLOSE_REFUSED,
                        "%s reads far more than it answers, and %llu such commands of yours run "
                        "already: try again when one has ended (limits.walks_each in this "
                        "gateway's causeway.yaml)",
                        path, (unsigned long long)each);
        break;
    case WALKS_ALL_FULL:
        text_put_text(exchange_reply_headers(rpc->exchange), "Retry-After: 1\r\n");
        exchange_refuse(rpc->exchange, 429, CLOSE_REFUSED,
                        "%s reads far more than it answers, and %llu such commands run already: "
                        "try again in a moment (limits.walks in this gateway's causeway.yaml)",
                        path, (unsigned long long)limits->walks);
        break;
    }
    return false;
}

void reads_serve(struct rpc *rpc)
{
    bool is_walk = reads_is_walk(rpc->call);
    struct upstream_request request;

    if (is_walk && !reads_take_walk(rpc))
        return;
    if (is_walk || reads_are_offline(rpc))
        call_set_option_bool(rpc->call, OPT_OFFLINE, true);
    request = rpc_relay_request(rpc);
    read_back_watch(rpc, &request);
    upstream_relay(rpc->site->upstream, rpc->exchange, &request);
}
