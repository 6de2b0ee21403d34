// SPDX-License-Identifier: Apache-2.0
#include "proxy/front.h"

#include "proxy/browser.h"
#include "proxy/identity.h"
#include "proxy/member.h"
#include "proxy/refusal.h"
#include "proxy/rpc.h"
#include "proxy/site.h"

static void dispatch(struct site *site, struct exchange *exchange, const struct head *head)
{
    if (slice_starts(head->target, "/api/v0/"))
        rpc_serve(site, exchange);
    else if (slice_starts(head->target, "/causeway/v1/"))
        member_serve(site, exchange);
    else
        exchange_refuse(exchange, 404, CLOSE_REFUSED, "not built");
}

/* Before anybody looked at what is called; the log shall name it all the same. */
static void refuse_early(struct exchange *exchange, const char *message)
{
    if (slice_starts(exchange_request(exchange)->target, "/api/v0/"))
        rpc_name(exchange);
    exchange_refuse(exchange, 403, CLOSE_REFUSED, "%s", message);
}

static void on_request(struct exchange *exchange, void *app)
{
    const struct head *head = exchange_request(exchange);
    struct site *site = app;
    struct error err = {0};

    if (site->snapshot->policy == NULL && !sockaddr_is_loopback(exchange_peer(exchange)))
        refuse_early(exchange, "this gateway serves clients on its own machine only");
    else if (!browser_check(site->snapshot->config, head, exchange_reply_headers(exchange), &err))
        refuse_early(exchange, err.text);
    else
        dispatch(site, exchange, head);
}

static const struct http_handler handler = {
    .on_request = on_request,
    .on_end = rpc_on_end,
    .on_session_end = identity_forget,
    .on_sweep = rpc_on_sweep,
    .put_error = refusal_put_error,
};

struct server_settings *front_make_settings(struct server *server, const void *snapshot, void *keep)
{
    return &site_create(server, (struct snapshot *)snapshot, keep, &handler)->settings;
}
