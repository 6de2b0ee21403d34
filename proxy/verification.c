// SPDX-License-Identifier: Apache-2.0
#include "proxy/verification.h"

#include "conf/memory.h"
#include "conf/units.h"

#include <stdlib.h>

enum { EXAMPLES_MAX = 20 }; /* of damaged blocks that are named */

struct outcome {
    uint64_t started_ms, finished_ms; /* finished 0: there was none */
    struct error err;                 /* ERROR_NONE: all was read */
    uint64_t checked, damaged;
    char *examples[EXAMPLES_MAX];
    size_t example_count;
};

struct verification {
    struct upstream *upstream;
    uint64_t (*now_ms)(void);
    struct operation *operation; /* NULL: idle */
    struct outcome now, last;
};

static void dispose(struct outcome *outcome)
{
    for (size_t i = 0; i < outcome->example_count; i++)
        free(outcome->examples[i]);
    *outcome = (struct outcome){0};
}

struct verification *verification_create(struct upstream *upstream, uint64_t (*now_ms)(void))
{
    struct verification *verification = memory_alloc(sizeof(*verification));

    verification->upstream = upstream;
    verification->now_ms = now_ms;
    return verification;
}

void verification_destroy(struct verification **verification_ptr)
{
    struct verification *verification = *verification_ptr;

    if (verification == NULL)
        return;
    *verification_ptr = NULL;
    upstream_cancel(&verification->operation);
    dispose(&verification->now);
    dispose(&verification->last);
    free(verification);
}

/* ---- one of them */

static void end(struct verification *verification, const struct error *err)
{
    verification->now.finished_ms = verification->now_ms();
    if (err != NULL)
        verification->now.err = *err;
    dispose(&verification->last);
    verification->last = verification->now;
    verification->now = (struct outcome){0};
}

static void on_done(void *verification_, const struct operation_result *result,
                    const struct error *err)
{
    struct verification *verification = verification_;

    verification->operation = NULL;
    if (result != NULL) {
        verification->now.checked = result->blocks;
        verification->now.damaged = result->count;
    }
    end(verification, err);
}

static void on_progress(void *verification_, uint64_t blocks, uint64_t bytes)
{
    struct verification *verification = verification_;

    verification->now.checked = blocks;
}

static void on_damage(void *verification_, struct slice what)
{
    struct outcome *now = &((struct verification *)verification_)->now;

    now->damaged++;
    if (now->example_count < EXAMPLES_MAX)
        now->examples[now->example_count++] = memory_copy(what.data, what.size);
}

bool verification_start(struct verification *verification, struct error *err)
{
    if (verification->operation != NULL)
        return error_set(err, ERROR_REFUSED, "the storage's blocks are being verified already");
    verification->now = (struct outcome){.started_ms = verification->now_ms()};
    return upstream_verify(verification->upstream, &verification->operation, on_progress, on_damage,
                           on_done, verification, err);
}

void verification_use(struct verification *verification, struct upstream *upstream)
{
    struct error err = {0};

    if (verification->upstream == upstream)
        return;
    verification->upstream = upstream;
    if (verification->operation == NULL)
        return;
    upstream_cancel(&verification->operation);
    error_set(&err, ERROR_CANCELED, "the configuration now names another storage");
    end(verification, &err);
}

/* ---- for people */

static json_t *describe_last(const struct outcome *last)
{
    char text[UNITS_TIMESTAMP_SIZE];
    json_t *object, *examples;

    if (last->finished_ms == 0)
        return json_null();
    examples = json_array();
    for (size_t i = 0; i < last->example_count; i++)
        json_array_append_new(examples, json_string(last->examples[i]));
    object = json_pack(
        "{s:s,s:I,s:I,s:I,s:o}", "finished", units_print_timestamp(text, last->finished_ms),
        "took_ms", (json_int_t)(last->finished_ms - last->started_ms), "checked",
        (json_int_t)last->checked, "damaged", (json_int_t)last->damaged, "examples", examples);
    if (last->err.code != ERROR_NONE)
        json_object_set_new(object, "fault", json_string(last->err.text));
    return object;
}

json_t *verification_describe(const struct verification *verification)
{
    return json_pack(
        "{s:s,s:I,s:o}", "phase", verification->operation != NULL ? "verifying" : "idle", "checked",
        (json_int_t)verification->now.checked, "last", describe_last(&verification->last));
}
