// SPDX-License-Identifier: Apache-2.0
#include "policy/replay.h"

#include "conf/memory.h"
#include "policy/moment.h"

#include <arpa/inet.h>
#include <jansson.h>
#include <netinet/in.h>
#include <stdlib.h>

static struct slice text_of(const json_t *value)
{
    if (!json_is_string(value))
        return (struct slice){NULL, 0};
    return (struct slice){json_string_value(value), json_string_length(value)};
}

static void read_peer(struct replayed *replayed, const char *text)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)&replayed->peer;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)&replayed->peer;

    if (text == NULL)
        return;
    if (inet_pton(AF_INET, text, &v4->sin_addr) == 1)
        v4->sin_family = AF_INET;
    else if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1)
        v6->sin6_family = AF_INET6;
    else
        return;
    replayed->principal.peer = (const struct sockaddr *)&replayed->peer;
}

static void read_roles(struct replayed *replayed, const json_t *roles)
{
    size_t count = json_array_size(roles);

    if (!json_is_array(roles))
        return;
    replayed->roles = memory_alloc((count + 1) * sizeof(*replayed->roles));
    for (size_t i = 0; i < count; i++)
        replayed->roles[i] = text_of(json_array_get(roles, i));
    replayed->principal.token_roles = replayed->roles;
    replayed->principal.token_role_count = count;
}

static bool read_principal(struct replayed *replayed, const json_t *who, struct error *err)
{
    struct principal *principal = &replayed->principal;

    if (!principal_kind_parse(&principal->kind, text_of(json_object_get(who, "kind"))))
        return error_set(err, ERROR_SYNTAX, "the line does not say who called");
    principal->id = text_of(json_object_get(who, "id"));
    principal->token_id = text_of(json_object_get(who, "token"));
    read_roles(replayed, json_object_get(who, "roles"));
    read_peer(replayed, json_string_value(json_object_get(who, "peer")));
    return true;
}

static void put_escaped(struct text *out, struct slice value)
{
    for (size_t i = 0; i < value.size; i++)
        text_put_format(out, "%%%02X", (uint8_t)value.data[i]);
}

static void put_parameter(struct text *out, struct slice name, struct slice value)
{
    text_put_char(out, memchr(out->data, '?', out->size) == NULL ? '?' : '&');
    put_escaped(out, name);
    text_put_char(out, '=');
    put_escaped(out, value);
}

/* A call that was denied at its head is recorded without the arguments that stand in its body. */
static bool read_call(struct replayed *replayed, const json_t *line, const struct command *command)
{
    const json_t *arguments = json_object_get(line, "arguments");
    const json_t *options = json_object_get(line, "options");
    bool is_body_missing = command->body == BODY_ARGUMENTS && json_array_size(arguments) == 0;
    struct text target = {0};
    struct error err = {0};
    bool is_fine;

    text_put_format(&target, "/api/v0/%s", command->path);
    for (size_t i = 0; i < json_array_size(arguments); i++)
        put_parameter(&target, SLICE("arg"), text_of(json_array_get(arguments, i)));
    for (size_t i = 0; i < json_array_size(options); i++) {
        const json_t *pair = json_array_get(options, i);

        put_parameter(&target, text_of(json_array_get(pair, 0)), text_of(json_array_get(pair, 1)));
    }
    is_fine = call_parse(&replayed->call, text_slice(&target),
                         command->body == BODY_FILE || is_body_missing, &err);
    replayed->request.pending = is_body_missing ? PENDING_ARGUMENTS : 0;
    text_dispose(&target);
    return is_fine;
}

static bool read_request(struct replayed *replayed, const json_t *line,
                         const struct command *command, struct error *err)
{
    const json_t *size = json_object_get(line, "body_size");
    struct slice time = text_of(json_object_get(line, "time"));

    if (!moment_parse(time, &replayed->request.now_ms, err))
        return false;
    /* Without a size, an upload was one of unknown length, and other calls had no body. */
    if (json_is_integer(size))
        replayed->request.content_length = json_integer_value(size);
    else
        replayed->request.content_length = command->body == BODY_FILE ? -1 : 0;
    replayed->was_allowed = slice_is(text_of(json_object_get(line, "decision")), "allow");
    return read_principal(replayed, json_object_get(line, "principal"), err);
}

bool replay_read(struct replayed *replayed, struct slice line, enum replay_answer *answer,
                 struct error *err)
{
    json_t *json = json_loadb(line.data, line.size, 0, NULL);
    const struct command *command;
    bool is_fine;

    *replayed = (struct replayed){.json = json};
    *answer = REPLAY_OTHER;
    if (!json_is_object(json) || !json_is_string(json_object_get(json, "time"))) {
        replayed_dispose(replayed);
        return error_set(err, ERROR_SYNTAX, "this is no line of an audit log");
    }
    command = catalogue_find(text_of(json_object_get(json, "command")));
    if (command == NULL || json_object_get(json, "policy") == NULL) {
        replayed_dispose(replayed);
        return true;
    }
    *answer = REPLAY_INCOMPLETE;
    if (json_object_get(json, "arguments_left_out") != NULL ||
        json_object_get(json, "options_left_out") != NULL) {
        replayed_dispose(replayed);
        return true;
    }
    is_fine = read_request(replayed, json, command, err);
    if (is_fine && read_call(replayed, json, command))
        *answer = REPLAY_REQUEST;
    else
        replayed_dispose(replayed);
    return is_fine;
}

void replayed_dispose(struct replayed *replayed)
{
    call_destroy(&replayed->call);
    free(replayed->roles);
    json_decref(replayed->json);
    *replayed = (struct replayed){0};
}
