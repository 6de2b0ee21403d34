// SPDX-License-Identifier: Apache-2.0
#include "auth/operator.h"

#include "conf/memory.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A call ends in on_later, which is put off by its one answer. Nothing else frees it. */
struct operator_call {
    const struct operator_site *site;
    const struct principal *principal;
    json_t *input;
    uint64_t now_ms;
    operator_answer_cb on_answer; /* NULL: canceled */
    void *arg;
    void *context;
    void (*on_transacted)(struct operator_call *call, struct transaction *transaction);
    int status; /* 0: not answered yet */
    json_t *output;
    struct later later;
};

static void on_later(struct later *later)
{
    struct operator_call *call = CONTAINER_OF(later, struct operator_call, later);

    if (call->on_answer != NULL)
        call->on_answer(call->arg, call->status, call->output);
    else
        json_decref(call->output);
    principal_unref(&call->principal);
    json_decref(call->input);
    free(call);
}

struct operator_call *operator_start(const struct operator_route *route,
                                     const struct operator_site *site,
                                     const struct principal *principal, json_t *input,
                                     uint64_t now_ms, operator_answer_cb on_answer, void *arg)
{
    struct operator_call *call = memory_alloc(sizeof(*call));

    assert(json_is_object(input));
    call->site = site;
    call->principal = principal_ref(principal);
    call->input = input;
    call->now_ms = now_ms;
    call->on_answer = on_answer;
    call->arg = arg;
    call->later.run = on_later;
    route->run(call);
    return call;
}

void operator_cancel(struct operator_call *call)
{
    call->on_answer = NULL;
}

const struct operator_route *operator_find(const struct operator_route *const *tables,
                                           struct slice path)
{
    for (; *tables != NULL; tables++)
        for (const struct operator_route *route = *tables; route->path != NULL; route++)
            if (slice_is(path, route->path))
                return route;
    return NULL;
}

const struct operator_site *operator_site(const struct operator_call *call)
{
    return call->site;
}

const json_t *operator_input(const struct operator_call *call)
{
    return call->input;
}

const struct principal *operator_principal(const struct operator_call *call)
{
    return call->principal;
}

uint64_t operator_now_ms(const struct operator_call *call)
{
    return call->now_ms;
}

void **operator_context(struct operator_call *call)
{
    return &call->context;
}

struct slice operator_text(const json_t *object, const char *name)
{
    const json_t *text = json_object_get(object, name);

    return (struct slice){json_string_value(text), json_string_length(text)};
}

void operator_answer(struct operator_call *call, int status, json_t *output)
{
    assert(call->status == 0 && status >= 200 && json_is_object(output));
    call->status = status;
    call->output = output;
    loop_later(call->site->loop, &call->later);
}

void operator_refuse(struct operator_call *call, int status, const char *format, ...)
{
    struct text escaped = {0};
    struct error message = {0};
    json_t *output;
    va_list args;

    va_start(args, format);
    vsnprintf(message.text, sizeof(message.text), format, args);
    va_end(args);
    output = json_pack("{s:s}", "message", message.text);
    if (output == NULL) { /* a text of the caller's was cut inside a character */
        text_put_json(&escaped, slice_of(message.text));
        output = json_pack("{s:s}", "message", escaped.data);
        text_dispose(&escaped);
    }
    operator_answer(call, status, output);
}

/* What a field must be, by the letter before its name. */
static bool is_of_kind(const json_t *value, char kind, const char **what)
{
    switch (kind) {
    case '"':
        *what = "a text";
        return json_is_string(value);
    case '[':
        *what = "an array";
        return json_is_array(value);
    case '?':
        *what = "true or false";
        return json_is_boolean(value);
    default:
        *what = "a whole number";
        return json_is_integer(value);
    }
}

bool operator_check_fields(const json_t *input, const char *const *fields, struct error *err)
{
    const char *name, *what;
    json_t *value;

    json_object_foreach((json_t *)input, name, value)
    {
        size_t i = 0;

        while (fields[i] != NULL && strcmp(fields[i] + 1, name) != 0)
            i++;
        if (fields[i] == NULL)
            return error_set(err, ERROR_SYNTAX, "there is no field '%.64s' here", name);
        if (!is_of_kind(value, fields[i][0], &what))
            return error_set(err, ERROR_SYNTAX, "'%s' must be %s", name, what);
    }
    return true;
}

static int status_of(enum error_code code)
{
    switch (code) {
    case ERROR_SYNTAX:
    case ERROR_LIMIT:
    case ERROR_UNSUPPORTED:
        return 400;
    case ERROR_NOT_FOUND:
        return 404;
    case ERROR_MISMATCH:
    case ERROR_REFUSED:
        return 409;
    case ERROR_CANCELED:
        return 503;
    case ERROR_TIMEOUT:
        return 504;
    default:
        return 500;
    }
}

void operator_refuse_error(struct operator_call *call, const struct error *err)
{
    operator_refuse(call, status_of(err->code), "%s", err->text);
}

static void on_transacted(void *call_, struct transaction *transaction)
{
    struct operator_call *call = call_;

    if (transaction->err.code != ERROR_NONE)
        operator_refuse_error(call, &transaction->err);
    else
        call->on_transacted(call, transaction);
}

void operator_transact(struct operator_call *call, struct transaction *transaction,
                       void (*on_done)(struct operator_call *call, struct transaction *transaction))
{
    struct error err = {0};

    call->on_transacted = on_done;
    if (store_start(call->site->store, call->site->loop, transaction, on_transacted, call, &err))
        return;
    transaction_destroy(&transaction);
    operator_refuse(call, 503, "%s", err.text);
}
