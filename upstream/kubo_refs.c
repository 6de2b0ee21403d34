// SPDX-License-Identifier: Apache-2.0
/* contains: what lies below a root. */
#include "upstream/kubo_private.h"

static void on_line(struct kubo_operation *operation, const json_t *line, struct error *fault)
{
    const char *text = json_string_value(json_object_get(line, "Ref"));
    const char *message = json_string_value(json_object_get(line, "Err"));
    struct cid cid;

    if (message != NULL && message[0] != '\0') {
        error_set(fault, ERROR_NOT_FOUND, "%s", message);
        return;
    }
    if (text == NULL || !cid_parse(&cid, slice_of(text), NULL)) {
        kubo_fault(operation, fault, "a CID");
        return;
    }
    cid = cid_to_v1(&cid);
    if (cid_equal(&cid, &operation->cid))
        operation->result.count = 1;
}

static void on_end(struct kubo_operation *operation)
{
    kubo_operation_end(operation, NULL);
}

bool kubo_contains(struct upstream *upstream, struct operation **result, const struct cid *root,
                   const struct cid *wanted, operation_done on_done, void *arg, struct error *err)
{
    struct kubo_operation *operation = kubo_operation_create(upstream, on_done, arg);
    struct call *call = call_create(COMMAND_REFS);

    operation->cid = cid_to_v1(wanted);
    operation->on_line = on_line;
    operation->on_end = on_end;
    operation->silence_ms = operation->kubo->settings.walk_idle_ms;
    kubo_add_cid(call, root);
    call_set_option_bool(call, OPT_RECURSIVE, true);
    call_set_option_bool(call, OPT_UNIQUE, true);
    call_set_option_bool(call, OPT_OFFLINE, true);
    return kubo_operation_start(operation, result, call, err);
}
