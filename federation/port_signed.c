// SPDX-License-Identifier: Apache-2.0
/* What a peer's request is signed as: the header, whose it is, the signature over the bytes as they
 * came, the date, and the link. */
#include "federation/port_private.h"
#include "federation/signature.h"

#include <string.h>

/* ---- before the body */

bool port_find_signed(const struct request *request, struct wire_signed *is, struct error *err)
{
    const struct head *head = exchange_request(request->exchange);
    const struct header *found = NULL;

    for (size_t i = 0; i < head->header_count; i++) {
        if (!slice_equal_caseless(head->headers[i].name, SLICE(SIGNATURE_HEADER)))
            continue;
        if (found != NULL)
            return error_set(err, ERROR_SYNTAX, SIGNATURE_HEADER " stands there twice");
        found = &head->headers[i];
    }
    if (found == NULL)
        return error_set(err, ERROR_SYNTAX, SIGNATURE_HEADER " is missing");
    return wire_signed_parse(is, found->value, err);
}

bool port_check_node(const struct request *request, struct error *err)
{
    const char *node =
        request->caller != NULL ? request->caller->who.id.node : request->who.id.node;

    return strcmp(request->is.node, node) == 0 ||
           error_set(err, ERROR_MISMATCH, "signed as node '%s', with the certificate of '%s'",
                     request->is.node, node);
}

/* ---- the body is here */

static bool check_signature(struct request *request, struct slice body)
{
    const struct signature_of of = {.method = slice_of(request->route->method),
                                    .path = slice_of(request->route->path),
                                    .body = body};
    struct error err = {0};

    if (signature_check(&request->peer->roots, &request->is, &of, &err)) {
        request->is_genuine = true;
        return true;
    }
    if (request->route->kind == WIRE_ROOTS) /* of who has new keys: the document proves itself */
        return true;
    port_refuse(request, &(struct port_refusal){.problem = WIRE_PROBLEM_SIGNATURE}, &err);
    return false;
}

static bool check_date(struct request *request)
{
    struct port_settings *settings = &request->site->port->settings;
    struct error why = {0};
    int64_t skew_ms;

    if (wire_date_is_near(request->is.date_ms, settings->now_ms(), &skew_ms))
        return true;
    error_set(&why, ERROR_REFUSED,
              "the clocks of both sides differ by %lld s, and at most %lld may be: yours is %s",
              (long long)((skew_ms < 0 ? -skew_ms : skew_ms) / 1000),
              (long long)(WIRE_DATE_SKEW_MS / 1000), skew_ms < 0 ? "behind" : "ahead");
    if (request->is_genuine)
        settings->tell_skew(settings->links, request->peer->link, skew_ms);
    port_refuse(request, &(struct port_refusal){.problem = WIRE_PROBLEM_DATE}, &why);
    return false;
}

/* A connection speaks of one link. */
static bool check_link(struct request *request)
{
    struct error why = {0};

    if (strcmp(request->is.link, request->peer->link) == 0)
        return true;
    error_set(&why, ERROR_NOT_FOUND, "no link %s with %s is known here", request->is.link,
              request->peer->org);
    port_refuse(request, &(struct port_refusal){.problem = WIRE_PROBLEM_BEHIND}, &why);
    return false;
}

bool port_check_signed(struct request *request, struct slice body)
{
    return check_signature(request, body) && check_date(request) && check_link(request);
}
