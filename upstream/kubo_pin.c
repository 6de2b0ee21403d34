// SPDX-License-Identifier: Apache-2.0
/* pin and unpin. */
#include "upstream/kubo_private.h"

#include <assert.h>

void kubo_add_cid(struct call *call, const struct cid *cid)
{
    struct text text = {0};
    bool is_added;

    cid_print(cid, CID_BASE_DEFAULT, &text);
    is_added = call_add_argument(call, text_slice(&text), NULL);
    assert(is_added);
    (void)is_added;
    text_dispose(&text);
}

/* ---- pin */

/* The node says where it stands twice a second, whether it got further or not. */
static void check_stall(struct kubo_operation *operation, uint64_t nodes, struct error *fault)
{
    const struct kubo_settings *settings = &operation->kubo->settings;
    uint64_t now_ms = loop_now_ms(operation->kubo->loop);

    if (nodes != operation->result.blocks)
        operation->advanced_ms = now_ms;
    else if (settings->pin_stall_ms > 0 && now_ms - operation->advanced_ms > settings->pin_stall_ms)
        error_set(fault, ERROR_TIMEOUT, "%s: no further block was found for %llu s",
                  pool_address(operation->kubo->pool),
                  (unsigned long long)(settings->pin_stall_ms / 1000));
}

/* {"Progress":nodes,"Bytes":n}, where what is zero is left out, and at last {"Pins":["..."]}. */
static void pin_on_line(struct kubo_operation *operation, const json_t *line, struct error *fault)
{
    struct operation_result *result = &operation->result;
    uint64_t nodes = 0, bytes = 0;

    if (json_array_size(json_object_get(line, "Pins")) > 0) {
        operation->is_second = true;
        return;
    }
    if ((json_object_get(line, "Progress") != NULL && !kubo_number(line, "Progress", &nodes)) ||
        (json_object_get(line, "Bytes") != NULL && !kubo_number(line, "Bytes", &bytes))) {
        kubo_fault(operation, fault, "a progress that can be");
        return;
    }
    check_stall(operation, nodes, fault);
    result->blocks = nodes;
    result->bytes = bytes;
    result->has_bytes = bytes > 0;
    if (fault->code == ERROR_NONE)
        kubo_tell_progress(operation, nodes, bytes);
}

static void pin_on_end(struct kubo_operation *operation)
{
    struct error err = {0};

    if (!operation->is_second)
        kubo_fault(operation, &err, "a pin");
    kubo_operation_end(operation, err.code == ERROR_NONE ? NULL : &err);
}

static struct call *pin_call(struct kubo_operation *operation, bool offline)
{
    struct call *call = call_create(COMMAND_PIN_ADD);

    operation->on_line = pin_on_line;
    operation->on_end = pin_on_end;
    operation->on_refused = NULL;
    operation->silence_ms = operation->kubo->settings.idle_timeout_ms;
    operation->advanced_ms = loop_now_ms(operation->kubo->loop);
    kubo_add_cid(call, &operation->cid);
    call_set_option_bool(call, OPT_RECURSIVE, operation->mode == PIN_RECURSIVE);
    call_set_option_bool(call, OPT_PROGRESS, true);
    call_set_option(call, OPT_NAME, text_slice(&operation->name));
    if (offline)
        call_set_option_bool(call, OPT_OFFLINE, true);
    return call;
}

static void pin_what_is_here(struct kubo_operation *operation)
{
    operation->result = (struct operation_result){0};
    operation->is_second = false;
    kubo_operation_ask(operation, pin_call(operation, true));
}

/* Kubo (0.39 to 0.43) heeds `offline` of `pin add` for the root alone, and fetches what is below
 * it. So all of it is looked at first. */
bool kubo_pin(struct upstream *upstream, struct operation **result, const struct cid *cid,
              enum pin_mode mode, struct slice name, bool offline, operation_progress on_progress,
              operation_done on_done, void *arg, struct error *err)
{
    struct kubo_operation *operation = kubo_operation_create(upstream, on_done, arg);

    assert(mode != PIN_NONE);
    operation->cid = cid_to_v1(cid);
    operation->mode = mode;
    text_put_slice(&operation->name, name);
    operation->on_progress = on_progress;
    operation->then = pin_what_is_here;
    return kubo_operation_start(operation, result,
                                offline && mode == PIN_RECURSIVE
                                    ? kubo_measure_begin(operation, false)
                                    : pin_call(operation, offline),
                                err);
}

/* ---- unpin */

static void unpin_on_line(struct kubo_operation *operation, const json_t *line, struct error *fault)
{
    if (json_array_size(json_object_get(line, "Pins")) == 0)
        kubo_fault(operation, fault, "what was unpinned");
    operation->is_second = true;
}

static void unpin_on_end(struct kubo_operation *operation)
{
    struct error err = {0};

    if (!operation->is_second)
        kubo_fault(operation, &err, "what was unpinned");
    kubo_operation_end(operation, err.code == ERROR_NONE ? NULL : &err);
}

bool kubo_unpin(struct upstream *upstream, struct operation **result, const struct cid *cid,
                enum pin_mode mode, operation_done on_done, void *arg, struct error *err)
{
    struct kubo_operation *operation = kubo_operation_create(upstream, on_done, arg);
    struct call *call = call_create(COMMAND_PIN_RM);

    assert(mode != PIN_NONE);
    operation->on_line = unpin_on_line;
    operation->on_end = unpin_on_end;
    operation->silence_ms = operation->kubo->settings.head_timeout_ms;
    kubo_add_cid(call, cid);
    call_set_option_bool(call, OPT_RECURSIVE, mode == PIN_RECURSIVE);
    call_set_option_bool(call, OPT_OFFLINE, true);
    return kubo_operation_start(operation, result, call, err);
}
