// SPDX-License-Identifier: Apache-2.0
/* The operations that treatments and the tracker ask the node for: each a task without a client.
 * look, unpin, list_pins, resolve, capacity. */
#include "upstream/embedded/operations.h"

#include "conf/memory.h"
#include "http/loop.h"
#include "upstream/embedded/paths.h"
#include "upstream/embedded/pins.h"
#include "upstream/embedded/usage.h"

#include <assert.h>
#include <stdlib.h>

/* ---- what all share */

enum { PROGRESS_US = 250000 };

struct asked *asked_create(operation_done on_done, void *arg)
{
    struct asked *asked = memory_alloc(sizeof(*asked));

    asked->on_done = on_done;
    asked->arg = arg;
    asked->told_us = clock_us();
    return asked;
}

static void destroy(void *asked_)
{
    struct asked *asked = asked_;

    if (asked->is_gone != NULL)
        *asked->is_gone = true;
    text_dispose(&asked->name);
    text_dispose(&asked->path);
    text_dispose(&asked->page);
    free(asked);
}

static void end(void *asked_, const struct error *err)
{
    struct asked *asked = asked_;

    asked->on_done(asked->arg, err == NULL ? &asked->result : NULL, err);
}

static bool start(struct asked *asked, struct upstream *upstream, struct operation **operation,
                  struct operation_task *task)
{
    task->arg = asked;
    task->on_done = end;
    task->destroy = destroy;
    operation_task_start(upstream, operation, task);
    return true;
}

bool asked_start(struct asked *asked, struct upstream *upstream, struct operation **operation,
                 const struct task_command *command, void (*on_slice)(void *asked))
{
    struct operation_task task = {.command = command, .on_slice = on_slice};

    return start(asked, upstream, operation, &task);
}

bool asked_start_output(struct asked *asked, struct upstream *upstream,
                        struct operation **operation, const struct task_command *command,
                        void (*on_output)(void *asked, struct slice output))
{
    struct operation_task task = {.command = command, .on_output = on_output};

    return start(asked, upstream, operation, &task);
}

void asked_tell_progress(struct asked *asked)
{
    uint64_t now_us = clock_us();

    if (asked->on_progress == NULL || now_us - asked->told_us < PROGRESS_US)
        return;
    asked->told_us = now_us;
    asked->on_progress(asked->arg, asked->result.blocks, asked->result.bytes);
}

enum task_step asked_refuse(struct error *err)
{
    if (err->code == ERROR_REFUSED || err->code == ERROR_SYNTAX || err->code == ERROR_LIMIT ||
        err->code == ERROR_MISMATCH)
        err->code = ERROR_UNSUPPORTED;
    return TASK_FAILED;
}

/* ---- look */

static bool look(struct pins *pins, struct asked *asked, struct text *name, struct error *err)
{
    struct operation_result *result = &asked->result;
    struct cid v0;
    enum pin_mode mode;

    if (!pins_find(pins, &asked->cid, &mode, name, err))
        return false;
    if (slice_equal(text_slice(name), text_slice(&asked->name)))
        result->ours = mode;
    else
        result->foreign = mode;
    if (!cid_has_v0(&asked->cid))
        return true;
    v0 = cid_to_v0(&asked->cid);
    return pins_find(pins, &v0, &result->foreign_v0, NULL, err);
}

static enum task_step look_run(struct task *task, struct error *err)
{
    struct text name = {0};
    bool is_found = look(task->node->pins, task->arg, &name, err);

    text_dispose(&name);
    return is_found ? TASK_DONE : TASK_FAILED;
}

bool embedded_look(struct upstream *upstream, struct operation **operation, const struct cid *cid,
                   struct slice name, operation_done on_done, void *arg, struct error *err)
{
    static const struct task_command command = {.run = look_run};
    struct asked *asked = asked_create(on_done, arg);

    asked->cid = cid_to_v1(cid);
    text_put_slice(&asked->name, name);
    return asked_start(asked, upstream, operation, &command, NULL);
}

/* ---- unpin */

static enum task_step unpin_run(struct task *task, struct error *err)
{
    struct asked *asked = task->arg;

    return pins_remove(task->node->pins, &asked->cid, asked->mode, err) ? TASK_DONE
                                                                        : asked_refuse(err);
}

bool embedded_unpin(struct upstream *upstream, struct operation **operation, const struct cid *cid,
                    enum pin_mode mode, operation_done on_done, void *arg, struct error *err)
{
    static const struct task_command command = {.run = unpin_run};
    struct asked *asked = asked_create(on_done, arg);

    assert(mode != PIN_NONE);
    asked->cid = *cid;
    asked->mode = mode;
    return asked_start(asked, upstream, operation, &command, NULL);
}

/* ---- list_pins: a slice reads a page, the loop tells it */

enum { PAGE = 256 };

/* In asked->page; its name is behind it. */
struct listed_pin {
    struct cid cid;
    enum pin_mode mode;
    size_t name_size;
};

struct listing {
    enum pin_mode mode; /* that is listed; PIN_NONE: not begun */
    struct cid after;
    bool has_after;
    struct asked *asked;
};

static bool on_listed(void *listing_, const struct cid *cid, struct slice name)
{
    struct listing *listing = listing_;
    struct listed_pin pin = {.cid = *cid, .mode = listing->mode, .name_size = name.size};

    text_put(&listing->asked->page, &pin, sizeof(pin));
    text_put_slice(&listing->asked->page, name);
    listing->after = *cid;
    listing->has_after = true;
    return true;
}

/* The page is told before it runs again, so that the operation is there while it is told. */
static enum task_step list_run(struct task *task, struct error *err)
{
    struct listing *listing = task->state;
    size_t count;

    listing->asked = task->arg;
    if (listing->mode == PIN_NONE)
        listing->mode = PIN_RECURSIVE;
    if (!pins_list(task->node->pins, listing->mode, listing->has_after ? &listing->after : NULL,
                   PAGE, on_listed, listing, &count, err))
        return TASK_FAILED;
    if (count > 0)
        return TASK_GO_ON;
    if (listing->mode == PIN_DIRECT)
        return TASK_DONE;
    listing->mode = PIN_DIRECT;
    listing->has_after = false;
    return TASK_GO_ON;
}

static void tell_page(void *asked_)
{
    struct asked *asked = asked_;
    struct text page = asked->page;
    struct listed_pin pin;
    bool is_gone = false;

    asked->page = (struct text){0};
    asked->is_gone = &is_gone;
    for (size_t at = 0; at < page.size && !is_gone; at += sizeof(pin) + pin.name_size) {
        memcpy(&pin, page.data + at, sizeof(pin));
        asked->result.count++;
        asked->on_pin(asked->arg, &pin.cid, pin.mode,
                      (struct slice){page.data + at + sizeof(pin), pin.name_size});
    }
    text_dispose(&page);
    if (!is_gone)
        asked->is_gone = NULL;
}

bool embedded_list_pins(struct upstream *upstream, struct operation **operation,
                        operation_pin_found on_pin, operation_done on_done, void *arg,
                        struct error *err)
{
    static const struct task_command command = {.run = list_run,
                                                .state_size = sizeof(struct listing)};
    struct asked *asked = asked_create(on_done, arg);

    asked->on_pin = on_pin;
    return asked_start(asked, upstream, operation, &command, tell_page);
}

/* ---- resolve: as long as the node's own blocks take; there is no network to wait for */

static bool resolve(struct task *task, struct asked *asked, char *room, struct error *err)
{
    struct call_path path;
    struct path_end found;
    struct text text = {0};

    if (!call_path_parse(&path, ARGUMENT_PATH, text_slice(&asked->path), room, err) ||
        !path_resolve(task, &path, &found, err))
        return false;
    text_put_text(&text, "/ipfs/");
    cid_print(&found.cid, CID_BASE_DEFAULT, &text);
    if (found.rest.size > 0)
        text_put_format(&text, "/%.*s", SLICE_ARGS(found.rest));
    text_dispose(&asked->path);
    asked->path = text;
    asked->result.path = text_slice(&asked->path);
    return true;
}

static enum task_step resolve_run(struct task *task, struct error *err)
{
    struct asked *asked = task->arg;
    char *room = memory_alloc(asked->path.size + 2);
    bool is_resolved = resolve(task, asked, room, err);

    free(room);
    return is_resolved ? TASK_DONE : asked_refuse(err);
}

bool embedded_resolve(struct upstream *upstream, struct operation **operation, struct slice path,
                      uint64_t timeout_ms, bool offline, operation_done on_done, void *arg,
                      struct error *err)
{
    static const struct task_command command = {.run = resolve_run};
    struct asked *asked = asked_create(on_done, arg);

    text_put_slice(&asked->path, path);
    return asked_start(asked, upstream, operation, &command, NULL);
}

/* ---- capacity */

static enum task_step capacity_run(struct task *task, struct error *err)
{
    struct asked *asked = task->arg;
    struct node_usage usage;

    if (!node_usage(task->node, &usage, err))
        return TASK_FAILED;
    asked->result.used = usage.used;
    asked->result.total = usage.total;
    return TASK_DONE;
}

bool embedded_capacity(struct upstream *upstream, struct operation **operation,
                       operation_done on_done, void *arg, struct error *err)
{
    static const struct task_command command = {.run = capacity_run};

    return asked_start(asked_create(on_done, arg), upstream, operation, &command, NULL);
}
