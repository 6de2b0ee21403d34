// SPDX-License-Identifier: Apache-2.0
#include "proxy/member.h"

#include "conf/units.h"
#include "proxy/access_gate.h"
#include "proxy/identity.h"

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

static void answer_whoami(struct site *site, struct exchange *exchange)
{
    const struct principal *principal;
    struct identity_refusal refusal;
    struct answer answer = {
        .status = 200, .content_type = "application/json", .reason = CLOSE_DONE};
    json_t *object;
    char *text;

    if (!identity_establish(site, exchange, &principal, &refusal)) {
        identity_refuse(exchange, &refusal);
        return;
    }
    object = describe(site, principal);
    text = json_dumps(object, JSON_COMPACT);
    answer.body = slice_of(text);
    exchange_answer(exchange, &answer);
    free(text);
    json_decref(object);
    principal_unref(&principal);
}

void member_serve(struct site *site, struct exchange *exchange)
{
    const struct head *head = exchange_request(exchange);

    if (!slice_is(head->target, "/causeway/v1/whoami")) {
        exchange_refuse(exchange, 404, CLOSE_REFUSED, "not built");
        return;
    }
    exchange_set_name(exchange, "whoami");
    if (slice_is(head->method, "GET") || slice_is(head->method, "HEAD")) {
        answer_whoami(site, exchange);
        return;
    }
    text_put_text(exchange_reply_headers(exchange), "Allow: GET, HEAD\r\n");
    exchange_refuse(exchange, 405, CLOSE_REFUSED, "whoami is asked with GET, not with %.*s",
                    SLICE_ARGS(head->method));
}
