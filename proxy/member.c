// SPDX-License-Identifier: Apache-2.0
#include "proxy/member.h"

#include "conf/units.h"
#include "proxy/access_gate.h"
#include "proxy/identity.h"
#include "proxy/quota_gate.h"
#include "proxy/quota_view.h"

#include <jansson.h>
#include <stdlib.h>

static json_t *json_slices(const struct slice *slices, size_t count)
{
    json_t *array = json_array();

    for (size_t i = 0; i < count; i++)
        json_array_append_new(array, json_stringn(slices[i].data, slices[i].size));
    return array;
}

static void set_slice(json_t *object, const char *name, struct slice s)
{
    if (s.size > 0)
        json_object_set_new(object, name, json_stringn(s.data, s.size));
}

/* The commands of which at least some call passes. */
static json_t *commands_of(const struct site *site, const struct principal *principal)
{
    json_t *array = json_array();

    for (enum command_id id = 0; id < COMMAND_COUNT; id++)
        if (access_allows_command(site, principal, id))
            json_array_append_new(array, json_string(catalogue_command(id)->path));
    return array;
}

static json_t *describe(const struct site *site, const struct principal *principal)
{
    json_t *object = json_object();

    json_object_set_new(object, "kind", json_string(principal_kind_name(principal->kind)));
    set_slice(object, "id", principal->id);
    json_object_set_new(object, "groups", json_slices(principal->groups, principal->group_count));
    set_slice(object, "token", principal->token_id);
    set_slice(object, "certificate", principal->certificate_name);
    if (principal->token_roles != NULL)
        json_object_set_new(object, "roles",
                            json_slices(principal->token_roles, principal->token_role_count));
    if (principal->expires_ms > 0) {
        char time[UNITS_TIMESTAMP_SIZE];

        units_print_timestamp(time, principal->expires_ms);
        json_object_set_new(object, "expires", json_string(time));
    }
    json_object_set_new(object, "commands", commands_of(site, principal));
    return object;
}

static void answer_json(struct exchange *exchange, json_t *object)
{
    struct answer answer = {
        .status = 200, .content_type = "application/json", .reason = CLOSE_DONE};
    char *text = json_dumps(object, JSON_COMPACT);

    answer.body = slice_of(text);
    exchange_answer(exchange, &answer);
    free(text);
    json_decref(object);
}

/* What is told costs nothing of what it tells: who is refused can always ask why. */
static json_t *describe_quotas(struct site *site, const struct principal *principal)
{
    return quota_view(site->context->accounts, site->snapshot->policy, principal,
                      quota_gate_caller(site, principal));
}

static void answer(struct site *site, struct exchange *exchange, bool is_whoami)
{
    const struct principal *principal;
    struct identity_refusal refusal;

    if (!identity_establish(site, exchange, &principal, &refusal)) {
        identity_refuse(exchange, &refusal);
        return;
    }
    answer_json(exchange, is_whoami ? describe(site, principal) : describe_quotas(site, principal));
    principal_unref(&principal);
}

void member_serve(struct site *site, struct exchange *exchange)
{
    const struct head *head = exchange_request(exchange);
    bool is_whoami = slice_is(head->target, "/causeway/v1/whoami");
    const char *name = is_whoami ? "whoami" : "quota";

    if (!is_whoami && !slice_is(head->target, "/causeway/v1/quota")) {
        exchange_refuse(exchange, 404, CLOSE_REFUSED, "not built");
        return;
    }
    exchange_set_name(exchange, name);
    if (slice_is(head->method, "GET") || slice_is(head->method, "HEAD")) {
        answer(site, exchange, is_whoami);
        return;
    }
    text_put_text(exchange_reply_headers(exchange), "Allow: GET, HEAD\r\n");
    exchange_refuse(exchange, 405, CLOSE_REFUSED, "%s is asked with GET, not with %.*s", name,
                    SLICE_ARGS(head->method));
}
