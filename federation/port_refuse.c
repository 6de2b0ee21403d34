// SPDX-License-Identifier: Apache-2.0
/* What the partner port refuses: said to the peer, in the log and in the audit log, and counted. */
#include "conf/address.h"
#include "federation/port_private.h"
#include "federation/signature.h"

#include <stdio.h>
#include <string.h>

/* ---- the message */

/* One line of printable ASCII: what stands in a stranger's certificate may be in it. */
static void copy_line(char out[WIRE_MESSAGE_MAX + 1], const char *text)
{
    size_t size = 0;

    for (; text[size] != '\0' && size < WIRE_MESSAGE_MAX; size++)
        out[size] = text[size] >= ' ' && text[size] <= '~' ? text[size] : '?';
    if (size == 0)
        out[size++] = '?';
    out[size] = '\0';
}

static void put_body(const struct wire_error *error, struct text *body)
{
    wire_print(WIRE_ERROR, error, body);
}

/* As links.h's answers are: the number of the request. */
static void put_signed(const struct request *request, int status, struct slice body,
                       struct text *headers)
{
    const struct peers *peers = request->site->peers;
    struct wire_signed is = request->is;
    char method[16];
    struct signature_of of = {.body = body, .path = slice_of(request->route->path)};

    if (!request->is_genuine || peers->signing_key == NULL)
        return;
    snprintf(method, sizeof(method), "%d", status);
    of.method = slice_of(method);
    memcpy(is.node, peers->us.node, sizeof(is.node));
    is.date_ms = request->site->port->settings.now_ms();
    signature_make(peers->signing_key, &is, &of);
    text_put_text(headers, SIGNATURE_HEADER ": ");
    wire_signed_print(&is, headers);
    text_put_text(headers, "\r\n");
}

static void answer(const struct request *request, const struct port_refusal *refusal, int status,
                   const struct error *why)
{
    struct wire_error error = {.problem = refusal->problem,
                               .retry_after_s = refusal->retry_after_s};
    struct answer answer = {
        .status = status, .content_type = "application/json", .reason = CLOSE_REFUSED};
    struct text body = {0}, headers = {0};

    if (refusal->problem == WIRE_PROBLEM_DATE)
        error.date_ms = request->site->port->settings.now_ms();
    copy_line(error.message, why->text);
    put_body(&error, &body);
    put_signed(request, status, text_slice(&body), &headers);
    if (refusal->retry_after_s > 0)
        text_put_format(&headers, "Retry-After: %u\r\n", refusal->retry_after_s);
    answer.body = text_slice(&body);
    answer.headers = text_slice(&headers);
    if (refusal->ends_connection)
        exchange_end_connection(request->exchange);
    exchange_answer(request->exchange, &answer);
    text_dispose(&body);
    text_dispose(&headers);
}

const char *port_put_error(const struct exchange *exchange, int status, const char *message,
                           struct text *body)
{
    struct wire_error error = {.problem = WIRE_PROBLEM_MALFORMED};

    if (status == 403)
        error.problem = WIRE_PROBLEM_STRANGER;
    else if (status == 413)
        error.problem = WIRE_PROBLEM_TOO_LARGE;
    else if (status == 408 || status >= 500)
        error.problem = WIRE_PROBLEM_LATER;
    copy_line(error.message, message);
    put_body(&error, body);
    return "application/json";
}

/* ---- for the operator */

static void put_rule(const struct port_refusal *refusal, struct text *out)
{
    text_put_text(out, wire_problem_name(refusal->problem));
    if (refusal->detail != NULL)
        text_put_format(out, ":%s", refusal->detail);
}

/* "partner beta (beta.example)", "'x.example', which is not accepted", "nobody known" */
static void put_who(const struct request *request, struct text *out)
{
    if (request->caller != NULL)
        text_put_format(out, "partner %s (%s/%s)", request->peer->partner, request->peer->org,
                        request->caller->who.id.node);
    else if (request->who.id.org[0] != '\0')
        text_put_format(out, "who claims to be %s/%s", request->who.id.org, request->who.id.node);
    else
        text_put_text(out, "nobody known");
}

static void audit(const struct request *request, struct slice rule, const char *message)
{
    const struct port_settings *settings = &request->site->port->settings;
    char uri[GATEWAY_URI_SIZE] = "";
    struct principal principal = {.peer = exchange_peer(request->exchange), .is_encrypted = true};
    struct audit_entry entry = {.time_ms = settings->now_ms(),
                                .request_id = slice_of(exchange_id(request->exchange)),
                                .principal = &principal,
                                .command = slice_of(request->route->name),
                                .decision = SLICE("deny"),
                                .rule = rule,
                                .message = slice_of(message)};

    if (settings->audit == NULL)
        return;
    if (request->caller != NULL) {
        principal.kind = PRINCIPAL_PARTNER;
        principal.id = slice_of(request->peer->partner);
        gateway_id_print(&request->caller->who.id, uri);
    } else if (request->who.id.org[0] != '\0') {
        gateway_id_print(&request->who.id, uri);
    }
    principal.certificate_name = slice_of(uri);
    audit_put(settings->audit, &entry); /* one that is lost is counted there */
}

/* Whom we ask to let us in looks whether we can be dialled, and any answer tells. */
static bool is_expected(const struct request *request)
{
    return request->route->kind == WIRE_HELLO && request->caller == NULL &&
           request->site->peers->is_joining;
}

static void say(const struct request *request, const struct port_refusal *refusal, int status,
                const struct error *why)
{
    struct port *port = request->site->port;
    struct address address = {0};
    struct text who = {0}, rule = {0};
    char message[WIRE_MESSAGE_MAX + 1];
    uint32_t left_out;

    if (!line_budget_spend(&port->lines, PORT_LINES_MAX, port->settings.now_ms(), &left_out))
        return;
    if (left_out > 0)
        log_message(port->settings.log, LOG_LEVEL_WARNING,
                    "%u more requests of partners or strangers were refused", left_out);
    address_from_sockaddr(&address, exchange_peer(request->exchange), sizeof(sa_family_t));
    put_who(request, &who);
    put_rule(refusal, &rule);
    copy_line(message, why->text);
    log_message(port->settings.log, is_expected(request) ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING,
                "%s refused to %s at %s with %d %s: %s (request %s)", request->route->name,
                who.data, address.text, status, rule.data, message, exchange_id(request->exchange));
    if (!is_expected(request))
        audit(request, text_slice(&rule), message);
    text_dispose(&who);
    text_dispose(&rule);
}

static int status_of(const struct port_refusal *refusal)
{
    return refusal->status != 0 ? refusal->status : (int)wire_problem_status(refusal->problem);
}

void port_note(struct request *request, const struct port_refusal *refusal, const struct error *why)
{
    server_count(&request->site->port->counters.problems[refusal->problem], 1);
    say(request, refusal, status_of(refusal), why);
}

void port_refuse(struct request *request, const struct port_refusal *refusal,
                 const struct error *why)
{
    port_note(request, refusal, why);
    answer(request, refusal, status_of(refusal), why);
}
