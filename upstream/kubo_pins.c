// SPDX-License-Identifier: Apache-2.0
/* look and list_pins: what the node has pinned. */
#include "upstream/kubo_private.h"

#include <assert.h>
#include <string.h>

struct call *kubo_pin_ls(enum pin_mode mode)
{
    struct call *call = call_create(COMMAND_PIN_LS);

    call_set_option(call, OPT_TYPE, slice_of(pin_mode_name(mode)));
    call_set_option_bool(call, OPT_NAMES, true);
    call_set_option_bool(call, OPT_STREAM, true);
    return call;
}

bool kubo_read_pin(const struct kubo_operation *operation, const json_t *line, struct cid *cid,
                   enum pin_mode *mode, struct slice *name, struct error *fault)
{
    const char *cid_text = json_string_value(json_object_get(line, "Cid"));
    const char *mode_text = json_string_value(json_object_get(line, "Type"));
    const json_t *name_value = json_object_get(line, "Name");

    if (cid_text == NULL || !cid_parse(cid, slice_of(cid_text), NULL)) {
        kubo_fault(operation, fault, "a pin's CID");
        return false;
    }
    if (mode_text == NULL || !pin_mode_parse(mode, slice_of(mode_text)) || *mode == PIN_NONE) {
        kubo_fault(operation, fault, "a pin's type");
        return false;
    }
    *name = (struct slice){json_string_value(name_value), json_string_length(name_value)};
    return true;
}

static enum pin_mode mode_at(const struct kubo_operation *operation)
{
    return operation->is_second ? PIN_DIRECT : PIN_RECURSIVE;
}

/* ---- look
 *
 * Of "all" types Kubo would search every pinned object for an indirect pin, so it is asked for one
 * type after the other, in each form of the CID. An object has one pin in each form at most. */

/* In the form that is asked for. */
static struct cid look_cid(const struct kubo_operation *operation)
{
    return operation->is_v0 ? cid_to_v0(&operation->cid) : operation->cid;
}

static struct call *look_call(const struct kubo_operation *operation)
{
    struct call *call = kubo_pin_ls(mode_at(operation));
    struct cid cid = look_cid(operation);

    kubo_add_cid(call, &cid);
    call_set_option_bool(call, OPT_OFFLINE, true);
    return call;
}

static void look_on_line(struct kubo_operation *operation, const json_t *line, struct error *fault)
{
    struct operation_result *result = &operation->result;
    struct cid cid, wanted = look_cid(operation);
    enum pin_mode mode;
    struct slice name;

    if (!kubo_read_pin(operation, line, &cid, &mode, &name, fault))
        return;
    if (mode != mode_at(operation) || !cid_equal(&cid, &wanted)) {
        kubo_fault(operation, fault, "the pin that it was asked for");
        return;
    }
    operation->mode = mode;
    if (operation->is_v0)
        result->foreign_v0 = mode;
    else if (slice_equal(name, text_slice(&operation->name)))
        result->ours = mode;
    else
        result->foreign = mode;
}

/* The next mode, unless this one was found; then the next form. */
static void look_on(struct kubo_operation *operation)
{
    bool is_found = operation->mode != PIN_NONE;

    operation->mode = PIN_NONE;
    if (!is_found && !operation->is_second) {
        operation->is_second = true;
    } else if (!operation->is_v0 && cid_has_v0(&operation->cid)) {
        operation->is_v0 = true;
        operation->is_second = false;
    } else {
        kubo_operation_end(operation, NULL);
        return;
    }
    kubo_operation_ask(operation, look_call(operation));
}

static void look_on_end(struct kubo_operation *operation)
{
    struct error err = {0};

    if (operation->mode != PIN_NONE) {
        look_on(operation);
        return;
    }
    kubo_fault(operation, &err, "the pin that it was asked for");
    kubo_operation_end(operation, &err);
}

/* Only these very words are taken for "no": what is pinned must not be pinned over. */
static void look_on_refused(struct kubo_operation *operation, const struct error *err)
{
    if (err->code == ERROR_NOT_FOUND && strstr(err->text, "is not pinned") != NULL)
        look_on(operation);
    else
        kubo_operation_end(operation, err);
}

bool kubo_look(struct upstream *upstream, struct operation **result, const struct cid *cid,
               struct slice name, operation_done on_done, void *arg, struct error *err)
{
    struct kubo_operation *operation = kubo_operation_create(upstream, on_done, arg);

    operation->cid = cid_to_v1(cid);
    text_put_slice(&operation->name, name);
    operation->on_line = look_on_line;
    operation->on_end = look_on_end;
    operation->on_refused = look_on_refused;
    operation->silence_ms = operation->kubo->settings.head_timeout_ms;
    return kubo_operation_start(operation, result, look_call(operation), err);
}

/* ---- list_pins */

static void list_on_line(struct kubo_operation *operation, const json_t *line, struct error *fault)
{
    enum pin_mode mode;
    struct slice name;
    struct cid cid;

    if (!kubo_read_pin(operation, line, &cid, &mode, &name, fault))
        return;
    operation->result.count++;
    operation->on_pin(operation->arg, &cid, mode, name);
}

static void list_on_end(struct kubo_operation *operation)
{
    if (operation->is_second) {
        kubo_operation_end(operation, NULL);
        return;
    }
    operation->is_second = true;
    kubo_operation_ask(operation, kubo_pin_ls(mode_at(operation)));
}

bool kubo_list_pins(struct upstream *upstream, struct operation **result,
                    operation_pin_found on_pin, operation_done on_done, void *arg,
                    struct error *err)
{
    struct kubo_operation *operation = kubo_operation_create(upstream, on_done, arg);

    operation->on_pin = on_pin;
    operation->on_line = list_on_line;
    operation->on_end = list_on_end;
    operation->silence_ms = operation->kubo->settings.walk_idle_ms;
    return kubo_operation_start(operation, result, kubo_pin_ls(mode_at(operation)), err);
}
