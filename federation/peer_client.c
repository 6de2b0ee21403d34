// SPDX-License-Identifier: Apache-2.0
#include "federation/peer_client.h"

#include "conf/memory.h"
#include "conf/units.h"
#include "federation/links.h"
#include "federation/peer_target.h"
#include "http/tls.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define LOOKUP_AGAIN_MS UINT64_C(5000)

struct peer_request {
    struct peer_client *client;
    struct target *target; /* NULL: looking up */
    struct fetch *fetch;
    struct timer timeout;
    struct later start;
    size_t tried;      /* targets */
    bool is_connected; /* a number may have gone out: not sent again */
    bool waits, has_looked_up;
    struct text head, body;
    half_produce produce;
    fetch_content on_content;
    void *stream_arg;
    uint64_t silence_ms;
    bool is_fresh;
    void (*put_body)(void *arg, const uint8_t exporter[32], struct text *body);
    peer_client_cb on_done;
    void *arg;
    uint8_t exporter[32];
    X509 *leaf;
    STACK_OF(X509) * others;
    struct error err;
    struct peer_request *next, **prev_next;
};

/* ---- a request's end */

static void leave_target(struct peer_request *request)
{
    struct target *target = request->target;

    request->target = NULL;
    if (target != NULL)
        peer_target_leave(target);
}

static void request_unlink(struct peer_request *request)
{
    *request->prev_next = request->next;
    if (request->next != NULL)
        request->next->prev_next = request->prev_next;
    timer_disarm(&request->timeout);
    later_cancel(&request->start);
    fetch_cancel(&request->fetch);
    leave_target(request);
}

static void request_free(struct peer_request *request)
{
    X509_free(request->leaf);
    sk_X509_pop_free(request->others, X509_free);
    text_dispose(&request->head);
    text_dispose(&request->body);
    free(request);
}

static void finish(struct peer_request *request, struct peer_client_answer *answer)
{
    char address[ADDRESS_TEXT_SIZE] = "";

    if (request->target != NULL)
        memcpy(address, request->target->address.text, sizeof(address));
    answer->address = address;
    memcpy(answer->exporter, request->exporter, sizeof(answer->exporter));
    answer->leaf = request->leaf;
    answer->others = request->others;
    request_unlink(request);
    request->on_done(request->arg, answer);
    request_free(request);
}

static void fail(struct peer_request *request, enum peer_failure failure, enum peer_verdict verdict)
{
    struct peer_client_answer answer = {
        .failure = failure, .verdict = verdict, .err = &request->err};

    request->client->is_stale = true;
    finish(request, &answer);
}

static void on_timeout(struct timer *timer)
{
    struct peer_request *request = CONTAINER_OF(timer, struct peer_request, timeout);

    request->err = (struct error){0};
    error_set(&request->err, ERROR_TIMEOUT, "%s does not answer%s%s", request->client->settings.org,
              request->target != NULL ? " at " : "",
              request->target != NULL ? request->target->address.text : "");
    fail(request, PEER_UNREACHABLE, PEER_ACCEPTED);
}

/* ---- sending */

static void try_next(struct peer_request *request);

static uint64_t retry_after_ms(struct slice value)
{
    uint64_t seconds = 0;

    if (value.data == NULL || !units_parse_integer(value, &seconds, NULL) || seconds > 86400)
        return 0;
    return seconds * 1000;
}

static void on_reply(void *arg, const struct fetch_reply *reply, const struct error *err)
{
    struct peer_request *request = arg;
    struct target *target = request->target;
    struct peer_client_answer answer = {0};

    request->fetch = NULL;
    if (reply == NULL) {
        bool is_untrusted = target->is_untrusted && !request->is_connected;
        enum peer_verdict verdict = target->verdict;

        request->err = *err;
        if (request->is_connected) {
            fail(request, PEER_UNREACHABLE, PEER_ACCEPTED);
        } else if (is_untrusted) {
            fail(request, PEER_UNTRUSTED, verdict);
        } else {
            leave_target(request);
            try_next(request);
        }
        return;
    }
    peer_target_note_served(target);
    answer.status = reply->status;
    answer.body = reply->body;
    answer.signed_header = header_value(reply->headers, "causeway-signed");
    answer.retry_after_ms = retry_after_ms(header_value(reply->headers, "retry-after"));
    finish(request, &answer);
}

/* The connection is there, and the peer is who it must be. */
static void complete(void *arg, SSL *ssl, struct text *head, struct text *body)
{
    struct peer_request *request = arg;

    request->is_connected = true;
    if (request->silence_ms > 0)
        timer_disarm(&request->timeout);
    if (!request->is_fresh)
        return;
    tls_export_key(ssl, LINKS_EXPORTER_LABEL, request->exporter);
    request->leaf = SSL_get1_peer_certificate(ssl);
    request->others = X509_chain_up_ref(SSL_get_peer_cert_chain(ssl));
    if (request->put_body != NULL)
        request->put_body(request->arg, request->exporter, body);
}

static void on_content(void *request_, struct slice content)
{
    struct peer_request *request = request_;

    request->on_content(request->arg, content);
}

static bool start_fetch(struct peer_request *request, struct target *target, struct error *err)
{
    struct peer_client *client = request->client;
    struct fetch_request fetch = {
        .loop = client->settings.loop,
        .pool = target->pool,
        .pipes = client->settings.pipes,
        .head = text_slice(&request->head),
        .body = text_slice(&request->body),
        .complete = complete,
        .produce = request->produce,
        .produce_arg = request->stream_arg,
        .silence_ms = request->silence_ms,
        .on_content = request->on_content != NULL ? on_content : NULL,
        .max_idle_ms = PEER_TARGET_KEPT_MS,
        .keeps_headers = true,
        .reply_max = PEER_CLIENT_REPLY_MAX,
    };

    target->is_untrusted = false;
    if (request->is_fresh)
        pool_clear(target->pool);
    return fetch_start(&request->fetch, &fetch, on_reply, request, err);
}

/* What has not gone out is tried at the next address. */
static void try_next(struct peer_request *request)
{
    struct peer_client *client = request->client;

    while (request->tried < client->target_count) {
        size_t at = (client->current + request->tried++) % client->target_count;
        struct target *target = client->targets[at];

        request->err = (struct error){0};
        request->target = target;
        peer_target_enter(target);
        if (start_fetch(request, target, &request->err))
            return;
        leave_target(request);
    }
    if (request->err.code == ERROR_NONE)
        error_set(&request->err, ERROR_IO, "no address of %s is known", client->settings.org);
    fail(request, PEER_UNREACHABLE, PEER_ACCEPTED);
}

/* ---- looking up */

static bool needs_lookup(const struct peer_client *client)
{
    uint64_t now_ms = loop_now_ms(client->settings.loop);

    if (client->target_count == 0)
        return true;
    return client->is_stale && now_ms - client->looked_up_ms >= LOOKUP_AGAIN_MS;
}

/* Nobody is told from here: who is told may end the client. */
static void on_found(void *arg, const struct address *found, size_t count, const struct error *err)
{
    struct peer_client *client = arg;

    client->lookup = NULL;
    client->looked_up_ms = loop_now_ms(client->settings.loop);
    client->is_stale = false;
    if (count > 0)
        peer_targets_set(client, found, count);
    for (struct peer_request *request = client->requests; request != NULL;
         request = request->next) {
        if (!request->waits)
            continue;
        request->waits = false;
        request->has_looked_up = true;
        if (err != NULL)
            request->err = *err;
        loop_later(client->settings.loop, &request->start);
    }
}

static void run_start(struct later *later)
{
    struct peer_request *request = CONTAINER_OF(later, struct peer_request, start);
    struct peer_client *client = request->client;

    if (request->has_looked_up || !needs_lookup(client)) {
        try_next(request);
        return;
    }
    if (client->lookup == NULL &&
        !peer_lookup_start(&client->lookup, client->settings.jobs, client->settings.loop,
                           client->addresses, client->address_count, on_found, client,
                           &request->err)) {
        fail(request, PEER_UNREACHABLE, PEER_ACCEPTED);
        return;
    }
    request->waits = true;
}

/* ---- asking */

static void put_head(struct peer_request *request, const struct peer_client_request *what)
{
    text_put_format(&request->head, "%s %s HTTP/1.1\r\nHost: %s\r\n", what->method, what->path,
                    request->client->settings.org);
    if (strcmp(what->method, "GET") != 0)
        text_put_format(&request->head, "Content-Type: %s\r\n",
                        what->content_type != NULL ? what->content_type : "application/json");
    text_put_slice(&request->head, what->headers);
}

bool peer_client_start(struct peer_client *client, struct peer_request **result,
                       const struct peer_client_request *what, peer_client_cb on_done, void *arg,
                       struct error *err)
{
    struct peer_request *request;

    if (client->tls == NULL)
        return error_set(err, ERROR_REFUSED, "there is no certificate of ours to show yet");
    if (client->address_count == 0)
        return error_set(err, ERROR_REFUSED, "%s has told no address where it can be dialled",
                         client->settings.org);
    request = memory_alloc(sizeof(*request));
    request->client = client;
    request->on_done = on_done;
    request->arg = arg;
    request->is_fresh = what->is_fresh;
    request->put_body = what->put_body;
    request->produce = what->produce;
    request->on_content = what->on_content;
    request->stream_arg = what->stream_arg;
    request->silence_ms = what->silence_ms;
    request->timeout.fire = on_timeout;
    request->start.run = run_start;
    put_head(request, what);
    text_put_slice(&request->body, what->body);
    request->next = client->requests;
    request->prev_next = &client->requests;
    if (request->next != NULL)
        request->next->prev_next = &request->next;
    client->requests = request;
    timer_arm(client->settings.loop, &request->timeout,
              what->timeout_ms > 0 ? what->timeout_ms : PEER_CLIENT_REPLY_MS);
    loop_later(client->settings.loop, &request->start);
    *result = request;
    return true;
}

void peer_request_cancel(struct peer_request **request_ptr)
{
    struct peer_request *request = *request_ptr;

    if (request == NULL)
        return;
    *request_ptr = NULL;
    request_unlink(request);
    request_free(request);
}

void peer_request_produce_more(struct peer_request *request)
{
    if (request->fetch != NULL)
        fetch_produce_more(request->fetch);
}

void peer_request_pause(struct peer_request *request)
{
    if (request->fetch != NULL)
        fetch_pause(request->fetch);
}

void peer_request_resume(struct peer_request *request)
{
    if (request->fetch != NULL)
        fetch_resume(request->fetch);
}

/* ---- the client */

struct peer_client *peer_client_create(const struct peer_client_settings *settings)
{
    struct peer_client *client = memory_alloc(sizeof(*client));

    client->settings = *settings;
    return client;
}

void peer_client_destroy(struct peer_client **client_ptr)
{
    struct peer_client *client = *client_ptr;
    struct peer_request *request, *next;

    *client_ptr = NULL;
    if (client == NULL)
        return;
    for (request = client->requests; request != NULL; request = next) {
        next = request->next;
        peer_request_cancel(&request);
    }
    peer_lookup_cancel(&client->lookup);
    peer_targets_drop(client);
    peer_trust_destroy(&client->trust);
    SSL_CTX_free(client->tls);
    free(client);
}

/* Connections are of a context: what is there is given up, and looked up anew. */
void peer_client_renew(struct peer_client *client, SSL_CTX *tls, const struct roots *roots)
{
    peer_targets_drop(client);
    if (tls != NULL)
        SSL_CTX_up_ref(tls);
    SSL_CTX_free(client->tls);
    client->tls = tls;
    peer_trust_destroy(&client->trust);
    client->trust = roots != NULL ? peer_trust_create(roots) : NULL;
}

void peer_client_set_addresses(struct peer_client *client, const char *const *addresses,
                               size_t count)
{
    client->address_count = 0;
    for (size_t i = 0; i < count && client->address_count < PEER_CLIENT_ADDRESSES; i++) {
        struct address *address = &client->addresses[client->address_count];

        if (address_parse(address, slice_of(addresses[i]), NULL) &&
            (address->kind == ADDRESS_IP || address->kind == ADDRESS_NAME) && address->port != 0)
            client->address_count++;
    }
    peer_targets_drop(client);
}
