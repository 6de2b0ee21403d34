// SPDX-License-Identifier: Apache-2.0
/* measure, gc, verify and capacity: how much there is, and whether it is whole. */
#include "upstream/kubo_private.h"

#include <assert.h>
#include <string.h>

/* ---- measure */

/* {"DagStats":[{"Size":n,"NumBlocks":n}],...}: within one object no block counts twice. */
static void measure_on_line(struct kubo_operation *operation, const json_t *line,
                            struct error *fault)
{
    const json_t *object = json_array_get(json_object_get(line, "DagStats"), 0);
    struct operation_result *result = &operation->result;

    result->has_bytes = kubo_number(object, "Size", &result->bytes) &&
                        kubo_number(object, "NumBlocks", &result->blocks);
    if (!result->has_bytes)
        kubo_fault(operation, fault, "a size that can be");
    else /* of a pin that measures first */
        kubo_tell_progress(operation, result->blocks, result->bytes);
}

static void measure_block_on_line(struct kubo_operation *operation, const json_t *line,
                                  struct error *fault)
{
    struct operation_result *result = &operation->result;

    result->has_bytes = kubo_number(line, "Size", &result->bytes);
    result->blocks = 1;
    if (!result->has_bytes)
        kubo_fault(operation, fault, "a size that can be");
}

static void measure_on_end(struct kubo_operation *operation)
{
    struct operation_result *result = &operation->result;
    struct error err = {0};

    if (!result->has_bytes || (operation->is_second && result->bytes != 0))
        kubo_fault(operation, &err, "a size");
    if (err.code == ERROR_NONE && operation->then != NULL)
        operation->then(operation);
    else
        kubo_operation_end(operation, err.code == ERROR_NONE ? NULL : &err);
}

static struct call *measure_call(const struct kubo_operation *operation, bool is_block)
{
    struct call *call = call_create(is_block ? COMMAND_BLOCK_STAT : COMMAND_DAG_STAT);

    kubo_add_cid(call, &operation->cid);
    call_set_option_bool(call, OPT_OFFLINE, true);
    if (!is_block) /* else there is a line for every block */
        call_set_option_bool(call, OPT_PROGRESS, false);
    return call;
}

/* Kubo (0.39 to 0.43) divides by the size, and fails over an object without a byte: `dag stat` of
 * the empty raw block says "json: unsupported value: NaN". Whether it is one, its root tells. */
static void measure_on_refused(struct kubo_operation *operation, const struct error *err)
{
    if (operation->is_second || strstr(err->text, "unsupported value: NaN") == NULL) {
        kubo_operation_end(operation, err);
        return;
    }
    operation->is_second = true;
    operation->on_line = measure_block_on_line;
    kubo_operation_ask(operation, measure_call(operation, true));
}

struct call *kubo_measure_begin(struct kubo_operation *operation, bool is_block)
{
    const struct kubo_settings *settings = &operation->kubo->settings;

    operation->on_line = is_block ? measure_block_on_line : measure_on_line;
    operation->on_end = measure_on_end;
    operation->on_refused = measure_on_refused;
    operation->silence_ms = is_block ? settings->head_timeout_ms : settings->walk_idle_ms;
    return measure_call(operation, is_block);
}

bool kubo_measure(struct upstream *upstream, struct operation **result, const struct cid *cid,
                  enum pin_mode mode, operation_done on_done, void *arg, struct error *err)
{
    struct kubo_operation *operation = kubo_operation_create(upstream, on_done, arg);

    assert(mode != PIN_NONE);
    operation->cid = cid_to_v1(cid);
    return kubo_operation_start(operation, result,
                                kubo_measure_begin(operation, mode == PIN_DIRECT), err);
}

/* ---- gc */

static void gc_on_line(struct kubo_operation *operation, const json_t *line, struct error *fault)
{
    operation->result.count++;
}

static void end(struct kubo_operation *operation)
{
    kubo_operation_end(operation, NULL);
}

bool kubo_gc(struct upstream *upstream, struct operation **result, operation_done on_done,
             void *arg, struct error *err)
{
    struct kubo_operation *operation = kubo_operation_create(upstream, on_done, arg);

    operation->on_line = gc_on_line;
    operation->on_end = end;
    operation->silence_ms = operation->kubo->settings.walk_idle_ms;
    return kubo_operation_start(operation, result, call_create(COMMAND_REPO_GC), err);
}

/* ---- verify */

/* {"Msg":"","Progress":n} for each block, {"Msg":"block ... was corrupt (...)"} for a damaged one,
 * and at last how it went, in words. */
static void verify_on_line(struct kubo_operation *operation, const json_t *line,
                           struct error *fault)
{
    struct operation_result *result = &operation->result;
    const char *message = json_string_value(json_object_get(line, "Msg"));
    uint64_t blocks;

    if (message == NULL || !kubo_number(line, "Progress", &blocks)) {
        kubo_fault(operation, fault, "how far it got");
    } else if (strstr(message, " was corrupt") != NULL) {
        result->count++;
        if (operation->on_damage != NULL)
            operation->on_damage(operation->arg, slice_of(message));
    } else if (blocks > 0) {
        result->blocks = blocks;
        kubo_tell_progress(operation, blocks, 0);
    }
}

/* Damage makes it fail, when all was read. */
static void verify_on_refused(struct kubo_operation *operation, const struct error *err)
{
    bool is_complete = strstr(err->text, "verify complete") != NULL;

    kubo_operation_end(operation, is_complete ? NULL : err);
}

bool kubo_verify(struct upstream *upstream, struct operation **result,
                 operation_progress on_progress, operation_damage_found on_damage,
                 operation_done on_done, void *arg, struct error *err)
{
    struct kubo_operation *operation = kubo_operation_create(upstream, on_done, arg);

    operation->on_progress = on_progress;
    operation->on_damage = on_damage;
    operation->on_line = verify_on_line;
    operation->on_end = end;
    operation->on_refused = verify_on_refused;
    operation->silence_ms = operation->kubo->settings.walk_idle_ms;
    return kubo_operation_start(operation, result, call_create(COMMAND_REPO_VERIFY), err);
}

/* ---- capacity */

/* Without a limit of its own the node says 2^64 - 1. */
static void capacity_on_line(struct kubo_operation *operation, const json_t *line,
                             struct error *fault)
{
    struct operation_result *result = &operation->result;

    operation->is_second = kubo_number(line, "RepoSize", &result->used);
    if (!operation->is_second)
        kubo_fault(operation, fault, "the repository's size");
    if (!kubo_number(line, "StorageMax", &result->total))
        result->total = 0;
}

static void capacity_on_end(struct kubo_operation *operation)
{
    struct error err = {0};

    if (!operation->is_second)
        kubo_fault(operation, &err, "the repository's size");
    kubo_operation_end(operation, err.code == ERROR_NONE ? NULL : &err);
}

bool kubo_capacity(struct upstream *upstream, struct operation **result, operation_done on_done,
                   void *arg, struct error *err)
{
    struct kubo_operation *operation = kubo_operation_create(upstream, on_done, arg);
    struct call *call = call_create(COMMAND_REPO_STAT);

    operation->on_line = capacity_on_line;
    operation->on_end = capacity_on_end;
    operation->silence_ms = operation->kubo->settings.head_timeout_ms;
    call_set_option_bool(call, OPT_SIZE_ONLY, true);
    return kubo_operation_start(operation, result, call, err);
}
