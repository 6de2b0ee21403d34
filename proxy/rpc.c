// SPDX-License-Identifier: Apache-2.0
#include "proxy/rpc.h"

#include "conf/memory.h"
#include "ipfs/call.h"
#include "proxy/access_gate.h"
#include "proxy/bring_back.h"
#include "proxy/browser.h"
#include "proxy/clock.h"
#include "proxy/deny_gate.h"
#include "proxy/guest_gate.h"
#include "proxy/identity.h"
#include "proxy/pins.h"
#include "proxy/reads.h"
#include "proxy/rpc_answers.h"
#include "proxy/rpc_call.h"
#include "proxy/rpc_gate.h"
#include "proxy/rpc_relay.h"
#include "proxy/treatment.h"
#include "proxy/uploads.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

/* What a name may take to resolve. */
enum { RESOLVE_TIMEOUT_MS = 30000 };

static void put_retry_after(struct exchange *exchange)
{
    text_put_format(exchange_reply_headers(exchange), "Retry-After: %d\r\n", WRITE_RETRY_S);
}

void rpc_on_sweep(struct exchange *exchange, void *site_)
{
    const struct rpc *rpc = *exchange_context(exchange);
    struct site *site = site_;
    enum directory_answer answer;
    struct error err = {0};
    char message[160];

    if (rpc != NULL && rpc->is_writing && write_gate_cuts(site->context->writes, &err)) {
        put_retry_after(exchange);
        exchange_cut(exchange, 503, CLOSE_REFUSED, err.text);
        return;
    }
    if (rpc == NULL || site->snapshot->policy == NULL)
        return;
    answer = directory_check(site->tools->reader, rpc->principal, clock_wall_ms());
    if (answer == DIRECTORY_FOUND)
        return;
    if (answer == DIRECTORY_SUSPENDED) {
        snprintf(message, sizeof(message), "%s; ask this gateway's operator",
                 directory_answer_text(answer));
        exchange_cut(exchange, 403, CLOSE_REVOKED, message);
        return;
    }
    snprintf(message, sizeof(message), "%s; ask this gateway's operator for a new token",
             directory_answer_text(answer));
    text_put_text(exchange_reply_headers(exchange), IDENTITY_CHALLENGE);
    exchange_cut(exchange, 401, CLOSE_REVOKED, message);
}

void rpc_on_end(struct exchange *exchange, void *site)
{
    struct rpc *rpc = *exchange_context(exchange);

    if (rpc == NULL)
        return;
    *exchange_context(exchange) = NULL;
    if (rpc->end_work != NULL)
        rpc->end_work(rpc);
    upstream_cancel(&rpc->resolving);
    bring_back_end(rpc);
    rpc_leave_writing(rpc);
    quota_gate_end(&rpc->quotas);
    walks_give(&rpc->walk);
    call_destroy(&rpc->call);
    principal_unref(&rpc->principal);
    text_dispose(&rpc->content_type);
    text_dispose(&rpc->disposition);
    echo_dispose(&rpc->echo);
    free(rpc);
}

/* ---- refusing */

static int status_of(const struct error *err)
{
    switch (err->code) {
    case ERROR_NOT_FOUND:
        return 404;
    case ERROR_REFUSED:
        return 403;
    case ERROR_UNSUPPORTED: /* as Kubo answers it, and its clients expect */
        return 500;
    default:
        return 400;
    }
}

static void refuse(struct exchange *exchange, const struct error *err)
{
    exchange_refuse(exchange, status_of(err), CLOSE_REFUSED, "%s", err->text);
}

void rpc_refuse(struct rpc *rpc, const struct error *err)
{
    refuse(rpc->exchange, err);
}

/* Who showed no credential may have one. */
static void refuse_access(struct exchange *exchange, const struct rpc *rpc, const struct error *err)
{
    bool is_unknown = rpc->site->snapshot->policy != NULL && err->code == ERROR_REFUSED &&
                      rpc->principal->kind == PRINCIPAL_ANONYMOUS;

    if (!is_unknown) {
        refuse(exchange, err);
        return;
    }
    text_put_text(exchange_reply_headers(exchange), IDENTITY_CHALLENGE);
    exchange_refuse(exchange, 401, CLOSE_REFUSED,
                    "no token came with this request: send yours (ipfs --api-auth bearer:TOKEN, or "
                    "the header Authorization: Bearer TOKEN). Without one, %s",
                    err->text);
}

/* ---- deciding */

static unsigned pending_of(const struct call *call)
{
    unsigned pending = call->wants_body ? PENDING_ARGUMENTS : 0;

    for (size_t i = 0; i < call->argument_count; i++)
        if (rpc_gate_needs_resolving(call, i))
            return pending | PENDING_NAMES;
    return pending;
}

/* Asks anew only when something is known that was not. */
static bool may_pass(struct exchange *exchange, struct rpc *rpc, unsigned pending,
                     struct error *err)
{
    struct access_question question = {.exchange = exchange,
                                       .principal = rpc->principal,
                                       .call = rpc->call,
                                       .content_length = rpc->content_length,
                                       .pending = pending,
                                       .rights = &rpc->rights};

    rpc->pending = pending;
    /* `version` is answered in any case, if need be by us: clients ask it first and say nothing
     * else without it */
    return treatment_of(rpc->call->command->id) == TREATMENT_VERSION ||
           access_gate(rpc->site, &question, err);
}

/* ---- treating */

void rpc_leave_writing(struct rpc *rpc)
{
    if (rpc->is_writing)
        write_gate_leave(rpc->site->context->writes);
    rpc->is_writing = false;
}

bool rpc_enter_writing(struct rpc *rpc)
{
    struct exchange *exchange = rpc->exchange;
    struct error err = {0};
    int status;

    if (!write_gate_concerns(rpc->call->command))
        return true;
    rpc->is_writing =
        write_gate_enter(rpc->site->context->writes, rpc->call->command, &status, &err);
    if (rpc->is_writing)
        return true;
    if (status == 503)
        put_retry_after(exchange);
    exchange_cut(exchange, status, CLOSE_REFUSED, err.text);
    return false;
}

static void treat(struct rpc *rpc)
{
    struct exchange *exchange = rpc->exchange;

    if (!rpc_enter_writing(rpc))
        return;
    switch (treatment_of(rpc->call->command->id)) {
    case TREATMENT_RELAY:
        rpc_relay(rpc);
        return;
    case TREATMENT_READ:
        reads_serve(rpc);
        return;
    case TREATMENT_VERSION:
        if (access_allows_command(rpc->site, rpc->principal, COMMAND_VERSION))
            rpc_relay(rpc);
        else
            rpc_answer_version(exchange);
        return;
    case TREATMENT_PIN_ADD:
        treat_pin_add(rpc);
        return;
    case TREATMENT_PIN_LS:
        treat_pin_ls(rpc);
        return;
    case TREATMENT_PIN_RM:
        treat_pin_rm(rpc);
        return;
    case TREATMENT_PIN_UPDATE:
        treat_pin_update(rpc);
        return;
    case TREATMENT_PIN_VERIFY:
        if (reads_take_walk(rpc))
            treat_pin_verify(rpc);
        return;
    case TREATMENT_COMMANDS:
        rpc_answer_commands(exchange, rpc->site, rpc->principal, rpc->call);
        return;
    case TREATMENT_UPLOAD:
        uploads_treat(rpc);
        return;
    case TREATMENT_NEVER: /* the gate refused it */
        break;
    }
    assert(!"a call that no treatment is for passed the gate");
}

static void pass_guests(struct rpc *rpc)
{
    if (!guest_gate_refuses(rpc))
        treat(rpc);
}

/* ---- the resolved gate */

static void resolve_names(struct exchange *exchange, struct rpc *rpc, size_t index);

static void resolve_again(struct rpc *rpc)
{
    resolve_names(rpc->exchange, rpc, rpc->resolving_index);
}

void rpc_refuse_unresolved(struct rpc *rpc, struct slice name, const struct error *err)
{
    struct exchange *exchange = rpc->exchange;

    switch (err->code) {
    case ERROR_NOT_FOUND:
    case ERROR_UNSUPPORTED: /* in the node's own words, which name it if need be, and as it answers
                             */
        exchange_refuse(exchange, 500, CLOSE_REFUSED, "%s", err->text);
        break;
    case ERROR_TIMEOUT:
        exchange_refuse(exchange, 504, CLOSE_UPSTREAM_SILENT,
                        "%.*s could not be resolved: the storage behind this gateway (%s)",
                        SLICE_ARGS(name), err->text);
        break;
    default:
        exchange_refuse(exchange, 502, CLOSE_UPSTREAM_BROKEN,
                        "%.*s could not be resolved: the storage behind this gateway (%s)",
                        SLICE_ARGS(name), err->text);
        break;
    }
}

static void on_resolved(void *rpc_, const struct operation_result *result, const struct error *err)
{
    struct rpc *rpc = rpc_;
    struct exchange *exchange = rpc->exchange;
    struct slice typed = rpc->call->arguments[rpc->resolving_index].text; /* kept by the call */
    struct error refusal = {0};

    rpc->resolving = NULL;
    if (err != NULL) {
        if (!bring_back(rpc, err, resolve_again))
            rpc_refuse_unresolved(rpc, typed, err);
    } else if (!call_set_argument(rpc->call, rpc->resolving_index, result->path, &refusal)) {
        refuse(exchange, &refusal);
    } else {
        echo_add(&rpc->echo, rpc->call->command->id, result->path, typed);
        resolve_names(exchange, rpc, rpc->resolving_index + 1);
    }
}

/* The caller's own limit counts for all of its call. */
static uint64_t resolve_timeout_ms(const struct call *call)
{
    int64_t limit_ms = call_option_number(call, OPT_TIMEOUT, 0) / 1000000;

    return limit_ms > 0 && limit_ms < RESOLVE_TIMEOUT_MS ? (uint64_t)limit_ms : RESOLVE_TIMEOUT_MS;
}

bool rpc_resolve(struct rpc *rpc, struct slice path, operation_done on_done, struct error *err)
{
    return upstream_resolve(
        rpc->site->upstream, &rpc->resolving, path, resolve_timeout_ms(rpc->call),
        reads_are_offline(rpc) || call_option_bool(rpc->call, OPT_OFFLINE, false), on_done, rpc,
        err);
}

/* A name is looked up once, and what it stood for then is what is decided on and sent. */
static void resolve_names(struct exchange *exchange, struct rpc *rpc, size_t index)
{
    struct error err = {0};

    for (; index < rpc->call->argument_count; index++) {
        rpc->resolving_index = index;
        if (bring_back_first(rpc, resolve_again))
            return;
        if (rpc_gate_needs_resolving(rpc->call, index))
            break;
    }
    if (index == rpc->call->argument_count) {
        if (rpc->pending == 0 || may_pass(exchange, rpc, 0, &err))
            deny_gate(rpc, pass_guests);
        else
            refuse_access(exchange, rpc, &err);
        return;
    }
    if (!rpc_resolve(rpc, rpc->call->arguments[index].text, on_resolved, &err))
        rpc_refuse_unresolved(rpc, rpc->call->arguments[index].text, &err);
}

/* ---- the arguments gate */

static void on_arguments(struct exchange *exchange, void *site, struct slice body)
{
    struct rpc *rpc = *exchange_context(exchange);
    struct error err = {0};

    if (!call_body_arguments(rpc->call, body, text_slice(&rpc->content_type), &err) ||
        !call_check(rpc->call, &err))
        refuse(exchange, &err);
    else if (!may_pass(exchange, rpc, pending_of(rpc->call), &err))
        refuse_access(exchange, rpc, &err);
    else
        resolve_names(exchange, rpc, 0);
}

/* ---- the head gate */

static bool is_multipart(const struct header *content_type)
{
    static const struct slice multipart = SLICE("multipart/form-data");

    return content_type != NULL && content_type->value.size >= multipart.size &&
           slice_equal_caseless((struct slice){content_type->value.data, multipart.size},
                                multipart);
}

static int64_t content_length(const struct head *head)
{
    if (head->body == FRAMING_CHUNKED)
        return -1;
    return head->body == FRAMING_LENGTH ? (int64_t)head->content_length : 0;
}

/* Takes over call and principal. */
static struct rpc *keep(struct exchange *exchange, struct site *site, struct call *call,
                        const struct principal *principal, const struct header *content_type)
{
    const struct head *head = exchange_request(exchange);
    const struct header *disposition = head_find(head, "content-disposition");
    struct rpc *rpc = memory_alloc(sizeof(*rpc));

    *exchange_context(exchange) = rpc;
    rpc->exchange = exchange;
    rpc->site = site;
    rpc->call = call;
    rpc->principal = principal;
    rpc->content_length = content_length(head);
    if (content_type != NULL)
        text_put_slice(&rpc->content_type, content_type->value);
    if (disposition != NULL) {
        text_put_text(&rpc->disposition, "Content-Disposition: ");
        text_put_slice(&rpc->disposition, disposition->value);
        text_put_text(&rpc->disposition, "\r\n");
    }
    return rpc;
}

/* What cannot be read is told to those who may use the command. The others are told that they may
 * not; true: so it was. */
static bool refuse_command(struct site *site, struct exchange *exchange,
                           const struct principal *principal, const struct command *command)
{
    struct rpc *rpc = keep(exchange, site, call_create(command->id), principal, NULL);
    struct access_question question = {.exchange = exchange,
                                       .principal = principal,
                                       .call = rpc->call,
                                       .content_length = rpc->content_length};
    struct error err = {0};

    if (treatment_of(command->id) == TREATMENT_VERSION ||
        access_gate_command(site, &question, &err))
        return false;
    refuse_access(exchange, rpc, &err);
    return true;
}

static void refuse_unreadable(struct site *site, struct exchange *exchange,
                              const struct principal *principal, const struct error *err)
{
    const struct command *command = err->code == ERROR_NOT_FOUND
                                        ? NULL
                                        : call_command(exchange_request(exchange)->target, NULL);

    if (command == NULL)
        principal_unref(&principal);
    else
        exchange_set_name(exchange, command->path);
    if (command == NULL || !refuse_command(site, exchange, principal, command))
        refuse(exchange, err);
}

/* `version` costs nothing: clients ask it before they ask anything else. */
static bool begin_quotas(struct exchange *exchange, struct rpc *rpc)
{
    const struct command *command = rpc->call->command;

    return treatment_of(command->id) == TREATMENT_VERSION ||
           quota_gate_begin(&rpc->quotas, rpc->site, exchange, rpc->principal, command->path);
}

static bool meter(struct rpc *rpc)
{
    const struct command *command = rpc->call->command;

    if ((command->flags & COMMAND_CHANGES) != 0)
        quota_gate_warn(rpc->site, rpc->exchange, rpc->principal, command->path);
    return quota_gate_meter(&rpc->quotas, rpc->principal, command->path, command->body == BODY_FILE,
                            rpc->content_length);
}

static void serve_call(struct site *site, struct exchange *exchange,
                       const struct principal *principal)
{
    const struct head *head = exchange_request(exchange);
    const struct header *content_type = head_find(head, "content-type");
    struct call *call = NULL;
    struct error err = {0};
    struct rpc *rpc;

    if (!call_parse(&call, head->target, is_multipart(content_type), &err)) {
        refuse_unreadable(site, exchange, principal, &err);
        return;
    }
    exchange_set_name(exchange, call->command->path);
    rpc = keep(exchange, site, call, principal, content_type);
    if (!begin_quotas(exchange, rpc))
        return;
    if (!may_pass(exchange, rpc, pending_of(call), &err))
        refuse_access(exchange, rpc, &err);
    else if (!rpc_gate(head, call, &err))
        refuse(exchange, &err);
    else if (!meter(rpc))
        return;
    else if (call->wants_body)
        exchange_collect(exchange, CALL_BODY_MAX_BYTES, on_arguments);
    else
        resolve_names(exchange, rpc, 0);
}

static void identify(struct site *site, struct exchange *exchange)
{
    const struct principal *principal;
    struct identity_refusal refusal;

    if (identity_establish(site, exchange, &principal, &refusal)) {
        serve_call(site, exchange, principal);
        return;
    }
    rpc_name(exchange);
    identity_refuse(exchange, &refusal);
}

/* ---- methods */

static void answer_options(struct exchange *exchange, const struct head *head)
{
    static const struct slice allow = SLICE("Allow: OPTIONS, POST\r\n");
    struct answer answer = {.status = 204, .headers = allow, .reason = CLOSE_DONE};

    if (head_find(head, "origin") != NULL)
        browser_put_preflight(head, exchange_reply_headers(exchange));
    exchange_answer(exchange, &answer);
}

void rpc_name(struct exchange *exchange)
{
    const struct command *command = call_command(exchange_request(exchange)->target, NULL);

    if (command != NULL)
        exchange_set_name(exchange, command->path);
}

void rpc_serve(struct site *site, struct exchange *exchange)
{
    const struct head *head = exchange_request(exchange);

    if (slice_is(head->method, "POST")) {
        identify(site, exchange);
        return;
    }
    rpc_name(exchange);
    if (slice_is(head->method, "OPTIONS")) {
        answer_options(exchange, head);
    } else {
        text_put_text(exchange_reply_headers(exchange), "Allow: OPTIONS, POST\r\n");
        exchange_refuse(exchange, 405, CLOSE_REFUSED,
                        "the RPC API is called with POST, not with %.*s", SLICE_ARGS(head->method));
    }
}
