// SPDX-License-Identifier: Apache-2.0
#include "proxy/rpc_relay.h"

#include <stdio.h>

/* What no single answer follows has our own idle limits; Kubo's `timeout` bounds the whole of a
 * command. */
static bool may_be_silent(const struct command *command)
{
    return command->class == CLASS_PIN;
}

/* Where a command is one wait and one answer, Kubo shall give up a little before we do, and say
 * what it waited for. */
static void limit_time(struct site *site, struct call *call)
{
    uint64_t limit_ms = site->snapshot->config->limits.upstream_head_timeout_ms;
    char text[32];
    int size;

    if ((call->command->flags & COMMAND_TIMEOUT) == 0 || limit_ms == 0 ||
        call_has_option(call, OPT_TIMEOUT))
        return;
    size = snprintf(text, sizeof(text), "%llums", (unsigned long long)(limit_ms - limit_ms / 20));
    call_set_option(call, OPT_TIMEOUT, (struct slice){text, (size_t)size});
}

static bool is_retryable(const struct call *call, const struct head *head)
{
    return head->body == FRAMING_NONE && (call->command->flags & COMMAND_CHANGES) == 0;
}

struct upstream_request rpc_relay_request(struct rpc *rpc)
{
    static const struct slice broken =
        SLICE("{\"Message\":\"the storage behind this gateway broke off; what came before this "
              "line is not all\",\"Code\":0,\"Type\":\"error\"}\n");
    const struct head *head = exchange_request(rpc->exchange);
    struct upstream_request request = {
        .call = rpc->call,
        .is_retryable = is_retryable(rpc->call, head),
        .may_be_silent = may_be_silent(rpc->call->command),
        .is_endless = (rpc->call->command->flags & COMMAND_ENDLESS) != 0,
    };

    limit_time(rpc->site, rpc->call);
    if (call_reply(rpc->call) == REPLY_LINES)
        request.break_line = broken;
    if (rpc->call->command->body == BODY_FILE) {
        request.content_type = text_slice(&rpc->content_type);
        request.headers = text_slice(&rpc->disposition);
    }
    if (!echo_is_empty(&rpc->echo)) {
        request.rewrite = echo_rewrite;
        request.rewrite_arg = &rpc->echo;
    }
    return request;
}

void rpc_relay(struct rpc *rpc)
{
    struct upstream_request request = rpc_relay_request(rpc);

    upstream_relay(rpc->site->upstream, rpc->exchange, &request);
}
