// SPDX-License-Identifier: Apache-2.0
/* repo/gc: a line for each block that was removed; with stream-errors what went wrong is one, too.
 */
#include "upstream/embedded/gc.h"
#include "upstream/embedded/pin_commands.h"
#include "upstream/embedded/reply.h"

struct state {
    struct task *task; /* of this slice */
    struct gc *gc;
};

static void on_removed(void *state_, const struct cid *cid)
{
    static const struct reply_form plain; /* Kubo heeds no option here */
    const struct state *state = state_;
    struct task *task = state->task;

    if (call_option_bool(task->call, OPT_SILENT, false) &&
        !call_option_bool(task->call, OPT_STREAM_ERRORS, false))
        return;
    text_put_text(&task->out, "{\"Key\":{\"/\":");
    reply_put_cid_string(&task->out, &plain, cid);
    text_put_text(&task->out, "}}\n");
}

static enum task_step fail(struct task *task, struct error *err)
{
    if (call_option_bool(task->call, OPT_STREAM_ERRORS, false)) {
        text_put_text(&task->out, "{\"Key\":null,\"Error\":");
        reply_put_string(&task->out, slice_of(err->text));
        text_put_text(&task->out, "}\n");
        *err = (struct error){0};
        error_set(err, ERROR_UNSUPPORTED, "encountered errors during gc run");
    }
    return TASK_FAILED;
}

static enum task_step run(struct task *task, struct error *err)
{
    struct state *state = task->state;

    state->task = task;
    if (state->gc == NULL)
        state->gc = gc_create(task->node, on_removed, state);
    switch (gc_run(state->gc, task, err)) {
    case GC_MORE:
        return TASK_GO_ON;
    case GC_WAITS:
        return TASK_WAITS;
    case GC_DONE:
        return TASK_DONE;
    case GC_BAD:
        break;
    }
    return fail(task, err);
}

static void dispose(struct task *task)
{
    struct state *state = task->state;

    gc_destroy(&state->gc);
}

const struct task_command command_repo_gc = {
    .id = COMMAND_REPO_GC,
    .state_size = sizeof(struct state),
    .run = run,
    .dispose = dispose,
    .is_lines = true,
};
