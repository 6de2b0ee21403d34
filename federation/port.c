// SPDX-License-Identifier: Apache-2.0
#include "conf/memory.h"
#include "federation/port_private.h"

#include <stdlib.h>
#include <string.h>

/* ---- what is asked */

static const struct route routes[] = {
    {"GET", "/link/v1/hello", "link/hello", WIRE_HELLO, true},
    {"GET", "/link/v1/roots", "link/roots", WIRE_ROOTS, true},
    {"POST", "/link/v1/join", "link/join", WIRE_JOIN, false},
    {"POST", "/link/v1/heartbeat", "link/heartbeat", WIRE_HEARTBEAT, false},
    {"POST", "/link/v1/roots", "link/roots", WIRE_ROOTS, false},
    {"POST", "/link/v1/batch", "link/batch", WIRE_BATCH, false},
    {"POST", "/link/v1/statement", "link/statement", WIRE_STATEMENT, false},
    {"POST", "/link/v1/end", "link/end", WIRE_END, false},
};

/* Another path, or another method than a path has. */
static const struct route nowhere = {"", "", "link/unknown", WIRE_ERROR, false};

static const struct route *find_route(const struct head *head, bool has_data)
{
    for (size_t i = 0; i < ARRAY_SIZE(routes); i++)
        if (slice_is(head->target, routes[i].path) && slice_is(head->method, routes[i].method))
            return &routes[i];
    return has_data && port_data_route(head) != NULL ? port_data_route(head) : &nowhere;
}

/* ---- refusals with one line each */

static void refuse(struct request *request, enum wire_problem problem, const char *text)
{
    struct error why = {0};

    error_set(&why, ERROR_REFUSED, "%s", text);
    port_refuse(request, &(struct port_refusal){.problem = problem}, &why);
}

static void refuse_busy(struct request *request, const char *text)
{
    struct error why = {0};

    error_set(&why, ERROR_LIMIT, "%s", text);
    port_refuse(request,
                &(struct port_refusal){
                    .problem = WIRE_PROBLEM_BUSY, .retry_after_s = 5, .ends_connection = true},
                &why);
}

static void refuse_stranger(struct request *request, enum peer_verdict verdict,
                            const struct error *why)
{
    struct port_counters *counters = &request->site->port->counters;
    struct port_refusal refusal = {.problem = WIRE_PROBLEM_STRANGER, .ends_connection = true};

    refusal.detail = verdict == PEER_ACCEPTED ? "unknown" : peer_verdict_name(verdict);
    if (verdict == PEER_ACCEPTED)
        server_count(&counters->unknown, 1);
    else
        server_count(&counters->verdicts[verdict], 1);
    port_refuse(request, &refusal, why);
}

/* ---- asking control */

static void on_outcome(void *request_, const struct link_outcome *outcome)
{
    struct request *request = request_;
    struct answer answer = {.status = outcome->status,
                            .headers = outcome->headers,
                            .body = outcome->body,
                            .reason = outcome->status < 400 ? CLOSE_DONE : CLOSE_REFUSED};

    request->call = NULL;
    if (!exchange_is_open(request->exchange)) /* cut meanwhile */
        return;
    if (outcome->body.size > 0)
        answer.content_type = "application/json";
    if (request->caller == NULL)
        exchange_end_connection(request->exchange);
    exchange_answer(request->exchange, &answer);
}

/* What was checked is what control is told. */
static void fill_in(const struct request *request, struct slice body, struct link_inbound *inbound)
{
    const struct sockaddr *from = exchange_peer(request->exchange);

    *inbound = (struct link_inbound){.method = request->route->method,
                                     .path = request->route->path,
                                     .kind = request->route->kind,
                                     .body = body,
                                     .who.id = request->who.id,
                                     .has_signed = request->is_genuine,
                                     .is = request->is};
    if (request->caller != NULL)
        inbound->who = request->caller->who;
    if (request->peer != NULL && request->route->kind != WIRE_JOIN)
        memcpy(inbound->link, request->peer->link, sizeof(inbound->link));
    if (from->sa_family == AF_INET)
        memcpy(&inbound->from, from, sizeof(struct sockaddr_in));
    else if (from->sa_family == AF_INET6)
        memcpy(&inbound->from, from, sizeof(struct sockaddr_in6));
    else
        inbound->from.ss_family = from->sa_family;
    if (request->route->kind != WIRE_JOIN)
        return;
    inbound->leaf = exchange_peer_certificate(request->exchange);
    inbound->others = exchange_peer_chain(request->exchange);
    exchange_export_key(request->exchange, LINKS_EXPORTER_LABEL, inbound->exporter);
}

static void take(struct request *request, struct slice body)
{
    struct port *port = request->site->port;
    struct link_inbound inbound;
    struct error err = {0};

    fill_in(request, body, &inbound);
    if (port->settings.take(port->settings.links, port->server->loop, &request->call, &inbound,
                            on_outcome, request, &err))
        server_count(&port->counters.taken[request->route->kind], 1);
    else
        port_refuse(request,
                    &(struct port_refusal){.problem = WIRE_PROBLEM_BUSY, .retry_after_s = 5}, &err);
}

static void on_body(struct exchange *exchange, void *app, struct slice body)
{
    struct request *request = *exchange_context(exchange);

    timer_disarm(&request->deadline);
    if (!request->has_signed || port_check_signed(request, body))
        take(request, body);
}

/* ---- the body of who may send one */

static void on_deadline(struct timer *timer)
{
    static const struct port_refusal refusal = {
        .problem = WIRE_PROBLEM_LATER, .status = 408, .detail = "slow"};
    struct request *request = CONTAINER_OF(timer, struct request, deadline);
    struct error why = {0};

    error_set(&why, ERROR_TIMEOUT, "the body did not come within %llu s",
              (unsigned long long)(PORT_STRANGER_MS / 1000));
    port_note(request, &refusal, &why);
    exchange_cut(request->exchange, refusal.status, CLOSE_CLIENT_TOO_SLOW, why.text);
}

/* A few at once, and not for long. */
static bool limit_stranger(struct request *request)
{
    struct port *port = request->site->port;

    if (request->caller != NULL)
        return true;
    if (port->strangers >= PORT_STRANGERS_MAX) {
        refuse_busy(request, "too many ask to be let in at once: try again in some seconds");
        return false;
    }
    port->strangers++;
    request->is_counted = true;
    timer_arm(port->server->loop, &request->deadline, PORT_STRANGER_MS);
    return true;
}

/* All peers together could ask for more memory than there is. */
static bool limit_bodies(struct request *request)
{
    const struct head *head = exchange_request(request->exchange);
    struct port *port = request->site->port;
    uint64_t size = wire_body_max(request->route->kind);

    if (head->body != FRAMING_CHUNKED && head->content_length < size)
        size = head->body == FRAMING_LENGTH ? head->content_length : 0;
    if (port->bodies + size > port->settings.bodies_max) {
        refuse_busy(request, "too much is sent here at once: try again in some seconds");
        return false;
    }
    port->bodies += size;
    request->body = size;
    return true;
}

static void collect(struct request *request)
{
    if (limit_stranger(request) && limit_bodies(request))
        exchange_collect(request->exchange, wire_body_max(request->route->kind), on_body);
}

/* ---- a request */

static void serve_bare(struct request *request)
{
    if (exchange_request(request->exchange)->body != FRAMING_NONE)
        refuse(request, WIRE_PROBLEM_TOO_LARGE, "a GET has no body here");
    else
        take(request, SLICE(""));
}

static void serve_signed(struct request *request)
{
    struct error err = {0};

    request->has_signed = port_find_signed(request, &request->is, &err);
    if (request->has_signed && port_check_node(request, &err))
        collect(request);
    else
        port_refuse(request, &(struct port_refusal){.problem = WIRE_PROBLEM_SIGNATURE}, &err);
}

static void serve_nothing(struct request *request)
{
    struct error why = {0};

    error_set(&why, ERROR_NOT_FOUND,
              "no such request in version 1 of the link protocol: see what hello says");
    port_refuse(request, &(struct port_refusal){.problem = WIRE_PROBLEM_MALFORMED, .status = 404},
                &why);
}

/* Who joins proves it in the body; who was let in by it asks again, if the answer was lost. */
static void serve_join(struct request *request, enum peer_verdict verdict, const struct error *why)
{
    bool is_heard = request->caller != NULL || request->is_known ||
                    (request->site->peers->has_invitations && request->who.id.org[0] != '\0');

    if (!is_heard)
        refuse_stranger(request, verdict, why);
    else
        collect(request);
}

static void serve(struct request *request)
{
    struct error why = {0};
    enum peer_verdict verdict = port_identify(request, &why);
    bool is_news = verdict == PEER_UNKNOWN_ROOT && request->route->kind == WIRE_ROOTS &&
                   !request->route->is_bare;

    if (request->route->kind == WIRE_JOIN)
        serve_join(request, verdict, &why);
    else if (request->caller == NULL && !is_news)
        refuse_stranger(request, verdict, &why);
    else if (request->is_new && port_is_busy(request->site->port, request->peer->link))
        refuse_busy(request, "this link has too many connections");
    else if (request->route == &nowhere)
        serve_nothing(request);
    else if (port_is_data(request->route))
        port_serve_data(request, request->site->port->settings.transfers);
    else if (request->route->is_bare)
        serve_bare(request);
    else
        serve_signed(request);
}

static void on_request(struct exchange *exchange, void *app)
{
    struct request *request = memory_alloc(sizeof(*request));
    bool has_data = ((struct port_site *)app)->port->settings.transfers != NULL;

    *request = (struct request){.exchange = exchange,
                                .site = app,
                                .route = find_route(exchange_request(exchange), has_data),
                                .deadline = {.fire = on_deadline}};
    *exchange_context(exchange) = request;
    exchange_set_name(exchange, request->route->name);
    if (exchange_is_tls(exchange))
        serve(request);
    else /* there is no identity to serve TLS with */
        refuse(request, WIRE_PROBLEM_STRANGER, "this port speaks TLS 1.3, and has no certificate");
}

static void on_end(struct exchange *exchange, void *app)
{
    struct request *request = *exchange_context(exchange);

    if (request == NULL)
        return;
    *exchange_context(exchange) = NULL;
    if (request->call != NULL)
        request->site->port->settings.cancel(&request->call);
    port_end_data(request);
    timer_disarm(&request->deadline);
    request->site->port->strangers -= request->is_counted;
    request->site->port->bodies -= request->body;
    free(request);
}

static const struct http_handler handler = {
    .on_request = on_request,
    .on_end = on_end,
    .on_session_end = port_forget_caller,
    .is_ticket_good = port_is_ticket_good,
    .put_error = port_put_error,
};

/* ---- views */

static void on_cut(struct timer *timer)
{
    struct port *port = CONTAINER_OF(timer, struct port, cut);

    server_count(&port->counters.cut, server_cut_sessions(port->server, port_must_go, port));
}

static void dispose(struct server_settings *settings)
{
    struct port_site *site = CONTAINER_OF(settings, struct port_site, settings);

    peers_unref(&site->peers);
    SSL_CTX_free(settings->tls);
    free(site);
}

/* From now on tickets of the one before are no good; its connections end soon. */
static void use_view(struct port *port, struct server *server, const struct peers *peers)
{
    bool is_first = port->newest == NULL;

    peers_unref(&port->newest);
    port->newest = peers_ref(peers);
    port->server = server;
    if (port->settings.transfers != NULL)
        transfers_view(port->settings.transfers, server, peers);
    if (!is_first && !timer_is_armed(&port->cut))
        timer_arm(server->loop, &port->cut, PORT_CUT_MS);
}

struct server_settings *port_make_settings(struct server *server, const void *peers, void *port)
{
    struct port_site *site = memory_alloc(sizeof(*site));

    site->peers = peers_ref(peers);
    site->port = port;
    site->settings = (struct server_settings){
        .references = 1,
        .limits = {.head_size = 8 * 1024,
                   .head_timeout_ms = 5000,
                   .handshake_timeout_ms = 5000,
                   .idle_timeout_ms = 75000, /* heartbeats keep it open */
                   .body_idle_timeout_ms = TRANSFERS_STALL_MS,
                   .min_body_rate = 1024,
                   .framing = {.trailer_size = 1024, .extension_size = 256}},
        .handler = &handler,
        .app = site,
        .tls = site->peers->server_tls,
        .dispose = dispose,
    };
    if (site->settings.tls != NULL)
        SSL_CTX_up_ref(site->settings.tls);
    use_view(port, server, peers);
    return &site->settings;
}

/* ---- its life */

struct port *port_create(const struct port_settings *settings)
{
    struct port *port = memory_alloc(sizeof(*port));

    port->settings = *settings;
    port->cut.fire = on_cut;
    return port;
}

void port_destroy(struct port **port_ptr)
{
    struct port *port = *port_ptr;

    *port_ptr = NULL;
    if (port == NULL)
        return;
    timer_disarm(&port->cut);
    peers_unref(&port->newest);
    audit_writer_destroy(&port->settings.audit);
    free(port);
}

const struct port_counters *port_counters(const struct port *port)
{
    return &port->counters;
}
