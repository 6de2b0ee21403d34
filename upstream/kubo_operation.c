// SPDX-License-Identifier: Apache-2.0
#include "conf/memory.h"
#include "upstream/kubo_private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { ERROR_REPLY_MAX = 64 * 1024 };

struct kubo_operation *kubo_operation_create(struct upstream *upstream, operation_done on_done,
                                             void *arg)
{
    struct kubo *kubo = CONTAINER_OF(upstream, struct kubo, base);
    struct kubo_operation *operation = memory_alloc(sizeof(*operation));

    operation->base.functions = upstream->functions;
    operation->kubo = kubo;
    operation->on_done = on_done;
    operation->arg = arg;
    operation->next = kubo->operations;
    if (operation->next != NULL)
        operation->next->previous = operation;
    kubo->operations = operation;
    return operation;
}

static void dispose(struct kubo_operation *operation)
{
    struct kubo_operation *next = operation->next, *previous = operation->previous;

    *(previous != NULL ? &previous->next : &operation->kubo->operations) = next;
    if (next != NULL)
        next->previous = previous;
    fetch_cancel(&operation->fetch);
    if (operation->dispose != NULL)
        operation->dispose(operation);
    ndjson_dispose(&operation->lines);
    text_dispose(&operation->name);
    text_dispose(&operation->path);
    free(operation);
}

void kubo_cancel(struct operation *base)
{
    struct kubo_operation *operation = CONTAINER_OF(base, struct kubo_operation, base);

    if (operation->is_calling)
        operation->is_cancelled = true; /* take_line's caller sees to it */
    else
        dispose(operation);
}

void kubo_operation_end(struct kubo_operation *operation, const struct error *err)
{
    struct operation_result result = operation->result;
    operation_done on_done = operation->on_done;
    struct text path = operation->path;
    void *arg = operation->arg;

    operation->path = (struct text){0};
    result.path = text_slice(&path);
    dispose(operation);
    on_done(arg, &result, err);
    text_dispose(&path);
}

/* ---- what the node says */

/* The node's own words, of all versions from 0.39 to 0.43. */
static enum error_code code_of(const char *message)
{
    static const char *const absent[] = {
        "could not find",      /* "block was not found locally (offline): ipld: could not find" */
        "block not found",     /* "blockstore: block not found" */
        "is not pinned",       /* pin/ls: "path '...' is not pinned" */
        "not pinned or pinned" /* pin/rm: "not pinned or pinned indirectly" */
    };

    for (size_t i = 0; i < ARRAY_SIZE(absent); i++)
        if (strstr(message, absent[i]) != NULL)
            return ERROR_NOT_FOUND;
    return ERROR_UNSUPPORTED;
}

static void refused(struct kubo_operation *operation, const char *message)
{
    struct error err = {0};

    error_set(&err, code_of(message), "%s", message);
    if (operation->on_refused != NULL && err.code != ERROR_NONE)
        operation->on_refused(operation, &err);
    else
        kubo_operation_end(operation, &err);
}

static void fail_with_status(struct kubo_operation *operation, int status)
{
    const char *fault = kubo_status_fault(status);
    struct error err = {0};

    error_set(&err, ERROR_MISMATCH, "%s: answered %d%s%s", pool_address(operation->kubo->pool),
              status, fault == NULL ? "" : ": ", fault == NULL ? "" : fault);
    kubo_operation_end(operation, &err);
}

static void take_refusal(struct kubo_operation *operation, const struct fetch_reply *reply)
{
    json_t *root = json_loadb(reply->body.data, reply->body.size, 0, NULL);
    const char *message = json_string_value(json_object_get(root, "Message"));

    if (message != NULL && kubo_status_fault(reply->status) == NULL)
        refused(operation, message);
    else
        fail_with_status(operation, reply->status);
    json_decref(root);
}

/* The value of the trailer with which the node tells that it broke off, appended to value. */
static bool find_stream_error(struct slice trailers, struct text *value)
{
    static const struct slice name = SLICE("x-stream-error:");

    while (trailers.size > 0) {
        const char *end = memchr(trailers.data, '\n', trailers.size);
        size_t size = end == NULL ? trailers.size : (size_t)(end - trailers.data) + 1;
        struct slice line = {trailers.data, size};

        trailers = (struct slice){trailers.data + size, trailers.size - size};
        if (line.size < name.size ||
            !slice_equal_caseless((struct slice){line.data, name.size}, name))
            continue;
        line = (struct slice){line.data + name.size, line.size - name.size};
        while (line.size > 0 && strchr(" \r\n", line.data[line.size - 1]) != NULL)
            line.size--;
        while (line.size > 0 && line.data[0] == ' ')
            line = (struct slice){line.data + 1, line.size - 1};
        text_put_slice(value, line);
        return line.size > 0;
    }
    return false;
}

/* ---- lines */

/* A line that says that the node goes no further. */
static bool is_error_line(const json_t *line, struct error *fault)
{
    const char *message = json_string_value(json_object_get(line, "Message"));
    const char *type = json_string_value(json_object_get(line, "Type"));

    if (message == NULL || type == NULL || strcmp(type, "error") != 0)
        return false;
    error_set(fault, code_of(message), "%s", message);
    return true;
}

static void take_line(struct kubo_operation *operation, struct slice text)
{
    json_t *line = json_loadb(text.data, text.size, JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL, NULL);

    if (!json_is_object(line)) {
        error_set(&operation->fault, ERROR_MISMATCH, "%s: answered with what is no JSON object",
                  pool_address(operation->kubo->pool));
    } else if (!is_error_line(line, &operation->fault)) {
        operation->is_calling = true;
        operation->on_line(operation, line, &operation->fault);
        operation->is_calling = false;
    }
    json_decref(line);
}

static void take_step(struct kubo_operation *operation, enum ndjson_step step, struct slice line)
{
    if (step == NDJSON_LINE)
        take_line(operation, line);
    else
        error_set(&operation->fault, ERROR_MISMATCH, "%s: answered with a line that is too long",
                  pool_address(operation->kubo->pool));
}

/* Whether it is to go on. */
static bool is_alive(struct kubo_operation *operation)
{
    struct error fault = operation->fault;

    if (operation->is_cancelled) {
        dispose(operation);
        return false;
    }
    if (fault.code == ERROR_NONE)
        return true;
    kubo_operation_end(operation, &fault);
    return false;
}

static void on_lines(void *operation_, struct slice content)
{
    struct kubo_operation *operation = operation_;
    enum ndjson_step step;
    struct slice line;

    while ((step = ndjson_next(&operation->lines, &content, &line)) != NDJSON_MORE) {
        take_step(operation, step, line);
        if (!is_alive(operation))
            return;
    }
}

static void on_bytes(void *operation_, struct slice content)
{
    struct kubo_operation *operation = operation_;

    operation->is_calling = true;
    operation->on_bytes(operation, content, &operation->fault);
    operation->is_calling = false;
    (void)is_alive(operation);
}

static void on_reply_end(struct kubo_operation *operation, struct slice trailers)
{
    struct slice line;
    enum ndjson_step step = ndjson_finish(&operation->lines, &line);
    struct text message = {0};

    if (step != NDJSON_MORE) {
        take_step(operation, step, line);
        if (!is_alive(operation))
            return;
    }
    if (find_stream_error(trailers, &message))
        refused(operation, message.data);
    else
        operation->on_end(operation);
    text_dispose(&message);
}

static void fail_to_ask(struct kubo_operation *operation, const struct error *err)
{
    const struct error *fault = operation->body.fault;
    struct error why = fault != NULL && fault->code != ERROR_NONE ? *fault : *err;

    kubo_operation_end(operation, &why);
}

static void on_fetched(void *operation_, const struct fetch_reply *reply, const struct error *err)
{
    struct kubo_operation *operation = operation_;

    operation->fetch = NULL;
    if (reply == NULL)
        fail_to_ask(operation, err);
    else if (reply->status == 200)
        on_reply_end(operation, reply->trailers);
    else
        take_refusal(operation, reply);
}

/* ---- asking */

static bool ask(struct kubo_operation *operation, struct call *call, struct error *err)
{
    struct fetch_request request = {.loop = operation->kubo->loop,
                                    .pool = operation->kubo->pool,
                                    .pipes = operation->kubo->pipes,
                                    .reply_max = ERROR_REPLY_MAX,
                                    .timeout_ms = operation->timeout_ms,
                                    .silence_ms = operation->silence_ms,
                                    .produce = operation->body.produce,
                                    .produce_arg = operation->body.arg,
                                    .on_content =
                                        operation->on_bytes != NULL ? on_bytes : on_lines};
    struct text head = {0};
    bool result;

    assert((operation->on_line != NULL) != (operation->on_bytes != NULL));
    assert(operation->on_end != NULL);
    ndjson_dispose(&operation->lines);
    operation->lines = (struct ndjson){0};
    kubo_put_head(operation->kubo, call, &head);
    call_destroy(&call);
    if (operation->body.content_type != NULL)
        text_put_format(&head, "Content-Type: %s\r\n", operation->body.content_type);
    request.head = text_slice(&head);
    result = fetch_start(&operation->fetch, &request, on_fetched, operation, err);
    text_dispose(&head);
    return result;
}

bool kubo_operation_start(struct kubo_operation *operation, struct operation **result,
                          struct call *call, struct error *err)
{
    if (!ask(operation, call, err)) {
        operation->fetch = NULL;
        dispose(operation);
        return false;
    }
    *result = &operation->base;
    return true;
}

void kubo_operation_ask(struct kubo_operation *operation, struct call *call)
{
    struct error err = {0};

    if (!ask(operation, call, &err)) {
        operation->fetch = NULL;
        kubo_operation_end(operation, &err);
    }
}

/* ---- reading */

void kubo_fault(const struct kubo_operation *operation, struct error *fault, const char *what)
{
    error_set(fault, ERROR_MISMATCH, "%s: answered without %s", pool_address(operation->kubo->pool),
              what);
}

void kubo_tell_progress(struct kubo_operation *operation, uint64_t nodes, uint64_t bytes)
{
    if (operation->told_nodes < nodes)
        operation->told_nodes = nodes;
    if (operation->told_bytes < bytes)
        operation->told_bytes = bytes;
    if (operation->on_progress != NULL)
        operation->on_progress(operation->arg, operation->told_nodes, operation->told_bytes);
}

bool kubo_number(const json_t *object, const char *name, uint64_t *number)
{
    const json_t *value = json_object_get(object, name);
    double real = json_number_value(value);

    if (!json_is_number(value) || !(real >= 0 && real <= (double)OBJECT_BYTES_MAX))
        return false;
    *number = (uint64_t)real;
    return true;
}
