// SPDX-License-Identifier: Apache-2.0
#include "upstream/kubo.h"

#include "conf/memory.h"
#include "conf/text.h"
#include "upstream/kubo_private.h"

#include <openssl/crypto.h>
#include <stdlib.h>

/* Kubo closes idle connections after its own time; ours is shorter than any it may have. */
enum { IDLE_TIMEOUT_MS = 30000 };

/* The table stands at the end. */
static const struct upstream_functions functions;

struct upstream *kubo_create(struct loop *loop, struct block_store *blocks,
                             struct pipe_store *pipes, const struct kubo_settings *settings)
{
    struct pool_settings pool = {
        .address = settings->address,
        .max_idle = settings->max_idle,
        .connect_timeout_ms = settings->connect_timeout_ms,
        .idle_timeout_ms = IDLE_TIMEOUT_MS,
    };
    struct kubo *kubo = memory_alloc(sizeof(*kubo));
    const char *host = settings->address.kind == ADDRESS_UNIX ? "unix" : settings->address.text;

    kubo->base.functions = &functions;
    kubo->loop = loop;
    kubo->pipes = pipes;
    kubo->settings = *settings;
    kubo->pool = pool_create(loop, blocks, &pool);
    text_put_format(&kubo->fixed_headers, "Host: %s\r\nUser-Agent: causeway/%s\r\n", host,
                    CAUSEWAY_VERSION);
    if (settings->authorization != NULL)
        text_put_format(&kubo->fixed_headers, "Authorization: %s\r\n", settings->authorization);
    return &kubo->base;
}

static void destroy(struct upstream *upstream)
{
    struct kubo *kubo = CONTAINER_OF(upstream, struct kubo, base);

    while (kubo->operations != NULL)
        kubo_cancel(&kubo->operations->base);
    pool_destroy(&kubo->pool);
    OPENSSL_cleanse(kubo->fixed_headers.data, kubo->fixed_headers.size);
    text_dispose(&kubo->fixed_headers);
    free(kubo);
}

static const char *address(const struct upstream *upstream)
{
    return pool_address(CONTAINER_OF(upstream, struct kubo, base)->pool);
}

void kubo_put_head(const struct kubo *kubo, const struct call *call, struct text *head)
{
    text_put_slice(head, SLICE("POST "));
    call_print_target(call, head);
    text_put_slice(head, SLICE(" HTTP/1.1\r\n"));
    text_put_slice(head, text_slice(&kubo->fixed_headers));
}

/* What a client of Kubo's API looks at. CORS, cookies and Server are between Kubo and us. */
static bool passes_header(struct slice name)
{
    static const struct slice passing[] = {
        {"content-type", 12},     {"x-stream-output", 15}, {"x-chunked-output", 16},
        {"x-content-length", 16}, {"trailer", 7},          {"content-disposition", 19},
        {"retry-after", 11},      {"x-stream-error", 14},
    };

    for (size_t i = 0; i < ARRAY_SIZE(passing); i++)
        if (slice_equal_caseless(name, passing[i]))
            return true;
    return false;
}

/* Kubo's answers to us as its client are no answers to ours. */
const char *kubo_status_fault(int status)
{
    if (status >= 300 && status < 400)
        return "a redirect, which this gateway does not follow";
    if (status == 401 || status == 403)
        return "it does not accept this gateway; its operator must set upstream.authorization_file "
               "or the node's API.Authorizations";
    return NULL;
}

static void put_content_type(struct text *head, struct slice content_type)
{
    text_put_slice(head, SLICE("Content-Type: "));
    text_put_slice(head, content_type);
    text_put_slice(head, SLICE("\r\n"));
}

/* Arguments that stood in the client's body go on in a body, printed from the call. */
static void put_body_arguments(struct exchange *exchange, const struct call *call,
                               struct relay *relay)
{
    struct text *body = exchange_upstream_body(exchange);

    put_content_type(exchange_upstream_head(exchange),
                     SLICE("multipart/form-data; boundary=" CALL_BOUNDARY));
    call_print_body_arguments(call, body);
    relay->has_body = true;
    relay->body = text_slice(body);
}

/* See upstream_request.is_for_success. */
static void on_reply(struct exchange *exchange, const struct head *reply, struct relay *relay)
{
    if (reply->status == 200)
        return;
    relay->holds_end = relay->holds_head = false;
    relay->rewrite = NULL;
}

static void relay_request(struct upstream *upstream, struct exchange *exchange,
                          const struct upstream_request *request)
{
    struct kubo *kubo = CONTAINER_OF(upstream, struct kubo, base);
    struct text *head = exchange_upstream_head(exchange);
    bool is_silent = request->may_be_silent || request->is_endless;
    struct relay relay = {
        .pool = kubo->pool,
        .is_retryable = request->is_retryable,
        .ends_with_client = request->is_endless,
        .head_timeout_ms = is_silent ? 0 : kubo->settings.head_timeout_ms,
        .idle_timeout_ms = is_silent ? 0 : kubo->settings.idle_timeout_ms,
        .passes_header = passes_header,
        .status_fault = kubo_status_fault,
        .break_line = request->break_line,
        .rewrite = request->rewrite,
        .rewrite_arg = request->rewrite_arg,
        .view = request->view,
        .on_reply = request->is_for_success ? on_reply : NULL,
        .holds_end = request->holds_end,
        .holds_head = request->holds_head,
        .on_held = request->on_held,
        .on_failure = request->on_failure,
    };

    kubo_put_head(kubo, request->call, head);
    if (call_has_body_arguments(request->call))
        put_body_arguments(exchange, request->call, &relay);
    else if (request->content_type.size > 0)
        put_content_type(head, request->content_type);
    text_put_slice(head, request->headers);
    exchange_relay(exchange, &relay);
}

static const struct upstream_functions functions = {
    .relay = relay_request,
    .look = kubo_look,
    .pin = kubo_pin,
    .unpin = kubo_unpin,
    .measure = kubo_measure,
    .list_pins = kubo_list_pins,
    .contains = kubo_contains,
    .resolve = kubo_resolve,
    .gc = kubo_gc,
    .export = kubo_export,
    .import = kubo_import,
    .verify = kubo_verify,
    .capacity = kubo_capacity,
    .pause = kubo_pause,
    .resume = kubo_resume,
    .cancel = kubo_cancel,
    .address = address,
    .destroy = destroy,
};
