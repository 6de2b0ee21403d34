// SPDX-License-Identifier: Apache-2.0
#include "upstream/kubo_private.h"

#include <stdio.h>

/* The node shall give up a little before we do, and say what it waited for. */
enum { GRACE_FRACTION = 20 };

static void on_line(struct kubo_operation *operation, const json_t *line, struct error *fault)
{
    const char *path = json_string_value(json_object_get(line, "Path"));

    if (path == NULL || !slice_starts(slice_of(path), "/ipfs/")) {
        kubo_fault(operation, fault, "a path below /ipfs");
        return;
    }
    text_clear(&operation->path);
    text_put_text(&operation->path, path);
}

static void on_end(struct kubo_operation *operation)
{
    struct error err = {0};

    if (operation->path.size == 0)
        kubo_fault(operation, &err, "a path");
    kubo_operation_end(operation, err.code == ERROR_NONE ? NULL : &err);
}

bool kubo_resolve(struct upstream *upstream, struct operation **result, struct slice path,
                  uint64_t timeout_ms, bool offline, operation_done on_done, void *arg,
                  struct error *err)
{
    struct call *call = call_create(COMMAND_RESOLVE);
    struct kubo_operation *operation;
    char text[32];
    int size = snprintf(text, sizeof(text), "%llums", (unsigned long long)timeout_ms);

    if (!call_add_argument(call, path, err)) {
        call_destroy(&call);
        return false;
    }
    call_set_option_bool(call, OPT_RECURSIVE, true);
    call_set_option(call, OPT_TIMEOUT, (struct slice){text, (size_t)size});
    if (offline)
        call_set_option_bool(call, OPT_OFFLINE, true);
    operation = kubo_operation_create(upstream, on_done, arg);
    operation->on_line = on_line;
    operation->on_end = on_end;
    operation->timeout_ms = timeout_ms + timeout_ms / GRACE_FRACTION;
    return kubo_operation_start(operation, result, call, err);
}
