// SPDX-License-Identifier: Apache-2.0
#include "conf/memory.h"
#include "http/fetch.h"
#include "ipfs/call.h"
#include "upstream/kubo_private.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

enum { REPLY_MAX = 64 * 1024 };

struct kubo_resolving {
    struct fetch *fetch;
    kubo_resolved on_done;
    void *arg;
};

/* The path of {"Path":"/ipfs/..."}, or NULL with err: the node's own, or what is wrong with it. */
static const char *read_reply(const json_t *root, int status, struct error *err)
{
    const char *path = json_string_value(json_object_get(root, "Path"));
    const char *message = json_string_value(json_object_get(root, "Message"));
    const char *fault = kubo_status_fault(status);

    if (status == 200 && path != NULL && strncmp(path, "/ipfs/", 6) == 0)
        return path;
    if (fault != NULL)
        error_set(err, ERROR_MISMATCH, "answered %d: %s", status, fault);
    else if (message != NULL)
        error_set(err, ERROR_UNSUPPORTED, "%s", message);
    else
        error_set(err, ERROR_MISMATCH, "answered %d without a path below /ipfs", status);
    return NULL;
}

static void on_fetched(void *resolving_, const struct fetch_reply *reply, const struct error *err)
{
    struct kubo_resolving resolving = *(struct kubo_resolving *)resolving_;

    struct error fault = {0};
    const char *path;
    json_t *root;

    free(resolving_);
    if (reply == NULL) {
        resolving.on_done(resolving.arg, (struct slice){0}, err);
        return;
    }
    root = json_loadb(reply->body.data, reply->body.size, 0, NULL);
    path = read_reply(root, reply->status, &fault);
    if (path != NULL)
        resolving.on_done(resolving.arg, slice_of(path), NULL);
    else
        resolving.on_done(resolving.arg, (struct slice){0}, &fault);
    json_decref(root);
}

static bool put_target(struct text *target, struct slice path, uint64_t timeout_ms, bool offline,
                       struct error *err)
{
    struct call *call = call_create(COMMAND_RESOLVE);
    char text[32];
    int size = snprintf(text, sizeof(text), "%llums", (unsigned long long)timeout_ms);
    bool result = call_add_argument(call, path, err);

    if (result) {
        call_set_option_bool(call, OPT_RECURSIVE, true);
        call_set_option(call, OPT_TIMEOUT, (struct slice){text, (size_t)size});
        if (offline)
            call_set_option_bool(call, OPT_OFFLINE, true);
        call_print_target(call, target);
    }
    call_destroy(&call);
    return result;
}

bool kubo_resolve_start(struct kubo *kubo, struct kubo_resolving **result, struct slice path,
                        uint64_t timeout_ms, bool offline, kubo_resolved on_done, void *arg,
                        struct error *err)
{
    struct kubo_resolving *resolving = memory_alloc(sizeof(*resolving));
    struct text target = {0}, head = {0};
    struct fetch_request request = {.loop = kubo->loop,
                                    .pool = kubo->pool,
                                    .pipes = kubo->pipes,
                                    .reply_max = REPLY_MAX,
                                    .timeout_ms = timeout_ms + timeout_ms / 20};
    bool started = put_target(&target, path, timeout_ms, offline, err);

    resolving->on_done = on_done;
    resolving->arg = arg;
    if (started) {
        kubo_put_head(kubo, text_slice(&target), &head);
        request.head = text_slice(&head);
        started = fetch_start(&resolving->fetch, &request, on_fetched, resolving, err);
    }
    text_dispose(&target);
    text_dispose(&head);
    if (started)
        *result = resolving;
    else
        free(resolving);
    return started;
}

void kubo_resolve_cancel(struct kubo_resolving **resolving)
{
    if (*resolving != NULL) {
        fetch_cancel(&(*resolving)->fetch);
        free(*resolving);
    }
    *resolving = NULL;
}
