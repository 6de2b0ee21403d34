// SPDX-License-Identifier: Apache-2.0
/* pin/rm: one argument after the other; those before one that fails stay unpinned, as in Kubo. */
#include "upstream/embedded/node.h"
#include "upstream/embedded/paths.h"
#include "upstream/embedded/pin_commands.h"
#include "upstream/embedded/pins.h"
#include "upstream/embedded/reply.h"

struct state {
    size_t next;      /* argument */
    struct text pins; /* the CIDs of those before, as the reply has them */
};

static bool unpin(struct task *task, const struct reply_form *form, struct error *err)
{
    struct state *state = task->state;
    enum pin_mode mode =
        call_option_bool(task->call, OPT_RECURSIVE, true) ? PIN_RECURSIVE : PIN_DIRECT;
    struct path_end end;

    if (!path_resolve(task, &task->call->arguments[state->next].path, &end, err) ||
        !pins_remove(task->node->pins, &end.cid, mode, err))
        return false;
    if (state->pins.size > 0)
        text_put_char(&state->pins, ',');
    reply_put_cid_string(&state->pins, form, &end.cid);
    state->next++;
    return true;
}

static enum task_step run(struct task *task, struct error *err)
{
    struct state *state = task->state;
    struct reply_form form;

    if (!reply_form_of(task->call, &form, err))
        return TASK_FAILED;
    while (state->next < task->call->argument_count) {
        if (!unpin(task, &form, err))
            return TASK_FAILED;
        if (task_is_due(task))
            return TASK_GO_ON;
    }
    text_put_format(&task->out, "{\"Pins\":[%.*s]}\n", SLICE_ARGS(text_slice(&state->pins)));
    return TASK_DONE;
}

static void dispose(struct task *task)
{
    struct state *state = task->state;

    text_dispose(&state->pins);
}

const struct task_command command_pin_rm = {
    .id = COMMAND_PIN_RM,
    .state_size = sizeof(struct state),
    .run = run,
    .dispose = dispose,
    .writes = true,
};
